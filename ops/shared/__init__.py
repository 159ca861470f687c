"""Code that several commands of the CLI use."""

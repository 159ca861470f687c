"""What several commands of the CLI use."""

"""The command groups of the CLI, one module each; no command imports a command."""

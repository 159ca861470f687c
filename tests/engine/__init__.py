"""The life of every stage by Pulumi's own engine; `make engine` gets its CLI and runs this."""

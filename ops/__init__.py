"""The operators' CLI, `./civicforge <command>`: one module per group of commands.

`context` is the stage that a command works on, `console` how it shows, asks and reports; docs/operations.md is the
guide that says when to use which.
"""

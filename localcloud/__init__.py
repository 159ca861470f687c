"""The local cloud: the whole platform on this machine, with no AWS account, no Docker and no Pulumi CLI.

- `python -m localcloud up|down|reset|logs|status|env` is its command line (`__main__`).
- `emulator` starts and stops the emulated AWS, a process in an environment of its own; `gateway` is that process,
  `patches` in it fills what it lacks.
- `engine` runs the Pulumi program in this process (`language_host`) and makes what it declares by `provider`; a state
  file for each stage keeps what it made.
"""

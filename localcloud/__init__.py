"""The local cloud: the whole platform on this machine, with no AWS account, no Docker and no Pulumi CLI.

- `python -m localcloud up|down|reset|logs|status|env` is its command line (`__main__`).
- `emulator` starts and stops the emulated AWS, a process in an environment of its own; `gateway` is that process,
  and `gaps` in it is what the emulator lacks.
- `engine` runs the Pulumi program in this process (`language_host`) and provisions what it declares through boto3
  (`resources`), remembering in a state file per stage what it made.
"""

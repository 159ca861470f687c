"""Imported first and finished last by a handler: no garbage is collected while a sandbox starts.

What the start makes stays for the sandbox's life, so that looking through it again and again finds nothing: 9 % of
the instructions of a cold start.
"""

import gc

gc.disable()


def finish() -> None:
    """Collects again from here on, but never what is there already."""
    gc.freeze()
    gc.enable()

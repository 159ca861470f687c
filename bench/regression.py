"""The gate of CI: `python -m bench.regression counts FILE` at two commits, then `compare BEFORE AFTER`.

Instructions are compared, which the load of a machine does not change, and only within one machine: both commits are
measured there in turn.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from bench import processes, stacks

ALLOWED = 0.03
"""Share by which a measure may grow from one commit to the next."""


def regressions(before: Mapping[str, float], after: Mapping[str, float]) -> list[str]:
    """The measures that grew by more than is allowed, in words; one that only one commit has is not compared."""
    return [
        f"{measure}: {before[measure]:.1f} -> {count:.1f} million instructions, {count / before[measure] - 1:+.1%}"
        for measure, count in after.items()
        if measure in before and count > before[measure] * (1 + ALLOWED)
    ]


def main() -> int:
    """1 where a measure grew by more than is allowed."""
    parser = argparse.ArgumentParser(prog="python -m bench.regression", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("counts").add_argument("file", type=Path)
    compare = commands.add_parser("compare")
    compare.add_argument("before", type=Path)
    compare.add_argument("after", type=Path)
    options = parser.parse_args()
    if options.command == "counts":
        counted = processes.counts(stacks.civicforge(), Console(stderr=True).log)
        options.file.write_text(json.dumps(counted, indent=1) + "\n", encoding="utf-8")
        return 0
    before, after = (json.loads(file.read_text(encoding="utf-8")) for file in (options.before, options.after))
    for measure, count in after.items():
        sys.stdout.write(f"{measure}: {before.get(measure, 0):.2f} -> {count:.2f}\n")
    found = regressions(before, after)
    for line in found:
        sys.stderr.write(f"REGRESSION {line}; make it leaner, or say in the pull request why it is worth it\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

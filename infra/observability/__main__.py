"""`python -m infra.observability docs [--check]`: writes what the documentation has from the definitions of the alarms,
or says whether it is current.
"""

import argparse
import sys
from pathlib import Path

from infra.observability.catalogue import Alarms
from infra.observability.docs import DOCUMENTED, monitoring, runbook

FOLDER = Path(__file__).resolve().parents[2] / "docs"


def main(arguments: list[str] | None = None, docs: Path = FOLDER) -> int:
    """Returns the exit code: 1 where `--check` finds a stale page."""
    parser = argparse.ArgumentParser(prog="python -m infra.observability", description=__doc__)
    parser.add_argument("command", choices=["docs"])
    parser.add_argument("--check", action="store_true", help="change nothing, fail where a page is stale")
    options = parser.parse_args(arguments)
    guide = docs / "operations.md"
    pages = {
        docs / "monitoring.md": monitoring(),
        guide: runbook(guide.read_text(encoding="utf-8"), Alarms(DOCUMENTED)),
    }
    stale = [page for page, text in pages.items() if not page.exists() or page.read_text(encoding="utf-8") != text]
    for page in stale:
        if options.check:
            sys.stderr.write(f"{page.name} is stale: run python -m infra.observability docs\n")
        else:
            page.write_text(pages[page], encoding="utf-8")
    return 1 if stale and options.check else 0


if __name__ == "__main__":
    sys.exit(main())

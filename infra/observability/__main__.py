"""`python -m infra.observability docs [--check]`: writes docs/monitoring.md, or says whether it is current."""

import argparse
import sys
from pathlib import Path

from infra.observability.docs import monitoring

PAGE = Path(__file__).resolve().parents[2] / "docs" / "monitoring.md"


def main(arguments: list[str] | None = None, page: Path = PAGE) -> int:
    """Returns the exit code: 1 where `--check` finds the page stale."""
    parser = argparse.ArgumentParser(prog="python -m infra.observability", description=__doc__)
    parser.add_argument("command", choices=["docs"])
    parser.add_argument("--check", action="store_true", help="change nothing, fail where the page is stale")
    options = parser.parse_args(arguments)
    text = monitoring()
    if not options.check:
        page.write_text(text, encoding="utf-8")
    elif not page.exists() or page.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{page.name} is stale: run python -m infra.observability docs\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

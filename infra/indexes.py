"""The record of the indexes that stages have: none may be changed in place.

DynamoDB deletes an index whose key or projection changes and builds it again, and refuses its readers meanwhile.
`python -m infra.indexes` records indexes that are new and forgets those that are gone; it refuses a change. See
"Changing an index" in docs/architecture.md.
"""

import json
import sys
from typing import Any, Final

from infra.paths import REPOSITORY
from services.core.tables import TABLES

Indexes = dict[str, dict[str, dict[str, Any]]]
"""The definition of each index, by table and by name."""

RECORD: Final = REPOSITORY / "infra" / "indexes.json"


def declared() -> Indexes:
    """The indexes that the program declares."""
    return {table.base_name: {index.name: index.create_request for index in table.indexes} for table in TABLES}


def recorded() -> Indexes:
    """The indexes that were deployed so far."""
    found: Indexes = json.loads(RECORD.read_text(encoding="utf-8"))
    return found


def changed_in_place(before: Indexes, after: Indexes) -> list[str]:
    """The indexes that keep their name and change what they are, as `table/index`."""
    return [
        f"{table}/{name}"
        for table, indexes in before.items()
        for name, definition in indexes.items()
        if after.get(table, {}).get(name, definition) != definition
    ]


def main() -> int:
    """Bring the record up to date. The exit code is 1 where an index would be changed in place."""
    wanted = declared()
    changed = changed_in_place(recorded(), wanted)
    for name in changed:
        print(f"{name} is changed in place, which takes its readers out of service: {__doc__}", file=sys.stderr)  # noqa: T201 - a command's message
    if not changed:
        RECORD.write_text(json.dumps(wanted, indent=2) + "\n", encoding="utf-8")
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main())

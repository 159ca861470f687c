"""Writes `services/core/domain/confusables.py` from the tables of the package confusable-homoglyphs (Unicode UTS 39).

Only single characters that look like an ASCII letter or digit are kept, and of these those that compatibility
decomposition (NFKD) does not make plain: the whole table would be a megabyte in every Lambda.
"""

import string
import sys
import unicodedata
from pathlib import Path

from confusable_homoglyphs import confusables  # type: ignore[import-untyped]  # it has no stubs

PATH = Path(__file__).parents[1] / "services/core/domain/confusables.py"


def table() -> dict[str, str]:
    """The characters that look like each ASCII letter or digit, in the order of their codes."""
    found: dict[str, str] = {}
    for plain in string.ascii_lowercase + string.ascii_uppercase + string.digits:
        homoglyphs = {entry["c"] for entry in confusables.confusables_data.get(plain, [])}
        kept = (char for char in homoglyphs if len(char) == 1 and not char.isascii() and not _is_plain(char, plain))
        if chars := "".join(sorted(kept)):
            found[plain] = chars
    return found


def _is_plain(char: str, plain: str) -> bool:
    return unicodedata.normalize("NFKD", char).casefold() == plain.casefold()


def source() -> str:
    """The module."""
    lines = [
        '"""Characters that look like an ASCII letter or digit. Made by scripts/confusables.py; do not edit."""',
        "",
    ]
    lines += ["# fmt: off", "CONFUSABLES = {"]
    for plain, chars in table().items():
        codes = [f"\\U{ord(char):08x}" if ord(char) > 0xFFFF else f"\\u{ord(char):04x}" for char in chars]
        rows = ["".join(codes[start : start + 10]) for start in range(0, len(codes), 10)]
        lines += [f'    "{plain}": "{rows[0]}"' + ("," if len(rows) == 1 else "")]
        lines += [f'    "{row}"' + ("," if row is rows[-1] else "") for row in rows[1:]]
    return "\n".join([*lines, "}", "# fmt: on", ""])


if __name__ == "__main__":
    sys.stdout.write(f"{PATH}: {PATH.write_text(source(), encoding='utf-8')} characters\n")

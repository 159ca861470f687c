"""Words as search compares them: without case, accents or order, by prefix.

The same rules are in `frontend/src/lib/folding.ts`; both are held to `tests/fixtures/folding.json`.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final

_LETTERS = str.maketrans(
    {
        "ς": "\u03c3",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ħ": "h",
        "ŧ": "t",
        "\u0131": "i",
        "æ": "ae",
        "œ": "oe",
        "ß": "ss",
        "þ": "th",
    }
)
"""Letters that Unicode does not take apart, as people type them where their keyboard lacks them."""

# Scripts without spaces: each character is a word, so that a part of a sentence is found. Else letters and digits.
_WORD: Final = r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff]+"
"""Compiled by `re` when it is first used: that takes 1 % of a cold start, and most sandboxes search nothing."""


def fold(text: str) -> str:
    """The text in lower case and without marks, in Unicode form NFKD.

    Upper case comes in between because lower case alone leaves letters apart that are one in capitals.
    """
    return _bare(_bare(text).upper().lower()).translate(_LETTERS)


def _bare(text: str) -> str:
    return "".join(char for char in unicodedata.normalize("NFKD", text) if unicodedata.category(char)[0] != "M")


def words(*texts: str) -> list[str]:
    """The different words of the texts, folded and sorted."""
    return sorted({word for text in texts for word in re.findall(_WORD, fold(text))})


def matches(query: Iterable[str], text: str) -> bool:
    """Compare a query's words with a text's, which are joined by single spaces.

    True if each word of the query begins one of the text.
    """
    spaced = f" {text}"
    return all(f" {word}" in spaced for word in query)

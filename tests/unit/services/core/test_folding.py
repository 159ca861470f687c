"""Folding: what it makes equal, and that the committed vectors, which the app's test reads too, are what it does."""

import json
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.folding import fold, matches, words

PATH = Path(__file__).parents[3] / "fixtures" / "folding.json"

TEXTS = (
    "Carry a SOFA up to the 3rd floor!",
    "Café, cafe\u0301 and CAFE",
    "Straße / STRASSE",
    "ΟΔΟΣ οδός ὈΔΌΣ",
    "İstanbul \u0131stanbul",
    "Łódź, Kraków, Đakovo",
    "Smørrebrød og æbler",
    "Œuvre d'art",
    "\ufb01nd the \ufb02ag",
    "自転車を直す手伝い",
    "Привет, ёлка и Йод",
    "שָׁלוֹם עֲלֵיכֶם",
    "مُحَمَّد",
    "किताब पढ़ना",
    "한국어 도움",
    "under_score and dash-ed",
    "x² ½ ٣ Ⅳ",
    "👩‍👩‍👧 family",
    "",
    " \n\t ",
)
QUERIES = (
    ("sofa carry", "Carry a sofa", True),
    ("SOF car", "Carry a sofa", True),
    ("ofa", "Carry a sofa", False),
    ("cafe", "Das Café am Ring", True),
    ("café", "cafeteria", True),
    ("strasse", "In der Straße 5", True),
    ("straße", "STRASSENFEST", True),
    ("οδος", "Στην ΟΔΟ μας", False),
    ("οδο", "ΟΔΟΣ", True),
    ("lodz", "Łódź", True),
    ("車", "自転車を直す", True),
    ("自転車", "自転車を直す", True),
    ("", "anything", True),
    ("!?", "anything", True),
    ("sofa piano", "Carry a sofa", False),
    ("3", "the 3rd floor", True),
)


def vectors() -> dict[str, object]:
    letters = {char: fold(char) for char in map(chr, range(0xC0, 0x530)) if fold(char) != char}
    return {
        "letters": letters,
        "texts": [{"text": text, "words": words(text)} for text in TEXTS],
        "matches": [{"query": query, "text": text, "found": found} for query, text, found in QUERIES],
    }


@pytest.mark.parametrize(("query", "text", "found"), QUERIES)
def test_a_query_finds_all_its_words_in_any_order_by_prefix(query: str, text: str, *, found: bool) -> None:
    assert matches(words(query), " ".join(words(text))) is found


def test_the_committed_vectors_are_current() -> None:
    assert json.loads(PATH.read_text()) == vectors(), f"python {Path(__file__)} writes them again"


@given(st.text())
def test_folding_twice_changes_nothing(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_words_hold_no_space_and_survive_being_joined(text: str) -> None:
    assert words(" ".join(words(text))) == words(text)


if __name__ == "__main__":
    sys.stdout.write(f"{PATH}\n")
    PATH.write_text(json.dumps(vectors(), ensure_ascii=False, indent=1) + "\n")

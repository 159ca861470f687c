"""Text by Unicode's properties, with the `regex` package as the witness of what they are."""

import sys
import unicodedata

import pytest
import regex  # type: ignore[import-untyped]  # its stubs are of another version
from hypothesis import given
from hypothesis import strategies as st

from services.core.domain.characters import IGNORABLE, clean, is_visible

EVERY = [chr(code) for code in range(sys.maxunicode + 1)]


ALL = "".join(EVERY)
REFUSED = {
    *regex.findall(r"[\p{Cc}\p{Co}\p{Cs}\p{Noncharacter_Code_Point}]", ALL),
    *regex.findall(r"(?=\p{Bidi_Control})[^\u200e\u200f\u061c]", ALL),
} - {"\t", "\n"}
"""By property: bidirectional controls, and what is no character of anybody's."""
INVISIBLE = set(regex.findall(r"\p{Default_Ignorable_Code_Point}", ALL))


def test_what_shows_nothing_is_unicodes_default_ignorable() -> None:
    assert set(regex.findall(f"[{IGNORABLE}]", ALL)) == INVISIBLE


def cleaned(char: str) -> tuple[bool, str]:
    """If the character is taken between two letters; the text that is kept, or the reason."""
    try:
        return True, clean(f"a{char}b")
    except ValueError as error:
        return False, str(error)


def test_every_character_is_refused_taken_out_or_kept_by_its_property() -> None:
    taken_out = INVISIBLE | set("\ufff9\ufffa\ufffb")
    for char in (*EVERY[:0x20000], *EVERY[0xDFF00:]):
        code, (taken, text) = f"U+{ord(char):04X}", cleaned(char)
        assert taken == (char not in REFUSED), code
        if taken:
            assert text == ("ab" if char in taken_out else unicodedata.normalize("NFC", f"a{char}b")), code
        else:
            assert f"{code};" in text


@given(st.text(st.characters(exclude_categories=["Cs", "Co", "Cc"])))
def test_what_was_stored_can_be_saved_again(text: str) -> None:
    try:
        once = clean(text)
    except ValueError:
        return
    assert clean(once) == once
    assert unicodedata.is_normalized("NFC", once)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Carry a sofa\ufeff", "Carry a sofa"),
        ("\u200bCarry\u2060 a\u00ad sofa", "Carry a sofa"),
        ("e\u200b\u0301", "\u00e9"),
        ("Mar\u200dia", "Maria"),
        ("Ana\ufe0f", "Ana"),
        ("Bob\u200e", "Bob"),
        ("x\U000e0041\U000e0042", "x"),
        ("\u3164\u115f\u1160\uffa0", ""),
        ("a \u200d b", "a  b"),
    ],
)
def test_dirt_is_taken_out(typed: str, kept: str) -> None:
    assert clean(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with the joiner that its spelling wants
        "\u0dc1\u0dca\u200d\u0dbb\u0dd3",  # Sinhala
        "\u0d05\u0d35\u0d28\u0d4d\u200d",  # Malayalam, at the end of the word
        "\u05e9\u05dc\u05d5\u05dd!\u200f (123)",  # Hebrew with a mark that keeps its point where it belongs
        "\u0633\u0627\u0639\u0629 5\u061c-6",  # Arabic
        "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466 day",
        "\u2764\ufe0f and 1\ufe0f\u20e3",
        "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",  # the flag of England
        "\u845b\U000e0100\u98fe",  # a name that Japanese writes with a variant
        "\u1820\u180b\u1821",  # Mongolian
        "naïve Ng\u1ed1",
    ],
)
def test_what_a_script_needs_stays(typed: str) -> None:
    assert clean(typed) == typed


@pytest.mark.parametrize("text", ["", " ", "\u2800\u2800", "\u00a0\u3000", "\u0301", "\ufe0f", "\u3164"])
def test_nothing_of_this_is_visible(text: str) -> None:
    assert not any(map(is_visible, text))


@pytest.mark.parametrize("text", ["a", "1", "!", "\u4e2d", "\U0001f33b", "\u0928\u093f"])
def test_this_is_visible(text: str) -> None:
    assert any(map(is_visible, text))

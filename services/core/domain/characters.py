"""Characters by their Unicode properties: what members' text may contain, and what is silently taken out of it.

- Refused: controls, private use, noncharacters, lone surrogates, and the controls that reorder text (UAX 9).
- Taken out: characters that show nothing (Default_Ignorable_Code_Point, Hangul fillers), which come with pasted text.
- Kept where they do something: joiners and variation selectors behind a character that takes them, direction marks in
  text with a right-to-left letter, tags within a flag.
"""

import re
import unicodedata

# DerivedCoreProperties.txt of Unicode 15.1: Default_Ignorable_Code_Point. A test compares it with the `regex` package.
IGNORABLE = (
    "\u00ad\u034f\u061c\u115f-\u1160\u17b4-\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_ANNOTATIONS = "\ufff9-\ufffb"
_BIDI_CONTROLS = "\u202a-\u202e\u2066-\u2069"
_PLANES = "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(1, 17))
REFUSED_IN_BMP = f"\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDI_CONTROLS}\ue000-\uf8ff\ufdd0-\ufdef\ufffe\uffff"
"""The characters of the Basic Multilingual Plane that are refused, as a class. Line breaks are the field's to judge."""
# `re` compiles these classes when they are first used: that takes 1 % of a cold start, and reading needs none of them.
_REFUSED = f"[{REFUSED_IN_BMP}\ud800-\udfff\U000f0000-\U0010ffff{_PLANES}]"
_SHOWS_NOTHING = f"[{IGNORABLE}{_ANNOTATIONS}]"

_JOINERS = "\u200c\u200d"
_MARKS = "\u200e\u200f\u061c"
_SELECTORS = "[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]"
_TAGS = "[\U000e0020-\U000e007f]"
_BLACK_FLAG = "\U0001f3f4"
_NEVER_JOINED = ("LATIN ", "GREEK ", "CYRILLIC ", "CJK ", "HIRAGANA ", "KATAKANA ", "HANGUL ", "DIGIT ")
_WITHOUT_VARIANTS = ("LATIN ", "GREEK ", "CYRILLIC ")
_BLANK_SYMBOLS = "\u2800"
"""BRAILLE PATTERN BLANK is a symbol by its category."""


def clean(text: str) -> str:
    """The text in NFC, without what shows nothing. Raises ValueError, naming the character, for what is refused.

    `clean(clean(text)) == clean(text)`, so that what was stored can be saved again.
    """
    if text.isascii() and text.isprintable():
        return text
    if found := re.search(_REFUSED, text):
        raise ValueError(f"must not contain the invisible character U+{ord(found[0]):04X}; please remove it")
    return unicodedata.normalize("NFC", _visible_part(text))


def without_invisible(text: str) -> str:
    """The text without the characters that `clean` refuses or removes, e.g. for a decoded URL."""
    return _visible_part(re.sub(_REFUSED, "", text))


def _visible_part(text: str) -> str:
    if not re.search(_SHOWS_NOTHING, text):
        return text
    right_to_left = any(_is_right_to_left(char) for char in text)
    kept: list[str] = []
    for char in text:
        if not re.match(_SHOWS_NOTHING, char) or _does_something(char, kept, right_to_left=right_to_left):
            kept.append(char)
    return "".join(kept)


def _is_right_to_left(char: str) -> bool:
    return unicodedata.bidirectional(char) in ("R", "AL") and unicodedata.category(char)[0] == "L"


def _does_something(char: str, kept: list[str], *, right_to_left: bool) -> bool:
    """True for an invisible character that changes how the text before it, or all of it, is shown."""
    if char in _MARKS:
        return right_to_left
    if not kept or kept[-1].isspace():
        return False
    before = unicodedata.name(kept[-1], "")
    if char in _JOINERS:
        return kept[-1] not in _JOINERS and not before.startswith(_NEVER_JOINED)
    if re.match(_SELECTORS, char):
        return not re.match(_SHOWS_NOTHING, kept[-1]) and not before.startswith(_WITHOUT_VARIANTS)
    return bool(re.match(_TAGS, char)) and (kept[-1] == _BLACK_FLAG or bool(re.match(_TAGS, kept[-1])))


def is_visible(char: str) -> bool:
    """True for a character that shows something by itself: a letter, number, punctuation or symbol."""
    return unicodedata.category(char)[0] in "LNPS" and not re.match(_SHOWS_NOTHING, char) and char not in _BLANK_SYMBOLS

"""Display names: what deceives about who somebody is, after Unicode's UTS 39 (security mechanisms).

A name is compared with reserved words by its skeleton, in which characters that look alike are the same. A word whose
letters come from two alphabets that look alike is refused; a word of one alphabet is not, whatever it looks like.
"""

import unicodedata

from services.core.domain.characters import is_visible
from services.core.domain.confusables import CONFUSABLES

MAX_MARKS = 5
"""Combining marks on one character: vowels, accents and tones of every living orthography need fewer."""
_LOOK_ALIKE = str.maketrans({homoglyph: plain for plain, homoglyphs in CONFUSABLES.items() for homoglyph in homoglyphs})
_LEET = str.maketrans("013457$@!|l", "oieastsaiii")
_LIKE_LATIN = frozenset(
    {"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC", "GEORGIAN", "LISU", "DESERET", "OSAGE"}
)
"""Alphabets, by the first word of their letters' names, with letters that pass for those of another one."""
_BADGES = frozenset("\u2611\u2705\u2713\u2714\U0001f6e1\U0001f530\U0001f5f8\u00a9\u00ae\u2122\u2117")
"""Symbols that pass for a mark given by the platform."""

_ANYWHERE = (
    *("civicforge", "moderator", "moderation", "moderador", "moderateur", "moderatrice", "moderatore"),
    *("administrator", "administrador", "administrateur", "administratrice"),
    *("formermember", "newmember", "ehemaligesmitglied", "neuesmitglied", "antiguomiembro", "nuevomiembro"),
    *("ancienmembre", "nouveaumembre"),
)
"""In no part of a name, with or without blanks between the letters."""
_AS_A_WORD = ("admin", "admins", "sysadmin", "webmaster", "helpdesk", "mods")
_AS_A_NAME = (
    *("support", "system", "security", "official", "operator", "operators", "team", "staff", "platform", "mod", "root"),
    *("deleted", "anonymous", "nobody", "everybody", "soporte", "systeme", "sistema", "equipo", "equipe"),
    *("عضو سابق", "عضو جديد", "المشرف", "الإدارة"),
)


def skeleton(text: str) -> str:
    """The text with characters that look alike made one: case, accents, alphabets, digits for letters, styles."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_LOOK_ALIKE))
    bare = "".join(char for char in decomposed if unicodedata.category(char)[0] != "M" and is_shown(char))
    plain = bare.translate(_LOOK_ALIKE).casefold().translate(_LOOK_ALIKE)
    return plain.translate(_LEET).replace("rn", "m").replace("vv", "w")


def is_shown(char: str) -> bool:
    """True for what is seen or separates words."""
    return char.isspace() or is_visible(char)


def _squashed(text: str) -> str:
    return "".join(char for char in skeleton(text) if char.isalnum())


_RESERVED_PARTS = tuple(map(_squashed, _ANYWHERE))
_RESERVED_WORDS = frozenset(map(_squashed, _AS_A_WORD))
_RESERVED_NAMES = frozenset(map(_squashed, _AS_A_NAME))


def checked(name: str) -> str:
    """The name without blanks around it, and single ones within. Raises ValueError for one that deceives."""
    spaced = "".join(" " if unicodedata.category(char) == "Zs" else char for char in name)
    name = " ".join(filter(None, spaced.split(" ")))
    if not any(is_visible(char) and unicodedata.category(char)[0] in "LNS" for char in name):
        raise ValueError("must contain a letter")
    if _most_marks(name) > MAX_MARKS:
        raise ValueError("must not pile marks on a letter")
    if any(char in _BADGES for char in name):
        raise ValueError("must not contain a symbol that looks like a mark of the platform")
    if _is_reserved(name):
        raise ValueError("must not be taken for the platform or those who run it")
    if any(map(_mixes_alphabets, name.split())):
        raise ValueError("must not mix letters of two alphabets in one word")
    return name


def _is_reserved(name: str) -> bool:
    whole = _squashed(name)
    words = "".join(char if char.isalnum() else " " for char in skeleton(name)).split()
    if whole in _RESERVED_NAMES or not _RESERVED_WORDS.isdisjoint(words):
        return True
    return any(part in whole for part in _RESERVED_PARTS)


def _most_marks(name: str) -> int:
    most = run = 0
    for char in unicodedata.normalize("NFD", name):
        run = run + 1 if unicodedata.category(char) in ("Mn", "Me") else 0
        most = max(most, run)
    return most


def _mixes_alphabets(word: str) -> bool:
    letters = (char for char in word if unicodedata.category(char)[0] == "L")
    scripts = {unicodedata.name(char, "").partition(" ")[0] for char in letters}
    return len(scripts & _LIKE_LATIN) > 1 or "MATHEMATICAL" in scripts

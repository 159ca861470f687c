"""The words of notices and mails in every language, one catalogue each.

A message holds `{names}` that are filled in; one that counts is an object with a form per plural category of CLDR.
Messages are whole sentences: none is made by joining.
"""

import json
import unicodedata
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from services.core.domain.users import Language

PLURALS: Final[Mapping[Language, Callable[[int], str]]] = {
    Language.EN: lambda n: "one" if n == 1 else "other",
    Language.DE: lambda n: "one" if n == 1 else "other",
    Language.ES: lambda n: "one" if n == 1 else _many(n),
    Language.FR: lambda n: "one" if n in (0, 1) else _many(n),
    Language.AR: lambda n: _arabic(n),
}
"""CLDR's plural category of a whole number from 0 on, by language."""
RIGHT_TO_LEFT: Final = frozenset({Language.AR})
_ISOLATE, _END = "\u2068", "\u2069"
_STRONG = {"L": False, "R": True, "AL": True}


def _many(n: int) -> str:
    return "many" if n and n % 1_000_000 == 0 else "other"


def _arabic(n: int) -> str:
    if n < 3:
        return ("zero", "one", "two")[n]
    if 3 <= n % 100 <= 10:
        return "few"
    return "many" if n % 100 >= 11 else "other"


@cache
def catalogue(language: Language) -> Mapping[str, Any]:
    """The messages of a language, as its file has them."""
    document: dict[str, Any] = json.loads(files(__package__).joinpath(f"{language}.json").read_text("utf-8"))
    return document


class Translator:
    """Gives the messages of the catalogue in one language."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.right_to_left = language in RIGHT_TO_LEFT

    def say(self, key: str, **values: str | int) -> str:
        """The message of a dotted key with its values; `count` chooses the plural form. Raises KeyError."""
        message: Any = catalogue(self.language)
        for part in key.split("."):
            message = message[part]
        if isinstance(message, dict):
            count = values["count"]
            assert isinstance(count, int)
            message = message[PLURALS[self.language](count)]
        text: str = message.format_map({name: self._isolated(value) for name, value in values.items()})
        return text

    def _isolated(self, value: str | int) -> str:
        """A value that does not reorder the sentence around it where it is written the other way (UAX 9)."""
        text = str(value)
        runs_left = {_STRONG[kind] for char in text if (kind := unicodedata.bidirectional(char)) in _STRONG}
        return f"{_ISOLATE}{text}{_END}" if runs_left - {self.right_to_left} else text

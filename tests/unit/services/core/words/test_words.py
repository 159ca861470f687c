"""Every language says everything, as CLDR counts, and no sentence is put together from parts."""

import ast
import re
from collections.abc import Iterator
from string import Formatter
from typing import Any

import pytest
from babel import Locale

from infra.paths import REPOSITORY
from services.core.domain.notices import NoticeKind
from services.core.domain.users import Language
from services.core.words import PLURALS, Translator, catalogue

NUMBERS = [*range(1203), 999_999, 1_000_000, 1_000_001, 2_000_000, 10_000_000, 1_000_000_000]
SENDERS = [
    path for folder in ("core/mails", "notifier", "canary") for path in (REPOSITORY / "services" / folder).rglob("*.py")
]


def messages(node: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, str | dict[str, str]]]:
    """Each message with its dotted key; a plural is one message."""
    for name, child in node.items():
        if isinstance(child, str) or "other" in child:
            yield ".".join((*path, name)), child
        else:
            yield from messages(child, (*path, name))


ALL = {language: dict(messages(dict(catalogue(language)))) for language in Language}


def forms(message: str | dict[str, str]) -> dict[str, str]:
    return message if isinstance(message, dict) else {"": message}


def names(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", Language)
def test_plural_categories_are_cldrs(language: Language) -> None:
    rule = Locale(language.value).plural_form
    assert [PLURALS[language](number) for number in NUMBERS] == [rule(number) for number in NUMBERS]


@pytest.mark.parametrize("language", Language)
def test_no_message_is_missing_or_too_many(language: Language) -> None:
    assert ALL[language].keys() == ALL[Language.EN].keys()


@pytest.mark.parametrize("language", Language)
def test_every_plural_form_is_there(language: Language) -> None:
    categories = {Locale(language.value).plural_form(number) for number in NUMBERS}
    for key, message in ALL[language].items():
        assert isinstance(message, dict) == isinstance(ALL[Language.EN][key], dict), key
        assert forms(message).keys() == (categories if isinstance(message, dict) else {""}), key


@pytest.mark.parametrize("language", Language)
def test_every_language_fills_in_the_same(language: Language) -> None:
    for key, message in ALL[language].items():
        wanted = names(" ".join(forms(ALL[Language.EN][key]).values()))
        for text in forms(message).values():
            # "one day" may be said without its number.
            assert wanted - {"count"} <= names(text) <= wanted, key
            assert text == text.strip(), key
            assert "  " not in text, key


@pytest.mark.parametrize("language", Language)
def test_every_notice_has_its_words(language: Language) -> None:
    assert catalogue(language)["notices"].keys() == {kind.value for kind in NoticeKind}
    assert all(words.keys() == {"line", "text"} for words in catalogue(language)["notices"].values())


@pytest.mark.parametrize("language", [language for language in Language if language is not Language.EN])
def test_nothing_is_left_in_english(language: Language) -> None:
    same = {key for key, message in ALL[language].items() if message == ALL[Language.EN][key]}
    assert same == set()


def said() -> list[ast.Call]:
    return [
        node
        for path in SENDERS
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "say"
    ]


def test_every_message_is_said_somewhere() -> None:
    """A key is written out, or ends in a part that a table of the code fills in."""
    patterns = []
    for call in said():
        (key, *_) = call.args
        if isinstance(key, ast.Constant):
            patterns.append(re.escape(str(key.value)))
        else:
            assert isinstance(key, ast.JoinedStr), ast.unparse(call)
            parts = [re.escape(str(p.value)) if isinstance(p, ast.Constant) else r"\w+" for p in key.values]
            patterns.append("".join(parts))
    assert patterns
    unused = {key for key in ALL[Language.EN] if not any(re.fullmatch(pattern, key) for pattern in patterns)}
    assert unused == set()


def test_no_sentence_is_joined_from_messages() -> None:
    for path in SENDERS:
        for node in ast.walk(ast.parse(path.read_text())):
            joins = isinstance(node, ast.JoinedStr | ast.BinOp) or (
                isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "join"
            )
            if joins:
                assert not any(isinstance(part, ast.Attribute) and part.attr == "say" for part in ast.walk(node)), (
                    f"{path.name}: {ast.unparse(node)}"
                )


@pytest.mark.parametrize(
    ("language", "title", "isolated"),
    [
        (Language.EN, "Carry a sofa", False),
        (Language.EN, "حمل أريكة", True),
        (Language.AR, "حمل أريكة", False),
        (Language.AR, "Carry a sofa", True),
        (Language.AR, "2026", False),
    ],
)
def test_a_value_written_the_other_way_does_not_reorder_the_sentence(
    language: Language, title: str, isolated: bool
) -> None:
    line = Translator(language).say("notices.decided.line", title=title)
    assert (f"\u2068{title}\u2069" in line) == isolated
    assert title in line


def test_braces_of_a_title_are_letters() -> None:
    assert "{actor}" in Translator(Language.EN).say("notices.decided.line", title="{actor} {0} %s")

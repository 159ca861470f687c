"""The status page: every part in every language, and the worst of them first."""

import re
from datetime import UTC, datetime
from html import unescape

import pytest

from services.canary.journey import Outcome
from services.canary.status import Part, State, page, parts
from services.core.domain.users import Language
from services.core.live import Breaker
from services.core.words import catalogue

NOW = datetime(2026, 11, 28, 0, 5, tzinfo=UTC)
FINE = dict.fromkeys(Part, State.FINE)


def section(html: str, language: Language) -> str:
    """The part of the page in a language, as text with its tags."""
    found = re.search(rf'<section id="{language}".*?</section>', html, re.DOTALL)
    assert found
    return unescape(found.group())


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("part", Part)
@pytest.mark.parametrize("state", State)
def test_every_language_says_how_each_part_is(language: Language, part: Part, state: State) -> None:
    html = page({**FINE, part: state}, NOW).decode()
    words = catalogue(language)["status"]
    said = section(html, language)
    assert f'<dt>{words["parts"][part.name.lower()]}</dt><dd data-part="{part}" data-state="{state}">' in said
    assert words["states"][state] in said
    assert f"<h2>{words['headings'][state]}</h2>" in said
    assert ('dir="rtl"' in said) == (language is Language.AR)
    assert '<time datetime="2026-11-28T00:05:00.000Z">2026-11-28 00:05</time>' in said
    assert f'<a href="#{language}"' in html


def test_trouble_is_told_before_a_pause() -> None:
    html = page({**FINE, Part.QUESTS: State.PAUSED, Part.MAILS: State.DISTURBED}, NOW).decode()
    assert '<main id="main" class="stack loose" data-state="disturbed">' in html


def test_a_failed_step_an_alarm_and_the_breaker_are_the_parts_they_concern() -> None:
    failed = Outcome("sign-in", "no answer", 5)
    found = parts([failed], Breaker.READ_ONLY, {"unpaid": "rewards", "other": "mails"}, ["unpaid", "unknown"])
    assert found == {
        **FINE,
        Part.SIGN_IN: State.DISTURBED,
        Part.REWARDS: State.DISTURBED,
        Part.QUESTS: State.PAUSED,
    }

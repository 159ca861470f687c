"""The status page: every capability in every language, and the worst of them first."""

import re
from datetime import UTC, datetime
from html import unescape

import pytest

from services.canary.journey import Outcome
from services.canary.status import Capability, State, capability_states, page
from services.core.domain.users import Language
from services.core.live import Breaker
from services.core.words import catalogue

NOW = datetime(2026, 11, 28, 0, 5, tzinfo=UTC)
FINE = dict.fromkeys(Capability, State.FINE)


def section(html: str, language: Language) -> str:
    """The capability of the page in a language, as text with its tags."""
    found = re.search(rf'<section id="{language}".*?</section>', html, re.DOTALL)
    assert found
    return unescape(found.group())


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("capability", Capability)
@pytest.mark.parametrize("state", State)
def test_every_language_says_how_each_capability_is(language: Language, capability: Capability, state: State) -> None:
    html = page({**FINE, capability: state}, NOW).decode()
    words = catalogue(language)["status"]
    said = section(html, language)
    assert (
        f"<dt>{words['capabilities'][capability.name.lower()]}</dt>"
        f'<dd data-capability="{capability}" data-state="{state}">' in said
    )
    assert words["states"][state] in said
    assert f"<h2>{words['headings'][state]}</h2>" in said
    assert ('dir="rtl"' in said) == (language is Language.AR)
    assert '<time datetime="2026-11-28T00:05:00.000Z">2026-11-28 00:05</time>' in said
    assert f'<a href="#{language}"' in html


def test_trouble_is_told_before_a_pause() -> None:
    html = page({**FINE, Capability.QUESTS: State.PAUSED, Capability.MAILS: State.DISTURBED}, NOW).decode()
    assert '<main id="main" class="stack loose" data-state="disturbed">' in html


def test_a_failed_step_an_alarm_and_the_breaker_are_the_capabilities_they_concern() -> None:
    failed = Outcome("sign-in", "no answer", 5)
    found = capability_states(
        [failed], Breaker.READ_ONLY, {"unpaid": "rewards", "other": "mails"}, ["unpaid", "unknown"]
    )
    assert found == {
        **FINE,
        Capability.SIGN_IN: State.DISTURBED,
        Capability.REWARDS: State.DISTURBED,
        Capability.QUESTS: State.PAUSED,
    }

"""The public status page: what works, by the canary's journey, the breaker and the alarms. No Lambda serves it."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from markupsafe import Markup

from services.canary.journey import Outcome
from services.core.domain.users import Language
from services.core.domain.values import timestamp
from services.core.live import Breaker
from services.core.words import Translator


class Capability(StrEnum):
    """The uses that members make of the platform, as the status page lists them."""

    READING = "reading"
    SIGN_IN = "sign-in"
    QUESTS = "quests"
    REWARDS = "rewards"
    MAILS = "mails"


class State(StrEnum):
    """The state of a capability."""

    FINE = "fine"
    DISTURBED = "disturbed"
    PAUSED = "paused"


STEPS: Final = {
    "page": Capability.READING,
    "board": Capability.READING,
    "health": Capability.QUESTS,
    "sign-in": Capability.SIGN_IN,
    "reads": Capability.QUESTS,
    "life": Capability.QUESTS,
}
"""The capability that each step of the canary's journey tests."""

_PAGE: Final = Markup(
    """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{heading} · CivicForge status</title>
<meta name="description" content="{heading}">
<link rel="stylesheet" href="/app.css">
<link rel="icon" href="/icon.svg" type="image/svg+xml">
</head>
<body>
<div class="shell">
<header class="top"><a class="brand" href="/">CivicForge</a></header>
<main id="main" class="stack loose" data-state="{state}">
<h1>{title}</h1>
<nav class="row" aria-label="{title}">{links}</nav>
{sections}
</main>
</div>
</body>
</html>
"""
)
_LINK: Final = Markup('<a href="#{language}" lang="{language}" dir="{direction}">{name}</a>')
_SECTION: Final = Markup(
    """<section id="{language}" class="stack" lang="{language}" dir="{direction}">
<h2>{heading}</h2>
<dl class="facts">{facts}</dl>
<p class="small soft">{looked}</p>
</section>"""
)
_FACT: Final = Markup('<div><dt>{}</dt><dd data-capability="{}" data-state="{}">{}</dd></div>')
_TIME: Final = Markup('<time datetime="{}">{}</time>')


def capability_states(
    outcomes: Iterable[Outcome], position: Breaker, alarms: Mapping[str, str], in_alarm: Sequence[str]
) -> dict[Capability, State]:
    """The state of each capability. `alarms` maps alarm names to capabilities; `in_alarm` are the alarms in ALARM."""
    found = dict.fromkeys(Capability, State.FINE)
    for outcome in outcomes:
        if outcome.problem:
            found[STEPS[outcome.step]] = State.DISTURBED
    for name in in_alarm:
        if name in alarms:
            found[Capability(alarms[name])] = State.DISTURBED
    if position is not Breaker.CLOSED:
        found[Capability.QUESTS] = State.PAUSED
    return found


def page(found: Mapping[Capability, State], now: datetime) -> bytes:
    """The page as HTML, in every language: nothing that reads it chooses one, since no Lambda answers."""
    worst = next((state for state in (State.DISTURBED, State.PAUSED) if state in found.values()), State.FINE)
    translators = [Translator(language) for language in Language]
    english = Translator(Language.EN)
    links = [_LINK.format(**_marks(words), name=words.say("status.language")) for words in translators]
    sections = [_section(words, found, worst, now) for words in translators]
    return _PAGE.format(
        heading=english.say(f"status.headings.{worst}"),
        title=english.say("status.title"),
        state=worst,
        links=Markup(" ").join(links),
        sections=Markup("\n").join(sections),
    ).encode()


def _marks(words: Translator) -> dict[str, str]:
    return {"language": words.language, "direction": "rtl" if words.right_to_left else "ltr"}


def _section(words: Translator, found: Mapping[Capability, State], worst: State, now: datetime) -> Markup:
    facts = [
        _FACT.format(
            words.say(f"status.capabilities.{capability.name.lower()}"),
            capability,
            state,
            words.say(f"status.states.{state}"),
        )
        for capability, state in found.items()
    ]
    shown = f"{now:%Y-%m-%d %H:%M}"
    looked = Markup.escape(words.say("status.looked", at=shown)).replace(shown, _TIME.format(timestamp(now), shown))
    return _SECTION.format(
        **_marks(words),
        heading=words.say(f"status.headings.{worst}"),
        facts=Markup("").join(facts),
        looked=looked,
    )

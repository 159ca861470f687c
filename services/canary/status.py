"""The public status page: what works, from the journey, the breaker and the alarms. It starts no Lambda to be read."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final

from markupsafe import Markup

from services.canary.journey import Outcome
from services.core.domain.values import timestamp
from services.core.live import Breaker


class Part(StrEnum):
    """The parts of the platform that the page tells of."""

    READING = "reading"
    SIGN_IN = "sign-in"
    QUESTS = "quests"
    REWARDS = "rewards"
    MAILS = "mails"


class State(StrEnum):
    """The state of a part."""

    FINE = "fine"
    DISTURBED = "disturbed"
    PAUSED = "paused"


NAMES: Final = {
    Part.READING: "Reading quests",
    Part.SIGN_IN: "Signing in",
    Part.QUESTS: "Posting and doing quests",
    Part.REWARDS: "Rewards",
    Part.MAILS: "Mails",
}
SAYINGS: Final = {
    State.FINE: "Works",
    State.DISTURBED: "Has trouble. We are looking at it.",
    State.PAUSED: "Is paused. Nothing is lost; please try again later.",
}
STEPS: Final = {
    "page": Part.READING,
    "board": Part.READING,
    "health": Part.QUESTS,
    "sign-in": Part.SIGN_IN,
    "reads": Part.QUESTS,
    "life": Part.QUESTS,
}
"""The part that a step of the journey tries."""

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
<main id="main" class="stack" data-state="{state}">
<h1>{heading}</h1>
<dl class="facts">{facts}</dl>
<p class="small soft">Looked at every five minutes, last on <time datetime="{at}">{shown} UTC</time>.
If that is more than 15 minutes ago, nobody knows how it is now.</p>
</main>
</div>
</body>
</html>
"""
)
_FACT: Final = Markup('<dt>{}</dt><dd data-part="{}" data-state="{}">{}</dd>')


def parts(
    outcomes: Iterable[Outcome], position: Breaker, alarms: Mapping[str, str], ringing: Sequence[str]
) -> dict[Part, State]:
    """The state of each part. `alarms` has the part of each alarm by its name, `ringing` those that went off."""
    found = dict.fromkeys(Part, State.FINE)
    for outcome in outcomes:
        if outcome.problem:
            found[STEPS[outcome.step]] = State.DISTURBED
    for name in ringing:
        if name in alarms:
            found[Part(alarms[name])] = State.DISTURBED
    if position is not Breaker.CLOSED:
        found[Part.QUESTS] = State.PAUSED
    return found


def page(found: Mapping[Part, State], now: datetime) -> bytes:
    """The page as HTML."""
    worst = next((state for state in (State.DISTURBED, State.PAUSED) if state in found.values()), State.FINE)
    heading = {
        State.FINE: "All is well",
        State.DISTURBED: "Some things have trouble",
        State.PAUSED: "Changes are paused",
    }[worst]
    facts = Markup("").join(_FACT.format(NAMES[part], part, state, SAYINGS[state]) for part, state in found.items())
    return _PAGE.format(
        heading=heading, state=worst, facts=facts, at=timestamp(now), shown=f"{now:%d %B %Y, %H:%M}"
    ).encode()

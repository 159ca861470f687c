"""The documents as HTML: a quest's page and the home page, readable without JavaScript.

They load `/app.js` and `/app.css`, whose names no release changes, so that a release or a rollback of the app leaves
every page right. Once it has its data the app takes the place of what stands in `#app`; the classes are its own.
Whatever comes from a quest goes through `Markup.format`, which escapes it; the rendered description is safe already.
"""

import json
from datetime import UTC, datetime
from typing import Any, Final

from markupsafe import Markup

from services.core.documents import HOME_CARDS, Board, BoardCard, QuestDocument
from services.core.domain.quests import Category, Status, When
from services.core.domain.values import timestamp
from services.core.names import BOARD_KEY

NAME: Final = "CivicForge"
_TAGLINE: Final = "Post a quest, lend a hand, and let both sides say it was done."
_SUMMARY_CHARACTERS: Final = 200
"""Length of a description in a link's preview; chats show less."""

_CATEGORIES: Final = {
    Category.CIVIC: "Civic",
    Category.ENVIRONMENT: "Environment",
    Category.SOCIAL: "Social",
    Category.EDUCATION: "Education",
    Category.TECHNICAL: "Technical",
    Category.OTHER: "Other",
}
_STATUSES: Final = {
    Status.OPEN: "Open",
    Status.CLAIMED: "In progress",
    Status.SUBMITTED: "Handed in",
    Status.DISPUTED: "In dispute",
    Status.COMPLETE: "Complete",
    Status.CANCELLED: "Cancelled",
    Status.EXPIRED: "Expired",
}

_PAGE: Final = Markup(
    """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="theme-color" content="#f1f5f3" media="(prefers-color-scheme: light)">
<meta name="theme-color" content="#0d1917" media="(prefers-color-scheme: dark)">
<title>{title}</title>
<meta name="description" content="{summary}">
<link rel="canonical" href="{url}">
<meta property="og:site_name" content="{name}">
<meta property="og:type" content="{kind}">
<meta property="og:title" content="{heading}">
<meta property="og:description" content="{summary}">
<meta property="og:url" content="{url}">
<meta property="og:image" content="{image}">
<meta property="og:image:width" content="1200">
<meta property="og:image:height" content="630">
<meta name="twitter:card" content="summary_large_image">
<meta name="twitter:title" content="{heading}">
<meta name="twitter:description" content="{summary}">
<meta name="twitter:image" content="{image}">
<link rel="stylesheet" href="/app.css">
<script type="module" src="/app.js"></script>
<link rel="preload" href="/config.json" as="fetch" crossorigin>
{preload}<link rel="icon" href="/icon.svg" type="image/svg+xml">
<link rel="apple-touch-icon" href="/icon-180.png">
<link rel="manifest" href="/manifest.webmanifest">{extra}
</head>
<body>
<div id="app" data-as-of="{as_of}">
<div class="shell">
<header class="top">
<a class="brand" href="/">{name}</a>
<nav class="places" aria-label="Main"><a href="/">Discover</a><a href="/sign-in">Sign in</a>"""
    """<a href="/sign-up">Join</a></nav>
</header>
<main id="main" tabindex="-1">
{main}
</main>
</div>
</div>
<noscript><p class="small">To post a quest or to lend a hand, {name} needs JavaScript.</p></noscript>
</body>
</html>
"""
)
_PRELOAD: Final = Markup('<link rel="preload" href="{}" as="fetch" crossorigin>\n')
_DATA: Final = Markup('\n<script type="application/ld+json">{}</script>')

_QUEST: Final = Markup(
    """<article class="stack" data-version="{version}">
<p class="row"><span class="category" data-category="{category}">{category_name}</span>
<span class="pill" data-status="{status}">{status_name}</span></p>
<h1 dir="auto">{title}</h1>
<dl class="facts">{facts}</dl>
<div class="prose" dir="auto">{description}</div>
</article>"""
)
_FACT: Final = Markup("<div><dt>{}</dt><dd>{}</dd></div>")
_TIME: Final = Markup('<time datetime="{}">{}</time>')
_ISOLATED: Final = Markup("<bdi>{}</bdi>")
_MARK: Final = Markup(' <span class="moderator-mark">Moderator</span>')

_HOME: Final = Markup(
    """<div class="stack loose">
<section class="stack">
<h1>Open quests</h1>
<p class="small soft">{count}</p>
<div class="tickets">{cards}</div>
</section>
</div>"""
)
_CARD: Final = Markup(
    """
<article class="ticket" data-category="{category}"><div class="paper"><div class="face">
<div class="row apart"><span class="category" data-category="{category}">{category_name}</span></div>
<h3 dir="auto"><a href="/quests/{id}">{title}</a></h3>
<p class="foot">{place}<span>{time}</span></p>
</div><div class="stub"><strong>{xp}</strong><span>XP</span><span>+{reputation} rep</span></div></div></article>"""
)
_PLACE: Final = Markup('<span class="place"><bdi>{}</bdi></span> ')


def quest_page(document: QuestDocument, site_url: str) -> bytes:
    """The page of a quest."""
    url = f"{site_url}/quests/{document.quest_id}"
    return _page(
        title=f"{document.title} · {NAME}",
        heading=document.title,
        summary=_summary(document),
        url=url,
        kind="article",
        image=f"{site_url}/pictures/{document.category}.png",
        preload="",  # a member's app asks for another view, and the text is here
        as_of=timestamp(document.updated_at),
        extra=_DATA.format(_linked_data(document, url)),
        main=_QUEST.format(
            version=document.version,  # no two states of a quest have equal pages, by which a writer tells them apart
            category=document.category,
            category_name=_CATEGORIES[document.category],
            status=document.status,
            status_name=_STATUSES[document.status],
            title=document.title,
            facts=Markup("").join(_FACT.format(name, value) for name, value in _facts(document)),
            description=Markup(document.description_html),  # noqa: S704  # rendered and cleaned by core/text.py
        ),
    )


def home_page(board: Board, site_url: str) -> bytes:
    """The home page, with the board's newest cards."""
    count = board.count
    return _page(
        title=NAME,
        heading=NAME,
        summary=_TAGLINE,
        url=f"{site_url}/",
        kind="website",
        image=f"{site_url}/pictures/home.png",
        preload=_PRELOAD.format(f"/{BOARD_KEY}"),
        as_of=timestamp(board.published_at),
        extra=Markup(""),
        main=_HOME.format(
            count="1 quest is open." if count == 1 else f"{count} quests are open.",
            cards=Markup("").join(_card(one) for one in board.cards[:HOME_CARDS]),
        ),
    )


def _page(**parts: str) -> bytes:
    return _PAGE.format(name=NAME, **parts).encode()


def _card(card: BoardCard) -> Markup:
    return _CARD.format(
        category=card.category,
        category_name=_CATEGORIES[card.category],
        id=card.quest_id,
        title=card.title,
        place=_PLACE.format(card.area) if card.area else "",
        time=_time(card),
        xp=card.reward_xp,
        reputation=card.reward_reputation,
    )


def _time(card: BoardCard) -> Markup:
    if card.when:
        return _TIME.format(timestamp(card.when.start), _window(card.when))
    return Markup("until {}").format(_TIME.format(timestamp(card.expires_at), _day(card.expires_at)))


def _facts(document: QuestDocument) -> list[tuple[str, Markup | str]]:
    facts: list[tuple[str, Markup | str]] = []
    if document.when:
        facts.append(("When", _TIME.format(timestamp(document.when.start), _window(document.when))))
    if document.area:
        facts.append(("Where", _ISOLATED.format(document.area)))
    facts.append(("Reward", f"{document.reward_xp} XP, +{document.reward_reputation} reputation"))
    if document.requestor_name:
        mark = _MARK if document.requestor_moderator else ""
        facts.append(("Asked by", _ISOLATED.format(document.requestor_name) + mark))
    if document.status is Status.OPEN:
        facts.append(("Open until", _TIME.format(timestamp(document.expires_at), _day(document.expires_at))))
    return facts


def _day(moment: datetime) -> str:
    """A day as everybody reads it; the app shows it in the reader's zone and language."""
    moment = moment.astimezone(UTC)
    return f"{moment.day} {moment:%B %Y}"


def _window(when: When) -> str:
    """A window in UTC; its second day only where it is another one."""
    start, end = when.start.astimezone(UTC), when.end.astimezone(UTC)
    until = f"{end:%H:%M}" if start.date() == end.date() else f"{_day(end)}, {end:%H:%M}"
    return f"{_day(start)}, {start:%H:%M} to {until} (UTC)"


def _summary(document: QuestDocument) -> str:
    """Status, time, place and the start of the description as plain text."""
    text = Markup(document.description_html).striptags()  # noqa: S704  # as above
    when = _window(document.when) if document.when else ""
    head = " · ".join(part for part in (_STATUSES[document.status], when, document.area) if part)
    whole = f"{head} · {text}"
    return whole if len(whole) <= _SUMMARY_CHARACTERS else f"{whole[: _SUMMARY_CHARACTERS - 1].rstrip()}…"


def _linked_data(document: QuestDocument, url: str) -> Markup:
    """The quest in schema.org's words, as JSON that cannot end its script element."""
    data: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Demand",
        "name": document.title,
        "description": document.description,
        "url": url,
        "category": _CATEGORIES[document.category],
        "validFrom": timestamp(document.created_at),
        "validThrough": timestamp(document.expires_at),
        **({"areaServed": document.area} if document.area else {}),
    }
    if document.when:
        window = {"availabilityStarts": document.when.start, "availabilityEnds": document.when.end}
        data |= {name: timestamp(moment) for name, moment in window.items()}
    escaped = (
        json.dumps(data, ensure_ascii=False).replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
    )
    return Markup(escaped)  # noqa: S704  # has none of the characters that HTML knows

"""Hostile text made safe: Markdown becomes HTML here and nowhere else, and bleach has the last word.

Plain text (titles, names, notes) does not come through here: it is stored as typed, and the app escapes it.
"""

import re
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from services.core.domain.characters import without_invisible

if TYPE_CHECKING:
    from bleach.sanitizer import Cleaner
    from linkify_it import LinkifyIt
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore
    from markdown_it.token import Token

TAGS = frozenset(
    {"a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "hr", "li", "ol", "p", "pre", "strong", "ul"}
)
ATTRIBUTES = {"a": ["href", "rel"], "ol": ["start"]}
PROTOCOLS = frozenset({"http", "https", "mailto", "tel"})

# A line in which nothing means anything to Markdown or HTML: it starts with a letter, which no block marker does.
_PLAIN_LINE = r"[^\W\d_](?:[\w ,.;:?'()/%@$€£\u2013\u2014\u2026-]*[\w,.;:?'()/%@$€£\u2013\u2014\u2026-])?"
_PLAIN = re.compile(rf"{_PLAIN_LINE}(?:\n+{_PLAIN_LINE})*")
# What may be an address, and becomes a link. An underscore may be emphasis.
_NOT_PLAIN = re.compile(r"_|@|://|www\.", re.IGNORECASE)


def render(markdown: str) -> str:
    """Safe HTML of a Markdown text of at most a few thousand characters.

    Headings start at h3, since the app has its own above; links carry rel="nofollow noopener ugc". Bare addresses are
    links, and so are images; a link under other words is followed by where it leads, in brackets.
    """
    return _plain(markdown) if _is_plain(markdown) else _rendered(markdown)


def _is_plain(text: str) -> bool:
    return _NOT_PLAIN.search(text) is None and _PLAIN.fullmatch(text) is not None


def _plain(text: str) -> str:
    """The HTML of a text without any markup, equal to the parser's, without loading it."""
    paragraphs = re.split(r"\n{2,}", text)
    return "\n".join("<p>" + paragraph.replace("\n", "<br>\n") + "</p>" for paragraph in paragraphs)


@lru_cache(maxsize=256)
def _rendered(markdown: str) -> str:
    return _cleaner().clean(_parser().render(markdown)).strip()


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # here, since most cold starts never need it: 15 ms

    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "linkify": True})
    parser.enable("linkify")
    parser.linkify = _linkifier()
    parser.core.ruler.push("house_style", _house_style)
    return parser


def _linkifier() -> "LinkifyIt":
    """Finds web addresses that name their scheme or begin with "www.", and mail addresses."""
    from linkify_it import LinkifyIt
    from linkify_it.main import Match

    def validate(linkify: LinkifyIt, text: str, position: int) -> int:
        begin = "//www."
        found: int = linkify.test_schema_at(f"https:{begin}{text[position:]}", "https:", len("https:"))
        return max(found - len(begin), 0)

    def normalize(_: LinkifyIt, match: Match) -> None:
        match.url = f"https://{match.url}"

    linkifier = LinkifyIt(options={"fuzzy_link": False, "fuzzy_email": True, "fuzzy_ip": False})
    return linkifier.add("ftp:", None).add("//", None).add("www.", {"validate": validate, "normalize": normalize})


def _house_style(state: "StateCore") -> None:
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 2, 5)}"
        token.content = without_invisible(token.content)
        if token.children:
            token.children = _with_targets(token.children)


def _without_images(tokens: "list[Token]") -> "Iterator[Token]":
    """The tokens with a link to each image in its place; within a link, with its words alone."""
    from markdown_it.token import Token

    depth = 0
    for token in tokens:
        depth += token.nesting if token.type in ("link_open", "link_close") else 0
        if token.type != "image":
            yield token
            continue
        address = str(token.attrGet("src") or "")
        words = Token("text", "", 0, content=token.content or address)
        link = Token("link_open", "a", 1, attrs={"href": address}), words, Token("link_close", "a", -1)
        yield from (words,) if depth else link


def _with_targets(tokens: "list[Token]") -> "list[Token]":
    """The tokens of a block, cleaned, with what a link's words hide added behind it."""
    from markdown_it.token import Token

    shown: list[Token] = []
    address, words = "", ""
    for token in _without_images(tokens):
        token.content = without_invisible(token.content)
        if token.type == "link_open":
            address, words = _harmless_address(str(token.attrGet("href") or "")), ""
            token.attrSet("rel", "nofollow noopener ugc")
            token.attrSet("href", address)
        words += token.content
        shown.append(token)
        if token.type == "link_close" and (target := _hidden_target(address, words)):
            shown.append(Token("text", "", 0, content=f" ({target})"))
    return shown


def _hidden_target(address: str, words: str) -> str | None:
    """The host, number or mail address that a link leads to, where its words do not begin with it."""
    scheme, _, rest = address.partition(":")
    if scheme in ("mailto", "tel"):
        target = unquote(rest.partition("?")[0])
        return None if words.removeprefix(f"{scheme}:") == target else without_invisible(target)
    try:
        parts = urlsplit(address)
        host = parts.hostname
        shown_host = urlsplit(words if "://" in words else f"https://{words}").hostname
    except ValueError:  # an invalid IPv6 address
        return None
    return None if host == shown_host and "@" not in parts.netloc else host


def _harmless_address(address: str) -> str:
    """A link's address without what is invisible or turns text around once a reader's browser decodes it."""
    decoded = unquote(address)
    return (
        address
        if without_invisible(decoded) == decoded
        else quote(without_invisible(decoded), safe=":/?#[]@!$&'()*+,;=%~")
    )


@cache
def _cleaner() -> "Cleaner":
    from bleach.sanitizer import Cleaner  # here for the same reason: 45 ms

    return Cleaner(tags=TAGS, attributes=ATTRIBUTES, protocols=PROTOCOLS, strip=True, strip_comments=True)

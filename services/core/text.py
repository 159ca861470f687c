"""Hostile text made safe: Markdown becomes HTML here and nowhere else, and bleach has the last word.

Plain text (titles, names, notes) does not come through here: it is stored as typed, and the page escapes it.
"""

import re
from functools import cache, lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from services.core.domain.characters import harmless

if TYPE_CHECKING:
    from bleach.sanitizer import Cleaner
    from markdown_it import MarkdownIt
    from markdown_it.rules_core import StateCore

TAGS = frozenset(
    {"a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "hr", "li", "ol", "p", "pre", "strong", "ul"}
)
ATTRIBUTES = {"a": ["href", "rel"], "ol": ["start"]}
PROTOCOLS = frozenset({"http", "https", "mailto"})

# A line in which nothing means anything to Markdown or HTML: it starts with a letter, which no block marker does.
_PLAIN_LINE = r"[^\W\d_](?:[\w ,.;:?'()/%@$€£\u2013\u2014\u2026-]*[\w,.;:?'()/%@$€£\u2013\u2014\u2026-])?"
_PLAIN = re.compile(rf"{_PLAIN_LINE}(?:\n+{_PLAIN_LINE})*")


def render(markdown: str) -> str:
    """Safe HTML of a Markdown text of at most a few thousand characters.

    Headings start at h3, since the page has its own above; links carry rel="nofollow noopener ugc".
    """
    return _plain(markdown) if _is_plain(markdown) else _rendered(markdown)


def _is_plain(text: str) -> bool:
    return "_" not in text and _PLAIN.fullmatch(text) is not None


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

    parser = MarkdownIt("commonmark", {"html": False, "breaks": True})
    parser.disable("image")
    parser.core.ruler.push("house_style", _house_style)
    return parser


def _house_style(state: "StateCore") -> None:
    for token in state.tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(int(token.tag[1]) + 2, 5)}"
        token.content = harmless(token.content)
        for child in token.children or ():
            child.content = harmless(child.content)
            if child.type == "link_open":
                child.attrSet("rel", "nofollow noopener ugc")
                child.attrSet("href", _harmless_address(str(child.attrGet("href") or "")))


def _harmless_address(address: str) -> str:
    """A link's address without what is invisible or turns text around once a reader's browser decodes it."""
    decoded = unquote(address)
    return address if harmless(decoded) == decoded else quote(harmless(decoded), safe=":/?#[]@!$&'()*+,;=%~")


@cache
def _cleaner() -> "Cleaner":
    from bleach.sanitizer import Cleaner  # here for the same reason: 45 ms

    return Cleaner(tags=TAGS, attributes=ATTRIBUTES, protocols=PROTOCOLS, strip=True, strip_comments=True)

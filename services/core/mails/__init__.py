"""Mails: one mail, written as HTML and as plain text."""

from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from string import Template
from typing import Final, NamedTuple

from services.core.words import Translator

# The app's tokens (frontend/src/ui/tokens.css), which no mail program can read; their dark twins are in the template.
_INK: Final = "color:#12302a;"
_SOFT: Final = "color:#48635b;"
_BODY: Final = "system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',sans-serif"
_DISPLAY: Final = "Gabarito,ui-rounded,'Nunito','Segoe UI',system-ui,sans-serif"
_TEXT: Final = "font-size:16px;line-height:24px;"
_SPACED: Final = ' border="0" style="margin:8px 0 24px;"'
_CODE: Final = (
    "margin:0 0 16px;padding:16px;background-color:#e3ece7;border-radius:8px;text-align:center;letter-spacing:6px;"
    "font:700 30px/36px ui-monospace,Menlo,Consolas,monospace;"
)


class Link(NamedTuple):
    """Words that lead to an address."""

    label: str
    url: str


@dataclass(frozen=True, kw_only=True)
class MailContent:
    """The parts of a mail, all plain text in one language.

    Attributes:
        line: what happened, as the heading.
        hint: the words before the button's address, for where the button does not work.
        entries: what a digest lists, each with its quest.
        code: digits to type.
        footer: why the mail came, and the links below it.
    """

    words: Translator
    subject: str
    line: str
    greeting: str = ""
    text: str = ""
    entries: tuple[Link, ...] = ()
    code: str = ""
    button: Link | None = None
    hint: str = ""
    why: str = ""
    links: tuple[Link, ...] = ()


@cache
def _template() -> Template:
    return Template(files(__package__).joinpath("mail.html").read_text("utf-8"))


def html(mail: MailContent) -> str:
    """The mail as HTML that mail programs show: tables, inline style, no pictures, no script."""
    right_to_left = mail.words.right_to_left
    return _template().substitute(
        language=mail.words.language,
        direction="rtl" if right_to_left else "ltr",
        start="right" if right_to_left else "left",
        subject=escape(mail.subject),
        content="\n".join(_content(mail)),
        footer="\n".join(_footer(mail)),
    )


def _paragraph(text: str, kind: str, style: str) -> str:
    return f'<p class="{kind}" dir="auto" style="margin:0 0 16px;{style}">{escape(text)}</p>'


def _anchor(link: Link, kind: str, style: str) -> str:
    return f'<a class="{kind}" href="{escape(link.url)}" style="{style}">{escape(link.label)}</a>'


def _button(link: Link) -> str:
    """A cell with a background: links alone lose theirs in some mail programs."""
    style = f"display:inline-block;padding:14px 28px;color:#ffffff;text-decoration:none;font:700 16px/20px {_BODY};"
    anchor = _anchor(link, "on-pine", style)
    cell = f'<td class="button" style="background-color:#0d6a54;border-radius:99px;">{anchor}</td>'
    return f'<table role="presentation" class="wide" cellpadding="0" cellspacing="0"{_SPACED}><tr>{cell}</tr></table>'


def _content(mail: MailContent) -> list[str]:
    parts = [_paragraph(mail.greeting, "soft", f"{_TEXT}{_SOFT}")] if mail.greeting else []
    style = f"margin:0 0 16px;font:700 22px/30px {_DISPLAY};{_INK}"
    parts.append(f'<h1 class="ink" style="{style}">{escape(mail.line)}</h1>')
    if mail.text:
        parts.append(_paragraph(mail.text, "ink", f"{_TEXT}{_INK}"))
    parts += [f'<p style="margin:0 0 12px;{_TEXT}">{_anchor(entry, "ink", _INK)}</p>' for entry in mail.entries]
    if mail.code:
        parts.append(f'<p class="sunken ink" dir="ltr" style="{_CODE}{_INK}">{escape(mail.code)}</p>')
    if mail.button:
        parts.append(_button(mail.button))
        address = f'<span dir="ltr" style="word-break:break-all;">{escape(mail.button.url)}</span>'
        hint = f"{escape(mail.hint)}<br>{address}"
        parts.append(f'<p class="soft" style="margin:0;font-size:14px;line-height:21px;{_SOFT}">{hint}</p>')
    return parts


def _footer(mail: MailContent) -> list[str]:
    parts = [f'<p style="margin:0 0 8px;">{escape(mail.why)}</p>']
    parts += [f'<p style="margin:0 0 8px;">{_anchor(link, "soft", _SOFT)}</p>' for link in mail.links]
    return parts


def plain(mail: MailContent) -> str:
    """The mail as plain text, with every address that the HTML leads to."""
    blocks = [mail.greeting, mail.line, mail.text]
    blocks += [f"{entry.label}\n{entry.url}" for entry in mail.entries]
    blocks += [mail.code, f"{mail.button.label}\n{mail.button.url}" if mail.button else ""]
    blocks += ["--", mail.why, *(f"{link.label}\n{link.url}" for link in mail.links)]
    return "\n\n".join(block for block in blocks if block) + "\n"

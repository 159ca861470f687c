"""The mail as a program gets it: both forms say the same, text stays text, headers stay headers."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from xml.etree.ElementTree import Element

import html5lib
import pytest

from services.core.domain.users import Language
from services.core.mails import Link, MailContent, html, plain
from services.core.mails.codes import PLACEHOLDER, code_content
from services.core.mails.mime import mime
from services.core.words import Translator

UNSUBSCRIBE = "https://forge.example/api/v1/unsubscribe?token=" + "a" * 90
NASTY = 'Carry <b>"a"</b> & <script>alert(1)</script> sofa'


def letter(language: Language = Language.EN, line: str = "Ben will do “Carry a sofa”") -> MailContent:
    return MailContent(
        words=Translator(language),
        subject=line,
        greeting="Hello Anna,",
        line=line,
        text="You have a helper.",
        entries=(Link("Cara asks", "https://forge.example/quests/q2"),),
        button=Link("Open the quest", "https://forge.example/quests/q1?a=1&b=2"),
        hint="Else:",
        why="It concerns you.",
        links=(Link("Settings", "https://forge.example/settings"),),
    )


def parsed(made: bytes) -> EmailMessage:
    message = message_from_bytes(made, policy=default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def body(message: EmailMessage, form: str) -> str:
    part = message.get_body((form,))
    assert part is not None
    return str(part.get_content())


def the(tree: Element, name: str) -> Element:
    (found,) = tree.iter(name)
    return found


@pytest.mark.parametrize("language", Language)
def test_both_forms_have_every_word_and_address(language: Language) -> None:
    made = letter(language)
    text = plain(made)
    tree = html5lib.parse(html(made), namespaceHTMLElements=False)
    shown = " ".join(" ".join(the(tree, "body").itertext()).split())
    links = {anchor.get("href") for anchor in tree.iter("a")}
    for part in (made.greeting, made.line, made.text, made.why, made.hint):
        assert part in shown
    assert all(part in text for part in (made.greeting, made.line, made.text, made.why))
    assert made.button is not None
    wanted = {link.url for link in (made.button, *made.entries, *made.links)}
    assert links == wanted
    assert all(url in text for url in wanted)


@pytest.mark.parametrize(("language", "direction"), [(Language.EN, "ltr"), (Language.AR, "rtl")])
def test_the_mail_has_its_language_and_direction(language: Language, direction: str) -> None:
    tree = html5lib.parse(html(letter(language)), namespaceHTMLElements=False)
    assert (tree.get("lang"), tree.get("dir")) == (language.value, direction)


def test_what_members_write_stays_text() -> None:
    tree = html5lib.parse(html(letter(line=NASTY)), namespaceHTMLElements=False)
    assert list(tree.iter("script")) == []
    assert list(tree.iter("b")) == []
    assert the(tree, "h1").text == NASTY
    assert NASTY in plain(letter(line=NASTY))


def test_a_dollar_in_a_title_is_no_placeholder() -> None:
    assert "$content ${footer}" in html(letter(line="$content ${footer}"))


def test_the_message_is_what_rfc_8058_wants() -> None:
    made = mime(letter(), "CivicForge <hello@forge.example>", "anna@example.org", UNSUBSCRIBE)
    message = parsed(made)
    assert message["List-Unsubscribe"] == f"<{UNSUBSCRIBE}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Subject"] == "Ben will do “Carry a sofa”"
    assert "You have a helper." in body(message, "plain")
    assert "<h1" in body(message, "html")
    assert all(len(line) <= 998 for line in made.split(b"\r\n"))
    assert made.isascii()


@pytest.mark.parametrize("language", Language)
def test_letters_of_every_language_arrive(language: Language) -> None:
    made = code_content(language)
    message = parsed(mime(made, "hello@forge.example", "anna@example.org", UNSUBSCRIBE))
    assert message["Subject"] == made.subject
    assert message["Content-Language"] == language.value
    assert made.text in body(message, "plain")


@pytest.mark.parametrize("part", ["sender", "recipient", "unsubscribe", "subject"])
@pytest.mark.parametrize("break_out", ["\r\nBcc: eve@example.org", "\nSubject: x"])
def test_no_header_is_broken_out_of(part: str, break_out: str) -> None:
    given = {
        "sender": "a@forge.example",
        "recipient": "anna@example.org",
        "unsubscribe": UNSUBSCRIBE,
        "subject": "Sofa",
    }
    given[part] += break_out
    with pytest.raises(ValueError, match=r"header|linefeed|newline|line"):
        mime(letter(line=given["subject"]), given["sender"], given["recipient"], given["unsubscribe"])


@pytest.mark.parametrize("language", Language)
def test_a_code_keeps_cognitos_placeholder(language: Language) -> None:
    made = html(code_content(language))
    assert made.count(PLACEHOLDER) == 1
    assert len(made) < 20_000, "Cognito's limit"

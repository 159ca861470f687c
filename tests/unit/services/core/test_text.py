import re
import time
from urllib.parse import quote, unquote
from xml.etree.ElementTree import Element

import brs_kb
import html5lib
import pytest
from bleach.sanitizer import Cleaner
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.core import text

# Written out again: what a reader's browser may meet, and nothing else.
TAGS = {"a", "blockquote", "br", "code", "em", "h3", "h4", "h5", "hr", "li", "ol", "p", "pre", "strong", "ul"}
ATTRIBUTES = {"a": {"href", "rel"}, "ol": {"start"}}

# What a corpus of plain HTML does not try: hostility in Markdown's own terms.
MARKDOWN = [
    "[a](javascript:alert(1))",
    "[a](JaVaScRiPt:alert(1))",
    "[a](java\tscript:alert(1))",
    "[a](&#106;avascript:alert(1))",
    "[a](&#x6A;&#x61;vascript:alert(1))",
    "[a](javascript&colon;alert(1))",
    "[a](%6Aavascript:alert(1))",
    "[a](vbscript:msgbox(1))",
    "[a](data:text/html,<script>alert(1)</script>)",
    "[a](data:image/svg+xml;base64,PHN2Zz48L3N2Zz4=)",
    "[a](file:///etc/passwd)",
    "[a](//evil.example)",
    "[a](\\\\evil.example)",
    "[a](<javascript:alert(1)>)",
    "[a][1]\n\n[1]: javascript:alert(1)",
    "[a][1]\n\n[1]: javascript:alert(1) 'title\" onmouseover=alert(1)'",
    '[a](https://x.example "\\" onmouseover=alert(1) x=\\"")',
    "[a](https://x.example/'onmouseover='alert(1))",
    '[a](https://x.example/"onmouseover="alert(1))',
    "<javascript:alert(1)>",
    "<https://x.example/onerror=alert(1)>",
    "![a](javascript:alert(1))",
    '![a](x" onerror="alert(1))',
    "![a](https://tracker.example/pixel.gif)",
    "```html\n<script>alert(1)</script>\n```",
    '```"><script>alert(1)</script>\nx\n```',
    "`<script>alert(1)</script>`",
    "# <svg onload=alert(1)>",
    "> <iframe src=javascript:alert(1)>",
    "- <math><mi xlink:href='javascript:alert(1)'>",
    "**<b onclick=alert(1)>x</b>**",
    "1. <form action=javascript:alert(1)><button>",
    "999999999. x",
    "<a href='javascript:alert(1)'>[b](https://x.example)</a>",
    "[<img src=x onerror=alert(1)>](https://x.example)",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<!--><script>alert(1)</script>-->",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<form><math><mtext></form><form><mglyph><svg><mtext><style><path id='</style><img onerror=alert(1) src>'>",
    "Tom & Jerry <3",
]


def elements(html: str) -> list[Element]:
    """The elements that a browser makes of it."""
    fragment: Element = html5lib.parseFragment(html, namespaceHTMLElements=False)
    return [element for element in fragment.iter() if element is not fragment]


def check_safe(html: str) -> None:
    if "<" not in re.sub("</?p>|<br>", "", html):
        return  # no other element can be in it, and parsing is slow
    for element in elements(html):
        assert element.tag in TAGS, html
        assert set(element.attrib) <= ATTRIBUTES.get(element.tag, set()), html
        if "href" in element.attrib:
            address = re.sub("[\0- ]", "", element.attrib["href"])  # as a browser reads it (WHATWG URL, 4.4)
            scheme = re.match("[a-z][a-z0-9+.-]*:", address, re.IGNORECASE)
            assert scheme is None or scheme[0].lower() in {"http:", "https:", "mailto:", "tel:"}, html
            assert element.attrib["rel"] == "nofollow noopener ugc", html


def clean_again(html: str) -> str:
    return Cleaner(tags=TAGS, attributes={key: [*names] for key, names in ATTRIBUTES.items()}, strip=True).clean(html)


@pytest.fixture(scope="module")
def corpus() -> list[str]:
    """Thousands of payloads that broke some sanitiser once."""
    payloads = {str(entry["payload"]) for entry in brs_kb.get_all_payloads().values()}
    assert len(payloads) > 4000
    return sorted(payloads)


def test_no_payload_of_the_corpus_gets_through(corpus: list[str]) -> None:
    for number, payload in enumerate(corpus):
        html = text.render(payload[:2000])
        check_safe(html)
        if number % 5 == 0:  # cleaning is slow, and one in five is still a thousand
            assert clean_again(html) == html


@pytest.mark.parametrize("payload", MARKDOWN)
@pytest.mark.parametrize("frame", ["{}", "> {}", "- {}", "# {}", "**{}**", "[{}](https://x.example)", "a\n\n{}\n\nb"])
def test_no_hostile_markdown_gets_through(payload: str, frame: str) -> None:
    html = text.render(frame.format(payload))
    check_safe(html)
    assert clean_again(html) == html


@settings(max_examples=100)
@given(st.text(alphabet="<>&\"'`*_[]()#!-\\\n/:=aj 1.", max_size=60))
def test_nothing_that_is_typed_gets_through(typed: str) -> None:
    html = text.render(typed)
    check_safe(html)
    assert clean_again(html) == html


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("Tom & Jerry <3", "<p>Tom &amp; Jerry &lt;3</p>"),
        ("**bold** and *soft*", "<p><strong>bold</strong> and <em>soft</em></p>"),
        ("# Head\n\n## Two\n\n###### Six", "<h3>Head</h3>\n<h4>Two</h4>\n<h5>Six</h5>"),
        ("a\nb", "<p>a<br>\nb</p>"),
        (
            "[x](https://x.example)",
            '<p><a href="https://x.example" rel="nofollow noopener ugc">x</a> (x.example)</p>',
        ),
        ("3. c", '<ol start="3">\n<li>c</li>\n</ol>'),
        ("<b>raw</b>", "<p>&lt;b&gt;raw&lt;/b&gt;</p>"),
        (
            "![alt](https://x.example/p.gif)",
            '<p><a href="https://x.example/p.gif" rel="nofollow noopener ugc">alt</a> (x.example)</p>',
        ),
        (
            "See ![](https://x.example/p.gif)!",
            '<p>See <a href="https://x.example/p.gif" rel="nofollow noopener ugc">https://x.example/p.gif</a>!</p>',
        ),
        (
            "[![a *b*](https://y.example/p.gif)](https://x.example)",
            '<p><a href="https://x.example" rel="nofollow noopener ugc">a *b*</a> (x.example)</p>',
        ),
        (
            "![[a](https://y.example)](https://x.example)",
            '<p><a href="https://x.example" rel="nofollow noopener ugc">[a](https://y.example)</a> (x.example)</p>',
        ),
        ("Look![here](https://x.example)", None),
        ("`code`", "<p><code>code</code></p>"),
    ],
)
def test_markdown_looks_as_it_should(markdown: str, html: str | None) -> None:
    rendered = text.render(markdown)
    assert "<img" not in rendered
    if html:
        assert rendered == html


@settings(max_examples=200)
@given(
    st.lists(
        st.text(alphabet="abZé漢ß9_ ,.;:?'()/%@$€£\u2013\u2014\u2026-\n", max_size=20), min_size=1, max_size=4
    ).map("\n".join)
)
@example("a\n\n\nb")
@example("a _b_ c")
@example("a. b\nc")
@example("www.example.org")
@example("it's 1. a - b")
@example("a\n- b")
@example("a\n1. b")
@example("a\n---")
@example("a ")
@example("https://example.org/x")
@example("Www.example.org")
@example("write to a@b.example.org")
def test_the_fast_way_for_plain_text_renders_the_same(typed: str) -> None:
    assert text.render(typed) == text._rendered(typed)


@given(st.from_regex(text._PLAIN, fullmatch=True))
@settings(max_examples=60)
def test_whatever_passes_for_plain_is_plain(typed: str) -> None:
    if text._is_plain(typed):
        assert text._plain(typed) == text._rendered(typed)


@pytest.mark.parametrize("form", ["a{}b", "a {} b", "a{}", "{}a", "{} a", "a\n{}b", "a{0}b{0}c", "a{0}{0}b{0}{0}"])
def test_no_character_passes_for_plain_that_is_not(form: str) -> None:
    for typed in (form.format(chr(code)) for code in range(0x20, 0x250)):
        if text._is_plain(typed):
            assert text._plain(typed) == text._rendered(typed)


def test_plain_text_takes_the_fast_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_rendered", lambda _: pytest.fail("a parser for plain text"))
    assert text.render("Twelve steps, one narrow turn.\n\nAnd a sofa.") == (
        "<p>Twelve steps, one narrow turn.</p>\n<p>And a sofa.</p>"
    )


@pytest.mark.parametrize(
    "unit",
    [
        "&",
        "<",
        "<a><p>",
        "> ",
        "- ",
        "[",
        "![",
        "*a_",
        "_a",
        "[a](",
        "`",
        "&#",
        "1. ",
        "> - ",
        "|",
        "a\n",
        "- a\n  ",
        "(",
    ],
)
def test_the_worst_text_takes_little_time(unit: str) -> None:
    """Seconds of processor time, far above what it takes (0.1 s) and far below what would hurt."""
    started = time.process_time()
    text.render((unit * 2000)[:2000])
    text.render("a" + (unit * 2000)[:1998] + "_")
    assert time.process_time() - started < 2


@pytest.mark.parametrize("code", [0x202E, 0x202D, 0x2066, 0x200B, 0xFEFF, 0xE0041, 0xAD])
@pytest.mark.parametrize(
    "markdown",
    [
        "Pay to &#x{0:X};GRO now",
        "Pay to &#{0}; now",
        "[pay &#x{0:X};me](https://x.example)",
        "**a&#x{0:X};b**",
        "# x&#x{0:X};y",
    ],
)
def test_an_entity_brings_back_nothing_that_is_refused_as_typed(code: int, markdown: str) -> None:
    assert chr(code) not in text.render(markdown.format(code))


@pytest.mark.parametrize("hidden", ["\u202e", "\u2066", "\u200b", "\ufeff"])
def test_an_address_hides_nothing_when_it_is_decoded(hidden: str) -> None:
    for encoded in (quote(hidden), quote(hidden).lower(), f"&#x{ord(hidden):X};"):
        html = text.render(f"[photos](https://x.example/a{encoded}gpj.exe?q=1&r=%26#f)")
        assert hidden not in unquote(html)
        assert "https://x.example/agpj.exe?q=1" in html


@pytest.mark.parametrize("address", ["https://x.example/a%20b?c=%26&d=%C3%A9#e", "https://x.example/%E4%B8%AD"])
def test_an_honest_address_stays_as_it_is(address: str) -> None:
    assert f'href="{address.replace("&", "&amp;")}"' in text.render(f"[photos]({address})")


def test_a_tooltip_cannot_lie() -> None:
    html = text.render('[https://civicforge.example](https://evil.example "https://civicforge.example")')
    assert "title" not in html
    assert 'href="https://evil.example"' in html


@pytest.mark.parametrize(
    "needed", ["\u05e9\u05dc\u05d5\u05dd!\u200f 1", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u2764\ufe0f"]
)
def test_what_a_script_needs_is_rendered(needed: str) -> None:
    assert needed in text.render(f"**{needed}** done")


@pytest.mark.parametrize(
    ("typed", "address"),
    [
        ("The photos: https://photos.example/a/b?c=1 (twelve).", "https://photos.example/a/b?c=1"),
        ("See HTTP://Town.example/_plan_b_, please", "HTTP://Town.example/_plan_b_"),
        ("(www.garden.example/map)", "https://www.garden.example/map"),
        ("**www.garden.example**", "https://www.garden.example"),
        ("Write to mira.o@post.example.org.", "mailto:mira.o@post.example.org"),
        ("- https://a.example/\u00e9", "https://a.example/%C3%A9"),
        ("[me](tel:+4930123456)", "tel:+4930123456"),
        ("[us](mailto:us@town.example?subject=Sofa)", "mailto:us@town.example?subject=Sofa"),
    ],
)
def test_an_address_is_a_link(typed: str, address: str) -> None:
    html = text.render(typed)
    check_safe(html)
    assert [element.attrib["href"] for element in elements(html) if element.tag == "a"] == [address]


@pytest.mark.parametrize(
    "typed", ["at 10:30", "z.B.das", "a @ b", "www.", "https://", "ftp://x.example", "`https://x.example`"]
)
def test_what_is_no_address_is_no_link(typed: str) -> None:
    assert "<a" not in text.render(typed)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("[Click](https://evil.example/x)", "Click (evil.example)"),
        ("[https://bank.example](https://evil.example)", "https://bank.example (evil.example)"),
        ("[bank.example/login](https://evil.example)", "bank.example/login (evil.example)"),
        ("[**bold** words](https://evil.example)", "bold words (evil.example)"),
        ("https://bank.example@evil.example/", "https://bank.example@evil.example/ (evil.example)"),
        (
            "https://\u0430\u0440\u0440\u04cf\u0435.example/",
            "https://\u0430\u0440\u0440\u04cf\u0435.example/ (xn--80ak6aa92e.example)",
        ),
        ("[me](tel:+491)", "me (+491)"),
        ("[us](mailto:a@evil.example)", "us (a@evil.example)"),
        ("[a](mailto:b%E2%80%AE@c.example)", "a (b@c.example)"),
        ("https://x.example/a", "https://x.example/a"),
        ("www.x.example/a", "www.x.example/a"),
        ("[x.example](https://x.example/a)", "x.example"),
        ("a@b.example.org", "a@b.example.org"),
    ],
)
def test_a_reader_sees_where_a_link_leads(typed: str, shown: str) -> None:
    html = text.render(typed)
    assert "".join(html5lib.parseFragment(html, namespaceHTMLElements=False).itertext()) == shown

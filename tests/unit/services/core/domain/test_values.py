import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from services.core.domain import values
from services.core.domain.digests import digest
from services.core.domain.quests import Category, Draft, Edit, Quest, WhenInput
from services.core.domain.users import Profile, former, newcomer
from services.core.domain.values import timestamp
from tests.unit.services.cloud import ANNA, DESCRIPTION, NOW

VALID: dict[str, Any] = {"title": "Carry a sofa", "description": DESCRIPTION, "category": Category.SOCIAL}


def draft(**fields: Any) -> Draft:
    return Draft.model_validate_json(Draft(**VALID).model_copy(update=fields).model_dump_json(by_alias=True))


PERSIAN = "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"
FAMILY = "\U0001f468\u200d\U0001f467 day"


@pytest.mark.parametrize("typed", ["Tom & Jerry <3", "  spaced  out  ", PERSIAN, FAMILY, "naïve"])
def test_plain_text_stays_as_it_was_typed(typed: str) -> None:
    assert draft(title=typed).title == typed


def test_text_is_kept_in_nfc() -> None:
    typed = unicodedata.normalize("NFD", "Café Zürich")
    assert draft(title=typed).title == "Café Zürich"


HIDDEN = [*range(9), *range(0x0B, 0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)]


@pytest.mark.parametrize("code", HIDDEN)
def test_what_hides_or_reorders_text_is_refused(code: int) -> None:
    for field in ("title", "description", "area"):
        with pytest.raises(ValidationError, match=f"U\\+{code:04X}"):
            Draft(**{**VALID, field: f"{DESCRIPTION} {chr(code)} x"})


@pytest.mark.parametrize("char", ["\t", "\n", "\u2028", "\u2029"])
def test_titles_are_one_line_and_descriptions_are_not(char: str) -> None:
    with pytest.raises(ValidationError, match="single line"):
        Draft(**{**VALID, "title": f"Carry{char}a sofa"})
    assert Draft(**{**VALID, "description": f"{DESCRIPTION}{char}x"}).description == f"{DESCRIPTION}{char}x"


def test_lines_end_in_line_feeds() -> None:
    assert Draft(**{**VALID, "description": f"{DESCRIPTION}\r\nx"}).description == f"{DESCRIPTION}\nx"


@pytest.mark.parametrize(
    ("field", "shortest", "longest"),
    [("title", 5, 200), ("description", 20, 2000), ("area", 0, 80), ("tags", 0, 5)],
)
def test_limits_are_exact(field: str, shortest: int, longest: int) -> None:
    def value(length: int) -> Any:
        return ["t"] * length if field == "tags" else "x" * length

    for length in (shortest, longest):
        assert getattr(Draft(**{**VALID, field: value(length)}), field) == value(length)
    for length in {max(shortest - 1, 0), longest + 1} - {shortest}:
        with pytest.raises(ValidationError):
            Draft(**{**VALID, field: value(length)})


@pytest.mark.parametrize(("field", "low", "high"), [("rewardXp", 10, 1000), ("rewardReputation", 1, 100)])
def test_rewards_have_limits(field: str, low: int, high: int) -> None:
    for value in (low, high):
        assert Draft.model_validate({**VALID, field: value}).model_dump(by_alias=True)[field] == value
    for value in (low - 1, high + 1):
        with pytest.raises(ValidationError):
            Draft.model_validate({**VALID, field: value})


@pytest.mark.parametrize("tags", [[""], ["x" * 31], [" "], ["a\nb"]])
def test_tags_are_short_words(tags: list[str]) -> None:
    with pytest.raises(ValidationError):
        Draft(**{**VALID, "tags": tags})


@pytest.mark.parametrize(
    ("kind", "shortest", "longest"),
    [
        (values.Title, 5, 200),
        (values.DisplayName, 2, 50),
        (values.Tag, 1, 30),
        (values.Area, 0, 80),
        (values.MeetingPoint, 0, 200),
        (values.Search, 0, 80),
        (values.Description, 20, 2000),
        (values.Submission, 10, 2000),
        (values.Reason, 20, 1000),
        (values.Notes, 0, 500),
        (values.Bio, 0, 500),
    ],
)
def test_every_text_has_its_limits(kind: Any, shortest: int, longest: int) -> None:
    text = TypeAdapter(kind)
    for length in (shortest, longest):
        assert text.validate_python("x" * length) == "x" * length
    for length in {shortest - 1, longest + 1} - {-1}:
        with pytest.raises(ValidationError):
            text.validate_python("x" * length)


def test_a_profile_has_ten_interests() -> None:
    assert Profile(interests=["t"] * 10).interests == ["t"] * 10
    with pytest.raises(ValidationError):
        Profile(interests=["t"] * 11)


def test_things_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        newcomer(ANNA, NOW).xp = 1000  # type: ignore[misc]  # that it is refused at run time too is the test


@given(st.datetimes(min_value=datetime(1970, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001  # hypothesis wants it naive
def test_timestamps_are_utc_to_the_millisecond_and_sort(moment: datetime) -> None:
    text = timestamp(moment)
    assert len(text) == 24
    assert datetime.fromisoformat(text) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    elsewhere = moment.astimezone(timezone(timedelta(hours=-1)))
    assert timestamp(elsewhere) == text


def test_timestamps_sort_as_text() -> None:
    moments = [NOW, NOW + timedelta(milliseconds=9), NOW + timedelta(milliseconds=10), NOW + timedelta(seconds=1)]
    assert sorted(map(timestamp, moments)) == [*map(timestamp, moments)]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2026-03-02T12:00:00Z", "2026-03-02T12:00:00.000Z"),
        ("2026-03-02T12:00:00.123456+02:00", "2026-03-02T10:00:00.123Z"),
        ("2026-03-29T01:30:00+01:00", "2026-03-29T00:30:00.000Z"),
    ],
)
def test_a_moment_is_kept_in_utc(sent: str, kept: str) -> None:
    window = WhenInput.model_validate_json(f'{{"start": "{sent}", "end": "2026-12-01T00:00:00Z"}}')
    assert window.model_dump()["start"] == kept


@pytest.mark.parametrize(
    "sent",
    [
        '"2026-03-02T12:00:00"', '"2026-03-02"', '"20260302"', '"2026-W10-1"', '"0001-01-01T00:00:00+14:00"',
        '"9999-12-31T23:59:59-14:00"', '"2026-02-30T00:00:00Z"', '"2026-03-02T24:30:00Z"', '"tomorrow"', '""',
        "1772452800", "1e99", "true", "null", "[]", "{}", '"\ud83d"',
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused(sent: str) -> None:
    with pytest.raises(ValidationError):
        WhenInput.model_validate_json(f'{{"start": {sent}, "end": "9999-12-31T00:00:00Z"}}')


def test_a_window_starts_before_it_ends() -> None:
    for start, end in ((NOW, NOW), (NOW + timedelta(seconds=1), NOW)):
        with pytest.raises(ValidationError):
            WhenInput(start=start, end=end)


@pytest.mark.parametrize("minutes", [4, 1441, True, "60", 60.5])
def test_minutes_have_limits(minutes: Any) -> None:
    with pytest.raises(ValidationError):
        Edit(minutes=minutes)
    assert [Edit(minutes=fine).minutes for fine in (5, 1440)] == [5, 1440]


@given(st.lists(st.text(alphabet="ab", min_size=1, max_size=3), min_size=1, max_size=3))
def test_a_digest_is_an_id_of_all_its_parts(parts: list[str]) -> None:
    made = digest(*parts)
    assert len(made) == 26
    assert set(made) <= set("0123456789abcdefghjkmnpqrstvwxyz")
    assert made == digest(*parts)
    assert made != digest(*parts, "")
    assert made != digest("".join(parts), "")


def test_a_digest_is_the_same_for_ever() -> None:
    """Quest ids are made of it: another value would make every replay a new quest."""
    assert digest("quest", "anna-1", "key-1") == "zye5gbj8p609me9yh4ejtc129w"


def test_an_attribute_of_a_later_release_is_passed_over() -> None:
    stored = newcomer(ANNA, NOW).model_dump(mode="json", by_alias=True)
    assert type(newcomer(ANNA, NOW)).model_validate({**stored, "invented": 1}) == newcomer(ANNA, NOW)


def test_messages_about_a_stored_item_do_not_quote_it() -> None:
    with pytest.raises(ValidationError) as broken:
        Quest.model_validate({"title": ["canary@example.org"], "status": "canary"})
    assert "canary" not in str(broken.value)


def test_a_former_member_keeps_totals_only() -> None:
    user = newcomer(ANNA, NOW).model_copy(
        update={
            "display_name": "Anna",
            "bio": "b",
            "interests": ["i"],
            "xp": 7,
            "reputation": 3,
            "completed": 1,
            "language": "de",
            "mail": "never",
            "mail_stopped": "bounced",
            "read_up_to": "2026#q1#2#claimed",
            "confirmed_by": 2,
            "claims": ["q@1"],
        }
    )
    later = NOW + timedelta(days=1)
    left = former(user, later)
    assert left.model_dump(exclude_none=True) == {
        "user_id": ANNA,
        "display_name": "Former member",
        "bio": "",
        "interests": [],
        "points": 10,
        "xp": 7,
        "reputation": 3,
        "completed": 1,
        "language": "en",
        "mail": "at_once",
        "blocked": [],
        "confirmed_by": 2,
        "claims": [],
        "created_at": "2026-03-01T12:00:00.000Z",
        "updated_at": "2026-03-02T12:00:00.000Z",
        "deleted": True,
    }


@pytest.mark.parametrize("dirt", ["\ufeff", "\u200b", "\u2060", "\u00ad", "\u200e", "\u3164"])
def test_what_came_with_pasted_text_is_taken_out(dirt: str) -> None:
    assert Draft(**{**VALID, "title": f"Carry{dirt} a sofa{dirt}"}).title == "Carry a sofa"
    with pytest.raises(ValidationError, match="at least 5"):
        Draft(**{**VALID, "title": dirt * 9})


def test_limits_hold_after_normalising() -> None:
    """U+1D160 is three characters in NFC: a title of 200 of them would be stored as 600, and refused afterwards."""
    with pytest.raises(ValidationError, match="at most 200"):
        Draft(**{**VALID, "title": "\U0001d160" * 200})
    title = Draft(**{**VALID, "title": "\U0001d160" * 66}).title
    assert Draft(**{**VALID, "title": title}).title == title
    decomposed = unicodedata.normalize("NFD", "\u00e9" * 200)
    assert len(Draft(**{**VALID, "title": decomposed}).title) == 200


@pytest.mark.parametrize("field", ["title", "description"])
@pytest.mark.parametrize("filling", ["\u2800", "\u3164", "\u00a0", "\u0301", "\ufe0f", "\u200d"])
def test_what_looks_empty_is(field: str, filling: str) -> None:
    with pytest.raises(ValidationError, match=r"blank|at least"):
        Draft(**{**VALID, field: filling * 30})

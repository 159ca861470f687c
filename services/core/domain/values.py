"""The values that the things of the domain are made of: timestamps, checked text, identifiers."""

import hashlib
import re
import unicodedata
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

# Characters that hide or reorder what a reader sees (UAX 9 overrides and isolates, zero-width space and joiners
# that no script needs), and controls. ZWNJ and ZWJ stay: Persian and emoji need them.
_FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_LINE_BREAK = re.compile("[\t\n\u2028\u2029]")


class Model(BaseModel):
    """A thing as it is stored: camelCase in the tables, immutable. An attribute that a later release added is
    passed over, so that a release can be rolled back.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=to_camel,
        populate_by_name=True,
        defer_build=True,
        hide_input_in_errors=True,  # what members wrote is not for the logs
    )


class Input(Model):
    """What a member sends: nothing unknown, nothing coerced."""

    model_config = ConfigDict(extra="forbid", strict=True)


def timestamp(moment: datetime) -> str:
    """ISO 8601 in UTC with milliseconds; its fixed width makes it sortable as text."""
    moment = moment.astimezone(UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def _moment(value: object) -> object:
    return datetime.fromisoformat(value) if isinstance(value, str) else value


Timestamp = Annotated[
    datetime,
    BeforeValidator(_moment),
    PlainSerializer(timestamp),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
"""A moment in UTC; text in a table and on the wire."""


def _visible(value: str) -> str:
    if found := _FORBIDDEN.search(value):
        raise ValueError(f"must not contain the invisible character U+{ord(found[0]):04X}; please remove it")
    return unicodedata.normalize("NFC", value)


def _one_line(value: str) -> str:
    if _LINE_BREAK.search(value):
        raise ValueError("must be a single line")
    return value


def _newlines(value: object) -> object:
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def _not_blank(value: str) -> str:
    if not value.strip():
        raise ValueError("must not be blank")
    return value


_VISIBLE, _ONE_LINE, _NOT_BLANK = AfterValidator(_visible), AfterValidator(_one_line), AfterValidator(_not_blank)
_NEWLINES = BeforeValidator(_newlines)

# One line of plain text, kept as typed (in Unicode form NFC).
Title = Annotated[str, Field(min_length=5, max_length=200), _VISIBLE, _ONE_LINE, _NOT_BLANK]
DisplayName = Annotated[str, Field(min_length=2, max_length=50), _VISIBLE, _ONE_LINE, _NOT_BLANK]
Tag = Annotated[str, Field(min_length=1, max_length=30), _VISIBLE, _ONE_LINE, _NOT_BLANK]
Area = Annotated[str, Field(max_length=80), _VISIBLE, _ONE_LINE]
Search = Annotated[str, Field(max_length=80), _VISIBLE, _ONE_LINE, AfterValidator(str.strip)]

# Plain text or Markdown of any number of lines, kept as typed (in NFC, with line feeds).
Description = Annotated[str, Field(min_length=20, max_length=2000), _NEWLINES, _VISIBLE, _NOT_BLANK]
Submission = Annotated[str, Field(min_length=10, max_length=2000), _NEWLINES, _VISIBLE, _NOT_BLANK]
Reason = Annotated[str, Field(min_length=20, max_length=1000), _NEWLINES, _VISIBLE, _NOT_BLANK]
MessageText = Annotated[str, Field(min_length=1, max_length=1000), _NEWLINES, _VISIBLE, _NOT_BLANK]
Notes = Annotated[str, Field(max_length=500), _NEWLINES, _VISIBLE]
Bio = Annotated[str, Field(max_length=500), _NEWLINES, _VISIBLE]

RewardXp = Annotated[int, Field(ge=10, le=1000)]
RewardReputation = Annotated[int, Field(ge=1, le=100)]


def digest(*parts: str) -> str:
    """26 characters of base 32 that depend on every part; the same in every process."""
    number = int.from_bytes(hashlib.sha256("\x1f".join(parts).encode()).digest()[:17], "big")
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    return "".join(alphabet[(number >> shift) & 31] for shift in range(0, 130, 5))

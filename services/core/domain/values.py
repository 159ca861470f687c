"""The values that the things of the domain are made of: timestamps, checked text, identifiers."""

import re
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema
from pydantic.alias_generators import to_camel

from services.core.domain import names
from services.core.domain.characters import REFUSED_IN_BMP, clean, is_visible

_LINE_BREAKS = "\t\n\u2028\u2029"
_LINE_BREAK = re.compile(f"[{_LINE_BREAKS}]")


class Model(BaseModel):
    """A thing as it is stored: camelCase in the tables, immutable. An attribute that a later release added is
    passed over, so that a release can be rolled back.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        alias_generator=cache(to_camel),  # the same names occur in many models
        populate_by_name=True,
        defer_build=True,
        hide_input_in_errors=True,  # what members wrote is not for the logs
    )


class Input(Model):
    """The base of what members send: nothing unknown, nothing coerced."""

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


def _in_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("must have a time zone, such as Z or +02:00")
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of range") from None


Moment = Annotated[Timestamp, AfterValidator(_in_utc)]
"""A moment as a caller writes it: with a time zone, kept in UTC."""


def _one_line(value: str) -> str:
    if _LINE_BREAK.search(value):
        raise ValueError("must be a single line")
    return value


def _cleaned(value: object) -> object:
    """The text as it is kept: line feeds, NFC, nothing that shows nothing. The limits that follow count this form."""
    return clean(value.replace("\r\n", "\n")) if isinstance(value, str) else value


def _not_blank(value: str) -> str:
    if not any(map(is_visible, value)):
        raise ValueError("must not be blank")
    return value


def _name(value: object) -> object:
    return names.checked(value) if isinstance(value, str) else value


_CLEAN, _NAME = BeforeValidator(_cleaned), BeforeValidator(_name)
_ONE_LINE, _NOT_BLANK = AfterValidator(_one_line), AfterValidator(_not_blank)


def _limits(least: int, most: int, *, lines: bool = True) -> Any:
    """Limits of the cleaned text, and for the API's document a pattern of what is refused in it."""
    refused = REFUSED_IN_BMP + ("" if lines else _LINE_BREAKS)
    return Field(min_length=least or None, max_length=most, json_schema_extra={"pattern": f"^[^{refused}]*$"})


# One line of plain text, kept as typed but for what shows nothing.
Title = Annotated[str, _limits(5, 200, lines=False), _CLEAN, _ONE_LINE, _NOT_BLANK]
DisplayName = Annotated[str, _limits(2, 50, lines=False), _NAME, _CLEAN, _ONE_LINE]
Tag = Annotated[str, _limits(1, 30, lines=False), _CLEAN, _ONE_LINE, _NOT_BLANK]
Area = Annotated[str, _limits(0, 80, lines=False), _CLEAN, _ONE_LINE]
MeetingPoint = Annotated[str, _limits(0, 200, lines=False), _CLEAN, _ONE_LINE]
Search = Annotated[str, _limits(0, 80, lines=False), _CLEAN, _ONE_LINE, AfterValidator(str.strip)]

# Plain text or Markdown of any number of lines, kept as typed but for what shows nothing.
Description = Annotated[str, _limits(20, 2000), _CLEAN, _NOT_BLANK]
Submission = Annotated[str, _limits(10, 2000), _CLEAN, _NOT_BLANK]
Reason = Annotated[str, _limits(20, 1000), _CLEAN, _NOT_BLANK]
MessageText = Annotated[str, _limits(1, 1000), _CLEAN, _NOT_BLANK]
ReportText = Annotated[str, _limits(0, 1000), _CLEAN]
Notes = Annotated[str, _limits(0, 500), _CLEAN]
Bio = Annotated[str, _limits(0, 500), _CLEAN]

RewardXp = Annotated[int, Field(ge=10, le=1000)]
RewardReputation = Annotated[int, Field(ge=1, le=100)]
Minutes = Annotated[int, Field(ge=5, le=1440)]

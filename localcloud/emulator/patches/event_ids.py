# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""The ids of log events, by which a reader tells which ones it has seen.

MiniStack 1.5.33 answers FilterLogEvents without them.

Report: put a log event, call FilterLogEvents: the event has no `eventId`.
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Any

from ministack.services import cloudwatch_logs  # type: ignore[import-not-found]  # in the emulator's environment

_numbers = itertools.count()


def install() -> None:
    """Give each event an id when it is first read."""
    cloudwatch_logs._stream_event_range = _with_ids(cloudwatch_logs._stream_event_range)


def _with_ids(events_of: Callable[..., Iterator[tuple[Any, str]]]) -> Callable[..., Iterator[tuple[Any, str]]]:
    def with_ids(*arguments: Any) -> Iterator[tuple[Any, str]]:
        for event, stream in events_of(*arguments):
            if "eventId" not in event:
                event["eventId"] = f"{event['timestamp']:013d}{next(_numbers):043d}"
            yield event, stream

    return with_ids

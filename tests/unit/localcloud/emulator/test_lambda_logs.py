"""Lambda's own records of failures."""

import json
import traceback
from datetime import UTC, datetime

import pytest

from localcloud.emulator.lambda_logs import error_record, init_records

AT = datetime(2026, 11, 27, 12, 0, 0, 5000, UTC)


class Client:
    """A class that a traceback names with its module."""

    class RefusedError(Exception):
        pass


def trace_of(error: Exception, cause: Exception | None = None) -> str:
    try:
        if cause:
            raise error from cause
        raise error
    except Exception:
        return traceback.format_exc()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ValueError("broken"), "ValueError"),
        (ValueError(), "ValueError"),
        (Client.RefusedError("AWS said: no"), "RefusedError"),
        (KeyError("two\nlines"), "KeyError"),
    ],
)
def test_an_exception_is_one_line_with_its_type_and_its_frames(error: Exception, kind: str) -> None:
    line = error_record(str(error), trace_of(error), "r1", AT)
    assert "\n" not in line
    record = json.loads(line)
    assert record | {"stackTrace": []} == {
        "timestamp": "2026-11-27T12:00:00.005Z",
        "level": "ERROR",
        "errorMessage": str(error),
        "errorType": kind,
        "requestId": "r1",
        "stackTrace": [],
    }
    (frame,) = record["stackTrace"]
    assert frame.startswith('  File "')
    assert "raise error" in frame


def test_of_a_chain_the_last_one_is_told() -> None:
    record = json.loads(error_record("late", trace_of(OSError("late"), cause=KeyError("early")), "r1", AT))
    assert (record["errorType"], len(record["stackTrace"])) == ("OSError", 1)


def test_what_is_no_traceback_is_told_all_the_same() -> None:
    assert json.loads(error_record("died", "", "r1", AT))["errorType"] == "Exception"


@pytest.mark.parametrize(
    ("reason", "kind"),
    [("No module named 'requests'", "Runtime.ImportModuleError"), ("boom at import", "Runtime.Unknown")],
)
def test_a_lambda_that_does_not_start_leaves_its_error_and_its_init_report(reason: str, kind: str) -> None:
    error, report = map(json.loads, init_records(f"Worker init failed: {reason}", AT))
    assert (error["level"], error["errorMessage"], error["errorType"]) == ("ERROR", reason, kind)
    assert report["type"] == "platform.initReport"
    assert report["record"] | {"phase": "init", "status": "error", "errorType": kind} == report["record"]

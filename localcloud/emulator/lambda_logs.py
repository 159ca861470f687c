"""The records that Lambda's runtime for Python writes of a failure, in its JSON format.

An unhandled exception is one line, not a traceback of many: what reads logs on AWS reads the same here. Of a Lambda
that does not start, the init phase's report is written too.
"""

import json
import re
from datetime import UTC, datetime
from typing import Any, Final

_RAISED: Final = re.compile(r"(?P<type>[\w.]+)(: |$)")
_FRAME: Final = '  File "'
_WORKER: Final = "Worker init failed: "
_IMPORT_ERROR: Final = re.compile(r"No module named|cannot import name|has no attribute")


def error_record(message: str, trace: str, request_id: str, at: datetime) -> str:
    """The line of an exception that a handler let through; `trace` is as the interpreter prints it."""
    block = trace.rpartition("Traceback (most recent call last):\n")[2].splitlines(keepends=True)
    raised = next((line.strip() for line in block if not line.startswith(" ")), "")
    match = _RAISED.match(raised)
    frames: list[str] = []
    for line in (line for line in block if line.startswith(" ")):
        if line.startswith(_FRAME) or not frames:
            frames.append(line)
        else:
            frames[-1] += line
    return _record(message, match["type"].rpartition(".")[2] if match else "Exception", request_id, frames, at)


def init_records(message: str, at: datetime) -> list[str]:
    """The lines of a Lambda that could not be started, as at an exception while its modules are imported."""
    reason = message.removeprefix(_WORKER)
    kind = "Runtime.ImportModuleError" if _IMPORT_ERROR.search(reason) else "Runtime.Unknown"
    report: dict[str, Any] = {
        "time": _stamp(at),
        "type": "platform.initReport",
        "record": {"initializationType": "on-demand", "phase": "init", "status": "error", "errorType": kind},
    }
    return [_record(reason, kind, "", [], at), json.dumps(report)]


def _record(message: str, kind: str, request_id: str, frames: list[str], at: datetime) -> str:
    return json.dumps(
        {
            "timestamp": _stamp(at),
            "level": "ERROR",
            "errorMessage": message,
            "errorType": kind,
            "requestId": request_id,
            "stackTrace": frames,
        }
    )


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z"

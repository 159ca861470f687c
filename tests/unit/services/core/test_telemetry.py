import io
import json
import subprocess
import sys

import pytest
import time_machine

from services.core.metrics import QUESTS_CREATED
from services.core.telemetry import Log, Telemetry
from tests.unit.services.cloud import NOW, log_of


def written(level: str) -> tuple[Log, io.StringIO]:
    telemetry = Telemetry(f"telemetry-{level}", "unit", level)
    return telemetry.log, log_of(telemetry)


def test_a_line_of_ours_has_the_form_of_powertools_line() -> None:
    log, out = written("INFO")
    with time_machine.travel(NOW, tick=False):
        log.info("request", extra={"status": 200, "user": "abc"})
        log.logger.info("request", extra={"status": 200, "user": "abc"})
    ours, theirs = map(json.loads, out.getvalue().splitlines())
    del theirs["location"]
    moment, other = ours.pop("timestamp"), theirs.pop("timestamp")
    assert ours == theirs
    assert (moment, other[:19]) == ("2026-03-01T12:00:00.000+00:00", "2026-03-01T12:00:00")


@pytest.mark.parametrize(("level", "lines"), [("DEBUG", 4), ("INFO", 4), ("WARNING", 3), ("ERROR", 2)])
def test_the_level_is_honoured(level: str, lines: int) -> None:
    log, out = written(level)
    try:
        raise ValueError("of the test")
    except ValueError:
        log.exception("exception", extra={"a": 1})
        log.warning("warning", exc_info=True)
    log.error("error")
    log.info("info", extra={})
    said = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(said) == lines
    assert said[0]["exception_name"] == "ValueError"
    assert "test_telemetry" in said[0]["exception"]
    assert {line["service"] for line in said} == {f"telemetry-{level}"}
    assert "test_the_level_is_honoured" in said[0]["location"]


def test_powertools_is_loaded_only_where_something_is_counted_or_goes_wrong() -> None:
    program = (
        "import sys; from services.core.telemetry import Telemetry\n"
        "telemetry = Telemetry('t', 'unit', 'INFO'); telemetry.log.info('request', extra={}); telemetry.flush()\n"
        "assert 'aws_lambda_powertools' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


def test_nothing_is_flushed_twice(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry("telemetry-test", "unit", "INFO")
    telemetry.count(QUESTS_CREATED)
    telemetry.flush()
    telemetry.flush()
    assert len(capsys.readouterr().out.splitlines()) == 1

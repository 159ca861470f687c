"""The smoke test's patience; its steps are run on the local cloud."""

import contextlib

import pytest

from ops.shared import smoke
from tests.unit.ops.conftest import UnitStage


@pytest.mark.parametrize(("endpoint", "seconds"), [("", 180), ("http://localhost:4566", 30)])
def test_on_aws_the_smoke_test_waits_until_a_new_mapping_works(
    stage: UnitStage, monkeypatch: pytest.MonkeyPatch, endpoint: str, seconds: float
) -> None:
    """A mapping of a stream that was just made takes minutes, which is no failed deployment."""
    waited: list[float] = []

    def stop(_stage: object, _http: object, *, paid_within: float) -> None:
        waited.append(paid_within)
        raise KeyboardInterrupt

    monkeypatch.setattr(smoke, "Smoke", stop)
    monkeypatch.setattr(UnitStage, "http", lambda _: contextlib.nullcontext())
    object.__setattr__(stage, "endpoint", endpoint)
    with pytest.raises(KeyboardInterrupt):
        smoke.run(stage, lambda _: None)
    assert waited == [seconds]

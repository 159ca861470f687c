"""The outputs of a stack, which arrive twice."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.engine import language_host


@pytest.mark.parametrize(
    ("arrived", "outputs"),
    [
        ([{}, {"x": 1}], {"x": 1}),
        ([{"x": 1}, {}], {"x": 1}),
        ([{"x": 1}], {"x": 1}),
        ([{}], {}),
    ],
)
def test_outputs_are_those_that_are_there_in_whatever_order_they_arrive(
    arrived: list[dict[str, Any]], outputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pulumi.runtime.settings.get_root_resource", lambda: None)
    monitor: Any = SimpleNamespace(exports=arrived)
    assert asyncio.run(language_host._registered(monitor)) == outputs

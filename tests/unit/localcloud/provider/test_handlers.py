"""The provider against the program: it makes what the stages have, and nothing besides. Reading writes nothing."""

from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from unittest.mock import MagicMock

import pytest
from botocore.exceptions import ClientError

from localcloud.provider import HANDLERS, INVOKES
from localcloud.provider.paper import PaperCloud
from tests.contract.aws.plans import EVERYTHING, REPOSITORY_CONFIG, STAGES, AwsRecorder
from tests.unit.infra.plan import plan, run_program

NOT_ON_THE_LOCAL_CLOUD = {
    "aws:appautoscaling/policy:Policy": "provisioned capacity, which a local stage refuses",
    "aws:appautoscaling/target:Target": "provisioned capacity, which a local stage refuses",
}


@dataclass
class Listening(AwsRecorder):
    """A recorder that also keeps the functions that the program calls."""

    called: set[str] = field(default_factory=set)

    def invoke(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        self.called.add(token)
        return super().invoke(token, args)


def used() -> tuple[set[str], set[str]]:
    """The types of resources and the functions that the plans of all stages and of the account's stack use."""
    runs: list[tuple[str, dict[str, str]]] = [(stage, {}) for stage in STAGES]
    runs += [("prod", EVERYTHING), ("bootstrap", REPOSITORY_CONFIG)]
    types, functions = {item.type for item in plan("local").resources}, set()
    for stage, overrides in runs:
        recorder = Listening()
        types |= {item.type for item in run_program(stage, overrides, recorder).resources}
        functions |= recorder.called
    return {name for name in types if name.startswith("aws:")}, functions


def test_every_handler_and_every_function_is_used() -> None:
    types, functions = used()
    assert set(HANDLERS) - types == set(), "no stack of ours has one: remove the handler"
    assert types - set(HANDLERS) == NOT_ON_THE_LOCAL_CLOUD.keys()
    assert functions == set(INVOKES), "no program of ours calls the others: remove them"


READS = ("describe", "get", "head", "list")


class Watched(PaperCloud):
    """A cloud that notes the operations that it is asked for, and has one answer."""

    def __init__(self, answer: Any) -> None:
        super().__init__("us-east-1")
        self.answer, self.asked = answer, list[str]()

    def client(self, service: str) -> Any:
        return WatchedClient(self)

    def call(self, service: str, operation: str, inputs: Any, /, **_more: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.note(operation)
        return answer

    def note(self, operation: str, *_arguments: Any, **_asked: Any) -> Any:
        self.asked.append(operation)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@dataclass
class WatchedClient:
    """A client of any service."""

    cloud: Watched

    def __getattr__(self, operation: str) -> Any:
        if operation == "get_paginator":
            return self.cloud.note
        return partial(self.cloud.note, operation)


GONE = ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "Read")


@pytest.mark.parametrize("type_", HANDLERS)
@pytest.mark.parametrize("answer", [GONE, MagicMock()], ids=["gone", "there"])
def test_reading_writes_nothing(type_: str, answer: Any) -> None:
    """A preview reads; what it reads stays as it is, also where it is gone."""
    cloud = Watched(answer)
    with suppress(Exception):  # the answers are made up
        HANDLERS[type_].read(cloud, "a/b|c:d", defaultdict(lambda: "x"))
    assert cloud.asked
    assert {name for name in cloud.asked if not name.startswith(READS)} == set()

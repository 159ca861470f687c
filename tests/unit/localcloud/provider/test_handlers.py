"""The provider against the program: it makes what the stages have, and nothing besides."""

from dataclasses import dataclass, field
from typing import Any

from localcloud.provider import HANDLERS, INVOKES
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

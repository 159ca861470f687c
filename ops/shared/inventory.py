"""The inventory of a stage: the resources that its stack's state has, and those of them that AWS no longer has."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

from localcloud.engine.state import State, StateError
from localcloud.provider import HANDLERS
from localcloud.provider.base import Cloud, Handler, is_missing
from localcloud.pulumi_engine.local_stack import stacks
from localcloud.pulumi_engine.recovery import legible
from ops.shared import interrupted
from ops.shared.errors import EXPECTED, explain
from ops.shared.stage import OperatorError, Stage

_WORKERS: Final = 8
_ATTEMPTS: Final = 8
"""AWS describes about ten alarms a second; who asks for more is throttled and asks again."""


@dataclass(frozen=True)
class Known:
    """A resource that the state has."""

    type: str
    name: str
    id: str
    inputs: Mapping[str, Any] = field(repr=False)

    def __str__(self) -> str:
        return f"{self.type.rpartition(':')[2]} {self.name}"


@dataclass(frozen=True)
class Seen:
    """The outcome of a look at every resource.

    Attributes:
        there: the number of those that are there.
        gone: those that are not.
        unseen: the reasons for which others could not be looked at, each once.
        unknown: the types that nobody here knows how to look at.
    """

    there: int
    gone: tuple[Known, ...]
    unseen: tuple[str, ...]
    unknown: tuple[str, ...]


def known(stage: Stage) -> list[Known]:
    """The resources that the state has; none before the first deployment. Raises as
    `interrupted.find_interrupted` does, OperatorError where the state cannot be read."""
    if stage.emulator is None:
        return _of_pulumi(interrupted.records(stage))
    of_pulumi = next((stack for stack in stacks(stage.emulator.stacks) if stack.stage == stage.name), None)
    if of_pulumi:
        return _of_pulumi(of_pulumi.records)
    try:
        state = State(stage.emulator.stacks / f"{stage.name}.json")
    except StateError as error:
        raise OperatorError(str(error)) from error
    return [Known(record.type, record.name, record.id, record.inputs) for record in state.resources]


def _of_pulumi(records: Sequence[Mapping[str, Any]]) -> list[Known]:
    return [
        Known(one["type"], one["urn"].rsplit("::", 1)[-1], one["id"], legible(one.get("inputs") or {}))
        for one in records
        if one.get("custom")
        and not one["type"].startswith("pulumi:")
        and not any(one.get(mark) for mark in ("external", "delete", "pendingReplacement"))
    ]


def look(stage: Stage, resources: Sequence[Known]) -> Seen:
    """Look for each of the resources. Changes nothing."""
    cloud = Cloud(stage.endpoint or "", stage.region, stage.session, attempts=_ATTEMPTS)
    looked = [one for one in resources if one.type in HANDLERS]
    with closing(cloud), ThreadPoolExecutor(_WORKERS) as pool:
        found = list(pool.map(lambda one: _is_there(cloud, one), looked))
    return Seen(
        there=found.count(True),
        gone=tuple(one for one, there in zip(looked, found, strict=True) if there is False),
        unseen=tuple(dict.fromkeys(there for there in found if isinstance(there, str))),
        unknown=tuple(sorted({one.type for one in resources} - HANDLERS.keys())),
    )


def _is_there(cloud: Cloud, resource: Known) -> bool | str:
    """Return if it is there; a text says why that cannot be seen."""
    handler = HANDLERS[resource.type]
    try:
        handler.read(cloud, _id(cloud, handler, resource), resource.inputs)
    except EXPECTED as error:
        return False if is_missing(error) else explain(error)
    except LookupError as error:
        return f"the state lacks {error} of {resource}"
    return True


def _id(cloud: Cloud, handler: Handler, resource: Known) -> str:
    """The id by which the handler finds it; where the inputs decide it, AWS's own provider may write it otherwise."""
    try:
        return handler.identify(cloud, resource.inputs) or resource.id
    except LookupError:
        return resource.id

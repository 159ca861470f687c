"""The real program, run against a recorder in place of AWS."""

import asyncio
import json
import logging
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from unittest.mock import patch

from infra.paths import REPOSITORY
from infra.stack_config import load_config
from localcloud.engine.language_host import (
    Exports,
    Program,
    Reading,
    Registration,
    directory_program,
    run,
    unwrap_secrets,
)
from services.core import stages

# As Pulumi's own language host does: a program that fails leaves futures that nobody asks any more.
logging.getLogger("asyncio").setLevel(logging.CRITICAL)

STAGES = tuple(stages.STAGES)
ACCOUNT = "123456789012"
REGION = "us-east-1"


@dataclass(frozen=True)
class Resource:
    """A registered resource: the inputs without the marks of secrets, and which of them were secret."""

    registration: Registration
    inputs: dict[str, Any]
    secret_inputs: frozenset[str]

    @property
    def type(self) -> str:
        return self.registration.type

    @property
    def name(self) -> str:
        return self.registration.name

    @property
    def label(self) -> str:
        """The component and the resource, e.g. `api/api`."""
        return f"{self.type.split(':')[-1]}({self.registration.urn.split('::')[2].split('$')[-2]} {self.name})"

    def policy(self, key: str = "policy") -> list[dict[str, Any]]:
        """The statements of a policy document among the inputs."""
        statements: list[dict[str, Any]] = json.loads(self.inputs[key])["Statement"]
        return statements


@dataclass
class Recorder:
    """An engine that makes nothing and answers with plausible outputs."""

    registrations: list[Registration] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def register(self, registration: Registration) -> tuple[str, dict[str, Any]]:
        with self._lock:
            assert registration.urn not in {known.urn for known in self.registrations}, f"twice: {registration.urn}"
            self.registrations.append(registration)
        inputs = unwrap_secrets(registration.inputs)[0]
        return _identity(registration, inputs), inputs | _outputs(registration.type, registration.name, inputs)

    def read(self, reading: Reading) -> dict[str, Any]:
        raise AssertionError(f"the program reads {reading.type} {reading.name}, which it does not make")

    def invoke(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        if token == "aws:iam/getPolicy:getPolicy":
            return {"arn": args["arn"], "id": args["arn"]}
        assert token == "aws:index/getCallerIdentity:getCallerIdentity"
        return {"accountId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root", "id": ACCOUNT, "userId": ACCOUNT}


def _identity(registration: Registration, inputs: Mapping[str, Any]) -> str:
    if registration.type == "aws:sqs/queue:Queue":
        return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{inputs['name']}"
    stage = registration.urn.split(":")[2]
    return str(inputs.get("bucket") or inputs.get("name") or f"{stage}-{registration.name}-id")


def _outputs(type_: str, name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    service = type_.split(":")[1].split("/")[0]
    physical = inputs.get("bucket") or inputs.get("name") or name
    kind = type_.split(":")[-1].lower()
    # SSM's ARNs repeat the slash that its names begin with.
    arn = f"arn:aws:{service}:{REGION}:{ACCOUNT}:{kind}/{str(physical).removeprefix('/')}"
    if type_ == "aws:lambda/alias:Alias":
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{inputs['functionName']}:{physical}"
    return {
        "arn": arn,
        "apiEndpoint": f"https://{name}.execute-api.{REGION}.amazonaws.com",
        "bucketRegionalDomainName": f"{physical}.s3.{REGION}.amazonaws.com",
        "domainName": f"{name}.cloudfront.net",
        "endpoint": f"cognito-idp.{REGION}.amazonaws.com/{name}",
        "executionArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{name}",
        "invokeArn": f"arn:aws:apigateway:{REGION}:lambda:path/functions/{arn}/invocations",
        "streamArn": f"{arn}/stream/now",
        "url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{physical}",
        "version": "1",
    }


@contextmanager
def _closing_event_loops() -> Iterator[None]:
    """Pulumi opens an event loop in each of its threads and closes none."""
    opened: list[asyncio.AbstractEventLoop] = []
    make = asyncio.new_event_loop

    def make_and_keep() -> asyncio.AbstractEventLoop:
        opened.append(make())
        return opened[-1]

    with patch("asyncio.new_event_loop", make_and_keep):
        try:
            yield
        finally:
            for loop in opened:
                loop.close()


@dataclass(frozen=True)
class Plan:
    """A stage as the program describes it."""

    stage: str
    resources: tuple[Resource, ...]
    exports: Exports

    def of(self, *types: str) -> list[Resource]:
        """The resources of these types, named by the last part of the token, e.g. `Table`; never none."""
        found = [resource for resource in self.resources if resource.type.split(":")[-1] in types]
        assert found, f"{self.stage} has no {types}"
        return found

    def one(self, type_: str, name: str) -> Resource:
        """The resource of this type and this logical name."""
        (found,) = (resource for resource in self.of(type_) if resource.name == name)
        return found

    def one_function(self, service: str) -> Resource:
        """The Lambda of a service; CloudFront has functions too."""
        (found,) = (f for f in self.of("Function") if f.type.startswith("aws:lambda") and f.name == service)
        return found

    @property
    def ids(self) -> set[str]:
        """Its contents: the part, the type and the logical name of each resource."""
        return {resource.registration.urn.split("::", 2)[2] for resource in self.resources}


def run_recorded(
    program: Program, stage: str, config: Mapping[str, str], recorder: Recorder | None = None
) -> tuple[Recorder, Exports]:
    """Runs any program. Raises what it raises."""
    recorder = recorder or Recorder()
    with _closing_event_loops():
        return recorder, run(program, recorder, project="civicforge", stage=stage, config=config)


def run_program(stage: str, overrides: Mapping[str, str] | None = None, recorder: Recorder | None = None) -> Plan:
    """Runs the program of `infra` for a stage. Raises what the program raises."""
    config = load_config(stage, REPOSITORY, overrides)
    with patch("infra.prerequisites.missing_zips", lambda _: []):  # they take minutes to build
        recorder, exports = run_recorded(directory_program(config.program), stage, config.values, recorder)
    resources = []
    # Pulumi registers from many threads; sorted, a plan is the same one in every process of a test run.
    for registration in sorted(recorder.registrations, key=lambda registration: registration.urn):
        if registration.custom:
            secret = frozenset(key for key, value in registration.inputs.items() if unwrap_secrets(value)[1])
            resources.append(Resource(registration, unwrap_secrets(registration.inputs)[0], secret))
    return Plan(stage, tuple(resources), exports)


@cache
def plan(stage: str) -> Plan:
    """The plan of a stage as it is committed."""
    return run_program(stage)

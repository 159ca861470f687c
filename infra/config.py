"""The configuration of a stage: what `Pulumi.yaml` and `Pulumi.<stage>.yaml` say, typed, and the rules it must keep."""

import difflib
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Final, Literal, Self

import pulumi
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from infra.observability.model import Severity
from infra.paths import REPOSITORY
from services.core.names import resource_name
from services.core.routes import GATEWAY_ROUTES
from services.core.services import SERVICES, Service
from services.core.stages import STAGES, DeclaredStage

LEAST_TIMEOUT: Final = 3
"""Seconds that a Lambda needs for a cold start and one slow call."""
MOST_BUDGET: Final = 500
"""Dollars a month above which a budget is too large to warn of a runaway bill."""

LEAST_WORDS_OF_A_REASON: Final = 3

OptionalText = Annotated[str | None, BeforeValidator(lambda value: value or None)]
Megabytes = Annotated[int, Field(ge=128, le=10240)]
Seconds = Annotated[int, Field(ge=1, le=900)]
Concurrency = Annotated[int, Field(ge=-1)]
Positive = Annotated[int, Field(ge=1)]


class RouteThrottle(BaseModel):
    """A route with limits of its own: requests per second, and at once."""

    model_config = ConfigDict(frozen=True)

    route: str
    rate: Positive
    burst: Positive

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `METHOD path rate burst`. Raises ValueError, also for a route that does not exist."""
        try:
            route, rate, burst = text.rsplit(maxsplit=2)
        except ValueError:
            raise ValueError(f"{text!r} is not of the form 'METHOD path rate burst'") from None
        if route not in {known.key for known in GATEWAY_ROUTES}:
            raise ValueError(f"there is no route {route!r}")
        return cls(route=route, rate=int(rate), burst=int(burst))


class FunctionSize(BaseModel):
    """The size of a Lambda: memory in MB, time in seconds, reserved concurrency (-1 shares the account's)."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    memory_mb: Megabytes
    timeout_seconds: Seconds
    concurrency: Concurrency

    @classmethod
    def declared(cls, service: Service) -> Self:
        """The size of a service where a stage sets no other."""
        return cls.model_validate({name: getattr(service, name) for name in cls.model_fields})


class SizeChange(BaseModel):
    """One number of a Lambda's size that a stage sets."""

    model_config = ConfigDict(frozen=True)

    service: str
    field: str
    value: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `service memoryMb|timeoutSeconds|concurrency number`. Raises ValueError, also for an unknown service."""
        fields = {to_camel(name): name for name in FunctionSize.model_fields}
        try:
            service, key, value = text.split()
            field, number = fields[key], int(value)
        except (KeyError, ValueError):
            raise ValueError(f"{text!r} is not of the form 'service {'|'.join(fields)} number'") from None
        if service not in SERVICES:
            raise ValueError(f"there is no service {service!r}; there are {', '.join(SERVICES)}")
        return cls(service=service, field=field, value=number)


class Accepted(BaseModel):
    """A value that would hurt people and is meant all the same, with the reason."""

    model_config = ConfigDict(frozen=True)

    key: str
    reason: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `key because reason`. Raises ValueError."""
        key, _, reason = text.partition(" because ")
        if len(reason.split()) < LEAST_WORDS_OF_A_REASON:
            raise ValueError(f"{text!r} is not of the form 'key because reason', with a reason of a few words")
        return cls(key=key, reason=reason)


_CHATS: Final = ("hooks.slack.com", "webhook.office.com", "discord.com", "chat.googleapis.com")
_SLACK: Final = "docs/operations.md#alarms for Slack"


class AlertHook(BaseModel):
    """An address that a topic tells over HTTPS, as PagerDuty and Opsgenie take it: they confirm by themselves."""

    model_config = ConfigDict(frozen=True)

    topic: Literal["page", "notify"]
    address: Annotated[str, Field(pattern=r"^https://[^\s]+$")]

    @field_validator("address")
    @classmethod
    def _confirms(cls, address: str) -> str:
        host = address.removeprefix("https://").partition("/")[0].partition(":")[0].lower()
        if host in _CHATS or host.endswith(tuple(f".{chat}" for chat in _CHATS)):
            raise ValueError(f"{host} confirms no subscription and does not take AWS's messages; see {_SLACK}")
        return address

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `page|notify https://address`. Raises ValueError."""
        topic, _, address = text.partition(" ")
        return cls.model_validate({"topic": topic, "address": address.strip()})


class StageConfig(BaseModel):
    """The configuration of one stage. A field's key is its name in camel case, in the project's namespace."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    stage: str
    region: str
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    log_retention_days: int
    protect: bool
    permissions_boundary: bool
    throttle_rate: Positive
    throttle_burst: Positive
    route_throttles: tuple[RouteThrottle, ...]
    lambda_sizes: tuple[SizeChange, ...]
    capacity: Annotated[Literal["on-demand", "provisioned"], Field(description="See decision 0008.")]
    min_read_units: Positive
    min_write_units: Positive
    max_read_units: Positive
    max_write_units: Positive
    board_shards: Annotated[int, Field(ge=1, le=64)]
    quest_lifetime_days: Positive
    claim_days: Positive
    creates_per_hour: Positive
    claims_per_hour: Positive
    messages_per_hour: Positive
    edits_per_hour: Positive
    silence_days: Annotated[Positive, Field(ge=3, description="Members are reminded before silence confirms.")]
    reports_per_hour: Positive
    parameter_ttl_seconds: Annotated[int, Field(ge=1, le=10, description="The app shows an open breaker within 30 s.")]
    aws_seconds: Annotated[int, Field(ge=1, le=8, description="The api's Lambda has 10 s, the gateway 29.")]
    canary_percent: Annotated[int, Field(ge=0, le=50, description="Share of the api's calls that try a release first.")]
    canary_minutes: Positive
    budget_usd: Positive
    alarms_from: Annotated[Severity, Field(description="The least severity that gets an alarm; each alarm costs.")]
    route_metrics: Annotated[bool, Field(description="AWS bills five metrics of each route as custom ones.")]
    dashboards: Annotated[bool, Field(description="An account's first three are free, the others three dollars each.")]
    runbook_url: Annotated[str, Field(min_length=1)]
    alert_hooks: tuple[AlertHook, ...]
    alert_mails: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...]
    accept: tuple[Accepted, ...]
    blocked_addresses: tuple[Annotated[str, Field(pattern=r"^[0-9a-f.:]{2,45}$")], ...]
    release: Annotated[str, Field(min_length=1)]
    artifacts: Annotated[str, Field(min_length=1)]
    architecture: Literal["arm64", "x86_64"]
    domain: OptionalText
    certificate_arn: OptionalText
    site_url: OptionalText
    cognito_endpoint: OptionalText
    mail_from: OptionalText
    mail_identity_arn: OptionalText
    mailbox: OptionalText

    @field_validator("stage")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in STAGES:
            raise ValueError(f"{value!r} is not declared in services/core/stages.py; there are {', '.join(STAGES)}")
        return value

    @field_validator("route_throttles", "lambda_sizes", "accept", "alert_hooks", mode="before")
    @classmethod
    def _parse(cls, value: Any, field: ValidationInfo) -> Any:
        parse: dict[str | None, Callable[[str], BaseModel]] = {
            "route_throttles": RouteThrottle.parse,
            "lambda_sizes": SizeChange.parse,
            "accept": Accepted.parse,
            "alert_hooks": AlertHook.parse,
        }
        return tuple(parse[field.field_name](item) if isinstance(item, str) else item for item in value)

    @model_validator(mode="after")
    def _keep_the_rules(self) -> Self:
        broken = [*self._broken_rules(), *(() if self.declared.disposable else self._broken_rules_of_people())]
        harm = dict(self._harmful_values())
        accepted = {accepted.key for accepted in self.accept}
        broken += [
            f"{why}; if it is meant, say so under accept: '{key} because ...'"
            for key, why in harm.items()
            if key not in accepted
        ]
        broken += [f"accept: {key} needs no acceptance" for key in sorted(accepted - harm.keys())]
        if broken:
            raise ValueError("; ".join(broken))
        return self

    @property
    def declared(self) -> DeclaredStage:
        """The declaration of the stage."""
        return STAGES[self.stage]

    def _broken_rules(self) -> Iterator[str]:
        retention = self.declared.log_retention_days
        if self.log_retention_days != retention:
            yield f"logRetentionDays is {self.log_retention_days}, {self.stage} keeps its logs {retention} days"
        if (self.domain is None) != (self.certificate_arn is None):
            yield "domain and certificateArn go together"
        if (self.mail_from is None) != (self.mail_identity_arn is None):
            yield "mailFrom and mailIdentityArn go together"
        if self.min_read_units > self.max_read_units or self.min_write_units > self.max_write_units:
            yield "the least read or write units are above the most"
        if not self.declared.on_aws and self.capacity == "provisioned":
            yield "capacity is provisioned, which the local cloud does not scale"

        for change in self.lambda_sizes:
            service, size = SERVICES[change.service], self.size(change.service)
            if size.timeout_seconds > service.longest_timeout:
                limit = f"its caller gives up after {service.longest_timeout} seconds"
                yield f"lambdaSizes: {change.service} timeoutSeconds is {size.timeout_seconds}, {limit}"

    def _harmful_values(self) -> Iterator[tuple[str, str]]:
        """The keys whose values would hurt people, each with the reason."""
        for name in SERVICES:
            size = self.size(name)
            if size.concurrency == 0:
                yield f"{name}.concurrency", f"lambdaSizes: {name} concurrency is 0, which stops it"
            if size.timeout_seconds < LEAST_TIMEOUT:
                yield f"{name}.timeoutSeconds", f"lambdaSizes: {name} has less than {LEAST_TIMEOUT} seconds to answer"
        if self.declared.production and not self.canary_percent:
            yield "canaryPercent", f"canaryPercent is 0, so that everybody on {self.stage} gets a release untried"
        if self.budget_usd > MOST_BUDGET:
            yield "budgetUsd", f"budgetUsd is {self.budget_usd}, which warns nobody of a runaway bill"

    def _broken_rules_of_people(self) -> Iterator[str]:
        """The rules of a stage that is not disposable."""
        if not self.protect:
            yield f"protect is false, {self.stage} must not lose its data"
        if self.log_level == "DEBUG":
            yield f"logLevel is DEBUG, which may log what people wrote; {self.stage} does not"
        if not self.alert_mails:
            yield f"alertMails is empty, so that nobody would hear {self.stage}'s alarms"
        if self.alarms_from != "P3":
            yield f"alarmsFrom is {self.alarms_from}, {self.stage} watches everything"
        if self.mailbox:
            yield f"mailbox is set, {self.stage} does not show its mails to anybody"

    @classmethod
    def load(cls) -> Self:
        """The configuration of the stack that Pulumi runs. Raises `pulumi.RunError` naming each key that is wrong."""
        config = pulumi.Config()
        keys = {to_camel(field) for field in cls.model_fields.keys() - {"stage", "region"}}
        _refuse_unknown(keys)
        given = {key: value for key in keys if (value := config.get(key)) is not None}
        try:
            return cls.model_validate(
                {
                    "stage": pulumi.get_stack(),
                    "region": pulumi.Config("aws").require("region"),
                    **{key: config.get_object(key) if value.startswith("[") else value for key, value in given.items()},
                }
            )
        except ValidationError as error:
            problems = "; ".join(
                ": ".join(filter(None, (".".join(map(str, e["loc"])), e["msg"]))) for e in error.errors()
            )
            raise pulumi.RunError(f"Pulumi.{pulumi.get_stack()}.yaml: {problems}") from None

    def name(self, base_name: str) -> str:
        """The physical name of a resource of this stage."""
        return resource_name(self.stage, base_name)

    def size(self, service: str) -> FunctionSize:
        """The size of a service's Lambda on this stage."""
        changed = {change.field: change.value for change in self.lambda_sizes if change.service == service}
        return FunctionSize.model_validate(FunctionSize.declared(SERVICES[service]).model_dump() | changed)

    def artifact(self, service: str) -> str:
        """The path of a service's zip."""
        return str(REPOSITORY / self.artifacts / f"{service}.zip")


def _refuse_unknown(keys: set[str]) -> None:
    """Raises `pulumi.RunError` naming each key of our namespace that is not declared or is encrypted."""
    prefix = f"{pulumi.get_project()}:"
    given = {key.removeprefix(prefix) for key in pulumi.runtime.config.CONFIG.get() if key.startswith(prefix)}
    problems = []
    for key in sorted(given - keys):
        meant = difflib.get_close_matches(key, keys, n=1)
        problems.append(f"there is no key {key!r}{f', is {meant[0]!r} meant?' if meant else ''}")
    secrets = sorted(key for key in given if pulumi.runtime.is_config_secret(prefix + key))
    problems += [f"{key} is a secret, which belongs into SSM (`civicforge secrets`)" for key in secrets]
    if problems:
        raise pulumi.RunError(f"Pulumi.{pulumi.get_stack()}.yaml: {'; '.join(problems)}")

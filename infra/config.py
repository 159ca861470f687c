"""The configuration of a stage: what `Pulumi.yaml` and `Pulumi.<stage>.yaml` say, typed, and the rules it must keep."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

import pulumi
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from infra.observability.model import Severity
from infra.paths import REPOSITORY
from services.core.names import resource_name
from services.core.routes import ROUTES

Stage = Literal["dev", "staging", "prod", "local"]
LOG_RETENTION_DAYS: dict[Stage, int] = {"dev": 7, "local": 7, "staging": 30, "prod": 90}

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
        """Reads `METHOD path rate burst`. Raises ValueError, also for a route that does not exist."""
        try:
            route, rate, burst = text.rsplit(maxsplit=2)
        except ValueError:
            raise ValueError(f"{text!r} is not of the form 'METHOD path rate burst'") from None
        if route not in {known.key for known in ROUTES}:
            raise ValueError(f"there is no route {route!r}")
        return cls(route=route, rate=int(rate), burst=int(burst))


class FunctionSize(BaseModel):
    """What a Lambda may use: memory in MB, time in seconds, reserved concurrency (-1 shares the account's)."""

    model_config = ConfigDict(frozen=True)

    memory_mb: Megabytes
    timeout_seconds: Seconds
    concurrency: Concurrency


class StageConfig(BaseModel):
    """The configuration of one stage. A field's key is its name in camel case, in the project's namespace."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    stage: Stage
    region: str
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    log_retention_days: int
    protect: bool
    permissions_boundary: bool
    throttle_rate: Positive
    throttle_burst: Positive
    route_throttles: tuple[RouteThrottle, ...]
    api_memory_mb: Megabytes
    api_timeout_seconds: Annotated[Seconds, Field(lt=30, description="An HTTP API gives up after 30 seconds.")]
    api_concurrency: Concurrency
    onboarding_memory_mb: Megabytes
    onboarding_timeout_seconds: Annotated[Seconds, Field(le=5, description="Cognito gives up after 5 seconds.")]
    onboarding_concurrency: Positive
    rewards_memory_mb: Megabytes
    rewards_timeout_seconds: Seconds
    rewards_concurrency: Concurrency
    housekeeping_memory_mb: Megabytes
    housekeeping_timeout_seconds: Seconds
    housekeeping_concurrency: Concurrency
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
    parameter_ttl_seconds: Annotated[int, Field(ge=1, le=10, description="The page shows an open breaker within 30 s.")]
    canary_percent: Annotated[int, Field(ge=0, le=50, description="Share of the api's calls that try a release first.")]
    canary_minutes: Positive
    budget_usd: Positive
    alarms_from: Annotated[Severity, Field(description="The least severity that gets an alarm; each alarm costs.")]
    dashboards: Annotated[bool, Field(description="An account's first three are free, the others three dollars each.")]
    runbook_url: Annotated[str, Field(min_length=1)]
    alert_mails: tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...]
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

    @field_validator("route_throttles", mode="before")
    @classmethod
    def _parse_route_throttles(cls, value: Any) -> Any:
        return tuple(RouteThrottle.parse(item) if isinstance(item, str) else item for item in value)

    @model_validator(mode="after")
    def _keep_the_rules(self) -> Self:
        broken = [*self._broken_rules(), *(self._broken_rules_of_people() if self.stage in ("staging", "prod") else ())]
        if broken:
            raise ValueError("; ".join(broken))
        return self

    def _broken_rules(self) -> Iterator[str]:
        retention = LOG_RETENTION_DAYS[self.stage]
        if self.log_retention_days != retention:
            yield f"logRetentionDays is {self.log_retention_days}, {self.stage} keeps its logs {retention} days"
        if (self.domain is None) != (self.certificate_arn is None):
            yield "domain and certificateArn go together"
        if (self.mail_from is None) != (self.mail_identity_arn is None):
            yield "mailFrom and mailIdentityArn go together"
        if self.min_read_units > self.max_read_units or self.min_write_units > self.max_write_units:
            yield "the least read or write units are above the most"
        if self.stage == "local" and self.capacity == "provisioned":
            yield "capacity is provisioned, which the local cloud does not scale"

    def _broken_rules_of_people(self) -> Iterator[str]:
        """What a stage must keep that holds what people made, or stands for one."""
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
        keys = (to_camel(field) for field in cls.model_fields.keys() - {"stage", "region"})
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

    def name(self, thing: str) -> str:
        """The physical name of a thing of this stage."""
        return resource_name(self.stage, thing)

    def size(self, service: str) -> FunctionSize:
        """What the Lambda of a service may use."""
        return FunctionSize.model_validate(
            {key: getattr(self, f"{service}_{key}") for key in FunctionSize.model_fields}
        )

    def artifact(self, service: str) -> str:
        """The path of a service's zip."""
        return str(REPOSITORY / self.artifacts / f"{service}.zip")

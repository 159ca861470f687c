"""The environment variables of each Lambda: parsed once at cold start, built by infra from the same model."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class SettingsError(RuntimeError):
    """The environment does not fit; the message names each variable that is missing or wrong."""


class Settings(BaseModel):
    """The variables that every Lambda needs. A field's variable is its name in upper case."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=str.upper, populate_by_name=True, defer_build=True
    )

    stage: str = Field(description="Name of the stage: dev, staging, prod, local.")
    release: str = Field(description="Release that the code belongs to, as /health reports it.")
    log_level: str = Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least severity that is logged.")
    users_table: str = Field(description="Name of the users table.")
    ledger_table: str = Field(description="Name of the ledger table.")

    @classmethod
    def load(cls, environ: Mapping[str, str]) -> Self:
        """Reads the fields' variables. Raises SettingsError."""
        names = {field.upper() for field in cls.model_fields}
        try:
            return cls.model_validate({name: environ[name] for name in names & environ.keys()})
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise SettingsError(f"The environment of this Lambda is incomplete or wrong. {problems}") from None

    @classmethod
    def variables(cls) -> tuple[str, ...]:
        """The names of the variables, sorted."""
        return tuple(sorted(field.upper() for field in cls.model_fields))

    def environment(self) -> dict[str, str]:
        """The variables that `load` reads back to an equal model."""
        return {name.upper(): str(value) for name, value in self.model_dump().items()}


class QuestSettings(Settings):
    """For the Lambdas that move quests."""

    quests_table: str = Field(description="Name of the quests table.")
    messages_table: str = Field(description="Name of the messages table.")
    reports_table: str = Field(description="Name of the reports table.")
    board_shards: int = Field(ge=1, le=64, description="Partitions of the board index.")
    quest_lifetime_days: int = Field(ge=1, description="Days until an OPEN quest expires.")
    claim_days: int = Field(ge=1, description="Days that a performer has to hand in.")


class InboxSettings(Settings):
    """For the Lambdas that read or write the members' inboxes."""

    inbox_table: str = Field(description="Name of the inbox table.")


class LiveSettings(Settings):
    """For the Lambdas that read parameters while they run."""

    parameter_ttl_seconds: int = Field(ge=1, le=10, description="Seconds for which a parameter's value is used.")


class PushSettings(Settings):
    """For the Lambdas that take or use the subscriptions of members' devices."""

    push_loopback: bool = Field(description="Push services on this machine are taken too; on the local cloud alone.")


class ApiSettings(QuestSettings, InboxSettings, LiveSettings, PushSettings):
    """The api Lambda."""

    cognito_region: str = Field(description="Region of the user pool.")
    cognito_user_pool_id: str = Field(description="User pool whose tokens the gateway accepts.")
    cognito_app_client_id: str = Field(description="App client whose access tokens the api accepts.")
    creates_per_hour: int = Field(ge=1, description="Quests that a member may create in an hour.")
    edits_per_hour: int = Field(ge=1, description="Edits of quests that a member may make in an hour.")
    silence_days: int = Field(ge=1, description="Days from a hand-in to its confirmation by silence.")
    claims_per_hour: int = Field(ge=1, description="Claims that a member may make in an hour.")
    messages_per_hour: int = Field(ge=1, description="Messages that a member may write in an hour.")
    aws_seconds: int = Field(ge=1, le=8, description="Seconds that a request may spend on AWS in all.")
    reports_per_hour: int = Field(ge=1, description="Reports that a member may make in an hour.")


class OnboardingSettings(InboxSettings, LiveSettings):
    """The onboarding Lambda, Cognito's PostConfirmation trigger."""

    user_creation_dlq_url: str = Field(description="Queue that keeps the sign-ups that could not be stored.")


class PublisherSettings(QuestSettings):
    """The publisher Lambda."""

    site_bucket: str = Field(description="Bucket that the documents are published in.")
    site_url: str = Field(description="Where the site answers; the documents' own addresses begin with it.")
    publisher_workers: int = Field(ge=1, description="Quests whose documents are written at once.")
    publisher_dlq_url: str = Field(description="Queue that keeps the quests that could not be published.")


class RewardsSettings(LiveSettings):
    """The rewards Lambda."""

    cognito_user_pool_id: str = Field(description="User pool whose group `internal` the flag includes first.")
    rewards_dlq_url: str = Field(description="Queue that keeps the ledger entries that could not be paid.")


class NotifierSettings(QuestSettings, InboxSettings, LiveSettings, PushSettings):
    """The notifier Lambda."""

    messages_table: str = Field(description="Name of the messages table.")
    cognito_user_pool_id: str = Field(description="User pool that holds the members' addresses and the group internal.")
    notices_dlq_url: str = Field(description="Queue that keeps what nobody could be told of.")
    site_url: str = Field(description="Where the links in mails lead to.")
    mail_from: str = Field(description="Sender of the mails; empty on a stage that sends none.")
    mail_configuration_set: str = Field(description="SES configuration set that reports bounces and complaints.")


class CanarySettings(Settings):
    """The canary Lambda."""

    quests_table: str = Field(description="Name of the quests table.")
    site_url: str = Field(description="Where the site answers.")
    site_bucket: str = Field(description="Bucket that the status page is published in.")
    cognito_endpoint: str = Field(description="Where members sign in.")
    cognito_user_pool_id: str = Field(description="User pool of the synthetic members.")
    cognito_app_client_id: str = Field(description="App client through which members sign in.")
    status_alarms: str = Field(
        description="Alarms that the status page shows, as `capability=name`, separated by commas."
    )


class HousekeepingSettings(QuestSettings, InboxSettings, LiveSettings):
    """The housekeeping Lambda."""

    cognito_user_pool_id: str = Field(description="User pool that deleted members leave.")

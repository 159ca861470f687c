"""The stage that a command works on: AWS clients, resources by name, stores, and the audit log.

`local` is the emulator that `make up` started. Any other stage is on AWS, by the default credential chain; only an
explicit `AWS_ENDPOINT_URL` sends it elsewhere, so that nobody "opens the breaker of prod" on their laptop.
"""

import getpass
import json
import os
import socket
import uuid
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

import boto3
import httpx
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.paths import REPOSITORY
from infra.stack_config import load_config
from localcloud.emulator.process import Emulator
from services.core import stages
from services.core.domain.values import timestamp
from services.core.events import Sweep
from services.core.live import keys_in
from services.core.metrics import DIMENSIONS, NAMESPACE, SERVICE, Metric
from services.core.names import LIVE_ALIAS, audit_log_group, bootstrap_role, parameter_name, resource_name
from services.core.parameters import ADDRESS_KEY, DISTRIBUTION_ID, SITE_URL, Parameter
from services.core.services import SERVICES
from services.core.settings import ApiSettings, Settings
from services.core.sign_ups import SignUps
from services.core.stores.addresses import AddressStore
from services.core.stores.inbox import InboxStore
from services.core.stores.ledger import LedgerStore
from services.core.stores.messages import MessageStore
from services.core.stores.quests import QuestStore
from services.core.stores.repair import RepairStore
from services.core.stores.reports import ReportStore
from services.core.stores.users import UserStore
from services.core.tables import TABLES, Table

if TYPE_CHECKING:
    from mypy_boto3_apigatewayv2 import ApiGatewayV2Client
    from mypy_boto3_budgets import BudgetsClient
    from mypy_boto3_cloudfront import CloudFrontClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_scheduler import EventBridgeSchedulerClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_sts import STSClient

    from localcloud.authorization.gate import Gate

LOCAL: Final = stages.LOCAL.name
MISSING: Final = "missing"
"""The value shown for a live parameter that somebody deleted."""
LOCAL_DIRECTORY = REPOSITORY / ".local"
_PLAN_SIZE: Final = 100_000
"""Bytes of a plan that a record of the audit log has at most; CloudWatch takes 256 KB in all."""
_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 5}, connect_timeout=5, read_timeout=60)


class OperatorError(Exception):
    """A command cannot go on; the message says why and what to do."""


@dataclass(frozen=True)
class DnsRecord:
    """A record that somebody has to make where the domain's names are kept."""

    name: str
    target: str

    def __str__(self) -> str:
        return f"{self.name}. CNAME {self.target}."


def _resolves(host: str) -> bool:
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        return False
    return True


@dataclass(frozen=True)
class Stage:
    """One stage and everything of it that a command reads or changes.

    Attributes:
        endpoint: URL that stands for AWS, or None for AWS itself.
        emulator: where the in-process engine provisions the stage; None if the Pulumi CLI does.
        gate: the role as which everything is done, on the emulator; None for its root.
    """

    name: str
    session: boto3.Session
    endpoint: str | None = None
    emulator: Emulator | None = None
    gate: "Gate | None" = None

    def as_role(self, kind: str) -> Self:
        """The stage as its role `deploy`, `preview` or `rollout` reaches it, whose policies decide on each call.

        Raises:
            OperatorError: the stage is not on the emulator, or the role is not there.
        """
        if self.endpoint is None:
            raise OperatorError("On AWS you are who you are signed in as; --as-role is for the local cloud.")
        from localcloud.authorization.gate import Gate  # only this needs it

        tags = load_config(self.name, REPOSITORY).default_tags
        try:
            gate = Gate(self.endpoint, self.region, bootstrap_role(self.name, kind), tags)
        except ClientError as error:
            raise OperatorError(
                f"There is no role {bootstrap_role(self.name, kind)} on the local cloud; "
                f"bring the stack `bootstrap` up first ({error})."
            ) from error
        keys = self.session.get_credentials()
        assert keys is not None, "the emulator was reached with some"
        session = boto3.Session(keys.access_key, keys.secret_key, keys.token, region_name=self.region)
        gate.attach(session)
        return replace(self, session=session, gate=gate)

    @cached_property
    def account(self) -> str:
        """The number of the AWS account."""
        return self.sts.get_caller_identity()["Account"]

    @cached_property
    def actor(self) -> str:
        """The operator: the identity that AWS sees, and the person or job that uses it."""
        return f"{self.sts.get_caller_identity()['Arn']} ({self.login})"

    @property
    def login(self) -> str:
        """The name of the person or job that uses this machine."""
        return os.environ.get("GITHUB_ACTOR") or os.environ.get("USER") or getpass.getuser()

    @property
    def region(self) -> str:
        """The AWS region."""
        return self.session.region_name

    @property
    def where(self) -> str:
        """The stage and its place in words, so that nobody takes one stage for another."""
        place = f"the emulator at {self.endpoint}" if self.endpoint else f"AWS account {self.account}, {self.region}"
        return f"{self.name} on {place}"

    def resource(self, base_name: str) -> str:
        """The name of one of the stage's resources."""
        return resource_name(self.name, base_name)

    def table(self, table: Table) -> str:
        """The name of one of the stage's tables."""
        return self.resource(table.base_name)

    # Clients.

    @cached_property
    def apigateway(self) -> "ApiGatewayV2Client":
        return self.session.client("apigatewayv2", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def budgets(self) -> "BudgetsClient":
        return self.session.client("budgets", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def cloudfront(self) -> "CloudFrontClient":
        return self.session.client("cloudfront", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def cloudwatch(self) -> "CloudWatchClient":
        return self.session.client("cloudwatch", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def cognito(self) -> "CognitoIdentityProviderClient":
        return self.session.client("cognito-idp", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def dynamodb(self) -> "DynamoDBClient":
        return self.session.client("dynamodb", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def lambda_(self) -> "LambdaClient":
        return self.session.client("lambda", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def logs(self) -> "CloudWatchLogsClient":
        return self.session.client("logs", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def s3(self) -> "S3Client":
        return self.session.client("s3", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def scheduler(self) -> "EventBridgeSchedulerClient":
        return self.session.client("scheduler", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def sesv2(self) -> "SESV2Client":
        return self.session.client("sesv2", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def sns(self) -> "SNSClient":
        return self.session.client("sns", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def sqs(self) -> "SQSClient":
        return self.session.client("sqs", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def ssm(self) -> "SSMClient":
        return self.session.client("ssm", endpoint_url=self.endpoint, config=_CONFIG)

    @cached_property
    def sts(self) -> "STSClient":
        return self.session.client("sts", endpoint_url=self.endpoint, config=_CONFIG)

    # Parameters.

    def find_parameter(self, key: str) -> str | None:
        """A parameter's value, decrypted; None if there is none."""
        try:
            answer = self.ssm.get_parameter(Name=parameter_name(self.name, key), WithDecryption=True)
        except self.ssm.exceptions.ParameterNotFound:
            return None
        return answer["Parameter"]["Value"]

    def parameter(self, parameter: Parameter) -> str:
        """A declared parameter's value. Raises OperatorError if the stage was never stood up."""
        value = self.find_parameter(parameter.key)
        if value is None:
            raise OperatorError(
                f"{self.where}: {parameter_name(self.name, parameter.key)} is missing, so the stage is not there. "
                f"Stand it up with `civicforge deploy --stage {self.name}`."
            )
        return value

    def live(self, parameter: Parameter) -> str:
        """A live parameter's value, MISSING where somebody deleted it. Raises OperatorError as `parameter` does."""
        value = self.find_parameter(parameter.key)
        if value is None:
            self.parameter(SITE_URL)
        return value or MISSING

    def put_parameter(self, key: str, value: str, *, secret: bool = False) -> None:
        """Writes a parameter, made if it is not there."""
        self.ssm.put_parameter(
            Name=parameter_name(self.name, key),
            Value=value,
            Type="SecureString" if secret else "String",
            Overwrite=True,
        )

    def delete_parameter(self, key: str) -> None:
        """Removes a parameter; one that is gone already is no error."""
        try:
            self.ssm.delete_parameter(Name=parameter_name(self.name, key))
        except self.ssm.exceptions.ParameterNotFound:
            return

    # Page and API, as a browser sees them.

    def http(self) -> httpx.Client:
        """A client of the stage's address; that of the emulator's front door, whichever port it got this time.

        As long as the stage's domain leads nowhere, the distribution is asked under the name that AWS gave it.
        """
        running = self.emulator.running() if self.emulator else None
        if running:
            url = running.url_of(self.name)
        else:
            record = self.missing_dns_record()
            url = f"https://{record.target}" if record else self.parameter(SITE_URL)
        parts = urlsplit(url)
        if (parts.hostname or "").endswith(".localhost"):
            # Browsers know that these names are this machine's; what resolves names for Python may not.
            return httpx.Client(base_url=f"http://127.0.0.1:{parts.port}", headers={"Host": parts.netloc}, timeout=30)
        return httpx.Client(base_url=url, timeout=30)

    def missing_dns_record(self) -> "DnsRecord | None":
        """The record that leads from the stage's domain to its distribution; None if the name resolves."""
        host = urlsplit(self.parameter(SITE_URL)).hostname or ""
        if not host or host.endswith((".cloudfront.net", "localhost")) or _resolves(host):
            return None
        found = self.cloudfront.get_distribution(Id=self.parameter(DISTRIBUTION_ID))
        return DnsRecord(host, found["Distribution"]["DomainName"])

    # What was counted.

    def sum_of(
        self, namespace: str, metric: str, dimensions: Mapping[str, str], since: datetime, until: datetime
    ) -> float:
        """The sum of a CloudWatch metric over the time, which is widened to what CloudWatch keeps of its age.

        It has minutes for 15 days, five minutes for 63 days and then hours, and answers other periods with nothing.
        """
        age = datetime.now(UTC) - since
        unit = 60 if age < timedelta(days=15) else 300 if age < timedelta(days=63) else 3600
        answer = self.cloudwatch.get_metric_statistics(
            Namespace=namespace,
            MetricName=metric,
            Dimensions=[{"Name": name, "Value": value} for name, value in dimensions.items()],
            StartTime=since,
            # CloudWatch wants whole units, and a whole period between start and end.
            EndTime=max(until, since + timedelta(seconds=unit)),
            Period=max(unit, -(-int((until - since).total_seconds()) // unit) * unit),
            Statistics=["Sum"],
        )
        return sum(point["Sum"] for point in answer["Datapoints"])

    def count_of(self, metric: Metric, since: datetime, until: datetime) -> float:
        """The count of one of our own metrics in this stage."""
        dimensions = dict(zip(DIMENSIONS, (SERVICE, self.name), strict=True))
        return self.sum_of(NAMESPACE, metric.name, dimensions, since, until)

    # What the Lambdas have.

    def settings(self, service: str) -> Settings:
        """The settings that a service's live version runs with. Raises OperatorError if it is not deployed."""
        try:
            found = self.lambda_.get_function_configuration(FunctionName=self.resource(service), Qualifier=LIVE_ALIAS)
        except self.lambda_.exceptions.ResourceNotFoundException:
            raise OperatorError(
                f"{self.where}: there is no Lambda {self.resource(service)}. "
                f"Stand the stage up with `civicforge deploy --stage {self.name}`."
            ) from None
        return SERVICES[service].settings.load(found["Environment"]["Variables"])

    @cached_property
    def api_settings(self) -> ApiSettings:
        """The settings of the api."""
        settings = self.settings("api")
        assert isinstance(settings, ApiSettings)
        return settings

    def sweep(self, service: str) -> None:
        """Run a service's schedule and wait for its end. Raises OperatorError if it fails."""
        self.invoke(service, asdict(Sweep(service)))

    def start(self, service: str) -> None:
        """Runs a service as its schedule does: nobody waits, and what fails goes to the schedules' queue."""
        self.lambda_.invoke(
            FunctionName=self.resource(service),
            Qualifier=LIVE_ALIAS,
            InvocationType="Event",
            Payload=Sweep(service).to_json().encode(),
        )

    def invoke(self, service: str, event: Mapping[str, Any]) -> Any:
        """Runs a service's live version and waits for its answer. Raises OperatorError if it fails."""
        answer = self.lambda_.invoke(
            FunctionName=self.resource(service), Qualifier=LIVE_ALIAS, Payload=json.dumps(event).encode()
        )
        payload = json.loads(answer["Payload"].read() or b"null")
        if answer.get("FunctionError"):
            message = payload.get("errorMessage", "no message") if isinstance(payload, dict) else payload
            raise OperatorError(
                f"The Lambda {service} failed: {message}. `civicforge logs {service} --stage {self.name}` shows why."
            )
        return payload

    @cached_property
    def users(self) -> UserStore:
        return UserStore(self.dynamodb, self.api_settings.users_table, self.api_settings.ledger_table)

    @cached_property
    def sign_ups(self) -> SignUps:
        addresses = AddressStore(self.dynamodb, self.api_settings.inbox_table)
        return SignUps(self.users, addresses, lambda: keys_in(self.parameter(ADDRESS_KEY)))

    @cached_property
    def ledger(self) -> LedgerStore:
        return LedgerStore(self.dynamodb, self.api_settings.ledger_table, self.api_settings.users_table)

    @cached_property
    def inbox(self) -> InboxStore:
        return InboxStore(self.dynamodb, self.api_settings.inbox_table)

    @cached_property
    def quests(self) -> QuestStore:
        settings = self.api_settings
        return QuestStore(
            self.dynamodb,
            settings.quests_table,
            settings.users_table,
            settings.ledger_table,
            shards=settings.board_shards,
        )

    @cached_property
    def messages(self) -> MessageStore:
        return MessageStore(self.dynamodb, self.api_settings.messages_table, self.api_settings.users_table, self.quests)

    @cached_property
    def reports(self) -> ReportStore:
        return ReportStore(self.dynamodb, self.api_settings.reports_table, self.api_settings.users_table)

    @cached_property
    def repair(self) -> RepairStore:
        return RepairStore(self.dynamodb, {table: self.table(table) for table in TABLES})

    # Audit.

    @contextmanager
    def audited(self, action: str, target: str, reason: str, plan: Collection[str]) -> Iterator[dict[str, Any]]:
        """Records a change when it ends, failed ones too. What is put into the yielded dict is recorded with it.

        Raises OperatorError if the change was made and its record could not be.
        """
        details: dict[str, Any] = {}

        def record(outcome: str) -> None:
            self._record(
                {
                    "at": timestamp(datetime.now(UTC)),
                    "actor": self.actor,
                    "action": action,
                    "target": target,
                    "reason": reason,
                    "plan": _beginning(plan),
                    "outcome": outcome,
                    **details,
                }
            )

        try:
            yield details
        except BaseException as error:
            failed = isinstance(error, Exception)
            try:
                record(f"failed: {type(error).__name__}: {error}" if failed else "interrupted")
            except Exception as unrecorded:  # a cut network, say: never in place of what went wrong
                raise OperatorError(f"{error or type(error).__name__}\n{unrecorded}") from error
            raise
        record("done")

    def _record(self, entry: Mapping[str, Any]) -> None:
        now = datetime.now(UTC)
        group, stream = audit_log_group(self.name), f"{now:%Y/%m/%d}/{uuid.uuid4()}"
        text = json.dumps(entry)
        try:
            self.logs.create_log_stream(logGroupName=group, logStreamName=stream)
            self.logs.put_log_events(
                logGroupName=group,
                logStreamName=stream,
                logEvents=[{"timestamp": int(now.timestamp() * 1000), "message": text}],
            )
        except ClientError as error:
            raise OperatorError(
                f"{group} does not take the record of this ({error}); keep it yourself:\n{text}"
            ) from error


def _beginning(plan: Collection[str]) -> list[str]:
    """The plan, or as much of it as a record takes and how many lines follow."""
    lines: list[str] = []
    size = 0
    for line in plan:
        size += len(line.encode())
        if size > _PLAN_SIZE:
            return [*lines, f"and {len(plan) - len(lines)} more"]
        lines.append(line)
    return lines


def open_stage(name: str) -> Stage:
    """The stage of this name. Raises OperatorError if it cannot be reached from here.

    With `CIVICFORGE_AS_ROLE` (deploy, preview or rollout) it is reached as that role, on the emulator.
    """
    stage, role = _open(name), os.environ.get("CIVICFORGE_AS_ROLE")
    return stage.as_role(role) if role else stage


def _open(name: str) -> Stage:
    if name not in stages.STAGES:
        raise OperatorError(f"There is no stage {name!r}; choose one of {', '.join(stages.STAGES)}.")
    region = load_config(name, REPOSITORY).region
    emulator = Emulator(LOCAL_DIRECTORY)
    running = emulator.running()
    if elsewhere := os.environ.get("AWS_ENDPOINT_URL"):
        ours = running is not None and running.endpoint == elsewhere
        return Stage(name, boto3.Session(region_name=region), elsewhere, emulator if ours else None)
    if name != LOCAL:
        return Stage(name, boto3.Session(region_name=region))
    if running is None:
        raise OperatorError("The local cloud does not run. `make up` starts it.")
    return Stage(name, boto3.Session(*emulator.root_key, region_name=region), running.endpoint, emulator)

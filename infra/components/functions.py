"""The Lambdas: the settings and the permissions of each."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.components.component import account_id
from infra.components.data import Data
from infra.components.function import Function
from infra.components.identity import Identity
from infra.components.mail import Mail
from infra.components.messaging import DeadLetters
from infra.components.parameters import LiveParameters
from infra.components.policies import Statement
from infra.components.site import Site
from infra.config import StageConfig
from infra.observability.catalogue import status_alarms
from services.core.names import PUBLISHED, STATUS_KEY, parameter_name, resource_name
from services.core.parameters import BREAKER_BY_CANARY, SILENCES
from services.core.services import NOTICES, PUBLISHER, REWARDS, SCHEDULES, SERVICES, USER_CREATION
from services.core.stores.addresses import PARTITIONS
from services.core.stores.devices import PARTITION as DEVICES
from services.core.stores.probe import PROBE_KEY
from services.core.stores.users import (
    API_ATTRIBUTES,
    HOUSEKEEPING_ATTRIBUTES,
    INBOX_ATTRIBUTES,
    NEWCOMER_ATTRIBUTES,
)
from services.core.tables import INBOX, LEDGER, MESSAGES, QUESTS, REPORTS, USERS

PUBLISHER_WORKERS = 8
"""Threads of the publisher: its time is S3's, not its own."""


def _settings(stage: StageConfig, data: Data, **own: pulumi.Input[str]) -> dict[str, pulumi.Input[Any]]:
    tables = {
        "users_table": data.users.name,
        "quests_table": data.quests.name,
        "ledger_table": data.ledger.name,
        "inbox_table": data.inbox.name,
        "messages_table": data.messages.name,
        "reports_table": data.reports.name,
    }
    loopback = str(not stage.declared.on_aws)
    return {**stage.model_dump(), **tables, "push_loopback": loopback, **own}


def _table(sid: str, table: aws.dynamodb.Table, *operations: str, indexes: Sequence[str] = ()) -> Statement:
    return Statement(
        sid=sid,
        actions=[f"dynamodb:{operation}" for operation in operations],
        resources=[table.arn, *(pulumi.Output.concat(table.arn, "/index/", index) for index in indexes)],
    )


def _write_users(data: Data, operation: str, attributes: AbstractSet[str]) -> Statement:
    """Permission to write only these attributes; XP, reputation and completed belong to rewards."""
    return Statement(
        sid=f"{operation}OfUsers",
        actions=[f"dynamodb:{operation}"],
        resources=[data.users.arn],
        conditions={"ForAllValues:StringEquals": {"dynamodb:Attributes": sorted(attributes)}},
    )


def _send(sid: str, queue: aws.sqs.Queue) -> Statement:
    return Statement(sid=sid, actions=["sqs:SendMessage"], resources=[queue.arn])


def _read_stream(sid: str, table: aws.dynamodb.Table) -> Statement:
    operations = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
    return Statement(
        sid=sid, actions=[f"dynamodb:{operation}" for operation in operations], resources=[table.stream_arn]
    )


def _addresses(data: Data, *operations: str) -> Statement:
    """Permission on the digests of addresses alone, which are partitions of the inbox table."""
    return Statement(
        sid="Addresses",
        actions=[f"dynamodb:{operation}" for operation in operations],
        resources=[data.inbox.arn],
        conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{PARTITIONS}*"]}},
    )


READ_AND_WRITE = ("GetItem", "BatchGetItem", "Query", "PutItem", "UpdateItem")
USER_INDEXES, QUEST_INDEXES, LEDGER_INDEXES, MESSAGE_INDEXES, INBOX_INDEXES, REPORT_INDEXES = (
    tuple(index.name for index in table.indexes) for table in (USERS, QUESTS, LEDGER, MESSAGES, INBOX, REPORTS)
)


def onboarding_function(
    stage: StageConfig, data: Data, dead_letters: DeadLetters, parameters: LiveParameters
) -> Function:
    """Makes the row of a new member and writes the mails with codes; Cognito waits for it."""
    return Function(
        stage,
        "onboarding",
        settings=_settings(stage, data, user_creation_dlq_url=dead_letters[USER_CREATION].url),
        statements=[
            # A former account's points and limits.
            _table("Users", data.users, "GetItem"),
            _write_users(data, "PutItem", NEWCOMER_ATTRIBUTES),
            _table("WelcomeLedger", data.ledger, "PutItem"),
            _addresses(data, "GetItem", "PutItem"),
            Statement(
                sid="ReadAddressKey",
                actions=["ssm:GetParameter", "ssm:GetParameters"],
                resources=[parameters.address_key.arn],
            ),
            _send("KeepFailures", dead_letters[USER_CREATION]),
        ],
    )


def api_function(stage: StageConfig, data: Data, identity: Identity, parameters: LiveParameters) -> Function:
    """Answers the API's requests."""
    return Function(
        stage,
        "api",
        settings=_settings(
            stage,
            data,
            cognito_region=stage.region,
            cognito_user_pool_id=identity.pool.id,
            cognito_app_client_id=identity.client.id,
        ),
        statements=[
            _table("Users", data.users, "GetItem", "BatchGetItem", "ConditionCheckItem"),
            _write_users(data, "PutItem", NEWCOMER_ATTRIBUTES),
            _write_users(data, "UpdateItem", API_ATTRIBUTES),
            _table(
                "Quests",
                data.quests,
                *("GetItem", "BatchGetItem", "PutItem", "UpdateItem", "Query", "ConditionCheckItem"),
                indexes=QUEST_INDEXES,
            ),
            _table("Messages", data.messages, *READ_AND_WRITE, indexes=MESSAGE_INDEXES),
            _table("Reports", data.reports, *READ_AND_WRITE, indexes=REPORT_INDEXES),
            _table("Ledger", data.ledger, "PutItem", "Query", "GetItem", "BatchGetItem"),
            _table("Inbox", data.inbox, "GetItem", "Query"),
            _addresses(data, "PutItem"),
            Statement(
                sid="WriteDevices",
                actions=["dynamodb:PutItem"],
                resources=[data.inbox.arn],
                conditions={"ForAllValues:StringLike": {"dynamodb:LeadingKeys": [f"{DEVICES}*"]}},
            ),
            Statement(
                sid="ReadLiveParameters",
                actions=["ssm:GetParameter", "ssm:GetParameters"],
                resources=[parameter.arn for parameter in parameters.all],
            ),
            Statement(
                sid="CloseAccounts",
                actions=[
                    f"cognito-idp:{name}"
                    for name in ("AdminDisableUser", "AdminEnableUser", "AdminGetUser", "AdminUserGlobalSignOut")
                ],
                resources=[identity.pool.arn],
            ),
            Statement(
                sid="ReadCommunityTotals",
                actions=["cloudwatch:GetMetricData"],
                resources=["*"],
                wide_because="CloudWatch offers no permission on single metrics",
            ),
        ],
    )


def rewards_function(
    stage: StageConfig, data: Data, dead_letters: DeadLetters, identity: Identity, parameters: LiveParameters
) -> Function:
    """Pays what the ledger owes; the only one that may change xp and reputation."""
    return Function(
        stage,
        "rewards",
        settings=_settings(
            stage, data, rewards_dlq_url=dead_letters[REWARDS].url, cognito_user_pool_id=identity.pool.id
        ),
        statements=[
            _table("PayUsers", data.users, "UpdateItem"),
            _table("Ledger", data.ledger, "GetItem", "UpdateItem", "Query", indexes=LEDGER_INDEXES),
            _read_stream("ReadLedgerStream", data.ledger),
            Statement(
                sid="ReadFlag",
                actions=["ssm:GetParameter", "ssm:GetParameters"],
                resources=[parameters.rewards_flag.arn],
            ),
            Statement(sid="ReadInternalGroup", actions=["cognito-idp:ListUsersInGroup"], resources=[identity.pool.arn]),
            _send("KeepFailures", dead_letters[REWARDS]),
            _send("KeepFailedSweeps", dead_letters[SCHEDULES]),
        ],
    )


def housekeeping_function(
    stage: StageConfig, data: Data, dead_letters: DeadLetters, identity: Identity, parameters: LiveParameters
) -> Function:
    """Expires, releases, confirms and refunds overdue quests, and deletes accounts whose owners asked for it."""
    return Function(
        stage,
        "housekeeping",
        settings=_settings(stage, data, cognito_user_pool_id=identity.pool.id),
        statements=[
            _table("Quests", data.quests, "BatchGetItem", "Query", "UpdateItem", indexes=QUEST_INDEXES),
            # Scan, in slices: the daily comparison of totals with the ledger.
            _table("Users", data.users, "GetItem", "BatchGetItem", "Query", "Scan", indexes=USER_INDEXES),
            _write_users(data, "PutItem", NEWCOMER_ATTRIBUTES),
            _write_users(data, "UpdateItem", HOUSEKEEPING_ATTRIBUTES),
            _table("Ledger", data.ledger, "PutItem", "Query"),
            _table("ForgetInbox", data.inbox, "Query", "DeleteItem"),
            _addresses(data, "GetItem", "PutItem", "UpdateItem"),
            _table("Messages", data.messages, "Query", "UpdateItem", indexes=MESSAGE_INDEXES),
            _table("Reports", data.reports, "Query", "UpdateItem", indexes=REPORT_INDEXES),
            Statement(
                sid="EndAccounts",
                actions=[
                    *("cognito-idp:AdminDeleteUser", "cognito-idp:AdminUserGlobalSignOut"),
                    *("cognito-idp:AdminGetUser", "cognito-idp:ListUsers"),
                ],
                resources=[identity.pool.arn],
            ),
            Statement(
                sid="ReadLiveParameters",
                actions=["ssm:GetParameter", "ssm:GetParameters"],
                resources=[parameter.arn for parameter in parameters.for_housekeeping],
            ),
            Statement(sid="ReadInternalGroup", actions=["cognito-idp:ListUsersInGroup"], resources=[identity.pool.arn]),
            _send("KeepFailedSweeps", dead_letters[SCHEDULES]),
        ],
    )


def publisher_function(stage: StageConfig, data: Data, dead_letters: DeadLetters, site: Site) -> Function:
    """Writes the documents that the edge serves."""
    documents = pulumi.Output.concat(site.bucket.arn, f"/{PUBLISHED}*")
    return Function(
        stage,
        "publisher",
        settings=_settings(
            stage,
            data,
            site_bucket=site.bucket.bucket,
            publisher_workers=str(PUBLISHER_WORKERS),
            site_url=site.url,
            publisher_dlq_url=dead_letters[PUBLISHER].url,
        ),
        statements=[
            _table("Quests", data.quests, "BatchGetItem", "Query", "Scan", indexes=("board2",)),
            _table("Names", data.users, "BatchGetItem"),
            _read_stream("ReadQuestsStream", data.quests),
            Statement(
                sid="WriteDocuments",
                actions=["s3:GetObject", "s3:PutObject", "s3:DeleteObject"],
                resources=[documents],
                wide_because="there is a document for every quest",
            ),
            # S3 says that a document is missing only to those who may list.
            Statement(sid="ListDocuments", actions=["s3:ListBucket"], resources=[site.bucket.arn]),
            _send("KeepFailures", dead_letters[PUBLISHER]),
            _send("KeepFailedSweeps", dead_letters[SCHEDULES]),
        ],
    )


def notifier_function(
    stage: StageConfig,
    data: Data,
    dead_letters: DeadLetters,
    identity: Identity,
    parameters: LiveParameters,
    site: Site,
    mail: Mail,
) -> Function:
    """Tells members what concerns them."""
    send_mail = Statement(
        sid="SendMails",
        actions=["ses:SendEmail"],
        resources=[stage.mail_identity_arn or "", mail.configuration_set.arn],
    )
    return Function(
        stage,
        "notifier",
        settings=_settings(
            stage,
            data,
            cognito_user_pool_id=identity.pool.id,
            notices_dlq_url=dead_letters[NOTICES].url,
            site_url=site.url,
            mail_from=stage.mail_from or "",
            mail_configuration_set=mail.configuration_set.configuration_set_name,
        ),
        statements=[
            _table("Inbox", data.inbox, "GetItem", "PutItem", "UpdateItem", "Query", indexes=INBOX_INDEXES),
            _table("ForgetInbox", data.inbox, "DeleteItem"),
            _table("Users", data.users, "GetItem", "BatchGetItem"),
            _write_users(data, "UpdateItem", INBOX_ATTRIBUTES),
            _table("Quests", data.quests, "BatchGetItem", "Query", indexes=QUEST_INDEXES),
            _table("Messages", data.messages, "Query"),
            _table("Reports", data.reports, "GetItem", "BatchGetItem", "Query", indexes=("queue",)),
            *(
                _read_stream(f"Read{table}Stream", getattr(data, table.lower()))
                for table in ("Quests", "Ledger", "Messages", "Reports")
            ),
            Statement(
                sid="ReadFlagsAndKey",
                actions=["ssm:GetParameter", "ssm:GetParameters"],
                resources=[parameter.arn for parameter in parameters.for_notifier],
            ),
            Statement(
                sid="ReadAddresses",
                actions=["cognito-idp:AdminGetUser", "cognito-idp:ListUsersInGroup"],
                resources=[identity.pool.arn],
            ),
            *([send_mail] if stage.mail_identity_arn else []),
            _send("KeepFailures", dead_letters[NOTICES]),
            _send("KeepFailedSweeps", dead_letters[SCHEDULES]),
        ],
    )


def canary_function(
    stage: StageConfig,
    data: Data,
    dead_letters: DeadLetters,
    identity: Identity,
    parameters: LiveParameters,
    site: Site,
) -> Function:
    """Tries the platform, guards it with the breaker, and publishes how it is."""
    own = [_parameter_arn(stage, parameter.key) for parameter in (BREAKER_BY_CANARY, SILENCES)]
    alarms = status_alarms(stage.stage, stage.alarms_from)
    return Function(
        stage,
        "canary",
        settings=_settings(
            stage,
            data,
            site_url=site.url,
            site_bucket=site.bucket.bucket,
            cognito_endpoint=identity.endpoint,
            cognito_user_pool_id=identity.pool.id,
            cognito_app_client_id=identity.client.id,
            status_alarms=",".join(f"{capability}={name}" for name, capability in alarms.items()),
        ),
        statements=[
            Statement(
                sid="Probe",
                actions=["dynamodb:UpdateItem"],
                resources=[data.quests.arn],
                # A row that never exists: the write is refused for its condition.
                conditions={"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [PROBE_KEY]}},
            ),
            Statement(
                sid="ReadParameters",
                actions=["ssm:GetParameter"],
                resources=[parameters.breaker.arn, parameters.canary_password.arn, *own],
            ),
            Statement(sid="SetBreaker", actions=["ssm:PutParameter"], resources=[parameters.breaker.arn, *own]),
            Statement(
                sid="ReadRefusalsAndAlarms",
                actions=["cloudwatch:GetMetricData", "cloudwatch:DescribeAlarms"],
                resources=["*"],
                wide_because="CloudWatch offers no permission on single metrics, nor on composite alarms",
            ),
            Statement(
                sid="EndSilences",
                actions=["cloudwatch:EnableAlarmActions"],
                resources=[_alarm_arn(stage, resource_name(stage.stage, "*"))],
                wide_because="whatever alarm of the stage an operator has silenced",
            ),
            Statement(
                sid="WriteStatusPage",
                actions=["s3:GetObject", "s3:PutObject"],
                resources=[pulumi.Output.concat(site.bucket.arn, f"/{STATUS_KEY}")],
            ),
            # S3 says that a document is missing only to those who may list.
            Statement(sid="ListDocuments", actions=["s3:ListBucket"], resources=[site.bucket.arn]),
            _send("KeepFailedSweeps", dead_letters[SCHEDULES]),
        ],
    )


def _parameter_arn(stage: StageConfig, key: str) -> pulumi.Output[str]:
    """The ARN of a parameter that is made while the stage runs."""
    name = parameter_name(stage.stage, key)
    return pulumi.Output.concat("arn:aws:ssm:", stage.region, ":", account_id(), ":parameter", name)


def _alarm_arn(stage: StageConfig, name: str) -> pulumi.Output[str]:
    return pulumi.Output.concat("arn:aws:cloudwatch:", stage.region, ":", account_id(), ":alarm:", name)


def by_service(*functions: Function) -> dict[str, Function]:
    """The functions by their service's name. Raises ValueError if a declared service has no function."""
    made = {function.service: function for function in functions}
    if missing := SERVICES.keys() - made.keys():
        raise ValueError(f"no function is made of {', '.join(sorted(missing))}: wire it in infra/__main__.py")
    return made

"""The notifier after a cold start, with SES of moto and streams made from what the tables hold."""

import io
import json
from contextlib import redirect_stdout
from datetime import timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from types import ModuleType
from typing import Any

import pytest
import time_machine
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from services.core import aws
from services.core.domain import quests
from services.core.domain.messages import Audience, Message
from services.core.domain.notices import InboxItem as InboxItem
from services.core.domain.quests import Actor, Change, Quest
from services.core.stores.dynamo import Item as Row
from services.core.stores.dynamo import dump, encode_item
from tests.unit.services.cloud import CLAIM_PERIOD, CONTEXT, DRAFT, LIFETIME, NOW, Cloud, log_of

SENDER = "CivicForge <hello@forge.example>"
SITE = "https://forge.example"


class Notifier:
    """The handler, its people and their mailboxes."""

    def __init__(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, **settings: str) -> None:
        self.cloud = cloud
        self.queue = cloud.queue("notices-dlq")
        self.pool = cloud.pool()
        aws.sesv2().create_email_identity(EmailIdentity="forge.example")
        self.module: ModuleType = cloud.handler(
            "notifier",
            monkeypatch,
            cognito_user_pool_id=self.pool,
            notices_dlq_url=self.queue,
            site_url=SITE,
            mail_from=settings.pop("mail_from", SENDER),
            mail_configuration_set="mails",
        )
        self.module.live._clock = self.module.mailer.internal._clock = cloud.clock.monotonic
        self.log = log_of(self.module.telemetry)
        self._sent = ses_backends[DEFAULT_ACCOUNT_ID][aws.sesv2().meta.region_name].sent_messages
        self._read = 0

    def member(self, name: str, **profile: Any) -> str:
        """A member with a confirmed address, and their id."""
        user_id = self.cloud.sign_up(self.pool, name)
        self.cloud.cognito.admin_set_user_password(
            UserPoolId=self.pool, Username=user_id, Password="long-enough-1A!", Permanent=True
        )
        self.cloud.cognito.admin_update_user_attributes(
            UserPoolId=self.pool, Username=user_id, UserAttributes=[{"Name": "email_verified", "Value": "true"}]
        )
        self.cloud.users.ensure(user_id, self.cloud.clock.now)
        self.row(user_id, displayName=name.title(), **profile)
        return user_id

    def row(self, user_id: str, **attributes: Any) -> None:
        """Writes attributes of a member's row."""
        names = {f"#{name}": name for name in attributes}
        self.cloud.dynamodb.update_item(
            TableName=self.cloud.users_table,
            Key={"userId": {"S": user_id}},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=encode_item({f":{name}": value for name, value in attributes.items()}),
        )

    def __call__(self, event: dict[str, Any]) -> tuple[Any, dict[str, float]]:
        """The answer, and the metrics' sums but for `late`, that of `mails_late`."""
        out = io.StringIO()
        self.metrics: dict[str, float] = {}
        with redirect_stdout(out), time_machine.travel(self.cloud.clock.now, tick=False):
            try:
                answer = self.module.handler(event, CONTEXT)
            finally:
                for line in map(json.loads, out.getvalue().splitlines()):
                    for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
                        self.metrics[metric["Name"]] = self.metrics.get(metric["Name"], 0) + sum(line[metric["Name"]])
        self.late = self.metrics.pop("mails_late", None)
        return answer, self.metrics

    def step(self, *steps: tuple[Quest, Change]) -> tuple[Any, dict[str, float]]:
        """Stores what the steps make of their quests, and brings them as the stream does."""
        return self({"Records": [self.record(before, change.quest, n) for n, (before, change) in enumerate(steps, 1)]})

    def record(self, before: Quest, after: Quest, number: int = 1) -> dict[str, Any]:
        """The record of the quests' stream for one step; the quest itself is stored."""
        self.cloud.dynamodb.put_item(TableName=self.cloud.quests_table, Item=encode_item(dump(after)))
        return self.raw("quests", {"OldImage": encode_item(dump(before)), "NewImage": encode_item(dump(after))}, number)

    def raw(self, thing: str, images: Row, number: int = 1) -> dict[str, Any]:
        """A record of a table's stream."""
        table = getattr(self.cloud, f"{thing}_table")
        return {
            "eventName": "MODIFY",
            "eventSourceARN": f"arn:aws:dynamodb:eu-central-1:123456789012:table/{table}/stream/2026",
            "dynamodb": {"SequenceNumber": str(number), "Keys": {"questId": {"S": "q"}}, **images},
        }

    def sweep(self) -> dict[str, float]:
        """A run of the schedule, and its metrics."""
        return self({"sweep": "notifier"})[1]

    def mails(self) -> list[EmailMessage]:
        """The mails that SES took since the last look."""
        new, self._read = self._sent[self._read :], len(self._sent)
        found = []
        for sent in new:
            message = message_from_bytes(sent.raw_data.encode(), policy=default)
            assert isinstance(message, EmailMessage)
            found.append(message)
        return found

    def inbox(self, user_id: str) -> list[InboxItem]:
        """A member's items, newest first."""
        return self.cloud.inbox.page(user_id, 100, None).items


@pytest.fixture
def notifier(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Notifier:
    """The notifier on a stage that sends mails."""
    return Notifier(cloud, monkeypatch)


class Town:
    """Anna's quest, and what Ben and she do with it."""

    def __init__(self, notifier: Notifier, **anna: Any) -> None:
        self.notifier = notifier
        self.anna, self.ben = notifier.member("anna", **anna), notifier.member("ben")
        self.quest = quests.create(DRAFT, self.anna, "q1", NOW, LIFETIME).quest

    def posted(self, number: int) -> Quest:
        """Another quest of hers."""
        return quests.create(DRAFT, self.anna, f"q{number}", NOW, LIFETIME).quest

    def claim(self, quest: Quest | None = None) -> tuple[Quest, Change]:
        """Ben\'s claim of her quest, or of another one."""
        before = quest or self.quest
        return before, quests.claim(before, Actor(self.ben), NOW, CLAIM_PERIOD)

    def message(self, number: int, author: str, audience: Audience = Audience.PRIVATE) -> dict[str, Any]:
        """The record of a new message, which is stored."""
        made = Message(
            quest_id="q1",
            message_id=f"2026-03-01T12:00:0{number}.000Z#{number}",
            author_id=author,
            audience=audience,
            performer_id=self.ben if audience is Audience.PRIVATE else None,
            text="At nine?",
            created_at=NOW + timedelta(seconds=number),
        )
        item = encode_item(dump(made))
        self.notifier.cloud.dynamodb.put_item(TableName=self.notifier.cloud.messages_table, Item=item)
        return self.notifier.raw("messages", {"NewImage": item}, number)


@pytest.fixture
def town(notifier: Notifier) -> Town:
    """Anna and Ben on that stage."""
    return Town(notifier)

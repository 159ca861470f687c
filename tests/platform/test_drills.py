"""Every deployed alarm of a stage: tried by CloudWatch's rules, then breached on the local cloud until it is heard.

`make drill` runs this and writes the outcome to docs/drills.md.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import pytest

from infra import lambda_zips
from infra.observability.catalogue import Alarms
from infra.observability.docs import DOCUMENTED
from infra.observability.evaluator import Data, Identity, evaluate
from infra.paths import REPOSITORY
from services.core.domain import notices
from services.core.domain.ledger import Kind, entry_id
from services.core.domain.notices import Mail, Notice, NoticeKind
from services.core.domain.values import timestamp
from services.core.metrics import METRICS, NAMESPACE
from services.core.names import LIVE_ALIAS, log_group, parameter_name, resource_name
from services.core.parameters import FLAGS, flag_parameter
from services.core.services import SERVICES, SWEEPS
from services.core.stores.inbox import InboxStore
from services.core.tables import INBOX, QUESTS
from tests.platform.community import API, Member, Stage, wait_for
from tests.platform.drills import (
    MARGIN_SECONDS,
    Description,
    Listener,
    Publication,
    breach_ages,
    in_other_stage,
    recovery_ages,
    series,
    smallest_step,
    state_at,
)
from tests.push_service import push_service

STAGE = "local"
REPORT = os.environ.get("DRILL_REPORT")
"""The file that the outcome is written to, if any."""

ALARMS = Alarms(DOCUMENTED)
OUTAGE, LOST_WORK = (composite.name(STAGE) for composite in ALARMS.composites)
METRIC_ALARMS = [alarm.name(STAGE, severity) for alarm in ALARMS.all for severity in alarm.thresholds]
SEVERITIES = {alarm.name(STAGE, severity): severity for alarm in ALARMS.all for severity in alarm.thresholds}
PAGING = {
    OUTAGE,
    LOST_WORK,
    *(
        alarm.name(STAGE, severity)
        for alarm in ALARMS.all
        for severity in alarm.thresholds
        if ALARMS.topic(alarm, severity) == "page"
    ),
}
"""The alarms that wake somebody themselves."""
OF_OUTAGE = ALARMS.composites[0].member_names(STAGE)
OF_LOST_WORK = ALARMS.composites[1].member_names(STAGE)
SCHEDULED = tuple(
    alarm.name(STAGE, severity) for alarm in ALARMS.all for severity in alarm.thresholds if alarm.missing == "breaching"
)
"""The alarms of what runs by schedule, whose silence is the fault."""

DAMAGE = "a quest whose stored item is damaged, read 80 times"
POISON = "two rewards for a member who does not exist"
FAULTS = {
    "user-creation-queue-depth-p1": "a message in user-creation-dlq",
    "rewards-queue-depth-p2": "a message in rewards-dlq",
    "schedules-queue-depth-p2": "a message in schedules-dlq",
    "lambda-onboarding-errors-p2": "a trigger event without a user",
    "failed-rewards-p3": POISON,
    "failed-rewards-p1": POISON,
    "flag-errors-p3": "flag `rewards` set to `sometimes`, then asked for",
    "parameter-failures-p2": "flag `disputes` deleted, then asked for",
    "lost-work-p1": "its members' faults",
    "availability-burn-hour-p1": DAMAGE,
    "availability-burn-minutes-p1": DAMAGE,
    "api-errors-p2": DAMAGE,
    "availability-burn-p1": DAMAGE,
}
"""The damage that is done in earnest, beyond the samples that every alarm gets."""


NOT_HERE = {
    "certificate_days_short": "the local front door has no certificate; tests/unit/services/canary",
    "aws_refusals": "the emulator refuses nothing; tests/unit/services/api",
}
"""Metrics that no Lambda can be brought to emit on the local cloud, and why."""


@dataclass
class Drill:
    """A stage, what is deployed on it, who listens, and what was found out."""

    stage: Stage
    listener: Listener
    alarms: dict[str, Description]
    outcome: dict[str, dict[str, str]] = field(default_factory=dict)

    def state(self, name: str) -> str:
        kinds = ["MetricAlarm", "CompositeAlarm"]
        found = self.stage.client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=kinds)
        return str([*found["MetricAlarms"], *found["CompositeAlarms"]][0]["StateValue"])

    def breach(self, *names: str) -> float:
        """Publishes a breach of each by a hair. Returns when."""
        self.listener.listen()
        since, publication = time.monotonic(), Publication(self.stage)
        for alarm in map(self.alarms.__getitem__, names):
            publication.add(alarm, alarm["Threshold"] + smallest_step(alarm), breach_ages(alarm))
        publication.publish()
        return since

    def calm(self, *names: str) -> None:
        """Publishes that all is well."""
        publication = Publication(self.stage)
        for alarm in map(self.alarms.__getitem__, names):
            publication.add(alarm, 0, recovery_ages(alarm))
        publication.publish()

    def end(self, since: float, *names: str) -> None:
        """Waits until a breach is over by itself, then calms."""
        time.sleep(max(0.0, MARGIN_SECONDS + 2 - (time.monotonic() - since)))
        self.calm(*names)

    def pages(self, since: float) -> list[str]:
        """The alarms that woke somebody."""
        told = (m for m in self.listener.received if (m.topic, m.state) == ("page", "ALARM"))
        return [message.alarm for message in told if message.at >= since]

    def told(self, column: str, name: str, state: str, since: float) -> None:
        """Waits for the message, and holds it against what it must say."""
        message = self.listener.wait(name, state, since)
        severity = SEVERITIES.get(name, "P1")
        assert message.topic == ("page" if name in PAGING else "notify")
        assert message.text.startswith(f"{severity}: ")
        assert "Runbook: docs/operations.md#" in message.text
        self.outcome.setdefault(name, {})[column] = f"{message.topic}, {message.at - since:.0f} s"


@pytest.fixture(scope="module")
def drill(make_platform: Callable[[], Any]) -> Iterator[Drill]:
    lambda_zips.build("host", REPOSITORY / "dist" / "host")
    platform = make_platform()
    report = platform.up(STAGE, root=REPOSITORY, overrides={"civicforge:siteUrl": platform.running.front_url})
    platform.emulator.serve_at_front_door(report.outputs["distribution_domain"])
    stage = Stage(platform.endpoint, platform.running.front_url, report.outputs)
    described = stage.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmTypes=["MetricAlarm"])
    alarms = {alarm["AlarmName"]: alarm for page in described for alarm in page["MetricAlarms"]}
    drill = Drill(stage, Listener(stage), alarms)
    drill.calm(*SCHEDULED)
    wait_for(lambda: {*map(drill.state, SCHEDULED)} == {"OK"}, 20, "the first runs end the alarms of a new stage")
    yield drill
    stage.http.close()
    if REPORT:
        Path(REPORT).write_text(page(drill.outcome), encoding="utf-8")


def test_every_alarm_of_the_catalogue_is_deployed(drill: Drill) -> None:
    assert sorted(drill.alarms) == sorted(METRIC_ALARMS)


@pytest.mark.parametrize("name", METRIC_ALARMS)
def test_by_the_rules_it_goes_off_just_above_and_at_nothing_else(drill: Drill, name: str) -> None:
    alarm = drill.alarms[name]
    above, below = alarm["Threshold"] + smallest_step(alarm), alarm["Threshold"]
    silent = "ALARM" if name in SCHEDULED else "OK"
    twin = in_other_stage(alarm, STAGE)
    assert state_at(alarm, above) == "ALARM"
    assert state_at(alarm, below) == "OK"
    assert evaluate(alarm, Data(), 0, "OK") == silent
    assert state_at(twin, above) == "ALARM"
    assert state_at(alarm, above, published=twin) == silent, "the same breach in another stage"
    drill.outcome.setdefault(name, {})["rules"] = f"above {above:g}: ALARM; {below:g}: OK; silent: {silent}"


def test_in_earnest(drill: Drill) -> None:
    each_alarm_is_heard_and_so_is_its_end(drill)
    an_outage_pages_once_and_keeps_what_follows_from_it_silent(drill)
    faults_raise_their_alarms_the_whole_way(drill)
    what_is_watched_is_emitted(drill)


def each_alarm_is_heard_and_so_is_its_end(drill: Drill) -> None:
    rest = [name for name in METRIC_ALARMS if name not in OF_OUTAGE]
    since = drill.breach(*rest)
    for name in (*rest, LOST_WORK):
        drill.told("alarm", name, "ALARM", since)
    drill.end(since, *rest)
    for name in (*rest, LOST_WORK):
        drill.told("ok", name, "OK", since)


def an_outage_pages_once_and_keeps_what_follows_from_it_silent(drill: Drill) -> None:
    since = drill.breach(*OF_OUTAGE)
    for name in (*OF_OUTAGE, OUTAGE):
        drill.told("alarm", name, "ALARM", since)
    (follows, *_) = OF_LOST_WORK
    drill.breach(follows)
    drill.listener.wait(follows, "ALARM", since)
    assert drill.state(LOST_WORK) == "ALARM"
    time.sleep(2)
    drill.listener.listen()
    assert drill.pages(since) == [OUTAGE]
    drill.end(since, *OF_OUTAGE, follows)
    for name in (*OF_OUTAGE, OUTAGE, follows):
        drill.listener.wait(name, "OK", since)
    for name in (*OF_OUTAGE, OUTAGE):
        drill.told("ok", name, "OK", since)


def faults_raise_their_alarms_the_whole_way(drill: Drill) -> None:
    stage, since = drill.stage, time.monotonic()
    for queue in ("user_creation", "rewards", "schedules"):
        stage.client("sqs").send_message(QueueUrl=stage.outputs[f"{queue}_dlq_url"], MessageBody="{}")
    stage.client("lambda").invoke(FunctionName=stage.outputs["function_onboarding"], Payload=b'{"request": {}}')
    _set_flag(stage, "on")
    for number in (1, 2):
        _book_reward_of_nobody(stage, number)
    # The flag must still make sense when `rewards`, cold as it is, reads it.
    for name in (LOST_WORK, resource_name(STAGE, "failed-rewards-p1")):
        drill.listener.wait(name, "ALARM", since)
    _set_flag(stage, "sometimes")
    stage.client("ssm").delete_parameter(Name=parameter_name(STAGE, flag_parameter("disputes").key))
    stage.sign_up().get("/feature-flags")
    _read_a_damaged_quest(stage, times=80)
    for short in FAULTS:
        name = resource_name(STAGE, short)
        drill.told("fault", name, "ALARM", since)
    assert drill.pages(since) == [LOST_WORK, OUTAGE]


def what_is_watched_is_emitted(drill: Drill) -> None:
    """Joins the lines that the Lambdas wrote in this run with what alarms and dashboards ask for of ours."""
    stage = drill.stage
    for flag in FLAGS:
        _set_flag(stage, "on", flag)
    ann, bob = stage.sign_up("ann"), stage.sign_up("bob")
    mail_that_may_have_left(stage, bob)
    for service in SWEEPS:
        stage.client("lambda").invoke(FunctionName=stage.outputs[f"function_{service}"], Payload=b"{}")
    mails_that_bounce(stage, stage.sign_up("cem"))
    confirm_by_silence(stage, ann, bob)
    wanted = set(_asked_for(drill))
    assert {identity.name for identity in wanted} == {metric.name for metric in METRICS}
    wanted = {identity for identity in wanted if identity.name not in NOT_HERE}

    requestors = chain(repeat(ann, 3), iter(lambda: stage.sign_up("dora"), None))

    def emitted() -> bool:
        # Rewards of one pair are diminished; a conflict may take more tries than one member has points for.
        attest_at_once(next(requestors), bob)
        return wanted <= set(_emitted(stage))

    with push_service() as devices:
        devices.status["/broken"] = 500
        for path in ("/phone", "/broken"):
            bob.post("/me/devices", devices.browser(path).subscription)
        wait_for(emitted, 60, f"{wanted} are emitted, but there are only {set(_emitted(stage))}")


def attest_at_once(requestor: Member, performer: Member) -> None:
    """A quest to whose end the requestor attests on two devices at the same moment."""
    quest = requestor.create()
    performer.act(quest, "claim")
    performer.act(quest, "submit", {"submission": "It is done, all of it."})
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda member: member.act(quest, "attest"), (requestor, requestor)))


def confirm_by_silence(stage: Stage, requestor: Member, performer: Member) -> None:
    """A quest whose requestor said nothing until their time had passed."""
    quest = requestor.create()
    performer.act(quest, "claim")
    performer.act(quest, "submit", {"submission": "It is done, all of it."})
    past = {"S": "2020-01-01T00:00:00.000Z"}
    stage.client("dynamodb").update_item(
        TableName=resource_name(STAGE, QUESTS.base_name),
        Key={"questId": {"S": quest["questId"]}},
        UpdateExpression="SET silenceAt = :past, dueAt = :past",
        ExpressionAttributeValues={":past": past},
    )
    stage.client("lambda").invoke(FunctionName=resource_name(STAGE, "housekeeping"), Qualifier=LIVE_ALIAS)


def mail_that_may_have_left(stage: Stage, member: Member) -> None:
    """An item whose mail was begun by a process that died."""
    notice = Notice(NoticeKind.REPORT_DECIDED, member.user_id, datetime.now(UTC), "drill")
    begun = notices.item(notice, Mail.DUE).model_copy(update={"attempts": 1})
    assert InboxStore(stage.dynamodb, resource_name(STAGE, INBOX.base_name)).put(begun)


def mails_that_bounce(stage: Stage, member: Member) -> None:
    """SES's report of a bounce, and one that is no report."""
    sns = stage.client("sns")
    (topic,) = (t["TopicArn"] for t in sns.list_topics()["Topics"] if t["TopicArn"].endswith("-mail-feedback"))
    tags = {"member": [member.user_id]}
    bounce = {"eventType": "Bounce", "bounce": {"bounceType": "Permanent"}, "mail": {"tags": tags}}
    for message in (json.dumps(bounce), "no report"):
        sns.publish(TopicArn=topic, Message=message)


def _asked_for(drill: Drill) -> Iterator[Identity]:
    for alarm in drill.alarms.values():
        yield from (identity for identity in series(alarm).values() if identity.namespace == NAMESPACE)
    cloudwatch = drill.stage.client("cloudwatch")
    for entry in cloudwatch.list_dashboards()["DashboardEntries"]:
        body = json.loads(cloudwatch.get_dashboard(DashboardName=entry["DashboardName"])["DashboardBody"])
        for widget in body["widgets"]:
            for namespace, name, *rest in (row for row in widget["properties"].get("metrics", []) if len(row) > 2):
                if namespace == NAMESPACE:
                    yield Identity(namespace, name, frozenset(zip(rest[:-1:2], rest[1:-1:2], strict=True)))


def _emitted(stage: Stage) -> Iterator[Identity]:
    logs = stage.client("logs")
    for service in SERVICES:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=log_group(STAGE, service))
        for line in (event["message"] for page in pages for event in page["events"] if '"_aws"' in event["message"]):
            blob = json.loads(line)
            for directive in blob["_aws"]["CloudWatchMetrics"]:
                for keys in directive["Dimensions"]:
                    dimensions = frozenset((key, blob[key]) for key in keys)
                    for metric in directive["Metrics"]:
                        yield Identity(directive["Namespace"], metric["Name"], dimensions)


def _read_a_damaged_quest(stage: Stage, times: int) -> None:
    stage.dynamodb.put_item(TableName=stage.outputs["quests_table"], Item={"questId": {"S": "0" * 26}})
    for _ in range(times):
        assert stage.http.get(f"{API}/quests/{'0' * 26}").status_code == 500


def _set_flag(stage: Stage, value: str, flag: str = "rewards") -> None:
    name = parameter_name(STAGE, flag_parameter(flag).key)
    stage.client("ssm").put_parameter(Name=name, Value=value, Type="String", Overwrite=True)


def _book_reward_of_nobody(stage: Stage, number: int) -> None:
    now = datetime.now(UTC)
    item = {
        "userId": {"S": "nobody"},
        "entryId": {"S": entry_id(Kind.REWARD, f"drill-{number}", now)},
        "questId": {"S": f"drill-{number}"},
        "kind": {"S": "reward"},
        "points": {"N": "2"},
        "xp": {"N": "100"},
        "reputation": {"N": "10"},
        "state": {"S": "PENDING"},
        "attempts": {"N": "0"},
        "createdAt": {"S": timestamp(now)},
    }
    stage.dynamodb.put_item(TableName=stage.outputs["ledger_table"], Item=item)


HEAD = """\
# Drills

Written by `make drill` on {date}. Each alarm that the stage `local` really has was tried by CloudWatch's rules just
above its threshold, at it, without any data, and with the same breach in another stage, which left it as silence does.
Then it was breached by a hair on the local cloud until the message with its link to the runbook had arrived, and again
when it was over. Where the last column says so, the fault itself was made, not its figures.

| alarm | by the rules | heard in ALARM | heard in OK | in earnest |
| --- | --- | --- | --- | --- |
"""

TAIL = """
The composites page in place of their members. While `availability-burn-p1` was in ALARM, `lost-work-p1`
went into ALARM and kept silent.
"""


def page(outcome: dict[str, dict[str, str]]) -> str:
    """docs/drills.md."""

    def row(name: str) -> str:
        found = outcome.get(name, {})
        short = name.removeprefix(resource_name(STAGE, ""))
        fault = f"{FAULTS[short]}: {found['fault']}" if "fault" in found else ""
        cells = (f"`{short}`", *(found.get(key, "") for key in ("rules", "alarm", "ok")), fault)
        return f"| {' | '.join(cells)} |\n"

    rows = "".join(row(name) for name in (*METRIC_ALARMS, OUTAGE, LOST_WORK))
    return HEAD.format(date=datetime.now(UTC).date().isoformat()) + rows + TAIL

"""The canary Lambda by its handler. The site that it asks is the real api; its quest is paid and counted nowhere."""

import io
import json
from collections.abc import Mapping
from contextlib import redirect_stdout
from datetime import datetime, timedelta
from types import ModuleType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import time_machine

from services.canary import journey as journeys
from services.canary.web import Answer, UnexpectedError
from services.core import aws
from services.core.domain.quests import SYNTHETIC
from services.core.domain.values import timestamp
from services.core.names import STATUS_KEY, SYNTHETIC_MEMBERS, parameter_name
from services.core.routes import ROUTES
from tests.unit.services.bucket import Bucket
from tests.unit.services.cloud import ANNA, STAGE, Api, Cloud, refusal
from tests.unit.services.rewards.test_handler import Rewards

POOL = "us-east-1_pool"
A, B = SYNTHETIC_MEMBERS


class Site:
    """The site as the canary asks it: documents that are written here, and the real api behind the gateway's routes."""

    valid_until: datetime | None = None

    def __init__(self, api: Api) -> None:
        self.api, self.broken = api, set[str]()
        self.documents: dict[str, bytes] = {
            "/": b'<script type="module" src="/app.js"></script>',
            "/config.json": json.dumps({"userPoolId": POOL}).encode(),
            "/published/board.json": b'{"cards":[]}',
        }

    def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        if any(broken in path for broken in self.broken):
            raise UnexpectedError(f"{path} answers 500")
        if path in self.documents:
            return Answer(200, self.documents[path])
        address = urlsplit(path)
        operation, names = self._route(method, address.path)
        who = (headers or {}).get("Authorization", "").removeprefix("Bearer ") or None
        own = {name.lower(): value for name, value in (headers or {}).items()}
        answer = self.api.call(
            operation, who, body, groups=f"[{SYNTHETIC}]", headers=own, query=dict(parse_qsl(address.query)), path=names
        )
        if answer.status >= 400:
            raise UnexpectedError(f"{method} {path} answers {answer.status}: {answer.text}")
        return Answer(answer.status, answer.text.encode())

    def _route(self, method: str, path: str) -> tuple[str, dict[str, str]]:
        parts = path.split("/")
        for route in ROUTES:
            wanted = route.path.split("/")
            if route.method == method and len(wanted) == len(parts):
                pairs = list(zip(wanted, parts, strict=True))
                if all(want == part or want.startswith("{") for want, part in pairs):
                    return route.operation, {want[1:-1]: part for want, part in pairs if want.startswith("{")}
        raise AssertionError(f"no route for {method} {path}")


class Canary:
    """The handler after a cold start."""

    def __init__(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cloud, self.api = cloud, Api(cloud)
        self.site = Site(self.api)
        self.rewards = Rewards(cloud, monkeypatch)
        self.bucket = Bucket()
        monkeypatch.setattr(aws, "s3", lambda: self.bucket)
        self.put("canary-password", "secret", "SecureString")
        self.module: ModuleType = cloud.handler(
            "canary",
            monkeypatch,
            cognito_user_pool_id=POOL,
            site_url="https://site",
            site_bucket="site",
            cognito_endpoint="https://cognito/",
            status_alarms=f"rewards=civicforge-{STAGE}-unpaid-rewards-p2",
        )
        site, paid = self.site, self.pay

        class Journey(journeys.Journey):
            def __post_init__(self) -> None:
                self.site: Any = site
                self.sleep = lambda _: paid()

            def sign_in(self, address: str) -> None:
                if "sign-in" in site.broken:
                    raise UnexpectedError("wrong password")
                self.tokens[address] = address.partition("@")[0]

        monkeypatch.setattr(self.module, "Journey", Journey)
        self.paying = True

    def pay(self) -> None:
        """The stream of the ledger, as it comes while the canary waits."""
        if self.paying:
            self.rewards(self.cloud.stream())
        else:
            self.cloud.clock.advance(seconds=30)

    def put(self, key: str, value: str, kind: Any = "String") -> None:
        aws.client("ssm").put_parameter(Name=parameter_name(STAGE, key), Value=value, Type=kind, Overwrite=True)

    def get(self, key: str) -> str:
        return str(aws.client("ssm").get_parameter(Name=parameter_name(STAGE, key))["Parameter"]["Value"])

    def __call__(
        self, event: dict[str, Any] | None = None, minutes: float = 0
    ) -> tuple[dict[str, Any], dict[str, float]]:
        self.cloud.clock.advance(seconds=minutes * 60)
        out = io.StringIO()
        with redirect_stdout(out), time_machine.travel(self.cloud.clock.now, tick=False):
            answer = self.module.handler(event or {}, None)
        metrics: dict[str, float] = {}
        for line in map(json.loads, out.getvalue().splitlines()):
            for metric in line.get("_aws", {}).get("CloudWatchMetrics", [{}])[0].get("Metrics", []):
                metrics[metric["Name"]] = metrics.get(metric["Name"], 0) + sum(line[metric["Name"]])
        return answer, metrics

    def status(self) -> str:
        return self.bucket.objects[STATUS_KEY].decode()


@pytest.fixture
def canary(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Canary:
    """The Lambda, half past the hour."""
    made = Canary(cloud, monkeypatch)
    cloud.clock.advance(seconds=30 * 60)
    return made


def test_a_journey_that_is_well(canary: Canary) -> None:
    answer, metrics = canary()
    assert answer == {"failed": [], "breaker": "closed"}
    assert metrics.keys() == {"canary_failures", "canary_life_failures", "canary_milliseconds", "breaker_opened_itself"}
    assert (metrics["canary_failures"], metrics["breaker_opened_itself"]) == (0, 0)
    assert not canary.cloud.all_quests(), "a quest lives once an hour"
    assert 'data-state="fine"' in canary.status()
    assert "All is well" in canary.status()


@pytest.mark.parametrize(
    ("broken", "failed", "capability"),
    [
        ("published", ["board"], "reading"),
        ("config.json", ["page"], "reading"),
        ("health", ["health"], "quests"),
        ("sign-in", ["sign-in", "reads"], "sign-in"),
        ("/me/inbox", ["reads"], "quests"),
    ],
)
def test_each_step_that_fails_is_counted_and_shown(
    canary: Canary, broken: str, failed: list[str], capability: str
) -> None:
    canary.site.broken.add(broken)
    answer, metrics = canary()
    assert answer["failed"] == failed
    assert metrics["canary_failures"] == len(failed)
    assert f'data-capability="{capability}" data-state="disturbed"' in canary.status()


def test_once_an_hour_a_quest_lives_and_is_paid_whatever_the_flag_says(canary: Canary) -> None:
    canary.cloud.set_flag("rewards", "off")
    failures = [canary({}, minutes)[1]["canary_life_failures"] for minutes in (25, 5, 5, 50, 5)]
    assert failures == [0] * 5
    quests = canary.cloud.all_quests().values()
    assert {quest.status for quest in quests} == {"COMPLETE"}
    assert all(quest.synthetic for quest in quests)
    assert sorted(quest.requestor_id for quest in quests) == ["canary-a", "canary-b"], "by turns"
    rewards = [entry for entry in canary.cloud.all_entries() if entry.kind == "reward"]
    assert {entry.state for entry in rewards} == {"POSTED"}
    assert len(rewards) == len(quests) == 2


def test_what_it_does_is_counted_nowhere_seen_by_nobody_and_told_to_nobody(canary: Canary) -> None:
    out = io.StringIO()
    with redirect_stdout(out):
        canary({"life": True})
    business = {"quests_created", "claims_held", "attestations_submitted", "quests_completed"}
    business |= {"rewards_paid", "rewards_late"}
    assert not [name for name in business if name in out.getvalue()]
    assert canary.rewards.metrics == {}
    (quest_id,) = canary.cloud.all_quests()
    assert canary.api.call("getQuest", questId=quest_id).status == 404
    assert canary.api.call("getMyQuest", ANNA, questId=quest_id).status == 404
    assert canary.api.call("listQuests").json["items"] == []


def test_a_synthetic_member_touches_no_quest_of_anybody_else(canary: Canary) -> None:
    quest_id = canary.api.quest("OPEN")
    answer = canary.api.call("claimQuest", "canary-b", {}, groups=f"[{SYNTHETIC}]", questId=quest_id)
    assert answer.status == 404
    assert not canary.cloud.all_quests()[quest_id].synthetic


def test_a_real_member_cannot_claim_a_synthetic_quest(canary: Canary) -> None:
    made = canary.api.call(
        "createQuest",
        "canary-a",
        {"title": "Canary", "description": "The platform tries itself.", "category": "technical"},
        groups=f"[{SYNTHETIC}]",
    )
    assert canary.api.call("claimQuest", ANNA, {}, questId=made.json["questId"]).status == 404
    assert canary.api.call("listQuests").json["items"] == []


def test_a_reward_that_does_not_come_fails_the_life(canary: Canary, monkeypatch: pytest.MonkeyPatch) -> None:
    canary.paying = False
    monkeypatch.setattr("services.canary.journey.time.monotonic", canary.cloud.clock.monotonic)
    answer, metrics = canary({"life": True})
    assert answer["failed"] == ["life"]
    assert metrics["canary_life_failures"] == 1
    assert metrics["canary_failures"] == 0, "members can read"


@pytest.mark.parametrize("step", ["/claim", "/submit", "/attest"])
def test_the_next_life_clears_up_after_one_that_was_interrupted(canary: Canary, step: str) -> None:
    canary.site.broken.add(step)
    for _ in range(4):
        assert canary({"life": True}, 60)[0]["failed"] == ["life"]
    canary.site.broken.clear()
    assert canary({"life": True}, 60)[0]["failed"] == []
    left = {quest.status for quest in canary.cloud.all_quests().values()} - {"COMPLETE", "CANCELLED"}
    assert not left


@pytest.mark.parametrize(("position", "failed"), [("read-only", []), ("down", [])])
def test_under_a_breaker_it_looks_at_what_is_left_and_says_that_changes_are_paused(
    canary: Canary, position: str, failed: list[str]
) -> None:
    canary.put("breaker", position)
    answer, metrics = canary({"life": True})
    assert answer == {"failed": failed, "breaker": position}
    assert metrics["canary_life_failures"] == 0
    assert 'data-capability="quests" data-state="paused"' in canary.status()
    assert not canary.cloud.all_quests()


def refuse(canary: Canary, count: int, minutes_ago: float) -> None:
    """Requests that AWS refused, as the api counted them."""
    aws.client("cloudwatch").put_metric_data(
        Namespace="CivicForge",
        MetricData=[
            {
                "MetricName": "aws_refusals",
                "Dimensions": [{"Name": "service", "Value": "civicforge"}, {"Name": "stage", "Value": STAGE}],
                "Timestamp": canary.cloud.clock.now - timedelta(minutes=minutes_ago),
                "Value": count,
            }
        ],
    )


def test_the_breaker_opens_itself_and_closes_on_a_probe(canary: Canary) -> None:
    refuse(canary, 4, 2)
    refuse(canary, 4, 7)
    assert canary()[0]["breaker"] == "closed", "its own write went through"
    with canary.cloud.faults.outage("UpdateItem", refusal("ProvisionedThroughputExceededException")):
        answer, metrics = canary()
    assert answer["breaker"] == canary.get("breaker") == "read-only"
    assert metrics["breaker_opened_itself"] == 1
    assert 'data-state="paused"' in canary.status()
    positions = [canary({}, 5)[0]["breaker"] for _ in range(3)]
    assert positions == ["read-only", "closed", "closed"]
    assert canary()[1]["breaker_opened_itself"] == 0


def test_an_operators_breaker_stays_as_it_is(canary: Canary) -> None:
    refuse(canary, 9, 2)
    refuse(canary, 9, 7)
    with canary.cloud.faults.outage("UpdateItem", refusal("ThrottlingException")):
        canary()
    canary.put("breaker", "read-only")
    assert [canary({}, 5)[0]["breaker"] for _ in range(5)] == ["read-only"] * 5


def test_a_silence_ends(canary: Canary) -> None:
    name, until = "civicforge-unit-api-latency-p2", canary.cloud.clock.now + timedelta(minutes=7)
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        ActionsEnabled=False,
        MetricName="m",
        Namespace="n",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        Statistic="Sum",
        ComparisonOperator="GreaterThanThreshold",
    )
    canary.put("alarm-silences", json.dumps({name: timestamp(until)}))
    calls: list[list[str]] = []
    patched = pytest.MonkeyPatch()
    patched.setattr(type(cloudwatch), "enable_alarm_actions", lambda _self, AlarmNames: calls.append(AlarmNames))  # noqa: N803
    canary({}, 5)
    assert calls == []
    canary({}, 5)
    patched.undo()
    assert calls == [[name]]
    assert json.loads(canary.get("alarm-silences")) == {}


def test_an_alarm_that_went_off_is_shown_with_its_capability(canary: Canary) -> None:
    name, cloudwatch = f"civicforge-{STAGE}-unpaid-rewards-p2", aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        MetricName="m",
        Namespace="n",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        Statistic="Sum",
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="a test")
    canary()
    assert 'data-capability="rewards" data-state="disturbed"' in canary.status()
    assert 'data-capability="mails" data-state="fine"' in canary.status()


def test_trouble_with_one_duty_does_not_keep_the_others_waiting(canary: Canary) -> None:
    canary.put("alarm-silences", "no json")
    with pytest.raises(ValueError, match="Expecting value"):
        canary()
    assert "All is well" in canary.status()


@pytest.mark.parametrize(("days", "short"), [(90, 0), (21, 0), (20, 1), (-1, 22)])
def test_days_that_the_certificate_lacks(canary: Canary, days: int, short: int) -> None:
    canary.site.valid_until = canary.cloud.clock.now + timedelta(days=days)
    assert canary()[1]["certificate_days_short"] == short

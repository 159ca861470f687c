"""The operations guide, followed to the letter: every incident in it is a drill here, every command in it is run.

Only the stage's name differs (`local` for `prod`). What stands in CAPITALS is filled in, "a drill" and "y" are typed.
"""

import contextlib
import io
import json
import random
import re
import shlex
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from infra.paths import REPOSITORY
from localcloud.provider.base import Cloud
from localcloud.provider.provider import Provider
from ops.__main__ import main
from ops.commands import doctor, release
from ops.shared import breaker, canary, inventory
from ops.shared import stage as context
from ops.shared.canary import Canary
from ops.shared.releases import Release
from ops.shared.stage import Stage, open_stage
from ops.shared.stored_items import problems
from services.core.documents import quest_key
from services.core.domain import notices
from services.core.domain.ledger import Entry, Kind, State
from services.core.domain.notices import Notice, NoticeKind, Unmailed
from services.core.domain.quests import call_off
from services.core.events import QuestNotPublished
from services.core.names import parameter_name
from services.core.parameters import FLAGS, SITE_BUCKET, USER_POOL_CLIENT_ID, USER_POOL_ID, flag_parameter
from services.core.stores.dynamo import Item, decode_item, encode, encode_item
from services.core.tables import LEDGER, QUESTS, USERS, Table
from tests.platform import community
from tests.platform.community import Member, wait_for
from tests.platform.conftest import Platform

GUIDE = REPOSITORY / "docs" / "operations.md"
ALARM_SECTIONS_WITHOUT_A_FAULT = (
    "payment-burn", "mail-burn", "canary", "canary-slow", "canary-life", "certificate", "sign-in-failures",
    "sign-in-throttles", "edge-5xx", "breaker-itself", "aws-refusals", "api-errors", "api-latency", "lambda-errors",
    "lost-work",
    "unpaid-rewards", "publication-lag", "Alarms",
)  # fmt: skip
PAGE = '<!doctype html><script type="module" src="/assets/{name}.js"></script>{name}'
SUBMISSION = {"submission": "It stands on the third floor now."}


def sections() -> dict[str, list[str]]:
    """The guide's commands by the heading above them."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"#+ (.+)", line):
            heading = match[1]
        elif line.startswith("$ "):
            found.setdefault(heading, []).append(line.removeprefix("$ "))
    return found


APP = "/quests/new"
"""An address of the app; `/` is a published document."""


@dataclass
class Ran:
    """The outcome of a command."""

    code: int
    out: str
    err: str


@dataclass
class Town:
    """A stage that was deployed with the guide's own commands, and somebody who types."""

    platform: Platform
    pages: Path
    moved_breaker: bool = False
    _stage: Stage | None = field(default=None, repr=False)

    @property
    def stage(self) -> Stage:
        """The stage, as the CLI sees it."""
        self._stage = self._stage or open_stage("local")
        return self._stage

    @cached_property
    def people(self) -> community.Stage:
        """The stage, as members see it."""
        outputs = {
            "user_pool_id": self.stage.parameter(USER_POOL_ID),
            "user_pool_client_id": self.stage.parameter(USER_POOL_CLIENT_ID),
        }
        return community.Stage(self.platform.endpoint, self.platform.running.front_url, outputs)

    def type(self, line: str, answers: str = "a drill\ny\n") -> Ran:
        """Types a command line, and the answers to what it asks."""
        assert line.startswith("./civicforge "), f"no command of this repository: {line}"
        self.moved_breaker |= line.startswith(("./civicforge breaker open", "./civicforge breaker close"))
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), _typed(answers):
            code = main(shlex.split(line)[1:])
        return Ran(code, out.getvalue(), err.getvalue())

    def do(self, line: str) -> Any:
        """The JSON of a command that must succeed."""
        ran = self.type(f"./civicforge {line} --json")
        assert ran.code == 0, ran.out + ran.err
        return json.loads(ran.out)

    def follow(
        self,
        section: str,
        fills: Mapping[str, str] | None = None,
        *,
        before: Mapping[str, Callable[[], None]] | None = None,
        may_fail: tuple[str, ...] = ("status",),
    ) -> dict[str, Ran]:
        """Types every command of a section. `before` runs ahead of the command that begins so; `may_fail` may end in 1.

        Returns what each came to.
        """
        ran: dict[str, Ran] = {}
        for written in sections()[section]:
            command = written.removeprefix("./civicforge ")
            for start, hook in (before or {}).items():
                if command.startswith(start):
                    hook()
            line = re.sub(r"--stage (dev|staging|prod)", "--stage local", written)
            for name, value in (fills or {}).items():
                line = re.sub(rf"\b{name}\b", value, line)
            assert not re.search(r"\b[A-Z]{4,}\b", line), f"not filled in: {line}"
            ran[command] = self.type(line)
            assert ran[command].code == 0 or command.startswith(may_fail), f"{line}\n{ran[command]}"
        return ran

    def set_flags(self, value: str) -> None:
        """Turns every flag."""
        for flag in FLAGS:
            self.stage.put_parameter(flag_parameter(flag).key, value)

    def forward(self) -> None:
        """Makes the newest good release live, whatever a drill went back to."""
        found = self.do("releases")
        newest = next(r["id"] for r in found["releases"] if r["smoke"] == "passed")
        if found["current"] != newest:
            self.do(f"rollback {newest} --yes --reason forward")

    def page(self, name: str, *, broken: bool = False) -> Path:
        """A built app of its own; a broken one lacks its program."""
        folder = self.pages / name
        (folder / "assets").mkdir(parents=True)
        (folder / "index.html").write_text(PAGE.format(name=name))
        (folder / "assets" / ("other.js" if broken else f"{name}.js")).write_text(f"// {name}")
        return folder

    def completed(self) -> tuple[Member, Member, Any]:
        """A requestor, a performer and their quest, which lacks one attestation only."""
        anna, ben = self.people.sign_up("anna"), self.people.sign_up("ben")
        quest = anna.create()
        ben.act(quest, "claim")
        ben.act(quest, "submit", SUBMISSION)
        ben.act(quest, "attest")
        return anna, ben, quest

    def row(self, table: Table, **key: str) -> Item:
        """An item as it is stored."""
        found = self.stage.dynamodb.get_item(
            TableName=self.stage.table(table), Key=encode_item(key), ConsistentRead=True
        )
        return decode_item(found["Item"])

    def damage(self, table: Table, key: Mapping[str, str], **attributes: Any) -> None:
        """Overwrites attributes of an item, as a careless script does."""
        names = {f"#{name}": name for name in attributes}
        self.stage.dynamodb.update_item(
            TableName=self.stage.table(table),
            Key=encode_item(key),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in attributes),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={f":{name}": encode(value) for name, value in attributes.items()},
        )

    def failed_reward(self) -> tuple[Member, str]:
        """A performer whose row was gone when they were to be paid: FAILED, and a message in the queue."""
        anna, ben, quest = self.completed()
        user_id = ben.user_id
        row = self.row(USERS, userId=user_id)
        key = encode_item({"userId": user_id})
        self.stage.dynamodb.delete_item(TableName=self.stage.table(USERS), Key=key)
        anna.act(quest, "attest")
        entry = wait_for(lambda: self.reward(user_id, State.FAILED), 20, "the reward is FAILED")
        assert entry
        self.stage.dynamodb.put_item(TableName=self.stage.table(USERS), Item=encode_item(row))
        return ben, entry.entry_id

    def reward(self, user_id: str, state: State) -> Entry | None:
        """The member's reward entry in this state."""
        entries = self.stage.ledger.all_of(user_id)
        return next((e for e in entries if e.kind is Kind.REWARD and e.state is state), None)

    def alarms_are_over(self) -> None:
        """Waits until no alarm is on; those of a new stage need a first look at their metrics."""
        wait_for(lambda: not alarms_on(self.stage), 90, "no alarm is on")

    def send(self, queue: str, body: str) -> None:
        """Puts a message into a dead letter queue."""
        url = self.stage.sqs.get_queue_url(QueueName=self.stage.resource(f"{queue}-dlq"))["QueueUrl"]
        self.stage.sqs.send_message(QueueUrl=url, MessageBody=body)

    def depth(self, queue: str) -> int:
        """The number of messages in the queue."""
        return int(self.do("dlq list")["queues"][queue])


def alarms_on(stage: Stage) -> list[str]:
    """The names of the alarms that are on."""
    found = stage.cloudwatch.describe_alarms(AlarmNamePrefix=stage.resource(""), StateValue="ALARM")
    return [alarm["AlarmName"] for alarm in found["MetricAlarms"]]


@contextlib.contextmanager
def _typed(answers: str) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdin", io.StringIO(answers))
        yield


@pytest.fixture(scope="module")
def town(make_platform: Callable[[], Platform], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    """A town of its own, stood up by the section "A first deployment", with a second release after it."""
    platform = make_platform()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context, "LOCAL_DIRECTORY", platform.emulator.directory)
        patch.setattr(doctor, "LOCAL_DIRECTORY", platform.emulator.directory)
        patch.setenv("COLUMNS", "250")
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        town = Town(platform, tmp_path_factory.mktemp("pages"))
        fills: dict[str, str] = {}
        before = {
            "groups add": lambda: fills.update(USER=town.people.sign_up("ida").address),
            "rollout start": town.alarms_are_over,
        }
        first = town.follow("A first deployment", fills, before=before)
        assert re.search(r"reward +\S+ s +paid", first["deploy --stage dev"].out)
        assert town.stage.parameter(flag_parameter("rewards")) == "internal"
        town.do("rollout abort rewards --yes --reason over")
        town.set_flags("on")
        town.do(f"deploy --page {town.page('second')} --yes --reason second")
        yield town
        town.people.http.close()


@pytest.fixture(autouse=True)
def _nothing_is_left_broken(town: Town) -> Iterator[None]:
    """After each drill the breaker is closed, for every sandbox of the api too, and the ledger matches the quests."""
    town.moved_breaker = False
    yield
    breaker.move(town.stage, None)
    if town.moved_breaker:
        time.sleep(town.stage.api_settings.parameter_ttl_seconds + 0.5)
    assert problems(town.stage) == []


def test_every_section_with_commands_is_a_drill() -> None:
    source = Path(__file__).read_text(encoding="utf-8")
    drilled = {*re.findall(r'follow\(\s*"([^"]+)"', source), *ALARM_SECTIONS_WITHOUT_A_FAULT}
    assert set(sections()) == drilled
    assert all(c.startswith("./civicforge ") for commands in sections().values() for c in commands)


@pytest.mark.parametrize("section", ALARM_SECTIONS_WITHOUT_A_FAULT)
def test_what_an_alarm_asks_one_to_look_at(town: Town, section: str) -> None:
    town.follow(section)


def test_every_day(town: Town) -> None:
    town.follow("The command line")
    lena = town.people.sign_up("lena")
    ran = town.follow("Every day", {"USER": lena.address})
    assert f"{lena.user_id} leaves moderators" in ran["groups remove moderators USER --stage prod"].out
    town.follow("Secrets")


def test_a_fix_is_deployed_and_taken_back_while_writes_are_off(town: Town) -> None:
    """At `read-only` a release passes by what that level leaves and by the refusal of a write; so does the way back."""
    town.forward()
    anna, former = town.people.sign_up("anna"), town.do("releases")["current"]
    quest = anna.create()

    def is_read_only(release: str) -> None:
        health = town.people.http.get("/api/health").json()
        assert (health["breaker"], health["release"]) == ("read-only", release)
        assert ("fix" in town.people.http.get(APP).text) == (release != former)
        assert anna.get(f"/me/quests/{quest['questId']}")["title"] == quest["title"]
        refused = anna.request("PATCH", "/me", json={"bio": "Written while writes are off."})
        assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)

    town.type("./civicforge breaker open --level read-only")
    fix = town.do(f"deploy --page {town.page('fix')} --yes --reason fix")
    is_read_only(fix["release"]["id"])
    back = town.do("rollback --yes --reason back")
    is_read_only(former)
    steps = ["leftovers", "health", "page", "sign-in", "read", "refusal", "clean-up"]
    for outcome in (fix, back):
        smoke = outcome["smoke"]
        assert (smoke["passed"], [step["step"] for step in smoke["steps"]]) == (True, steps)
        assert "POST gets its 503" in [step["what"] for step in smoke["steps"]]
    town.type("./civicforge breaker close")
    wait_for(lambda: anna.request("PATCH", "/me", json={"bio": "On again."}).status_code == 200, 30, "writes are on")


def test_bad_release(town: Town) -> None:
    town.do(f"deploy --page {town.page('third')} --yes --reason third")
    live = town.do("releases")["current"]
    ran = town.type(f"./civicforge deploy --page {town.page('broken', broken=True)} --yes --reason new")
    assert ran.code == 1
    assert f"failed at page; {live} is live again" in ran.out
    assert town.do("releases")["current"] == live
    members = len(town.stage.cognito.list_users(UserPoolId=town.stage.parameter(USER_POOL_ID))["Users"])
    with town.stage.http() as http:
        new = http.get(APP).text
        oldest = town.do("releases")["releases"][-1]["id"]
        started = time.monotonic()
        town.follow("bad-release", {"RELEASE": oldest})
        assert time.monotonic() - started < 120  # three commands, two smoke tests among them
        assert http.get(APP).text != new
        assert http.get("/api/health").json()["release"] == oldest
    assert members == len(town.stage.cognito.list_users(UserPoolId=town.stage.parameter(USER_POOL_ID))["Users"])
    town.forward()


def test_canary(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of the calls meet the new release for a while; with an alarm nobody does, and the app is as it was."""
    town.forward()
    monkeypatch.setattr(Canary, "of", lambda _: Canary(percent=50, minutes=0.1))
    monkeypatch.setattr(canary, "_CHECK_SECONDS", 0.5)
    former = town.do("releases")["current"]
    alarm = town.stage.resource("drill-p1")
    answered: list[str] = []

    def deploy_and_call(name: str, *, broken: bool) -> Any:
        answered.clear()
        with ThreadPoolExecutor(1) as pool, town.stage.http() as http:
            started = time.monotonic()
            done = pool.submit(_deploy, town.stage, town.page(name))
            while not done.done() and time.monotonic() - started < 90:
                answered.append(http.get("/api/health").json()["release"])
                if broken and len(set(answered)) == 2:
                    town.stage.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a drill")
                time.sleep(0.05)
            return done.result()

    town.stage.cloudwatch.put_metric_alarm(
        AlarmName=alarm, Namespace="Drill", MetricName="drill", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore",
    )  # fmt: skip
    try:
        outcome = deploy_and_call("weighed", broken=True)
        # Whatever else went off meanwhile is named too, and nothing that did not.
        named = set(outcome["canary"].removesuffix(" went off").split(", "))
        assert alarm in named
        assert named <= set(alarms_on(town.stage))
        assert set(answered) == {former, outcome["release"]["id"]}
        assert canary.weights(town.stage) == {}
        assert town.do("releases")["current"] == former
        with town.stage.http() as http:
            assert {http.get("/api/health").json()["release"] for _ in range(20)} == {former}
            assert "weighed" not in http.get(APP).text
    finally:
        town.stage.cloudwatch.delete_alarms(AlarmNames=[alarm])
    passed = deploy_and_call("passed", broken=False)["release"]
    assert passed["canary"] == passed["smoke"] == "passed"
    assert set(answered) == {former, passed["id"]}
    with town.stage.http() as http:
        assert {http.get("/api/health").json()["release"] for _ in range(20)} == {passed["id"]}
        assert "passed" in http.get(APP).text
    ran = town.follow("Canary")
    assert "canary: " not in ran["deploy --canary 0 --stage prod"].out


def _deploy(stage: Stage, dist: Path) -> Any:
    """Deploys as the command does, which cannot be typed beside the test's own calls: it takes standard output."""
    now = datetime.now(UTC)
    made = Release(
        id=f"{now:%Y%m%dT%H%M%SZ}-{release.commit()[:7]}", commit=release.commit(), at=now, actor="", reason="a drill",
        versions={}, assets=[], entries=[], flags={},
    )  # fmt: skip
    return release.release_now(stage, made, dist, lambda _: None, Canary.of(stage))


NOT_DELETED = frozenset(
    # With members, data or an address that no deployment brings back, or without a life of its own.
    {"Api", "Bucket", "BucketOwnershipControls", "BucketServerSideEncryptionConfiguration", "BucketVersioning"}
    | {"Distribution", "Key", "Stage", "Table", "TopicPolicy", "UserPool", "UserPoolClient"}
    # `status` tells of these in lines of their own.
    | {"Alias", "Budget", "Function", "Parameter", "Queue"}
    # Nobody can delete a role before its policies; the others are deleted anyhow.
    | {"Role", "EventSourceMapping", "RolePolicy", "Topic"}
)


def _delete_of_drawn_types(stage: Stage, *, count: int) -> list[str]:
    """Delete by hand one resource each of drawn types; return them as `status` calls them."""
    draw, by_type = random.Random(14), dict[str, list[inventory.Known]]()
    every = sorted(inventory.known(stage), key=lambda one: (one.type, one.name))
    # CloudWatch deletes no alarm that a composite one depends on.
    rules = "".join(one.inputs.get("alarmRule", "") for one in every)
    for one in every:
        if f'"{one.inputs.get("name")}"' not in rules:
            by_type.setdefault(one.type.rpartition(":")[2], []).append(one)
    chosen = [draw.choice(by_type[kind]) for kind in draw.sample(sorted(by_type.keys() - NOT_DELETED), count)]
    cloud = Cloud(stage.endpoint or "", stage.region, stage.session)
    for one in chosen:
        Provider(cloud, {}).delete(one.type, one.name, one.id, one.inputs)
    cloud.close()
    return [str(one) for one in chosen]


def test_drift(town: Town) -> None:
    """Deleted by hand: a queue, a parameter, the rewards' stream mapping, the api's permissions, the topic `page`, a
    schedule and one resource each of drawn types; changed: a timeout."""
    town.forward()
    stage, name = town.stage, town.stage.resource
    # Not `do`: alarms of the drills before may still be on.
    assert json.loads(town.type("./civicforge status --json").out)["resources"]["missing"] == []
    stage.sqs.delete_queue(QueueUrl=stage.sqs.get_queue_url(QueueName=name("rewards-dlq"))["QueueUrl"])
    stage.delete_parameter(SITE_BUCKET.key)
    (mapping,) = stage.lambda_.list_event_source_mappings(FunctionName=f"{name('rewards')}:live")["EventSourceMappings"]
    stage.lambda_.delete_event_source_mapping(UUID=mapping["UUID"])
    iam = stage.session.client("iam", endpoint_url=stage.endpoint)
    for policy in iam.list_role_policies(RoleName=name("api"))["PolicyNames"]:
        iam.delete_role_policy(RoleName=name("api"), PolicyName=policy)
    stage.sns.delete_topic(TopicArn=f"arn:aws:sns:{stage.region}:{stage.account}:{name('page')}")
    stage.lambda_.update_function_configuration(FunctionName=name("api"), Timeout=1)
    drawn = _delete_of_drawn_types(stage, count=8)
    seen = town.type("./civicforge status")
    assert seen.code == 1
    assert "rewards missing" in seen.out
    assert f"{SITE_BUCKET.key} is missing" in seen.out
    assert "flags" in seen.out
    lines = [line.strip() for line in seen.out.splitlines()]
    for kind in ("EventSourceMapping", "RolePolicy", "Topic", "Queue"):
        assert any(line.startswith(f"{kind} ") for line in lines), seen.out
    assert set(drawn) <= set(lines)
    differs = town.type("./civicforge drift --json")
    found = {(one["operation"], one["type"], one["what"]) for one in json.loads(differs.out)["differs"]}
    assert {(operation, type_) for operation, type_, _ in found} >= {
        ("create", "Queue"), ("create", "Parameter"), ("create", "EventSourceMapping"), ("create", "RolePolicy"),
    }  # fmt: skip
    assert any(type_ == "Function" and "timeout" in what for _, type_, what in found)
    ran = town.follow("Drift", may_fail=("status", "drift"))
    assert ran["drift --stage prod"].code == 0, ran["drift --stage prod"].out
    told = json.loads(town.type("./civicforge status --json").out)["resources"]
    assert (told["missing"], told["unseen"]) == ([], [])
    anna, ben, quest = town.completed()
    anna.act(quest, "attest")
    ben.wait_until_paid(quest["questId"], 20)


def test_api_outage(town: Town) -> None:
    town.forward()
    town.follow("availability-burn")
    town.forward()


def test_bad_rollout(town: Town) -> None:
    alarm = town.stage.resource("drill-p1")
    town.stage.cloudwatch.put_metric_alarm(
        AlarmName=alarm, Namespace="Drill", MetricName="drill", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore",
    )  # fmt: skip
    try:
        town.set_flags("off")
        town.do(f"rollout start rewards --soak 0 --at-least 0 --watch {alarm} --yes --reason try")
        town.do("rollout advance --yes --reason try")
        assert town.stage.parameter(flag_parameter("rewards")) == "10%"
        town.stage.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="a drill")
        assert town.type("./civicforge rollout advance --yes --reason try").code == 1
        assert town.stage.parameter(flag_parameter("rewards")) == "internal"
        town.stage.cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="OK", StateReason="a drill")
        town.do(f"rollout start rewards --soak 60 --watch {alarm} --yes --reason again")
        town.follow("bad-rollout")
        assert town.stage.parameter(flag_parameter("rewards")) == "off"
    finally:
        town.stage.cloudwatch.delete_alarms(AlarmNames=[alarm])
        town.set_flags("on")


def test_unpaid_performer(town: Town) -> None:
    ben, _ = town.failed_reward()
    quest_id = ben.get("/me/quests", role="performer")["items"][0]["questId"]
    town.follow("unpaid-performer", {"USER": ben.address, "QUEST": quest_id})
    assert town.reward(ben.user_id, State.POSTED)
    assert ben.get("/me")["xp"] == 100
    town.do("dlq redrive rewards --yes --reason tidy")
    assert ben.get("/me")["xp"] == 100


def test_failed_rewards(town: Town) -> None:
    ben, _ = town.failed_reward()
    town.follow("failed-rewards")
    assert town.reward(ben.user_id, State.POSTED)
    town.do("dlq redrive rewards --yes --reason tidy")


def test_rewards_queue(town: Town) -> None:
    ben, entry_id = town.failed_reward()
    ran = town.follow("rewards-queue")
    assert entry_id in ran["dlq show rewards --stage prod"].out
    assert town.reward(ben.user_id, State.POSTED)
    assert town.depth("rewards") == 0


def unsent(town: Town) -> tuple[Member, str]:
    """A member, and the item of a mail to them that did not leave."""
    lena = town.people.sign_up("lena")
    notice = Notice(NoticeKind.REPORT_DECIDED, lena.user_id, datetime.now(UTC), uuid.uuid4().hex)
    town.stage.inbox.put(notices.item(notice, Unmailed.FAILED))
    return lena, notice.item_id


def test_notices_queue(town: Town) -> None:
    lena, item_id = unsent(town)
    town.send("notices", json.dumps({"userId": lena.user_id, "itemId": item_id, "reason": "SES: MessageRejected"}))
    town.follow("notices-queue")
    assert town.depth("notices") == 0
    found = town.stage.inbox.get(lena.user_id, item_id)
    assert found is not None
    assert found.unmailed is None


def test_failed_notices(town: Town) -> None:
    lena, item_id = unsent(town)
    ran = town.follow("failed-notices", {"USER": lena.address, "ITEM": item_id})
    assert "no mail: failed" in ran["notices list USER --stage prod"].out


def test_refused_mails(town: Town) -> None:
    town.follow("refused-mails")
    assert town.do("flags list")["flags"]["notices"] == "off"
    town.do("flags set notices on --yes --reason over")


def test_poison_message(town: Town) -> None:
    ben, _ = town.failed_reward()
    town.send("rewards", "no letter of ours")
    ran = town.follow("poison-message", may_fail=("dlq redrive",))
    assert "1 stay in rewards" in ran["dlq redrive rewards --stage prod"].out
    assert town.reward(ben.user_id, State.POSTED)
    assert town.depth("rewards") == 1
    url = town.stage.sqs.get_queue_url(QueueName=town.stage.resource("rewards-dlq"))["QueueUrl"]
    town.stage.sqs.purge_queue(QueueUrl=url)


def test_user_creation_queue(town: Town) -> None:
    pool = town.stage.parameter(USER_POOL_ID)
    address = f"dora-{uuid.uuid4().hex[:8]}@example.org"
    made = town.stage.cognito.admin_create_user(UserPoolId=pool, Username=address, MessageAction="SUPPRESS")
    user_id = next(a["Value"] for a in made["User"]["Attributes"] if a["Name"] == "sub")
    for member in (user_id, user_id, "somebody-who-left"):
        town.send("user-creation", json.dumps({"userId": member, "requestId": "r", "failedAt": "2026-11-23T14:00:00Z"}))
    town.follow("user-creation-queue")
    user = town.stage.users.get(user_id)
    assert user
    assert user.points == 10
    assert town.stage.users.get("somebody-who-left") is None
    assert town.depth("user-creation") == 0


def test_publisher_queue(town: Town) -> None:
    quest_id = town.people.sign_up("anna").create()["questId"]
    town.send("publisher", QuestNotPublished(quest_id).to_json())
    ran = town.follow("publisher-queue")
    assert quest_id in ran["dlq show publisher --stage prod"].out
    assert "published" in ran["dlq redrive publisher --stage prod"].out
    assert town.depth("publisher") == 0


def test_document_drift(town: Town) -> None:
    quest_id = town.people.sign_up("anna").create()["questId"]
    key = quest_key(quest_id)
    with town.stage.http() as http:
        wait_for(lambda: http.get(f"/{key}").status_code == 200, 30, "the quest is public")
    town.stage.s3.delete_object(Bucket=town.stage.parameter(SITE_BUCKET), Key=key)
    town.follow("document-drift")
    assert town.stage.s3.get_object(Bucket=town.stage.parameter(SITE_BUCKET), Key=key)["ContentLength"]


def test_reports_by_members(town: Town) -> None:
    anna, ben = town.people.sign_up("anna"), town.people.sign_up("ben")
    draft = {"subject": {"kind": "member", "userId": ben.user_id}, "reason": "rude"}
    report = anna.post("/reports", draft, 201, headers={"Idempotency-Key": uuid.uuid4().hex})["reportId"]
    words = "Neighbours are not called names here."
    fills = {"REPORT": report, "USER": ben.user_id, "WORDS": f"'{words}'"}
    ran = town.follow("Reports by members", fills)
    assert report in ran["moderation reports --stage prod"].out
    assert f"{report} is DECIDED" in ran["moderation decide REPORT warn --words WORDS --stage prod"].out
    concerned = {item["reportId"]: item for item in ben.get("/me/reports", side="concerned")["items"]}
    assert concerned[report]["decisions"][0]["words"] == words
    user = town.stage.users.get(ben.user_id)
    assert user
    assert user.suspended_until is None


def test_interrupted_deployment(town: Town) -> None:
    ran = town.follow("An interrupted deployment")
    assert "sets itself right" in ran["recover --stage prod"].out


def test_schedules_queue(town: Town) -> None:
    town.send("schedules", json.dumps({"sweep": "housekeeping"}))
    town.send("schedules", json.dumps({"requestContext": {}, "requestPayload": {"sweep": "rewards"}}))
    ran = town.follow("schedules-queue")
    assert "housekeeping ran" in ran["dlq redrive schedules --stage prod"].out
    assert town.depth("schedules") == 0


def test_stuck_quest(town: Town) -> None:
    anna, ben = town.people.sign_up("anna"), town.people.sign_up("ben")
    quest = anna.create()
    ben.act(quest, "claim")
    ran = town.follow("stuck-quest", {"QUEST": quest["questId"]}, may_fail=("quest refund",))
    assert "status: CLAIMED -> OPEN" in ran["quest reopen QUEST --dry-run --stage prod"].out
    assert "given back already" in ran["quest refund QUEST --stage prod"].err
    assert anna.get(f"/me/quests/{quest['questId']}")["status"] == "CANCELLED"
    assert anna.get("/me")["points"] == 10


def test_flood(town: Town) -> None:
    anna = town.people.sign_up("anna")

    def write() -> int:
        return anna.request("PATCH", "/me", json={"bio": "Here since the flood."}).status_code

    def is_read_only() -> None:
        wait_for(lambda: write() == 503, 30, "writes are refused")
        assert anna.request("GET", "/quests").status_code == 200
        assert town.people.http.get("/api/health").json()["breaker"] == "read-only"

    def is_stopped() -> None:
        with pytest.raises(town.stage.lambda_.exceptions.TooManyRequestsException):
            town.stage.lambda_.invoke(FunctionName=town.stage.resource("api"), Payload=b"{}")
        wait_for(lambda: "breaker" not in town.people.http.get("/api/health").text, 30, "not even health is answered")

    def is_cut_off() -> None:
        gateway, endpoint_disabled = switched()[-2:]
        assert {limits["ThrottlingRateLimit"] for limits in (gateway["all"], *gateway["routes"].values())} == {0}
        assert endpoint_disabled
        answer = town.people.http.get("/api/health")
        assert (answer.status_code, answer.json()) == (404, {"message": "Not Found"})

    def switched() -> list[Any]:
        return [switch.read() for switch in breaker.switches(town.stage)]

    before = switched()
    hooks = {"stopped": is_read_only, "cut-off": is_stopped, "down": is_cut_off}
    town.follow("flood", before={f"breaker open --level {level}": hook for level, hook in hooks.items()})
    wait_for(lambda: write() == 200, 30, "writes are taken again")
    assert switched() == before


def test_leaked_token(town: Town) -> None:
    anna = town.people.sign_up("anna")
    for _ in range(2):
        anna.create()
    cursor = anna.get("/quests", limit=1)["nextCursor"]
    town.follow("leaked-token", {"USER": anna.address})
    with pytest.raises(town.people.cognito.exceptions.NotAuthorizedException):
        town.people.cognito.get_tokens_from_refresh_token(
            ClientId=town.stage.parameter(USER_POOL_CLIENT_ID), RefreshToken=anna.tokens["RefreshToken"]
        )
    wait_for(
        lambda: anna.request("GET", "/quests", params={"limit": 1, "cursor": cursor}).status_code == 400,
        30,
        "a cursor of the leaked key is refused",
    )


def test_ledger_drift(town: Town) -> None:
    anna = town.people.sign_up("anna")
    quest = anna.create()
    (cost,) = [entry for entry in town.stage.ledger.all_of(anna.user_id) if entry.kind is Kind.CREATE]
    points = 10 + cost.points
    town.damage(USERS, {"userId": anna.user_id}, points=500)
    town.damage(LEDGER, {"userId": anna.user_id, "entryId": cost.entry_id}, points=cost.points - 3)
    fills = {"USER": anna.address, "QUEST": quest["questId"]}
    ran = town.follow("ledger-drift", fills, may_fail=("ledger check", "ledger explain"))
    assert f"ahead of the ledger by +{500 - points + 3} points" in ran["ledger check --stage prod"].out
    assert "+3 points booked" in ran["ledger adjust USER --quest QUEST --stage prod"].out
    assert anna.get("/me")["points"] == points


def test_flag_errors(town: Town) -> None:
    town.stage.put_parameter(flag_parameter("rewards").key, "maybe")
    ran = town.follow("flag-errors")
    assert "means nothing" in ran["flags list --stage prod"].out
    assert town.stage.parameter(flag_parameter("rewards")) == "on"


def test_parameter_failures(town: Town) -> None:
    anna = town.people.sign_up("anna")
    flag = flag_parameter("rewards")
    town.stage.ssm.delete_parameter(Name=parameter_name(town.stage.name, flag.key))

    def told() -> bool:
        anna.get("/me")
        return "parameters not read" in town.type("./civicforge logs api --errors --stage local").out

    wait_for(told, 30, "the log names the parameter that is gone")
    ran = town.follow("parameter-failures")
    assert flag.key in ran["logs api --errors --stage prod"].out
    assert town.stage.parameter(flag) == "on"


def test_wrong_bulk_update(town: Town) -> None:
    anna, ben, quest = town.completed()
    anna.act(quest, "attest")
    wait_for(lambda: town.reward(ben.user_id, State.POSTED), 20, "paid")
    open_quest, other = anna.create(), anna.create()
    moment = f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    fills = {"MOMENT": moment, "ITEM": "ITEM", "TEXT": ben.user_id}
    quests = [f"quests/{quest['questId']}", f"quests/{open_quest['questId']}"]

    def damage() -> None:
        time.sleep(1)  # a moment is a whole second
        town.damage(QUESTS, {"questId": quest["questId"]}, status="OPEN")
        now_open = town.stage.quests.get(open_quest["questId"])
        assert now_open
        town.stage.quests.save(now_open.quest, call_off(now_open.quest, datetime.now(UTC)))
        town.damage(USERS, {"userId": ben.user_id}, displayName="<b>", xp=0)
        fills["ITEM"] = " --item ".join(quests)

    def too_late() -> None:
        for at in ("2099-01-01T00:00:00Z", "2026-01-01T00:00:00Z"):
            ran = town.type(f"./civicforge restore start --at {at} --yes --reason drill")
            assert (ran.code, "cannot be brought back" in ran.err) == (1, True)
        assert town.do("restore list")["restores"] == []
        damage()

    def note() -> None:
        fills["RESTORE"] = town.do("restore list")["restores"][0]

    ran = town.follow("wrong-bulk-update", fills, before={"restore start": too_late, "restore diff": note})
    said = ran["restore diff RESTORE --stage prod"].out
    assert f"{quests[0]}: status is OPEN, was COMPLETE" in said
    assert f"quests/{other['questId']}:" not in said
    assert "adjustment of -1 points" in ran["restore repair RESTORE --item ITEM --stage prod"].out
    assert [town.row(QUESTS, questId=q["questId"])["status"] for q in (quest, open_quest)] == ["COMPLETE", "OPEN"]
    assert town.row(USERS, userId=ben.user_id)["xp"] == 100
    assert "displayName" not in town.row(USERS, userId=ben.user_id)
    assert town.do("restore list")["restores"] == []


def test_lost_tables(town: Town) -> None:
    anna = town.people.sign_up("anna")
    quest = anna.create()
    fills = {"MOMENT": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"}
    found: dict[str, list[Item]] = {}

    def everything(table: Table) -> list[Item]:
        items = town.stage.dynamodb.scan(TableName=town.stage.table(table), ConsistentRead=True)["Items"]
        return sorted((decode_item(item) for item in items), key=lambda item: json.dumps(item, sort_keys=True))

    def lose() -> None:
        fills["RESTORE"] = town.do("restore list")["restores"][0]
        for table in (QUESTS, USERS, LEDGER):
            found[table.base_name] = everything(table)
            for item in found[table.base_name][::2]:
                key = {k: item[k] for k in (table.partition_key, table.sort_key) if k}
                town.stage.dynamodb.delete_item(TableName=town.stage.table(table), Key=encode_item(key))

    ran = town.follow("lost-tables", fills, before={"restore cut-over": lose})
    assert "are as they were" in ran["restore cut-over RESTORE --stage prod"].out
    assert town.row(QUESTS, questId=quest["questId"])["status"] == "OPEN"

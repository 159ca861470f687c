"""Commands that look: status, logs, cost, secrets, doctor, and the smoke test's own rules."""

import json
import shutil
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from infra.observability.prices import PRICES
from ops.commands import cost, doctor, secrets, status
from ops.shared import errors, readiness, smoke
from ops.shared.readiness import Finding
from ops.shared.stage import OperatorError, Stage
from services.core.domain.ledger import Kind
from services.core.metrics import NAMESPACE, QUESTS_COMPLETED
from services.core.names import log_group
from services.core.parameters import API_KEY, MAIL_KEY, PUSH_KEY
from services.core.routes import GATEWAY_ROUTES
from services.core.tables import LEDGER
from services.core.vapid import VapidKey
from tests.unit.ops.commands.test_ledger import set_attribute
from tests.unit.ops.conftest import PERFORMER, Cli, UnitStage, parameter

MEMORY = 512


@pytest.fixture
def town(stage: UnitStage, monkeypatch: pytest.MonkeyPatch) -> UnitStage:
    """A stage with a budget, a live release and an api that answers."""
    stage.s3.create_bucket(Bucket=stage.resource(f"releases-{stage.account}"))
    stage.s3.put_object(Bucket=stage.resource(f"releases-{stage.account}"), Key="current", Body=b"r1")
    stage.budgets.create_budget(
        AccountId=stage.account,
        Budget={
            "BudgetName": stage.resource("monthly"), "BudgetType": "COST", "TimeUnit": "MONTHLY",
            "BudgetLimit": {"Amount": "5.0", "Unit": "USD"},
        },
    )  # fmt: skip

    class Lambdas:
        def get_function_configuration(self, **_: str) -> dict[str, int]:
            return {"MemorySize": MEMORY}

        def get_alias(self, **_: str) -> dict[str, str]:
            return {"FunctionVersion": "1"}

    vars(stage)["lambda_"] = Lambdas()
    answers(monkeypatch, {"status": "ok", "stage": "local", "release": "r1", "breaker": "closed"})
    return stage


def answers(monkeypatch: pytest.MonkeyPatch, health: object, code: int = 200) -> None:
    """Sets the api's answer on its own health."""
    transport = httpx.MockTransport(lambda _: httpx.Response(code, json=health))
    monkeypatch.setattr(Stage, "http", lambda _: httpx.Client(base_url="http://stage", transport=transport))


def an_alarm(stage: UnitStage, name: str, state: Any) -> None:
    stage.cloudwatch.put_metric_alarm(
        AlarmName=name, MetricName="m", Namespace="n", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )  # fmt: skip
    stage.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")


def test_a_stage_that_is_well(town: UnitStage, cli: Cli) -> None:
    an_alarm(town, "civicforge-prod-api-p1", "ALARM")
    an_alarm(town, "civicforge-local-api-p1", "OK")
    ran = cli("status --json")
    assert ran.code == 0, ran.out
    assert ran.json["well"] is True
    assert ran.json["budget"] == [0.0, 5.0]


def test_everything_that_may_be_wrong(town: UnitStage, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    an_alarm(town, "civicforge-local-api-p1", "ALARM")
    town.put_parameter("feature-rewards", "maybe")
    town.put_parameter("rollout-rewards", "nonsense")
    town.put_parameter("breaker", "down")
    url = town.sqs.get_queue_url(QueueName=town.resource("rewards-dlq"))["QueueUrl"]
    town.sqs.send_message(QueueUrl=url, MessageBody="{}")
    town.completed()
    (reward,) = [entry for entry in town.ledger.all_of(PERFORMER) if entry.kind is Kind.REWARD]
    key = {"userId": PERFORMER, "entryId": reward.entry_id}
    set_attribute(town, "ledger", key, "createdAt", "2026-01-01T00:00:00.000Z")
    answers(monkeypatch, {"release": "r0"})
    town.budgets.delete_budget(AccountId=town.account, BudgetName=town.resource("monthly"))
    ran = cli("status --json")
    assert ran.code == 1
    assert ran.json["wrong"] == [
        *("api", "flags", "rollouts", "breaker", "alarms", "dead letters", "unpaid rewards", "budget")
    ]
    assert "r1 was released" in cli("status").out


DEPLOY = "civicforge deploy --refresh --stage local"


def test_what_is_missing_is_one_line_with_its_remedy_and_hides_nothing(
    town: UnitStage, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_alarm(town, "civicforge-local-api-p1", "OK")
    before = cli("status --json").json
    assert before["well"] is True
    url = town.sqs.get_queue_url(QueueName=town.resource("rewards-dlq"))["QueueUrl"]
    town.sqs.delete_queue(QueueUrl=url)
    town.delete_parameter(API_KEY.key)
    town.dynamodb.delete_table(TableName=town.table(LEDGER))
    ran = cli("status --json")
    assert ran.code == 1
    assert ran.json["wrong"] == ["parameters", "dead letters", "unpaid rewards"]
    assert ran.json["dead letters"]["rewards"] is None
    assert ran.json.keys() - {"parameters"} == before.keys()
    said = cli("status").out
    looks = {line.split()[1]: line for line in said.splitlines() if line.startswith("LOOK")}
    assert "api-key is missing: `civicforge secrets rotate api-key" in looks["parameters"]
    assert "rewards missing" in looks["dead"]
    assert DEPLOY in looks["dead"]
    assert all(name in said for name in ("release r1", "breaker", "budget", "flags"))
    assert "rewards missing" in " ".join(cli("dlq list").out.split())
    assert DEPLOY in cli("dlq show rewards").err


@pytest.mark.parametrize("name", status.CHECKS)
def test_no_fact_hides_another(town: UnitStage, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def blind(*_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, "Look")

    every = {fact.name for fact in status.facts(town, datetime.now(UTC))} | {name}
    monkeypatch.setitem(status.CHECKS, name, blind)
    found = {fact.name: fact for fact in status.facts(town, datetime.now(UTC))}
    assert found.keys() == every
    assert (found[name].well, "does not let this role" in found[name].text) == (False, True)


def test_a_stage_is_not_taken_for_another(town: UnitStage, monkeypatch: pytest.MonkeyPatch) -> None:
    answers(monkeypatch, {"release": "r1", "stage": "prod"})
    fact = next(status.facts(town, datetime.now(UTC)))
    assert (fact.well, fact.text) == (False, "the address answers for the stage prod")


def test_an_api_that_does_not_answer(town: UnitStage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route")

    monkeypatch.setattr(
        Stage, "http", lambda _: httpx.Client(base_url="http://stage", transport=httpx.MockTransport(refuse))
    )
    fact = next(status.facts(town, datetime.now(UTC)))
    assert (fact.well, fact.text) == (False, "does not answer: no route")
    assert "cannot be reached" in errors.explain(httpx.ConnectError("no route"))


def log(stage: UnitStage, *messages: str, stream: str = "s") -> None:
    group = log_group(stage.name, "api")
    stage.logs.create_log_stream(logGroupName=group, logStreamName=stream)
    now = int(time.time() * 1000)
    events: Any = [{"timestamp": now + n, "message": message} for n, message in enumerate(messages)]
    stage.logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def test_logs(stage: UnitStage, cli: Cli) -> None:
    refused = '{"level":"INFO","status":503,"cause":"StoreUnavailableError: ThrottlingError"}'
    told = ('{"level":"INFO","request_id":"abc"}', '{"level":"INFO","status":503,"code":"breaker_open"}')
    log(stage, "START RequestId: 1", *told, '{"level":"ERROR"}', refused, "Task timed out")
    found = [event["message"] for event in cli("logs api --json").json["events"]]
    wrong = [{"level": "ERROR"}, json.loads(refused), "Task timed out"]
    assert found == [*map(json.loads, told), *wrong]
    assert [event["message"] for event in cli("logs api --errors --json").json["events"]] == wrong
    assert len(cli("logs api --containing abc --json").json["events"]) == 1
    assert "Nothing of that kind" in cli("logs rewards --since 2d").out


def test_lines_of_a_moment_stay_as_they_arrived_and_services_are_in_the_order_of_time(
    stage: UnitStage, cli: Cli
) -> None:
    now = int(time.time() * 1000)
    for service, said in {
        "api": [(5, "Traceback"), (5, "  File"), (5, "Error: b")],
        "rewards": [(1, "x"), (9, "a")],
    }.items():
        group = log_group(stage.name, service)
        stage.logs.create_log_stream(logGroupName=group, logStreamName="s")
        events: Any = [{"timestamp": now + at, "message": message} for at, message in said]
        stage.logs.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    found = cli("logs --json").json["events"]
    assert [event["message"] for event in found] == ["x", "Traceback", "  File", "Error: b", "a"]
    assert [event["source"] for event in found] == ["rewards", "api", "api", "api", "rewards"]
    assert "rewards" in cli("logs").out.splitlines()[0]


def test_an_exception_is_told_with_its_frames_and_metrics_are_not(stage: UnitStage, cli: Cli) -> None:
    record = {
        "level": "ERROR", "errorType": "ClientError", "errorMessage": "denied [/x]", "requestId": "r1",
        "stackTrace": ['  File "/var/task/a.py", line 1, in handler\n    raise\n'],
    }  # fmt: skip
    log(stage, json.dumps(record), '{"_aws": {"CloudWatchMetrics": []}, "level": "ERROR"}')
    lines = cli("logs api --errors").out.splitlines()
    assert lines[0].endswith("ClientError: denied [/x] (request r1)")
    assert lines[1:] == ['  File "/var/task/a.py", line 1, in handler', "    raise"]


def test_a_log_group_that_is_gone_hides_no_other(stage: UnitStage, cli: Cli) -> None:
    log(stage, "here")
    stage.logs.delete_log_group(logGroupName=log_group(stage.name, "rewards"))
    ran = cli("logs --json")
    assert (ran.code, ran.json["missing"]) == (1, ["rewards"])
    assert [event["message"] for event in ran.json["events"]] == ["here"]
    assert DEPLOY in cli("logs").out


def test_logs_are_followed_until_somebody_interrupts(
    stage: UnitStage, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    log(stage, "before")
    later = ["meanwhile"]

    def sleep(_: float) -> None:
        if not later:
            raise KeyboardInterrupt
        log(stage, later.pop(), stream="t")

    monkeypatch.setattr("ops.commands.logs.time.sleep", sleep)
    said = [line.split("  ", 1)[1] for line in cli("logs api --follow").out.splitlines()]
    assert said == ["before", "meanwhile"]


@pytest.mark.parametrize("text", ["1000000d", "9999999999m", "5", "h", "-1h", "\u0665m", "99999d"])
def test_what_is_no_length_of_time(stage: UnitStage, cli: Cli, text: str) -> None:
    ran = cli(f"logs api --since={text}")
    assert (ran.code, "say 15m, 2h or 7d" in ran.err) == (1, True)


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("REPORT RequestId: 1 Duration: 9 ms", False),
        ("REPORT RequestId: 1 Duration: 10000 ms Status: timeout", True),
        ('{"time":"t","type":"platform.start","record":{"requestId":"1"}}', False),
        ('{"time":"t","type":"platform.report","record":{"requestId":"1","status":"success"}}', False),
        ('{"time":"t","type":"platform.report","record":{"requestId":"1","status":"timeout"}}', True),
    ],
)
def test_of_lambdas_own_lines_the_failed_runs_are_shown(stage: UnitStage, cli: Cli, message: str, shown: bool) -> None:
    log(stage, message)
    for option in ("", " --errors"):
        assert len(cli(f"logs api{option} --json").json["events"]) == shown


@pytest.mark.parametrize(("days", "unit"), [(1, 60), (16, 300), (64, 3600)])
def test_a_sum_asks_for_what_cloudwatch_keeps_of_that_age(
    stage: UnitStage, monkeypatch: pytest.MonkeyPatch, days: int, unit: int
) -> None:
    asked: dict[str, Any] = {}

    def answer(**query: Any) -> Any:
        asked.update(query)
        return {"Datapoints": [{"Sum": 2.0}, {"Sum": 3.0}]}

    monkeypatch.setattr(stage.cloudwatch, "get_metric_statistics", answer)
    now = datetime.now(UTC)
    since = now - timedelta(days=days)
    assert stage.count_of(QUESTS_COMPLETED, since, since + timedelta(seconds=61)) == 5
    assert asked["Period"] % unit == 0
    assert timedelta(seconds=unit) <= asked["EndTime"] - asked["StartTime"]


def record(stage: UnitStage, metric: str, namespace: str, dimensions: dict[str, str], value: float) -> None:
    stage.cloudwatch.put_metric_data(
        Namespace=namespace,
        MetricData=[
            {
                "MetricName": metric,
                "Dimensions": [{"Name": name, "Value": text} for name, text in dimensions.items()],
                "Value": value,
                "Timestamp": datetime.now(UTC) - timedelta(seconds=5),
            }
        ],
    )


def gateway(stage: UnitStage, monkeypatch: pytest.MonkeyPatch, *, measured: bool = False) -> None:
    """The gateway's stage, which moto does not have."""
    settings = {"DefaultRouteSettings": {"DetailedMetricsEnabled": measured}, "RouteSettings": {}}
    monkeypatch.setattr(stage.apigateway, "get_stage", lambda **_: settings)


def test_the_metrics_of_routes_cost_five_each(town: UnitStage, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway(town, monkeypatch, measured=True)
    assert cost.fixed_costs(town).route_metrics == pytest.approx(5 * len(GATEWAY_ROUTES) * PRICES.custom_metric)


def test_the_cost_of_what_was_used(town: UnitStage, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway(town, monkeypatch)
    function = {"FunctionName": town.resource("api")}
    record(town, "Invocations", "AWS/Lambda", function, 2e6)
    record(town, "Duration", "AWS/Lambda", function, 1e6 * 1000)
    record(town, "Count", "AWS/ApiGateway", {"ApiId": "none", "Stage": "$default"}, 3e6)
    record(town, "ConsumedWriteCapacityUnits", "AWS/DynamoDB", {"TableName": town.resource("quests")}, 4e6)
    record(town, QUESTS_COMPLETED.name, NAMESPACE, {"service": "civicforge", "stage": "local"}, 100)
    an_alarm(town, "civicforge-local-a-p1", "OK")
    now = datetime.now(UTC)
    found = cost.estimate(town, now)
    gigabyte_seconds = 1e6 * MEMORY / 1024
    lambdas = 2 * PRICES.lambda_request + gigabyte_seconds / 1e6 * PRICES.lambda_gb_second
    assert found["byService"]["Lambda"] == pytest.approx(lambdas, abs=1e-4)
    assert found["byService"]["API Gateway"] == pytest.approx(3 * PRICES.api_request)
    assert found["byService"]["DynamoDB"] == pytest.approx(4 * PRICES.write_unit)
    assert found["aMonthWithoutUse"] == {
        "alarms": PRICES.alarm_metric,
        "dashboards": 0,
        "keys": 0,
        "metrics": PRICES.custom_metric,
        "route_metrics": 0,
    }
    assert found["perCompletedQuest"] == pytest.approx(found["soFar"] / 100, abs=1e-4)
    assert found["monthProjected"] >= found["soFar"] - 1
    assert (found["billed"], found["budget"]) == (0.0, 5.0)


@pytest.mark.parametrize(
    ("born", "share"), [(-40, 27.5 / 30), (27.5 - 1 / 24, 1 / 24 / 30), (26.5, 1 / 30), (15, 12.5 / 30)]
)
def test_a_stage_costs_nothing_before_its_first_day(
    town: UnitStage, monkeypatch: pytest.MonkeyPatch, born: float, share: float
) -> None:
    """`born` in days from the first of a month of thirty, of which 27.5 are over."""
    gateway(town, monkeypatch)
    first = datetime(2026, 11, 1, tzinfo=UTC)
    monkeypatch.setattr(cost, "first_deployed_at", lambda _: first + timedelta(days=born))
    an_alarm(town, "civicforge-local-a-p1", "OK")
    found = cost.estimate(town, first + timedelta(days=27.5))
    assert found["soFar"] == pytest.approx(PRICES.alarm_metric * share, abs=1e-4)
    lives = min(1, (30 - born) / 30)
    assert found["monthProjected"] == pytest.approx(PRICES.alarm_metric * lives, abs=0.01)


def test_a_stage_is_as_old_as_its_oldest_table(town: UnitStage) -> None:
    assert datetime.now(UTC) - timedelta(minutes=10) < cost.first_deployed_at(town) <= datetime.now(UTC)


def test_the_cost_of_nothing(town: UnitStage, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway(town, monkeypatch)
    town.budgets.delete_budget(AccountId=town.account, BudgetName=town.resource("monthly"))
    ran = cli("cost")
    assert ran.code == 0
    assert "none yet" in ran.out
    assert "there is no budget" in ran.out


NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_rotation_keeps_the_former_key_for_an_hour() -> None:
    value = json.dumps({"current": "a", "previous": None, "previousUntil": None})
    once = json.loads(secrets.rotated(value, "b", NOW, timedelta(hours=1)))
    assert once == {"current": "b", "previous": "a", "previousUntil": "2026-03-01T13:00:00.000Z"}
    leaked = json.loads(secrets.rotated(json.dumps(once), "c", NOW, timedelta()))
    assert leaked == {"current": "c", "previous": None, "previousUntil": None}


def test_secrets_are_listed_and_rotated_without_being_shown(stage: UnitStage, cli: Cli) -> None:
    listed = cli("secrets list --json").json["secrets"]
    fresh = {"owner": "operators", "ageDays": 0, "due": False}
    rotated = ("api-key", "mail-key", "address-key", "push-key", "canary-password")
    assert listed == [{"key": key, **fresh} for key in rotated]
    ran = cli("secrets rotate api-key --yes --reason quarter")
    value = json.loads(parameter(stage, API_KEY.key))
    assert value["previous"] == "first"
    again = cli("secrets rotate api-key --dry-run")
    assert "is worth nothing at once" in again.out
    cli("secrets rotate mail-key --yes --reason quarter")
    honoured = [json.loads(parameter(stage, key.key))["previousUntil"] for key in (API_KEY, MAIL_KEY)]
    assert datetime.fromisoformat(honoured[1]) - datetime.fromisoformat(honoured[0]) > timedelta(days=59)
    said = json.dumps(stage.audit()) + ran.out + cli("secrets list").out
    assert value["current"] not in said


def test_the_key_pair_of_devices_is_made_anew_and_never_due(
    stage: UnitStage, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = cli("secrets rotate push-key --yes --reason leaked")
    assert "deploy --refresh" in ran.out
    first = VapidKey.parse(parameter(stage, PUSH_KEY.key))
    assert first.private not in json.dumps(stage.audit()) + ran.out
    cli("secrets rotate push-key --yes --reason again")
    assert VapidKey.parse(parameter(stage, PUSH_KEY.key)) != first
    monkeypatch.setattr(secrets, "MAX_AGE", timedelta(days=-1))
    listed = cli("secrets list --json").json["secrets"]
    assert [secret["key"] for secret in listed if not secret["due"]] == ["push-key"]


def test_a_live_parameter_that_is_gone_is_told_and_written_again(stage: UnitStage, cli: Cli) -> None:
    stage.delete_parameter(API_KEY.key)
    stage.delete_parameter("feature-rewards")
    listed, *_ = cli("secrets list --json").json["secrets"]
    assert (listed["ageDays"], listed["due"]) == (None, True)
    assert "there is none now" in cli("secrets rotate api-key --yes --reason gone").out
    assert set(json.loads(parameter(stage, API_KEY.key))) == {"current", "previous", "previousUntil"}
    assert cli("flags list --json").json["flags"]["rewards"] == "missing"
    assert "rewards: missing -> on" in cli("flags set rewards on --yes --reason gone").out
    assert parameter(stage, "feature-rewards") == "on"


def test_the_canarys_password_is_made_anew_for_members_who_may_be_missing(stage: UnitStage, cli: Cli) -> None:
    pool = stage.api_settings.cognito_user_pool_id
    stage.cognito.create_group(UserPoolId=pool, GroupName="synthetic")
    ran = cli("secrets rotate canary-password --yes --reason quarter")
    assert ran.code == 0, ran.err
    first = parameter(stage, "canary-password")
    assert len(first) > 40
    assert first not in json.dumps(stage.audit()) + ran.out
    members = stage.cognito.list_users_in_group(UserPoolId=pool, GroupName="synthetic")["Users"]
    assert [user["UserStatus"] for user in members] == ["CONFIRMED"] * 2
    assert cli("secrets rotate canary-password --yes --reason again").code == 0
    assert parameter(stage, "canary-password") != first
    assert len(stage.cognito.list_users(UserPoolId=pool)["Users"]) == 2


def test_revoking_signs_somebody_out(stage: UnitStage, cli: Cli) -> None:
    pool = stage.api_settings.cognito_user_pool_id
    stage.cognito.admin_create_user(
        UserPoolId=pool, Username="anna", UserAttributes=[{"Name": "email", "Value": "anna@example.org"}]
    )
    assert cli("secrets revoke anna --yes --reason leaked").code == 0
    nobody = cli("secrets revoke nope --dry-run")
    assert (nobody.code, "member find" in nobody.err, nobody.out) == (1, True, "")
    ran = cli("secrets revoke anna@example.org --dry-run")
    assert ran.code == 0


def test_an_account_s_access_ends_for_good(stage: UnitStage, cli: Cli) -> None:
    pool = stage.api_settings.cognito_user_pool_id
    stage.cognito.admin_create_user(
        UserPoolId=pool, Username="anna", UserAttributes=[{"Name": "email", "Value": "anna@example.org"}]
    )

    def enabled() -> bool:
        return stage.cognito.admin_get_user(UserPoolId=pool, Username="anna")["Enabled"]

    assert cli("secrets revoke anna --yes --reason leaked").code == 0
    assert enabled(), "signed out, and free to sign in again"
    assert cli("secrets revoke anna --for-good --dry-run").code == 0
    assert enabled()
    ran = cli("secrets revoke anna --for-good --yes --reason stolen")
    assert (ran.code, "cannot sign in any more" in ran.out) == (0, True)
    assert not enabled()
    record = json.dumps(stage.audit())
    assert "secrets revoke" in record
    assert '"forGood": true' in record
    stage.users.ensure("anna", datetime.now(UTC))
    assert cli("moderation reinstate anna --words It-is-theirs-again-we-are-sure --yes --reason settled").code == 0
    assert enabled()
    assert cli("secrets revoke nope --for-good --yes --reason x").code == 1


def test_groups_are_listed_joined_and_left(stage: UnitStage, cli: Cli) -> None:
    pool = stage.api_settings.cognito_user_pool_id
    for group in ("internal", "moderators"):
        stage.cognito.create_group(UserPoolId=pool, GroupName=group)
    stage.cognito.admin_create_user(
        UserPoolId=pool, Username="anna", UserAttributes=[{"Name": "email", "Value": "anna@example.org"}]
    )
    ran = cli("groups add internal anna --yes --reason first")
    assert ran.code == 0
    assert "anna is in internal" in ran.out
    assert cli("groups list --json").json == {"groups": {"internal": ["anna@example.org"], "moderators": []}}
    assert "nothing to do" in cli("groups add internal anna --yes --reason again").out
    assert "anna leaves internal" in cli("groups remove internal anna --yes --reason over").out
    assert "nothing to do" in cli("groups remove internal anna --yes --reason over").out
    assert [entry["action"] for entry in stage.audit()] == ["groups add", "groups remove"]
    assert "choose one of internal, moderators" in cli("groups add kings anna --yes --reason x").err
    assert "Nobody on local has the id otto" in cli("groups add internal otto --yes --reason x").err


def test_the_doctor_works_with_an_empty_path(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "LOCAL_DIRECTORY", tmp_path)
    monkeypatch.setenv("PATH", "")
    ran = cli("doctor --json")
    assert ran.code == 1
    found = {finding["what"]: finding for finding in ran.json["findings"]}
    assert found["git"]["verdict"] == "missing"
    assert found["node"]["verdict"] == "optional", "the Makefile fetches one"
    assert "`make setup` brings one" in found["node"]["remedy"]
    assert found["pulumi"]["verdict"] == "optional"
    assert found["Python"]["verdict"] == "ok"
    assert all(finding["remedy"] for finding in ran.json["findings"] if finding["verdict"] != "ok")


def test_the_doctor_tells_old_from_new(monkeypatch: pytest.MonkeyPatch) -> None:
    git = doctor.TOOLS[0]
    assert doctor.tool(git, "local").verdict == "ok"
    monkeypatch.setattr(doctor, "version_of", lambda _: (1, 9))
    old = doctor.tool(git, "local")
    assert (old.verdict, old.found) == ("missing", "1.9 is too old")
    node = next(wanted for wanted in doctor.TOOLS if wanted.name == "node")
    assert node.fetched
    assert doctor.tool(node._replace(name="git"), "local").verdict == "missing", "one that is too old is used"
    assert doctor.tool(doctor.Tool("no-such", (1,), "nothing", "buy one", aws_only=True), "prod").verdict == "missing"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
        wanted = doctor.Tool("no-such", (1,), "nothing", "buy one", aws_only=True)
        assert doctor.tool(wanted, "dev").verdict == "optional", "the local cloud's own dev"


@pytest.mark.parametrize(
    ("free", "verdict", "said"),
    [
        (3e9, "ok", "3 GB free"),
        (2e9, "ok", "2 GB free"),
        (1.99e9, "missing", "2 GB free"),
        (4e7, "missing", "40 MB free"),
    ],
)
def test_the_doctor_tells_a_disk_that_is_nearly_full(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, free: float, verdict: str, said: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", {tmp_path: SimpleNamespace(free=free)}.__getitem__)
    finding = doctor.disk("disk", tmp_path, doctor.LEAST_FREE)
    assert (finding.verdict, finding.found) == (verdict, said)
    assert bool(finding.remedy) is (verdict == "missing")


@pytest.mark.parametrize("other", [True, False])
def test_the_doctor_looks_at_the_disk_of_the_local_clouds_data(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, other: bool
) -> None:
    monkeypatch.setattr(doctor, "LOCAL_DIRECTORY", tmp_path)
    monkeypatch.setattr(doctor, "_device", lambda folder: int(other and folder == tmp_path))
    disks = [finding.what for finding in doctor.machine("local") if finding.what.startswith("disk")]
    assert disks == (["disk", "disk of .local"] if other else ["disk"])


@pytest.mark.parametrize(
    ("minutes", "found"),
    [(0, []), (40, ["40 min behind AWS"]), (-40, ["40 min ahead of AWS"]), (0.5, []), (-2, ["2 min ahead of AWS"])],
)
def test_the_doctor_tells_a_wrong_clock(
    stage: UnitStage, monkeypatch: pytest.MonkeyPatch, minutes: float, found: list[str]
) -> None:
    class Sts:
        def get_caller_identity(self) -> Any:
            told = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
            return {"Arn": "me", "ResponseMetadata": {"HTTPHeaders": {"date": told}}}

    vars(stage)["sts"] = Sts()
    monkeypatch.setattr(doctor, "open_stage", lambda _: stage)
    monkeypatch.setattr(readiness, "account", lambda _: [])
    clocks = [finding for finding in doctor.account("dev") if finding.what == "clock"]
    assert [clock.found for clock in clocks if clock.verdict == "missing"] == found
    assert len(clocks) == 1


def test_the_doctor_asks_whether_the_stage_is_there(stage: UnitStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "open_stage", lambda _: stage)
    monkeypatch.setattr(readiness, "account", lambda _: [Finding("ok", "concurrency", "plenty")])
    monkeypatch.setattr(doctor, "_clock", lambda _: [])  # moto tells the time or does not
    assert [finding.verdict for finding in doctor.account("dev")] == ["ok", "ok", "ok"]
    stage.delete_parameter("site-url")
    assert [finding.verdict for finding in doctor.account("dev")] == ["ok", "optional", "ok"]

    def refuse(_: str) -> Stage:
        raise OperatorError("no way in")

    monkeypatch.setattr(doctor, "open_stage", refuse)
    assert [finding.remedy for finding in doctor.account("dev")] == ["no way in"]


def test_the_smoke_test_names_the_step_that_fails(town: UnitStage, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    ran = cli("smoke --json")
    assert ran.code == 1
    assert ran.json["failed"] == "page"
    assert [step["passed"] for step in ran.json["steps"]] == [True, True, False, True]
    answers(monkeypatch, {"stage": "local", "breaker": "read-only", "release": "r"})
    assert "it takes the breaker for read-only, not closed" in cli("smoke").out
    answers(monkeypatch, {"stage": "prod", "breaker": "closed", "release": "r"})
    assert "it answers for stage prod" in cli("smoke").out
    answers(monkeypatch, {}, code=502)
    assert "answers 502" in cli("smoke").out


@pytest.mark.parametrize(("position", "method"), [("read-only", "POST"), ("down", "GET")])
def test_the_smoke_test_knows_the_breaker(
    town: UnitStage, monkeypatch: pytest.MonkeyPatch, position: str, method: str
) -> None:
    town.put_parameter("breaker", position)
    with httpx.Client(base_url="http://stage") as http:
        run = smoke.Smoke(town, http)
        names = [name for name, _ in run.steps]
        assert names[-1] == "refusal"
        assert "create" not in names
        for status, headers, passes in ((503, {"Retry-After": "30"}, True), (503, {}, False), (201, {}, False)):
            answer = httpx.Response(status, headers=headers)
            monkeypatch.setattr(http, "request", lambda *_, answer=answer, **__: answer)
            if passes:
                assert run.refusal(method) == f"{method} gets its 503"
            else:
                with pytest.raises(OperatorError, match=f"answers {status} although the breaker is {position}"):
                    run.refusal(method)


def test_a_clean_up_that_fails_is_a_step_that_fails(town: UnitStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may not keep a deployment from going back."""
    town.cognito.delete_user_pool(UserPoolId=town.api_settings.cognito_user_pool_id)
    monkeypatch.setattr(smoke.Smoke, "steps", (("nothing", lambda: "was tried"),))
    outcome = smoke.run(town, lambda _: None)
    assert (outcome["passed"], outcome["failed"]) == (False, "clean-up")


def test_only_synthetic_members_are_ever_removed(stage: UnitStage) -> None:
    with pytest.raises(AssertionError):
        smoke.remove(stage, "anna@example.org", PERFORMER)
    assert stage.users.get(PERFORMER)


def test_error_budgets_of_28_days(town: UnitStage, cli: Cli) -> None:
    names = {"service": "civicforge", "stage": "local"}
    record(town, "Count", "AWS/ApiGateway", {"ApiId": "none", "Stage": "$default"}, 100_000)
    record(town, "5xx", "AWS/ApiGateway", {"ApiId": "none", "Stage": "$default"}, 25)
    for late in (0, 0, 0, 100):
        record(town, "mails_late", NAMESPACE, names, late)
    found = cli("status --json").json
    assert found["error budgets"] == {"availability": 75.0, "payment": None, "mail": -400.0}
    assert "error budgets" in found["wrong"], "the mails' is overspent"

import json

import pytest

from services.core.services import SWEEPS
from tests.unit.infra.plan import Plan


def test_the_ledger_hands_new_pending_entries_to_rewards(stage_plan: Plan) -> None:
    inputs = stage_plan.one("EventSourceMapping", "ledger").inputs
    assert inputs["eventSourceArn"].endswith(f"civicforge-{stage_plan.stage}-ledger/stream/now")
    assert inputs["functionName"].endswith(f":civicforge-{stage_plan.stage}-rewards:live")
    (pattern,) = inputs["filterCriteria"]["filters"]
    assert json.loads(pattern["pattern"]) == {
        "eventName": ["INSERT"],
        "dynamodb": {"NewImage": {"state": {"S": ["PENDING"]}}},
    }


def test_the_quests_hand_every_change_to_the_publisher(stage_plan: Plan) -> None:
    inputs = stage_plan.one("EventSourceMapping", "quests-publisher").inputs
    assert inputs["eventSourceArn"].endswith(f"civicforge-{stage_plan.stage}-quests/stream/now")
    assert inputs["functionName"].endswith(f":civicforge-{stage_plan.stage}-publisher:live")
    assert "filterCriteria" not in inputs


@pytest.mark.parametrize("thing", ["quests", "ledger", "messages"])
def test_the_notifier_takes_every_stream_and_waits_an_outage_out(stage_plan: Plan, thing: str) -> None:
    inputs = stage_plan.one("EventSourceMapping", f"{thing}-notifier").inputs
    assert inputs["eventSourceArn"].endswith(f"civicforge-{stage_plan.stage}-{thing}/stream/now")
    assert inputs["functionName"].endswith(f":civicforge-{stage_plan.stage}-notifier:live")
    assert inputs["maximumRetryAttempts"] == 10_000
    assert inputs["destinationConfig"]["onFailure"]["destinationArn"].endswith("-notices-dlq")


@pytest.mark.parametrize(("mapping", "queue"), [("ledger", "rewards"), ("quests-publisher", "publisher")])
def test_a_poison_record_goes_to_its_queue_after_bounded_retries(stage_plan: Plan, mapping: str, queue: str) -> None:
    inputs = stage_plan.one("EventSourceMapping", mapping).inputs
    assert inputs["functionResponseTypes"] == ["ReportBatchItemFailures"]
    assert inputs["bisectBatchOnFunctionError"] is True
    assert 0 < inputs["maximumRetryAttempts"] <= 10
    destination = inputs["destinationConfig"]["onFailure"]["destinationArn"]
    assert destination.endswith(f"civicforge-{stage_plan.stage}-{queue}-dlq")
    assert inputs["startingPosition"] == "TRIM_HORIZON"


def test_sweeps_run_as_declared_and_lose_nothing(stage_plan: Plan) -> None:
    schedules = stage_plan.of("Schedule")
    assert {schedule.name for schedule in schedules} == SWEEPS.keys()
    queue = f"civicforge-{stage_plan.stage}-schedules-dlq"
    role = stage_plan.one("RolePolicy", "sweeps")
    invoke, keep = role.policy()
    for schedule in schedules:
        target = schedule.inputs["target"]
        minutes = SWEEPS[schedule.name].sweep_minutes
        assert minutes is not None
        assert schedule.inputs["scheduleExpression"] == f"rate({minutes} minutes)"
        assert schedule.inputs["groupName"] == f"civicforge-{stage_plan.stage}-sweeps"
        assert target["deadLetterConfig"]["arn"].endswith(queue)
        assert target["roleArn"].endswith(f"civicforge-{stage_plan.stage}-sweeps")
        assert target["retryPolicy"]["maximumEventAgeInSeconds"] == minutes * 60
        assert target["arn"].endswith(f":civicforge-{stage_plan.stage}-{schedule.name}:live")
        assert target["arn"] in invoke["Resource"]
        assert role.registration.urn in schedule.registration.dependencies
        # What tells a sweep from a batch of the stream.
        assert "Records" not in json.loads(target["input"])
    assert invoke["Action"] == ["lambda:InvokeFunction"]
    assert [arn.rsplit("/")[-1] for arn in keep["Resource"]] == [queue]


def test_a_sweep_that_fails_inside_lambda_is_kept_too(stage_plan: Plan) -> None:
    configured = stage_plan.of("FunctionEventInvokeConfig")
    assert {config.name for config in configured} == {schedule.name for schedule in stage_plan.of("Schedule")}
    for config in configured:
        destination = config.inputs["destinationConfig"]["onFailure"]["destination"]
        assert destination.endswith(f"civicforge-{stage_plan.stage}-schedules-dlq")
        (policy,) = (p for p in stage_plan.of("RolePolicy") if p.name == config.name)
        may_send = [s["Resource"] for s in policy.policy() if "sqs:SendMessage" in s["Action"]]
        assert [destination] in may_send

import json

import pulumi
import pytest

from services.core.services import QUEUES
from tests.unit.infra.plan import ACCOUNT, Plan, plan, run_program

FOURTEEN_DAYS = 1_209_600


def test_failures_are_kept_encrypted_for_fourteen_days(stage_plan: Plan) -> None:
    queues = stage_plan.of("Queue")
    assert {queue.name for queue in queues} == {queue.base_name for queue in QUEUES.values()}
    for queue in queues:
        assert queue.inputs["messageRetentionSeconds"] == FOURTEEN_DAYS, queue.label
        assert queue.inputs["sqsManagedSseEnabled"] is True, queue.label


def test_queues_and_topics_speak_tls_only(stage_plan: Plan) -> None:
    policies = stage_plan.of("QueuePolicy", "TopicPolicy")
    assert len(policies) == len(stage_plan.of("Queue", "Topic"))
    for policy in policies:
        (deny,) = (statement for statement in policy.policy() if statement["Effect"] == "Deny")
        assert deny["Principal"] == "*"
        assert deny["Action"] == (["sqs:*"] if policy.type.endswith("QueuePolicy") else ["sns:Publish"])
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_alarms_and_budgets_of_this_account_can_publish(stage_plan: Plan) -> None:
    publishers = {"Service": ["cloudwatch.amazonaws.com", "budgets.amazonaws.com"]}
    own_account = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    for policy in stage_plan.of("TopicPolicy"):
        if policy.name == "mail-feedback":
            continue  # Only SES publishes there: test_mail.py.
        (allow,) = (statement for statement in policy.policy() if statement["Effect"] == "Allow")
        assert (allow["Principal"], allow["Action"], allow["Condition"]) == (publishers, ["sns:Publish"], own_account)
    (key,) = stage_plan.of("Key")
    account, use, *deployer = key.policy()
    assert len(deployer) == (stage_plan.stage != "local"), "the local cloud has no role that deploys it"
    assert account["Principal"] == {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    assert use["Principal"] == {"Service": [*publishers["Service"], "ses.amazonaws.com"]}
    assert use["Action"] == ["kms:Decrypt", "kms:GenerateDataKey"]
    assert use["Condition"] == own_account


def test_topics_are_encrypted_with_a_key_that_turns(stage_plan: Plan) -> None:
    (key,) = stage_plan.of("Key")
    assert key.inputs["enableKeyRotation"] is True
    topics = stage_plan.of("Topic")
    assert {topic.name for topic in topics} == {"page", "notify", "mail-feedback"}
    assert all(topic.inputs["kmsMasterKeyId"].endswith("key/alerts") for topic in topics)


def test_somebody_hears_the_alarms_of_prod_and_staging() -> None:
    for stage in ("staging", "prod"):
        told = {subscription.inputs["topic"] for subscription in plan(stage).of("TopicSubscription")}
        heard = {arn.rsplit("-", 1)[-1] for arn in told}
        assert heard == {"page", "notify", "feedback"}


def test_alarms_reach_a_phone() -> None:
    """The example of docs/operations.md: PagerDuty is paged, Opsgenie is told too."""
    hooks = [
        "page https://events.pagerduty.com/integration/0123456789abcdef/enqueue",
        "notify https://api.opsgenie.com/v1/json/amazonsns?apiKey=0123",
    ]
    found = run_program("staging", {"alertHooks": json.dumps(hooks)}).of("TopicSubscription")
    called = {s.inputs["topic"].rpartition("-")[2]: s for s in found if s.inputs["protocol"] == "https"}
    assert {topic: f"{topic} {s.inputs['endpoint']}" for topic, s in called.items()} == {
        "page": hooks[0],
        "notify": hooks[1],
    }
    assert all(s.inputs["endpointAutoConfirms"] and "endpoint" in s.secret_inputs for s in called.values())


@pytest.mark.parametrize(
    "hook",
    [
        "https://a.example",
        "wake https://a.example",
        "page http://a.example",
        "page ",
        "page https://hooks.slack.com/workflows/x",
        "notify https://HOOKS.slack.com:443/triggers/x",
        "page https://town.webhook.office.com/webhookb2/x",
    ],
)
def test_a_hook_that_cannot_work_is_refused(hook: str) -> None:
    with pytest.raises(pulumi.RunError, match="alertHooks"):
        run_program("dev", {"alertHooks": json.dumps([hook])})

from services.core.stages import ON_AWS
from tests.unit.infra.plan import STAGES, Plan, plan


def test_a_budget_counts_the_stage_alone_and_warns_in_time(stage_plan: Plan) -> None:
    (budget,) = stage_plan.of("Budget")
    assert budget.inputs["costFilters"] == [{"name": "TagKeyValue", "values": [f"user:stage${stage_plan.stage}"]}]
    assert (budget.inputs["timeUnit"], budget.inputs["limitUnit"]) == ("MONTHLY", "USD")
    warnings = {(n["notificationType"], n["threshold"]) for n in budget.inputs["notifications"]}
    assert warnings == {("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100)}
    for notification in budget.inputs["notifications"]:
        assert notification["thresholdType"] == "PERCENTAGE"
        assert notification["subscriberSnsTopicArns"] == [stage_plan.exports.values["notify_topic_arn"]]


def test_the_stages_on_aws_share_25_dollars() -> None:
    limits = {stage: float(plan(stage).one("Budget", "monthly").inputs["limitAmount"]) for stage in STAGES}
    assert (limits["dev"], limits["staging"], limits["prod"]) == (5, 5, 15)
    assert sum(limits[stage] for stage in ON_AWS) <= 25, "all stages together have $25 a month: share out `budgetUsd`"

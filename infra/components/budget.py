"""The stage's monthly budget."""

import pulumi_aws as aws

from infra.components.component import Component
from infra.components.messaging import Alerts
from infra.config import StageConfig


class Budget(Component):
    """Warns at 80 and 100 % spent, and when the month is heading beyond 100 %.

    It counts what carries the stage's tag. The last command that the bootstrap stack prints activates the tag for that.
    """

    def __init__(self, stage: StageConfig, alerts: Alerts) -> None:
        super().__init__(stage, "budget")
        aws.budgets.Budget(
            "monthly",
            name=stage.name("monthly"),
            budget_type="COST",
            time_unit="MONTHLY",
            limit_amount=f"{stage.budget_usd}.0",
            limit_unit="USD",
            cost_filters=[aws.budgets.BudgetCostFilterArgs(name="TagKeyValue", values=[f"user:stage${stage.stage}"])],
            notifications=[
                aws.budgets.BudgetNotificationArgs(
                    notification_type=kind,
                    comparison_operator="GREATER_THAN",
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                    subscriber_sns_topic_arns=[alerts.notify.arn],
                )
                for kind, percent in (("ACTUAL", 80), ("ACTUAL", 100), ("FORECASTED", 100))
            ],
            opts=self.child,
        )
        self.register_outputs({})

"""The budget of a stage."""

from ops.shared.stage import Stage


def budget(stage: Stage) -> tuple[float, float] | None:
    """Dollars spent this month and allowed, as AWS Budgets says a few times a day; None if there is no budget."""
    try:
        found = stage.budgets.describe_budget(AccountId=stage.account, BudgetName=stage.resource("monthly"))["Budget"]
    except stage.budgets.exceptions.NotFoundException:
        return None
    spent = found.get("CalculatedSpend", {}).get("ActualSpend", {}).get("Amount", "0")
    return float(spent), float(found["BudgetLimit"]["Amount"])

"""Members of a stage, by id or e-mail address."""

from ops.shared.stage import OperatorError, Stage
from services.core.domain.users import User


def user_id_of(stage: Stage, member: str) -> str:
    """The id of a member who is given by id or e-mail address. Raises OperatorError for nobody."""
    if not member.strip():
        raise OperatorError("Name a member by id or e-mail address; `civicforge member find NAME` finds both.")
    if "@" not in member:
        return member
    found = stage.cognito.list_users(
        UserPoolId=stage.api_settings.cognito_user_pool_id, Filter=f'email = "{member.replace(chr(34), "")}"'
    )["Users"]
    if not found:
        raise OperatorError(f"Nobody on {stage.name} has the address {member}.")
    return next(attribute["Value"] for attribute in found[0]["Attributes"] if attribute["Name"] == "sub")


def member_of(stage: Stage, member: str) -> User:
    """The member's row. Raises OperatorError if there is none."""
    user = stage.users.get(user_id_of(stage, member))
    if user is None:
        raise OperatorError(f"There is no row for {member}; their first call of the API makes it.")
    return user

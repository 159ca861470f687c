"""The two synthetic members as whom the canary signs in."""

from ops.shared.stage import OperatorError, Stage
from services.core.domain.quests import SYNTHETIC
from services.core.names import SYNTHETIC_MEMBERS
from services.core.parameters import CANARY_PASSWORD, USER_POOL_ID


def make_members(stage: Stage, password: str | None = None) -> list[str]:
    """Make those who are missing, and give all of them a new password if there is one. Returns who was made.

    Raises OperatorError if the stage has no password for them.
    """
    pool, made = stage.parameter(USER_POOL_ID), []
    for address in SYNTHETIC_MEMBERS:
        try:
            stage.cognito.admin_get_user(UserPoolId=pool, Username=address)
        except stage.cognito.exceptions.UserNotFoundException:
            attributes = [{"Name": "email", "Value": address}, {"Name": "email_verified", "Value": "true"}]
            stage.cognito.admin_create_user(
                UserPoolId=pool,
                Username=address,
                MessageAction="SUPPRESS",
                UserAttributes=attributes,  # type: ignore[arg-type]  # dictionaries of two texts
            )
            made.append(address)
        if password or address in made:
            # Before the password is set: the first token of the member carries the group.
            stage.cognito.admin_add_user_to_group(UserPoolId=pool, Username=address, GroupName=SYNTHETIC)
            stage.cognito.admin_set_user_password(
                UserPoolId=pool, Username=address, Password=password or _password(stage), Permanent=True
            )
    return made


def _password(stage: Stage) -> str:
    found = stage.find_parameter(CANARY_PASSWORD.key)
    if found is None:
        raise OperatorError(
            f"{stage.name} has no {CANARY_PASSWORD.key}; `civicforge secrets rotate {CANARY_PASSWORD.key}` makes one."
        )
    return found

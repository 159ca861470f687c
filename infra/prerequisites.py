"""Prerequisites of a stage, looked for before anything is made: the Lambdas' zips and the account's bootstrap stack."""

from pathlib import Path
from typing import Final

import pulumi
import pulumi_aws as aws

from infra.components.policies import boundary_name
from infra.config import StageConfig
from services.core.services import SERVICES

_ABSENT: Final = ("NoSuchEntity", "couldn't find", "does not exist", "there is no")
"""Words of the AWS provider, of AWS, and of the local cloud's provider, for a policy that is not there."""


def require(stage: StageConfig) -> None:
    """Raise `pulumi.RunError` naming what is missing and how to get it."""
    if missing := missing_zips(stage):
        raise pulumi.RunError(f"{stage.artifacts} lacks {', '.join(missing)}: `make zips` builds them.")
    if stage.permissions_boundary:
        _require_bootstrap(stage)


def missing_zips(stage: StageConfig) -> list[str]:
    """The zips of the Lambdas that are not where the stage's configuration looks for them."""
    paths = [Path(stage.artifact(service)) for service in SERVICES]
    return [path.name for path in paths if not path.exists()]


def _require_bootstrap(stage: StageConfig) -> None:
    policy = f"arn:aws:iam::{aws.get_caller_identity().account_id}:policy/{boundary_name(stage.stage)}"
    try:
        aws.iam.get_policy(arn=policy)
    except Exception as error:
        # The SDK raises nothing more exact. Whoever may not look is told by AWS what else they may not.
        if any(words in str(error) for words in _ABSENT):
            raise pulumi.RunError(
                f"The account has no {policy}: the bootstrap stack is made first, once for an account, "
                "by scripts/setup-oidc.sh, or on the local cloud by `python -m localcloud up --stage bootstrap`."
            ) from None
        pulumi.log.debug(f"The boundary cannot be looked up: {error}")

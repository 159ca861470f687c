"""The SSM parameters of a stage: what the stack writes, who owns each and how it is rotated."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Kind = Literal["String", "SecureString"]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """`live` values are changed by operators at run time: the stack creates them and never overwrites them.

    `previous_valid_for` makes it a signing key, JSON with `current`, `previous` and `previousUntil`: the time for which
    the previous key is accepted after a rotation.
    """

    key: str
    description: str
    kind: Kind = "String"
    initial: str | None = None
    live: bool = False
    owner: str = "stack"
    rotation: str = "none"
    previous_valid_for: timedelta | None = None


def _rotated_key(key: str, purpose: str, valid_for: timedelta, in_words: str) -> Parameter:
    """A secret key that operators rotate, whose previous value stays valid for a while."""
    return Parameter(
        key=key,
        description=f"{purpose} JSON: current, previous, previousUntil.",
        kind="SecureString",
        live=True,
        owner="operators",
        rotation=f"every 90 days with `civicforge secrets rotate {key}`; the former key is honoured for {in_words}",
        previous_valid_for=valid_for,
    )


API_KEY = _rotated_key("api-key", "Signs page cursors.", timedelta(hours=1), "an hour")
MAIL_KEY = _rotated_key(
    "mail-key", "Signs the links in mails by which a member unsubscribes.", timedelta(days=60), "60 days"
)
ADDRESS_KEY = _rotated_key(
    "address-key", "Key of the digests by which a former address is known.", timedelta(days=90), "90 days"
)
PUSH_KEY = Parameter(
    key="push-key",
    description="Signs what goes to members' devices (VAPID, RFC 8292). JSON: private, public.",
    kind="SecureString",
    live=True,
    owner="operators",
    rotation="only where it has leaked: `civicforge secrets rotate push-key` ends every device's subscription",
)
BREAKER = Parameter(
    key="breaker",
    description="closed, read-only or down; read by the api at most 10 s late.",
    initial="closed",
    live=True,
    owner="operators",
)
BREAKER_FORMER = Parameter(
    key="breaker-former",
    description="What closing the breaker restores; there only while it is open. JSON.",
    owner="operators",
)


def flag_parameter(flag: str) -> Parameter:
    """The parameter of a feature flag: off, internal, on or N% (see `services.core.flags`)."""
    return Parameter(
        key=f"feature-{flag}",
        description=f"Feature flag {flag}: off, internal, on or N%.",
        initial="off",
        live=True,
        owner="operators",
    )


def rollout_parameter(flag: str) -> Parameter:
    """The parameter that says how far the rollout of a flag is; made by the first one (see `ops.commands.rollout`)."""
    return Parameter(
        key=f"rollout-{flag}",
        description=f"The last rollout of flag {flag}. JSON: step, since when, state, why.",
        owner="operators",
    )


CANARY_PASSWORD = Parameter(
    key="canary-password",
    description="Password of the two synthetic members as whom the canary signs in.",
    kind="SecureString",
    live=True,
    owner="operators",
    rotation="every 90 days with `civicforge secrets rotate canary-password`; the former one is worth nothing at once",
)
BREAKER_BY_CANARY = Parameter(
    key="breaker-self",
    description="What the canary did to the breaker. JSON: the version that it set, since when, how often.",
    owner="canary",
)
SILENCES = Parameter(
    key="alarm-silences",
    description="Alarms that tell nobody for a while. JSON: until when, by alarm.",
    owner="operators",
)
FLAGS = ("rewards", "disputes", "notices", "messages", "silence")
LIVE_PARAMETERS = (API_KEY, MAIL_KEY, ADDRESS_KEY, BREAKER, *map(flag_parameter, FLAGS))
"""Parameters that the api reads."""
INITIALISED_PARAMETERS = (*LIVE_PARAMETERS, PUSH_KEY, CANARY_PASSWORD)
"""Parameters whose first value the stack sets; later ones are the operators'."""
SECRETS = tuple(parameter for parameter in INITIALISED_PARAMETERS if parameter.kind == "SecureString")
COMMAND_PARAMETERS = (BREAKER_FORMER, BREAKER_BY_CANARY, SILENCES)
"""Parameters that a command or the canary creates, outside the stack. See also `rollout_parameter`."""

USER_POOL_ID = Parameter(key="user-pool-id", description="Cognito user pool of the stage.")
USER_POOL_CLIENT_ID = Parameter(key="user-pool-client-id", description="Cognito app client of the app.")
SITE_URL = Parameter(key="site-url", description="Address of the app and the API.")
SITE_BUCKET = Parameter(key="site-bucket", description="Bucket of the app's files.")
DISTRIBUTION_ID = Parameter(key="distribution-id", description="CloudFront distribution of the app and the API.")
API_ID = Parameter(key="api-id", description="HTTP API behind the distribution.")
STACK_PARAMETERS = (USER_POOL_ID, USER_POOL_CLIENT_ID, SITE_URL, SITE_BUCKET, DISTRIBUTION_ID, API_ID)

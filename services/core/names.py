"""The names of a stage's AWS resources, parameters and log groups; no other module composes one."""

PROJECT = "civicforge"
PUBLISHED = "published/"
"""Prefix of the documents in the site bucket, see `services.core.documents`."""
BOARD_KEY = f"{PUBLISHED}board.json"
HOME_KEY = f"{PUBLISHED}home.html"
QUESTS_PREFIX = f"{PUBLISHED}quests/"
BOARD_PAGES_PREFIX = f"{PUBLISHED}board/"
"""Prefix of the pages that a long board is in, see `services.core.board_index`."""
GATEWAY_STAGE = "$default"
"""The stage of the HTTP API: the one that is served at the root."""
STATUS_KEY = f"{PUBLISHED}status.html"
"""Key of the status page; its address is `/status`."""
SYNTHETIC_MEMBERS = ("canary-a@civicforge.invalid", "canary-b@civicforge.invalid")
"""Addresses of the two members as whom the canary acts; the domain can never receive mail (RFC 2606)."""
LIVE_ALIAS = "live"
"""The Lambda alias that every caller uses, so that a release is rolled back by moving it."""


def resource_name(stage: str, base_name: str) -> str:
    """`civicforge-{stage}-{base_name}`, the only form a resource's name has."""
    return f"{PROJECT}-{stage}-{base_name}"


def parameter_name(stage: str, key: str) -> str:
    """`/civicforge/{stage}/{key}`, the SSM name of a parameter of `services.core.parameters`."""
    return f"/{PROJECT}/{stage}/{key}"


def log_group(stage: str, service: str) -> str:
    """The log group of a service's Lambda; Lambda itself fixes the prefix."""
    return f"/aws/lambda/{resource_name(stage, service)}"


def audit_log_group(stage: str) -> str:
    """The log group of what operators changed: who, why, what and when."""
    return f"/{PROJECT}/{stage}/audit"


def bootstrap_role(stage: str, kind: str) -> str:
    """The role `deploy`, `preview` or `rollout` of a stage, which the bootstrap stack makes."""
    return resource_name("bootstrap", f"{stage}-{kind}")

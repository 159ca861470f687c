"""botocore clients, created without boto3, which costs a cold start 20 ms more."""

from functools import cache
from typing import Any

from botocore.config import Config
from botocore.handlers import BUILTIN_HANDLERS
from botocore.session import Session

_CONFIG = Config(
    # Seconds. Two attempts on a dead connection fit into the caller's timeout: 5 s for a trigger of Cognito, 30 s
    # for an integration of API Gateway.
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 2},
    # Not needed here, and a fifth of a warm request's CPU.
    user_agent="civicforge",
    parameter_validation=False,
    disable_request_compression=True,
    account_id_endpoint_mode="disabled",
)
# SES has no idempotency token: a retry after a lost answer would send a second mail.
_NO_RETRY = _CONFIG.merge(Config(read_timeout=10, retries={"mode": "standard", "total_max_attempts": 1}))


@cache
def _session() -> Session:
    # Handlers whose event names no service apply to all services: 9 of 127. All of them would cost a cold start 4 %.
    session = Session(include_builtin_handlers=False)
    for event, handler, *_ in BUILTIN_HANDLERS:
        if "." not in event:
            session.register(event, handler)
    return session


@cache
def client(service: str) -> Any:
    """A client of the named service, in the region and with the endpoint of the environment."""
    if service == "s3":  # with all of botocore's handlers: S3's addresses depend on the bucket
        config = _CONFIG.merge(Config(read_timeout=10, request_checksum_calculation="when_required"))
        return Session().create_client(service, config=config)
    made: Any = _session().create_client(service, config=_NO_RETRY if service == "sesv2" else _CONFIG)
    # The endpoint is fixed; resolving it by rules for every call would be a ninth of a warm request.
    made._ruleset_resolver = None  # noqa: SLF001  # botocore is pinned, and has no public API for it
    return made

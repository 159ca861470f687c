"""botocore's clients, made without boto3, whose layer above costs a cold start 20 ms."""

from functools import cache
from typing import Any

from botocore.config import Config
from botocore.handlers import BUILTIN_HANDLERS
from botocore.session import Session

_CONFIG = Config(
    # Seconds. A Lambda waits for one dead connection at most twice within its caller's patience: Cognito gives a
    # trigger 5 s, API Gateway gives an integration 30 s.
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 2},
    # Not needed here, and a fifth of a warm request's CPU.
    user_agent="civicforge",
    parameter_validation=False,
    disable_request_compression=True,
    account_id_endpoint_mode="disabled",
)
# SES has no token by which a repeated call is known: a lost answer must not become a second mail.
_ONCE = _CONFIG.merge(Config(read_timeout=10, retries={"mode": "standard", "total_max_attempts": 1}))


@cache
def _session() -> Session:
    # The handlers whose event names no service are for all of them: 9 of 127, which cost a cold start 4 %.
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
    made: Any = _session().create_client(service, config=_ONCE if service == "sesv2" else _CONFIG)
    # Its address is the one that it was made with; to work it out by rules for every call is a ninth of a warm request.
    made._ruleset_resolver = None  # noqa: SLF001  # botocore is pinned, and has no public way
    return made

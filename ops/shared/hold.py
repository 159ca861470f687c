"""The hold of a stage: from plan to smoke test, one deployment or rollback at a time.

Pulumi's lock covers `up` only. The hold is an object in the releases bucket, put on conditions, with an owner and an
end. If the holder crashes, the stage stays held until that end, or until it is taken over by the owner's name.
"""

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer
from botocore.exceptions import ClientError

from ops.shared.stage import OperatorError, Stage
from services.core.domain.values import Model, Timestamp

TakeOver = Annotated[str, typer.Option(help="The owner of a hold on the stage that is known to be dead.")]
"""The option of commands that hold a stage."""
LASTS: Final = timedelta(hours=2)
"""Longer than any deployment: Lambdas, `up`, a canary of the longest kind, the smoke test."""
_KEY: Final = "hold"


class Hold(Model):
    """The holder of a stage, with purpose and end."""

    owner: str
    what: str
    until: Timestamp


@contextmanager
def held(stage: Stage, what: str, take_over: str = "") -> Iterator[Callable[[], None]]:
    """Hold the stage; gives a function that raises OperatorError once somebody else has taken it over.

    A stage that has no releases bucket yet cannot be held: its first deployment has Pulumi's lock only.

    Args:
        stage: what is held.
        what: what is done meanwhile, for others to read.
        take_over: the owner of a hold that has not ended, where it is known to be dead.

    Raises:
        OperatorError: somebody holds it.
    """
    try:
        tag = _take(stage, what, take_over)
    except stage.s3.exceptions.NoSuchBucket:
        yield lambda: None
        return

    def check() -> None:
        current = _read(stage)
        if current is None or current[1] != tag:
            owner = current[0].owner if current else "somebody"
            raise OperatorError(f"{owner} has taken {stage.name} over: nothing more is done here.")

    try:
        yield check
    finally:
        current = _read(stage)
        if current is not None and current[1] == tag:
            _put(stage, current[0].model_copy(update={"until": datetime.now(UTC)}), IfMatch=tag)


def holding(stage: Stage) -> Hold | None:
    """The hold that has not ended; None if nobody holds the stage."""
    try:
        current = _read(stage)
    except stage.s3.exceptions.NoSuchBucket:
        return None
    return current[0] if current and current[0].until > datetime.now(UTC) else None


def _take(stage: Stage, what: str, take_over: str) -> str:
    now = datetime.now(UTC)
    hold = Hold(owner=f"{stage.login}-{secrets.token_hex(3)}", what=what, until=now + LASTS)
    current = _read(stage)
    if current is None:
        tag = _put(stage, hold, IfNoneMatch="*")
    else:
        holding, former = current
        if holding.until > now and holding.owner != take_over:
            raise OperatorError(_refusal(stage, holding))
        tag = _put(stage, hold, IfMatch=former)
    if tag is None:
        winner = _read(stage)
        raise OperatorError(_refusal(stage, winner[0]) if winner else f"{stage.name} was taken meanwhile; try again.")
    return tag


def _refusal(stage: Stage, holding: Hold) -> str:
    return (
        f"{holding.owner} holds {stage.name} until {holding.until:%H:%M} UTC: {holding.what}. Wait for its end. "
        f"Only where that one is known to be dead: `--take-over {holding.owner}`."
    )


def _read(stage: Stage) -> tuple[Hold, str] | None:
    try:
        found = stage.s3.get_object(Bucket=_bucket(stage), Key=_KEY)
    except stage.s3.exceptions.NoSuchKey:
        return None
    return Hold.model_validate_json(found["Body"].read()), found["ETag"]


def _put(stage: Stage, hold: Hold, **condition: str) -> str | None:
    """The object's new ETag; None if another operator wrote it first."""
    body = hold.model_dump_json(by_alias=True).encode()
    try:
        put = stage.s3.put_object
        return str(put(Bucket=_bucket(stage), Key=_KEY, Body=body, ContentType="application/json", **condition)["ETag"])  # type: ignore[arg-type]  # one of two conditions
    except ClientError as error:
        if error.response["Error"]["Code"] in ("PreconditionFailed", "ConditionalRequestConflict", "412"):
            return None
        raise


def _bucket(stage: Stage) -> str:
    return stage.resource(f"releases-{stage.account}")

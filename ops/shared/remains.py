"""Remains of a killed deployment: the lock of a stage's stack, and its pending operations.

Read from the state bucket, so that no CLI is needed to look.
"""

import json
import os
from dataclasses import dataclass

from ops.shared.pulumi_cli import RECOVER
from ops.shared.stage import Stage


@dataclass(frozen=True)
class Remains:
    """A lock and pending operations; both are also there while a deployment runs."""

    locked_by: str = ""
    """Somebody at a machine, and since when; empty where there is no lock."""
    pending: tuple[str, ...] = ()
    """As `creating NAME`."""

    def __bool__(self) -> bool:
        return bool(self.locked_by or self.pending)

    @property
    def told(self) -> str:
        """All of it in words."""
        lock = [f"locked by {self.locked_by}"] if self.locked_by else []
        pending = [f"nobody saw the end of: {', '.join(self.pending)}"] if self.pending else []
        return "; ".join([*lock, *pending])


def remedy(stage: Stage) -> str:
    """The way back, for somebody who knows that no deployment runs."""
    return f"wait for the deployment that runs; if none does: {RECOVER.format(stage=stage.name)}"


def remains(stage: Stage) -> Remains:
    """The remains in the stage's state. Raises NoSuchBucket before the bootstrap, ClientError where it may not be read.

    Nothing where the environment names a place of somebody's own for the state.
    """
    from infra.bootstrap.github import state_bucket_name  # pulumi is large, and only this needs it

    bucket = state_bucket_name(stage.account)
    if bucket not in os.environ.get("PULUMI_BACKEND_URL", bucket):
        return Remains()
    pages = stage.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{stage.name}/.pulumi/")
    locked_by, pending = "", list[str]()
    for key in (found["Key"] for page in pages for found in page.get("Contents", [])):
        is_lock = "/locks/" in key and key.endswith(".json")
        if not is_lock and not ("/stacks/" in key and key.endswith(f"/{stage.name}.json")):
            continue
        try:
            found = json.loads(stage.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except stage.s3.exceptions.NoSuchKey:
            continue  # a deployment ended meanwhile
        if is_lock:
            who = f"{found.get('username', 'somebody')} at {found.get('hostname', 'an unknown machine')}"
            locked_by = f"{who} since {str(found.get('timestamp', '?'))[:16].replace('T', ' ')}"
        else:
            latest = (found.get("checkpoint") or {}).get("latest") or {}
            pending += [
                f"{one['type']} {one['resource']['urn'].rsplit('::', 1)[-1]}"
                for one in latest.get("pending_operations") or []
            ]
    return Remains(locked_by, tuple(pending))

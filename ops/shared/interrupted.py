"""A deployment that was interrupted: the lock of a stage's stack, and its pending operations.

Read from the state bucket, so that no CLI is needed to look.
"""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ops.shared.pulumi_cli import RECOVER
from ops.shared.stage import Stage


@dataclass(frozen=True)
class InterruptedDeployment:
    """A lock and pending operations; both are also there while a deployment runs."""

    locked_by: str = ""
    """Somebody at a machine, and since when; empty if there is no lock."""
    pending: tuple[str, ...] = ()
    """As `creating NAME`."""

    def __bool__(self) -> bool:
        return bool(self.locked_by or self.pending)

    @property
    def summary(self) -> str:
        """All of it in words."""
        lock = [f"locked by {self.locked_by}"] if self.locked_by else []
        pending = [f"outcome unknown: {', '.join(self.pending)}"] if self.pending else []
        return "; ".join([*lock, *pending])


def remedy(stage: Stage) -> str:
    """The way back, for somebody who knows that no deployment runs."""
    return f"wait for the deployment that runs; if none does: {RECOVER.format(stage=stage.name)}"


def find_interrupted(stage: Stage) -> InterruptedDeployment:
    """The lock and pending operations in the stage's state.

    Raises NoSuchBucket before the bootstrap, ClientError where it may not be read.
    Empty if PULUMI_BACKEND_URL names another backend.
    """
    locked_by, pending = "", list[str]()
    for key, found in _state_files(stage):
        if "/locks/" in key:
            who = f"{found.get('username', 'somebody')} at {found.get('hostname', 'an unknown machine')}"
            locked_by = f"{who} since {str(found.get('timestamp', '?'))[:16].replace('T', ' ')}"
        else:
            pending += [
                f"{one['type']} {one['resource']['urn'].rsplit('::', 1)[-1]}"
                for one in _latest(found).get("pending_operations") or []
            ]
    return InterruptedDeployment(locked_by, tuple(pending))


def records(stage: Stage) -> list[dict[str, Any]]:
    """The resources as the stage's state has them. Raises as `find_interrupted` does; empty if that has nothing."""
    found = (_latest(content).get("resources") or [] for key, content in _state_files(stage) if "/stacks/" in key)
    return [record for resources in found for record in resources]


def _state_files(stage: Stage) -> Iterator[tuple[str, dict[str, Any]]]:
    """The stage's locks and its state, each with its key."""
    from infra.bootstrap.github import state_bucket_name  # pulumi is large, and only this needs it

    bucket = state_bucket_name(stage.account)
    if bucket not in os.environ.get("PULUMI_BACKEND_URL", bucket):
        return
    pages = stage.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{stage.name}/.pulumi/")
    for key in (found["Key"] for page in pages for found in page.get("Contents", [])):
        is_lock = "/locks/" in key and key.endswith(".json")
        if not is_lock and not ("/stacks/" in key and key.endswith(f"/{stage.name}.json")):
            continue
        try:
            yield key, json.loads(stage.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except stage.s3.exceptions.NoSuchKey:
            continue  # a deployment ended meanwhile


def _latest(state: dict[str, Any]) -> dict[str, Any]:
    return (state.get("checkpoint") or {}).get("latest") or {}

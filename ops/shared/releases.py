"""The releases of a stage: manifests and entry files in its bucket."""

from contextlib import suppress
from typing import Final

from pydantic import ValidationError

from ops.shared.stage import Stage
from services.core.domain.values import Model, Timestamp

RELEASES_KEPT: Final = 10
"""Releases that can be gone back to."""


_CURRENT: Final = "current"


class Release(Model):
    """A release. `assets` never change; `entries` are the app's other files, index.html last."""

    id: str
    commit: str
    at: Timestamp
    actor: str
    reason: str
    versions: dict[str, str]
    assets: list[str]
    entries: list[str]
    flags: dict[str, str]
    invalidation: str = ""
    canary: str = "none"
    smoke: str = "not run"


class Releases:
    """The stage's releases bucket."""

    def __init__(self, stage: Stage) -> None:
        self._s3, self._bucket = stage.s3, stage.resource(f"releases-{stage.account}")

    def list(self) -> list[Release]:
        """Every kept release whose manifest makes sense, newest first."""
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix="manifests/")
        keys = sorted((found["Key"] for page in pages for found in page.get("Contents", [])), reverse=True)
        found = []
        for key in keys:
            with suppress(ValidationError):
                found.append(Release.model_validate_json(self._read(key)))
        return found

    def current(self) -> str | None:
        """The id of the release that is live."""
        try:
            return self._read(_CURRENT).decode()
        except self._s3.exceptions.NoSuchKey:
            return None

    def put(self, release: Release) -> None:
        """Writes a manifest."""
        body = release.model_dump_json(by_alias=True, indent=2).encode()
        self._s3.put_object(
            Bucket=self._bucket, Key=f"manifests/{release.id}.json", Body=body, ContentType="application/json"
        )

    def make_current(self, release: Release) -> None:
        """Remembers which release is live."""
        self._s3.put_object(Bucket=self._bucket, Key=_CURRENT, Body=release.id.encode(), ContentType="text/plain")

    def put_entry(self, release_id: str, name: str, body: bytes) -> None:
        """Keeps one of the app's entry files."""
        self._s3.put_object(Bucket=self._bucket, Key=f"pages/{release_id}/{name}", Body=body)

    def entry(self, release: Release, name: str) -> bytes:
        """An entry file as it was released."""
        return self._read(f"pages/{release.id}/{name}")

    def forget(self, release: Release) -> None:
        """Deletes a manifest and its entry files."""
        for key in (f"manifests/{release.id}.json", *(f"pages/{release.id}/{name}" for name in release.entries)):
            self._s3.delete_object(Bucket=self._bucket, Key=key)

    def _read(self, key: str) -> bytes:
        return self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()

"""Publishing the page: assets first, the pages that name them last, and one invalidation for the edge."""

import hashlib
import mimetypes
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.local.emulator import REPOSITORY
from ops.console import Terminal
from ops.context import OperatorError, Stage
from services.core.parameters import DISTRIBUTION_ID, SITE_BUCKET

DIST: Final = REPOSITORY / "frontend" / "dist"
ASSETS: Final = "assets/"
"""Where the build puts what carries a hash in its name, and so never changes."""
_IMMUTABLE: Final = "public, max-age=31536000, immutable"
_FRESH: Final = "no-cache"
_CONFIG: Final = "config.json"
"""The stage's own, written by the stack."""


@dataclass(frozen=True)
class Publication:
    """What was uploaded, in order, and the id of the invalidation that followed, if anything changed."""

    uploaded: tuple[str, ...]
    invalidation: str | None


def upload(stage: Stage, dist: Path = DIST) -> Publication:
    """Uploads what the bucket lacks. Former assets stay, for pages that are open and for a rollback.

    Raises OperatorError where the page was not built.
    """
    if not (dist / "index.html").exists():
        raise OperatorError(f"There is no page in {dist.name}: `npm --prefix frontend run build` makes it.")
    bucket = stage.parameter(SITE_BUCKET)
    present = {
        item["Key"]: item["ETag"].strip('"')
        for page in stage.s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        for item in page.get("Contents", [])
    }
    uploaded = []
    for path in sorted((p for p in dist.rglob("*") if p.is_file()), key=lambda p: _order(_key(p, dist))):
        key, content = _key(path, dist), path.read_bytes()
        if key == _CONFIG or present.get(key) == hashlib.md5(content, usedforsecurity=False).hexdigest():
            continue
        stage.s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=content,
            ContentType=mimetypes.guess_type(key)[0] or "application/octet-stream",
            CacheControl=_IMMUTABLE if key.startswith(ASSETS) else _FRESH,
        )
        uploaded.append(key)
    return Publication(tuple(uploaded), _invalidate(stage) if uploaded else None)


def _key(path: Path, dist: Path) -> str:
    return path.relative_to(dist).as_posix()


def _order(key: str) -> tuple[int, str]:
    """A page must never name an asset that is not there yet."""
    rank = 0 if key.startswith(ASSETS) else 2 if key == "index.html" else 1
    return rank, key


def _invalidate(stage: Stage) -> str:
    """Everything that is not immutable, as one path: the first thousand a month are free."""
    answer = stage.cloudfront.create_invalidation(
        DistributionId=stage.parameter(DISTRIBUTION_ID),
        InvalidationBatch={"CallerReference": uuid.uuid4().hex, "Paths": {"Quantity": 1, "Items": ["/*"]}},
    )
    return answer["Invalidation"]["Id"]


def publish(stage: Stage, terminal: Terminal) -> None:
    """Upload the built page where it differs from the stage's; `deploy` does this and records a release."""
    done = upload(stage)
    said = f"The page: {len(done.uploaded)} files uploaded." if done.uploaded else "The page is as it was."
    terminal.result({"uploaded": done.uploaded, "invalidation": done.invalidation}, said)

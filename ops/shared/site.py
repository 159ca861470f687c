"""The published app: assets first, the files that name them last, and one invalidation for the edge."""

import hashlib
import mimetypes
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.paths import REPOSITORY
from ops.shared.stage import OperatorError, Stage
from services.core.parameters import DISTRIBUTION_ID, SITE_BUCKET

DIST: Final = REPOSITORY / "frontend" / "dist"


ASSETS: Final = "assets/"
"""The folder of the files that have a hash in their names and never change."""


ENTRY: Final = "index.html"


_IMMUTABLE: Final = "public, max-age=31536000, immutable"


_FRESH: Final = "no-cache"


_CONFIG: Final = "config.json"
"""The stage's own, written by the stack."""


@dataclass(frozen=True)
class Publication:
    """The uploaded keys in order, and the id of the invalidation that followed, if anything changed."""

    uploaded: tuple[str, ...]
    invalidation: str | None


def upload(stage: Stage, dist: Path = DIST) -> Publication:
    """Uploads what the bucket lacks. Former assets stay, for pages that are open and for a rollback.

    Raises OperatorError if the app was not built.
    """
    assets, entries = files_of(dist)
    present = {
        item["Key"]: item["ETag"].strip('"')
        for page in stage.s3.get_paginator("list_objects_v2").paginate(Bucket=stage.parameter(SITE_BUCKET))
        for item in page.get("Contents", [])
    }
    uploaded = []
    for key in (*assets, *entries):
        content = (dist / key).read_bytes()
        if present.get(key) != hashlib.md5(content, usedforsecurity=False).hexdigest():
            put(stage, key, content)
            uploaded.append(key)
    return Publication(tuple(uploaded), invalidate(stage) if uploaded else None)


def files_of(dist: Path) -> tuple[list[str], list[str]]:
    """The app's assets and its other files, in the order in which they may be uploaded: index.html comes last.

    Raises OperatorError if there is no app.
    """
    names = sorted(path.relative_to(dist).as_posix() for path in dist.rglob("*") if path.is_file())
    if ENTRY not in names:
        raise OperatorError(f"{dist} is no built app: `npm --prefix frontend run build` makes one.")
    assets = [name for name in names if name.startswith(ASSETS)]
    return assets, [*(name for name in names if name not in (*assets, ENTRY, _CONFIG)), ENTRY]


def put(stage: Stage, key: str, content: bytes) -> None:
    """Writes one file of the app."""
    stage.s3.put_object(
        Bucket=stage.parameter(SITE_BUCKET),
        Key=key,
        Body=content,
        ContentType=mimetypes.guess_type(key)[0] or "application/octet-stream",
        CacheControl=_IMMUTABLE if key.startswith(ASSETS) else _FRESH,
    )


def invalidate(stage: Stage) -> str:
    """Everything at the edge, as one path: the first thousand a month are free. Returns the invalidation's id."""
    answer = stage.cloudfront.create_invalidation(
        DistributionId=stage.parameter(DISTRIBUTION_ID),
        InvalidationBatch={"CallerReference": uuid.uuid4().hex, "Paths": {"Quantity": 1, "Items": ["/*"]}},
    )
    return answer["Invalidation"]["Id"]

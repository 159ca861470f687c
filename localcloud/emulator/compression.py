"""Compression at the front door, as CloudFront does it: what a page weighs is not to depend on where it is measured."""

import gzip
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

COMPRESSED: Final = frozenset(
    kind.encode()
    for kind in (
        *("text/html", "text/css", "text/plain", "text/javascript", "application/javascript"),
        *("application/json", "application/problem+json", "application/xml", "image/svg+xml"),
        "application/manifest+json",
    )
)
"""Content types that the front door compresses; CloudFront's list has more."""
COMPRESSED_FROM, COMPRESSED_TO = 1000, 10_000_000
"""Bytes; CloudFront's."""


def compressing(send: Send) -> Send:
    """Compress answers as CloudFront does: text of between 1,000 and 10,000,000 bytes that is not compressed yet."""
    start: Message = {}
    body = bytearray()

    async def send_compressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
            return
        body.extend(message.get("body", b""))
        if message.get("more_body"):
            return
        headers = {name.lower(): value for name, value in start["headers"]}
        kind = headers.get(b"content-type", b"").partition(b";")[0].strip()
        fits = COMPRESSED_FROM <= len(body) <= COMPRESSED_TO and kind in COMPRESSED
        if fits and start["status"] in (200, 403, 404) and b"content-encoding" not in headers:
            body[:] = gzip.compress(bytes(body), 6, mtime=0)
            kept = [
                (name, value) for name, value in start["headers"] if name.lower() not in (b"content-length", b"etag")
            ]
            weak = [(b"etag", b"W/" + headers[b"etag"].removeprefix(b"W/"))] if b"etag" in headers else []
            added = [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
            start["headers"] = [*kept, *weak, *added, (b"content-length", str(len(body)).encode())]
        await send(start)
        await send({"type": "http.response.body", "body": bytes(body)})

    return send_compressed

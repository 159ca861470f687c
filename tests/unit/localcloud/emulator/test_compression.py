"""Compression at the front door: what CloudFront compresses, and nothing else."""

import asyncio
import gzip
from typing import Any

import pytest

from localcloud.emulator.compression import COMPRESSED_FROM, COMPRESSED_TO, compressing

TEXT = b"Carry a sofa up to the third floor. " * 100


def answered(*bodies: bytes, status: int = 200, **headers: str) -> tuple[dict[str, str], bytes]:
    """The headers and the body that a viewer gets of an answer in these parts."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def answer() -> None:
        through = compressing(send)
        fields = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        await through({"type": "http.response.start", "status": status, "headers": fields})
        for number, body in enumerate(bodies, start=1):
            await through({"type": "http.response.body", "body": body, "more_body": number < len(bodies)})

    asyncio.run(answer())
    start, *parts = sent
    found = {name.decode().lower(): value.decode() for name, value in start["headers"]}
    return found, b"".join(part["body"] for part in parts)


def test_text_is_compressed_whole_with_its_length_and_a_weak_etag() -> None:
    headers, body = answered(
        TEXT[:100], TEXT[100:], content_type="text/html; charset=utf-8", content_length=str(len(TEXT)), etag='"abc"'
    )
    assert gzip.decompress(body) == TEXT
    assert headers["content-encoding"] == "gzip"
    assert headers["content-length"] == str(len(body))
    assert headers["etag"] == 'W/"abc"'


@pytest.mark.parametrize(
    ("size", "compressed"),
    [(COMPRESSED_FROM - 1, False), (COMPRESSED_FROM, True), (COMPRESSED_TO, True), (COMPRESSED_TO + 1, False)],
)
def test_sizes(size: int, *, compressed: bool) -> None:
    headers, body = answered(b"x" * size, content_type="application/json")
    assert ("content-encoding" in headers) is compressed
    assert (gzip.decompress(body) if compressed else body) == b"x" * size


@pytest.mark.parametrize("kind", ["image/png", "font/woff2", "application/octet-stream"])
def test_what_is_compressed_by_nature_stays(kind: str) -> None:
    assert answered(TEXT, content_type=kind)[1] == TEXT


def test_what_is_compressed_already_stays() -> None:
    assert answered(TEXT, content_type="text/html", content_encoding="br")[1] == TEXT


@pytest.mark.parametrize(("status", "compressed"), [(200, True), (404, True), (206, False), (500, False)])
def test_statuses(status: int, *, compressed: bool) -> None:
    assert ("content-encoding" in answered(TEXT, status=status, content_type="text/html")[0]) is compressed

"""The key of the emulated account's root: random per data folder, for those who may read that folder.

MiniStack checks no signature of the root, so that the key's id is the secret: a page in a browser, or another user of
the machine, cannot guess it.
"""

import json
import os
import secrets
import urllib.error
import urllib.request
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

FILE: Final = "root-key.json"
"""Beside the emulator's data."""
_ALPHABET: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ANY: Final = ("test", "test")
"""The key for an endpoint that is no emulator of ours."""


def root_key(directory: Path) -> tuple[str, str]:
    """The id and the secret of an emulator's root key by its directory; made if it has none."""
    path = directory / FILE
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return str(found["id"]), str(found["secret"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        made = "AKIA" + "".join(secrets.choice(_ALPHABET) for _ in range(16)), secrets.token_urlsafe(30)
    temporary = path.with_suffix(".tmp")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump({"id": made[0], "secret": made[1]}, file)
    temporary.replace(path)
    return made


def root_key_of(endpoint: str) -> tuple[str, str]:
    """The id and the secret of the root key of the emulator that serves a URL.

    The emulator says where its data is, and only who may read that folder gets the key.

    Raises:
        PermissionError: the emulator is another user's.
    """
    if urlsplit(endpoint).hostname not in ("127.0.0.1", "localhost"):
        return _ANY
    try:
        with urllib.request.urlopen(f"{endpoint}/_local/health", timeout=5) as response:  # noqa: S310 - this machine
            data = Path(str(json.loads(response.read())["data"]))
    except (OSError, ValueError, KeyError, TypeError, urllib.error.URLError):
        return _ANY
    return root_key(data.parent)

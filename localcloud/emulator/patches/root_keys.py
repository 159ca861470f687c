"""The access key of the account's root.

MiniStack 1.5.33 takes `test`, and every number of an account, for the key of a root. Here only the data folder's own
key is one (see `localcloud.emulator.root_key`).

Report: with AUTH=true, GetCallerIdentity signed by the access key id 123456789012 and any secret answers as that
account's root.
"""

import hmac
import os

from ministack.core import iam_evaluator  # type: ignore[import-not-found]  # in the emulator's environment
from ministack.services import sts  # type: ignore[import-not-found]  # in the emulator's environment


def install() -> None:
    """Replace MiniStack's functions."""
    iam_evaluator.is_root_access_key = sts.is_root_access_key = _root_key


def _root_key(access_key_id: str) -> bool:
    """True for the key of this data folder, and for what carries none: an unsigned request is refused elsewhere."""
    return not access_key_id or hmac.compare_digest(access_key_id, os.environ["AWS_ACCESS_KEY_ID"])

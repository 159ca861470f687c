"""Names of a preview as the comment writes them."""

import re
from typing import Final

from infra.review.steps import KNOWN_LATER

WILDCARD: Final = re.compile(r"[*?]")


def code(text: object) -> str:
    """As code, so that nothing in it is Markdown; long values are cut."""
    resolved = KNOWN_LATER.sub("known after the deployment", str(text))
    plain = " ".join(resolved.replace("`", "'").replace("|", "\\|").split())
    return f"`{plain if len(plain) <= 300 else plain[:299] + '…'}`"


def short(arn: object) -> str:
    """Without service, region and account, unless there is a wildcard among them."""
    *head, tail = str(arn).split(":", 5)
    return code(tail if head[:1] == ["arn"] and not WILDCARD.search(":".join(head)) else arn)

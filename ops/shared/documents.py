"""The published documents of a stage."""

from ops.shared.stage import Stage
from ops.shared.terminal import Json
from services.core.names import HOME_KEY
from services.core.parameters import SITE_BUCKET


def are_there(stage: Stage) -> bool:
    """True if the stage has its home page, which is among them."""
    found = stage.s3.list_objects_v2(Bucket=stage.parameter(SITE_BUCKET), Prefix=HOME_KEY, MaxKeys=1)
    return bool(found["KeyCount"])


def rebuild(stage: Stage) -> Json:
    """Have the publisher compare every document with the tables. Returns how many quests it looked at and published in
    its first run, and if that finished it.

    Raises OperatorError.
    """
    done: Json = stage.invoke("publisher", {"sweep": "publisher"})
    return done

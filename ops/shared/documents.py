"""The published documents of a stage."""

from ops.shared.stage import Stage
from ops.shared.terminal import Json


def rebuild(stage: Stage) -> Json:
    """Have the publisher compare every document with the tables. Returns how many quests it looked at and published.

    Raises OperatorError.
    """
    done: Json = stage.invoke("publisher", {"sweep": "publisher"})
    return done

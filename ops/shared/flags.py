"""The feature flags of a stage."""

from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import Json
from services.core.parameters import FLAGS, flag_parameter


def values(stage: Stage) -> dict[str, str]:
    """The flags' values."""
    return {flag: stage.live(flag_parameter(flag)) for flag in FLAGS}


def known(flag: str) -> str:
    """The flag. Raises OperatorError if it is not declared."""
    if flag not in FLAGS:
        raise OperatorError(f"There is no flag {flag!r}; choose one of {', '.join(FLAGS)}.")
    return flag


def set_value(stage: Stage, flag: str, value: str) -> Json:
    """Writes a flag; every Lambda reads it within seconds."""
    stage.put_parameter(flag_parameter(known(flag)).key, value)
    return {"flag": flag, "value": value}

from services.core import parameters
from services.core.parameters import (
    API_KEY,
    BREAKER,
    CANARY_PASSWORD,
    COMMAND_PARAMETERS,
    FLAGS,
    LIVE_PARAMETERS,
    PUSH_KEY,
    STACK_PARAMETERS,
    Parameter,
    flag_parameter,
)


def test_every_parameter_is_made_by_the_stack_or_by_a_command() -> None:
    """One that is declared and in none of these would be there on no stage."""
    declared = [value for value in vars(parameters).values() if isinstance(value, Parameter)]
    assert {*declared, *map(flag_parameter, FLAGS)} == {
        *LIVE_PARAMETERS,
        *STACK_PARAMETERS,
        *COMMAND_PARAMETERS,
        CANARY_PASSWORD,
        PUSH_KEY,
    }
    read_by_the_api = {*LIVE_PARAMETERS}
    assert not {CANARY_PASSWORD, PUSH_KEY} & read_by_the_api, "it has no business with a password or a private key"
    assert {API_KEY, BREAKER} <= {*LIVE_PARAMETERS}
    assert all(parameter.live == (parameter in LIVE_PARAMETERS) for parameter in (*LIVE_PARAMETERS, *STACK_PARAMETERS))

# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""Weights of an alias.

MiniStack 1.5.33 keeps `RoutingConfig` and always runs the alias's own version.

Report: UpdateAlias with `AdditionalVersionWeights={"2": 0.5}`, invoke the alias a hundred times: version 2 never runs.
"""

import random
from collections.abc import Callable
from typing import Any

from ministack.services import lambda_svc  # type: ignore[import-not-found]  # in the emulator's environment


def install() -> None:
    """Replace MiniStack's function."""
    lambda_svc._get_func_record_for_ref_in_scope = _drawing_a_version(lambda_svc._get_func_record_for_ref_in_scope)


def aliases(name: str) -> dict[str, dict[str, Any]]:
    """The aliases of a function by their names."""
    function = lambda_svc._functions.get(name)
    return function["aliases"] if function else {}


def weights(name: str, alias: str | None) -> dict[str, float]:
    """The further versions of an alias, with their share of its calls."""
    routing = aliases(name).get(alias or "", {}).get("RoutingConfig") or {}
    weights: dict[str, float] = routing.get("AdditionalVersionWeights") or {}
    return weights


def _drawing_a_version(find: Callable[..., Any]) -> Callable[..., Any]:
    """Draw the version that a call of a weighted alias runs."""

    def find_drawn(function_ref: str, **scope: Any) -> Any:
        name, alias = lambda_svc._resolve_name_and_qualifier(function_ref)
        if further := weights(name, alias):
            (drawn,) = random.choices([alias, *further], [1 - sum(further.values()), *further.values()])  # noqa: S311 - a draw, not a secret
            function_ref = f"{function_ref.removesuffix(f':{alias}')}:{drawn}"
        return find(function_ref, **scope)

    return find_drawn

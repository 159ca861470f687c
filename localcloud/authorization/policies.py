"""An evaluator of IAM policies: the decision on one request, with conditions, boundary and resource policy.

It follows AWS's "Policy evaluation logic" for a principal and a resource of one account. Service control policies,
session policies and policy variables are not part of it; a policy that needs what is missing here raises
`UnsupportedPolicyError`, so that nothing is let through by mistake.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final

Statement = Mapping[str, Any]
"""A statement as IAM writes it."""
Context = Mapping[str, str | Sequence[str]]
"""Condition keys and their values; a key that the request does not have is left out."""


class UnsupportedPolicyError(Exception):
    """The policy uses something that this evaluator does not know."""


@dataclass(frozen=True)
class Request:
    """One call as IAM sees it: `service:Action`, the ARN that it acts on or `*`, and its condition keys."""

    action: str
    resource: str = "*"
    context: Context = field(default_factory=dict)


def tag_context(*, request: Mapping[str, str] | None = None, resource: Mapping[str, str] | None = None) -> Context:
    """The condition keys of the tags that a request sends and of those that its resource carries."""
    sent = dict(request or {})
    return {
        **{f"aws:RequestTag/{key}": value for key, value in sent.items()},
        **{f"aws:ResourceTag/{key}": value for key, value in (resource or {}).items()},
        **({"aws:TagKeys": tuple(sent)} if sent else {}),
    }


def allows(
    identity: Sequence[Statement],
    request: Request,
    *,
    boundary: Sequence[Statement] | None = None,
    resource_policy: Sequence[Statement] = (),
    principal: str = "",
) -> bool:
    """Decide on a request.

    Args:
        identity: the statements of every policy that is attached to the principal.
        request: the call.
        boundary: the statements of the principal's permissions boundary; None if it has none.
        resource_policy: the statements of the policy of the resource itself.
        principal: ARN of the caller, for `resource_policy`.

    Raises:
        UnsupportedPolicyError: a statement cannot be evaluated.
    """
    named = [statement for statement in resource_policy if _names_principal(statement, principal)]
    every = [*identity, *(boundary or ()), *named]
    if any(statement["Effect"] == "Deny" and _applies(statement, request) for statement in every):
        return False
    # A resource policy that names the caller needs nothing of the identity's policies or boundary within one account.
    if _allowed(named, request):
        return True
    return _allowed(identity, request) and (boundary is None or _allowed(boundary, request))


def _allowed(statements: Sequence[Statement], request: Request) -> bool:
    return any(statement["Effect"] == "Allow" and _applies(statement, request) for statement in statements)


def _applies(statement: Statement, request: Request) -> bool:
    return (
        _covers(statement, "Action", request.action, ignore_case=True)
        and _covers(statement, "Resource", request.resource)
        and all(
            _holds(operator, key, _listed(values), request.context)
            for operator, keys in statement.get("Condition", {}).items()
            for key, values in keys.items()
        )
    )


def _covers(statement: Statement, element: str, value: str, *, ignore_case: bool = False) -> bool:
    if f"Not{element}" in statement:
        return not any(matches(pattern, value, ignore_case) for pattern in _listed(statement[f"Not{element}"]))
    return any(matches(pattern, value, ignore_case) for pattern in _listed(statement[element]))


def _names_principal(statement: Statement, principal: str) -> bool:
    """True if the statement names the principal; an account as principal leaves the decision to its IAM policies."""
    named = statement.get("Principal")
    people = [named] if isinstance(named, str) else _listed((named or {}).get("AWS", ()))
    return any(person in ("*", principal) for person in people)


def matches(pattern: str, value: str, ignore_case: bool = False) -> bool:
    """Compare with a pattern of IAM, in which `*` stands for any text and `?` for one character."""
    return _pattern(pattern, ignore_case).fullmatch(value) is not None


@cache
def _pattern(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    if "${" in pattern:
        raise UnsupportedPolicyError(f"policy variables are not evaluated: {pattern}")
    text = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.compile(text, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


# Conditions.

Compare = Callable[[str, str], bool]

_COMPARISONS: Final[Mapping[str, Compare]] = {
    "StringEquals": lambda wanted, found: wanted == found,
    "StringEqualsIgnoreCase": lambda wanted, found: wanted.casefold() == found.casefold(),
    "StringLike": matches,
    "ArnEquals": matches,
    "ArnLike": matches,
    "Bool": lambda wanted, found: wanted.casefold() == found.casefold(),
    "NumericEquals": lambda wanted, found: float(found) == float(wanted),
    "NumericLessThan": lambda wanted, found: float(found) < float(wanted),
    "NumericLessThanEquals": lambda wanted, found: float(found) <= float(wanted),
    "NumericGreaterThan": lambda wanted, found: float(found) > float(wanted),
    "NumericGreaterThanEquals": lambda wanted, found: float(found) >= float(wanted),
}
_NEGATED: Final = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
    "NumericNotEquals": "NumericEquals",
}


def _holds(operator: str, key: str, wanted: Sequence[str], context: Context) -> bool:
    found = next((_listed(value) for name, value in context.items() if name.casefold() == key.casefold()), [])
    quantifier, _, rest = operator.rpartition(":")
    name = rest.removesuffix("IfExists")
    if name == "Null":
        return (not found) == (wanted[0].casefold() == "true")
    if not found:
        # "For all values" of nothing is true; what is not there is unequal to everything, and equal to nothing.
        return name != rest or quantifier == "ForAllValues" or (name in _NEGATED and not quantifier)
    compare = _COMPARISONS.get(_NEGATED.get(name, name))
    if compare is None or quantifier not in ("", "ForAllValues", "ForAnyValue"):
        raise UnsupportedPolicyError(f"condition operator {operator}")
    hits = [any(compare(pattern, value) for pattern in wanted) != (name in _NEGATED) for value in found]
    return any(hits) if quantifier == "ForAnyValue" else all(hits)


def _listed(value: Any) -> list[str]:
    return [str(value)] if isinstance(value, str | int | float) else [str(item) for item in value]

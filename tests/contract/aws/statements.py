"""Checks of a policy's statements against the Service Authorization Reference."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from localcloud.authorization.policies import matches
from tests.contract.aws.reference import action_names, condition_keys, overlap, resource_forms, services

NOT_IN_THE_REFERENCE = {
    "apigateway:TagResource": "AWS asks for it when a stage is made; its schema AWS::ApiGatewayV2::Stage lists it",
    "apigateway:UntagResource": "AWS's schema AWS::ApiGatewayV2::Stage lists it",
}
"""Actions that exist although the reference lacks them, each with the source that has them."""

UNUSED_DEPENDENCIES = {
    "cloudfront:CreateConnectionGroup": "no distribution has tenants",
    "lambda:PassCapacityProvider": "no function runs on instances of ours",
}
"""The dependencies of actions that the reference lists and the program does not use."""

UNLISTED_FORMS = {
    ("cloudfront:ListTagsForResource", "function/"): "functions carry tags; AWS's schema AWS::CloudFront::Function",
    ("cloudfront:TagResource", "function/"): "functions carry tags; AWS's schema AWS::CloudFront::Function",
    ("cloudfront:UntagResource", "function/"): "functions carry tags; AWS's schema AWS::CloudFront::Function",
    **{
        (f"apigateway:{verb}", "/tags/"): "API Gateway's developer guide: tags are reached by these verbs"
        for verb in ("POST", "PUT", "DELETE")
    },
    ("dynamodb:ListStreams", ":table/"): "Lambda asks for it on the stream, as its error message says",
}
"""Actions on ARNs that the reference does not list for them, each with the source that does."""

GLOBAL_KEYS = ("aws:sourceaccount", "aws:sourcearn", "aws:securetransport", "aws:principalarn", "aws:principaltag/")
"""Keys that every request has."""


def expanded(pattern: str) -> list[str]:
    """The actions of the reference that a pattern of a policy names, e.g. `lambda:Get*`."""
    service, _, name = pattern.partition(":")
    return [f"{service}:{known}" for known in action_names(service).values() if matches(name, known, True)]


def unknown_actions(statements: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The actions and patterns that name nothing."""
    for statement in statements:
        for action in statement["Action"]:
            if not expanded(action) and action not in NOT_IN_THE_REFERENCE:
                yield f"{statement['Sid']}: there is no action {action}"


def unfit_resources(statements: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Exact actions that none of the statement's resources is for, and resources that no action of it is for."""
    for statement in statements:
        fitting: set[str] = set()
        for action in statement["Action"]:
            for name in expanded(action):
                forms = resource_forms(name) or {}
                hits = [
                    arn
                    for arn in statement["Resource"]
                    if arn == "*"
                    or any(overlap(form, arn) for form, _ in forms.values())
                    or any(name == known and part in arn for known, part in UNLISTED_FORMS)
                ]
                fitting |= set(hits)
                if not hits and "*" not in action:
                    yield f"{statement['Sid']}: {name} is not for {', '.join(statement['Resource'])}"
            if action in NOT_IN_THE_REFERENCE:
                fitting |= set(statement["Resource"])
        for arn in set(statement["Resource"]) - fitting:
            yield f"{statement['Sid']}: none of its actions is for {arn}"


def unknown_keys(statements: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Condition keys that the reference knows for no action of the statement: such a condition never holds."""
    for statement in statements:
        wanted = {key for keys in statement.get("Condition", {}).values() for key in keys}
        actions = [name for action in statement["Action"] for name in expanded(action)]
        for key in wanted:
            if key.lower().startswith(GLOBAL_KEYS) or not actions:
                continue
            lacking = [action for action in actions if not _known(key, condition_keys(action))]
            if len(lacking) == len(actions):
                yield f"{statement['Sid']}: none of its actions has the condition key {key}"


def _known(key: str, known: frozenset[str]) -> bool:
    return any(matches(form.split("${", 1)[0] + ("*" if "${" in form else ""), key, True) for form in known)


def incomplete_actions(statements: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Exact actions for which AWS demands several resource types and the role's statements give only some."""
    given: dict[str, list[str]] = {}
    for statement in statements:
        for action in statement["Action"]:
            for name in expanded(action) if "*" not in action else ():
                given.setdefault(name, []).extend(statement["Resource"])
    for name, arns in given.items():
        for type_, (form, required) in (resource_forms(name) or {}).items():
            if required and not any(overlap(form, arn) for arn in arns):
                yield f"{name} also needs a {type_}"


def dependent_actions(statements: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Pairs of an exact action and another that the reference says it depends on."""
    for statement in statements:
        for action in statement["Action"]:
            for name in expanded(action) if "*" not in action else ():
                service, _, privilege = name.partition(":")
                for detail in services()[service]["privileges"][privilege]["resource_types"].values():
                    for other in detail["dependent_actions"]:
                        yield name, other

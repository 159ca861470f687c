"""The evaluator against the rules of AWS's "Policy evaluation logic" and "Condition operators"."""

from typing import Any

import pytest

from localcloud.authorization.policies import Request, UnsupportedPolicyError, allows, matches, tag_context

ARN = "arn:aws:dynamodb:us-east-1:1:table/civicforge-dev-quests"


def statement(effect: str = "Allow", action: str = "dynamodb:*", resource: str = "*", **more: Any) -> dict[str, Any]:
    """One statement."""
    return {"Effect": effect, "Action": action, "Resource": resource, **more}


def under(operator: str, key: str, *values: str) -> dict[str, Any]:
    """A statement that allows everything under one condition."""
    return statement(action="*", Condition={operator: {key: list(values)}})


def holds(condition: dict[str, Any], **context: Any) -> bool:
    """If a statement applies to a request with a context; `__` stands for the colon of a key."""
    return allows([condition], Request("s3:GetObject", ARN, {k.replace("__", ":"): v for k, v in context.items()}))


def test_nothing_is_allowed_that_no_statement_allows() -> None:
    assert not allows([], Request("dynamodb:GetItem", ARN))
    assert not allows([statement(action="dynamodb:PutItem")], Request("dynamodb:GetItem", ARN))


def test_a_refusal_wins_wherever_it_stands() -> None:
    request = Request("dynamodb:GetItem", ARN)
    deny = statement("Deny", "dynamodb:Get*")
    assert not allows([statement(), deny], request)
    assert not allows([statement()], request, boundary=[statement(), deny])
    assert not allows([statement()], request, resource_policy=[{**deny, "Principal": "*"}])
    assert allows([statement(), deny], Request("dynamodb:PutItem", ARN))


def test_a_boundary_grants_nothing_and_bounds_everything() -> None:
    request = Request("dynamodb:GetItem", ARN)
    assert not allows([], request, boundary=[statement()])
    assert not allows([statement()], request, boundary=[])
    assert allows([statement()], request, boundary=[statement()])


def test_a_resource_policy_lets_in_whom_it_names_and_an_account_only_delegates() -> None:
    role = "arn:aws:iam::1:role/deploy"
    request = Request("kms:GetKeyPolicy", "arn:aws:kms:us-east-1:1:key/a")
    for principal, allowed in (({"AWS": role}, True), ("*", True), ({"AWS": "arn:aws:iam::1:root"}, False)):
        policy = [statement(action="kms:*", Principal=principal)]
        assert allows([], request, resource_policy=policy, principal=role) == allowed, principal
    service = [statement(action="kms:*", Principal={"Service": "lambda.amazonaws.com"})]
    assert not allows([], request, resource_policy=service, principal=role)


def test_actions_ignore_case_and_resources_do_not() -> None:
    assert allows([statement(action="DYNAMODB:getitem")], Request("dynamodb:GetItem", ARN))
    assert not allows([statement(resource=ARN.upper())], Request("dynamodb:GetItem", ARN))


def test_wildcards_are_a_star_and_a_question_mark_and_nothing_else() -> None:
    assert matches("table/*-quests", "table/civicforge-dev-quests")
    assert matches("a?c", "abc")
    assert not matches("a?c", "ac")
    assert not matches("[ab]", "a")
    assert matches("[ab]", "[ab]")
    assert not matches("a.c", "abc")


def test_not_action_and_not_resource_cover_the_rest() -> None:
    everything_but = {"Effect": "Allow", "NotAction": "iam:*", "NotResource": "arn:aws:s3:::secret"}
    assert allows([everything_but], Request("dynamodb:GetItem", ARN))
    assert not allows([everything_but], Request("iam:CreateUser", ARN))
    assert not allows([everything_but], Request("s3:GetObject", "arn:aws:s3:::secret"))


@pytest.mark.parametrize(
    ("operator", "present", "absent"),
    [
        ("StringEquals", False, False),
        ("StringEqualsIfExists", False, True),
        ("StringNotEquals", True, True),
        ("StringLike", False, False),
        ("ForAllValues:StringEquals", False, True),
        ("ForAnyValue:StringEquals", False, False),
    ],
)
def test_a_key_of_another_value_and_one_that_is_not_there(operator: str, present: bool, absent: bool) -> None:
    condition = under(operator, "aws:ResourceTag/stage", "dev")
    assert holds(condition, **{"aws:ResourceTag/stage": "prod"}) == present
    assert holds(condition) == absent


def test_conditions_are_all_needed_and_one_of_their_values_is_enough() -> None:
    condition = statement(action="*", Condition={"StringEquals": {"a:x": ["1", "2"], "a:y": "3"}})
    assert holds(condition, a__x="2", a__y="3")
    assert not holds(condition, a__x="2")
    assert not holds(condition, a__x="4", a__y="3")


def test_for_all_values_wants_each_and_for_any_value_one() -> None:
    known = ("userId", "points")
    every, any_ = under("ForAllValues:StringEquals", "d:A", *known), under("ForAnyValue:StringEquals", "d:A", *known)
    assert holds(every, d__A=("userId", "points"))
    assert not holds(every, d__A=("userId", "xp"))
    assert holds(any_, d__A=("userId", "xp"))
    assert not holds(any_, d__A=("xp",))


def test_other_operators() -> None:
    assert holds(under("Null", "aws:TagKeys", "true"))
    assert not holds(under("Null", "aws:TagKeys", "true"), aws__TagKeys="a")
    assert holds(under("Bool", "aws:SecureTransport", "false"), aws__SecureTransport="False")
    assert holds(
        under("ArnLike", "lambda:FunctionArn", "arn:*:civicforge-dev-*"), lambda__FunctionArn="arn:x:civicforge-dev-api"
    )
    assert holds(under("NumericLessThan", "s3:max-keys", "10"), **{"s3:max-keys": "9"})
    assert not holds(under("NumericLessThan", "s3:max-keys", "10"), **{"s3:max-keys": "10"})
    assert holds(under("StringEqualsIgnoreCase", "a:x", "Dev"), a__x="dEV")
    assert holds(under("StringNotLike", "a:x", "prod*"), a__x="dev")


def test_keys_ignore_case() -> None:
    assert holds(under("StringEquals", "AWS:resourcetag/Stage", "dev"), **{"aws:ResourceTag/stage": "dev"})


def test_what_it_does_not_know_is_an_error_and_no_answer() -> None:
    with pytest.raises(UnsupportedPolicyError, match="IpAddress"):
        holds(under("IpAddress", "aws:SourceIp", "10.0.0.0/8"), aws__SourceIp="10.0.0.1")
    with pytest.raises(UnsupportedPolicyError, match="variables"):
        allows([statement(resource="arn:aws:s3:::${aws:username}")], Request("dynamodb:GetItem", ARN))


def test_tags_of_request_and_resource() -> None:
    assert tag_context(request={"owner": "town"}, resource={"stage": "dev"}) == {
        "aws:RequestTag/owner": "town",
        "aws:ResourceTag/stage": "dev",
        "aws:TagKeys": ("owner",),
    }
    assert tag_context() == {}

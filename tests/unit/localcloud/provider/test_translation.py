"""Pulumi's inputs as botocore's shapes want them."""

from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError
from botocore.model import Shape

from localcloud.provider.base import already_exists, is_missing, translate


def shape(service: str, operation: str) -> Shape:
    found = botocore.session.get_session().get_service_model(service).operation_model(operation).input_shape
    assert found is not None
    return found


def test_names_numbers_and_pairs() -> None:
    alarm = {"name": "a", "okActions": ["x"], "dimensions": {"Stage": "dev"}, "threshold": 1, "period": 60.0}
    assert translate(shape("cloudwatch", "PutMetricAlarm"), alarm, {"name": "AlarmName"}) == {
        "AlarmName": "a",
        "OKActions": ["x"],
        "Dimensions": [{"Name": "Stage", "Value": "dev"}],
        "Threshold": 1.0,
        "Period": 60,
    }


def test_lists_with_a_quantity() -> None:
    policy = {"responseHeadersPolicyConfig": {"name": "p", "customHeadersConfig": {"items": []}}}
    config: Any = translate(shape("cloudfront", "CreateResponseHeadersPolicy"), policy, {})
    assert config["ResponseHeadersPolicyConfig"]["CustomHeadersConfig"] == {"Quantity": 0, "Items": []}
    distribution = {"distributionConfig": {"aliases": ["a.example"]}}
    config = translate(shape("cloudfront", "CreateDistribution"), distribution, {})
    assert config["DistributionConfig"]["Aliases"] == {"Quantity": 1, "Items": ["a.example"]}


def test_free_maps_keep_their_keys_and_objects_in_text_become_json() -> None:
    function = {"environment": {"variables": {"camelCase": "1"}}, "description": {"a": 1}, "publish": "true"}
    assert translate(shape("lambda", "CreateFunction"), function, {}) == {
        "Environment": {"Variables": {"camelCase": "1"}},
        "Description": '{"a": 1}',
        "Publish": True,
    }
    assert translate(shape("lambda", "Invoke"), {"payload": "x"}, {}) == {"Payload": b"x"}
    assert translate(shape("ssm", "PutParameter"), {"value": True}, {}) == {"Value": "true"}


def test_nothing_is_dropped_silently() -> None:
    with pytest.raises(ValueError, match="no member for the input 'colour'"):
        translate(shape("sqs", "CreateQueue"), {"colour": "red"}, {})
    assert translate(shape("sqs", "CreateQueue"), {"colour": None}, {}) == {}


@pytest.mark.parametrize(
    ("code", "status", "missing", "exists"),
    [
        ("ResourceNotFoundException", 400, True, False),
        ("NoSuchBucket", 404, True, False),
        ("404", 404, True, False),
        ("AWS.SimpleQueueService.NonExistentQueue", 400, True, False),
        ("ParameterAlreadyExists", 400, False, True),
        ("ResourceConflictException", 409, False, True),
        ("AccessDenied", 403, False, False),
    ],
)
def test_what_an_error_says(code: str, status: int, missing: bool, exists: bool) -> None:
    answer: Any = {"Error": {"Code": code, "Message": ""}, "ResponseMetadata": {"HTTPStatusCode": status}}
    error = ClientError(answer, "Call")
    assert (is_missing(error), already_exists(error)) == (missing, exists)


def test_other_errors_say_neither() -> None:
    assert not is_missing(RuntimeError("NotFound"))
    assert not already_exists(RuntimeError("AlreadyExists"))

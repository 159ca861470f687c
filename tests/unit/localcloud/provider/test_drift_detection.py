"""Values that somebody changed by hand, as AWS's descriptions show them."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from localcloud.provider import HANDLERS
from localcloud.provider.drift_detection import changed_values

ALARM = HANDLERS["aws:cloudwatch/metricAlarm:MetricAlarm"]
TABLE = HANDLERS["aws:dynamodb/table:Table"]
QUEUE = HANDLERS["aws:sqs/queue:Queue"]
SCHEDULE = HANDLERS["aws:scheduler/schedule:Schedule"]
ROLE = HANDLERS["aws:iam/role:Role"]
DISTRIBUTION = HANDLERS["aws:cloudfront/distribution:Distribution"]
TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}


@pytest.mark.parametrize(
    ("handler", "inputs", "answer", "changed"),
    [
        (ALARM, {"threshold": 5}, {"MetricAlarms": [{"Threshold": 5.0}]}, {}),
        (ALARM, {"threshold": 5}, {"MetricAlarms": [{"Threshold": 6.0}]}, {"threshold": 6}),
        # Two alarms in an answer: nobody knows which of them it is.
        (ALARM, {"threshold": 5}, {"MetricAlarms": [{"Threshold": 6.0}, {"Threshold": 7.0}]}, {}),
        (
            ALARM,
            {"dimensions": {"stage": "dev"}},
            {"MetricAlarms": [{"Dimensions": [{"Name": "stage", "Value": "dev"}]}]},
            {},
        ),
        (
            ALARM,
            {"dimensions": {"stage": "dev"}},
            {"MetricAlarms": [{"Dimensions": [{"Name": "stage", "Value": "x"}]}]},
            {"dimensions": {"stage": "x"}},
        ),
        (ALARM, {"alarmActions": ["b", "a"]}, {"MetricAlarms": [{"AlarmActions": ["a", "b"]}]}, {}),
        (ALARM, {"alarmActions": ["a"]}, {"MetricAlarms": [{"AlarmActions": []}]}, {"alarmActions": []}),
        (
            QUEUE,
            {"messageRetentionSeconds": 1209600},
            {"Attributes": {"MessageRetentionPeriod": "60"}},
            {"messageRetentionSeconds": 60},
        ),
        (QUEUE, {"messageRetentionSeconds": 60}, {"Attributes": {"MessageRetentionPeriod": "60"}}, {}),
        (
            SCHEDULE,
            {"scheduleExpression": "rate(1 day)"},
            {"State": "DISABLED", "ScheduleExpression": "rate(1 day)"},
            {"state": "DISABLED"},
        ),
        (
            SCHEDULE,
            {"scheduleExpression": "rate(1 day)"},
            {"State": "ENABLED", "ScheduleExpression": "rate(2 days)"},
            {"scheduleExpression": "rate(2 days)"},
        ),
        (
            SCHEDULE,
            {"target": {"arn": "a", "input": '{"a": 1}'}},
            {"State": "ENABLED", "Target": {"Arn": "a", "Input": '{"a":1}'}},
            {},
        ),
        # A name cannot change in place, so that whatever is called otherwise is another thing.
        (
            TABLE,
            {"name": "a", "deletionProtectionEnabled": True},
            {"Table": {"Name": "b", "DeletionProtectionEnabled": False}},
            {"deletionProtectionEnabled": False},
        ),
        (
            TABLE,
            {"streamEnabled": True},
            {"Table": {"StreamSpecification": {"StreamEnabled": False}}},
            {"streamEnabled": False},
        ),
        (
            TABLE,
            {"onDemandThroughput": {"maxReadRequestUnits": 40}},
            {"Table": {"OnDemandThroughput": {"MaxReadRequestUnits": 3, "MaxWriteRequestUnits": 9}}},
            {"onDemandThroughput": {"maxReadRequestUnits": 3}},
        ),
        (ROLE, {"assumeRolePolicy": json.dumps(TRUST)}, {"Role": {"AssumeRolePolicyDocument": TRUST}}, {}),
        (
            ROLE,
            {"assumeRolePolicy": json.dumps(TRUST)},
            {"Role": {"AssumeRolePolicyDocument": {}}},
            {"assumeRolePolicy": "{}"},
        ),
        (DISTRIBUTION, {"aliases": ["a"]}, {"Distribution": {"Aliases": {"Quantity": 0}}}, {"aliases": []}),
        (DISTRIBUTION, {"aliases": ["a"]}, {"Distribution": {"Aliases": {"Quantity": 1, "Items": ["a"]}}}, {}),
        # What the answer does not name, and what AWS adds, is no change.
        (TABLE, {"tableClass": "STANDARD"}, {"Table": {"ItemCount": 3}}, {}),
        (TABLE, {"tags": {"a": "b"}, "region": "x"}, {"Table": {"Tags": [], "Region": "y"}}, {}),
    ],
)
def test_a_value_is_compared_by_what_it_is_sent_as(
    handler: Any, inputs: Mapping[str, Any], answer: Mapping[str, Any], changed: Mapping[str, Any]
) -> None:
    assert changed_values(handler, inputs, [answer]) == changed


def test_of_several_things_the_changed_one_is_shown() -> None:
    inputs = {"indexes": [{"name": "a", "kind": 1}, {"name": "b", "kind": 2}]}
    live = [{"Name": "b", "Kind": 3}, {"Name": "a", "Kind": 1}]
    assert changed_values(ALARM, inputs, [{"Indexes": live}]) == {
        "indexes": [{"name": "a", "kind": 1}, {"name": "b", "kind": 3}]
    }
    gone = changed_values(ALARM, inputs, [{"Indexes": live[:1]}])["indexes"]
    assert [index["name"] for index in gone] == ["b"]
    more = changed_values(ALARM, {"indexes": inputs["indexes"][:1]}, [{"Indexes": [*live, {"Name": "c"}]}])["indexes"]
    assert [index["name"] for index in more] == ["a", "b", "c"]

"""The emulated AWS as text, to compare what the embedded engine and Pulumi's own made of it."""

import re
from collections.abc import Callable, Iterator
from typing import Any

Client = Callable[[str], Any]

_SUFFIX = re.compile(r"-[0-9a-f]{7}\b")
_PORT = re.compile(r"127\.0\.0\.1:\d+")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")


def masked(text: str, prefix: str) -> str:
    """Without what differs from run to run: the prefix, generated names, ids."""
    text = text.replace(prefix, "P").replace(prefix.upper(), "P")
    return _PORT.sub("127.0.0.1:PORT", _UUID.sub("UUID", _SUFFIX.sub("-XXXXXXX", text)))


def snapshot(client: Client, prefix: str) -> list[str]:
    """The resources under a prefix, a line each."""
    return sorted(masked(" ".join(line.split()), prefix) for line in _lines(client, prefix))


def _lines(client: Client, prefix: str) -> Iterator[str]:
    for kind in (_queues, _parameters, _iam, _tables, _buckets, _log_groups, _topics, _keys):
        yield from kind(client, prefix)


def _tags(tags: dict[str, str]) -> str:
    return str(dict(sorted(tags.items()))) if tags else ""


def _queues(client: Client, prefix: str) -> Iterator[str]:
    sqs = client("sqs")
    for url in sqs.list_queues(QueueNamePrefix=prefix).get("QueueUrls", []):
        has = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        policy = "policy" if has.get("Policy") else ""
        tags = _tags(sqs.list_queue_tags(QueueUrl=url).get("Tags") or {})
        yield f"queue {url.rsplit('/', 1)[-1]} ret={has.get('MessageRetentionPeriod')} {policy} {tags}"


def _parameters(client: Client, prefix: str) -> Iterator[str]:
    ssm = client("ssm")
    for page in ssm.get_paginator("describe_parameters").paginate():
        for item in page["Parameters"]:
            name = item["Name"]
            if name.startswith(f"/{prefix}/"):
                value = ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
                found = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId=name)["TagList"]
                tags = _tags({tag["Key"]: tag["Value"] for tag in found})
                yield f"param {name} = {value} desc={item.get('Description', '')} {tags}"


def _iam(client: Client, prefix: str) -> Iterator[str]:
    iam = client("iam")
    for page in iam.get_paginator("list_roles").paginate():
        for role in page["Roles"]:
            name = role["RoleName"]
            if name.startswith(prefix):
                inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
                attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
                yield f"role {name} {role['Path']} inline={inline} attached={[item['PolicyName'] for item in attached]}"
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        if policy["PolicyName"].startswith(prefix):
            yield f"policy {policy['PolicyName']}"


def _tables(client: Client, prefix: str) -> Iterator[str]:
    dynamodb = client("dynamodb")
    for name in dynamodb.list_tables()["TableNames"]:
        if name.startswith(prefix):
            keys = dynamodb.describe_table(TableName=name)["Table"]["KeySchema"]
            yield f"table {name} key={keys[0]['AttributeName']}"


def _buckets(client: Client, prefix: str) -> Iterator[str]:
    s3 = client("s3")
    for bucket in s3.list_buckets()["Buckets"]:
        if bucket["Name"].startswith(prefix):
            yield f"bucket {bucket['Name']}"


def _log_groups(client: Client, prefix: str) -> Iterator[str]:
    for group in client("logs").describe_log_groups(logGroupNamePrefix=f"/{prefix}/")["logGroups"]:
        yield f"loggroup {group['logGroupName']}"


def _topics(client: Client, prefix: str) -> Iterator[str]:
    sns = client("sns")
    for topic in sns.list_topics()["Topics"]:
        name = topic["TopicArn"].rsplit(":", 1)[-1]
        if name.startswith(prefix):
            count = len(sns.list_subscriptions_by_topic(TopicArn=topic["TopicArn"])["Subscriptions"])
            yield f"topic {name} subscriptions={count}"


def _keys(client: Client, prefix: str) -> Iterator[str]:
    kms = client("kms")
    for key in kms.list_keys()["Keys"]:
        about = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
        if about.get("Description") == prefix and about["KeyState"] == "Enabled":
            yield "kmskey"

"""The engine against the emulator: create, same, update, replace, delete, and what protects against accidents."""

import json
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from infra.components.parameters import NOT_DEPLOYED_AGAIN
from localcloud.engine.deployment import EngineError, Report
from localcloud.engine.state import Operation, State
from localcloud.provider import HANDLERS
from localcloud.provider.base import Cloud
from tests.platform.conftest import Platform

STAGE = "engine"


@pytest.fixture
def clean(platform: Platform) -> Iterator[Platform]:
    yield platform
    platform.destroy(STAGE, force=True)


def names(urns: list[str]) -> list[str]:
    return [urn.rsplit("::", 1)[-1] for urn in urns]


def counts(report: Report) -> tuple[int, int, int, int, int]:
    return tuple(map(len, (report.created, report.updated, report.replaced, report.deleted, report.same)))  # type: ignore[return-value]  # five of them


def interrupt(platform: Platform, type_: str, name: str, id_: str | None) -> None:
    """Leave the state of a run that was killed while it made a resource."""
    state = State(platform.emulator.stacks / f"{STAGE}.json")
    state.settled = False
    state.begin(Operation(f"urn:pulumi:{STAGE}::probe::{type_}::{name}", type_, id_, {}))


class Queues:
    """A program of two queues and a parameter that can be varied."""

    def __init__(self, **changes: Any) -> None:
        self.settings: dict[str, Any] = {"name": "engine-work", "retention": 60, "description": "first"} | changes

    def __call__(self) -> None:
        options = pulumi.ResourceOptions(ignore_changes=["value"])
        settings = self.settings
        if not settings.get("without_dead"):
            dead = aws.sqs.Queue(
                "dead", name="engine-dead", opts=pulumi.ResourceOptions(protect=settings.get("protect", False))
            )
            pulumi.export("dead", dead.url)
        aws.sqs.Queue(
            "work", name=settings["name"], message_retention_seconds=settings["retention"], tags=settings.get("tags")
        )
        aws.ssm.Parameter(
            "flag",
            name="/engine/flag",
            type="String",
            value="off",
            description=settings["description"],
            opts=options,
        )


def test_what_is_unchanged_is_left_alone(clean: Platform) -> None:
    assert counts(clean.up(STAGE, Queues())) == (3, 0, 0, 0, 0)
    assert counts(clean.up(STAGE, Queues())) == (0, 0, 0, 0, 3)


def test_a_change_is_made_in_place(clean: Platform) -> None:
    clean.up(STAGE, Queues())
    report = clean.up(STAGE, Queues(retention=120, tags={"a": "1", "b": "2"}))
    assert names(report.updated) == ["work"]
    sqs = clean.client("sqs")
    url = sqs.get_queue_url(QueueName="engine-work")["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["MessageRetentionPeriod"])["Attributes"]
    assert attributes == {"MessageRetentionPeriod": "120"}
    clean.up(STAGE, Queues(retention=120, tags={"b": "3"}))
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"b": "3"}


def test_a_new_name_replaces_and_removes_the_old(clean: Platform) -> None:
    clean.up(STAGE, Queues())
    report = clean.up(STAGE, Queues(name="engine-renamed"))
    assert (names(report.replaced), names(report.deleted)) == (["work"], ["work"])
    urls = clean.client("sqs").list_queues(QueueNamePrefix="engine-").get("QueueUrls", [])
    assert sorted(url.rsplit("/", 1)[-1] for url in urls) == ["engine-dead", "engine-renamed"]


def test_a_replacement_of_the_same_name_deletes_first(clean: Platform) -> None:
    def program(hash_key: str) -> pulumi.Output[str]:
        table = aws.dynamodb.Table(
            "table",
            name="engine-table",
            billing_mode="PAY_PER_REQUEST",
            hash_key=hash_key,
            attributes=[aws.dynamodb.TableAttributeArgs(name=hash_key, type="S")],
        )
        return table.arn

    clean.up(STAGE, lambda: pulumi.export("arn", program("a")))
    report = clean.up(STAGE, lambda: pulumi.export("arn", program("b")))
    assert names(report.replaced) == ["table"]
    table = clean.client("dynamodb").describe_table(TableName="engine-table")["Table"]
    assert table["KeySchema"][0]["AttributeName"] == "b"


def test_what_is_no_longer_declared_is_deleted_dependents_first(clean: Platform) -> None:
    def program(*, with_role: bool) -> None:
        if with_role:
            role = aws.iam.Role("role", name="engine-role", assume_role_policy=TRUST)
            policy = aws.iam.Policy("policy", name="engine-policy", policy=json.dumps(POLICY))
            aws.iam.RolePolicyAttachment("attached", role=role.name, policy_arn=policy.arn)
            aws.iam.RolePolicy("inline", role=role.name, policy=json.dumps(POLICY))

    clean.up(STAGE, lambda: program(with_role=True))
    report = clean.up(STAGE, lambda: program(with_role=False))
    deleted = names(report.deleted)
    assert set(deleted) == {"role", "policy", "attached", "inline"}
    assert deleted.index("role") > max(deleted.index("attached"), deleted.index("inline"))
    assert not clean.client("iam").list_policies(Scope="Local")["Policies"]


def test_an_ignored_value_is_that_of_the_state_which_only_a_refresh_brings_up_to_date(clean: Platform) -> None:
    """As Pulumi's own engine has it: why live parameters ignore every input that an update would put with the value."""
    clean.up(STAGE, Queues())
    ssm = clean.client("ssm")
    ssm.put_parameter(Name="/engine/flag", Value="on", Type="String", Overwrite=True)
    assert counts(clean.up(STAGE, Queues()))[4] == 3
    clean.up(STAGE, Queues(description="second"), verify=True)
    assert ssm.get_parameter(Name="/engine/flag")["Parameter"]["Value"] == "on"
    ssm.put_parameter(Name="/engine/flag", Value="10%", Type="String", Overwrite=True)
    clean.up(STAGE, Queues(description="third"))
    assert ssm.get_parameter(Name="/engine/flag")["Parameter"]["Value"] == "on"


def test_a_live_parameter_keeps_what_operators_set_through_every_change_of_the_program(clean: Platform) -> None:
    def program(description: str, value: str, type_: str, **tags: str) -> None:
        options = pulumi.ResourceOptions(ignore_changes=[*NOT_DEPLOYED_AGAIN])
        aws.ssm.Parameter(
            "flag", name="/engine/flag", type=type_, value=value, description=description, tags=tags, opts=options
        )

    clean.up(STAGE, lambda: program("first", "off", "String"))
    ssm = clean.client("ssm")
    ssm.put_parameter(Name="/engine/flag", Value="on", Type="String", Overwrite=True)
    report = clean.up(STAGE, lambda: program("second", "10%", "SecureString", owner="ops"))
    assert names(report.updated) == ["flag"]
    assert ssm.get_parameter(Name="/engine/flag")["Parameter"]["Value"] == "on"
    found = ssm.list_tags_for_resource(ResourceType="Parameter", ResourceId="/engine/flag")["TagList"]
    assert {"Key": "owner", "Value": "ops"} in found


def test_protected_things_are_not_deleted(clean: Platform) -> None:
    clean.up(STAGE, Queues(protect=True))
    with pytest.raises(EngineError, match="dead"):
        clean.destroy(STAGE)
    with pytest.raises(EngineError, match="protected: dead"):
        clean.up(STAGE, Queues(protect=True, without_dead=True))
    assert clean.client("sqs").get_queue_url(QueueName="engine-dead")
    clean.up(STAGE, Queues())
    assert names(clean.destroy(STAGE).deleted).count("dead") == 1


def test_a_replacement_of_something_protected_is_refused(clean: Platform) -> None:
    def program(name: str) -> None:
        aws.sns.Topic("topic", name=name, opts=pulumi.ResourceOptions(protect=True))

    clean.up(STAGE, lambda: program("engine-a"))
    with pytest.raises(EngineError, match="protected"):
        clean.up(STAGE, lambda: program("engine-b"))


def test_retained_things_stay_when_they_are_dropped(clean: Platform) -> None:
    def program() -> None:
        aws.sns.Topic("topic", name="engine-kept", opts=pulumi.ResourceOptions(retain_on_delete=True))

    clean.up(STAGE, program)
    clean.up(STAGE, lambda: None)
    arns = [topic["TopicArn"] for topic in clean.client("sns").list_topics()["Topics"]]
    assert any(arn.endswith(":engine-kept") for arn in arns)
    clean.client("sns").delete_topic(TopicArn=next(arn for arn in arns if arn.endswith(":engine-kept")))


def test_a_preview_changes_nothing(clean: Platform) -> None:
    clean.up(STAGE, Queues())
    report = clean.preview(STAGE, Queues(retention=90, without_dead=True, name="engine-other"))
    assert (names(report.replaced), names(report.same)) == (["work"], ["flag"])
    assert sorted(names(report.deleted)) == ["dead", "work"]
    assert counts(clean.up(STAGE, Queues())) == (0, 0, 0, 0, 3)
    assert counts(clean.preview("another", Queues()))[0] == 3


def test_an_interrupted_run_goes_on_where_it_stopped(clean: Platform) -> None:
    def broken() -> None:
        Queues()()
        raise RuntimeError("pulled the plug")

    with pytest.raises(RuntimeError, match="pulled the plug"):
        clean.up(STAGE, broken)
    report = clean.up(STAGE, Queues())
    assert len(report.created) + len(report.same) == 3


def test_what_was_made_without_being_remembered_is_taken_over_after_a_crash(clean: Platform) -> None:
    clean.up(STAGE, lambda: None)
    interrupt(clean, "aws:ssm/parameter:Parameter", "flag", "/engine/flag")
    clean.client("ssm").put_parameter(Name="/engine/flag", Value="live", Type="String")
    report = clean.up(STAGE, Queues())
    assert "flag" in names(report.created)
    assert not report.orphans


def test_a_key_is_found_as_soon_as_it_is_made(clean: Platform) -> None:
    """It has no name: its description and its tags are what a run that was killed just then knows it by."""
    handler = HANDLERS["aws:kms/key:Key"]
    inputs = {"description": "found", "tags": {"stage": STAGE}}
    with closing(Cloud(clean.endpoint, "us-east-1")) as cloud:
        key = handler.create(cloud, inputs)
        assert handler.find(cloud, inputs) == [key]
        assert handler.find(cloud, {**inputs, "tags": {"stage": "another"}}) == []
        handler.delete(cloud, key, inputs)
        assert handler.find(cloud, inputs) == []


def test_what_an_interrupted_run_made_and_the_program_no_longer_wants_is_named(clean: Platform) -> None:
    clean.up(STAGE, lambda: None)
    interrupt(clean, "aws:ssm/parameter:Parameter", "other", "/engine/other")
    clean.client("ssm").put_parameter(Name="/engine/other", Value="left", Type="String")
    assert clean.up(STAGE, Queues()).orphans == ["aws:ssm/parameter:Parameter /engine/other"]
    assert not clean.up(STAGE, Queues()).orphans
    clean.client("ssm").delete_parameter(Name="/engine/other")


def test_after_a_crash_only_what_had_begun_is_taken_over(clean: Platform) -> None:
    clean.up(STAGE, lambda: None)
    interrupt(clean, "aws:sqs/queue:Queue", "work", None)
    clean.client("ssm").put_parameter(Name="/engine/flag", Value="theirs", Type="String")
    with pytest.raises(EngineError, match="ParameterAlreadyExists"):
        clean.up(STAGE, Queues())
    assert clean.client("ssm").get_parameter(Name="/engine/flag")["Parameter"]["Value"] == "theirs"
    clean.client("ssm").delete_parameter(Name="/engine/flag")


def test_a_stranger_s_resource_is_not_taken_over(clean: Platform) -> None:
    clean.up(STAGE, lambda: None)
    clean.client("ssm").put_parameter(Name="/engine/flag", Value="theirs", Type="String")
    with pytest.raises(EngineError, match="ParameterAlreadyExists"):
        clean.up(STAGE, Queues())
    clean.client("ssm").delete_parameter(Name="/engine/flag")


def test_a_second_run_at_the_same_time_is_refused(clean: Platform) -> None:
    def program() -> None:
        with pytest.raises(EngineError, match=f"another run changes the stage {STAGE}"):
            clean.destroy(STAGE)

    clean.up(STAGE, program)


# The SDK leaves futures of a refused program that nobody asks any more.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:coroutine:RuntimeWarning")
def test_what_the_engine_does_not_honour_is_refused_by_name(clean: Platform) -> None:
    def parameter(**options: Any) -> None:
        opts = pulumi.ResourceOptions(**options)
        aws.ssm.Parameter("flag", name="/engine/flag", type="String", value="off", opts=opts)

    def deleted_with() -> None:
        parameter(deleted_with=aws.sqs.Queue("queue", name="engine-queue"))

    def elsewhere() -> None:
        parameter(provider=aws.Provider("far", region="eu-west-1"))

    def own_region() -> None:
        aws.sqs.Queue("queue", name="engine-queue", region="eu-west-1")

    for program, message in (
        (lambda: parameter(import_="/engine/flag"), "'flag' uses import"),
        (lambda: parameter(transforms=[lambda _: None]), "'flag' uses a transform"),
        (lambda: parameter(custom_timeouts=pulumi.CustomTimeouts(create="1m")), "'flag' uses custom timeouts"),
        (lambda: parameter(replacement_trigger="1"), "'flag' uses a replacement trigger"),
        (deleted_with, "'flag' uses deletedWith"),
        (elsewhere, "'far' uses a provider of another region"),
        (own_region, "'queue' is in region eu-west-1"),
        (lambda: pulumi.export("x", pulumi.StringAsset("x")), "'x' uses an asset as an output"),
        (lambda: pulumi.export("x", pulumi.StackReference("a/b/c").get_output("y")), "a reference to another stack"),
    ):
        with pytest.raises(EngineError, match=message):
            clean.up(STAGE, program)


def test_a_preview_tells_what_would_be_refused_and_the_rest_as_well(clean: Platform) -> None:
    clean.up(STAGE, Queues(protect=True))
    report = clean.preview(STAGE, Queues(protect=True, without_dead=True, retention=61))
    assert names(report.updated) == ["work"]
    assert report.errors == ["no longer declared but protected: dead. Unprotect them in a run of their own first."]
    clean.up(STAGE, Queues())


def test_looking_changes_nothing(clean: Platform) -> None:
    """Handlers once attached and added again what they had been asked to look at."""

    def program() -> None:
        role = aws.iam.Role("role", name="engine-role", assume_role_policy=TRUST)
        policy = aws.iam.Policy("policy", name="engine-policy", policy=json.dumps(POLICY))
        aws.iam.RolePolicyAttachment("attached", role=role.name, policy_arn=policy.arn)

    clean.up(STAGE, program)
    iam = clean.client("iam")
    iam.detach_role_policy(RoleName="engine-role", PolicyArn="arn:aws:iam::000000000000:policy/engine-policy")
    assert names(clean.preview(STAGE, program, verify=True).created) == ["attached"]
    assert not iam.list_attached_role_policies(RoleName="engine-role")["AttachedPolicies"]
    assert names(clean.up(STAGE, program, verify=True).created) == ["attached"]
    assert iam.list_attached_role_policies(RoleName="engine-role")["AttachedPolicies"]


def test_what_was_changed_by_hand_is_seen_and_put_back(clean: Platform) -> None:
    def program() -> None:
        aws.ssm.Parameter("url", name="/engine/url", type="String", value="https://example.org")

    clean.up(STAGE, program)
    clean.client("ssm").put_parameter(Name="/engine/url", Value="https://evil.example", Overwrite=True)
    assert names(clean.preview(STAGE, program, verify=True).updated) == ["url"]
    assert names(clean.up(STAGE, program, verify=True).updated) == ["url"]
    assert clean.client("ssm").get_parameter(Name="/engine/url")["Parameter"]["Value"] == "https://example.org"


def test_verifying_makes_again_what_is_gone(clean: Platform) -> None:
    clean.up(STAGE, Queues())
    clean.client("ssm").delete_parameter(Name="/engine/flag")
    assert counts(clean.up(STAGE, Queues()))[4] == 3
    assert names(clean.up(STAGE, Queues(), verify=True).created) == ["flag"]


def test_mistakes_are_named(clean: Platform) -> None:
    def unresolved() -> None:
        queue = aws.sqs.Queue("dead", name="engine-dead")
        aws.ssm.Parameter("bad", name="/engine/bad", type="String", value=f"https://{queue.url}")

    def nothing() -> None:
        aws.ssm.Parameter("empty", name="/engine/empty", type="String", value=f"https://{None}/x")

    def unknown() -> None:
        aws.ec2.Vpc("net", cidr_block="10.0.0.0/16")

    def unsupported() -> None:
        aws.sns.Topic("topic", name="engine-topic", opts=pulumi.ResourceOptions(protect=False))
        aws.cognito.UserPoolClient("client", name="x", user_pool_id="nope", generate_secret=True)

    def twice() -> None:
        aws.sns.Topic("same", name="engine-same")
        aws.sns.Topic("same", name="engine-same")

    def refusing() -> None:
        raise pulumi.RunError("apiMemoryMb: 64 is less than Lambda's 128")

    for program, message in (
        (refusing, "apiMemoryMb: 64 is less"),
        (unresolved, "'bad': input value is unresolved"),
        (nothing, "'empty': input value is unresolved"),
        (unknown, "'net' is of type aws:ec2/vpc:Vpc"),
        (unsupported, "'client': ResourceNotFoundException"),
        (twice, "'same' is declared twice"),
    ):
        with pytest.raises(EngineError, match=message):
            clean.up(STAGE, program)


def test_secrets_stay_secret(clean: Platform) -> None:
    def program() -> None:
        parameter = aws.ssm.Parameter(
            "key", name="/engine/key", type="SecureString", value=pulumi.Output.secret("hush")
        )
        pulumi.export("key", parameter.value)
        pulumi.export("name", parameter.name)

    report = clean.up(STAGE, program)
    assert report.outputs == {"key": "hush", "name": "/engine/key"}
    assert report.secret_outputs == {"key"}
    assert (clean.emulator.stacks / f"{STAGE}.json").stat().st_mode & 0o077 == 0


def test_default_tags_go_on_what_can_be_tagged(clean: Platform) -> None:
    tags = {"aws:defaultTags": json.dumps({"tags": {"project": "civicforge", "a": "0"}})}
    clean.up(STAGE, Queues(tags={"a": "1"}), overrides=tags)
    sqs = clean.client("sqs")
    url = sqs.get_queue_url(QueueName="engine-work")["QueueUrl"]
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"project": "civicforge", "a": "1"}
    found = clean.client("ssm").list_tags_for_resource(ResourceType="Parameter", ResourceId="/engine/flag")["TagList"]
    assert {"Key": "project", "Value": "civicforge"} in found


def test_a_thing_can_be_read_and_functions_called(clean: Platform) -> None:
    clean.up(STAGE, Queues())

    def program() -> None:
        Queues()()
        flag = aws.ssm.Parameter.get("existing", "/engine/flag")
        pulumi.export("value", pulumi.Output.unsecret(flag.value))
        pulumi.export("account", aws.get_caller_identity_output().account_id)

    outputs = clean.up(STAGE, program).outputs
    assert (outputs["value"], outputs["account"]) == ("off", "000000000000")


def test_an_unknown_function_is_refused_by_name(clean: Platform) -> None:
    with pytest.raises(Exception, match="no function aws:index/getRegion:getRegion"):
        clean.up(STAGE, lambda: pulumi.export("region", aws.get_region_output().region))


def test_stages_side_by_side_do_not_touch_each_other(platform: Platform) -> None:
    def program() -> None:
        stage = pulumi.get_stack()
        aws.sqs.Queue("queue", name=f"side-{stage}")
        aws.ssm.Parameter("parameter", name=f"/side/{stage}", type="String", value=stage)

    for stage in ("one", "two", "three"):
        assert counts(platform.up(stage, program))[0] == 2
    platform.destroy("two")
    left = platform.client("sqs").list_queues(QueueNamePrefix="side-")["QueueUrls"]
    assert sorted(url.rsplit("-", 1)[-1] for url in left) == ["one", "three"]
    for stage in ("one", "three"):
        assert counts(platform.up(stage, program)) == (0, 0, 0, 0, 2)
        platform.destroy(stage)


TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "arn:aws:sqs:us-east-1:000000000000:x"}],
}

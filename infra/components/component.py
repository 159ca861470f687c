"""The base of the platform's components."""

import pulumi
import pulumi_aws as aws

from infra.components.policies import boundary_name
from infra.config import StageConfig


class Component(pulumi.ComponentResource):
    """A component of the platform: the resources of one concern.

    Attributes:
        child: options of the resources in it. Their physical names are fixed, so that a replacement can only be
            made after the former one is gone.
        stateful: options of those that hold what people made or sent.
        lasting: options of those whose address others know, or whose record is wanted later: protected like the data,
            since neither can be had again; nothing of theirs is retained, so a replacement that is meant finds its
            name free.
    """

    def __init__(self, stage: StageConfig, name: str) -> None:
        super().__init__(f"civicforge:platform:{type(self).__name__}", name)
        self.stage = stage
        self.child = pulumi.ResourceOptions(parent=self, delete_before_replace=True)
        self.stateful = pulumi.ResourceOptions(
            parent=self, delete_before_replace=True, protect=stage.protect, retain_on_delete=stage.protect
        )
        self.lasting = pulumi.ResourceOptions(parent=self, delete_before_replace=True, protect=stage.protect)


def account_id() -> pulumi.Output[str]:
    """The AWS account that the stage is in."""
    return aws.get_caller_identity_output().account_id


def permissions_boundary(stage: StageConfig) -> pulumi.Output[str] | None:
    """The ARN of the policy that bounds the stage's roles, or None on a stage that has no bootstrap stack."""
    if not stage.permissions_boundary:
        return None
    return account_id().apply(lambda account: f"arn:aws:iam::{account}:policy/{boundary_name(stage.stage)}")

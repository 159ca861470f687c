"""The audit log group and the releases bucket of the operators' commands."""

import pulumi
import pulumi_aws as aws

from infra.components.component import Component, account_id
from infra.components.policies import document, tls_only
from infra.components.private_bucket import PrivateBucket
from infra.config import StageConfig
from services.core.names import audit_log_group

AUDIT_DAYS = 365
"""On every stage, whatever it logs otherwise: questions about a change come months after it."""


class Operations(Component):
    """The audit log, and a bucket with a manifest and the entry files of the app for each release.

    The bucket is not the app's own, because the distribution serves whatever is in that one.
    """

    def __init__(self, stage: StageConfig) -> None:
        super().__init__(stage, "operations")
        self.audit_log = aws.cloudwatch.LogGroup(
            "audit", name=audit_log_group(stage.stage), retention_in_days=AUDIT_DAYS, opts=self.lasting
        )
        self.releases = PrivateBucket(stage, "releases", account_id()).bucket
        aws.s3.BucketPolicy(
            "releases",
            bucket=self.releases.id,
            policy=document(tls_only(["s3:*"], self.releases.arn, pulumi.Output.concat(self.releases.arn, "/*"))),
            opts=self.child,
        )
        self.register_outputs({})

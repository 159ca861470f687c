"""A private S3 bucket: only principals in its policy can read it."""

import pulumi
import pulumi_aws as aws

from infra.components.component import Component
from infra.config import StageConfig

FORMER_VERSION_DAYS = 90


class PrivateBucket(Component):
    """Encrypted and versioned; its objects go after `keep_days` if that is given.

    Its name ends with the account, because names of buckets are the whole world's.
    """

    def __init__(
        self, stage: StageConfig, base_name: str, account: pulumi.Output[str], *, keep_days: int | None = None
    ) -> None:
        super().__init__(stage, f"{base_name}-bucket")
        name = account.apply(lambda account: stage.name(f"{base_name}-{account}"))
        self.bucket = private_bucket(base_name, name, child=self.child, stateful=self.stateful, keep_days=keep_days)
        self.register_outputs({})


def private_bucket(
    base_name: str,
    name: pulumi.Input[str],
    *,
    child: pulumi.ResourceOptions,
    stateful: pulumi.ResourceOptions,
    keep_days: int | None = None,
) -> aws.s3.Bucket:
    """The bucket and what keeps it private. Only an unprotected one can be deleted with objects in it."""
    bucket = aws.s3.Bucket(
        base_name,
        bucket=name,
        force_destroy=not stateful.protect,
        opts=stateful,
    )
    aws.s3.BucketPublicAccessBlock(
        base_name,
        bucket=bucket.id,
        block_public_acls=True,
        block_public_policy=True,
        ignore_public_acls=True,
        restrict_public_buckets=True,
        opts=child,
    )
    aws.s3.BucketOwnershipControls(
        base_name,
        bucket=bucket.id,
        rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
        opts=child,
    )
    versioning = aws.s3.BucketVersioning(
        base_name,
        bucket=bucket.id,
        versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
        opts=child,
    )
    aws.s3.BucketServerSideEncryptionConfiguration(
        base_name,
        bucket=bucket.id,
        rules=[
            aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                apply_server_side_encryption_by_default=(
                    aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                        sse_algorithm="AES256"
                    )
                )
            )
        ],
        opts=child,
    )
    aws.s3.BucketLifecycleConfiguration(
        base_name,
        bucket=bucket.id,
        rules=[
            aws.s3.BucketLifecycleConfigurationRuleArgs(
                id="former-versions",
                status="Enabled",
                filter=aws.s3.BucketLifecycleConfigurationRuleFilterArgs(prefix=""),
                noncurrent_version_expiration=(
                    aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(
                        noncurrent_days=FORMER_VERSION_DAYS
                    )
                ),
                abort_incomplete_multipart_upload=(
                    aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(days_after_initiation=1)
                ),
                expiration=(
                    aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=keep_days) if keep_days else None
                ),
            ),
        ],
        # S3 refuses rules on former versions while there are none.
        opts=pulumi.ResourceOptions.merge(child, pulumi.ResourceOptions(depends_on=[versioning])),
    )
    return bucket

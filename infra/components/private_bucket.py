"""A bucket that nobody reads but whom its policy names."""

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
        self, stage: StageConfig, thing: str, account: pulumi.Output[str], *, keep_days: int | None = None
    ) -> None:
        super().__init__(stage, f"{thing}-bucket")
        self.bucket = aws.s3.Bucket(
            thing,
            bucket=account.apply(lambda account: stage.name(f"{thing}-{account}")),
            force_destroy=not stage.protect,
            opts=self.stateful,
        )
        aws.s3.BucketPublicAccessBlock(
            thing,
            bucket=self.bucket.id,
            block_public_acls=True,
            block_public_policy=True,
            ignore_public_acls=True,
            restrict_public_buckets=True,
            opts=self.child,
        )
        aws.s3.BucketOwnershipControls(
            thing,
            bucket=self.bucket.id,
            rule=aws.s3.BucketOwnershipControlsRuleArgs(object_ownership="BucketOwnerEnforced"),
            opts=self.child,
        )
        versioning = aws.s3.BucketVersioning(
            thing,
            bucket=self.bucket.id,
            versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
            opts=self.child,
        )
        aws.s3.BucketServerSideEncryptionConfiguration(
            thing,
            bucket=self.bucket.id,
            rules=[
                aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                    apply_server_side_encryption_by_default=(
                        aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
                            sse_algorithm="AES256"
                        )
                    )
                )
            ],
            opts=self.child,
        )
        aws.s3.BucketLifecycleConfiguration(
            thing,
            bucket=self.bucket.id,
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
                        aws.s3.BucketLifecycleConfigurationRuleAbortIncompleteMultipartUploadArgs(
                            days_after_initiation=1
                        )
                    ),
                    expiration=(
                        aws.s3.BucketLifecycleConfigurationRuleExpirationArgs(days=keep_days) if keep_days else None
                    ),
                ),
            ],
            # S3 refuses rules on former versions while there are none.
            opts=pulumi.ResourceOptions.merge(self.child, pulumi.ResourceOptions(depends_on=[versioning])),
        )
        self.register_outputs({})

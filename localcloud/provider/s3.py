# ruff: noqa: ARG002 - all handlers (and invokes) have one signature, whether or not one needs every argument
"""S3 buckets, what is configured on them, and objects."""

from typing import Any, ClassVar

from localcloud.provider.base import Asset, Cloud, Handler, Inputs, Outputs, handles, without


@handles("aws:s3/bucket:Bucket")
class Bucket(Handler):
    replace_on = frozenset({"bucket", "objectLockEnabled"})
    taggable = True
    autoname = "bucket"

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(inputs["bucket"])

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        place = (
            {} if cloud.region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": cloud.region}}
        )
        cloud.call(
            "s3",
            "create_bucket",
            without(inputs, "tags", "forceDestroy"),
            renames={"objectLockEnabled": "ObjectLockEnabledForBucket"},
            **place,
        )
        return self.identify(cloud, inputs)

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        """Keys that can change in place (tags, forceDestroy) and are not the bucket's own."""

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        client = cloud.client("s3")
        if inputs.get("forceDestroy"):
            for page in client.get_paginator("list_object_versions").paginate(Bucket=id_):
                versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                if versions:
                    keys = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in versions]
                    client.delete_objects(Bucket=id_, Delete={"Objects": keys, "Quiet": True})
        client.delete_bucket(Bucket=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        cloud.client("s3").head_bucket(Bucket=id_)
        return {
            "arn": cloud.arn("s3", id_, region=False, account=False),
            "bucket": id_,
            "bucketDomainName": f"{id_}.s3.amazonaws.com",
            "bucketRegion": cloud.region,
            "bucketRegionalDomainName": f"{id_}.s3.{cloud.region}.amazonaws.com",
        }


class _BucketSetting(Handler):
    """A configuration that one call puts on a bucket: `put_<name>`, `get_<name>`, `delete_<name>`."""

    name: ClassVar[str]
    body: ClassVar[str]
    """The parameter that carries it."""
    remove: ClassVar[str] = ""
    replace_on = frozenset({"bucket"})

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(inputs["bucket"])

    def content(self, inputs: Inputs) -> Any:
        return without(inputs, "bucket", "skipDestroy", "expectedBucketOwner", "timeouts")

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        cloud.call("s3", f"put_{self.name}", {self.body: self.content(inputs)}, Bucket=inputs["bucket"])
        return self.identify(cloud, inputs)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        getattr(cloud.client("s3"), f"delete_{self.remove or self.name}")(Bucket=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        getattr(cloud.client("s3"), f"get_{self.name}")(Bucket=id_)
        return {}


@handles("aws:s3/bucketPolicy:BucketPolicy")
class BucketPolicy(_BucketSetting):
    name = "bucket_policy"
    body = "policy"

    def content(self, inputs: Inputs) -> Any:
        return inputs["policy"]


@handles("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
class BucketPublicAccessBlock(_BucketSetting):
    name = "public_access_block"
    body = "publicAccessBlockConfiguration"


@handles("aws:s3/bucketOwnershipControls:BucketOwnershipControls")
class BucketOwnershipControls(_BucketSetting):
    name = "bucket_ownership_controls"
    body = "ownershipControls"

    def content(self, inputs: Inputs) -> Any:
        return {"rules": [inputs["rule"]]}


@handles("aws:s3/bucketVersioning:BucketVersioning")
class BucketVersioning(_BucketSetting):
    name = "bucket_versioning"
    body = "versioningConfiguration"

    def content(self, inputs: Inputs) -> Any:
        return inputs["versioningConfiguration"]

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        """Versioning can only be suspended."""
        cloud.client("s3").put_bucket_versioning(Bucket=id_, VersioningConfiguration={"Status": "Suspended"})


@handles("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")
class BucketServerSideEncryptionConfiguration(_BucketSetting):
    name = "bucket_encryption"
    body = "serverSideEncryptionConfiguration"


@handles("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
class BucketLifecycleConfiguration(_BucketSetting):
    name = "bucket_lifecycle_configuration"
    body = "lifecycleConfiguration"
    remove = "bucket_lifecycle"

    def content(self, inputs: Inputs) -> Any:
        return {"rules": [{"filter": {"prefix": ""}, **without(rule)} for rule in inputs["rules"]]}


@handles("aws:s3/bucketObjectv2:BucketObjectv2")
class BucketObject(Handler):
    replace_on = frozenset({"bucket", "key"})

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return f"{inputs['bucket']}/{inputs['key']}"

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        source = inputs.get("source")
        body = source.load() if isinstance(source, Asset) else str(inputs.get("content", "")).encode()
        settings = without(inputs, "source", "content", "tags", "etag", "sourceHash", "forceDestroy")
        cloud.call("s3", "put_object", settings, Body=body)
        return self.identify(cloud, inputs)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        bucket, _, key = id_.partition("/")
        cloud.client("s3").delete_object(Bucket=bucket, Key=key)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        bucket, _, key = id_.partition("/")
        head = cloud.client("s3").head_object(Bucket=bucket, Key=key)
        return {
            "arn": cloud.arn("s3", id_, region=False, account=False),
            "etag": head["ETag"].strip('"'),
            "versionId": head.get("VersionId", ""),
            "contentType": head.get("ContentType", ""),
        }

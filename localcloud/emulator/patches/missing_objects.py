# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""Missing objects behind CloudFront.

MiniStack 1.5.33 answers a distribution 403 for a missing object; S3 answers 404 to those who may list the bucket.

Report: a bucket policy that grants `s3:ListBucket` to the distribution, ask for a missing key: 403.
"""

from collections.abc import Callable
from typing import Any

from ministack.core import iam_evaluator  # type: ignore[import-not-found]  # in the emulator's environment
from ministack.services import s3  # type: ignore[import-not-found]  # in the emulator's environment


def install() -> None:
    """Replace MiniStack's function."""
    s3.serve_cloudfront_origin_fetch = _missing_objects(s3.serve_cloudfront_origin_fetch)


def _missing_objects(fetch: Callable[..., tuple[Any, ...]]) -> Callable[..., tuple[Any, ...]]:
    def fetch_or_404(bucket: str, key: str, method: str, headers: Any, source_arn: str = "", **rest: str) -> Any:
        answer = fetch(bucket, key, method, headers, source_arn=source_arn, **rest)
        record = s3._ensure_bucket(bucket)
        if answer[0] != 403 or record is None or key in record["objects"]:
            return answer
        policy = s3._bucket_policies.get_scoped(s3._bucket_owner_account(bucket), None, bucket)
        context = iam_evaluator.EvalContext(
            principal_arn="*",
            principal_type="Service",
            principal_account="",
            action="s3:ListBucket",
            resource_arn=f"arn:aws:s3:::{bucket}",
            region="us-east-1",
            service_context={"aws:sourcearn": source_arn},
        )
        service = "cloudfront.amazonaws.com"
        if not policy or iam_evaluator.evaluate_resource_policy(policy, context, service=service).decision != "Allow":
            return answer
        return s3._error("NoSuchKey", "The specified key does not exist.", 404, f"/{bucket}/{key}")

    return fetch_or_404

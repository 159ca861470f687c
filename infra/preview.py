"""Previews a stage: `python -m infra.preview STAGE`; with `--drift`, whether it still is what the program says.

Both only read. On AWS the Pulumi CLI does the work. `--against COMMIT` needs neither: the embedded engine compares the
program of this tree with that of the commit. A preview leaves its JSON and the comment that `infra.review` makes of it
in `dist/preview`, a drift prints what differs. Exit codes of a preview are those of `infra.review`.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import boto3
from botocore.exceptions import ClientError

from infra import review
from infra.bootstrap.github import backend_url, state_bucket_name
from infra.paths import REPOSITORY
from infra.stack_config import load_config
from services.core.names import PROJECT, resource_name
from services.core.stages import ON_AWS, STAGES

OUT: Final = REPOSITORY / "dist" / "preview"


def live_release(stage: str) -> str | None:
    """The release that is live; None before the first. Without it every preview would show a new release."""
    session = boto3.Session()
    account = session.client("sts").get_caller_identity()["Account"]
    bucket = resource_name(stage, f"releases-{account}")
    try:
        return session.client("s3").get_object(Bucket=bucket, Key="current")["Body"].read().decode()
    except ClientError as error:
        if error.response["Error"]["Code"] in ("NoSuchBucket", "NoSuchKey"):
            return None
        raise


def backend(stage: str) -> dict[str, str]:
    """The environment variable that says where the stage's state is, unless it is set: in the bootstrap's bucket."""
    if os.environ.get("PULUMI_BACKEND_URL"):
        return {}
    account = boto3.Session().client("sts").get_caller_identity()["Account"]
    region = load_config(stage, REPOSITORY).region
    return {"PULUMI_BACKEND_URL": backend_url(state_bucket_name(account), region, stage)}


def pulumi_preview(stage: str, release: str | None, *options: str, capture: bool) -> "subprocess.CompletedProcess[str]":
    """Runs `pulumi preview`. The CLI writes `--config` into its file: a copy, so that the tree stays clean."""
    if shutil.which("pulumi") is None:
        raise SystemExit("pulumi is not on the PATH; `civicforge doctor` says how to get it.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"Pulumi.{stage}.yaml"
        shutil.copy(REPOSITORY / file.name, file)
        configured = ("--config", f"{PROJECT}:release={release}") if release else ()
        command = ["pulumi", "preview", "--non-interactive", "--stack", stage, "--config-file", str(file), *configured]
        return subprocess.run(  # noqa: S603 - our own command
            [*command, *options],
            cwd=REPOSITORY,
            env={**os.environ, **backend(stage)},
            capture_output=capture,
            text=True,
            check=False,
        )


def preview(stage: str, *, accepted: bool) -> int:
    """Writes the preview and its comment to `dist/preview`; returns the exit code."""
    done = pulumi_preview(stage, live_release(stage), "--json", "--show-sames", capture=True)
    code = _report(stage, done.stdout, done.stdout or done.stderr, accepted=accepted)
    sys.stderr.write(done.stderr)
    return code or done.returncode


def preview_against(commit: str, stage: str, *, accepted: bool) -> int:
    """`preview`, without AWS: what this tree changes on a stage that is as the commit declares it."""
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "localcloud.compare", stage, commit],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        return review.FAILED
    sys.stderr.write(f"Compared with {commit}, without AWS.\n")
    return _report(stage, done.stdout, done.stdout, accepted=accepted)


def _report(stage: str, document: str, text: str, *, accepted: bool) -> int:
    """Write the JSON and the comment; return the exit code."""
    found = review.parse(text, stage)
    comment = review.comment(found, accepted=accepted)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{stage}.json").write_text(document, encoding="utf-8")
    (OUT / f"{stage}.md").write_text(comment, encoding="utf-8")
    sys.stdout.write(comment)
    return review.exit_code(found, accepted=accepted)


def drift(stage: str) -> int:
    """Prints what is not as the program says; returns Pulumi's exit code, which is 0 if nothing is."""
    options = ("--refresh", "--expect-no-changes", "--diff")
    return pulumi_preview(stage, live_release(stage), *options, capture=False).returncode


def main() -> int:
    """Reads the command line; `DATA_LOSS_ACCEPTED=true` says that the pull request has the label for it."""
    parser = argparse.ArgumentParser(prog="python -m infra.preview", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("stage", choices=STAGES)
    parser.add_argument("--drift", action="store_true", help="compare with what is on AWS, and expect no difference")
    parser.add_argument("--against", metavar="COMMIT", help="compare with the program of a commit, without AWS")
    options = parser.parse_args()
    accepted = os.environ.get("DATA_LOSS_ACCEPTED") == "true"
    if options.against:
        return preview_against(options.against, options.stage, accepted=accepted)
    if options.stage not in ON_AWS:
        parser.error(f"{options.stage} is not on AWS: compare it with a commit (--against), or use `civicforge drift`.")
    if options.drift:
        return drift(options.stage)
    return preview(options.stage, accepted=accepted)


if __name__ == "__main__":
    sys.exit(main())

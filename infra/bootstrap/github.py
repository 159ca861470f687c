"""GitHub's side of the trust: the environments whose jobs may assume a role, and how to make them."""

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Annotated, Self

import pulumi
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.core.names import resource_name
from services.core.stages import STAGES

STACK = "bootstrap"
ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"

DEPLOY_ENVIRONMENTS = {name: stage.environment for name, stage in STAGES.items() if stage.environment}
"""The GitHub environment from which each stage is deployed."""

ANY_BRANCH = frozenset({"development"})
"""Deploy environments that are not kept to `main`."""

DATA_LOSS_LABEL = "data-loss-accepted"
"""The label without which a pull request that deletes or replaces what holds data cannot pass."""
RULESET = ".github/ruleset.json"
"""What main demands of a pull request."""


_LABEL = ("--color", "B60205", "--description", "The loss of data that the preview shows is meant")


def preview_environment(stage: str) -> str:
    """The GitHub environment from which a pull request reads a stage."""
    return f"preview-{stage}"


def rollout_environment(stage: str) -> str:
    """The GitHub environment from which a stage's flags go on, every hour and with nobody to approve it."""
    return f"rollout-{stage}"


class BootstrapConfig(BaseModel):
    """Which repository may deploy.

    Attributes:
        repository: `owner/name` as GitHub's tokens write it: `owner@id/name@id` for repositories made since
            15 July 2026 and for those that chose immutable subjects.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    region: str
    repository: Annotated[str, Field(pattern=r"^([\w.-]+/[\w.-]+|[\w.-]+@\d+/[\w.-]+@\d+)$")]

    @classmethod
    def load(cls) -> Self:
        """The configuration of the stack that Pulumi runs. Raises `pulumi.RunError` naming the key that is wrong."""
        region, repository = pulumi.Config("aws").require("region"), pulumi.Config().get("repository")
        try:
            return cls.model_validate({"region": region, "repository": repository})
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise pulumi.RunError(f"Pulumi.{STACK}.yaml: {problems}. scripts/setup-oidc.sh sets it.") from None

    @property
    def slug(self) -> str:
        """The repository as `gh` and people write it."""
        return re.sub(r"@\d+", "", self.repository)

    def subject(self, environment: str) -> str:
        """Whom the token of a job names that runs in this GitHub environment."""
        return f"repo:{self.repository}:environment:{environment}"


def state_bucket_name(account: str) -> str:
    """The bucket in which the states of an account's stages are."""
    return resource_name(STACK, f"state-{account}")


def backend_url(bucket: str, region: str, stage: str) -> str:
    """Where the state of a stage is, for the Pulumi CLI. Each stage has a folder, so that IAM can tell them apart."""
    return f"s3://{bucket}/{stage}?region={region}"


def secrets_provider(alias: str, region: str, stage: str) -> str:
    """The key of a stage's secrets, for the Pulumi CLI, with the encryption context that binds them to the stage."""
    return f"awskms://{alias}?region={region}&context_stage={stage}"


def remaining_commands(config: BootstrapConfig, bucket: str, alias: str, roles: Mapping[str, str]) -> list[str]:
    """The shell commands that are left, for somebody with rights on the repository and the account.

    Args:
        bucket: of the state.
        alias: of the key, `alias/...`.
        roles: GitHub environment to the ARN of the role that its jobs assume.
    """
    commands: list[list[str]] = []
    for stage, deploy in DEPLOY_ENVIRONMENTS.items():
        url = backend_url(bucket, config.region, stage)
        state = {"PULUMI_BACKEND_URL": url}
        for environment, more in (
            (deploy, state),
            (preview_environment(stage), state),
            (rollout_environment(stage), {}),
        ):
            commands += _make_environment(config.slug, environment, main_only=environment not in _open_environments())
            variables = {"AWS_ROLE_TO_ASSUME": roles[environment], "AWS_REGION": config.region, **more}
            for name, value in variables.items():
                commands.append(["gh", "variable", "set", name, *_at(config.slug, environment), "--body", value])
        provider = secrets_provider(alias, config.region, stage)
        init = ["pulumi", "stack", "init", stage, "--secrets-provider", provider]
        commands.append(["env", f"PULUMI_BACKEND_URL={url}", *init])
    label = ["gh", "label", "create", DATA_LOSS_LABEL, "--repo", config.slug, "--force", *_LABEL]
    commit = ["git", "commit", "-m", "Name the key of the secrets", "--", *_stage_files()]
    rule = ["gh", "api", "--silent", "--method", "POST", f"repos/{config.slug}/rulesets", "--input", RULESET]
    prod = _make_environment(config.slug, DEPLOY_ENVIRONMENTS["prod"], main_only=True)[0]
    activate = ["aws", "ce", "update-cost-allocation-tags-status", "--cost-allocation-tags-status"]
    return [
        *(shlex.join(command) for command in (*commands, label, commit, ["git", "push"])),
        "# From here on main takes pull requests only, with every check and preview passed:",
        shlex.join(rule),
        "# You approve what goes to prod (public repositories and enterprises only; add people in the settings):",
        f'{shlex.join(prod)} -f "reviewers[][type]=User" -F "reviewers[][id]=$(gh api user --jq .id)"',
        "# A day after the first deployment, when AWS knows the tag by which the budgets count:",
        shlex.join([*activate, "TagKey=stage,Status=Active", "TagKey=project,Status=Active"]),
    ]


def _open_environments() -> frozenset[str]:
    return ANY_BRANCH | {preview_environment(stage) for stage in DEPLOY_ENVIRONMENTS}


def _stage_files() -> Iterator[str]:
    return (f"Pulumi.{stage}.yaml" for stage in DEPLOY_ENVIRONMENTS)


def _at(slug: str, environment: str) -> list[str]:
    return ["--repo", slug, "--env", environment]


def _make_environment(slug: str, environment: str, *, main_only: bool) -> list[list[str]]:
    path = f"repos/{slug}/environments/{environment}"
    put = ["gh", "api", "--silent", "--method", "PUT", path]
    if not main_only:
        return [put]
    policy = (
        "deployment_branch_policy[protected_branches]=false",
        "deployment_branch_policy[custom_branch_policies]=true",
    )
    return [
        [*put, *(word for setting in policy for word in ("-F", setting))],
        ["gh", "api", "--silent", "--method", "POST", f"{path}/deployment-branch-policies", "-f", "name=main"],
    ]

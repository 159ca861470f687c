"""The GitHub environments whose jobs may assume an AWS role, and the commands that create them."""

import json
import re
import shlex
from collections.abc import Mapping
from typing import Annotated, Self

import pulumi
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.paths import REPOSITORY
from services.core.names import resource_name
from services.core.stages import STAGES

STACK = "bootstrap"
ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"

DEPLOY_ENVIRONMENTS = {name: stage.environment for name, stage in STAGES.items() if stage.environment}
"""The GitHub environment from which each stage is deployed."""

ANY_BRANCH = frozenset({"development"})
"""Deploy environments that any branch may use; the others accept `main` only."""

DATA_LOSS_LABEL = "data-loss-accepted"
"""The label that a pull request needs if it deletes or replaces a resource with data."""
RULESET = ".github/ruleset.json"
"""The branch protection of `main`, as a GitHub ruleset."""


_LABEL = ("--color", "B60205", "--description", "The loss of data that the preview shows is meant")


def preview_environment(stage: str) -> str:
    """The GitHub environment in which pull requests run the preview of a stage."""
    return f"preview-{stage}"


def rollout_environment(stage: str) -> str:
    """The GitHub environment in which the hourly rollout of feature flags runs, without an approval."""
    return f"rollout-{stage}"


class BootstrapConfig(BaseModel):
    """Configuration of the stack `bootstrap`: the region, and the repository that may deploy.

    Attributes:
        repository: `owner@id/name@id`, or `owner/name` if the ids are not known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    region: str
    repository: Annotated[str, Field(pattern=r"^([\w.-]+/[\w.-]+|[\w.-]+@\d+/[\w.-]+@\d+)$")]

    @classmethod
    def load(cls) -> Self:
        """Read the configuration from Pulumi. Raises `pulumi.RunError` with the name of an invalid key."""
        region, repository = pulumi.Config("aws").require("region"), pulumi.Config().get("repository")
        try:
            return cls.model_validate({"region": region, "repository": repository})
        except ValidationError as error:
            problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
            raise pulumi.RunError(f"Pulumi.{STACK}.yaml: {problems}. scripts/setup-oidc.sh sets it.") from None

    @property
    def slug(self) -> str:
        """The repository as `owner/name`."""
        return re.sub(r"@\d+", "", self.repository)

    def conditions(self, environment: str) -> list[dict[str, str]]:
        """The required claims of the OIDC tokens of jobs in a GitHub environment, one mapping for each form of token.

        For repositories that were created, renamed or transferred since 15 July 2026, or that opted in, `sub` contains
        the ids of owner and repository. For others it contains the names only, and names can be taken over by somebody
        else: there `repository_id` is compared too, which STS supports since January 2026. Both forms are accepted,
        because a repository can change its form without a deployment.
        """
        claims = {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": f"repo:{self.repository}:environment:{environment}"}
        if self.repository == self.slug:
            return [claims]
        id_ = self.repository.rsplit("@", 1)[1]
        named = {f"{ISSUER}:sub": f"repo:{self.slug}:environment:{environment}", f"{ISSUER}:repository_id": id_}
        return [claims, {**claims, **named}]


def state_bucket_name(account: str) -> str:
    """The name of the S3 bucket with the Pulumi state of all stages of an account."""
    return resource_name(STACK, f"state-{account}")


def backend_url(bucket: str, region: str, stage: str) -> str:
    """The Pulumi backend URL of a stage. Each stage has its own folder, for which IAM grants access."""
    return f"s3://{bucket}/{stage}?region={region}"


def secrets_provider(alias: str, region: str, stage: str) -> str:
    """The Pulumi secrets provider of a stage: a KMS key with the stage as encryption context."""
    return f"awskms://{alias}?region={region}&context_stage={stage}"


def remaining_commands(config: BootstrapConfig, bucket: str, alias: str, roles: Mapping[str, str]) -> list[str]:
    """Shell commands to run after the bootstrap, by an administrator of the repository and the account.

    Args:
        bucket: name of the bucket with the Pulumi state.
        alias: alias of the KMS key, `alias/...`.
        roles: ARN of the role to assume, by GitHub environment.
    """
    commands: list[str] = []
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
                commands.append(
                    shlex.join(["gh", "variable", "set", name, *_at(config.slug, environment), "--body", value])
                )
        provider = secrets_provider(alias, config.region, stage)
        select = ["pulumi", "stack", "select", stage, "--create", "--secrets-provider", provider]
        commands.append(shlex.join(["env", f"PULUMI_BACKEND_URL={url}", *select]))
    label = ["gh", "label", "create", DATA_LOSS_LABEL, "--repo", config.slug, "--force", *_LABEL]
    prod = shlex.join(_put_environment(config.slug, DEPLOY_ENVIRONMENTS["prod"], main_only=True))
    activate = ["aws", "ce", "update-cost-allocation-tags-status", "--cost-allocation-tags-status"]
    return [
        *commands,
        shlex.join(label),
        _commit(),
        "# From here on main takes pull requests only, with every check and preview passed:",
        _protect_main(config.slug),
        "# You approve what goes to prod (public repositories and enterprises only; add people in the settings):",
        f'{prod} -f "reviewers[][type]=User" -F "reviewers[][id]=$(gh api user --jq .id)"',
        "# A day after the first deployment, when AWS knows the tag by which the budgets count:",
        shlex.join([*activate, "TagKey=stage,Status=Active", "TagKey=project,Status=Active"]),
    ]


def _commit() -> str:
    """A command that commits the changes of `setup-oidc.sh` and `pulumi stack select` to the stacks' files, if any."""
    files = shlex.join([f"Pulumi.{stack}.yaml" for stack in (STACK, *DEPLOY_ENVIRONMENTS)])
    commit = shlex.join(["git", "commit", "-m", "build(infra): name the repository and the key of the secrets", "--"])
    return f"git diff --quiet HEAD -- {files} || {{ {commit} {files} && git push; }}"


def _protect_main(slug: str) -> str:
    """A command that creates or updates the ruleset: GitHub refuses a second one of the same name."""
    rulesets = f"repos/{slug}/rulesets"
    name = json.loads((REPOSITORY / RULESET).read_text(encoding="utf-8"))["name"]
    find = shlex.join(["gh", "api", rulesets, "--jq", f'.[] | select(.name == "{name}") | .id'])
    return (
        f'known=$({find}); method=POST; [ -z "$known" ] || method=PUT; '
        f'gh api --silent --method "$method" "{rulesets}${{known:+/$known}}" --input {RULESET}'
    )


def _open_environments() -> frozenset[str]:
    return ANY_BRANCH | {preview_environment(stage) for stage in DEPLOY_ENVIRONMENTS}


def _at(slug: str, environment: str) -> list[str]:
    return ["--repo", slug, "--env", environment]


def _put_environment(slug: str, environment: str, *, main_only: bool) -> list[str]:
    put = ["gh", "api", "--silent", "--method", "PUT", f"repos/{slug}/environments/{environment}"]
    policy = (
        "deployment_branch_policy[protected_branches]=false",
        "deployment_branch_policy[custom_branch_policies]=true",
    )
    return [*put, *(word for setting in policy if main_only for word in ("-F", setting))]


def _make_environment(slug: str, environment: str, *, main_only: bool) -> list[str]:
    put = shlex.join(_put_environment(slug, environment, main_only=main_only))
    if not main_only:
        return [put]
    policies = f"repos/{slug}/environments/{environment}/deployment-branch-policies"
    known = shlex.join(["gh", "api", policies, "--jq", ".branch_policies[].name"])
    add = shlex.join(["gh", "api", "--silent", "--method", "POST", policies, "-f", "name=main"])
    return [put, f"{known} | grep -qx main || {add}"]

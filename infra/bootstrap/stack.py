"""The resources of the bootstrap stack."""

from collections.abc import Callable

import pulumi
import pulumi_aws as aws

from infra.bootstrap.github import (
    AUDIENCE,
    DEPLOY_ENVIRONMENTS,
    ISSUER,
    STACK,
    BootstrapConfig,
    preview_environment,
    remaining_commands,
    rollout_environment,
    state_bucket_name,
)
from infra.bootstrap.permissions import (
    DISPOSABLE_STAGES,
    boundary_statements,
    delete_statements,
    read_named_statements,
    read_other_statements,
    rollout_statements,
    try_statements,
    write_named_statements,
    write_tagged_statements,
    write_unscoped_statements,
)
from infra.bootstrap.scope import Scope
from infra.components.component import account_id
from infra.components.policies import Statement, document, tls_only
from infra.components.private_bucket import private_bucket
from services.core.names import PROJECT, resource_name

SESSION_SECONDS = 3600
"""The least that IAM offers as a role's longest session."""


class Bootstrap(pulumi.ComponentResource):
    """The state and its key, protected: without the state and its key no stage can be changed any more."""

    def __init__(self, config: BootstrapConfig) -> None:
        super().__init__("civicforge:bootstrap:Bootstrap", STACK)
        self.config = config
        self.account = account_id()
        self.child = pulumi.ResourceOptions(parent=self, delete_before_replace=True)
        self.kept = pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True)
        self.state = self._state_bucket()
        self.key, self.alias = self._secrets_key()
        self.provider = self._identity_provider()
        self.roles: dict[str, pulumi.Output[str]] = {}
        for stage, environment in DEPLOY_ENVIRONMENTS.items():
            scope = self._scope(stage)
            read = [
                self._policy(f"{stage}-read-named", scope, read_named_statements),
                self._policy(f"{stage}-read-other", scope, read_other_statements),
            ]
            write = [
                self._policy(f"{stage}-write-named", scope, write_named_statements),
                self._policy(f"{stage}-write-tagged", scope, write_tagged_statements),
                self._policy(f"{stage}-write-unscoped", scope, write_unscoped_statements),
                self._policy(f"{stage}-try", scope, try_statements),
            ]
            if stage in DISPOSABLE_STAGES:
                write.append(self._policy(f"{stage}-delete", scope, delete_statements))
            self._policy(f"{stage}-boundary", scope, boundary_statements)
            self._role(f"{stage}-preview", preview_environment(stage), *read)
            self._role(f"{stage}-deploy", environment, *read, *write)
            rollout = self._policy(f"{stage}-rollout", scope, rollout_statements)
            self._role(f"{stage}-rollout", rollout_environment(stage), rollout)
        self.register_outputs({})

    def _state_bucket(self) -> aws.s3.Bucket:
        name = self.account.apply(state_bucket_name)
        bucket = private_bucket("state", name, child=self.child, stateful=self.kept)
        everything = (bucket.arn, pulumi.Output.concat(bucket.arn, "/*"))
        aws.s3.BucketPolicy(
            "state", bucket=bucket.id, policy=document(tls_only(["s3:*"], *everything)), opts=self.child
        )
        return bucket

    def _secrets_key(self) -> tuple[aws.kms.Key, aws.kms.Alias]:
        account = Statement(
            sid="Account",
            principal={"AWS": pulumi.Output.concat("arn:aws:iam::", self.account, ":root")},
            actions=["kms:*"],
            resources=["*"],
            wide_because="a key's policy means this key by *, and the account's IAM policies say who uses it",
        )
        key = aws.kms.Key(
            "secrets",
            description="Encrypts the secrets in the stages' Pulumi state",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            policy=document(account),
            opts=self.kept,
        )
        alias = aws.kms.Alias(
            "secrets", name=f"alias/{resource_name(STACK, 'secrets')}", target_key_id=key.key_id, opts=self.child
        )
        return key, alias

    def _identity_provider(self) -> pulumi.Output[str]:
        """The ARN of the account's provider for GitHub: there can be one, and another project may have made it."""
        adopted = _foreign_provider()
        if adopted is None:
            provider = aws.iam.OpenIdConnectProvider(
                "github", url=f"https://{ISSUER}", client_id_lists=[AUDIENCE], opts=self.kept
            )
            return provider.arn
        if AUDIENCE not in adopted.client_id_lists:
            raise pulumi.RunError(
                f"The account's provider for GitHub does not serve {AUDIENCE}. Allow it, then run this again: "
                f"aws iam add-client-id-to-open-id-connect-provider --client-id {AUDIENCE} "
                f"--open-id-connect-provider-arn {adopted.arn}"
            )
        return pulumi.Output.from_input(adopted.arn)

    def _scope(self, stage: str) -> pulumi.Output[Scope]:
        return pulumi.Output.all(self.account, self.state.arn, self.key.arn).apply(
            lambda known: Scope(
                stage=stage, region=self.config.region, account=known[0], state_bucket=known[1], secrets_key=known[2]
            )
        )

    def _policy(
        self, base_name: str, scope: pulumi.Output[Scope], statements: Callable[[Scope], list[Statement]]
    ) -> aws.iam.Policy:
        policy: pulumi.Output[str] = scope.apply(lambda known: document(*statements(known)))
        return aws.iam.Policy(base_name, name=resource_name(STACK, base_name), policy=policy, opts=self.child)

    def _role(self, base_name: str, environment: str, *policies: aws.iam.Policy) -> None:
        """A role that only the jobs of one GitHub environment can assume."""
        trust = [
            {
                "Effect": "Allow",
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Principal": {"Federated": self.provider},
                "Condition": {"StringEquals": claims},
            }
            for claims in self.config.conditions(environment)
        ]
        role = aws.iam.Role(
            base_name,
            name=resource_name(STACK, base_name),
            description=f"GitHub environment {environment}",
            max_session_duration=SESSION_SECONDS,
            assume_role_policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": trust}),
            opts=self.child,
        )
        for number, policy in enumerate(policies):
            aws.iam.RolePolicyAttachment(
                f"{base_name}-{number}", role=role.name, policy_arn=policy.arn, opts=self.child
            )
        self.roles[environment] = role.arn


def _foreign_provider() -> aws.iam.GetOpenIdConnectProviderResult | None:
    """The account's provider for GitHub, if there is one that this stack did not make itself."""
    try:
        found = aws.iam.get_open_id_connect_provider(url=f"https://{ISSUER}")
    except Exception as error:
        # The SDK raises nothing more exact where a lookup finds nothing. Were it another failure, then making a
        # second provider would be refused by AWS.
        pulumi.log.debug(f"No provider for GitHub was found: {error}")
        return None
    ours = found.tags.get("project") == PROJECT and found.tags.get("stage") == STACK
    return None if ours else found


def bootstrap() -> None:
    """The program of the stack `bootstrap`. Its output `next_steps` holds the commands that remain."""
    config = BootstrapConfig.load()
    made = Bootstrap(config)
    commands = pulumi.Output.all(made.state.bucket, made.alias.name, made.roles).apply(
        lambda known: "\n".join(remaining_commands(config, *known))
    )
    pulumi.export("state_bucket", made.state.bucket)
    pulumi.export("secrets_key_alias", made.alias.name)
    pulumi.export("identity_provider", made.provider)
    pulumi.export("roles", made.roles)
    pulumi.export("next_steps", commands)

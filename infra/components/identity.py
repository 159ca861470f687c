"""Identity: the user pool, the app's client, the groups."""

import pulumi
import pulumi_aws as aws

from infra.components.component import Component, account_id
from infra.components.function import Function
from infra.config import StageConfig
from services.core.domain.quests import MODERATORS, SYNTHETIC
from services.core.domain.users import PASSWORD_MIN_LENGTH, Language
from services.core.flags import INTERNAL
from services.core.mails import html
from services.core.mails.codes import code_content

GROUPS = {
    MODERATORS: "Decide disputes of quests to which they are no party.",
    INTERNAL: "See features whose flag says internal.",
    SYNTHETIC: "Try the platform; nothing that they do is counted, or seen by others.",
}
CODE_MAIL = code_content(Language.EN)
ACCESS_TOKEN_MINUTES = 60
REFRESH_TOKEN_DAYS = 30
ROTATION_GRACE_SECONDS = 60
"""Seconds for which a refresh token stays good after its use: for an answer that was lost, and for a second tab."""


class Identity(Component):
    """Sign-in by e-mail and password (SRP); `onboarding` is handed each confirmed sign-up, and writes code mails.

    The pool has no schema of its own: changing a schema replaces the pool and loses every user.
    """

    def __init__(self, stage: StageConfig, onboarding: Function) -> None:
        super().__init__(stage, "identity")
        self.pool = aws.cognito.UserPool(
            "users",
            name=stage.name("users"),
            username_attributes=["email"],
            username_configuration=aws.cognito.UserPoolUsernameConfigurationArgs(case_sensitive=False),
            auto_verified_attributes=["email"],
            user_attribute_update_settings=aws.cognito.UserPoolUserAttributeUpdateSettingsArgs(
                attributes_require_verification_before_updates=["email"]
            ),
            password_policy=aws.cognito.UserPoolPasswordPolicyArgs(
                minimum_length=PASSWORD_MIN_LENGTH,
                require_lowercase=False,
                require_numbers=False,
                require_symbols=False,
                require_uppercase=False,
                temporary_password_validity_days=3,
            ),
            account_recovery_setting=aws.cognito.UserPoolAccountRecoverySettingArgs(
                recovery_mechanisms=[
                    aws.cognito.UserPoolAccountRecoverySettingRecoveryMechanismArgs(name="verified_email", priority=1)
                ]
            ),
            email_configuration=self._mailer(),
            verification_message_template=aws.cognito.UserPoolVerificationMessageTemplateArgs(
                default_email_option="CONFIRM_WITH_CODE",
                email_subject=CODE_MAIL.subject,
                email_message=html(CODE_MAIL),
            ),
            lambda_config=aws.cognito.UserPoolLambdaConfigArgs(
                post_confirmation=onboarding.live.arn, custom_message=onboarding.live.arn
            ),
            deletion_protection="ACTIVE" if stage.protect else "INACTIVE",
            opts=self.stateful,
        )
        aws.lambda_.Permission(
            "onboarding",
            statement_id="PostConfirmation",
            action="lambda:InvokeFunction",
            function=onboarding.function.name,
            qualifier=onboarding.live.name,
            principal="cognito-idp.amazonaws.com",
            source_arn=self.pool.arn,
            source_account=account_id(),
            opts=self.child,
        )
        self.client = aws.cognito.UserPoolClient(
            "page",
            name=stage.name("page"),
            user_pool_id=self.pool.id,
            generate_secret=False,
            # Not ALLOW_REFRESH_TOKEN_AUTH: where tokens rotate, Cognito takes GetTokensFromRefreshToken alone.
            explicit_auth_flows=["ALLOW_USER_SRP_AUTH"],
            refresh_token_rotation=aws.cognito.UserPoolClientRefreshTokenRotationArgs(
                feature="ENABLED", retry_grace_period_seconds=ROTATION_GRACE_SECONDS
            ),
            supported_identity_providers=["COGNITO"],
            prevent_user_existence_errors="ENABLED",
            enable_token_revocation=True,
            access_token_validity=ACCESS_TOKEN_MINUTES,
            id_token_validity=ACCESS_TOKEN_MINUTES,
            refresh_token_validity=REFRESH_TOKEN_DAYS,
            token_validity_units=aws.cognito.UserPoolClientTokenValidityUnitsArgs(
                access_token="minutes",  # noqa: S106 - a unit of time
                id_token="minutes",  # noqa: S106 - a unit of time
                refresh_token="days",  # noqa: S106 - a unit of time
            ),
            read_attributes=["email", "email_verified"],
            write_attributes=["email"],
            opts=self.lasting,
        )
        for group, description in GROUPS.items():
            aws.cognito.UserGroup(
                group, name=group, description=description, user_pool_id=self.pool.id, opts=self.child
            )
        self.issuer = pulumi.Output.concat("https://", self.pool.endpoint)
        self.endpoint = stage.cognito_endpoint or f"https://cognito-idp.{stage.region}.amazonaws.com/"
        self.register_outputs({})

    def _mailer(self) -> aws.cognito.UserPoolEmailConfigurationArgs | None:
        """SES where the stage names a sender; else Cognito's own mailer, which stops at 50 mails a day."""
        if self.stage.mail_from is None:
            return None
        return aws.cognito.UserPoolEmailConfigurationArgs(
            email_sending_account="DEVELOPER",
            from_email_address=self.stage.mail_from,
            source_arn=self.stage.mail_identity_arn,
        )

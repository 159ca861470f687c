from tests.unit.infra.plan import Plan, run_program

FIFTEEN_MINUTES, AN_HOUR = 15, 60


def test_passwords_are_long_and_otherwise_free(stage_plan: Plan) -> None:
    for pool in stage_plan.of("UserPool"):
        policy = pool.inputs["passwordPolicy"]
        assert policy["minimumLength"] >= 12
        assert not any(policy[rule] for rule in policy if rule.startswith("require"))


def test_people_sign_in_by_mail(stage_plan: Plan) -> None:
    pool = stage_plan.one("UserPool", "users").inputs
    assert pool["usernameAttributes"] == ["email"]
    assert pool["autoVerifiedAttributes"] == ["email"]
    # Nobody takes over an account by an address that is not theirs.
    assert pool["userAttributeUpdateSettings"] == {"attributesRequireVerificationBeforeUpdates": ["email"]}
    assert pool["usernameConfiguration"] == {"caseSensitive": False}
    assert pool["accountRecoverySetting"]["recoveryMechanisms"] == [{"name": "verified_email", "priority": 1}]
    # A changed schema replaces the pool, and with it goes everybody.
    assert "schemas" not in pool


def test_a_code_comes_with_the_platforms_name_and_look(stage_plan: Plan) -> None:
    template = stage_plan.one("UserPool", "users").inputs["verificationMessageTemplate"]
    assert template["emailSubject"] == "Your code for CivicForge"
    assert template["emailMessage"].count("{####}") == 1
    assert "CivicForge" in template["emailMessage"]


def test_codes_are_mailed_by_ses_where_the_stage_names_a_sender(stage_plan: Plan) -> None:
    named = stage_plan.stage == "local"
    assert ("emailConfiguration" in stage_plan.one("UserPool", "users").inputs) == named
    identity = "arn:aws:ses:us-east-1:123456789012:identity/civicforge.example"
    with_ses = run_program("prod", {"mailFrom": "hello@civicforge.example", "mailIdentityArn": identity})
    assert with_ses.one("UserPool", "users").inputs["emailConfiguration"] == {
        "emailSendingAccount": "DEVELOPER",
        "fromEmailAddress": "hello@civicforge.example",
        "sourceArn": identity,
    }


def test_the_app_proves_a_password_and_keeps_no_secret(stage_plan: Plan) -> None:
    for client in stage_plan.of("UserPoolClient"):
        inputs = client.inputs
        assert inputs["generateSecret"] is False
        # Where tokens rotate, Cognito takes GetTokensFromRefreshToken alone.
        assert inputs["explicitAuthFlows"] == ["ALLOW_USER_SRP_AUTH"]
        assert inputs["refreshTokenRotation"] == {"feature": "ENABLED", "retryGracePeriodSeconds": 60}
        assert not {key for key in inputs if "oauth" in key.lower()}
        assert inputs["preventUserExistenceErrors"] == "ENABLED"
        assert inputs["enableTokenRevocation"] is True
        assert inputs["tokenValidityUnits"]["accessToken"] == "minutes"
        assert FIFTEEN_MINUTES <= inputs["accessTokenValidity"] <= AN_HOUR


def test_groups(stage_plan: Plan) -> None:
    assert {group.inputs["name"] for group in stage_plan.of("UserGroup")} == {
        "moderators",
        "internal",
        "synthetic",
    }


def test_only_this_pool_may_call_onboarding(stage_plan: Plan) -> None:
    permission = stage_plan.one("Permission", "onboarding").inputs
    assert permission["principal"] == "cognito-idp.amazonaws.com"
    assert permission["sourceArn"].endswith(f"userpool/civicforge-{stage_plan.stage}-users")

from tests.unit.infra.plan import Plan, run_program

IDENTITY = "arn:aws:ses:us-east-1:123456789012:identity/civicforge.example"
SENDER = {"mailFrom": "hello@civicforge.example", "mailIdentityArn": IDENTITY}


def test_mails_leave_encrypted_and_report_what_is_refused(stage_plan: Plan) -> None:
    configured = stage_plan.one("ConfigurationSet", "mails").inputs
    assert configured["deliveryOptions"] == {"tlsPolicy": "REQUIRE"}
    assert configured["suppressionOptions"] == {"suppressedReasons": ["BOUNCE", "COMPLAINT"]}
    reported = stage_plan.one("ConfigurationSetEventDestination", "mail-feedback").inputs["eventDestination"]
    assert reported["matchingEventTypes"] == ["BOUNCE", "COMPLAINT"]
    assert reported["snsDestination"]["topicArn"].endswith("-mail-feedback")


def test_only_this_stages_mails_may_report(stage_plan: Plan) -> None:
    reports, tls = stage_plan.one("TopicPolicy", "mail-feedback").policy()
    assert reports["Principal"] == {"Service": "ses.amazonaws.com"}
    assert reports["Action"] == ["sns:Publish"]
    source = reports["Condition"]["StringEquals"]["aws:SourceArn"]
    assert f"civicforge-{stage_plan.stage}-mails" in source or source
    assert tls["Effect"] == "Deny"


def test_the_notifier_hears_of_refusals_by_its_live_alias(stage_plan: Plan) -> None:
    subscription = stage_plan.one("TopicSubscription", "mail-feedback").inputs
    assert subscription["protocol"] == "lambda"
    assert subscription["endpoint"].endswith(f":civicforge-{stage_plan.stage}-notifier:live")
    permission = stage_plan.one("Permission", "mail-feedback").inputs
    assert (permission["principal"], permission["qualifier"]) == ("sns.amazonaws.com", "live")


def test_the_notifier_may_send_as_the_stages_sender_alone() -> None:
    def sends(plan: Plan) -> list[list[str]]:
        policy = plan.one("RolePolicy", "notifier").policy()
        return [statement["Resource"] for statement in policy if "ses:SendEmail" in statement["Action"]]

    ((identity, _),) = sends(run_program("prod", SENDER))
    assert identity == IDENTITY
    assert sends(run_program("prod", {"mailFrom": "", "mailIdentityArn": ""})) == []

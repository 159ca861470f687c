"""The onboarding Lambda: Cognito's triggers. PostConfirmation makes the new member's row, CustomMessage writes the
mails with codes.

Cognito calls it synchronously and gives it 5 s; what cannot be stored goes to the user-creation queue, and the
sign-up succeeds all the same: the first call of the API makes the row if the queue has not been redriven by then.
A mail that cannot be written is the pool's own, in English.
"""

from services.core import cold_start  # before the rest, which it is to pause the garbage collector for

# isort: split
import os
from datetime import UTC, datetime
from typing import Any

from services.core import aws
from services.core.aws_json import retried, within
from services.core.events import UserNotStored
from services.core.live import LiveParameters, signing_keys
from services.core.parameters import ADDRESS_KEY
from services.core.settings import OnboardingSettings
from services.core.sign_ups import SignUps
from services.core.stores.addresses import AddressStore
from services.core.stores.users import UserStore
from services.core.telemetry import Telemetry, user_digest
from services.onboarding.code_mails import TRIGGER, code_mail

STORE_SECONDS, KEEP_SECONDS = 3.0, 1.2
"""Of the 5 s that Cognito waits; a cold start takes part of them."""

settings = OnboardingSettings.load(os.environ)
telemetry = Telemetry("onboarding", settings.stage, settings.log_level)
live = LiveParameters(
    aws.ssm(), settings.stage, (ADDRESS_KEY,), settings.parameter_ttl_seconds, telemetry.parameter_read_failed
)
sign_ups = SignUps(
    UserStore(aws.dynamodb(), settings.users_table, settings.ledger_table),
    AddressStore(aws.dynamodb(), settings.inbox_table),
    keys=lambda: signing_keys(live, key=ADDRESS_KEY),
)
sqs = aws.sqs()
cold_start.finish()


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Answers Cognito with its event, as it wants; a password reset confirms too, and changes nothing here."""
    if event.get("triggerSource", "").startswith(TRIGGER):
        _write(event, context.aws_request_id)
        return event
    user_id = str(event["request"]["userAttributes"]["sub"])
    fields = {"request_id": context.aws_request_id, "user": user_digest(user_id), "trigger": event["triggerSource"]}
    try:
        with within(STORE_SECONDS):
            sign_ups.ensure(user_id, event["request"]["userAttributes"]["email"], datetime.now(UTC))
    except Exception:
        telemetry.log.exception("member not stored", extra=fields)
        _keep(user_id, context.aws_request_id)
    else:
        telemetry.log.info("member stored", extra=fields)
    return event


def _write(event: dict[str, Any], request_id: str) -> None:
    """Never raises: it would refuse the sign-up, or the new password."""
    try:
        event["response"].update(code_mail(event))
    except Exception:
        fields = {"request_id": request_id, "trigger": event["triggerSource"]}
        telemetry.log.exception("code mail not written; the pool's own goes out", extra=fields)


def _keep(user_id: str, request_id: str) -> None:
    message = UserNotStored(user_id, request_id, datetime.now(UTC).isoformat())
    try:
        with within(KEEP_SECONDS):
            retried(sqs.send_message, QueueUrl=settings.user_creation_dlq_url, MessageBody=message.to_json())
    except Exception:
        telemetry.log.exception("member not queued either; their first call makes the row")

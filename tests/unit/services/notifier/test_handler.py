"""The notifier over its whole edge: streams, SES, its reports, the schedule, the flag, preferences, faults."""

import json
from datetime import timedelta
from typing import Any

import pytest

from services.core import cursors
from services.core.domain import ledger, quests, reports
from services.core.domain.ledger import State
from services.core.domain.messages import Audience
from services.core.domain.notices import UNSUBSCRIBE, InboxItem, Mail, NoticeKind, Unmailed
from services.core.domain.quests import DISPUTES, MODERATORS, Actor, Change, Quest
from services.core.domain.reports import (
    DecisionDraft,
    Measure,
    Report,
    ReportDraft,
    ReportReason,
    SubjectInput,
    SubjectKind,
)
from services.core.domain.users import MailPreference
from services.core.domain.values import timestamp
from services.core.stores.dynamo import dump, encode_item
from services.core.stores.inbox import LEASE, MAILS_A_DAY
from services.notifier.mailing import MAX_ATTEMPTS
from tests.unit.services.cloud import (
    CLAIM_PERIOD,
    DRAFT,
    LIFETIME,
    NOW,
    REASON,
    Cloud,
    CrashError,
    crash_after,
    crash_before,
    lost_answer,
    refusal,
)
from tests.unit.services.notifier.conftest import SITE, Notifier, Town

WORDS = "Neighbours are not called names here."
ALL = frozenset({DISPUTES})
AFTER_LEASE = LEASE + timedelta(seconds=1)


def test_a_claim_tells_its_requestor_once_by_inbox_and_mail(notifier: Notifier, town: Town) -> None:
    assert notifier.step(town.claim()) == ({"batchItemFailures": []}, {"notices_sent": 1})
    (item,) = notifier.inbox(town.anna)
    assert (item.kind, item.quest_id, item.actor_id, item.mailed_at) == (NoticeKind.CLAIMED, "q1", town.ben, NOW)
    assert notifier.inbox(town.ben) == []
    (mail,) = notifier.mails()
    assert mail["To"] == "anna@example.org"
    assert mail["Subject"] == "Ben will do “Carry a sofa”"
    text = str(mail.get_body(("plain",)))
    assert "Hello Anna," in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # both forms are there
    assert f"{SITE}/quests/q1" in text


def test_the_mail_unsubscribes_its_reader(notifier: Notifier, town: Town) -> None:
    notifier.step(town.claim())
    (mail,) = notifier.mails()
    address = str(mail["List-Unsubscribe"])[1:-1]
    assert address.startswith(f"{SITE}/api/v1/unsubscribe?token=")
    assert cursors.read([b"mail-1"], UNSUBSCRIBE, address.partition("token=")[2]) == town.anna


def test_the_same_record_again_tells_nobody_again(notifier: Notifier, town: Town) -> None:
    step = town.claim()
    for _ in range(3):
        notifier.step(step)
    assert len(notifier.mails()) == len(notifier.inbox(town.anna)) == 1


def test_the_mail_speaks_the_readers_language(notifier: Notifier) -> None:
    town = Town(notifier, language="de")
    notifier.step(town.claim())
    (mail,) = notifier.mails()
    assert mail["Subject"] == "Ben übernimmt „Carry a sofa“"
    assert mail["Content-Language"] == "de"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"mail": "never"}, Unmailed.NOT_WANTED),
        ({"mailStopped": "bounced"}, Unmailed.ADDRESS_STOPPED),
        ({"mailStopped": "complained"}, Unmailed.ADDRESS_STOPPED),
    ],
)
def test_who_wants_no_mails_has_the_inbox(notifier: Notifier, row: dict[str, str], why: Unmailed) -> None:
    town = Town(notifier, **row)
    assert notifier.step(town.claim())[1] == {}
    (item,) = notifier.inbox(town.anna)
    assert item.unmailed is why
    assert notifier.sweep() == {}
    assert notifier.mails() == []


def test_who_leaves_while_they_are_told_keeps_no_inbox(
    notifier: Notifier, town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Housekeeping empties the inbox between the notifier's look at the member and its item (seed 1496)."""
    inbox, put = notifier.module.inbox, notifier.module.inbox.put

    def leave_first(item: InboxItem) -> bool:
        notifier.row(town.anna, deleted=True)
        inbox.forget(town.anna)
        return bool(put(item))

    monkeypatch.setattr(inbox, "put", leave_first)
    for _ in range(2):
        notifier.step(town.claim())
    assert (notifier.inbox(town.anna), notifier.mails()) == ([], [])


@pytest.mark.parametrize(("value", "mails"), [("off", 0), ("internal", 0), ("0%", 0), ("100%", 1), ("on", 1)])
def test_the_flag_is_about_mails_alone(notifier: Notifier, town: Town, value: str, mails: int) -> None:
    notifier.cloud.set_flag("notices", value)
    notifier.step(town.claim())
    notifier.sweep()
    assert len(notifier.mails()) == mails
    assert len(notifier.inbox(town.anna)) == 1


def test_a_stage_without_a_sender_sends_no_mails(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    notifier = Notifier(cloud, monkeypatch, mail_from="")
    town = Town(notifier)
    notifier.step(town.claim())
    assert notifier.inbox(town.anna)[0].unmailed is Unmailed.NO_SENDER
    assert notifier.mails() == []


def test_nobody_is_told_who_left_or_never_was(notifier: Notifier, town: Town) -> None:
    notifier.row(town.anna, deleted=True)
    notifier.step(town.claim())
    assert notifier.inbox(town.anna) == []
    stranger = quests.create(DRAFT, "nobody", "q2", NOW, LIFETIME).quest
    notifier.step(town.claim(stranger))
    assert notifier.inbox("nobody") == []
    assert notifier.mails() == []


@pytest.mark.parametrize("change", ["unconfirmed", "disabled", "gone", "unverified"])
def test_no_mail_to_an_address_that_nobody_confirmed(notifier: Notifier, town: Town, change: str) -> None:
    pool, cognito = notifier.pool, notifier.cloud.cognito
    if change == "disabled":
        cognito.admin_disable_user(UserPoolId=pool, Username=town.anna)
    elif change == "unverified":
        cognito.admin_update_user_attributes(
            UserPoolId=pool, Username=town.anna, UserAttributes=[{"Name": "email_verified", "Value": "false"}]
        )
    else:
        cognito.admin_delete_user(UserPoolId=pool, Username=town.anna)
    if change == "unconfirmed":
        # An account that an operator made and nobody has signed in to yet.
        fresh = notifier.cloud.sign_up(pool, "anna")
        notifier.cloud.users.ensure(fresh, NOW)
        town.quest = town.quest.model_copy(update={"requestor_id": fresh})
        town.anna = fresh
    notifier.step(town.claim())
    assert notifier.inbox(town.anna)[0].unmailed is Unmailed.NO_ADDRESS
    assert notifier.mails() == []


def test_a_mail_is_in_time_within_five_minutes_and_a_digest_promised_none(notifier: Notifier, town: Town) -> None:
    notifier.step(town.claim())
    assert notifier.late == 0
    notifier.cloud.clock.advance(seconds=301)
    before, change = town.claim(town.posted(7))
    late = notifier.record(before, change.quest)
    notifier({"Records": [late]})
    assert notifier.late == 100
    for number in range(8, MAILS_A_DAY + 9):
        notifier.step(town.claim(town.posted(number)))
    notifier.cloud.clock.advance(days=1)
    assert notifier.sweep() == {"notices_sent": 1}
    assert notifier.late is None


def test_what_the_canary_does_is_told_to_nobody(notifier: Notifier, town: Town) -> None:
    before, change = town.claim()
    synthetic = {"synthetic": True}
    step = (before.model_copy(update=synthetic), change._replace(quest=change.quest.model_copy(update=synthetic)))
    assert notifier.step(step) == ({"batchItemFailures": []}, {})
    assert notifier.inbox(town.anna) == []
    assert notifier.mails() == []


def test_twenty_mails_a_day_and_the_rest_with_the_digest(notifier: Notifier, town: Town) -> None:
    for number in range(MAILS_A_DAY + 3):
        notifier.step(town.claim(town.posted(number)))
    assert len(notifier.mails()) == MAILS_A_DAY
    notifier.sweep()
    assert notifier.mails() == []
    notifier.cloud.clock.advance(days=1)
    assert notifier.sweep() == {"notices_sent": 1}
    (digest,) = notifier.mails()
    assert digest["Subject"] == "3 pieces of news from CivicForge"
    assert notifier.sweep() == {}


def test_a_daily_digest_leaves_once_a_day_with_all_that_is_new(notifier: Notifier) -> None:
    town = Town(notifier, mail="daily")
    for number in range(2):
        notifier.step(town.claim(town.posted(number)))
    assert notifier.mails() == []
    notifier.sweep()
    (first,) = notifier.mails()
    assert first["Subject"] == "2 pieces of news from CivicForge"
    notifier.step(town.claim(town.posted(5)))
    notifier.sweep()
    assert notifier.mails() == []
    notifier.cloud.clock.advance(hours=18)
    notifier.sweep()
    assert notifier.mails() == [], "6 o'clock is too early"
    notifier.cloud.clock.advance(hours=1)
    notifier.sweep()
    (second,) = notifier.mails()
    assert second["Subject"] == "1 piece of news from CivicForge"


def test_what_was_read_is_not_mailed(notifier: Notifier) -> None:
    town = Town(notifier, mail="daily")
    notifier.step(town.claim())
    (item,) = notifier.inbox(town.anna)
    notifier.cloud.users.read_inbox(town.anna, item.item_id)
    notifier.sweep()
    assert notifier.mails() == []
    assert notifier.inbox(town.anna)[0].unmailed is Unmailed.READ


def test_a_preference_counts_when_the_mail_leaves(notifier: Notifier) -> None:
    town = Town(notifier, mail="daily")
    notifier.step(town.claim())
    notifier.cloud.users.unsubscribe(town.anna)
    notifier.sweep()
    assert notifier.mails() == []
    assert notifier.cloud.all_users()[town.anna].mail is MailPreference.NEVER


def test_a_conversation_is_mailed_once_until_it_was_read(notifier: Notifier, town: Town) -> None:
    notifier.record(town.quest, town.claim()[1].quest)
    for number in (1, 2, 3):
        notifier({"Records": [town.message(number, town.ben)]})
    assert [mail["Subject"] for mail in notifier.mails()] == ["Ben wrote to you about “Carry a sofa”"]
    assert len(notifier.inbox(town.anna)) == 3
    notifier({"Records": [town.message(4, town.anna)]})
    assert [mail["To"] for mail in notifier.mails()] == ["ben@example.org"]
    notifier.cloud.users.read_inbox(town.anna, notifier.inbox(town.anna)[0].item_id)
    notifier({"Records": [town.message(5, town.ben)]})
    assert len(notifier.mails()) == 1


def test_a_question_and_its_answer_tell_each_other(notifier: Notifier, town: Town) -> None:
    cara = notifier.member("cara")
    notifier.record(town.quest, town.quest)
    notifier({"Records": [town.message(1, cara, Audience.PUBLIC), town.message(2, town.ben, Audience.PUBLIC)]})
    assert [item.kind for item in notifier.inbox(town.anna)] == [NoticeKind.QUESTION] * 2
    notifier({"Records": [town.message(3, town.anna, Audience.PUBLIC)]})
    notifier({"Records": [town.message(4, town.ben, Audience.PUBLIC)]})
    notifier({"Records": [town.message(5, town.anna, Audience.PUBLIC)]})
    assert [item.kind for item in notifier.inbox(cara)] == [NoticeKind.ANSWER]
    assert [item.kind for item in notifier.inbox(town.ben)] == [NoticeKind.ANSWER] * 2


def test_a_reward_is_told_when_it_is_paid(notifier: Notifier, town: Town) -> None:
    paid = ledger.reward(town.ben, "q1", town.anna, 250, 10, NOW, confirmed=True)
    paid = paid.model_copy(update={"state": State.POSTED, "posted_at": NOW})
    notifier.record(town.quest, town.quest)
    notifier({"Records": [notifier.raw("ledger", {"NewImage": encode_item(dump(paid))})]})
    (mail,) = notifier.mails()
    assert mail["Subject"] == "You earned 250 XP with “Carry a sofa”"


@pytest.mark.parametrize("images", ["text", "new", "key", "deleted"])
def test_records_that_are_no_event_tell_nobody(notifier: Notifier, town: Town, images: str) -> None:
    quest = encode_item(dump(town.quest))
    text = encode_item({"questId": "q1#description", "text": "Twelve steps."})
    record = {
        "text": notifier.raw("quests", {"OldImage": text, "NewImage": text}),
        "new": notifier.raw("quests", {"NewImage": quest}),
        "deleted": notifier.raw("quests", {"OldImage": quest}),
        "key": notifier.raw("messages", {"NewImage": encode_item({"questId": "q1", "messageId": "key#1"})}),
    }[images]
    assert notifier({"Records": [record]}) == ({"batchItemFailures": []}, {})
    assert notifier.cloud.messages(notifier.queue) == []


def test_an_invalid_record_is_kept_and_the_rest_is_told(notifier: Notifier, town: Town) -> None:
    record = notifier.record(town.quest, town.claim()[1].quest)
    broken = notifier.record(town.quest, town.claim()[1].quest)
    broken["dynamodb"]["NewImage"] = {**broken["dynamodb"]["NewImage"], "status": {"S": "DANCING"}}
    answer, metrics = notifier({"Records": [broken, record]})
    assert (answer, metrics) == ({"batchItemFailures": []}, {"notices_failed": 1, "notices_sent": 1})
    (message,) = notifier.cloud.messages(notifier.queue)
    assert message["source"] == notifier.cloud.quests_table


def test_an_outage_of_the_tables_makes_the_stream_come_again(notifier: Notifier, town: Town) -> None:
    with notifier.cloud.faults.outage("PutItem"):
        record = {"Records": [notifier.raw("quests", _images(*town.claim()))]}
        assert notifier(record)[0] == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    notifier.record(town.quest, town.claim()[1].quest)
    notifier(record)
    assert len(notifier.mails()) == 1


def _images(before: Quest, change: Change) -> dict[str, Any]:
    return {"OldImage": encode_item(dump(before)), "NewImage": encode_item(dump(change.quest))}


def test_an_outage_of_ses_leaves_the_mail_to_the_sweep(notifier: Notifier, town: Town) -> None:
    with notifier.cloud.faults.outage("SendEmail", refusal("TooManyRequestsException", 429)):
        assert notifier.step(town.claim())[1] == {"notices_failed": 1}
        assert notifier.sweep() == {"notices_failed": 1}
    assert notifier.sweep() == {"notices_sent": 1}
    assert len(notifier.mails()) == 1


def test_a_mail_that_ses_will_never_take_goes_to_the_operators(notifier: Notifier, town: Town) -> None:
    with notifier.cloud.faults.outage("SendEmail", refusal("MessageRejected")):
        notifier.step(town.claim())
    (item,) = notifier.inbox(town.anna)
    assert item.unmailed is Unmailed.FAILED
    (message,) = notifier.cloud.messages(notifier.queue)
    assert message == {"userId": town.anna, "itemId": item.item_id, "reason": "SES: MessageRejected"}
    assert notifier.sweep() == {}
    assert notifier.cloud.inbox.requeue(town.anna, item.item_id)
    assert notifier.sweep() == {"notices_sent": 1}


def test_an_outage_that_stays_ends_with_the_operators(notifier: Notifier, town: Town) -> None:
    with notifier.cloud.faults.outage("SendEmail", refusal("SendingPausedException")):
        notifier.step(town.claim())
        for _ in range(MAX_ATTEMPTS):
            notifier.sweep()
    assert len(notifier.cloud.messages(notifier.queue)) == 1
    assert notifier.inbox(town.anna)[0].unmailed is Unmailed.FAILED


def test_a_lost_answer_of_ses_is_counted_as_a_possible_second_mail(notifier: Notifier, town: Town) -> None:
    notifier.cloud.faults.on("SendEmail", lost_answer)
    assert notifier.step(town.claim())[1] == {"notices_failed": 1}
    assert len(notifier.mails()) == 1
    assert notifier.sweep() == {}, "somebody may still be sending it"
    notifier.cloud.clock.now += AFTER_LEASE
    assert notifier.sweep() == {"notices_sent": 1, "notices_repeated": 1}
    assert len(notifier.mails()) == 1
    assert notifier.sweep() == {}


@pytest.mark.parametrize("fault", [crash_before, crash_after])
def test_a_crash_at_any_call_and_nobody_coming_back(notifier: Notifier, town: Town, fault: Any) -> None:
    """Whatever call the process dies at: the item is there once, and a second mail leaves only if it is counted."""
    crashes = 0
    for index in range(16):
        before, change = town.claim(town.posted(index))
        event = {"Records": [notifier.record(before, change.quest)]}
        notifier.cloud.faults.at(index, fault)
        try:
            notifier(event)
        except CrashError:
            crashes += 1
        notifier.cloud.faults.heal()
        counted = notifier.metrics.get("notices_repeated", 0)
        notifier(event)
        counted += notifier.metrics.get("notices_repeated", 0)
        notifier.cloud.clock.advance(days=1)
        counted += notifier.sweep().get("notices_repeated", 0)
        mails = notifier.mails()
        assert 1 <= len(mails) <= 1 + counted
        assert [item.quest_id for item in notifier.inbox(town.anna)].count(f"q{index}") == 1
        assert list(notifier.cloud.inbox.unsent(Mail.DUE)) == []
    assert crashes >= 8


REPORTS: dict[str, tuple[dict[str, Any], str | None]] = {
    "permanent": ({"eventType": "Bounce", "bounce": {"bounceType": "Permanent"}}, "bounced"),
    "transient": ({"eventType": "Bounce", "bounce": {"bounceType": "Transient"}}, None),
    "complaint": ({"eventType": "Complaint", "complaint": {}}, "complained"),
    "delivery": ({"eventType": "Delivery"}, None),
}


@pytest.mark.parametrize("name", REPORTS)
def test_an_address_that_takes_no_mails_gets_none(notifier: Notifier, town: Town, name: str) -> None:
    report, stopped = REPORTS[name]
    message = json.dumps({**report, "mail": {"tags": {"member": [town.anna]}}})
    _, metrics = notifier({"Records": [{"Sns": {"Message": message, "MessageId": "m1"}}]})
    assert metrics == ({"mails_refused": 1} if stopped else {})
    user = notifier.cloud.all_users()[town.anna]
    assert user.mail_stopped == stopped
    notifier.step(town.claim())
    assert len(notifier.mails()) == (0 if stopped else 1)


@pytest.mark.parametrize(
    "message", ["no json", "[]", json.dumps({"eventType": "Bounce", "mail": {"tags": {"member": ["x"]}}})]
)
def test_an_invalid_report_is_kept(notifier: Notifier, message: str) -> None:
    assert notifier({"Records": [{"Sns": {"Message": message, "MessageId": "m1"}}]})[1] == {"notices_failed": 1}
    (kept,) = notifier.cloud.messages(notifier.queue)
    assert (kept["source"], kept["key"]) == ("mail-feedback", "m1")


def test_a_report_about_somebody_who_left_changes_nothing(notifier: Notifier) -> None:
    message = json.dumps({"eventType": "Complaint", "mail": {"tags": {"member": ["nobody"]}}})
    assert notifier({"Records": [{"Sns": {"Message": message, "MessageId": "m1"}}]})[1] == {}


def test_the_log_names_nobody(notifier: Notifier, town: Town) -> None:
    notifier.step(town.claim())
    said = notifier.log.getvalue()
    assert "mail sent" in said
    assert not any(word in said for word in (town.anna, town.ben, "example.org", "Carry", "Anna"))


def test_changes_are_told_to_the_performer_with_every_language(notifier: Notifier, town: Town) -> None:
    claimed = town.claim()[1].quest
    handed_in = quests.submit(claimed, None, Actor(town.ben), "All twelve steps.", NOW, timedelta(days=7)).quest
    for language in ("en", "de", "es", "fr", "ar"):
        notifier.row(town.ben, language=language)
        change = quests.request_changes(handed_in, Actor(town.anna), f"{REASON} {language}", NOW)
        changed = change.quest.model_copy(update={"quest_id": f"q-{language}"})
        notifier.step((handed_in.model_copy(update={"quest_id": f"q-{language}"}), Change(changed)))
    assert [mail["Content-Language"] for mail in notifier.mails()] == ["en", "de", "es", "fr", "ar"]


def test_the_sweep_reminds_whoevers_turn_it_is_once(notifier: Notifier, town: Town) -> None:
    quest = town.posted(7)
    notifier.cloud.quests.create(Change(quest, description="Twelve steps."))
    change = quests.claim(quest, Actor(town.ben), NOW, CLAIM_PERIOD)
    notifier.cloud.quests.save(quest, change)
    notifier.sweep()
    assert notifier.inbox(town.ben) == []
    notifier.cloud.clock.now = NOW + CLAIM_PERIOD - timedelta(hours=20)
    for _ in range(3):
        notifier.sweep()
    assert [item.kind for item in notifier.inbox(town.ben)] == [NoticeKind.DEADLINE_NEAR]
    assert [mail["To"] for mail in notifier.mails()] == ["ben@example.org"]
    notifier.cloud.clock.now = NOW + CLAIM_PERIOD + timedelta(hours=1)
    notifier.sweep()
    assert notifier.inbox(town.ben)[0].kind is notifier.inbox(town.anna)[0].kind is NoticeKind.OVERDUE


@pytest.mark.parametrize(("silence", "disputes", "reminded"), [("on", "on", 1), ("off", "off", 1), ("off", "on", 0)])
def test_silence_is_foretold_only_where_it_confirms(
    notifier: Notifier, town: Town, silence: str, disputes: str, reminded: int
) -> None:
    quest = town.posted(7)
    notifier.cloud.quests.create(Change(quest, description="Twelve steps."))
    claimed = quests.claim(quest, Actor(town.ben), NOW, CLAIM_PERIOD)
    notifier.cloud.quests.save(quest, claimed)
    handed_in = quests.submit(claimed.quest, None, Actor(town.ben), "All twelve steps.", NOW, timedelta(days=7))
    notifier.cloud.quests.save(claimed.quest, handed_in)
    notifier.cloud.set_flag("silence", silence)
    notifier.cloud.set_flag("disputes", disputes)
    notifier.cloud.clock.now = NOW + timedelta(days=3, hours=1)
    notifier.sweep()
    assert len(notifier.inbox(town.anna)) == reminded


def decided(
    notifier: Notifier, reporter: str, concerned: str, measure: Measure, second: Measure | None = None
) -> dict[str, Any]:
    """The record of the reports' stream for the last decision on a report, which is stored."""
    draft = ReportDraft(subject=SubjectInput(kind=SubjectKind.MEMBER, user_id=concerned), reason=ReportReason.RUDE)
    before = reports.make(draft, reporter, concerned, "", NOW, "r" * 26)
    after = _decide(before, measure, "mona")
    if second:
        before = reports.object_to(after, concerned, WORDS, NOW)
        after = _decide(before, second, "max")
    table = notifier.cloud.reports_table
    notifier.cloud.dynamodb.put_item(TableName=table, Item=encode_item(dump(after)))
    return notifier.raw("reports", {"OldImage": encode_item(dump(before)), "NewImage": encode_item(dump(after))})


def _decide(report: Report, measure: Measure, moderator: str) -> Report:
    until = NOW + timedelta(days=7) if measure is Measure.SUSPEND else None
    draft = DecisionDraft(measure=measure, words=WORDS, until=until)
    return reports.decide(report, Actor(moderator, frozenset({MODERATORS})), draft, NOW, frozenset())


@pytest.mark.parametrize(
    ("measure", "kind"),
    [
        (Measure.DISMISS, None),
        (Measure.WARN, NoticeKind.WARNING),
        (Measure.REMOVE_TEXT, NoticeKind.WARNING),
        (Measure.RENAME, NoticeKind.WARNING),
        (Measure.SUSPEND, NoticeKind.SUSPENSION),
        (Measure.BAN, NoticeKind.SUSPENSION),
    ],
)
def test_a_decision_is_told_to_who_reported_and_whom_it_concerns(
    notifier: Notifier, town: Town, measure: Measure, kind: NoticeKind | None
) -> None:
    record = decided(notifier, town.anna, town.ben, measure)
    for _ in range(2):
        notifier({"Records": [record]})
    assert [item.kind for item in notifier.inbox(town.anna)] == [NoticeKind.REPORT_DECIDED]
    told = notifier.inbox(town.ben)
    assert [(item.kind, item.report_id, item.actor_id) for item in told] == ([(kind, "r" * 26, None)] if kind else [])
    texts = {str(mail["To"]): str(mail.get_body(("plain",))) for mail in notifier.mails()}
    assert len(texts) == (2 if kind else 1)
    assert ("ben@example.org" in texts) == (kind is not None)
    assert kind is None or WORDS in texts["ben@example.org"]
    assert WORDS not in texts["anna@example.org"]


def test_the_answer_to_an_objection_is_told_once(notifier: Notifier, town: Town) -> None:
    notifier({"Records": [decided(notifier, town.anna, town.ben, Measure.SUSPEND)]})
    notifier({"Records": [decided(notifier, town.anna, town.ben, Measure.SUSPEND, Measure.REINSTATE)]})
    kinds = sorted(item.kind for item in notifier.inbox(town.ben))
    assert kinds == [NoticeKind.OBJECTION_DECIDED, NoticeKind.SUSPENSION]
    assert len(notifier.inbox(town.anna)) == 2


def test_what_a_leaver_takes_from_a_report_tells_nobody(notifier: Notifier, town: Town) -> None:
    record = decided(notifier, town.anna, town.ben, Measure.WARN)
    record["dynamodb"]["OldImage"] = record["dynamodb"]["NewImage"]
    assert notifier({"Records": [record]})[0] == {"batchItemFailures": []}
    assert notifier.inbox(town.anna) == []


def test_the_suspended_get_no_mail_but_the_word_of_their_suspension(notifier: Notifier, town: Town) -> None:
    notifier.row(town.anna, suspendedUntil=timestamp(NOW + timedelta(days=7)))
    notifier.cloud.cognito.admin_disable_user(UserPoolId=notifier.pool, Username=town.anna)
    notifier.step(town.claim())
    (item,) = notifier.inbox(town.anna)
    assert item.unmailed is Unmailed.SUSPENDED
    assert notifier.mails() == []
    notifier({"Records": [decided(notifier, town.ben, town.anna, Measure.BAN)]})
    assert "anna@example.org" in {str(mail["To"]) for mail in notifier.mails()}, "the account is closed by then"


def _submitted(town: Town) -> Quest:
    claimed = quests.claim(town.quest, Actor(town.ben), NOW, CLAIM_PERIOD).quest
    return quests.submit(claimed, None, Actor(town.ben), "All twelve steps.", NOW, timedelta(days=7)).quest


def moderator(notifier: Notifier, name: str, **profile: Any) -> str:
    user_id = notifier.member(name, **profile)
    notifier.cloud.cognito.admin_add_user_to_group(UserPoolId=notifier.pool, Username=user_id, GroupName=MODERATORS)
    return user_id


def wait_for_moderators(notifier: Notifier, number: int, reporter: str, concerned: str) -> None:
    draft = ReportDraft(subject=SubjectInput(kind=SubjectKind.MEMBER, user_id=concerned), reason=ReportReason.RUDE)
    for each in range(number):
        notifier.cloud.reports.file(reports.make(draft, reporter, concerned, "", NOW, f"{each:026}"))


def test_moderators_have_one_mail_in_the_morning_in_their_language(notifier: Notifier, town: Town) -> None:
    notifier.cloud.cognito.create_group(UserPoolId=notifier.pool, GroupName=MODERATORS)
    mona, daily = moderator(notifier, "mona", language="de"), moderator(notifier, "max", mail="daily")
    notifier.cloud.clock.now = NOW.replace(day=2, hour=6, minute=50)
    assert notifier.sweep() == {}, "none where nothing waits"
    wait_for_moderators(notifier, 2, town.anna, town.ben)
    disputed = quests.dispute(_submitted(town), Actor(town.anna, features=ALL), REASON, NOW).quest
    stated = quests.state(disputed, Actor(town.ben), REASON, NOW).quest
    notifier.cloud.dynamodb.put_item(
        TableName=notifier.cloud.quests_table, Item=encode_item(notifier.cloud.quests._stored(stated))
    )
    assert notifier.sweep() == {"notices_sent": 1}
    (mail,) = notifier.mails()
    assert (mail["To"], mail["Subject"]) == ("mona@example.org", "Warten auf Moderation: 3")
    plain = mail.get_body(("plain",))
    assert plain is not None
    assert "Meldungen: 2. Streitfälle: 1." in plain.get_content()
    assert f"{SITE}/moderation" in plain.get_content()
    (item,) = notifier.inbox(mona)
    assert (item.kind, item.amounts) == (NoticeKind.MODERATION, {"count": 3, "reports": 2, "disputes": 1})
    assert notifier.inbox(town.anna) == notifier.inbox(town.ben) == []
    notifier.cloud.clock.now += timedelta(hours=1)
    assert notifier.sweep() == {"notices_sent": 1}, "who has a digest finds it there"
    (digest,) = notifier.mails()
    assert digest["To"] == "max@example.org"
    notifier.cloud.clock.now += timedelta(hours=8)
    assert notifier.sweep() == {}
    assert len(notifier.inbox(daily)) == 1
    notifier.cloud.clock.now += timedelta(hours=16)
    assert notifier.sweep()["notices_sent"] == 2, "and again the next morning"


def test_moderators_are_told_at_once_of_more_than_five_and_once_a_day(notifier: Notifier, town: Town) -> None:
    notifier.cloud.cognito.create_group(UserPoolId=notifier.pool, GroupName=MODERATORS)
    moderator(notifier, "mona")
    wait_for_moderators(notifier, 5, town.anna, town.ben)
    notifier.cloud.clock.now = NOW.replace(hour=3)
    assert notifier.sweep() == {}
    wait_for_moderators(notifier, 7, town.anna, town.ben)
    for expected in ({"notices_sent": 1}, {}):
        assert notifier.sweep() == expected
        notifier.cloud.clock.now += timedelta(minutes=15)
    (mail,) = notifier.mails()
    assert mail["Subject"] == "Waiting for moderators: 7"

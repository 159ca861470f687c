from datetime import UTC, datetime, timedelta

import pytest

from services.core.domain import notices
from services.core.domain.notices import InboxItem, Mail, Notice, NoticeKind, Unmailed
from tests.unit.ops.conftest import PERFORMER, REQUESTOR, Cli, UnitStage

NOW = datetime.now(UTC)


def told(stage: UnitStage, number: int = 1, mail: Mail | Unmailed = Mail.DUE) -> InboxItem:
    at = NOW + timedelta(seconds=number)
    item = notices.item(Notice(NoticeKind.CLAIMED, REQUESTOR, at, str(number), "q1", PERFORMER), mail)
    stage.inbox.put(item)
    return item


def test_the_list_says_what_became_of_each_mail(stage: UnitStage, cli: Cli) -> None:
    sent, waiting, unwanted = told(stage, 1), told(stage, 2), told(stage, 3, Unmailed.NOT_WANTED)
    stage.inbox.mark_sent(sent, NOW)
    out = cli(f"notices list {REQUESTOR}").out
    assert "mailed" in out
    assert "owed (due)" in out
    assert "no mail: not_wanted" in out
    shown = cli(f"notices list {REQUESTOR} --json").json["items"]
    assert [item["itemId"] for item in shown] == [unwanted.item_id, waiting.item_id, sent.item_id]
    assert "Nobody told them anything" in cli(f"notices list {PERFORMER}").out


def test_a_mail_is_sent_again(stage: UnitStage, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(UnitStage, "start", lambda _, service: started.append(service))
    item = told(stage, mail=Unmailed.FAILED)
    assert cli(f"notices resend {REQUESTOR} {item.item_id} --yes --reason asked").code == 0
    assert list(stage.inbox.unsent(Mail.DUE)) == [(REQUESTOR, item.item_id)]
    assert started == ["notifier"]
    assert cli(f"notices resend {REQUESTOR} none --yes --reason asked").code == 1


def test_all_mails_are_stopped(stage: UnitStage, cli: Cli) -> None:
    told(stage)
    planned = cli("notices stop --dry-run").out
    assert "1 mails that are owed" in planned
    assert cli("notices stop --yes --reason annoying").code == 0
    assert cli("flags list --json").json["flags"]["notices"] == "off"


def test_a_failed_mail_is_redriven(stage: UnitStage, cli: Cli) -> None:
    from tests.unit.ops.commands.test_dlq import send

    item = told(stage, mail=Unmailed.FAILED)
    send(stage, "notices", {"userId": REQUESTOR, "itemId": item.item_id, "reason": "SES: MessageRejected"})
    send(stage, "notices", {"userId": REQUESTOR, "itemId": "gone", "reason": "SES: MessageRejected"})
    assert cli("dlq redrive notices --yes --reason mended").code == 0
    assert list(stage.inbox.unsent(Mail.DUE)) == [(REQUESTOR, item.item_id)]
    send(stage, "notices", {"source": "quests", "key": "q1", "reason": "ValidationError"})
    assert "nobody can be told" in cli("dlq redrive notices --yes --reason mended").out

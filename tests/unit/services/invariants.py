"""What holds after every step, on all that is stored: the invariants of the lifecycle and the ledger."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from services.core.domain.ledger import Entry, Totals
from services.core.domain.quests import Quest
from services.core.domain.users import User

WITH_PERFORMER = {"CLAIMED", "SUBMITTED", "DISPUTED", "COMPLETE"}

EDGES = {
    ("OPEN", "OPEN"),  # edit
    ("OPEN", "CANCELLED"),
    ("OPEN", "CLAIMED"),
    ("OPEN", "EXPIRED"),
    ("CLAIMED", "OPEN"),  # release
    ("CLAIMED", "SUBMITTED"),
    ("SUBMITTED", "CLAIMED"),  # request changes
    ("SUBMITTED", "SUBMITTED"),  # the first attestation
    ("SUBMITTED", "COMPLETE"),
    ("SUBMITTED", "DISPUTED"),
    ("DISPUTED", "COMPLETE"),
    ("DISPUTED", "CLAIMED"),
    ("DISPUTED", "CANCELLED"),
}


def check_step(before: Quest, after: Quest) -> None:
    """A quest stays as it was, or takes one edge and one version."""
    if before != after:
        assert (before.status.value, after.status.value) in EDGES
        assert after.version == before.version + 1
        assert after.updated_at >= before.updated_at
        fixed = {"quest_id", "requestor_id", "created_at", "expires_at", "request_digest"}
        assert before.model_dump(include=fixed) == after.model_dump(include=fixed)
        assert after.reward_xp >= before.reward_xp
        assert after.reward_reputation >= before.reward_reputation


def check_quest(quest: Quest) -> None:
    """A quest fits its status."""
    status = quest.status.value
    assert (quest.performer_id is not None) == (status in WITH_PERFORMER)
    assert quest.performer_id != quest.requestor_id
    assert (quest.claim_deadline is not None) >= (status in WITH_PERFORMER)
    assert (quest.submitted_at is not None) >= (status in {"SUBMITTED", "DISPUTED", "COMPLETE"})
    assert (quest.completed_at is not None) == (status == "COMPLETE")
    assert (quest.cancelled_at is not None) == (status == "CANCELLED")
    assert (quest.expired_at is not None) == (status == "EXPIRED")
    assert len(quest.change_requests) <= 2
    parties = {"requestor": quest.requestor_id, "performer": quest.performer_id}
    if status == "CANCELLED":  # a decision takes the quest from its performer, whose word stays on record
        parties["performer"] = quest.released_by
    given = [attestation.role.value for attestation in quest.attestations]
    assert len(given) == len(set(given))
    for attestation in quest.attestations:
        assert attestation.user_id == parties[attestation.role.value]
        assert quest.submitted_at is not None
        assert attestation.attested_at >= quest.submitted_at
    decided = quest.dispute is not None and quest.dispute.outcome is not None
    if status == "COMPLETE" and not (decided and len(given) < 2):
        assert set(given) == {"requestor", "performer"}
    if status == "DISPUTED":
        assert quest.dispute is not None
        assert not decided
    if status in {"OPEN", "CLAIMED"}:
        assert given == []


def check_books(quests: Mapping[str, Quest], entries: Iterable[Entry]) -> None:
    """A quest has exactly the entries that its status asks for, with its amounts and for its people."""
    by_quest: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.quest_id:
            by_quest[entry.quest_id].append(entry)
    assert set(by_quest) <= set(quests)
    for quest in quests.values():
        booked = by_quest[quest.quest_id]
        kinds = Counter(entry.kind.value for entry in booked)
        expected = Counter({"create": 1})
        if quest.status.value == "COMPLETE":
            expected["reward"] = 1
        if quest.status.value in {"CANCELLED", "EXPIRED"}:
            expected["refund"] = 1
        assert kinds == expected
        for entry in booked:
            amounts = (entry.user_id, entry.points, entry.xp, entry.reputation)
            assert (
                amounts
                == {
                    "create": (quest.requestor_id, -1, 0, 0),
                    "refund": (quest.requestor_id, 1, 0, 0),
                    "reward": (quest.performer_id, 2, quest.reward_xp, quest.reward_reputation),
                }[entry.kind.value]
            )
            assert entry.kind.value == "reward" or entry.state.value == "POSTED"
            assert (entry.posted_at is not None) == (entry.state.value == "POSTED")


def check_users(users: Mapping[str, User], entries: Iterable[Entry]) -> None:
    """Totals are what the ledger says, by an addition of the tests' own; the welcome came once; nobody owes."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for entry in entries:
        counts[entry.user_id][f"{entry.kind}s"] += 1
        if entry.state.value == "POSTED":
            for name in ("points", "xp", "reputation"):
                counts[entry.user_id][name] += getattr(entry, name)
            counts[entry.user_id]["paid"] += entry.kind.value == "reward"
    assert set(counts) <= set(users)
    for user in users.values():
        count = counts[user.user_id]
        totals = Totals(user.points, user.xp, user.reputation, user.completed)
        assert totals == (count["points"], count["xp"], count["reputation"], count["paid"])
        assert user.points == 10 - count["creates"] + count["refunds"] + 2 * count["paid"]
        assert user.points >= 0
        assert count["welcomes"] == 1


def check_all(users: Mapping[str, User], quests: Mapping[str, Quest], entries: Iterable[Entry]) -> None:
    """Every invariant of a moment."""
    entries = list(entries)
    for quest in quests.values():
        check_quest(quest)
    check_books(quests, entries)
    check_users(users, entries)

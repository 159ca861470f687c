"""The invariants of the lifecycle and the ledger, which hold after every step, on all that is stored."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from services.core.domain.ledger import Entry, Totals
from services.core.domain.quests import Quest, turn
from services.core.domain.users import User

FINAL = {"COMPLETE", "CANCELLED", "EXPIRED"}
WITH_PERFORMER = {"CLAIMED", "SUBMITTED", "DISPUTED", "COMPLETE"}

EDGES = {
    ("OPEN", "OPEN"),  # edit, ask, answer, hide, unhide
    ("OPEN", "CANCELLED"),
    ("OPEN", "CLAIMED"),
    ("OPEN", "EXPIRED"),
    ("CLAIMED", "OPEN"),  # release
    ("CLAIMED", "CANCELLED"),  # withdraw
    ("CLAIMED", "CLAIMED"),  # hide, unhide
    ("CLAIMED", "SUBMITTED"),
    ("SUBMITTED", "CLAIMED"),  # request changes
    ("SUBMITTED", "SUBMITTED"),  # hide, unhide
    ("SUBMITTED", "COMPLETE"),
    ("SUBMITTED", "DISPUTED"),
    ("DISPUTED", "DISPUTED"),  # state, hide, unhide
    ("DISPUTED", "COMPLETE"),
    ("DISPUTED", "CLAIMED"),
    ("DISPUTED", "CANCELLED"),
    *((final, final) for final in FINAL),  # hide, unhide
}


EDGES_FROM_LEAVERS = {("SUBMITTED", "OPEN"), ("DISPUTED", "OPEN")}
"""Work that is sent back to a performer who has left, which opens the quest for others."""


def check_step(before: Quest, after: Quest) -> None:
    """A quest stays as it was, or takes one edge and one version."""
    if before != after:
        edge = (before.status.value, after.status.value)
        assert edge in EDGES or (edge in EDGES_FROM_LEAVERS and before.performer_id in before.left)
        assert after.version == before.version + 1
        assert after.updated_at >= before.updated_at
        fixed = {"quest_id", "requestor_id", "created_at", "request_digest"}
        if before.when == after.when and not before.hidden_at:
            fixed.add("expires_at")
        assert before.model_dump(include=fixed) == after.model_dump(include=fixed)
        assert after.reward_xp >= before.reward_xp
        assert after.reward_reputation >= before.reward_reputation
        assert after.cost - before.cost == -(-after.reward_xp // 100) + (-before.reward_xp // 100)
        check_moments(before, after)


def moments(quest: Quest) -> dict[str, datetime]:
    """Every moment of something that happened to the quest, by its place in the quest."""
    found: dict[str, datetime] = {}

    def collect(path: str, value: object) -> None:
        if isinstance(value, dict):
            for name, part in value.items():
                collect(f"{path}.{name}", part)
        elif isinstance(value, list):
            for number, part in enumerate(value):
                collect(f"{path}.{number}", part)
        elif isinstance(value, str) and path.endswith(("_at", ".at")):
            found[path] = datetime.fromisoformat(value)

    collect("", quest.model_dump())
    ahead = {".expires_at", ".silence_at"}
    return {path: moment for path, moment in found.items() if path not in ahead}


def check_moments(before: Quest, after: Quest) -> None:
    """A step's new moments are not before what was there, and not after the step."""
    known = set(moments(before).values())
    for path, moment in moments(after).items():
        assert moment in known or moment >= before.updated_at, path
        assert moment <= after.updated_at, path


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
    assert (quest.silence_at is not None) == (status == "SUBMITTED")
    assert quest.asked_at is None or status == "OPEN"
    former = [one.user_id for one in quest.former]
    assert len(former) == len(set(former))
    assert quest.requestor_id not in former
    assert quest.when is None or quest.expires_at <= quest.when.end
    assert quest.cost == -(-quest.reward_xp // 100)
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
    if status == "SUBMITTED":
        assert given == ["performer"]


def check_turn(quest: Quest, now: datetime) -> None:
    """A quest that is not final has somebody whose turn it is, or a date on which it ends by itself."""
    found = turn(quest, now)
    if quest.status.value in FINAL:
        assert found is None
        return
    assert found is not None or quest.due_at() is not None
    if found:
        assert bool(found.members) != found.moderators
        assert set(found.members) <= {quest.requestor_id, quest.performer_id}
        assert found.since <= now or quest.updated_at > now
        assert found.until is None or found.until >= found.since


def check_ledger_matches_quests(quests: Mapping[str, Quest], entries: Iterable[Entry]) -> None:
    """A quest has exactly the entries that its status asks for, with its amounts and for its people.

    Operators' adjustments are left out: they are no entries of the quest's own.
    """
    by_quest: defaultdict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        if entry.quest_id and entry.kind.value != "adjustment":
            by_quest[entry.quest_id].append(entry)
    assert set(by_quest) <= set(quests)
    for quest in quests.values():
        raises = [entry for entry in by_quest[quest.quest_id] if entry.kind.value == "raise"]
        booked = [entry for entry in by_quest[quest.quest_id] if entry not in raises]
        raised = -sum(entry.points for entry in raises)
        assert all(entry.user_id == quest.requestor_id and entry.points < 0 for entry in raises)
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
                    "create": (quest.requestor_id, raised - quest.cost, 0, 0),
                    "refund": (quest.requestor_id, quest.cost, 0, 0),
                    "reward": (
                        quest.performer_id,
                        2 * quest.reward_share // 100,
                        quest.reward_xp * quest.reward_share // 100,
                        quest.reward_reputation * quest.reward_share // 100,
                    ),
                }[entry.kind.value]
            )
            assert entry.kind.value == "reward" or entry.state.value == "POSTED"
            assert (entry.posted_at is not None) == (entry.state.value == "POSTED")


def check_shares(completed: Iterable[Quest]) -> None:
    """Of each pair the first quest within 30 days pays in full, the second half, any further one nothing.

    `completed` are COMPLETE quests in the order in which they became so.
    """
    paid: defaultdict[frozenset[str | None], list[datetime]] = defaultdict(list)
    for quest in completed:
        assert quest.completed_at is not None
        moments = paid[frozenset((quest.requestor_id, quest.performer_id))]
        recent = [moment for moment in moments if quest.completed_at - moment < timedelta(days=30)]
        assert quest.reward_share == {0: 100, 1: 50}.get(len(recent), 0)
        if quest.reward_share:
            moments.append(quest.completed_at)


def check_confirmers(entries: Iterable[Entry]) -> None:
    """Each member who confirmed somebody's work themselves is counted for them, and once."""
    words, counted = set[tuple[str, str | None]](), list[tuple[str, str | None]]()
    for entry in entries:
        words |= {(entry.user_id, entry.requestor_id)} if entry.confirmed else set()
        counted += [(entry.user_id, entry.requestor_id)] if entry.new_confirmer else []
    assert sorted(map(str, counted)) == sorted(map(str, words))


def check_users(users: Mapping[str, User], entries: Iterable[Entry]) -> None:
    """Totals are what the ledger says, by an addition of the tests' own; the welcome came once; nobody owes."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for entry in entries:
        counts[entry.user_id][f"{entry.kind}s"] += 1
        if entry.state.value == "POSTED":
            for name in ("points", "xp", "reputation"):
                counts[entry.user_id][name] += getattr(entry, name)
            counts[entry.user_id]["paid"] += entry.kind.value == "reward"
            counts[entry.user_id]["confirmers"] += entry.new_confirmer
    assert set(counts) <= set(users)
    for user in users.values():
        count = counts[user.user_id]
        totals = Totals(user.points, user.xp, user.reputation, user.completed, user.confirmed_by)
        names = ("points", "xp", "reputation", "paid", "confirmers")
        assert totals == tuple(count[name] for name in names)
        assert user.points >= 0
        assert count["welcomes"] == 1


def check_all(users: Mapping[str, User], quests: Mapping[str, Quest], entries: Iterable[Entry]) -> None:
    """Every invariant of a moment."""
    entries = list(entries)
    for quest in quests.values():
        check_quest(quest)
    check_ledger_matches_quests(quests, entries)
    check_confirmers(entries)
    complete = (quest for quest in quests.values() if quest.completed_at)
    check_shares(sorted(complete, key=lambda quest: (str(quest.completed_at), -quest.reward_share)))
    check_users(users, entries)

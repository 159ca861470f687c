"""Messages: who may write to whom in which state, who reads what, and what a message does to the quest."""

from datetime import timedelta
from itertools import product

import pytest

from services.core.domain import messages, quests
from services.core.domain.messages import MESSAGES, Audience, Message, MessageDeniedError, MessageDraft
from services.core.domain.quests import MODERATORS, Actor, Denial, Quest, Status
from tests.unit.services.cloud import ANNA, BEN, CARA, DRAFT, LIFETIME, MODERATOR, NOW, REASON

FEATURES = frozenset({MESSAGES})
PUBLIC, PRIVATE = Audience.PUBLIC, Audience.PRIVATE
DAVE = "dave-5"


def actor(user_id: str, *groups: str) -> Actor:
    return Actor(user_id, frozenset(groups), FEATURES)


def quest(status: Status, performer: str | None = BEN) -> Quest:
    """A quest of Anna's; OPEN it has no performer."""
    made = quests.create(DRAFT, ANNA, "q" * 26, NOW, LIFETIME).quest
    return made.model_copy(update={"status": status, "performer_id": None if status is Status.OPEN else performer})


def write(quest: Quest, author: str, audience: Audience, text: str = "Is the lift working?") -> Message:
    draft = MessageDraft(text=text, audience=audience)
    return messages.compose(quest, actor(author), draft, NOW, messages.message_id(NOW, "1"))


TALKING = {Status.CLAIMED, Status.SUBMITTED, Status.DISPUTED}


@pytest.mark.parametrize(("status", "who", "audience"), list(product(Status, (ANNA, BEN, CARA), Audience)))
def test_who_may_write(status: Status, who: str, audience: Audience) -> None:
    """The whole table of status, member and audience."""
    given = quest(status)
    party = who == ANNA or (who == BEN and status is not Status.OPEN)
    if audience is PUBLIC:
        expected = None if status is Status.OPEN else Denial.WRONG_STATUS
    elif not party:
        expected = Denial.NOT_PARTY
    else:
        expected = None if status in TALKING else Denial.WRONG_STATUS
    assert messages.denial(given, actor(who), audience) == expected
    if expected:
        with pytest.raises(MessageDeniedError) as denied:
            write(given, who, audience)
        assert denied.value.code is expected
    else:
        assert write(given, who, audience).author_id == who


@pytest.mark.parametrize("audience", Audience)
def test_the_flag_is_asked_first(audience: Audience) -> None:
    for status in Status:
        assert messages.denial(quest(status), Actor(ANNA), audience) is Denial.FEATURE_OFF


def test_a_private_message_is_for_the_performer_of_now() -> None:
    assert write(quest(Status.CLAIMED), ANNA, PRIVATE).performer_id == BEN
    assert write(quest(Status.OPEN), ANNA, PUBLIC).performer_id is None


def test_a_later_performer_reads_nothing_of_an_earlier_one() -> None:
    thread = [write(quest(Status.CLAIMED), who, PRIVATE) for who in (ANNA, BEN)]
    later = quest(Status.CLAIMED, performer=CARA)
    for message in thread:
        assert not messages.may_read(message, later, actor(CARA))
        assert not messages.may_read(message, later, actor(DAVE))
        assert messages.may_read(message, later, actor(ANNA))
        assert messages.may_read(message, later, actor(BEN)), "what one has read before one keeps"


def test_public_messages_are_for_everybody_in_every_state() -> None:
    question = write(quest(Status.OPEN), CARA, PUBLIC)
    for status, who in product(Status, (ANNA, BEN, CARA, DAVE)):
        assert messages.may_read(question, quest(status), actor(who))


@pytest.mark.parametrize("status", sorted(TALKING | {Status.COMPLETE}))
def test_moderators_read_a_thread_only_of_a_disputed_quest(status: Status) -> None:
    given = quest(status)
    message = write(quest(Status.CLAIMED), BEN, PRIVATE)
    assert not messages.may_read(message, given, actor(MODERATOR, MODERATORS))
    dispute = quests.Dispute(raised_by=BEN, reason=REASON, raised_at=NOW)
    disputed = given.model_copy(update={"dispute": dispute})
    assert messages.may_read(message, disputed, actor(MODERATOR, MODERATORS))
    assert not messages.may_read(message, disputed, actor(CARA))
    earlier = message.model_copy(update={"performer_id": DAVE})
    assert not messages.may_read(earlier, disputed, actor(MODERATOR, MODERATORS)), "of another performer"


def test_a_question_waits_for_the_requestor_until_they_answer() -> None:
    given = quest(Status.OPEN)
    asked = messages.after(given, write(given, BEN, PUBLIC))
    assert (asked.asked_at, asked.version, asked.updated_at) == (NOW, given.version + 1, NOW)
    later = write(asked, CARA, PUBLIC).model_copy(update={"created_at": NOW + timedelta(hours=1)})
    assert messages.after(asked, later) is asked, "the oldest question counts"
    answered = messages.after(asked, write(asked, ANNA, PUBLIC))
    assert (answered.asked_at, answered.version) == (None, asked.version + 1)
    assert messages.after(answered, write(answered, ANNA, PUBLIC)) is answered


def test_the_thread_changes_nothing_of_the_quest() -> None:
    given = quest(Status.CLAIMED)
    for who in (ANNA, BEN):
        assert messages.after(given, write(given, who, PRIVATE)) is given

"""Conflicts of interest: what a moderator and the members of a case have to do with each other."""

from dataclasses import replace
from datetime import datetime

from services.api.operations.operation import Platform
from services.core.domain.quests import MODERATORS, Actor, Quest, parties, role_of
from services.core.stores.reports import CONCERNED

REPORTS_READ = 100
"""Reports on a member, the newest, among which a conflict is looked for."""


def as_judge(platform: Platform, actor: Actor, quest: Quest) -> Actor:
    """A moderator who is no party of a quest, with their history with its parties; anybody else as they are."""
    if MODERATORS not in actor.groups or role_of(quest, actor.user_id):
        return actor
    begun = quest.dispute.raised_at if quest.dispute else None
    return with_history(platform, actor, frozenset(parties(quest)), begun)


def with_history(platform: Platform, actor: Actor, members: frozenset[str], begun: datetime | None) -> Actor:
    """The actor, with those of at most 3 members whom they completed a quest with, reported or blocked, or who reported
    or blocked them.

    Reports count from before the case's beginning alone: nobody chooses their judges by reporting the others.
    """
    others = sorted(members - {actor.user_id})
    known = {other for other in others if platform.quests.pair(actor.user_id, other).revision}
    rows = {user.user_id: user.blocked for user in platform.users.get_many([actor.user_id, *others])}
    known |= {other for other in others if actor.user_id in rows.get(other, []) or other in rows.get(actor.user_id, [])}
    for concerned in (actor.user_id, *others):
        for report in platform.reports.of_member(CONCERNED, concerned, REPORTS_READ, None).reports:
            if begun is None or report.created_at < begun:
                sides = {report.concerned_id, report.reporter_id}
                known |= sides if actor.user_id in sides else set()
    return replace(actor, standing=actor.standing._replace(knows=members & known))

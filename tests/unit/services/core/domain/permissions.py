"""Who may do what, as DOMAIN.md has it: written by hand, independent of the code that it is compared with.

A cell says what happens to this person's wish in this status:

    .        allowed
    s        wrong_status           r  not_requestor    p  not_performer     n  not_party
    m        not_moderator          o  own_quest        j  party_cannot_judge
    E        allowed until the quest expires, then quest_expired
    D        allowed once the claim deadline has passed, until then deadline_not_passed
    A        allowed once, then already_attested
    C        allowed twice, then changes_exhausted
    F        allowed with the feature `disputes`, else feature_off

In OPEN, CANCELLED and EXPIRED nobody is the performer, so who was one before is a stranger.
"""

from typing import NamedTuple

_CODES = {
    "s": "wrong_status",
    "r": "not_requestor",
    "p": "not_performer",
    "n": "not_party",
    "m": "not_moderator",
    "o": "own_quest",
    "j": "party_cannot_judge",
}

_TABLE = """
                            OPEN CLAIMED SUBMITTED DISPUTED COMPLETE CANCELLED EXPIRED
edit             requestor   .      s        s        s        s         s        s
edit             performer   r      r        r        r        r         r        r
edit             stranger    r      r        r        r        r         r        r
edit             moderator   r      r        r        r        r         r        r
cancel           requestor   .      s        s        s        s         s        s
cancel           performer   r      r        r        r        r         r        r
cancel           stranger    r      r        r        r        r         r        r
cancel           moderator   r      r        r        r        r         r        r
claim            requestor   o      o        o        o        o         o        o
claim            performer   E      s        s        s        s         s        s
claim            stranger    E      s        s        s        s         s        s
claim            moderator   E      s        s        s        s         s        s
release          requestor   s      D        s        s        s         s        s
release          performer   n      .        s        s        s         n        n
release          stranger    n      n        n        n        n         n        n
release          moderator   n      n        n        n        n         n        n
submit           requestor   p      p        p        p        p         p        p
submit           performer   p      .        s        s        s         p        p
submit           stranger    p      p        p        p        p         p        p
submit           moderator   p      p        p        p        p         p        p
request-changes  requestor   s      s        C        s        s         s        s
request-changes  performer   r      r        r        r        r         r        r
request-changes  stranger    r      r        r        r        r         r        r
request-changes  moderator   r      r        r        r        r         r        r
attest           requestor   s      s        A        s        s         s        s
attest           performer   n      s        A        s        s         n        n
attest           stranger    n      n        n        n        n         n        n
attest           moderator   n      n        n        n        n         n        n
dispute          requestor   s      s        F        s        s         s        s
dispute          performer   n      s        F        s        s         n        n
dispute          stranger    n      n        n        n        n         n        n
dispute          moderator   n      n        n        n        n         n        n
resolve          requestor   m      m        m        m        m         m        m
resolve          performer   m      m        m        m        m         m        m
resolve          stranger    m      m        m        m        m         m        m
resolve          moderator   s      s        s        .        s         s        s
resolve          moderating-requestor  j      j        j        j        j         j        j
resolve          moderating-performer  s      j        j        j        j         s        s
"""

_HEAD, *_ROWS = [line.split() for line in _TABLE.strip().splitlines()]
STATUSES = tuple(_HEAD)
_CELLS = {
    (action, person, status): cell
    for action, person, *cells in _ROWS
    for status, cell in zip(STATUSES, cells, strict=True)
}
ACTIONS = tuple(dict.fromkeys(action for action, *_ in _ROWS))
PEOPLE = tuple(dict.fromkeys(person for _, person, *_ in _ROWS))


class Circumstances(NamedTuple):
    """What the conditional cells look at."""

    attested: bool = False
    deadline_passed: bool = False
    expired: bool = False
    changes: int = 0
    feature: bool = True


def expected(action: str, person: str, status: str, now: Circumstances) -> str | None:
    """The code of the denial, or None where the person may."""
    # A party who happens to be a moderator differs from other parties in judging only.
    plain = person if (action, person, status) in _CELLS else person.removeprefix("moderating-")
    cell = _CELLS[action, plain, status]
    conditional = {
        "E": "quest_expired" if now.expired else None,
        "D": None if now.deadline_passed else "deadline_not_passed",
        "A": "already_attested" if now.attested else None,
        "C": "changes_exhausted" if now.changes >= 2 else None,
        "F": None if now.feature else "feature_off",
        ".": None,
    }
    return conditional[cell] if cell in conditional else _CODES[cell]

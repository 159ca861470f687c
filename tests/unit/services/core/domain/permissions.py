"""The permissions of docs/domain.md: written by hand, independent of the code that they are compared with.

A cell says what happens to this person's wish in this status:

    .        allowed
    s        wrong_status           r  not_requestor    p  not_performer     n  not_party
    m        not_moderator          o  own_quest        j  party_cannot_judge
    E        allowed until the quest expires, then quest_expired
    D        allowed once the claim deadline has passed, until then deadline_not_passed
    A        allowed once, then already_attested
    C        allowed twice, then changes_exhausted
    F        allowed with the feature `disputes`, else feature_off
    S        allowed for the side that did not raise the dispute, once, then already_stated
    H        allowed once the other side has spoken or its three days are over, until then not_heard
    V        allowed while visible, then hidden        U  allowed while hidden, else not_hidden
    R        as E, but for a day after one's time as the performer ended it is released_recently

A hidden quest cannot be claimed: hidden comes before expired. In OPEN, CANCELLED and EXPIRED nobody is the performer:
"performer" there is somebody who was one long ago; "former" is one who was it within the last day.
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
edit             requestor              .        s        s        s        s        s        s
edit             performer              r        r        r        r        r        r        r
edit             stranger               r        r        r        r        r        r        r
edit             moderator              r        r        r        r        r        r        r
edit             former                 r        r        r        r        r        r        r
cancel           requestor              .        s        s        s        s        s        s
cancel           performer              r        r        r        r        r        r        r
cancel           stranger               r        r        r        r        r        r        r
cancel           moderator              r        r        r        r        r        r        r
cancel           former                 r        r        r        r        r        r        r
claim            requestor              o        o        o        o        o        o        o
claim            performer              E        s        s        s        s        s        s
claim            stranger               E        s        s        s        s        s        s
claim            moderator              E        s        s        s        s        s        s
claim            former                 R        s        s        s        s        s        s
release          requestor              s        D        s        s        s        s        s
release          performer              n        .        s        s        s        n        n
release          stranger               n        n        n        n        n        n        n
release          moderator              n        n        n        n        n        n        n
release          former                 n        n        n        n        n        n        n
withdraw         requestor              s        .        s        s        s        s        s
withdraw         performer              r        r        r        r        r        r        r
withdraw         stranger               r        r        r        r        r        r        r
withdraw         moderator              r        r        r        r        r        r        r
withdraw         former                 r        r        r        r        r        r        r
submit           requestor              p        p        p        p        p        p        p
submit           performer              p        .        s        s        s        p        p
submit           stranger               p        p        p        p        p        p        p
submit           moderator              p        p        p        p        p        p        p
submit           former                 p        p        p        p        p        p        p
request-changes  requestor              s        s        C        s        s        s        s
request-changes  performer              r        r        r        r        r        r        r
request-changes  stranger               r        r        r        r        r        r        r
request-changes  moderator              r        r        r        r        r        r        r
request-changes  former                 r        r        r        r        r        r        r
attest           requestor              s        s        A        s        s        s        s
attest           performer              n        s        A        s        s        n        n
attest           stranger               n        n        n        n        n        n        n
attest           moderator              n        n        n        n        n        n        n
attest           former                 n        n        n        n        n        n        n
dispute          requestor              s        s        F        s        s        s        s
dispute          performer              n        s        F        s        s        n        n
dispute          stranger               n        n        n        n        n        n        n
dispute          moderator              n        n        n        n        n        n        n
dispute          former                 n        n        n        n        n        n        n
state            requestor              s        s        s        S        s        s        s
state            performer              n        s        s        S        s        n        n
state            stranger               n        n        n        n        n        n        n
state            moderator              n        n        n        n        n        n        n
state            former                 n        n        n        n        n        n        n
resolve          requestor              m        m        m        m        m        m        m
resolve          performer              m        m        m        m        m        m        m
resolve          stranger               m        m        m        m        m        m        m
resolve          former                 m        m        m        m        m        m        m
resolve          moderator              s        s        s        H        s        s        s
resolve          moderating-requestor   j        j        j        j        j        j        j
resolve          moderating-performer   j        j        j        j        j        j        j
resolve          moderating-former      j        j        j        j        j        j        j
hide             requestor              m        m        m        m        m        m        m
hide             performer              m        m        m        m        m        m        m
hide             stranger               m        m        m        m        m        m        m
hide             former                 m        m        m        m        m        m        m
hide             moderator              V        V        V        V        V        V        V
hide             moderating-requestor   j        j        j        j        j        j        j
hide             moderating-performer   j        j        j        j        j        j        j
hide             moderating-former      j        j        j        j        j        j        j
unhide           requestor              m        m        m        m        m        m        m
unhide           performer              m        m        m        m        m        m        m
unhide           stranger               m        m        m        m        m        m        m
unhide           former                 m        m        m        m        m        m        m
unhide           moderator              U        U        U        U        U        U        U
unhide           moderating-requestor   j        j        j        j        j        j        j
unhide           moderating-performer   j        j        j        j        j        j        j
unhide           moderating-former      j        j        j        j        j        j        j
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
    """The input of conditional cells. `raised` means that this person raised the dispute, `stated` that the other
    side has made its statement, `heard` that its time for it is over.
    """

    attested: bool = False
    deadline_passed: bool = False
    expired: bool = False
    changes: int = 0
    feature: bool = True
    hidden: bool = False
    raised: bool = False
    stated: bool = False
    heard: bool = False


def _claimable(now: Circumstances, otherwise: str | None = None) -> str | None:
    if now.hidden:
        return "hidden"
    return "quest_expired" if now.expired else otherwise


def expected(action: str, person: str, status: str, now: Circumstances) -> str | None:
    """The code of the denial, or None if the person may."""
    # A party who happens to be a moderator differs from other parties in judging only.
    plain = person if (action, person, status) in _CELLS else person.removeprefix("moderating-")
    cell = _CELLS[action, plain, status]
    conditional = {
        "E": _claimable(now),
        "R": _claimable(now, "released_recently"),
        "D": None if now.deadline_passed else "deadline_not_passed",
        "A": "already_attested" if now.attested else None,
        "C": "changes_exhausted" if now.changes >= 2 else None,
        "F": None if now.feature else "feature_off",
        "S": "already_stated" if now.raised or now.stated else None,
        "H": None if now.stated or now.heard else "not_heard",
        "V": "hidden" if now.hidden else None,
        "U": None if now.hidden else "not_hidden",
        ".": None,
    }
    return conditional[cell] if cell in conditional else _CODES[cell]

"""Random histories: whatever happens in which order, under which faults, no rule is broken."""

import os
import subprocess
import sys
from hashlib import sha256

import pytest

from infra.paths import REPOSITORY
from tests.simulation.people import history
from tests.simulation.rules import check_history
from tests.simulation.world import World

HISTORIES = int(os.environ.get("HISTORIES", "500"))
BLOCK = 25
FIRST = int(os.environ.get("FIRST", "0"))
"""Commits see the same histories each time, the nightly run those of its day."""

VIOLATED_ONCE = (
    8,
    20,
    102,
    111,
    136,
    183,
    243,
    248,
    262,
    282,
    301,
    380,
    382,
    450,
    1467,
    1496,
    10009,
    10011,
    10459,
    40001,
    40381,
    60008,
    60223,
    80126,
    80439,
    100438,
    202992,
    2611280245,
)
"""Seeds that broke a rule when they were new."""


@pytest.mark.parametrize("first", range(FIRST, FIRST + HISTORIES, BLOCK))
def test_no_history_breaks_a_rule(first: int) -> None:
    broken = [
        f"seed {seed}: {violation}"
        for seed in range(first, first + BLOCK)
        for violation in check_history(history(seed))
    ]
    assert broken == [], "`make history SEED=...` shows one"


@pytest.mark.parametrize("seed", VIOLATED_ONCE)
def test_a_seed_that_broke_a_rule_once(seed: int) -> None:
    assert check_history(history(seed)) == []


def digest(world: World) -> str:
    """All that happened in a history, in order."""
    changes = [(c.at, c.key, c.new) for table in world.db.tables.values() for c in table.log]
    answers = [(r.operation, r.who, [(a.status, a.body) for a in r.attempts]) for r in world.requests]
    return sha256(repr((world.now, world.calls, world.met, changes, answers)).encode()).hexdigest()


@pytest.mark.parametrize("number", [4, 7], ids=["members alone", "with operators"])
def test_a_seed_is_the_same_history_in_every_process(number: int) -> None:
    code = (
        "from tests.simulation import test_histories as here, world\n"
        "with world.simulated():\n"
        f"    print(here.digest(here.history({number})))"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert digests == {digest(history(number))}


def test_histories_do_what_they_are_for() -> None:
    """Between them a few histories use every operation on quests, meet every fault and see every kind of answer."""
    worlds = [history(seed) for seed in range(35)]
    operations = {call.operation for world in worlds for call in world.requests if call.final.status == 200}
    assert operations >= {
        *("claimQuest", "releaseQuest", "submitQuest", "requestChanges", "attestQuest", "disputeQuest"),
        *("resolveDispute", "editQuest", "cancelQuest", "deleteMe", "restoreMe", "editMe", "exportMe"),
        *("addMyDevice", "removeMyDevice"),
    }
    assert sum(len(world.pushes) for world in worlds) > 20
    faults = {fault for world in worlds for *_, fault in world.met}
    assert len(faults) >= 12
    statuses = {attempt.status for world in worlds for call in world.requests for attempt in call.attempts}
    assert statuses >= {200, 201, 403, 409, 502, 503}

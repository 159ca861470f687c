"""Runs the probe over the stacks: instructions by callgrind, times by the best of interleaved processes."""

import json
import re
import shutil
import statistics
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench.stacks import Stack, unpacked

PROBE = Path(__file__).with_name("probe.py")
COLD_ROUNDS, WARM_ROUNDS = 5, 4
OPERATIONS = {"get": 500, "list": 200, "post-plain": 200, "post-markup": 100}
"""Requests of a process, by operation."""

Report = dict[str, float]
Say = Callable[[str], None]


def _command(stack: Stack, operation: str, requests: int) -> list[str]:
    arguments = [stack.folder, stack.module, stack.scenario, operation, requests]
    return [sys.executable, "-sSP", str(PROBE), *map(str, arguments)]


def _run(stack: Stack, operation: str, requests: int, *wrapper: str) -> str:
    command = [*wrapper, *_command(stack, operation, requests)]
    # A pipe for the handler's log lines would wake this process up with each, on a core that the probe may want.
    done = subprocess.run(
        command,
        env=stack.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"The probe failed on {stack.name}, {operation}:\n{done.stderr}")
    return done.stderr


def _probe(stack: Stack, operation: str, requests: int) -> Report:
    report: Report = json.loads(_run(stack, operation, requests).splitlines()[-1])
    return report


def instructions(stacks: Sequence[Stack]) -> dict[str, float] | None:
    """Millions of instructions of a process that answers one GET; None if valgrind is not installed."""
    if shutil.which("valgrind") is None:
        return None

    with ThreadPoolExecutor(2) as pool:
        counted = pool.map(lambda stack: _counted(stack, "get", 0), stacks)
        return dict(zip((stack.name for stack in stacks), counted, strict=True))


def _counted(stack: Stack, operation: str, requests: int) -> float:
    """Millions of instructions of a process."""
    said = _run(stack, operation, requests, "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")
    return int(re.findall(r"Collected : (\d+)", said)[0]) / 1e6


WARM_REQUESTS = 20
"""Requests of each operation whose instructions are counted: the same for two commits that are compared."""


def counts(stack: Stack, say: Say) -> dict[str, float]:
    """Millions of instructions of the stack by measure: a cold start with its first answer, and a warm request of each
    operation. They repeat to 0.1 %. Raises RuntimeError without valgrind.
    """
    if shutil.which("valgrind") is None:
        raise RuntimeError("counting instructions takes valgrind: `apt-get install valgrind`")
    runs = [("get", 0), *((operation, number) for operation in OPERATIONS for number in (0, WARM_REQUESTS))]

    def count(run: tuple[str, int]) -> float:
        say(f"counting {run[0]}, {run[1]} warm requests")
        return _counted(stack, *run)

    wanted = list(dict.fromkeys(runs))
    with ThreadPoolExecutor(2) as pool:
        found = dict(zip(wanted, pool.map(count, wanted), strict=True))
    warm_ = {f"warm {name}": (found[name, WARM_REQUESTS] - found[name, 0]) / WARM_REQUESTS for name in OPERATIONS}
    return {"cold start": found["get", 0], **warm_}


START_GOALS = {"onboarding": 700, "rewards": 800, "housekeeping": 800}
"""Millions of instructions, by Lambda; docs/performance.md."""


def starts(say: Say) -> dict[str, tuple[float, float]]:
    """Millions of instructions of the import and init of other Lambdas, with their goals."""
    found = {}
    for service, goal in START_GOALS.items():
        say(f"counting the start of {service}")
        folder, environment = unpacked(service)
        program = f"import sys; sys.path.insert(0, sys.argv[1]); import services.{service}.handler"
        command = [sys.executable, "-sSP", "-c", program, str(folder)]
        tool = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        done = subprocess.run([*tool, *command], env=environment, capture_output=True, text=True, check=True)
        found[service] = int(re.findall(r"Collected : (\d+)", done.stderr)[0]) / 1e6, float(goal)
    return found


def cold(stacks: Sequence[Stack], say: Say) -> dict[str, Report]:
    """Medians of fresh processes that answer one GET."""
    reports: dict[str, list[Report]] = defaultdict(list)
    for number in range(COLD_ROUNDS):
        say(f"cold start {number + 1} of {COLD_ROUNDS}")
        for stack in stacks:
            reports[stack.name].append(_probe(stack, "get", 0))
    return {
        name: {key: statistics.median(report[key] for report in found) for key in found[0]}
        for name, found in reports.items()
    }


def warm(stacks: Sequence[Stack], say: Say) -> dict[str, dict[str, float]]:
    """Microseconds of CPU of a warm request, by operation and stack: the best batch of all processes."""
    best: dict[str, dict[str, float]] = {operation: {} for operation in OPERATIONS}
    for number in range(WARM_ROUNDS):
        for operation, requests in OPERATIONS.items():
            say(f"warm {operation}, {number + 1} of {WARM_ROUNDS}")
            for stack in stacks:
                found = _probe(stack, operation, requests)["warm_us"]
                best[operation][stack.name] = min(found, best[operation].get(stack.name, found))
    return best

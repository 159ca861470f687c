"""`python -m bench`: one table of what the platform costs, beside its peers, with the goals of docs/performance.md."""

import argparse
import gzip
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench import processes, stacks, usage
from infra.paths import REPOSITORY
from localcloud.emulator.process import Emulator

RESULTS = REPOSITORY / "bench/results"
SNAPSHOT = REPOSITORY / "docs/performance.md"
PAGE = REPOSITORY / "frontend/dist"
BROWSER_TESTS = REPOSITORY / "tests/e2e"
OURS, ORIGINAL, FLOOR = "CivicForge", "original", "floor"
ORIGINAL_WRITE_UNITS = 29
"""Of a lifecycle with items of 1 kB, counted on the original itself, which is not here. If its index writes within
transactions were counted once or twice is not known.
"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A measure. A goal bounds `ours`, or where `relative`, `ours` over `original`."""

    measure: str
    unit: str
    ours: float
    original: float | None = None
    floor: float | None = None
    goal: float | None = None
    relative: bool = False

    @property
    def ratio(self) -> float | None:
        """Ours over the original's."""
        return self.ours / self.original if self.original else None

    @property
    def verdict(self) -> str:
        """ok or miss; empty without a goal."""
        reached = self.ratio if self.relative else self.ours
        if self.goal is None or reached is None:
            return ""
        return "ok" if reached <= self.goal else "miss"

    def cells(self) -> list[str]:
        """The row as text."""
        goal = "" if self.goal is None else f"<= {self.goal:g}{' x' if self.relative else ''}"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}"
        numbers = [_number(value) for value in (self.ours, self.original, self.floor)]
        return [self.measure, self.unit, *numbers, ratio, goal, self.verdict]


HEADINGS = ("measure", "unit", OURS, ORIGINAL, FLOOR, "ratio", "goal", "")


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _peers(measure: str, unit: str, found: dict[str, float], goal: float | None = None) -> Row:
    return Row(
        measure=measure,
        unit=unit,
        ours=found[OURS],
        original=found[ORIGINAL],
        floor=found[FLOOR],
        goal=goal,
        relative=True,
    )


def lambda_rows(say: processes.Say) -> Iterator[Row]:
    """The api Lambda beside its peers."""
    say("building the stacks")
    built = (stacks.civicforge(), stacks.original(), stacks.floor())
    say("counting instructions")
    if counted := processes.instructions(built):
        yield _peers("cold start", "10^6 instructions", counted, goal=0.28)
        for name, (started, goal) in processes.starts(say).items():
            yield Row(measure=f"cold start of {name}: init", unit="10^6 instructions", ours=started, goal=goal)
    else:
        say("no instruction counts: valgrind is not installed")
    cold = processes.cold(built, say)
    for key, measure, unit in (
        ("init_ms", "cold start: import and init", "ms"),
        ("first_ms", "cold start: first request", "ms"),
        ("cold_cpu_ms", "cold start: CPU in all", "ms"),
        ("peak_mib", "memory after it", "MiB"),
    ):
        yield _peers(measure, unit, {name: report[key] for name, report in cold.items()})
    names = {
        "get": "GET one",
        "list": "LIST 20",
        "post-plain": "POST 2 kB, plain",
        "post-markup": "POST 2 kB, markup",
    }
    for operation, found in processes.warm(built, say).items():
        yield _peers(f"warm {names[operation]}", "us CPU", found, goal=WARM_GOALS[operation])
    say("building the zips")
    sizes = stacks.zip_sizes()
    yield Row(measure="zip", unit="MB", ours=sizes[OURS], original=sizes[ORIGINAL], floor=sizes[FLOOR], goal=5)


WARM_GOALS = {"get": 0.15, "list": 0.15, "post-plain": 0.20, "post-markup": 1.0}

CALL_GOALS = {"create": 1, "claim": 2, "submit": 2, "attest": 2, "attest, second": 2, "get": 1, "list": 1}


def usage_rows(say: processes.Say) -> Iterator[Row]:
    """The cost of a quest on AWS."""
    say("counting AWS calls on an emulator")
    found = usage.measure()
    short, long = found[usage.SHORT], found[usage.LONG]
    for operation, used in short.items():
        yield Row(measure=f"AWS calls: {operation}", unit="calls", ours=used.calls, goal=CALL_GOALS.get(operation))
    for operation, used in short.items():
        if used.write_units:
            yield Row(measure=f"write units: {operation}", unit="WCU", ours=used.write_units)
    for length, steps in ((usage.SHORT, short), (usage.LONG, long)):
        yield Row(
            measure=f"write units: create to paid, texts of {length}",
            unit="WCU",
            ours=sum(step.write_units for step in steps.values()),
            original=ORIGINAL_WRITE_UNITS if length == usage.SHORT else None,
            goal=26 if length == usage.SHORT else None,
        )


def _first_load() -> float:
    page = (PAGE / "index.html").read_text()
    scripts = re.findall(r'(?:<script[^>]* src|rel="modulepreload"[^>]* href)="(/[^"]+\.js)"', page)
    return sum(len(gzip.compress((PAGE / path[1:]).read_bytes(), 9, mtime=0)) for path in scripts) / 1024


def platform_rows(say: processes.Say) -> Iterator[Row]:
    """The app as it was built, and `make up` on a platform that is up."""
    if (PAGE / "index.html").exists():
        yield Row(measure="page: initial JavaScript", unit="KiB gzip", ours=_first_load(), goal=40)
    else:
        say("no app sizes: `make up` builds the app")
    running = Emulator(REPOSITORY / ".local").running()
    if running is None:
        say("no time of `make up` and of the app: the platform is down, and the first time is not the one that counts")
        return
    say("make up")
    started = time.perf_counter()
    subprocess.run(["make", "up"], cwd=REPOSITORY, capture_output=True, check=True)
    yield Row(measure="make up, nothing changed", unit="s", ours=time.perf_counter() - started, goal=5)
    say("loading the app on an old phone")
    node = shutil.which("node")
    if node is None or not (BROWSER_TESTS / "node_modules").exists():
        say("no time of the app: `make setup` installs what it takes")
        return
    command = [node, str(BROWSER_TESTS / "first-card.mjs"), running.front_url]
    shown = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    yield Row(measure="first text, CPU 4x slower, 1.6 Mbit/s", unit="ms", ours=shown["text"], goal=700)
    yield Row(measure="first quest card, CPU 4x slower, 1.6 Mbit/s", unit="ms", ours=shown["card"], goal=1000)
    yield Row(measure="layout shift of the board meanwhile", unit="", ours=shown["shift"], goal=0.05)


def _table(rows: list[Row]) -> Table:
    table = Table(*HEADINGS, title="CivicForge, measured in one run")
    for column in table.columns:
        column.no_wrap = True
    for column in table.columns[2:6]:
        column.justify = "right"
    for row in rows:
        style = {"miss": "red", "ok": "green"}.get(row.verdict)
        *cells, verdict = row.cells()
        table.add_row(*cells, f"[{style}]{verdict}[/]" if style else verdict)
    return table


def _machine() -> str:
    load = f"load {os.getloadavg()[0]:.0f} on {os.cpu_count()} cores"
    return f"Python {platform.python_version()}, {platform.machine()}, {load}"


def _save(rows: list[Row], moment: datetime) -> Path:
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{moment:%Y%m%dT%H%M%SZ}.json"
    found = [{**asdict(row), "ratio": row.ratio, "verdict": row.verdict} for row in rows]
    path.write_text(json.dumps({"at": moment.isoformat(), "machine": _machine(), "rows": found}, indent=1) + "\n")
    return path


def _snapshot(rows: list[Row], moment: datetime) -> None:
    """Replaces the table of docs/performance.md."""
    lines = [HEADINGS, ["---"] * len(HEADINGS), *(row.cells() for row in rows)]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    text = SNAPSHOT.read_text()
    start, end = "<!-- bench -->\n", "<!-- /bench -->"
    before, after = text.partition(start)[0], text.partition(end)[2]
    SNAPSHOT.write_text(f"{before}{start}{moment:%Y-%m-%d}, {_machine()}.\n\n{table}\n{end}{after}")


def main() -> int:
    """Always 0: on a busy machine the times are no verdict; the exit code is left to the tests."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure against the peers.")
    parser.add_argument("--snapshot", action="store_true", help="write the table into docs/performance.md")
    options = parser.parse_args()
    moment = datetime.now(UTC)
    progress = Console(stderr=True)
    rows = [row for part in (lambda_rows, usage_rows, platform_rows) for row in part(progress.log)]
    Console(width=None if sys.stdout.isatty() else 140).print(_table(rows))
    progress.print(f"Kept in {_save(rows, moment).relative_to(REPOSITORY)}")
    if options.snapshot:
        _snapshot(rows, moment)
    return 0


if __name__ == "__main__":
    sys.exit(main())

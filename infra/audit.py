"""Looks every locked package up in the advisory databases: `python -m infra.audit`.

Exit code 0: every package was looked up and none has a known vulnerability. 1: one has. 2: not audited, because a
database could not be reached or did not know a package. pip-audit alone would then say "No known vulnerabilities
found" and exit with 0; nothing that was not looked up is called clean here.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.requirements import Requirement

from infra.paths import REPOSITORY

CLEAN, VULNERABLE, NOT_AUDITED = 0, 1, 2
WORDS: Final = {CLEAN: "clean", VULNERABLE: "VULNERABLE", NOT_AUDITED: "NOT AUDITED"}
ACCEPTED: Final = {
    "CVE-2024-23342": "ecdsa: timing of signatures, which nobody can ask for or measure here (decision 0030)",
}
"""Advisories that do not fail an audit, each with its reason."""
NPM_LEVELS: Final = ("high", "critical")
"""Levels that fail an audit of npm. Lower ones are mostly about development servers; pip-audit has no levels."""


@dataclass(frozen=True)
class Finding:
    """The outcome for one lock file; `details` has a line per vulnerability, or the reason why there was no audit."""

    lock: str
    verdict: int
    details: tuple[str, ...] = ()


def python_findings(lock: Path, answer: str) -> Finding:
    """The findings of pip-audit for a requirements file with hashes."""
    name = lock.relative_to(REPOSITORY).as_posix()
    try:
        found = {item["name"]: item for item in json.loads(answer)["dependencies"]}
    except (ValueError, KeyError, TypeError):
        return Finding(name, NOT_AUDITED, (answer.strip()[-500:] or "pip-audit said nothing",))
    vulnerable = tuple(
        f"{item['name']} {item['version']}: {flaw['id']}, fixed in {', '.join(flaw['fix_versions']) or 'no version'}"
        for item in found.values()
        for flaw in item.get("vulns", [])
        if ACCEPTED.keys().isdisjoint({flaw["id"], *flaw.get("aliases", [])})
    )
    skipped = tuple(item["skip_reason"] for item in found.values() if "skip_reason" in item)
    missing = tuple(f"{package} was not looked up" for package in sorted(locked_packages(lock) - found.keys()))
    if vulnerable:
        return Finding(name, VULNERABLE, vulnerable + skipped + missing)
    return Finding(name, NOT_AUDITED if skipped or missing else CLEAN, skipped + missing)


def locked_packages(lock: Path) -> set[str]:
    """The packages of a requirements file that apply to this interpreter and system."""
    lines = (line.rstrip("\\ ") for line in lock.read_text(encoding="utf-8").splitlines() if line[:1].isalnum())
    pinned = (Requirement(line) for line in lines)
    return {item.name for item in pinned if item.marker is None or item.marker.evaluate()}


def npm_findings(folder: Path, answer: str) -> Finding:
    """The findings of `npm audit` for a package-lock.json."""
    name = (folder / "package-lock.json").relative_to(REPOSITORY).as_posix()
    try:
        report = json.loads(answer)
        flaws = report["vulnerabilities"]
    except (ValueError, TypeError):
        return Finding(name, NOT_AUDITED, (answer.strip()[-500:] or "npm said nothing",))
    except KeyError:
        return Finding(name, NOT_AUDITED, (str(report.get("message", report)),))
    serious = tuple(
        f"{flaw['name']} {flaw['range']}: {flaw['severity']}"
        for flaw in flaws.values()
        if flaw["severity"] in NPM_LEVELS
    )
    return Finding(name, VULNERABLE if serious else CLEAN, serious)


def _answer(command: Sequence[str | Path], folder: Path = REPOSITORY) -> str:
    executable = shutil.which(command[0])
    if executable is None:
        return f"{command[0]} is not installed"
    done = subprocess.run([executable, *command[1:]], cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    return done.stdout if done.stdout.lstrip().startswith("{") else done.stdout + done.stderr


def audit() -> list[Finding]:
    """Audits every lock file of the repository."""
    pip_audit = Path(sys.executable).with_name("pip-audit")
    options = ("--disable-pip", "--require-hashes", "--progress-spinner", "off", "--format", "json")
    locks = sorted((REPOSITORY / "requirements").glob("*.txt"))
    folders = sorted(
        lock.parent for lock in [*REPOSITORY.glob("*/package-lock.json"), *REPOSITORY.glob("tests/*/package-lock.json")]
    )
    return [
        *(python_findings(lock, _answer([pip_audit, *options, "-r", lock])) for lock in locks),
        *(npm_findings(folder, _answer(["npm", "audit", "--json"], folder)) for folder in folders),
    ]


def main() -> int:
    """Prints a verdict for each lock file; returns the exit code."""
    findings = audit()
    for finding in findings:
        print(f"{WORDS[finding.verdict]:<12} {finding.lock}")  # noqa: T201 - its output
        for detail in finding.details[:20]:
            print(f"             {detail}")  # noqa: T201 - its output
        if len(finding.details) > 20:
            print(f"             ... and {len(finding.details) - 20} more")  # noqa: T201 - its output
    verdicts = {finding.verdict for finding in findings}
    return next(verdict for verdict in (VULNERABLE, NOT_AUDITED, CLEAN) if verdict in verdicts)


if __name__ == "__main__":
    sys.exit(main())

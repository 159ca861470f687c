"""Audits: clean is said only of what was looked up."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra import audit
from infra.audit import CLEAN, NOT_AUDITED, VULNERABLE, Finding, locked_packages, npm_findings, python_findings
from infra.paths import REPOSITORY

LAMBDA = REPOSITORY / "requirements" / "lambda.txt"
FRONTEND = REPOSITORY / "frontend"


def answer(**changed: Any) -> str:
    """pip-audit's answer when it knows every package; `changed` replaces the entry of a package, None removes it."""
    entries: dict[str, Any] = {name: {"version": "1", "vulns": []} for name in locked_packages(LAMBDA)} | changed
    found = [{"name": name, **entry} for name, entry in entries.items() if entry is not None]
    return json.dumps({"dependencies": found, "fixes": []})


def test_the_lock_is_read() -> None:
    packages = locked_packages(LAMBDA)
    assert {"pydantic", "bleach", "botocore"} <= packages
    assert len(packages) == sum(line[:1].isalnum() for line in LAMBDA.read_text(encoding="utf-8").splitlines())
    assert "pywin32" not in locked_packages(REPOSITORY / "requirements" / "dev.txt")


def test_clean_is_what_was_looked_up_and_has_nothing() -> None:
    assert python_findings(LAMBDA, answer()) == Finding("requirements/lambda.txt", CLEAN)


def test_a_vulnerability_is_named() -> None:
    flaw = {"id": "PYSEC-1", "fix_versions": ["2"], "aliases": [], "description": ""}
    found = python_findings(LAMBDA, answer(bleach={"version": "1", "vulns": [flaw]}))
    assert (found.verdict, found.details) == (VULNERABLE, ("bleach 1: PYSEC-1, fixed in 2",))


def test_what_is_accepted_fails_no_audit_but_its_neighbours_do() -> None:
    known = {"id": "GHSA-wj6h-64fc-37mp", "aliases": ["CVE-2024-23342"], "fix_versions": []}
    other = {"id": "PYSEC-2", "aliases": [], "fix_versions": []}
    assert python_findings(LAMBDA, answer(ecdsa={"version": "1", "vulns": [known]})).verdict == CLEAN
    found = python_findings(LAMBDA, answer(ecdsa={"version": "1", "vulns": [known, other]}))
    assert found.details == ("ecdsa 1: PYSEC-2, fixed in no version",)
    assert all(reason for reason in audit.ACCEPTED.values())


def test_a_skipped_package_was_not_audited() -> None:
    found = python_findings(LAMBDA, answer(bleach={"skip_reason": "Dependency not found on PyPI"}))
    assert (found.verdict, found.details) == (NOT_AUDITED, ("Dependency not found on PyPI",))


def test_a_missing_package_was_not_audited() -> None:
    found = python_findings(LAMBDA, answer(bleach=None))
    assert (found.verdict, found.details) == (NOT_AUDITED, ("bleach was not looked up",))


@pytest.mark.parametrize("text", ["", "ERROR: connection refused", "{}", "[]", "null"])
def test_no_answer_is_no_audit(text: str) -> None:
    assert python_findings(LAMBDA, text).verdict == NOT_AUDITED


def npm(severity: str) -> str:
    flaw = {"name": "left-pad", "range": "<2", "severity": severity}
    return json.dumps({"auditReportVersion": 2, "vulnerabilities": {"left-pad": flaw}})


def test_npm() -> None:
    assert npm_findings(FRONTEND, json.dumps({"auditReportVersion": 2, "vulnerabilities": {}})).verdict == CLEAN
    assert npm_findings(FRONTEND, npm("moderate")).verdict == CLEAN
    high = npm_findings(FRONTEND, npm("high"))
    assert high == Finding("frontend/package-lock.json", VULNERABLE, ("left-pad <2: high",))


@pytest.mark.parametrize("text", ["", "npm ERR! network", '{"message": "405 Method Not Allowed"}', "[]", "null"])
def test_npm_without_an_answer_is_no_audit(text: str) -> None:
    found = npm_findings(FRONTEND, text)
    assert found.verdict == NOT_AUDITED
    assert found.details[0]


@pytest.mark.parametrize(
    ("verdicts", "code"),
    [
        ([CLEAN, CLEAN], 0),
        ([CLEAN, NOT_AUDITED], 2),
        ([NOT_AUDITED, VULNERABLE, CLEAN], 1),
    ],
)
def test_the_worst_that_is_known_decides(
    verdicts: list[int], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    findings = [Finding(f"lock-{number}", verdict, ("why",) * 30) for number, verdict in enumerate(verdicts)]
    monkeypatch.setattr(audit, "audit", lambda: findings)
    assert audit.main() == code
    printed = capsys.readouterr().out
    assert ("NOT AUDITED" in printed) == (NOT_AUDITED in verdicts)
    assert "... and 10 more" in printed


def test_every_lock_is_audited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "_answer", lambda *_: "no network")
    found = {finding.lock: finding.verdict for finding in audit.audit()}
    locks = {path.relative_to(REPOSITORY).as_posix() for path in (REPOSITORY / "requirements").glob("*.txt")}
    assert found.keys() >= {*locks, "frontend/package-lock.json", "tests/e2e/package-lock.json"}
    assert set(found.values()) == {NOT_AUDITED}


def test_a_tool_that_is_missing_is_no_audit(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.executable", str(tmp_path / "python"))
    findings = audit.audit()
    assert {finding.verdict for finding in findings} == {NOT_AUDITED}
    assert all("is not installed" in finding.details[0] for finding in findings)

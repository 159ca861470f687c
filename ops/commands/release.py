"""Releases: deploy one, list them, go back to one. The same path for every stage.

A release is the Lambdas' versions, the app's entry files and a manifest that names them. Manifests and entry files are
kept in the stage's `releases` bucket; the app's assets carry their hash in their name and stay in the app's own
bucket for as long as a kept release needs them.
"""

import json
import os
import shutil
import subprocess
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from botocore.exceptions import ClientError

from infra.paths import REPOSITORY
from ops.shared import canary, documents, readiness, site, smoke
from ops.shared.canary import Canary
from ops.shared.embedded import arguments
from ops.shared.flags import values
from ops.shared.hold import TakeOver, held
from ops.shared.pulumi_cli import PulumiCli
from ops.shared.releases import RELEASES_KEPT, Release, Releases
from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import Json, PlannedChange, Terminal, carry_out
from services.core.names import LIVE_ALIAS
from services.core.parameters import SITE_BUCKET
from services.core.services import SERVICES
from services.core.stages import STAGES

# --- the steps of a deployment ---


def _git(*arguments: str) -> str:
    git = shutil.which("git")
    if git is None:
        raise OperatorError("git is not on the PATH; `civicforge doctor` says how to get it.")
    done = subprocess.run([git, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
    if done.returncode:
        raise OperatorError(f"git {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout.strip()


def commit() -> str:
    """The commit that is checked out, with `+dirty` where files differ from it."""
    return _git("rev-parse", "HEAD") + ("+dirty" if _git("status", "--porcelain") else "")


def _run(command: Sequence[str], what: str, say: Callable[[str], None] = lambda _: None, **environment: str) -> None:
    """Run a program and pass its lines on as they come. Raises OperatorError with the last of them where it fails."""
    executable = shutil.which(command[0])
    if executable is None:
        raise OperatorError(f"{command[0]} is not on the PATH; `civicforge doctor` says how to get it.")
    tail: deque[str] = deque(maxlen=25)
    with (
        subprocess.Popen(  # noqa: S603 - fixed arguments
            [executable, *command[1:]],
            cwd=REPOSITORY,
            env={**os.environ, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process
    ):
        assert process.stdout is not None
        for line in process.stdout:
            tail.append(line.rstrip())
            say(f"           {line.rstrip()}")
    if process.returncode:
        output = "\n".join(tail).strip()
        raise OperatorError(f"{what} failed, nothing more was done:\n{output}")


def refuse_older_commit(stage: Stage, revision: str) -> None:
    """Refuse to put an older commit over a newer one: a run that waited, or was approved late, must not win.

    Raises:
        OperatorError: the live release's commit is not an ancestor of `revision`, or this clone does not have it.
    """
    live = _live_commit(stage)
    if live is None or live == revision.removesuffix("+dirty"):
        return
    remedy = "`--over-newer` deploys it all the same; to go back to a former release, `civicforge rollback`."
    try:
        _git("cat-file", "-e", f"{live}^{{commit}}")
    except OperatorError:
        raise OperatorError(
            f"Commit {live[:7]}, which is live, is not in this clone: `git fetch --unshallow origin`. {remedy}"
        ) from None
    try:
        _git("merge-base", "--is-ancestor", live, revision.removesuffix("+dirty"))
    except OperatorError:
        raise OperatorError(
            f"Commit {live[:7]}, which is live, is not part of {revision[:7]}: this would take it away again. {remedy}"
        ) from None


def _live_commit(stage: Stage) -> str | None:
    """The commit of the live release; None before the first one."""
    releases = Releases(stage)
    try:
        current = releases.current()
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchBucket":
            return None
        raise
    return next((r.commit.removesuffix("+dirty") for r in releases.list() if r.id == current), None)


def build_page() -> Path:
    """Builds the app; returns its folder. Raises OperatorError."""
    _run(["make", "page"], "Building the app")
    return site.DIST


def build_lambdas(stage: Stage) -> None:
    """Builds the zips where the stage's configuration looks for them. Raises OperatorError."""
    from infra import lambda_zips  # it needs uv, which no other command does

    target: Any = "host" if stage.endpoint else "aws"
    try:
        lambda_zips.build(target, REPOSITORY / "dist" / target, progress=lambda _: None)
    except lambda_zips.PackagingError as error:
        raise OperatorError(f"The Lambdas could not be built: {error}") from error


def provision(
    stage: Stage,
    release_id: str,
    canary_percent: int,
    say: Callable[[str], None] = lambda _: None,
    *,
    refresh: bool = False,
) -> None:
    """`up`: by the in-process engine on the emulator, by the Pulumi CLI on AWS. Raises OperatorError.

    `refresh` looks at every resource first: what was deleted by hand is made again, what was changed is put back.
    """
    # Without a trial the program keeps the stage's own canary, and the release moves what `up` left where it was.
    trial = {"civicforge:canaryPercent": str(canary_percent)} if canary_percent else {}
    config = {"civicforge:release": release_id, **trial}
    if stage.emulator and stage.emulator.running():
        from localcloud.engine import deployment  # pulumi and its provider are large, and only this needs them

        try:
            report = deployment.up(stage.name, verify=refresh, **arguments(stage, config))
        except deployment.EngineError as error:
            raise OperatorError(f"up failed; mend it and deploy again: {error}") from error
        stage.emulator.serve_at_front_door(report.outputs["distribution_domain"], stage.name)
        return
    PulumiCli.of(stage).up(config, say, refresh=refresh)


def live_versions(stage: Stage) -> dict[str, str]:
    """The version behind each Lambda's alias `live`."""
    return {
        service: stage.lambda_.get_alias(FunctionName=stage.resource(service), Name=LIVE_ALIAS)["FunctionVersion"]
        for service in SERVICES
    }


def upload(stage: Stage, release_id: str, dist: Path) -> tuple[list[str], list[str], str]:
    """Keeps the entry files and publishes the app. Returns its assets, its entries and the invalidation's id."""
    assets, entries = site.files_of(dist)
    for name in entries:
        Releases(stage).put_entry(release_id, name, (dist / name).read_bytes())
    return assets, entries, site.upload(stage, dist).invalidation or site.invalidate(stage)


def prune(stage: Stage) -> list[str]:
    """Deletes what only releases beyond the kept ones need; the live one is always kept. Returns their ids."""
    releases = Releases(stage)
    every, current = releases.list(), releases.current()
    kept = [release for number, release in enumerate(every) if number < RELEASES_KEPT or release.id == current]
    gone = [release for release in every if release not in kept]
    needed = {name for release in kept for name in release.assets}
    for release in gone:
        for name in set(release.assets) - needed:
            stage.s3.delete_object(Bucket=stage.parameter(SITE_BUCKET), Key=name)
        for service, version in release.versions.items():
            if all(other.versions.get(service) != version for other in kept):
                stage.lambda_.delete_function(FunctionName=stage.resource(service), Qualifier=version)
        releases.forget(release)
    return [release.id for release in gone]


def make_live(stage: Stage, release: Release) -> str:
    """Make a former release live: its Lambdas, then the app's files. Returns the invalidation's id."""
    releases = Releases(stage)
    bodies = {name: releases.entry(release, name) for name in release.entries}
    for service, version in release.versions.items():
        stage.lambda_.get_function_configuration(FunctionName=stage.resource(service), Qualifier=version)
    canary.set_aliases(stage, release.versions)
    for name, body in bodies.items():
        site.put(stage, name, body)
    releases.make_current(release)
    return site.invalidate(stage)


def release_now(
    stage: Stage,
    release: Release,
    dist: Path | None,
    say: Callable[[str], None],
    trial: Canary,
    check_hold: Callable[[], None] = lambda: None,
    *,
    refresh: bool = False,
) -> Json:
    """Builds, provisions, uploads, invalidates, tries it out. What fails its canary or its smoke test goes back.

    `check_hold` raises if another operator has taken the stage over. Raises OperatorError if a step before the smoke
    test failed.
    """
    releases, started = Releases(stage), time.monotonic()

    def step(what: str) -> None:
        say(f"  {time.monotonic() - started:6.1f} s  {what}")

    step("build the Lambdas")
    build_lambdas(stage)
    if dist is None:
        step("build the app")
        dist = build_page()
    site.files_of(dist)
    step("up, every resource looked at" if refresh else "up")
    provision(stage, release.id, trial.percent, say, refresh=refresh)
    before, after = live_versions(stage), canary.newest_versions(stage)
    if before != after and not trial.percent:
        canary.set_aliases(stage, after)
    elif before != after:
        step(f"canary: {trial.percent} % of the api's calls for {trial.minutes:g} minutes")
        why = canary.run(stage, trial, before[canary.SERVICE], after[canary.SERVICE], say, check_hold)
        release = release.model_copy(update={"versions": after, "actor": stage.actor, "canary": why or "passed"})
        if why:
            release = release.model_copy(update={"smoke": "failed: canary"})
            releases.put(release)
            step(f"back, since {why}")
            return {"release": json.loads(release.model_dump_json(by_alias=True)), "canary": why}
        check_hold()
        canary.set_aliases(stage, after)
    former = next((r for r in releases.list() if r.id == releases.current()), None)
    check_hold()
    step("upload the app")
    assets, entries, invalidation = upload(stage, release.id, dist)
    release = release.model_copy(
        update={
            "versions": live_versions(stage),
            "assets": assets,
            "entries": entries,
            "flags": values(stage),
            "actor": stage.actor,
            "invalidation": invalidation,
        }
    )
    releases.put(release)
    releases.make_current(release)
    # The new publisher may write the documents differently; nobody waits, since a large stage takes minutes. A stage
    # that is new, or whose bucket somebody emptied, has no home page until they are written.
    if documents.are_there(stage):
        stage.start("publisher")
    else:
        documents.rebuild(stage)
    step("smoke")
    outcome = smoke.run(stage, say)
    release = release.model_copy(update={"smoke": "passed" if outcome["passed"] else f"failed: {outcome['failed']}"})
    releases.put(release)
    result: Json = {"release": json.loads(release.model_dump_json(by_alias=True)), "smoke": outcome}
    if not outcome["passed"] and former:
        check_hold()  # else this would put back over somebody else's release
        step(f"the smoke test failed at {outcome['failed']}: back to {former.id}")
        make_live(stage, former)
        result["rolledBackTo"] = former.id
    elif outcome["passed"]:
        result["pruned"] = prune(stage)
    if record := None if stage.endpoint else stage.missing_dns_record():
        result["dnsRecord"] = str(record)
    result["seconds"] = round(time.monotonic() - started, 1)
    return result


# --- the commands ---


def deploy(
    stage: Stage,
    terminal: Terminal,
    dist: Annotated[Path | None, typer.Option("--page", help="Folder of an app that is built already.")] = None,
    percent: Annotated[
        int | None, typer.Option("--canary", min=0, max=50, help="Percent of the canary, 0 for none; else the stage's.")
    ] = None,
    as_role: Annotated[
        bool, typer.Option("--as-role", help="On the local cloud: as the stage's deploy role, with its permissions.")
    ] = False,
    over_newer: Annotated[
        bool, typer.Option("--over-newer", help="Deploy although the live release is of a newer commit.")
    ] = False,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Look at every resource: make again what was deleted by hand.")
    ] = False,
    take_over: TakeOver = "",
) -> None:
    """Build, bring the stage up, try it on a share of the calls, upload the app, smoke test, record the release."""
    if as_role:
        stage = stage.as_role("deploy")
    trial = Canary.of(stage)
    trial = trial if percent is None else replace(trial, percent=percent)
    now, revision = datetime.now(UTC), commit()
    by_hand = STAGES[stage.name].production and not stage.endpoint and not os.environ.get("GITHUB_ACTIONS")
    _require_deployable(stage, revision, by_hand=by_hand, over_newer=over_newer)
    release = Release(
        id=f"{now:%Y%m%dT%H%M%SZ}-{revision[:7]}",
        commit=revision,
        at=now,
        actor="",
        reason="",
        versions={},
        assets=[],
        entries=[],
        flags={},
    )
    plan = [
        f"build commit {revision[:7]}{', with changes that are not committed' if revision.endswith('+dirty') else ''}",
        f"up of stage {stage.name}, {'by the in-process engine' if stage.emulator else 'by the Pulumi CLI'}",
        *(["every resource looked at: made again if it was deleted, put back if it was changed"] if refresh else []),
        *([f"canary: {trial.percent} % of the api's calls for {trial.minutes:g} minutes"] if trial.percent else []),
        "upload the app: assets first, index.html last",
        "invalidate the edge, run the smoke test; where it fails, back to the release before",
        f"record release {release.id}",
    ]

    def apply() -> Json:
        with held(stage, f"deploy of commit {revision[:7]}", take_over) as check_hold:
            # Somebody may have been faster since the plan was shown.
            if not over_newer:
                refuse_older_commit(stage, revision)
            reasoned = release.model_copy(update={"reason": terminal.reason})
            return release_now(stage, reasoned, dist, terminal.say, trial, check_hold, refresh=refresh)

    change = PlannedChange(
        "deploy",
        release.id,
        plan,
        apply,
        typed=stage.name if by_hand else None,
        verdict=_verdict,
    )
    outcome = carry_out(stage, terminal, change)
    if outcome is None:
        return
    if "canary" in outcome:
        terminal.result(outcome, f"{release.id} did not pass its canary and is live for nobody: {outcome['canary']}")
        raise typer.Exit(1)
    passed = outcome["smoke"]["passed"]
    lines = [f"{release.id} is live after {outcome['seconds']} s"] if passed else []
    if passed and "dnsRecord" in outcome:
        lines.append(f"Members reach it once this DNS record is made: {outcome['dnsRecord']}")
    if "rolledBackTo" in outcome:
        lines = [f"{release.id} failed at {outcome['smoke']['failed']}; {outcome['rolledBackTo']} is live again"]
    terminal.result(outcome, *(lines or [f"{release.id} is live, but failed at {outcome['smoke']['failed']}"]))
    if not passed:
        raise typer.Exit(1)


def _require_deployable(stage: Stage, revision: str, *, by_hand: bool, over_newer: bool) -> None:
    """Raise OperatorError if the commit, or the account, is not fit for a deployment."""
    if by_hand and revision.endswith("+dirty"):
        raise OperatorError("prod gets what is committed: commit or put aside what `git status` shows.")
    if not over_newer:
        refuse_older_commit(stage, revision)
    if STAGES[stage.name].on_aws and not stage.endpoint:
        readiness.require(stage)


def _verdict(outcome: Json) -> str:
    """The outcome of a release, for the audit log."""
    if "canary" in outcome:
        return f"failed its canary: {outcome['canary']}"
    back = f", back to {outcome['rolledBackTo']}" if "rolledBackTo" in outcome else ""
    return "done" if outcome["smoke"]["passed"] else f"failed at {outcome['smoke']['failed']}{back}"


def releases(stage: Stage, terminal: Terminal) -> None:
    """List the releases that can be gone back to, newest first."""
    bucket = Releases(stage)
    current = bucket.current()
    rows = [
        ("live" if r.id == current else "", r.id, f"{r.at:%Y-%m-%d %H:%M}", r.commit[:7], r.smoke, r.actor, r.reason)
        for r in bucket.list()
    ]
    data = {"current": current, "releases": [json.loads(r.model_dump_json(by_alias=True)) for r in bucket.list()]}
    headings = ("", "release", "at (UTC)", "commit", "smoke", "by", "why")
    terminal.table(data, headings, rows, empty="Nothing was released here by `civicforge deploy`.")


def rollback(
    stage: Stage,
    terminal: Terminal,
    to: Annotated[str, typer.Argument(help="A release of `releases`; the one before the live one if none.")] = "",
    take_over: TakeOver = "",
) -> None:
    """Put API and app back to a former release, then run the smoke test. Data is not touched."""
    bucket = Releases(stage)
    every, current = bucket.list(), bucket.current()
    target = _target(every, current, to)
    now = live_versions(stage)
    plan = [f"{service}: version {now[service]} -> {version}" for service, version in target.versions.items()]
    plan.append(f"page: {current} -> {target.id}")

    def apply() -> Json:
        with held(stage, f"rollback to {target.id}", take_over):
            started = time.monotonic()
            invalidation = make_live(stage, target)
            seconds = round(time.monotonic() - started, 1)
            terminal.say(f"  {seconds} s: API and app are those of {target.id}")
            outcome = smoke.run(stage, terminal.say)
        return {"from": current, "to": target.id, "invalidation": invalidation, "seconds": seconds, "smoke": outcome}

    outcome = carry_out(stage, terminal, PlannedChange("rollback", target.id, plan, apply, verdict=_verdict))
    if outcome is None:
        return
    passed = outcome["smoke"]["passed"]
    verdict = "the smoke test passed" if passed else f"but the smoke test FAILED at {outcome['smoke']['failed']}"
    terminal.result(outcome, f"{target.id} is live since {outcome['seconds']} s; {verdict}.")
    if not passed:
        raise typer.Exit(1)


def _target(every: Sequence[Release], current: str | None, to: str) -> Release:
    """Raises OperatorError if there is nothing to go back to."""
    if to:
        found = [release for release in every if release.id == to]
        if not found:
            raise OperatorError(f"There is no release {to}; `civicforge releases` lists them.")
        if not found[0].entries:
            raise OperatorError(f"{to} never went live: it did not pass its canary.")
        return found[0]
    older = [release for release in every if current and release.id < current and release.smoke == "passed"]
    if not older:
        raise OperatorError("There is no release before the live one that passed its smoke test.")
    return older[0]

import io
import json
import os
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ops.commands import release, status
from ops.commands.status import Fact
from ops.shared import canary, readiness, site, smoke
from ops.shared.canary import Canary
from ops.shared.pulumi_cli import PulumiCli
from ops.shared.releases import RELEASES_KEPT, Release, Releases
from ops.shared.stage import DnsRecord, OperatorError
from services.core.names import LIVE_ALIAS
from services.core.parameters import FLAGS
from services.core.services import SERVICES
from tests.unit.ops.conftest import Cli, UnitStage

NO_CANARY = Canary(0, 1)


class Edge:
    """CloudFront's invalidations."""

    def __init__(self) -> None:
        self.paths: list[list[str]] = []

    def create_invalidation(self, DistributionId: str, InvalidationBatch: Any) -> Any:  # noqa: N803 - boto3's names
        assert InvalidationBatch["Paths"]["Quantity"] == len(InvalidationBatch["Paths"]["Items"])
        self.paths.append(InvalidationBatch["Paths"]["Items"])
        return {"Invalidation": {"Id": f"I{len(self.paths)}"}}


@pytest.fixture
def town(stage: UnitStage, monkeypatch: pytest.MonkeyPatch) -> UnitStage:
    """A stage whose `up` publishes a version of each Lambda, and whose smoke test says what `verdicts` says."""
    iam = stage.session.client("iam")
    role = iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    for service in SERVICES:
        stage.lambda_.create_function(
            FunctionName=stage.resource(service), Runtime="python3.13", Role=role, Handler="h.h",
            Code={"ZipFile": code("first")},
        )  # fmt: skip
        stage.lambda_.create_alias(FunctionName=stage.resource(service), Name=LIVE_ALIAS, FunctionVersion="$LATEST")
    for bucket in (stage.resource("site"), stage.resource(f"releases-{stage.account}")):
        stage.s3.create_bucket(Bucket=bucket)
    vars(stage)["cloudfront"] = Edge()

    def up(_: Any, release_id: str, *_arguments: Any, **_options: Any) -> None:
        """As on a stage with a canary: the program publishes and moves no alias."""
        for service in SERVICES:
            name = stage.resource(service)
            stage.lambda_.update_function_code(FunctionName=name, ZipFile=code(release_id))
            stage.lambda_.publish_version(FunctionName=name)

    monkeypatch.setattr(readiness, "require", lambda _: None)  # moto knows no account's limits
    monkeypatch.setattr(UnitStage, "start", lambda *_: None)
    monkeypatch.setattr(release, "build_lambdas", lambda _: None)
    monkeypatch.setattr(release, "provision", up)
    monkeypatch.setattr(release, "commit", lambda: "0123456789abcdef")
    monkeypatch.setattr(smoke, "run", lambda *_: {"passed": True, "failed": None, "steps": []})
    return stage


def code(text: str) -> bytes:
    """A zip with this text as its module."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("h.py", text)
    return file.getvalue()


def a_page(folder: Path, name: str) -> Path:
    (folder / name / "assets").mkdir(parents=True)
    for file in ("index.html", "sw.js", "config.json", f"assets/{name}.js", "assets/shared.css"):
        (folder / name / file).write_text(f"{file} of {name}")
    return folder / name


def deploy(stage: UnitStage, number: int, dist: Path, trial: Canary = NO_CANARY) -> Any:
    at = datetime(2026, 3, number, 12, tzinfo=UTC)
    made = Release(
        id=f"{at:%Y%m%dT%H%M%SZ}-0123456", commit="0123456", at=at, actor="", reason="r",
        versions={}, assets=[], entries=[], flags={},
    )  # fmt: skip
    return release.release_now(stage, made, dist, lambda _: None, trial)


def served(stage: UnitStage, key: str) -> tuple[str, str, str]:
    found = stage.s3.get_object(Bucket=stage.resource("site"), Key=key)
    return found["Body"].read().decode(), found["CacheControl"], found["ContentType"]


def site_keys(stage: UnitStage) -> set[str]:
    listed = stage.s3.list_objects_v2(Bucket=stage.resource("site"))
    return {found["Key"] for found in listed["Contents"]}


def test_a_release_and_what_is_kept_of_it(town: UnitStage, tmp_path: Path) -> None:
    outcome = deploy(town, 1, a_page(tmp_path, "a"))
    assert served(town, "index.html") == ("index.html of a", "no-cache", "text/html")
    assert served(town, "assets/a.js") == ("assets/a.js of a", "public, max-age=31536000, immutable", "text/javascript")
    assert "config.json" not in site_keys(town)
    (manifest,) = Releases(town).list()
    assert manifest.entries == ["sw.js", "index.html"]
    assert manifest.flags == dict.fromkeys(FLAGS, "off")
    assert manifest.versions == dict.fromkeys(SERVICES, "1")
    assert manifest.smoke == "passed"
    assert manifest.invalidation == "I1"
    assert town.cloudfront.paths == [["/*"]]  # type: ignore[attr-defined]  # the stand-in
    assert outcome["release"]["id"] == manifest.id == Releases(town).current()


def test_publishing_again_uploads_only_what_differs(town: UnitStage, tmp_path: Path, cli: Cli) -> None:
    dist = a_page(tmp_path, "a")
    assert len(site.upload(town, dist).uploaded) == 4
    assert site.upload(town, dist) == site.Publication((), None)
    (dist / "index.html").write_text("new")
    assert site.upload(town, dist).uploaded == ("index.html",)


def test_assets_are_there_before_the_index(town: UnitStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    put = site.put

    def note(stage: UnitStage, name: str, body: bytes) -> None:
        order.append(name)
        put(stage, name, body)

    monkeypatch.setattr(site, "put", note)
    deploy(town, 1, a_page(tmp_path, "a"))
    assert order[-1] == "index.html"
    assert all(name.startswith("assets/") for name in order[:2])


def test_a_then_b_then_back_to_a(town: UnitStage, tmp_path: Path, cli: Cli) -> None:
    deploy(town, 1, a_page(tmp_path, "a"))
    deploy(town, 2, a_page(tmp_path, "b"))
    assert release.live_versions(town) == dict.fromkeys(SERVICES, "2")
    ran = cli("rollback --yes --reason broken --json")
    assert ran.code == 0
    assert ran.json["to"] == "20260301T120000Z-0123456"
    assert release.live_versions(town) == dict.fromkeys(SERVICES, "1")
    assert served(town, "index.html")[0] == "index.html of a"
    assert {"assets/a.js", "assets/b.js"} <= site_keys(town)
    assert "no release before the live one" in cli("rollback").err
    assert cli("rollback 20260302T120000Z-0123456 --yes --reason mended").code == 0
    assert served(town, "index.html")[0] == "index.html of b"
    assert "There is no release nonsense" in cli("rollback nonsense").err
    shown = cli("releases").out
    assert "live" in shown
    assert "20260302T120000Z-0123456" in shown
    assert [entry["action"] for entry in town.audit()] == ["rollback", "rollback"]


def test_a_release_that_fails_its_smoke_test_goes_back(
    town: UnitStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deploy(town, 1, a_page(tmp_path, "a"))
    monkeypatch.setattr(smoke, "run", lambda *_: {"passed": False, "failed": "page", "steps": []})
    outcome = deploy(town, 2, a_page(tmp_path, "b"))
    assert outcome["rolledBackTo"] == "20260301T120000Z-0123456"
    assert release.live_versions(town) == dict.fromkeys(SERVICES, "1")
    assert served(town, "index.html")[0] == "index.html of a"
    assert [r.smoke for r in Releases(town).list()] == ["failed: page", "passed"]


def test_a_release_whose_smoke_test_was_interrupted_is_not_well(
    town: UnitStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    now = datetime.now(UTC)
    assert status._tried(town, now) is None
    deploy(town, 1, a_page(tmp_path, "a"))
    assert status._tried(town, now) == Fact("smoke test", "passed", "passed", well=True)
    monkeypatch.setattr(smoke, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        deploy(town, 2, a_page(tmp_path, "b"))
    assert served(town, "index.html")[0] == "index.html of b", "it is live"
    left = status._tried(town, now)
    assert left
    assert left.text == "not run: `civicforge smoke` tries it, `rollback` goes back"
    assert not left.well


def test_a_manifest_that_makes_no_sense_hides_no_other(town: UnitStage, tmp_path: Path, cli: Cli) -> None:
    deploy(town, 1, a_page(tmp_path, "a"))
    bucket = town.resource(f"releases-{town.account}")
    town.s3.put_object(Bucket=bucket, Key="manifests/20260302T120000Z-bad.json", Body=b"{}")
    ran = cli("releases --json")
    assert [found["id"] for found in ran.json["releases"]] == ["20260301T120000Z-0123456"]


def test_the_audit_log_says_what_became_of_a_release(
    town: UnitStage, cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deploys(name: str) -> None:
        monkeypatch.setattr(release, "commit", lambda: f"{len(town.audit())}" * 7)  # several in a second
        cli(f"deploy --page {a_page(tmp_path, name)} --canary 10 --over-newer --yes --reason {name}")

    monkeypatch.setattr(canary, "run", lambda *_: None)
    deploys("good")
    monkeypatch.setattr(smoke, "run", lambda *_: {"passed": False, "failed": "page", "steps": []})
    deploys("bad")
    cli(f"rollback {Releases(town).list()[-1].id} --yes --reason back")
    monkeypatch.setattr(canary, "run", lambda *_: "an alarm went off")
    deploys("worse")
    assert [entry["outcome"] for entry in town.audit()] == [
        "done",
        f"failed at page, back to {Releases(town).list()[-1].id}",
        "failed at page",
        "failed its canary: an alarm went off",
    ]


def test_a_release_that_passes_its_canary_is_made_live_everywhere(
    town: UnitStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, str]] = []

    def watch(_: UnitStage, __: Canary, before: str, after: str, *___: Any) -> None:
        assert release.live_versions(town) == dict.fromkeys(SERVICES, "1")
        assert served(town, "index.html")[0] == "index.html of a"
        asked.append((before, after))

    monkeypatch.setattr(canary, "run", watch)
    deploy(town, 1, a_page(tmp_path, "a"))
    outcome = deploy(town, 2, a_page(tmp_path, "b"), Canary(10, 1))
    assert asked == [("1", "2")]
    assert outcome["release"]["canary"] == "passed"
    assert outcome["release"]["versions"] == release.live_versions(town) == dict.fromkeys(SERVICES, "2")
    assert served(town, "index.html")[0] == "index.html of b"
    assert [r.canary for r in Releases(town).list()] == ["passed", "none"]


def test_a_release_that_does_not_pass_its_canary_is_live_for_nobody(
    town: UnitStage, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canary, "run", lambda *_: "an alarm went off")
    deploy(town, 1, a_page(tmp_path, "a"))
    ran = cli(f"deploy --page {a_page(tmp_path, 'b')} --canary 20 --over-newer --yes --reason new")
    assert ran.code == 1
    assert "canary: 20 % of the api's calls for 10 minutes" in ran.out
    assert "did not pass its canary and is live for nobody: an alarm went off" in ran.out
    failed, good = Releases(town).list()
    assert Releases(town).current() == good.id
    assert (failed.smoke, failed.canary) == ("failed: canary", "an alarm went off")
    assert release.live_versions(town) == dict.fromkeys(SERVICES, "1")
    assert served(town, "index.html")[0] == "index.html of a"
    assert "never went live" in cli(f"rollback {failed.id} --yes --reason x").err
    assert deploy(town, 3, a_page(tmp_path, "c"))["release"]["versions"] == dict.fromkeys(SERVICES, "3")


def test_a_rollback_that_cannot_be_whole_changes_nothing(town: UnitStage, tmp_path: Path) -> None:
    deploy(town, 1, a_page(tmp_path, "a"))
    deploy(town, 2, a_page(tmp_path, "b"))
    town.lambda_.delete_function(FunctionName=town.resource("rewards"), Qualifier="1")
    with pytest.raises(town.lambda_.exceptions.ResourceNotFoundException):
        release.make_live(town, Releases(town).list()[1])
    assert release.live_versions(town) == dict.fromkeys(SERVICES, "2")
    assert served(town, "index.html")[0] == "index.html of b"


def test_old_releases_go_with_what_only_they_need(
    town: UnitStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(release, "RELEASES_KEPT", 2)
    for number in (1, 2, 3):
        deploy(town, number, a_page(tmp_path, f"p{number}"))
    assert [r.id[:8] for r in Releases(town).list()] == ["20260303", "20260302"]
    assert "assets/p1.js" not in site_keys(town)
    assert {"assets/p2.js", "assets/p3.js", "assets/shared.css"} <= site_keys(town)
    listed = town.lambda_.list_versions_by_function(FunctionName=town.resource("api"))["Versions"]
    assert {version["Version"] for version in listed} == {"$LATEST", "2", "3"}
    assert RELEASES_KEPT == 10


def test_the_live_release_is_never_pruned(town: UnitStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in (1, 2, 3):
        deploy(town, number, a_page(tmp_path, f"p{number}"))
    release.make_live(town, Releases(town).list()[-1])
    monkeypatch.setattr(release, "RELEASES_KEPT", 1)
    assert [gone[:8] for gone in release.prune(town)] == ["20260302"]
    assert "assets/p1.js" in site_keys(town)


def test_the_command(town: UnitStage, tmp_path: Path, cli: Cli) -> None:
    assert "Nothing was released here" in cli("releases").out
    ran = cli(f"deploy --page {a_page(tmp_path, 'a')} --json", "a start\ny\n")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out[ran.out.index("{") :])["release"]["reason"] == "a start"
    (tmp_path / "empty").mkdir()
    ran = cli(f"deploy --page {tmp_path / 'empty'} --yes --reason new")
    assert ran.code == 1
    assert "is no built app" in ran.err


def test_a_first_deployment_with_a_domain_ends_green_and_prints_its_record(
    town: UnitStage, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The distribution's name is not known before; until the record is made, the domain leads nowhere."""
    record = DnsRecord("quests.town.org", "d111111abcdef8.cloudfront.net")
    monkeypatch.setattr(UnitStage, "missing_dns_record", lambda _: record)
    ran = cli(f"deploy --page {a_page(tmp_path, 'a')} --canary 0 --yes --reason first")
    assert ran.code == 0
    assert "once this DNS record is made: quests.town.org. CNAME d111111abcdef8.cloudfront.net." in ran.out
    monkeypatch.setattr(UnitStage, "missing_dns_record", lambda _: None)
    assert "DNS" not in cli(f"deploy --page {a_page(tmp_path, 'b')} --canary 0 --over-newer --yes --reason next").out


@pytest.mark.parametrize("answers", ["local\n", "y\n", "\n"])
def test_prod_by_hand_wants_its_name_typed_and_a_clean_tree(
    town: UnitStage, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch, answers: str
) -> None:
    object.__setattr__(town, "name", "prod")
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    dist = a_page(tmp_path, "a")
    ran = cli(f"deploy --stage prod --page {dist} --yes --reason emergency", answers)
    assert ran.code == 1
    assert "othing was changed" in ran.err
    monkeypatch.setattr(release, "commit", lambda: "0123456+dirty")
    assert "prod gets what is committed" in cli(f"deploy --stage prod --page {dist} --yes --reason x", "prod\n").err


def test_prod_by_hand_wants_a_terminal(
    town: UnitStage, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    object.__setattr__(town, "name", "prod")
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    ran = cli(f"deploy --stage prod --page {a_page(tmp_path, 'a')} --yes --reason emergency", "")
    assert (ran.code, "wants a person at a terminal" in ran.err, "say --yes" in ran.err) == (1, True, False)


def test_tools_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(OperatorError, match="git is not on the PATH"):
        release._git("status")
    with pytest.raises(OperatorError, match="npm is not on the PATH"):
        release._run(["npm", "run", "build"], "Building")


def test_a_command_that_fails_shows_the_end_of_what_it_said() -> None:
    with pytest.raises(OperatorError, match=r"(?s)Listing failed.*no-such-folder"):
        release._run(["ls", "/no-such-folder"], "Listing")
    with pytest.raises(OperatorError, match="git no-such-command"):
        release._git("no-such-command")


def test_what_a_command_says_is_passed_on_as_it_comes() -> None:
    """An `up` that is ended in the middle leaves its lines in the job's log."""
    said: list[str] = []
    script = "import sys; print('creating', flush=True); print('failed', file=sys.stderr); sys.exit(3)"
    with pytest.raises(OperatorError, match=r"(?s)up failed.*creating.*failed"):
        release._run([sys.executable, "-c", script], "up", said.append)
    assert [line.strip() for line in said] == ["creating", "failed"]


@pytest.fixture
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A repository of three commits, the oldest first."""
    monkeypatch.setattr(release, "REPOSITORY", tmp_path)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    release._git("init", "-q")
    commits = []
    for number in range(3):
        author = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        release._git(*author, "commit", "-q", "--allow-empty", "-m", str(number))
        commits.append(release._git("rev-parse", "HEAD"))
    return commits


def test_no_older_commit_goes_over_a_newer_one(town: UnitStage, history: list[str], cli: Cli) -> None:
    """A queue is no order: a run that waited longer, or was approved late, comes after a newer one."""
    first, second, third = history
    release.refuse_older_commit(town, first)
    for revision in (second, f"{second}+dirty"):
        put_live(town, revision)
        release.refuse_older_commit(town, third)
        release.refuse_older_commit(town, f"{second}+dirty")
        with pytest.raises(OperatorError, match=f"{second[:7]}, which is live, is not part of {first[:7]}"):
            release.refuse_older_commit(town, first)
    put_live(town, "f" * 40)
    with pytest.raises(OperatorError, match="git fetch --unshallow"):
        release.refuse_older_commit(town, third)


def put_live(stage: UnitStage, revision: str) -> None:
    """Make a release of a commit the live one."""
    made = Release(
        id="20260301T120000Z-abc", commit=revision, at=datetime(2026, 3, 1, tzinfo=UTC), actor="a", reason="r",
        versions={}, assets=[], entries=["index.html"], flags={},
    )  # fmt: skip
    Releases(stage).put(made)
    Releases(stage).make_current(made)


def test_an_older_commit_is_deployed_where_it_is_asked_for(
    town: UnitStage, history: list[str], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_live(town, history[2])
    monkeypatch.setattr(release, "commit", lambda: history[0])
    assert "would take it away again" in cli("deploy --dry-run").err
    assert cli("deploy --dry-run --over-newer").code == 0


@pytest.mark.parametrize("named", ["", "s3://another"])
def test_aws_is_provisioned_by_the_pulumi_cli_without_touching_the_tree(
    stage: UnitStage, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setenv("PULUMI_BACKEND_URL", named)
    ours = f"s3://civicforge-bootstrap-state-{stage.account}/local?region=us-east-1"

    def note(cli: PulumiCli, arguments: list[str], _log: Path, _say: Any) -> None:
        commands.append(arguments)
        assert cli.environment == ({} if named else {"PULUMI_BACKEND_URL": ours})
        assert cli.stack == stage.name
        assert Path(arguments[arguments.index("--config-file") + 1]).read_text()

    monkeypatch.setattr(PulumiCli, "_follow", note)
    release.provision(stage, "r7", 10)
    release.provision(stage, "r7", 0)
    tried, untried = commands
    assert tried[:2] == untried[:2] == ["up", "--yes"]
    assert tried[-4:] == ["--config", "civicforge:release=r7", "--config", "civicforge:canaryPercent=10"]
    assert untried[-2:] == ["--config", "civicforge:release=r7"], "prod's program refuses a canary of 0"

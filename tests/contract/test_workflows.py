"""The workflows as GitHub reads them: pins, permissions, time limits, environments, triggers, queues, targets."""

import json
import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.audit import NPM_LEVELS
from infra.bootstrap.github import DATA_LOSS_LABEL, DEPLOY_ENVIRONMENTS, preview_environment, rollout_environment
from infra.paths import REPOSITORY
from services.core.stages import ON_AWS

GITHUB = REPOSITORY / ".github"
FILES = sorted((GITHUB / "workflows").glob("*.yml"))
NAMES = ["ci", "deploy", "drift", "engine", "preview", "release", "rollout", "security", "simulation", "stage"]
ACTIONS = sorted(GITHUB.glob("actions/*/action.yml"))
STAGES = list(ON_AWS)

WRITES = {
    ("preview", "preview", "id-token"),
    ("preview", "comment", "pull-requests"),
    ("stage", "deploy", "id-token"),
    *(("deploy", stage, "id-token") for stage in STAGES),
    ("deploy", "by-hand", "id-token"),
    ("drift", "drift", "id-token"),
    ("drift", "report", "issues"),
    ("rollout", "rollout", "id-token"),
    ("security", "codeql", "security-events"),
    ("security", "scorecard", "security-events"),
    ("release", "release", "contents"),
    ("release", "release", "id-token"),
    ("release", "release", "attestations"),
}
"""Every permission to write that any job has."""


def workflow(name: str) -> dict[str, Any]:
    """A workflow; YAML 1.1 reads its key `on` as true."""
    loaded = yaml.safe_load((GITHUB / "workflows" / f"{name}.yml").read_text(encoding="utf-8"))
    return {"on" if key is True else key: value for key, value in loaded.items()}


def jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Workflow, job, what it says."""
    for name in NAMES:
        for job, content in workflow(name)["jobs"].items():
            yield name, job, content


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step, with where it is."""
    for name, job, content in jobs():
        yield from ((f"{name}.{job}", step) for step in content.get("steps", []))
    for path in ACTIONS:
        yield from (
            (path.parent.name, step) for step in yaml.safe_load(path.read_text(encoding="utf-8"))["runs"]["steps"]
        )


def test_these_are_all_workflows() -> None:
    assert [path.stem for path in FILES] == NAMES


# Hardening.


@pytest.mark.parametrize("path", [*FILES, *ACTIONS], ids=lambda path: path.parent.name + "/" + path.stem)
def test_actions_are_pinned_by_commit_with_their_version_beside(path: Path) -> None:
    uses = re.findall(r"uses: (\S+)(.*)", path.read_text(encoding="utf-8"))
    for action, rest in uses:
        if not action.startswith("$/.github/"):
            assert re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40}", action), action
            assert re.fullmatch(r" # v\d+(\.\d+\.\d+)?", rest), action
        else:
            assert (REPOSITORY / action.removeprefix("$/")).exists(), action


def test_one_version_of_each_action() -> None:
    found: dict[str, set[str]] = {}
    for path in [*FILES, *ACTIONS]:
        for action, commit in re.findall(r"uses: ([\w.-]+/[\w.-]+)\S*@(\S+)", path.read_text(encoding="utf-8")):
            found.setdefault(action, set()).add(commit)
    assert found
    assert {action for action, commits in found.items() if len(commits) > 1} == set()


def test_nothing_is_permitted_but_what_a_job_says() -> None:
    for name in NAMES:
        assert workflow(name)["permissions"] == {}, name
    for name, job, content in jobs():
        assert "permissions" in content, f"{name}.{job}"
        assert isinstance(content["permissions"], dict), f"{name}.{job}"
        assert set(content["permissions"].values()) <= {"read", "write"}
    writing = {
        (name, job, key)
        for name, job, content in jobs()
        for key, value in content["permissions"].items()
        if value == "write"
    }
    assert writing == WRITES


def test_every_permission_says_what_for() -> None:
    for path in FILES:
        for line in path.read_text(encoding="utf-8").splitlines():
            if re.match(r"\s+[a-z-]+: (read|write)\b", line):
                assert "# to " in line, f"{path.stem}: {line}"


def test_every_job_ends() -> None:
    for name, job, content in jobs():
        if "uses" not in content:
            assert 1 <= content["timeout-minutes"] <= 60, f"{name}.{job}"
            assert content["runs-on"] == "ubuntu-24.04", f"{name}.{job}"


def test_no_credentials_stay_in_a_checkout() -> None:
    checkouts = [step for _, step in steps() if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_no_expression_becomes_shell() -> None:
    scripts = [(where, step["run"]) for where, step in steps() if "run" in step]
    scripts += [(where, step["with"]["script"]) for where, step in steps() if "script" in step.get("with", {})]
    assert scripts
    for where, script in scripts:
        assert "${{" not in script, where


def test_no_workflow_runs_a_strangers_code_with_our_rights() -> None:
    for name in NAMES:
        assert not {"pull_request_target", "workflow_run", "issue_comment"} & set(workflow(name)["on"]), name


def test_nobody_inherits_secrets() -> None:
    for path in FILES:
        text = path.read_text(encoding="utf-8")
        assert "secrets:" not in text, path.stem
        assert "secrets." not in text, path.stem


# Triggers, environments, queues.


def test_triggers() -> None:
    found = {name: workflow(name)["on"] for name in NAMES}
    assert set(found["ci"]) == {"pull_request", "workflow_call"}
    assert set(found["preview"]) == {"pull_request"}
    assert set(found["stage"]) == {"workflow_call"}
    assert found["deploy"]["push"] == {"branches": ["main"]}
    assert set(found["deploy"]) == {"push", "workflow_dispatch"}
    assert found["release"] == {"push": {"tags": ["v*"]}}
    daily, weekly = found["drift"]["schedule"][0]["cron"], found["security"]["schedule"][0]["cron"]
    assert re.fullmatch(r"\d+ \d+ \* \* \*", daily)
    assert re.fullmatch(r"\d+ \d+ \* \* \d", weekly)
    assert set(found["rollout"]) == {"schedule", "workflow_dispatch"}
    assert re.fullmatch(r"\d+ \* \* \* \*", found["rollout"]["schedule"][0]["cron"]), "hourly"
    assert "pull_request" in found["security"]
    assert set(found["simulation"]) == {"schedule", "workflow_dispatch"}
    assert re.fullmatch(r"\d+ \d+ \* \* \*", found["simulation"]["schedule"][0]["cron"]), "nightly"


def test_a_merge_goes_through_the_stages_in_order_and_after_the_checks() -> None:
    deploy = workflow("deploy")["jobs"]
    assert deploy["checks"]["uses"] == "$/.github/workflows/ci.yml"
    assert set(deploy) == {"checks", "page", "by-hand", *STAGES}
    assert set(deploy[STAGES[0]]["needs"]) == set(deploy["by-hand"]["needs"]) == {"checks", "page"}
    for former, stage in pairwise(STAGES):
        assert deploy[stage]["needs"] == former
    for stage in STAGES:
        assert deploy[stage]["uses"] == "$/.github/workflows/stage.yml"
        assert deploy[stage]["with"]["stage"] == stage
    assert deploy[STAGES[0]]["if"] == "github.event_name == 'push'"
    assert deploy["by-hand"]["if"] == "github.event_name == 'workflow_dispatch'"
    inputs = workflow("deploy")["on"]["workflow_dispatch"]["inputs"]
    assert inputs["stage"]["options"] == STAGES
    assert inputs["reason"]["required"]


def environment_of(stage: str) -> str:
    """The environment that stage.yml's expression, a chain of `a && b || c`, gives for a stage."""
    expression = workflow("stage")["jobs"]["deploy"]["environment"].removeprefix("${{ ").removesuffix(" }}")
    for alternative in expression.split(" || "):
        condition, _, value = alternative.rpartition(" && ")
        if not condition or condition == f"inputs.stage == '{stage}'":
            return str(value).strip("'")
    raise AssertionError(expression)


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_is_deployed_from_the_environment_that_its_role_trusts(stage: str) -> None:
    assert environment_of(stage) == DEPLOY_ENVIRONMENTS[stage]


@pytest.mark.parametrize("name", ["preview", "drift"])
def test_previews_and_drift_only_read(name: str) -> None:
    job = workflow(name)["jobs"][name]
    assert job["strategy"]["matrix"] == {"stage": STAGES}
    assert job["environment"] == "preview-${{ matrix.stage }}"
    assert preview_environment("dev") == "preview-dev"
    assert {step["run"] for step in job["steps"] if "run" in step} == {f"make {name}"}


def test_rollouts_go_on_from_main_in_environments_that_ask_nobody() -> None:
    (job,) = workflow("rollout")["jobs"].values()
    assert job["if"] == "github.ref == 'refs/heads/main'"
    assert job["strategy"] == {"fail-fast": False, "matrix": {"stage": STAGES}}
    assert job["environment"] == "rollout-${{ matrix.stage }}"
    assert rollout_environment("dev") == "rollout-dev"
    assert job["concurrency"] == {"group": "rollout-${{ matrix.stage }}", "cancel-in-progress": False, "queue": "max"}
    (run,) = (step for step in job["steps"] if "run" in step)
    assert run["run"] == "make rollout"
    assert run["env"]["STAGE"] == "${{ matrix.stage }}"
    assert run["env"]["REASON"], "without one nothing is changed"
    assert not any("continue-on-error" in part for part in [job, *job["steps"]]), "one that fell back fails the job"


def test_new_dependencies_of_a_pull_request_are_reviewed() -> None:
    job = workflow("security")["jobs"]["dependency-review"]
    assert job["if"] == "github.event_name == 'pull_request'"
    assert job["permissions"] == {"contents": "read"}
    (review,) = (step for step in job["steps"] if "/dependency-review-action@" in step["uses"])
    assert review["with"] == {"fail-on-severity": NPM_LEVELS[0]}


def test_forks_get_no_credentials() -> None:
    same = "github.event.pull_request.head.repo.full_name == github.repository"
    assert workflow("preview")["jobs"]["preview"]["if"] == same
    assert same in workflow("preview")["jobs"]["comment"]["if"]


def test_the_job_that_may_comment_runs_no_code_of_the_branch() -> None:
    uses = [step.get("uses", "") for step in workflow("preview")["jobs"]["comment"]["steps"]]
    assert [use.split("@")[0] for use in uses] == ["actions/download-artifact", "actions/github-script"]


def test_every_stage_has_its_preview_in_the_pull_request() -> None:
    *_, comment = workflow("preview")["jobs"]["comment"]["steps"]
    (stages,) = re.findall(r"for \(const stage of (\[.*?\])\)", comment["with"]["script"])
    assert json.loads(stages) == STAGES


def test_the_label_that_accepts_the_loss_of_data_is_asked_for_by_name() -> None:
    (run,) = (step for step in workflow("preview")["jobs"]["preview"]["steps"] if "run" in step)
    assert f"'{DATA_LOSS_LABEL}'" in run["env"]["DATA_LOSS_ACCEPTED"]
    assert {"labeled", "unlabeled"} <= set(workflow("preview")["on"]["pull_request"]["types"])


def test_one_queue_per_stack_that_is_never_cancelled() -> None:
    deploying = workflow("stage")["jobs"]["deploy"]["concurrency"]
    assert deploying == {"group": "stack-${{ inputs.stage }}", "cancel-in-progress": False, "queue": "max"}
    assert workflow("deploy")["concurrency"]["cancel-in-progress"] is False
    for name in NAMES:
        content = workflow(name)
        assert "concurrency" in content or all("concurrency" in job for job in content["jobs"].values()), name


def test_every_check_is_behind_the_one_that_is_required() -> None:
    ci = workflow("ci")["jobs"]
    assert set(ci["all-green"]["needs"]) == set(ci) - {"all-green"}
    assert ci["all-green"]["if"] == "always()"


def test_ci_runs_all_that_make_test_runs() -> None:
    (recipe,) = re.findall(
        r"^test:.*\n((?:\t.*\n)+)", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE
    )
    parts = {word for line in recipe.splitlines() for word in line.split()[1:] if not word.startswith("-")}
    called = [step.split()[1:] for step in _scripts("ci") if step.startswith("make ")]
    targets = {word for words in called for word in words if "=" not in word}
    assert targets == {*parts, "instructions"}, "a pull request alone has a base whose instructions it is compared with"


def _scripts(name: str) -> list[str]:
    return [step["run"] for job in workflow(name)["jobs"].values() for step in job.get("steps", []) if "run" in step]


def test_workflows_are_thin_callers_of_make() -> None:
    made = set(
        re.findall(r"^([a-z0-9][a-z0-9 -]*):(?!=)", (REPOSITORY / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    )
    targets = {target for line in made for target in line.split()}
    called = [(name, script) for name in NAMES for script in _scripts(name)]
    assert called
    for name, script in called:
        if not script.startswith(("gh release create ", "sudo apt-get install ")):
            words = script.split()
            assert words[0] == "make", f"{name}: {script}"
            assert {word for word in words[1:] if "=" not in word} <= targets, f"{name}: {script}"


def test_the_pulumi_cli_is_the_version_of_the_sdk() -> None:
    setup = (GITHUB / "actions" / "setup" / "action.yml").read_text(encoding="utf-8")
    (cli,) = re.findall(r"pulumi-version: (\S+)", setup)
    assert f"\npulumi=={cli}\n" in (REPOSITORY / "requirements" / "dev.in").read_text(encoding="utf-8")


# Keys.

KEY = re.compile(
    r"(?<![A-Z0-9])(?:AKIA|ASIA)[A-Z0-9]{16}(?![A-Z0-9])|(?i:aws_secret_access_key)\s*[=:]\s*['\"]?[A-Za-z0-9/+]{40}\b"
)


def test_no_aws_key_is_in_the_repository() -> None:
    files = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    found = [
        name
        for name in files.split("\0")
        if name
        and (REPOSITORY / name).is_file()
        and KEY.search((REPOSITORY / name).read_text(encoding="utf-8", errors="ignore"))
    ]
    assert found == []
    assert KEY.search("AKIA" + "IOSFODNN7" + "EXAMPLE"), "the pattern finds one"


LEAKS = {
    "in-a-call.py": 'client = boto3.client("s3", aws_access_key_id="{key_id}")',
    "in-an-environment.yml": "env:\n  AWS_SECRET_ACCESS_KEY: {secret}",
    "in-a-shell.sh": "export AWS_SECRET_ACCESS_KEY={secret}",
    "in-a-picture.svg": "<!-- {key_id} -->",
    "package-lock.json": '{{"resolved": "https://anna:{word}@packages.example/x.tgz"}}',
    "key.pem": "-----BEGIN RSA PRIVATE {end}-----",
    "token.ts": 'const token = "{github}";',
}
"""Files that must not be committed. What makes each a secret is put in when the test runs."""


def look_for_secrets(*files: Path) -> tuple[int, str]:
    """Runs `make secrets` on these files: its exit code and its output."""
    command = ["make", "secrets", f"FILES={' '.join(map(str, files))}"]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


def test_a_secret_does_not_pass_the_checks(tmp_path: Path) -> None:
    made_up = {
        "key_id": "AKIA" + "Q3EGRT5WNXBLPZ7M",
        "secret": "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYzQ8vT3pLmN",
        "word": "hunter2",
        "end": "KEY",
        "github": "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
    }
    for name, text in LEAKS.items():
        (tmp_path / name).write_text(text.format(**made_up))
    code, said = look_for_secrets(*tmp_path.iterdir())
    assert code != 0
    found = set(re.findall(r"^Location: +(.+):\d+$", said, re.MULTILINE))
    assert found == {str(tmp_path / name) for name in LEAKS}


def test_a_file_without_secrets_passes(tmp_path: Path) -> None:
    (tmp_path / "quiet.py").write_text('PASSWORD = "a long enough passphrase"\n')
    assert look_for_secrets(tmp_path / "quiet.py") == (0, "")


def test_secrets_are_looked_for_in_all_that_git_has() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    assert re.search(r"^check: .*\bsecrets\b.* ##", makefile, re.MULTILINE)
    printed = subprocess.run(
        ["make", "-n", "secrets"], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout
    assert "git ls-files -z --cached --others --exclude-standard |" in printed


def test_credentials_come_from_a_role_alone() -> None:
    configured = [
        step for _, step in steps() if step.get("uses", "").startswith("aws-actions/configure-aws-credentials@")
    ]
    assert len(configured) == 4
    for step in configured:
        assert step["with"] == {
            "role-to-assume": "${{ vars.AWS_ROLE_TO_ASSUME }}",
            "aws-region": "${{ vars.AWS_REGION }}",
        }


# Linters.


def test_the_linters_find_nothing() -> None:
    done = subprocess.run(["make", "workflows"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_dependabot_sees_every_lock() -> None:
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text(encoding="utf-8"))["updates"]
    watched = {
        (update["package-ecosystem"], folder)
        for update in updates
        for folder in update.get("directories", [update.get("directory")])
    }
    npm = {
        ("npm", f"/{path.parent.relative_to(REPOSITORY)}")
        for path in [*REPOSITORY.glob("*/package-lock.json"), *REPOSITORY.glob("tests/*/package-lock.json")]
    }
    actions = {
        ("github-actions", "/"),
        *(("github-actions", f"/{path.parent.relative_to(REPOSITORY)}") for path in ACTIONS),
    }
    assert watched == {("pip", "/requirements")} | npm | actions
    assert all(update["cooldown"]["default-days"] >= 7 for update in updates)


def test_main_demands_what_the_workflows_end_in() -> None:
    """A red preview that nothing requires would not keep anybody from losing data."""
    ruleset = json.loads((REPOSITORY / ".github" / "ruleset.json").read_text(encoding="utf-8"))
    (checks,) = (rule["parameters"] for rule in ruleset["rules"] if rule["type"] == "required_status_checks")
    demanded = {check["context"] for check in checks["required_status_checks"]}
    assert demanded == {"all-green", "all-previewed"}
    assert {*workflow("ci")["jobs"]["all-green"]["needs"]} == {*workflow("ci")["jobs"]} - {"all-green"}
    ended = workflow("preview")["jobs"]["all-previewed"]
    assert (ended["if"], ended["needs"], ended["steps"][0]["with"]["allowed-skips"]) == (
        "always()",
        "preview",
        "preview",
    )

"""A stage's preview without AWS: the program of this tree against that of a commit, by the embedded engine on paper.

    python -m localcloud.compare STAGE COMMIT    # prints the preview in Pulumi's JSON

It says what a change of the code changes. What only AWS knows (drift, live values, the release that runs) it cannot.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from pulumi.output import Unknown

from infra.paths import REPOSITORY
from localcloud.engine import deployment
from localcloud.engine.document import preview_document
from localcloud.provider.values import UNKNOWN

_UP: Final = """
import sys
from pathlib import Path
from localcloud.engine import deployment
stage, root, state, artifacts = sys.argv[1:]
deployment.up(
    stage, endpoint="", state_dir=Path(state), root=Path(root), on_paper=True, overrides={"artifacts": artifacts}
)
"""


class ComparisonError(Exception):
    """The program of the commit cannot be run; the message has its error."""


def preview_document_against(commit: str, stage: str) -> dict[str, Any]:
    """The preview in Pulumi's JSON of what this tree changes on a stage that is as `commit` declares it.

    Raises:
        ComparisonError: there is no such commit, or a program fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        before, engine, state = (Path(folder) / name for name in ("before", "engine", "state"))
        _check_out(commit, before)
        # The commit's program on this tree's engine, which reads a stage's configuration by `infra.stack_config`.
        shutil.rmtree(before / "localcloud", ignore_errors=True)
        shutil.copy(REPOSITORY / "infra" / "stack_config.py", before / "infra")
        engine.mkdir()
        (engine / "localcloud").symlink_to(REPOSITORY / "localcloud")
        # A stage that the commit does not have is compared with nothing.
        if (before / f"Pulumi.{stage}.yaml").exists():
            _stand_up(stage, commit, before, engine, state)
        new = str(_artifacts(REPOSITORY, Path(folder) / "new"))
        try:
            report = deployment.preview(
                stage, endpoint="", state_dir=state, root=REPOSITORY, on_paper=True, overrides={"artifacts": new}
            )
        except deployment.EngineError as error:
            raise ComparisonError(f"This tree's program fails: {error}") from error
    document: dict[str, Any] = json.loads(json.dumps(preview_document(report, {}), default=_plain))
    return document


def _plain(value: object) -> str:
    """A value that JSON lacks; one that only the deployment will know as Pulumi writes it."""
    return UNKNOWN if isinstance(value, Unknown) else str(value)


def _stand_up(stage: str, commit: str, before: Path, engine: Path, state: Path) -> None:
    """Leaves in `state` the stage as the commit's tree `before` declares it. Raises ComparisonError."""
    artifacts = _artifacts(before, before.parent / "old")
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-c", _UP, stage, str(before), str(state), str(artifacts)],
        cwd=before,
        env={"PYTHONPATH": f"{before}:{engine}", "PATH": "/usr/bin:/bin", "HOME": str(before.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ComparisonError(f"The program of {commit} fails:\n{done.stderr.strip()[-1500:]}")


def _check_out(commit: str, folder: Path) -> None:
    folder.mkdir()
    archive = folder / "commit.tar"
    done = subprocess.run(  # noqa: S603 - fixed arguments
        ["git", "archive", "-o", str(archive), commit],  # noqa: S607 - git of the PATH
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ComparisonError(f"There is no commit {commit}: {done.stderr.strip()}")
    shutil.unpack_archive(archive, folder, filter="data")


def _artifacts(tree: Path, folder: Path) -> Path:
    """In place of zips, what their sources are: a Lambda's code counts as changed where those are."""
    folder.mkdir()
    common = _digest([tree / "services" / "core", tree / "requirements" / "lambda.txt"])
    for package in (tree / "services").iterdir():
        if package.is_dir() and package.name != "core":
            (folder / f"{package.name}.zip").write_text(f"{common} {_digest([package])}", encoding="utf-8")
    return folder


def _digest(paths: list[Path]) -> str:
    found = hashlib.sha256()
    for path in paths:
        for file in sorted(path.rglob("*") if path.is_dir() else [path]):
            if file.is_file() and "__pycache__" not in file.parts:
                found.update(str(file.relative_to(path.parent)).encode() + b"\0" + file.read_bytes())
    return found.hexdigest()


if __name__ == "__main__":
    try:
        sys.stdout.write(json.dumps(preview_document_against(sys.argv[2], sys.argv[1])))
    except ComparisonError as error:
        raise SystemExit(str(error)) from error

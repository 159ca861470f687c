"""The import contracts, tried with imports that they must refuse; and keys that only the stores may spell."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infra.paths import REPOSITORY

PACKAGES = ("infra", "localcloud", "services", "ops")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages in a folder of their own, where files can be added."""
    folder = tmp_path_factory.mktemp("walls")
    shutil.copy(REPOSITORY / "pyproject.toml", folder)
    for package in PACKAGES:
        shutil.copytree(REPOSITORY / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.mark.parametrize(
    ("file", "line", "contract"),
    [
        ("services/notices/handler.py", "from services.api import views", "A service imports core"),
        ("services/rewards/more.py", "from services.api import views", "A service imports core"),
        ("services/core/more.py", "from services.rewards import payment", "A service imports core"),
        ("services/core/more.py", "import pulumi", "No service knows Pulumi"),
        ("services/core/domain/more.py", "import boto3", "The domain is pure"),
        ("services/core/more.py", "from infra import paths", "Imports point one way"),
        ("infra/more.py", "from services.api import views", "Nothing outside the services"),
        ("ops/shared/more.py", "from services.api import views", "Nothing outside the services"),
        ("infra/more.py", "from ops.shared import stage", "Imports point one way"),
        ("ops/commands/more.py", "from ops.commands import ledger", "No command of the CLI imports a command"),
        ("ops/shared/more.py", "from ops.commands import ledger", "What commands share knows no command"),
        ("localcloud/more.py", "from ops.shared import stage", "Imports point one way"),
    ],
)
def test_a_wall_holds(checkout: Path, file: str, line: str, contract: str) -> None:
    path = checkout / file
    package = path.parent / "__init__.py"
    made = [path, *([] if package.exists() else [package])]
    path.parent.mkdir(exist_ok=True)
    for new in made:
        new.write_text(f"{line}\n" if new is path else "", encoding="utf-8")
    try:
        command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
        done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False)
    finally:
        for new in made:
            new.unlink()
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
    assert done.returncode == 1
    *verdicts, _ = " ".join(done.stdout.split()).split("BROKEN")
    assert any(contract in row.rpartition("KEPT")[2] for row in verdicts), done.stdout


KEYS_OF_ITEMS = {"#", "#description", "#submission", "pair#"}
"""Parts of the keys in the quests table; `services.core.stores.quests` reads and makes them."""


def _spelled(source: str) -> list[int]:
    """The lines in which a part of an item's key is spelled, an f-string's parts included."""
    found = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant))
    return [node.lineno for node in found if isinstance(node.value, str) and node.value in KEYS_OF_ITEMS]


def test_only_core_spells_the_keys_of_a_quests_items() -> None:
    """A key that is renamed in the store would break a command that spells it, and only there."""
    assert _spelled('a = f"{quest_id}#description"\nb = "#" in key\nc = "#undone"') == [1, 2]
    core = REPOSITORY / "services/core"
    found = [
        f"{path.relative_to(REPOSITORY)}:{line}"
        for package in PACKAGES
        for path in (REPOSITORY / package).rglob("*.py")
        if core not in path.parents and path != REPOSITORY / "infra/observability/build.py"
        for line in _spelled(path.read_text(encoding="utf-8"))
    ]
    assert not found, f"use quest_of, is_quest or item_ids of services.core.stores.quests: {', '.join(found)}"

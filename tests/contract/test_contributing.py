"""The contributor's guides: the files, targets and tests that they name are there."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from infra.paths import REPOSITORY

RECIPES = sorted((REPOSITORY / "docs" / "contributing").glob("*.md"))
GUIDES = [REPOSITORY / "CONTRIBUTING.md", *RECIPES]
DECISIONS = sorted((REPOSITORY / "docs" / "decisions").glob("*.md"))
EXAMPLES = {"services/notices/handler.py", "tests/unit/services/notices/", "Pulumi.fair.yaml"}
"""Files that a recipe has somebody make."""
PATH = re.compile(r"`((?:[\w.-]+/)+[\w.*-]*|[\w-]+\.(?:py|toml|yaml|md|json))`")


def _named(guide: Path) -> set[str]:
    found = {path for path in PATH.findall(guide.read_text(encoding="utf-8")) if not path.endswith("<feature>/")}
    return {path for path in found if not path.startswith("__") and path not in EXAMPLES}


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_the_files_that_a_guide_names_exist(guide: Path) -> None:
    named = _named(guide)
    assert named, f"{guide.name} names no file"
    missing = [path for path in named if not list(REPOSITORY.glob(path.rstrip("/")))]
    assert not missing, f"{guide.name} names {', '.join(sorted(missing))}"


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_the_targets_that_a_guide_names_exist(guide: Path) -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"`(?:\$ )?make ([a-z0-9-]+)", guide.read_text(encoding="utf-8"))):
        assert re.search(rf"^(?:[a-z0-9-]+ )*{target}(?: [a-z0-9-]+)*:", makefile, re.MULTILINE), f"make {target}"


def test_contributing_lists_every_recipe_and_each_says_what_is_forgotten() -> None:
    listed = re.findall(r"\(docs/contributing/([\w-]+\.md)\)", (REPOSITORY / "CONTRIBUTING.md").read_text("utf-8"))
    assert sorted(listed) == [path.name for path in RECIPES]
    assert all("The part that gets forgotten:" in path.read_text(encoding="utf-8") for path in RECIPES)


def test_the_version_stands_in_one_place() -> None:
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert '"version"' not in (REPOSITORY / "frontend" / "package.json").read_text(encoding="utf-8")
    for tag, code in ((f"v{version}", 0), ("v0.0.1", 2)):
        command = ["make", "-s", "tag-check", f"GITHUB_REF_NAME={tag}"]
        assert subprocess.run(command, cwd=REPOSITORY, capture_output=True, check=False).returncode == code, tag


@pytest.mark.parametrize(
    "decision", sorted((REPOSITORY / "docs" / "decisions").glob("*.md")), ids=lambda path: path.name
)
def test_a_decision_has_a_number_of_its_own(decision: Path) -> None:
    number = decision.name[:4]
    assert number.isdigit()
    assert len(list(decision.parent.glob(f"{number}-*.md"))) == 1

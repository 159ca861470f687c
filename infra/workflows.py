"""Writes what the workflows say of the stages from their declaration: `python -m infra.workflows [--check]`."""

import argparse
import re
import sys
from functools import partial
from itertools import pairwise
from pathlib import Path

from infra.paths import REPOSITORY
from services.core.stages import ON_AWS, STAGES

FOLDER = REPOSITORY / ".github" / "workflows"

_JOB = """\
  {stage}:
    needs: {needs}
    permissions:
      contents: read # to check out
      id-token: write # to assume the deploy role
    uses: $/.github/workflows/stage.yml
    with:
      stage: {stage}
      reason: merge of ${{{{ github.sha }}}}
"""


def _list(stages: tuple[str, ...]) -> str:
    return f"[{', '.join(stages)}]"


def _environments() -> str:
    """The expression that gives the GitHub environment of `inputs.stage`; an unknown stage has none with a role."""
    chosen = [f"inputs.stage == '{name}' && '{STAGES[name].environment}'" for name in ON_AWS]
    return f"${{{{ {' || '.join(chosen)} || inputs.stage }}}}"


def _jobs() -> str:
    """The jobs that follow the first stage's, each after the stage before it."""
    return "".join(_JOB.format(stage=stage, needs=needs) for needs, stage in pairwise(ON_AWS))


def _put(new: str, found: re.Match[str]) -> str:
    return found[1] + new


def written(text: str) -> str:
    """The text of a workflow with the declared stages."""
    jobs = _jobs()
    for pattern, new in (
        (r"(?m)^( +matrix:\n +stage: )\[.*\]$", _list(ON_AWS)),
        (r"(?m)^( +type: choice\n +options: )\[.*\]$", _list(ON_AWS)),
        (r"(for \(const stage of )\[.*?\]", "[" + ", ".join(f'"{stage}"' for stage in ON_AWS) + "]"),
        (r"(?m)^( +environment: )\$\{\{ inputs\.stage == .*$", _environments()),
        (rf"(?m)^(  {ON_AWS[0]}:\n(?:    .*\n)+)(?:  (?!by-hand:)\S+:\n(?:    .*\n)+)*(?=  by-hand:)", jobs),
    ):
        text = re.sub(pattern, partial(_put, new), text)
    return text


def main(arguments: list[str] | None = None, folder: Path = FOLDER) -> int:
    """Returns the exit code: 1 where `--check` finds a workflow that names other stages."""
    parser = argparse.ArgumentParser(prog="python -m infra.workflows", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing, fail where a workflow is stale")
    options = parser.parse_args(arguments)
    code = 0
    for path in sorted(folder.glob("*.yml")):
        text = path.read_text(encoding="utf-8")
        if (new := written(text)) == text:
            continue
        if options.check:
            sys.stderr.write(f"{path.name} does not have the declared stages: run python -m infra.workflows\n")
            code = 1
        else:
            path.write_text(new, encoding="utf-8")
    return code


if __name__ == "__main__":
    sys.exit(main())

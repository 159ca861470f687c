"""Builds one zip per Lambda, the same bytes from the same input: `python -m infra.lambda_zips --target aws|host`.

A zip holds what its handler can import and nothing else: the modules of `services` that it reaches and, of the
packages that `requirements/lambda.txt` names, those that they need. `docs/decisions/0004-lambda-zips.md` says why the
byte code, the botocore data and the certificates look as they do.
"""

import argparse
import ast
import gzip
import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import Distribution
from pathlib import Path
from typing import Any, Literal

from uv import find_uv_bin

from infra.paths import REPOSITORY
from services.core.services import SERVICES

LOCK = Path("requirements/lambda.txt")
CODE_PATH = "/var/task"
"""The folder in which Lambda unpacks a zip; tracebacks name this folder."""
SIZE_GOAL = 5_000_000
"""Bytes of one zip for AWS; docs/performance.md. Host zips hold the larger x86-64 build of pydantic-core."""

AWS_OPERATIONS = {
    "cloudwatch": frozenset({"DescribeAlarms", "EnableAlarmActions", "GetMetricData"}),
    "cognito-idp": frozenset(
        {
            *("AdminDeleteUser", "AdminDisableUser", "AdminEnableUser", "AdminGetUser", "AdminUserGlobalSignOut"),
            *("ListUsers", "ListUsersInGroup"),
        }
    ),
    "lambda": frozenset({"Invoke"}),
    "s3": frozenset({"DeleteObject", "GetObject", "ListObjectsV2", "PutObject"}),
    "sesv2": frozenset({"SendEmail"}),
}
"""Operations that the Lambdas call through botocore, by service: a client is made from these operations alone."""

AMAZON_ROOTS = 5
"""Amazon Root CA 1 to 4 and Starfield Services Root CA - G2: https://www.amazontrust.com/repository/."""

DATA_SUFFIXES = (".json", ".html", ".pem")
"""Files beside the modules of a package of core that belong to it: catalogues of words, templates, certificates."""

TargetName = Literal["aws", "host"]
LAMBDA_PYTHON = "3.13"
LAMBDA_PLATFORM = "aarch64-manylinux2014"


class PackagingError(RuntimeError):
    """A zip cannot be built; the message says why and what to do."""


def _run(*command: str | Path, env: dict[str, str] | None = None) -> str:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=env)  # noqa: S603 - fixed commands
    if done.returncode:
        raise PackagingError(f"`{' '.join(words)}` failed:\n{done.stdout}{done.stderr}".rstrip())
    return done.stdout


@dataclass(frozen=True)
class Target:
    """The platform that a zip runs on: AWS, or this machine with an interpreter like the running one."""

    name: TargetName

    @cached_property
    def python(self) -> Path:
        """The interpreter that writes the target's byte code. Raises PackagingError if there is none."""
        if self.name == "host":
            return Path(sys.executable)
        try:
            # A pyenv shim answers only for the version that PYENV_VERSION names; others ignore the variable.
            env = os.environ | {"PYENV_VERSION": LAMBDA_PYTHON}
            found = _run(find_uv_bin(), "python", "find", "--no-project", "--resolve-links", LAMBDA_PYTHON, env=env)
            # A shim stays one when resolved: only the interpreter itself knows where it is.
            return Path(_run(found.strip(), "-c", "import sys; print(sys.executable)", env=env).strip())
        except PackagingError as error:
            raise PackagingError(
                f"Python {LAMBDA_PYTHON} compiles the byte code of the Lambdas and is not here. "
                f"`uv python install {LAMBDA_PYTHON}` installs it (so do pyenv, apt or dnf).\n{error}"
            ) from None

    @cached_property
    def version(self) -> str:
        """Full version of that interpreter: byte code may differ between patch releases."""
        return _run(self.python, "-IS", "-c", "import platform; print(platform.python_version())").strip()

    @property
    def install_options(self) -> tuple[str, ...]:
        """The options of `uv pip install` that choose wheels of the platform."""
        if self.name == "host":
            return ("--python", str(self.python))
        return ("--python", str(self.python), "--python-version", LAMBDA_PYTHON, "--python-platform", LAMBDA_PLATFORM)

    def compile(self, folder: Path, *, sourceless: bool) -> None:
        """Byte code with unchecked hashes beside each source; `sourceless` puts it in the source's place."""
        options = ("-q", "-j1", "--invalidation-mode", "unchecked-hash", *(("-b",) if sourceless else ()))
        # Not -I: it would ignore the hash seed, and with it the order of constants.
        command = (self.python, "-Ss", "-m", "compileall", *options, "-s", folder, "-p", CODE_PATH, folder)
        _run(*command, env={"PYTHONHASHSEED": "0"})
        if sourceless:
            for source in folder.rglob("*.py"):
                source.unlink()


@dataclass(frozen=True)
class Package:
    """An installed distribution: its top-level names in the layer, and the distributions that it requires."""

    top: tuple[str, ...]
    requires: tuple[str, ...]


@dataclass(frozen=True)
class Layer:
    """The locked packages, installed, trimmed and compiled for one target."""

    site: Path
    packages: dict[str, Package]
    digest: str

    def provider(self, module: str) -> str | None:
        """The distribution that a module belongs to; None if the layer has no such module."""
        if _module_file(self.site, module, ".pyc") is None:
            return None
        top = module.partition(".")[0]
        return next(name for name, package in self.packages.items() if top in package.top)

    def closure(self, names: set[str]) -> set[str]:
        """These distributions and all that they require."""
        found: set[str] = set()
        todo = set(names)
        while todo:
            name = todo.pop()
            found.add(name)
            todo |= set(self.packages[name].requires) - found
        return found

    def files(self, names: set[str]) -> dict[str, Path]:
        """Path in the zip to file, of these distributions."""
        tops = {top for name in names for top in self.packages[name].top}
        return {
            path.relative_to(self.site).as_posix(): path
            for path in sorted(self.site.rglob("*"))
            if path.is_file() and path.relative_to(self.site).parts[0].removesuffix(".pyc") in tops
        }


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked_names(lock: str) -> set[str]:
    """The distributions that a requirements lock names, in canonical form (PEP 503)."""
    return {_canonical(name) for name in re.findall(r"^([A-Za-z0-9][\w.-]*)==", lock, re.MULTILINE)}


def _installed(site: Path, locked: set[str]) -> dict[str, Package]:
    found: dict[str, Package] = {}
    owned: set[str] = set()
    for distribution in Distribution.discover(path=[str(site)]):
        name = _canonical(distribution.metadata["Name"])
        requires = {
            _canonical(match[0])
            for line in distribution.requires or ()
            if "extra ==" not in line and (match := re.match(r"[\w.-]+", line))
        }
        tops = {file.parts[0] for file in distribution.files or ()}
        owned |= tops
        modules = {top.removesuffix(".py") for top in tops if not top.endswith((".dist-info", "..", "bin"))}
        # A requirement that is not locked holds on other platforms only: with hashes, uv refuses a missing one.
        found[name] = Package(top=tuple(sorted(modules)), requires=tuple(sorted(requires & locked)))
    if stray := (found.keys() - locked) | ({path.name for path in site.iterdir()} - owned - {"bin", ".lock"}):
        raise PackagingError(f"Not named by {LOCK}, but installed: {', '.join(sorted(stray))}.")
    return found


def _shapes(part: Any) -> Iterator[str]:
    """The shapes that a part of a service model refers to."""
    if isinstance(part, dict):
        if isinstance(part.get("shape"), str):
            yield part["shape"]
        part = list(part.values())
    if isinstance(part, list):
        for inner in part:
            yield from _shapes(inner)


def _without_documentation(part: Any) -> Any:
    if isinstance(part, dict):
        kept = {k: v for k, v in part.items() if not (k == "documentation" and isinstance(v, str))}
        return {key: _without_documentation(value) for key, value in kept.items()}
    return [_without_documentation(inner) for inner in part] if isinstance(part, list) else part


def trimmed_model(model: dict[str, Any], operations: AbstractSet[str]) -> dict[str, Any]:
    """A service model of botocore with these operations and the shapes that they need, undocumented."""
    model = _without_documentation(model)
    for parameter in model.get("clientContextParams", {}).values():
        parameter["documentation"] = ""  # botocore does not do without it
    model["operations"] = {name: value for name, value in model["operations"].items() if name in operations}
    reached: set[str] = set()
    todo = set(_shapes(model["operations"]))
    while todo:
        reached |= todo
        todo = {name for shape in todo for name in _shapes(model["shapes"][shape])} - reached
    return model | {"shapes": {name: shape for name, shape in model["shapes"].items() if name in reached}}


def _trim_botocore(botocore: Path) -> None:
    prefixes: set[str] = set()
    for folder in (path for path in (botocore / "data").iterdir() if path.is_dir()):
        if folder.name not in AWS_OPERATIONS:
            shutil.rmtree(folder)
            continue
        *superseded, version = sorted(folder.iterdir())
        for path in superseded:
            shutil.rmtree(path)
        (version / "examples-1.json").unlink()
        for path in version.glob("*.gz"):
            content = json.loads(gzip.decompress(path.read_bytes()))
            path.unlink()
            if path.name == "service-2.json.gz":
                content = trimmed_model(content, AWS_OPERATIONS[folder.name])
                prefixes.add(content["metadata"]["endpointPrefix"])
            path.with_suffix("").write_text(json.dumps(content, separators=(",", ":")))
    endpoints = botocore / "data/endpoints.json"
    regions = json.loads(endpoints.read_bytes())
    for partition in regions["partitions"]:
        partition["services"] = {k: v for k, v in partition["services"].items() if k in prefixes}
    endpoints.write_text(json.dumps(regions, separators=(",", ":")))
    _keep_amazon_roots(botocore / "cacert.pem")


def _keep_amazon_roots(bundle: Path) -> None:
    certificates = bundle.read_text().split("# Issuer: ")[1:]
    roots = [c for c in certificates if re.match(r"CN=(Amazon|Starfield Services) Root C", c)]
    if len(roots) != AMAZON_ROOTS:
        raise PackagingError(f"botocore's {bundle.name} has {len(roots)} roots of Amazon, not {AMAZON_ROOTS}.")
    bundle.write_text("".join(f"# Issuer: {root}" for root in roots))


DROPPED = (
    *("*.dist-info", "*/_vendor/*.dist-info", "bin", ".lock", "**/*.pyi", "**/py.typed"),
    *("pydantic/v1", "pydantic/mypy.py", "dateutil/zoneinfo", "urllib3/contrib/emscripten"),
    *("dateutil/rrule.py", "dateutil/easter.py"),
    *("aws_lambda_powertools/event_handler", "ecdsa/test_*.py"),
    *(
        f"aws_lambda_powertools/utilities/{name}"
        for name in (
            *("auth_alpha", "batch", "circuit_breaker", "data_classes", "data_masking", "feature_flags", "idempotency"),
            *("kafka", "metadata", "parameters", "parser", "streaming", "validation"),
        )
    ),
)
"""Files of the packages that no Lambda uses, as globs; the build refuses code that imports one of them."""


NO_PLUGINS = "def get_plugins():\n    return ()\n"
"""pydantic's search for plugins, which finds none without the packages' metadata: its imports, down to zipfile, took a
twentieth of a cold start.
"""


def slim_schemas(source: str) -> str:
    """The source of `pydantic_core.core_schema` without what only type checkers read.

    It declares 77 typed dictionaries whose making is a tenth of a cold start, and which are plain dictionaries when the
    code runs. Annotations and docstrings go too.
    """
    tree = ast.parse(source)
    typed = {"TypedDict"}
    for body in (node.body for node in ast.walk(tree) if isinstance(node, ast.Module | ast.If)):
        for place, node in enumerate(body):
            if isinstance(node, ast.ClassDef) and any(isinstance(b, ast.Name) and b.id in typed for b in node.bases):
                typed.add(node.name)
                body[place] = ast.parse(f"{node.name} = dict").body[0]
            elif isinstance(node, ast.FunctionDef):
                _without_annotations(node)
    return ast.unparse(tree)


def _without_annotations(function: ast.FunctionDef) -> None:
    function.returns = None
    arguments = function.args
    for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        argument.annotation = None
    if ast.get_docstring(function, clean=False) is not None and len(function.body) > 1:
        del function.body[0]


def _trim(site: Path) -> None:
    for pattern in DROPPED:
        for path in list(site.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    if (loader := site / "pydantic/plugin/_loader.py").is_file():
        loader.write_text(NO_PLUGINS)
    if (schemas := site / "pydantic_core/core_schema.py").is_file():
        schemas.write_text(slim_schemas(schemas.read_text()))
    if (botocore := site / "botocore").is_dir():
        _trim_botocore(botocore)


def _digest(*parts: bytes | str) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(hashlib.sha256(part.encode() if isinstance(part, str) else part).digest())
    return digest.hexdigest()


def install(target: Target, lock: Path, folder: Path) -> None:
    """Installs a lock's packages for a target, checked by hash. Raises PackagingError."""
    options = ("--quiet", "--only-binary", ":all:", "--require-hashes", "--link-mode", "copy")
    command = (find_uv_bin(), "pip", "install", *options, *target.install_options)
    _run(*command, "--target", folder, "-r", lock)


def build_layer(target: Target, root: Path = REPOSITORY) -> Layer:
    """The layer of the lock, from `.cache/lambda` where it was built before. Raises PackagingError."""
    lock = (root / LOCK).read_bytes()
    digest = _digest(lock, Path(__file__).read_bytes(), target.name, target.version)
    home = root / ".cache/lambda" / f"{target.name}-{digest[:16]}"
    if not home.exists():
        home.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=home.parent) as temporary:
            site = Path(temporary) / "layer/site"
            install(target, root / LOCK, site)
            packages = _installed(site, locked_names(lock.decode()))
            _trim(site)
            target.compile(site, sourceless=True)
            index = {name: {"top": package.top, "requires": package.requires} for name, package in packages.items()}
            (site.parent / "packages.json").write_text(json.dumps(index, indent=1, sort_keys=True))
            try:
                site.parent.rename(home)
            except OSError:
                if not home.exists():  # otherwise another process was faster, with the same content
                    raise
    index = json.loads((home / "packages.json").read_text())
    packages = {name: Package(tuple(entry["top"]), tuple(entry["requires"])) for name, entry in index.items()}
    return Layer(home / "site", packages, digest)


def _imports(node: ast.AST) -> Iterator[tuple[str, list[str]]]:
    """Modules that the code may import, and names out of them; inside functions too, not for type checkers only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, []) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            if child.level or child.module is None:
                raise PackagingError(f"Line {child.lineno} has a relative import; write it in full.")
            yield child.module, [alias.name for alias in child.names]
        elif isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            for statement in child.orelse:
                yield from _imports(statement)
        else:
            yield from _imports(child)


def _module_file(folder: Path, name: str, suffix: str = ".py") -> Path | None:
    base = folder / Path(*name.split("."))
    return next((p for p in (base.with_suffix(suffix), base / f"__init__{suffix}") if p.is_file()), None)


def reachable(service: str, layer: Layer, root: Path = REPOSITORY) -> tuple[list[Path], set[str]]:
    """The source files that a service's handler can import and the data of their packages, sorted, and the
    distributions that they need.

    Raises PackagingError for a handler that does not exist and for an import that the lock does not cover.
    """
    handler = f"services.{service}.handler"
    if _module_file(root, handler) is None:
        raise PackagingError(f"services/{service}/handler.py does not exist.")
    files: set[Path] = set()
    needed: set[str] = set()
    todo = {handler}
    while todo:
        name = todo.pop()
        path = _module_file(root, name)
        if path is None or path in files:
            continue
        files.add(path)
        if path.name == "__init__.py" and name.startswith("services.core"):
            files |= {data for data in path.parent.iterdir() if data.suffix in DATA_SUFFIXES}
        todo |= {name.rpartition(".")[0]} - {""}
        for module, members in _imports(ast.parse(path.read_bytes(), path)):
            top = module.partition(".")[0]
            if top == "services":
                todo |= {module, *(f"{module}.{member}" for member in members)}
            elif top not in sys.stdlib_module_names:
                provider = layer.provider(module)
                if provider is None:
                    raise PackagingError(
                        f"{path.relative_to(root)} imports {module}: {LOCK} does not name it or DROPPED does."
                    )
                needed.add(provider)
    return sorted(files), layer.closure(needed)


def write_zip(path: Path, files: dict[str, Path], comment: str = "") -> None:
    """Writes the files under their names in the zip, the same bytes from the same content."""
    partial = path.with_suffix(f".{os.getpid()}.partial")  # another process may build the same one
    with zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.create_system = 3  # Unix, so that the mode counts
            info.external_attr = (stat.S_IFREG | 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, files[name].read_bytes())
        archive.comment = comment.encode()
    partial.replace(path)


def _fingerprint(path: Path) -> str | None:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.comment.decode()
    except (OSError, zipfile.BadZipFile):
        return None


def build_service(service: str, target: Target, layer: Layer, out: Path, root: Path = REPOSITORY) -> bool:
    """Writes `{out}/{service}.zip`; False if the one that is there has the same input. Raises PackagingError."""
    sources, needed = reachable(service, layer, root)
    names = [source.relative_to(root).as_posix() for source in sources]
    digest = _digest(
        layer.digest, *(part for name, s in zip(names, sources, strict=True) for part in (name, s.read_bytes()))
    )
    path = out / f"{service}.zip"
    if _fingerprint(path) == digest:
        return False
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as temporary:
        staging = Path(temporary)
        for name, source in zip(names, sources, strict=True):
            (staging / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, staging / name)
        target.compile(staging, sourceless=False)
        own = {p.relative_to(staging).as_posix(): p for p in staging.rglob("*") if p.is_file()}
        write_zip(path, layer.files(needed) | own, digest)
    return True


def build(
    target: TargetName,
    out: Path,
    *,
    services: Sequence[str] = tuple(SERVICES),
    root: Path = REPOSITORY,
    progress: Callable[[str], None] = print,
) -> dict[str, Path]:
    """Builds the zips of `services` into `out` and returns their paths. Raises PackagingError."""
    machine = Target(target)
    layer = build_layer(machine, root)
    paths = {}
    for service in services:
        built = build_service(service, machine, layer, out, root)
        path = paths[service] = out / f"{service}.zip"
        progress(f"{path.name:<18}{path.stat().st_size / 1e6:5.2f} MB  {'built' if built else 'unchanged'}")
    return paths


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 1 where a zip cannot be built or one for AWS is over the size goal."""
    parser = argparse.ArgumentParser(prog="python -m infra.lambda_zips", description="Build the Lambda zips.")
    parser.add_argument("--target", choices=("aws", "host"), default="aws", help="where they run (default: aws)")
    parser.add_argument("--out", type=Path, help="folder for the zips (default: dist/<target>)")
    options = parser.parse_args(arguments)
    out = options.out or REPOSITORY / "dist" / options.target
    try:
        paths = build(options.target, out, progress=lambda line: print(line, flush=True))  # noqa: T201 - a command
    except PackagingError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    large = [path.name for path in paths.values() if path.stat().st_size > SIZE_GOAL and options.target == "aws"]
    if large:
        sys.stderr.write(f"Over {SIZE_GOAL / 1e6:g} MB: {', '.join(large)}.\n")
    return 1 if large else 0


if __name__ == "__main__":
    sys.exit(main())

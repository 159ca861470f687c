"""The Lambda zips: the same bytes from the same input, and in them what a handler reaches and nothing else."""

import importlib
import inspect
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import botocore.loaders
import botocore.session
import pytest
from botocore.model import ServiceModel

from infra import lambda_zips
from infra.lambda_zips import (
    AWS_OPERATIONS,
    LOCK,
    Layer,
    PackagingError,
    Target,
    build_layer,
    build_service,
    reachable,
)
from infra.paths import REPOSITORY
from services.core.services import SERVICES

HANDLER = """
import importlib
import inspect
import json
from typing import TYPE_CHECKING

from pydantic import BaseModel

from services.core import used

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def handler(event: object, context: object) -> object:
    from services.core.lazy import clean

    return clean(event)
"""


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / "services" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def tree(root: Path, handler: str = HANDLER) -> Path:
    """A service `sample` whose handler reaches two of the three modules of its core."""
    return write(
        root,
        {
            "__init__.py": "",
            "core/__init__.py": "",
            "core/used.py": "ANSWERS = frozenset({'yes', 'no', 'perhaps'})",
            "core/lazy.py": "import bleach\n\ndef clean(text): return bleach.clean(text)",
            "core/unused.py": "import botocore.session",
            "sample/__init__.py": "",
            "sample/handler.py": handler,
        },
    )


def names(path: Path) -> set[str]:
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="session")
def host() -> Target:
    return Target("host")


@pytest.fixture(scope="session")
def layer(host: Target) -> Layer:
    return build_layer(host)


def test_same_input_gives_the_same_bytes_wherever_and_whenever_it_is_built(
    tmp_path: Path, host: Target, layer: Layer
) -> None:
    zips = []
    for folder, date in (("one", 1_000_000_000), ("another/deeper", 2_000_000_000)):
        root = tree(tmp_path / folder)
        for path in root.rglob("*.py"):
            os.utime(path, (date, date))
        assert build_service("sample", host, layer, tmp_path / folder / "dist", root)
        zips.append((tmp_path / folder / "dist/sample.zip").read_bytes())
    assert zips[0] == zips[1]


def test_the_layer_is_the_same_when_built_afresh(tmp_path: Path, host: Target, layer: Layer) -> None:
    (tmp_path / LOCK).parent.mkdir()
    shutil.copyfile(REPOSITORY / LOCK, tmp_path / LOCK)
    again = build_layer(host, tmp_path)
    everything = set(layer.packages)
    assert {n: p.read_bytes() for n, p in again.files(everything).items()} == {
        n: p.read_bytes() for n, p in layer.files(everything).items()
    }


def test_two_builds_at_once_are_not_in_each_others_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As two `make up` that are typed in one checkout: the second begins and ends while the first one writes."""
    source, path = tmp_path / "code.py", tmp_path / "api.zip"
    source.write_text("x = 1")

    class Slow:
        def read_bytes(self) -> bytes:
            with monkeypatch.context() as patch:
                patch.setattr(os, "getpid", lambda: 2)
                lambda_zips.write_zip(path, {"code.py": source}, "second")
            return source.read_bytes()

    lambda_zips.write_zip(path, {"code.py": cast("Path", Slow())}, "first")
    with zipfile.ZipFile(path) as archive:
        assert (archive.comment, archive.read("code.py")) == (b"first", b"x = 1")
    assert sorted(found.name for found in tmp_path.iterdir()) == ["api.zip", "code.py"]


def test_a_zip_is_written_again_only_when_what_it_holds_changes(tmp_path: Path, host: Target, layer: Layer) -> None:
    root = tree(tmp_path)
    out = tmp_path / "dist"
    assert build_service("sample", host, layer, out, root)
    assert not build_service("sample", host, layer, out, root)
    write(root, {"core/unused.py": "import bleach"})
    assert not build_service("sample", host, layer, out, root)
    write(root, {"core/used.py": "ANSWERS = 1"})
    assert build_service("sample", host, layer, out, root)
    (out / "sample.zip").write_bytes(b"torn")
    assert build_service("sample", host, layer, out, root)


def test_a_zip_holds_what_the_handler_reaches(tmp_path: Path, host: Target, layer: Layer) -> None:
    build_service("sample", host, layer, tmp_path, tree(tmp_path))
    held = names(tmp_path / "sample.zip")
    own = {name for name in held if name.startswith("services/") and name.endswith(".py")}
    assert own == {
        *("services/__init__.py", "services/core/__init__.py", "services/core/used.py", "services/core/lazy.py"),
        *("services/sample/__init__.py", "services/sample/handler.py"),
    }
    tops = {name.split("/")[0].removesuffix(".pyc") for name in held}
    assert {"bleach", "webencodings", "pydantic", "pydantic_core", "typing_extensions"} <= tops
    assert tops.isdisjoint({"botocore", "urllib3", "markdown_it", "aws_lambda_powertools"})
    assert tops - {"services"} == {
        top for n in reachable("sample", layer, tmp_path)[1] for top in layer.packages[n].top
    }


def test_every_source_has_byte_code_that_is_never_checked_against_it(
    tmp_path: Path, host: Target, layer: Layer
) -> None:
    build_service("sample", host, layer, tmp_path, tree(tmp_path))
    with zipfile.ZipFile(tmp_path / "sample.zip") as archive:
        code = [name for name in archive.namelist() if name.endswith(".pyc")]
        assert {archive.read(name)[4:8] for name in code} == {b"\x01\x00\x00\x00"}, "PEP 552: hash-based, unchecked"
        cached = {name for name in code if "__pycache__" in name}
        sources = {name for name in archive.namelist() if name.endswith(".py")}
        assert {name.replace("__pycache__/", "").split(".")[0] + ".py" for name in cached} == sources
        assert all(name.startswith("services/") for name in sources)
        assert {(info.date_time[0], info.external_attr >> 16) for info in archive.infolist()} == {(1980, 0o100644)}


def test_tracebacks_give_lines_of_packages_and_the_text_of_ours(tmp_path: Path, host: Target, layer: Layer) -> None:
    root = tree(tmp_path, "import bleach\n\ndef handler(event, context):\n    bleach.clean(event)\n")
    build_service("sample", host, layer, tmp_path, root)
    with zipfile.ZipFile(tmp_path / "sample.zip") as archive:
        archive.extractall(tmp_path / "task")
    program = "import sys; sys.path.insert(0, sys.argv[1]); import services.sample.handler as h; h.handler(1, None)"
    command = [sys.executable, "-IS", "-c", program, str(tmp_path / "task")]
    error = subprocess.run(command, capture_output=True, text=True, check=False).stderr
    assert re.search(r'services/sample/handler.py", line 4, in handler\n +bleach.clean\(event\)', error)
    assert re.search(r'File "/var/task/bleach/__init__.py", line \d+, in clean', error)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("import requests", "handler.py imports requests: requirements/lambda.txt does not name it"),
        ("from boto3 import client", "imports boto3"),
        ("def f():\n    import aws_lambda_powertools.utilities.idempotency", "or DROPPED does"),
        ("import pydantic.v1", "imports pydantic.v1"),
        ("from . import other", "Line 1 has a relative import"),
    ],
)
def test_what_would_not_run_is_not_built(statement: str, message: str, tmp_path: Path, layer: Layer) -> None:
    root = tree(tmp_path, statement)
    with pytest.raises(PackagingError, match=message):
        reachable("sample", layer, root)


def test_a_service_without_handler_is_named(tmp_path: Path, layer: Layer) -> None:
    with pytest.raises(PackagingError, match=r"services/ghost/handler\.py does not exist"):
        reachable("ghost", layer, tmp_path)


def test_the_layer_holds_the_locked_packages_alone(layer: Layer) -> None:
    assert set(layer.packages) == lambda_zips.locked_names((REPOSITORY / LOCK).read_text())
    tops = {path.name.removesuffix(".pyc") for path in layer.site.iterdir()}
    assert tops == {top for package in layer.packages.values() for top in package.top}


@pytest.mark.parametrize("stray", ["left_over.py", "stray-1.0.dist-info/METADATA"])
def test_a_package_that_the_lock_does_not_name_is_refused(stray: str, tmp_path: Path) -> None:
    (tmp_path / stray).parent.mkdir(exist_ok=True)
    (tmp_path / stray).write_text("Metadata-Version: 2.1\nName: stray\nVersion: 1.0\n")
    with pytest.raises(PackagingError, match=f"Not named by {LOCK}, but installed: .*{stray.split('-')[0]}"):
        lambda_zips._installed(tmp_path, locked=set())


def test_an_install_without_the_right_hash_fails(tmp_path: Path, host: Target) -> None:
    (tmp_path / LOCK).parent.mkdir()
    (tmp_path / LOCK).write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(PackagingError, match=r"(?i)hash mismatch"):
        build_layer(host, tmp_path)


def test_the_layer_is_trimmed(layer: Layer) -> None:
    data = layer.site / "botocore/data"
    assert {path.name for path in data.iterdir() if path.is_dir()} == set(AWS_OPERATIONS)
    patterns = ("*.py", "*.pyi", "*.dist-info", "tests", "swagger-ui*", "examples-1.json", "__pycache__")
    assert [path for pattern in patterns for path in layer.site.rglob(pattern)] == []
    assert not (layer.site / "pydantic/v1").exists()


def test_the_roots_are_amazons(layer: Layer) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(layer.site / "botocore/cacert.pem")
    roots = "".join(str(certificate["subject"]) for certificate in context.get_ca_certs())
    assert sorted(re.findall(r"'commonName', '(.+?)'", roots)) == [
        *(f"Amazon Root CA {number}" for number in (1, 2, 3, 4)),
        "Starfield Services Root Certificate Authority - G2",
    ]


def test_trimmed_clients_call_where_and_as_the_untrimmed_ones_do(layer: Layer) -> None:
    regions = ("eu-central-1", "us-gov-west-1", "cn-north-1")
    program = """if True:
        import json, sys
        sys.path.insert(0, sys.argv[1])
        import botocore.session
        session = botocore.session.Session()
        clients = {(a, r): session.create_client(a, region_name=r, aws_access_key_id="a", aws_secret_access_key="b")
                   for a in sys.argv[2].split() for r in sys.argv[3].split()}
        print(json.dumps([[a, r, c.meta.endpoint_url, sorted(c.meta.method_to_api_mapping.values())]
                          for (a, r), c in clients.items()]))
    """
    command = [sys.executable, "-IS", "-c", program, str(layer.site), " ".join(AWS_OPERATIONS), " ".join(regions)]
    trimmed = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    session = botocore.session.Session()
    session.set_credentials("a", "b")
    for api, region, endpoint, operations in trimmed:
        assert endpoint == session.create_client(api, region_name=region).meta.endpoint_url
        assert operations == sorted(AWS_OPERATIONS[api])


@pytest.mark.parametrize("api", AWS_OPERATIONS)
def test_a_trimmed_model_describes_its_operations_as_the_whole_one_does(api: str) -> None:
    whole = botocore.loaders.Loader().load_service_model(api, "service-2")
    trimmed = lambda_zips.trimmed_model(whole, AWS_OPERATIONS[api])
    for operation in AWS_OPERATIONS[api]:
        assert shape_of(trimmed, operation) == shape_of(whole, operation)


def shape_of(model: dict[str, Any], operation: str) -> list[tuple[str, dict[str, Any]]]:
    """Every shape of an operation with its traits; a recursive one is not followed twice."""
    described = ServiceModel(model).operation_model(operation)
    found: dict[str, dict[str, Any]] = {}

    def walk(shape: Any) -> None:
        if shape is None or shape.name in found:
            return
        found[shape.name] = {key: value for key, value in shape.metadata.items() if key != "documentation"}
        for inner in [
            *getattr(shape, "members", {}).values(),
            *(getattr(shape, k, None) for k in ("member", "key", "value")),
        ]:
            walk(inner)

    for shape in (described.input_shape, described.output_shape, *described.error_shapes):
        walk(shape)
    return sorted(found.items())


def test_every_operation_that_the_services_name_is_kept() -> None:
    sources = "\n".join(path.read_text() for path in (REPOSITORY / "services").rglob("*.py"))
    named = set(re.findall(r"\.([a-z]+(?:_[a-z0-9]+)*)\b", sources)) | set(
        re.findall(r'get_paginator\("(\w+)"', sources)
    )
    for api, kept in AWS_OPERATIONS.items():
        whole = botocore.loaders.Loader().load_service_model(api, "service-2")
        used = {operation for operation in whole["operations"] if botocore.xform_name(operation) in named}
        assert used == kept, api


def test_wheels_for_aws_are_for_its_python_and_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    # Byte code apart, the layer for AWS can be made by any Python: the right one may not be on the tester's machine.
    monkeypatch.setattr(Target, "python", Path(sys.executable))
    layer = build_layer(Target("aws"))
    binaries = {path.name for path in layer.site.rglob("*.so")}
    assert binaries == {"_pydantic_core.cpython-313-aarch64-linux-gnu.so", "_speedups.cpython-313-aarch64-linux-gnu.so"}


def test_no_zip_for_aws_is_larger_than_its_goal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`make zips` refuses one that is, which would be first seen by a deployment."""
    monkeypatch.setattr(Target, "python", Path(sys.executable))
    built = lambda_zips.build("aws", tmp_path, progress=lambda _: None)
    assert [name for name, path in built.items() if path.stat().st_size > lambda_zips.SIZE_GOAL] == []


def test_a_missing_python_for_the_lambdas_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambda_zips, "LAMBDA_PYTHON", "3.999")
    with pytest.raises(PackagingError, match=r"uv python install 3\.999"):
        _ = Target("aws").python


def environment(service: str) -> dict[str, str]:
    """A value that fits each variable of a service's settings, and what Lambda itself sets."""
    fields = SERVICES[service].settings.model_fields
    fitting: dict[object, str] = {int: "1", bool: "False"}
    values = {name.upper(): fitting.get(field.annotation, "x") for name, field in fields.items()}
    return values | {"LOG_LEVEL": "INFO", "AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1"}


@pytest.fixture(scope="session", params=SERVICES)
def started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, layer: Layer) -> set[str]:
    """The modules that are loaded after a cold start of a service from its unpacked zip alone."""
    service: str = request.param
    folder = tmp_path_factory.mktemp(service)
    build_service(service, Target("host"), layer, folder)
    with zipfile.ZipFile(folder / f"{service}.zip") as archive:
        archive.extractall(folder / "task")
    program = """if True:
        import importlib, json, sys
        sys.path.insert(0, sys.argv[1])
        assert callable(importlib.import_module(sys.argv[2]).handler)
        print(json.dumps(list(sys.modules)))
    """
    command = [sys.executable, "-IS", "-c", program, str(folder / "task"), f"services.{service}.handler"]
    done = subprocess.run(command, env=environment(service), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def test_a_cold_start_loads_no_more_than_its_budget(started: set[str]) -> None:
    late = {"bleach", "markdown_it", "aws_xray_sdk", "pydantic.v1", "pydantic.mypy", "botocore.crt.auth", "asyncio"}
    assert started & late == set(), "to be imported on first use, or never"
    assert len(started) <= 480, "each module costs a cold start 0.5 ms on average"


def test_slim_schemas_builds_what_the_whole_module_builds() -> None:
    whole = importlib.import_module("pydantic_core.core_schema")
    slim = ModuleType("slim")
    exec(lambda_zips.slim_schemas(inspect.getsource(whole)), slim.__dict__)
    builders = [name for name, made in inspect.getmembers(whole, inspect.isfunction) if name.endswith("_schema")]
    assert len(builders) > 60
    for name in builders:
        theirs, ours = getattr(whole, name), getattr(slim, name)
        names = inspect.signature(theirs).parameters.values()
        assert [p.replace(annotation=p.empty) for p in names] == [*inspect.signature(ours).parameters.values()]
        required: dict[str, Any] = {
            p.name: [] for p in names if p.default is p.empty and p.kind is not p.VAR_POSITIONAL
        }
        assert built(ours, required) == built(theirs, required), name
    for name, made in vars(whole).items():
        assert name in vars(slim) or name.startswith("__"), f"{name} is gone: {made}"


def test_a_search_for_plugins_finds_none(layer: Layer) -> None:
    """pydantic asks no more of its loader than this; with a release that does, this test fails."""
    whole = importlib.import_module("pydantic.plugin._loader")
    slim = ModuleType("slim")
    exec(lambda_zips.NO_PLUGINS, slim.__dict__)
    assert list(slim.get_plugins()) == []
    assert [name for name, _ in inspect.getmembers(whole, inspect.isfunction) if name != "entry_points"] == [
        "get_plugins"
    ]
    assert (layer.site / "pydantic/plugin/_loader.pyc").stat().st_size < 500


def built(builder: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """A builder's result from its required arguments, or the kind of its error."""
    try:
        return builder(**arguments)
    except (TypeError, ValueError) as error:
        return type(error)

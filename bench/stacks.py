"""Builds each stack's folder as Lambda would unpack it, once for each state of its input, under `.cache/bench`."""

import json
import shutil
import subprocess
import sys
import zipfile
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from bench import scenario
from bench.scenario import SETTINGS, TABLES, Scenario
from infra import lambda_zips
from infra.lambda_zips import Target
from infra.paths import REPOSITORY
from services.core.services import SERVICES

CACHE = REPOSITORY / ".cache/bench"
PEERS = REPOSITORY / "bench/peers"
LOCK = REPOSITORY / "requirements/bench.txt"

AWS_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_SESSION_TOKEN": "bench",
    "AWS_REGION": SETTINGS.cognito_region,
    "AWS_DEFAULT_REGION": SETTINGS.cognito_region,
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    # The same hashes in every run, or instruction counts do not repeat.
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
}
PEER_ENVIRONMENT = {"QUESTS_TABLE": TABLES["quests"], "USERS_TABLE": TABLES["users"]}

# Runs where python-jose is: a key pair as Cognito has one, and a token that it signed.
_MAKE_TOKEN = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
from cryptography.hazmat.primitives.asymmetric import rsa
from jose import jwk, jwt
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
claims = {"sub": sys.argv[2], "token_use": "access", "exp": int(time.time()) + 86400}
public = jwk.construct(pem, "RS256").public_key().to_dict()
public = {name: value.decode() if isinstance(value, bytes) else value for name, value in public.items()}
print(json.dumps({"token": jwt.encode(claims, pem, "RS256"), "public": json.dumps(public)}))
"""


@dataclass(frozen=True)
class Stack:
    """A handler in a folder, what it is told, and what its AWS answers."""

    name: str
    folder: Path
    module: str
    environment: dict[str, str]
    scenario: Path


def _save(name: str, content: Scenario) -> Path:
    path = CACHE / f"{name}.json"
    path.write_text(json.dumps(asdict(content)))
    return path


def unpacked(service: str) -> tuple[Path, dict[str, str]]:
    """The contents of a Lambda's zip for this machine, and an environment that is valid for it."""
    archive = lambda_zips.build("host", CACHE, services=(service,), progress=lambda _: None)[service]
    folder = CACHE / f"civicforge-{service}"
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(archive) as files:
        files.extractall(folder)
    fields = SERVICES[service].settings.model_fields
    known = SETTINGS.environment()
    values = {name.upper(): "1" if field.annotation is int else "x" for name, field in fields.items()}
    return folder, AWS_ENVIRONMENT | {name: known.get(name, value) for name, value in values.items()}


def civicforge() -> Stack:
    """The api Lambda: the contents of its zip for this machine."""
    folder, environment = unpacked("api")
    return Stack("CivicForge", folder, "services.api.handler", environment, _save("civicforge", scenario.civicforge()))


def _original(target: Target) -> Path:
    """The original's packages as the installer leaves them; here, where they run, with byte code as good as ours."""
    source = PEERS / "original.py"
    state = (LOCK.read_bytes(), source.read_bytes(), target.version.encode())
    folder = CACHE / f"original-{target.name}-{sha256(b''.join(state)).hexdigest()[:16]}"
    if not folder.exists():
        partial = CACHE / f"{folder.name}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        lambda_zips.install(target, LOCK, partial)
        shutil.copyfile(source, partial / source.name)
        if target.name == "host":
            target.compile(partial, sourceless=False)
        partial.rename(folder)
    return folder


def original() -> Stack:
    """FastAPI, Mangum, boto3.resource, python-jose and bleach."""
    folder = _original(Target("host"))
    command = [sys.executable, "-IS", "-c", _MAKE_TOKEN, str(folder), scenario.USER_ID]
    keys = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    environment = AWS_ENVIRONMENT | PEER_ENVIRONMENT | {"PUBLIC_KEY": keys["public"]}
    return Stack("original", folder, "original", environment, _save("original", scenario.flat(keys["token"])))


def floor() -> Stack:
    """A dict of routes and a socket."""
    folder = CACHE / "floor"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    shutil.copyfile(PEERS / "floor.py", folder / "floor.py")
    Target("host").compile(folder, sourceless=False)
    environment = AWS_ENVIRONMENT | PEER_ENVIRONMENT
    return Stack("floor", folder, "floor", environment, _save("floor", scenario.flat("")))


def zip_sizes() -> dict[str, float]:
    """MB of each stack's zip for AWS: Python 3.13 on arm64."""
    ours = lambda_zips.build("aws", CACHE / "aws", services=("api",), progress=lambda _: None)["api"]
    folder = _original(Target("aws"))
    theirs, least = CACHE / "original.zip", CACHE / "floor.zip"
    lambda_zips.write_zip(theirs, {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()})
    lambda_zips.write_zip(least, {"floor.py": PEERS / "floor.py"})
    return {
        name: path.stat().st_size / 1e6 for name, path in (("CivicForge", ours), ("original", theirs), ("floor", least))
    }

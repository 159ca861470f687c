"""`python -m tests.platform.differential [NAME ...]`: record the answers of Pulumi's own engine anew."""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from infra.paths import REPOSITORY
from localcloud.emulator.process import Emulator
from tests.platform.differential.programs import PROGRAMS
from tests.platform.differential.runner import PROJECT, RECORDED, Pulumis, run


def main() -> int:
    """Run the programs, all of them if none is named, and write their answers."""
    recorded = json.loads(RECORDED.read_text(encoding="utf-8")) if RECORDED.exists() else {}
    clients: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        (root / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n", encoding="utf-8")
        emulator = Emulator(root / "local", venv=REPOSITORY / ".local" / "emulator-venv", owner=os.getpid())
        try:
            running = emulator.start()
            make: Any = boto3.Session(*emulator.root_key, region_name="us-east-1").client

            def client(service: str) -> Any:
                if service not in clients:
                    config = Config(s3={"addressing_style": "path"})
                    clients[service] = make(service, endpoint_url=running.endpoint, config=config)
                return clients[service]

            engine = Pulumis(running.endpoint, emulator.stacks, root)
            for number, name in enumerate(sys.argv[1:] or PROGRAMS):
                recorded[name] = run(name, engine, client, f"dr{number:03}x")
                sys.stdout.write(f"{name}\n")
                lines = (f"{json.dumps(key)}: {json.dumps(recorded[key], sort_keys=True)}" for key in sorted(recorded))
                RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        finally:
            emulator.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())

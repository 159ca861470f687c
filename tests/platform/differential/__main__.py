"""Record the answers of Pulumi's own engine again.

python -m tests.platform.differential             # all
python -m tests.platform.differential NAME ...    # of these programs
python -m tests.platform.differential drawn       # of the drawn ones
"""

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
from tests.platform.differential.cloud import Client
from tests.platform.differential.drawn import DRAWN, draw_all, steps_of
from tests.platform.differential.programs import PROGRAMS
from tests.platform.differential.runner import PROJECT, RECORDED, Pulumis, run, run_steps


def main() -> int:
    """Run the programs, all of them if none is named, and write their answers."""
    drawn = sys.argv[1:] in ([], ["drawn"])
    names = [] if sys.argv[1:] == ["drawn"] else sys.argv[1:] or list(PROGRAMS)
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
            for number, name in enumerate(names):
                recorded[name] = run(name, engine, client, f"dr{number:03}x")
                sys.stdout.write(f"{name}\n")
                lines = (f"{json.dumps(key)}: {json.dumps(recorded[key], sort_keys=True)}" for key in sorted(recorded))
                RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
            if drawn:
                _record_drawn(engine, client)
        finally:
            emulator.stop()
    return 0


def _record_drawn(engine: Pulumis, client: Client) -> None:
    lines = []
    for number, spec in enumerate(draw_all()):
        answers = run_steps(f"drawn{number}", steps_of(spec, killed=False), engine, client, f"dn{number:03}x")
        lines.append(json.dumps({**spec, "answers": answers}, sort_keys=True))
        sys.stdout.write(f"drawn {number}\n")
    DRAWN.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())

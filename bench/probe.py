"""Runs one stack in a process of its own, as Lambda would: `python -sSP probe.py FOLDER MODULE SCENARIO OPERATION N`.

It imports the handler, answers the scenario's request once and then N times more, and reports what that took as JSON
on standard error, since standard output is the handler's. DynamoDB and SSM are answered from the scenario at the last
seam before the network, so that the client libraries do all their work. It is a script without imports of ours:
nothing but FOLDER and the standard library is on the path.
"""

import sys
import time

STARTED = time.perf_counter(), time.process_time()

folder, module_name, scenario_path, operation, repetitions = sys.argv[1:]
sys.path.insert(0, folder)

import importlib  # noqa: E402  # the clock is running, and the folder comes first
import io  # noqa: E402
import json  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

NUMBER = "00000000"
"""The mark in a posted text where each request has a number of its own."""

BATCHES = 50
"""Short ones: on a busy machine some are left undisturbed."""

scenario: dict[str, Any] = json.loads(Path(scenario_path).read_bytes())
events: dict[str, Any] = scenario["events"]
answers: dict[str, bytes] = {target: json.dumps(answer).encode() for target, answer in scenario["answers"].items()}


class Raw(io.BytesIO):
    """A response's body in urllib3's manner."""

    def stream(self) -> Any:
        """Chunks; botocore asks for them once."""
        yield self.read()


def peak_mib() -> float:
    """Peak resident memory; unlike getrusage's, not that of the process that forked this one. 0 but on Linux."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0.0
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def answer_botocore() -> None:
    """Puts the scenario's answers in the place of botocore's HTTP session."""
    from botocore.awsrequest import AWSResponse
    from botocore.compat import HTTPHeaders
    from botocore.httpsession import URLLib3Session

    def send(_session: Any, request: Any) -> Any:
        body = answers[request.headers["X-Amz-Target"].decode().rpartition(".")[2]]
        headers = HTTPHeaders.from_dict({"content-type": "application/x-amz-json-1.0"})
        return AWSResponse(request.url, 200, headers, Raw(body))

    URLLib3Session.send = send  # type: ignore[assignment,method-assign]  # the seam


def answer_json_client() -> None:
    """The same for our own client."""
    from services.core.aws_json import HttpAnswer, JsonClient  # what the folder holds, where it is ours

    def send(_client: Any, operation: str, _headers: Any, _body: bytes) -> HttpAnswer:
        return HttpAnswer(200, {}, answers[operation])

    setattr(JsonClient, "send", send)  # noqa: B010  # the seam


def answer_floor(module: Any) -> None:
    """The same for the floor's own socket."""
    module.send = lambda headers, _body: answers[headers["x-amz-target"].rpartition(".")[2]]


module = importlib.import_module(module_name)
initialised = time.perf_counter()
if "services.core.aws_json" in sys.modules:
    answer_json_client()
elif "botocore" in sys.modules:
    answer_botocore()
else:
    answer_floor(module)
event = events[operation]
answer = module.handler(event, None)
answered = time.perf_counter(), time.process_time()
if answer["statusCode"] not in (200, 201):
    raise SystemExit(f"{module_name} answered {operation} with {answer['statusCode']}: {answer['body']}")


def numbered(count: int) -> list[Any]:
    """The event so often, no two with the same text."""
    body = event.get("body", "")
    return [{**event, "body": body.replace(NUMBER, f"{number:08}")} if body else event for number in range(count)]


batches = []
prepared = iter(numbered(BATCHES * (int(repetitions) // BATCHES or int(repetitions))))
for _ in range(BATCHES if int(repetitions) >= BATCHES else 1):
    calls = int(repetitions) // BATCHES or int(repetitions)
    batch = [next(prepared) for _ in range(calls)]
    before = time.process_time()
    for one in batch:
        module.handler(one, None)
    batches.append((time.process_time() - before) / max(calls, 1))

print(
    json.dumps(
        {
            "init_ms": (initialised - STARTED[0]) * 1e3,
            "first_ms": (answered[0] - initialised) * 1e3,
            "cold_cpu_ms": (answered[1] - STARTED[1]) * 1e3,
            "warm_us": min(batches) * 1e6,
            "peak_mib": peak_mib(),
            "modules": len(sys.modules),
            "body_bytes": len(answer["body"]),
        }
    ),
    file=sys.stderr,
)

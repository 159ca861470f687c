# ruff: noqa: SLF001 - MiniStack has no public way to its mails and its state; its version is pinned
"""The emulated AWS as a process: MiniStack behind hypercorn, with its gaps filled and a front door.

    python -m localcloud.emulator.gateway --aws-socket 3 --front-socket 4 --data .local/emulator

Started by `emulator`, in the emulator's own environment, with two listening sockets that it inherits:

- the AWS endpoint: every AWS API; the browser calls Cognito here, across origins. `POST /_local/save` writes all
  state to disk and tells what it could not write, `GET /_local/health` says who serves and if the last save failed.
- the front door: an origin per stage for page and `/api`, `http://<stage>.localhost:PORT`, and without a name for
  `local`, or the only one there is. Every request goes to the CloudFront distribution whose domain is in
  `<data>/front-doors/<stage>`, with the Host header rewritten, as a viewer on HTTPS. `/_local/` is the console, whose
  `/_local/mailbox?format=json` has the mails that AWS would have sent (to, subject, body, html, code, at; newest
  first).

What a browser sends from other pages is refused at both (`browsers`).
"""

import argparse
import asyncio
import fcntl
import html
import json
import logging
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.parse
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, TextIO

from hypercorn.asyncio import serve  # type: ignore[import-not-found]  # in the emulator's environment
from hypercorn.config import Config  # type: ignore[import-not-found]  # in the emulator's environment
from ministack import app as ministack  # type: ignore[import-not-found]  # in the emulator's environment
from ministack.core import hypercorn_compat  # type: ignore[import-not-found]  # likewise
from ministack.core.responses import request_scope  # type: ignore[import-not-found]  # likewise
from ministack.services import cognito, ses  # type: ignore[import-not-found]  # likewise

from localcloud.console.data_sources import Call, EmulatorApi
from localcloud.console.pages import ROOT, Console
from localcloud.emulator import patches
from localcloud.emulator.browsers import COGNITO_TARGET, refused_at_aws, refused_at_front_door
from localcloud.emulator.clock import CLOCK
from localcloud.emulator.compression import compressing
from localcloud.emulator.patches import heartbeat
from localcloud.emulator.patches.api_metrics import record_api_call
from localcloud.emulator.patches.moved_clock import delete_expired
from localcloud.emulator.patches.post_confirmation import CONFIRMATIONS, post_confirmation
from localcloud.emulator.patches.saved_state import write_state
from localcloud.emulator.patches.stopped_apis import cut_off
from localcloud.emulator.patches.usage_metrics import record_edge_request
from localcloud.emulator.saving import Saver
from localcloud.emulator.stage_routes import StageRoutes

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

AUTOSAVE_SECONDS: Final = 2.0
"""After a change, state is on disk at most this long later, plus the time of writing it."""
OWNER_SECONDS: Final = 1.0
"""Between two looks at the process for which the emulator runs."""
API_CONCURRENCY: Final = 4
"""Calls of Lambdas through the API at once: each needs a worker process of about 46 MB; 4 is fastest on 2 cores."""

MOST_CALLS: Final = 500
"""Requests of the API that the console remembers."""
MOST_FORM: Final = 2**20
OPERATE_SECONDS: Final = 120
REPOSITORY: Final = Path(__file__).resolve().parents[2]

_EXECUTE_API: Final = re.compile(r"^/_aws/execute-api/(?P<api>[^/]+)/(?P<stage>[^/]+)")
_ANY_ORIGIN: Final = (b"access-control-allow-origin", b"*")
"""As Cognito and APIs answer browsers; which of them come here, `browsers` has decided."""
_CONSOLE_POLICY: Final = (
    b"default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'unsafe-inline'; img-src data:; "
    b"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Mails in their frames are under it too: nothing is loaded from elsewhere."""
_CODE: Final = re.compile(r"\b(\d{6})\b")
_MARKUP: Final = re.compile(r"<style.*?</style>|<[^>]*>", re.DOTALL)

logger = logging.getLogger("gateway")


class Gateway:
    """The ASGI application."""

    def __init__(self, data: Path, front_port: int, owner: int | None = None) -> None:
        self._data = data
        self._front_port = front_port
        self._owner = owner
        self._stage_routes = StageRoutes(data / "front-doors")
        self._calls: deque[Call] = deque(maxlen=MOST_CALLS)
        machine = EmulatorApi(
            clients=cache(_client),
            calls=lambda: list(self._calls),
            mails=_mails,
            access_token=_access_token,
            clock=CLOCK,
            delete_expired=delete_expired,
            front_port=front_port,
            operate=_operate,
        )
        self._console = Console(machine, lambda: self._stage_routes.stages)
        self._api_slots = asyncio.Semaphore(API_CONCURRENCY)
        self._changed = False
        self._saver = Saver(write_state)
        self._tasks: list[asyncio.Task[None]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the process's lifespan."""
        if scope["type"] == "lifespan":
            await ministack.app(scope, receive, self._lifespan(send))
            return
        front = scope["server"][1] == self._front_port
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if front:
            refused = refused_at_front_door(scope["path"], headers, scope.get("method", "GET"))
        else:
            refused = refused_at_aws(scope["path"], headers, self._front_port)
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})  # the platform has none
        elif refused:
            await _respond(send, 403, {"message": refused})
        else:
            await (self._front_door if front else self._aws)(scope, receive, send)

    def _lifespan(self, send: Send) -> Send:
        async def with_background(message: Message) -> None:
            if message["type"] == "lifespan.startup.complete":
                chores = (self._heartbeat(), self._autosave(), self._follow_owner())
                self._tasks = [asyncio.create_task(chore) for chore in chores]
            elif message["type"] == "lifespan.shutdown.complete":
                for task in self._tasks:
                    task.cancel()
            await send(message)

        return with_background

    async def _heartbeat(self) -> None:
        while True:
            await asyncio.sleep(heartbeat.SECONDS)
            try:
                heartbeat.heartbeat()
            except Exception:
                logger.exception("The heartbeat failed; the next one comes.")

    async def _follow_owner(self) -> None:
        """End when the process ends for which this one was started, however it ends: a test run, a bench."""
        while self._owner is not None:
            await asyncio.sleep(OWNER_SECONDS)
            try:
                os.kill(self._owner, 0)
            except ProcessLookupError:
                os.kill(os.getpid(), signal.SIGTERM)
                return

    async def _autosave(self) -> None:
        """MiniStack writes its state only when it is stopped in an orderly way; a killed one would forget."""
        took = 0.0
        while True:
            await asyncio.sleep(max(AUTOSAVE_SECONDS, took))
            if self._changed or self._saver.failure:
                took = await self._save()

    async def _save(self) -> float:
        """Save; returns the seconds that it took."""
        self._changed = False
        took = await self._saver.save()
        if self._saver.failure:
            logger.error("The state could not be saved: %s", self._saver.failure)
        return took

    # The AWS endpoint.

    async def _aws(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith("/_local/"):
            await self._control(scope, send)
            return
        self._changed = True
        # The platform's policies refuse what does not come by TLS; here the way is this machine's own.
        scope = {**scope, "headers": [*scope["headers"], (b"x-forwarded-proto", b"https")]}
        target = _header(scope, b"x-amz-target")
        operation = target.removeprefix(COGNITO_TARGET)
        if call := _EXECUTE_API.match(scope["path"]):
            await self._api_call(call["api"], call["stage"], scope, receive, send)
        elif target.startswith(COGNITO_TARGET) and operation in CONFIRMATIONS:
            await self._confirmation(operation, scope, receive, send)
        else:
            await ministack.app(scope, receive, send)

    async def _control(self, scope: Scope, send: Send) -> None:
        if scope["path"] == "/_local/save" and scope["method"] == "POST":
            await self._save()
            await _respond(send, 200, {"failure": self._saver.failure})
        elif scope["path"] == "/_local/health":
            health = {"pid": os.getpid(), "data": str(self._data), "code": os.environ["EMULATOR_CODE"]}
            await _respond(send, 200, {**health, "unsaved": self._saver.failure, "held_ms": self._saver.held_ms})
        elif scope["path"] == f"{ROOT}/mailbox":
            await _respond(send, 200, _mails())
        else:
            await _respond(send, 404, {"message": "no such address"})

    async def _api_call(self, api: str, stage: str, scope: Scope, receive: Receive, send: Send) -> None:
        status = 0

        async def noting_status(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        async with self._api_slots:
            started = time.monotonic()
            if refusal := cut_off(api, stage):
                await _respond(noting_status, refusal[0], {"message": refusal[1]}, _ANY_ORIGIN)
            else:
                await ministack.app(scope, receive, noting_status)
            record_api_call(api, stage, status, time.monotonic() - started)

    async def _confirmation(self, operation: str, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        sent: list[Message] = []

        async def collect(message: Message) -> None:
            sent.append(message)

        await ministack.app(scope, _replay(body), collect)
        if sent[0]["status"] == 200:
            # The emulator's request scope (account, region) is still that of this request.
            failure = await post_confirmation(operation, json.loads(body or b"{}"))
            if failure:
                answer = {"__type": "UserLambdaValidationException", "message": failure}
                await _respond(send, 400, answer, _ANY_ORIGIN)
                return
        for message in sent:
            await send(message)

    # The front door.

    async def _front_door(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == ROOT or scope["path"].startswith(f"{ROOT}/"):
            await self._at_console(scope, receive, send)
            return
        domain = self._stage_routes.domain(_header(scope, b"host"))
        if domain is None:
            await _respond(send, 503, "Nothing is deployed here yet. Run `make up`, or `make stages` for all of them.")
            return
        replaced = {b"host", b"x-forwarded-proto"}
        headers = [(name, value) for name, value in scope["headers"] if name.lower() not in replaced]
        viewer = [(b"host", domain.encode()), (b"x-forwarded-proto", b"https")]
        status = size = 0
        request_id = _header(scope, b"x-request-id")
        began, started = time.time(), time.monotonic()

        async def metering(message: Message) -> None:
            nonlocal status, size, request_id
            status, size = message.get("status", status), size + len(message.get("body", b""))
            request_id = _header(message, b"x-request-id") or request_id
            await send(message)

        zipping = b"gzip" in _header(scope, b"accept-encoding").encode()
        await ministack.app(
            {**scope, "headers": [*headers, *viewer]}, receive, compressing(metering) if zipping else metering
        )
        record_edge_request(domain, status, size)
        if scope["path"].startswith("/api/"):
            took = (time.monotonic() - started) * 1000
            host = _header(scope, b"host").partition(":")[0]
            self._calls.append(Call(began, host, scope["method"], scope["path"], status, took, request_id))

    async def _at_console(self, scope: Scope, receive: Receive, send: Send) -> None:
        query = _values(scope["query_string"])
        if scope["path"] == f"{ROOT}/mailbox" and query.get("format") == ["json"]:
            await _respond(send, 200, _mails())
            return
        if scope["path"] == f"{ROOT}/refresh.js":
            await _respond(send, 200, self._console.script, kind=b"text/javascript; charset=utf-8")
            return
        posted = scope["method"] == "POST"
        form = _values((await _body(receive))[:MOST_FORM]) if posted else None
        # In a thread: it asks this very process for all that it shows.
        page = await asyncio.to_thread(self._console.page, scope["path"], query, form)
        if page is None:
            await _respond(send, 404, {"message": "no such address"})
        else:
            await _respond(send, 200, page)


def _client(service: str) -> Any:
    """A client of this process's own AWS endpoint; its credentials are in the environment."""
    import boto3  # the first look at the console pays for it, not every start

    endpoint = f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}"
    return boto3.client(service, endpoint_url=endpoint, region_name="us-east-1")  # type: ignore[call-overload]  # any


def _mails() -> list[dict[str, Any]]:
    entries = [mail for key, mails in list(ses._sent_emails._data.items()) if key[-1] == "entries" for mail in mails]
    found = []
    for mail in sorted(entries, key=lambda mail: float(mail.get("Timestamp") or 0), reverse=True):
        body = mail.get("RenderedBodyText") or mail.get("BodyText") or ""
        shown = mail.get("RenderedBodyHtml") or mail.get("BodyHtml") or ""
        body = body or " ".join(html.unescape(_MARKUP.sub(" ", shown)).split())
        code = _CODE.search(body)
        found.append(
            {
                "to": ", ".join(mail.get("To", [])),
                "subject": mail.get("RenderedSubject") or mail.get("Subject", ""),
                "body": body,
                "html": shown,
                "code": code[1] if code else None,
                "at": mail.get("Timestamp"),
            }
        )
    return found


def _access_token(pool_id: str, client_id: str, username: str) -> str:
    """A token of a member, as Cognito gives one at sign-in, without their password."""
    for (account, region, key), pool in list(cognito._user_pools._data.items()):
        if key == pool_id:
            with request_scope(account, region):
                user = next(user for user in pool["_users"].values() if username in _names(user))
                return str(cognito._build_auth_result(pool_id, client_id, user)["AccessToken"])
    raise LookupError(f"There is no pool {pool_id}.")


def _names(user: dict[str, Any]) -> set[str]:
    return {user["Username"], *(one["Value"] for one in user.get("Attributes", []) if one["Name"] == "email")}


def _operate(words: Sequence[str]) -> tuple[int, str]:
    """Run a command of `./civicforge` on this emulator, in the interpreter that has started it."""
    settings = {
        **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{os.environ['GATEWAY_PORT']}",
        "AWS_ACCESS_KEY_ID": os.environ["AWS_ACCESS_KEY_ID"],
        "AWS_SECRET_ACCESS_KEY": os.environ["AWS_SECRET_ACCESS_KEY"],
        "AWS_DEFAULT_REGION": "us-east-1",
        "COLUMNS": "160",
    }
    command = [os.environ["CIVICFORGE_PYTHON"], "-m", "ops", *words[1:]]
    try:
        done = subprocess.run(  # noqa: S603 - our own command; its arguments are names of stages and queues that exist
            command, cwd=REPOSITORY, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=OPERATE_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return 1, f"Not done within {OPERATE_SECONDS} seconds."
    return done.returncode, done.stdout + done.stderr


def _values(text: bytes) -> dict[str, list[str]]:
    return urllib.parse.parse_qs(text.decode("utf-8", "replace"), keep_blank_values=True)


def _header(message: Message, name: bytes) -> str:
    return next((value.decode("latin-1") for key, value in message.get("headers", ()) if key.lower() == name), "")


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        body += bytes(message.get("body", b""))
        if not message.get("more_body"):
            return body


def _replay(body: bytes) -> Receive:
    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def _respond(send: Send, status: int, content: object, *further: tuple[bytes, bytes], kind: bytes = b"") -> None:
    """Answer with text, which is HTML unless its kind is given, or with JSON."""
    if not kind:
        as_json = b"application/x-amz-json-1.1" if status == 400 else b"application/json"
        kind = b"text/html; charset=utf-8" if isinstance(content, str) else as_json
    body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"content-security-policy", _CONSOLE_POLICY),
        *further,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Serve until SIGTERM or SIGINT, which save all state."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--aws-socket", type=int, required=True)
    parser.add_argument("--front-socket", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--owner", type=int, help="the process with which the emulator ends")
    arguments = parser.parse_args()
    with socket.socket(fileno=os.dup(arguments.front_socket)) as front:
        front_port = front.getsockname()[1]
    lock = _alone(arguments.data, front_port)
    hypercorn_compat.install()
    patches.install()
    config = Config()
    config.bind = [f"fd://{arguments.aws_socket}", f"fd://{arguments.front_socket}"]
    config.keep_alive_timeout = 75
    config.graceful_timeout = 3
    config.loglevel = "WARNING"
    asyncio.run(serve(Gateway(arguments.data, front_port, arguments.owner), config))
    lock.close()


def _alone(data: Path, front_port: int) -> TextIO:
    """Hold the data folder for as long as this process lives, and say in its lock who serves and where.

    Two processes on the same data would each write over what the other has saved.
    """
    lock = (data / "lock").open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.seek(0)
        sys.exit(f"Another emulator serves the data in {data}: {lock.read()}")
    lock.truncate(0)
    json.dump({"pid": os.getpid(), "port": int(os.environ["GATEWAY_PORT"]), "front_port": front_port}, lock)
    lock.flush()
    return lock


if __name__ == "__main__":
    main()

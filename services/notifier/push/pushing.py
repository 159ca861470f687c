"""Pushes: each new notice goes to the devices in which its member lets notices be shown."""

import json
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import urllib3
from ecdsa import NIST256p, SigningKey  # type: ignore[import-untyped]  # it ships no types

from services.core.domain.devices import Device, is_push_service, without_devices
from services.core.domain.notices import InboxItem
from services.core.domain.users import User, is_suspended
from services.core.live import ParameterUnavailableError
from services.core.metrics import PUSHES_FAILED, PUSHES_SENT
from services.core.stores.devices import DeviceStore
from services.core.stores.dynamo import StoreUnavailableError
from services.core.stores.inbox import InboxStore
from services.core.telemetry import Telemetry, user_digest
from services.core.vapid import VapidKey
from services.notifier.mail_content import notification
from services.notifier.mailing import NOTICES, Mailer
from services.notifier.push.web_push import (
    TOKEN_LIFE,
    InvalidSubscriptionError,
    authorization,
    encrypted,
    origin_of,
)

TTL_SECONDS: Final = 24 * 3600
"""Time for which a push service keeps a message for a device that is off."""
PUSH_SECONDS: Final = 5.0
"""Timeout of one push, of which CONNECT_SECONDS for the connection."""
CONNECT_SECONDS: Final = 2.0
RUN_SECONDS: Final = 10.0
"""Timeout of all pushes of one run of the Lambda: mails wait for them no longer than this."""
_GONE: Final = (404, 410)


def https() -> urllib3.PoolManager:
    """Connections to push services: certificates checked by the system's roots, no redirect, no second attempt."""
    return urllib3.PoolManager(retries=False)


@dataclass
class Run:
    """The state of one run of the Lambda: seconds left for pushes, and the push services that did not answer."""

    seconds: float = RUN_SECONDS
    unresponsive: set[str] = field(default_factory=set)

    def begin(self) -> None:
        """Begin the next run."""
        self.seconds = RUN_SECONDS
        self.unresponsive.clear()


def _encrypted(payload: bytes, device: Device) -> bytes:
    return encrypted(payload, device, SigningKey.generate(curve=NIST256p), secrets.token_bytes(16))


@dataclass(frozen=True)
class Pusher:
    """Sends notices to devices, at most once each: a push that is lost is in the inbox all the same."""

    devices: DeviceStore
    inbox: InboxStore
    mailer: Mailer
    key: Callable[[], VapidKey | None]
    telemetry: Telemetry
    loopback: bool
    web: urllib3.PoolManager = field(default_factory=https)
    _tokens: dict[str, tuple[str, datetime]] = field(default_factory=dict)
    run: Run = field(default_factory=Run)

    def push(self, item: InboxItem, user: User, now: datetime) -> None:
        """Send a new notice to a member's devices; none to who is suspended.

        An outage is counted and ends it: the notice is in the inbox, and a retry would find it no longer new.
        """
        try:
            self._push(item, user, now)
        except (StoreUnavailableError, ParameterUnavailableError):
            self.telemetry.count(PUSHES_FAILED)
            self.telemetry.log.warning("not pushed", extra={"user": user_digest(user.user_id)}, exc_info=True)

    def _push(self, item: InboxItem, user: User, now: datetime) -> None:
        if is_suspended(user, now) or not self.mailer.features(user.user_id, (NOTICES,)):
            return
        devices = self.devices.of(user.user_id)
        key = self.key() if devices else None
        if key is None or not self.inbox.spend_push(user.user_id, now):
            return
        shown = notification(item, user, self.mailer.context(user, [item]))
        payload = json.dumps(shown, ensure_ascii=False, separators=(",", ":")).encode()
        gone = [device.device_id for device in devices if not self._is_accepted(device, payload, key, now)]
        if gone:
            self.devices.change(user.user_id, lambda kept: without_devices(kept, *gone))
            self.telemetry.log.info(
                "devices forgotten", extra={"user": user_digest(user.user_id), "devices": len(gone)}
            )

    def _is_accepted(self, device: Device, payload: bytes, key: VapidKey, now: datetime) -> bool:
        """False if the subscription has ended. Any other failure is counted: the notice is also mailed."""
        if not is_push_service(device.endpoint, loopback=self.loopback):
            return False
        run = self.run
        if run.seconds <= 0 or device.service in run.unresponsive:
            return self._failed(device, "no time left")
        try:
            body = _encrypted(payload, device)
        except InvalidSubscriptionError:
            return False
        headers = self._headers(device.endpoint, key, now)
        began = time.monotonic()
        try:
            status = self._post(device.endpoint, body, headers, min(PUSH_SECONDS, run.seconds))
        except (urllib3.exceptions.HTTPError, OSError) as error:
            run.unresponsive.add(device.service)
            return self._failed(device, type(error).__name__)
        finally:
            run.seconds -= time.monotonic() - began
        if status in _GONE:
            return False
        if not 200 <= status < 300:
            return self._failed(device, str(status))
        self.telemetry.count(PUSHES_SENT)
        return True

    def _failed(self, device: Device, reason: str) -> bool:
        self.telemetry.count(PUSHES_FAILED)
        self.telemetry.log.warning("push not taken", extra={"push_service": device.service, "reason": reason})
        return True

    def _post(self, endpoint: str, body: bytes, headers: Mapping[str, str], seconds: float) -> int:
        timeout = urllib3.Timeout(total=seconds, connect=CONNECT_SECONDS)
        answer: Any = self.web.request(
            "POST", endpoint, body=body, headers=headers, timeout=timeout, redirect=False, preload_content=False
        )
        answer.close()  # what the service says is not read
        return int(answer.status)

    def _headers(self, endpoint: str, key: VapidKey, now: datetime) -> dict[str, str]:
        origin = origin_of(endpoint)
        known = self._tokens.get(f"{origin} {key.public}")
        if known is None or known[1] < now:
            made = authorization(origin, key, self.mailer.site_url, now)
            known = self._tokens[f"{origin} {key.public}"] = (made, now + TOKEN_LIFE - timedelta(hours=1))
        return {
            "Authorization": known[0],
            "TTL": str(TTL_SECONDS),
            "Urgency": "normal",
            "Content-Encoding": "aes128gcm",
            "Content-Type": "application/octet-stream",
        }

"""Devices: the browsers in which a member lets notices be shown, each a subscription of Web Push (RFC 8030)."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import Field

from services.core.domain.digests import digest
from services.core.domain.values import Input, Model, Timestamp

MAX_DEVICES: Final = 5
"""Devices of one member; another one takes the place of the oldest."""

PUSH_SERVICES: Final = (
    "fcm.googleapis.com",
    "push.services.mozilla.com",
    "push.apple.com",
    "notify.windows.com",
)
"""Hosts, with those below them, of the browsers' push services. The notifier calls no other address: what a member
sends as an endpoint would otherwise choose whom the platform connects to.
"""
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1"})
_PATTERN: Final = r"(https?)://([a-z0-9.-]{1,253})(:[0-9]{1,5})?/[!-\[\]-~]*"
"""Scheme, host, port and path. Nothing that two parsers of addresses might read in two ways: no user, no backslash."""

Endpoint = Annotated[str, Field(max_length=1000, pattern=f"^{_PATTERN}$")]
PublicKey = Annotated[str, Field(pattern=r"^B[A-Za-z0-9_-]{86}$", description="P-256 point, uncompressed, base64url.")]
AuthSecret = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{22}$", description="16 bytes, base64url.")]


class Subscription(Input):
    """A browser's subscription; `public_key` is what its `PushSubscription` calls p256dh."""

    endpoint: Endpoint
    public_key: PublicKey
    auth: AuthSecret


class Device(Model):
    """A subscription as it is kept."""

    device_id: str
    endpoint: str
    public_key: str
    auth: str
    added_at: Timestamp

    @property
    def service(self) -> str:
        """The host of its push service."""
        return urlsplit(self.endpoint).hostname or ""


def is_push_service(endpoint: str, *, loopback: bool) -> bool:
    """True for an address that the notifier may call: https at a push service, or with `loopback` this machine."""
    address = re.fullmatch(_PATTERN, endpoint)
    if address is None:
        return False
    scheme, host, port = address.groups()
    if loopback and host in _LOOPBACK:
        return True
    known = any(host == service or host.endswith(f".{service}") for service in PUSH_SERVICES)
    return known and scheme == "https" and port in (None, ":443")


def device(subscription: Subscription, now: datetime) -> Device:
    """A subscription under an id made from its endpoint."""
    return Device(device_id=digest(subscription.endpoint), added_at=now, **subscription.model_dump())


def with_device(devices: Sequence[Device], new: Device) -> list[Device]:
    """The devices with a new one, which replaces its former subscription or, beyond MAX_DEVICES, the oldest device."""
    former = next((known for known in devices if known.device_id == new.device_id), None)
    if former and (former.public_key, former.auth) == (new.public_key, new.auth):
        return list(devices)
    others = [known for known in devices if known.device_id != new.device_id]
    return [*others, new][-MAX_DEVICES:]


def without_devices(devices: Sequence[Device], *device_ids: str) -> list[Device]:
    """The devices but for those with these ids."""
    return [known for known in devices if known.device_id not in device_ids]

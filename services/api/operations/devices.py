"""The browsers in which the member lets notices be shown (Web Push)."""

from collections.abc import Mapping

from services.api import views
from services.api.operations.operation import (
    AnyOperation,
    NoBody,
    NoQuery,
    Operation,
    Platform,
    Request,
    errors,
    with_row,
)
from services.api.problems import ProblemError
from services.core.domain import devices
from services.core.domain.devices import Device, Subscription, is_push_service


def list_my_devices(platform: Platform, request: Request[NoBody, NoQuery]) -> views.Devices:
    """The member's devices."""
    return _shown(platform.devices.of(request.member.user_id))


def add_my_device(platform: Platform, request: Request[Subscription, NoQuery]) -> views.DeviceView:
    """Adds a device, or replaces what is known of it; beyond the limit it takes the place of the oldest."""
    if not is_push_service(request.body.endpoint, loopback=platform.settings.push_loopback):
        raise ProblemError(403, "unknown_push_service", "This browser's push service is not one that we send to.")
    new = devices.device(request.body, request.now)
    user_id = request.member.user_id
    known = with_row(
        platform,
        request,
        lambda: platform.devices.change(user_id, lambda before: devices.with_device(before, new)),
    )
    return views.device(next(device for device in known if device.device_id == new.device_id))


def remove_my_device(platform: Platform, request: Request[NoBody, NoQuery]) -> views.Devices:
    """Removes a device; one that is not there stays away."""
    device_id = request.path["deviceId"]
    changed = platform.devices.change(request.member.user_id, lambda known: devices.without_devices(known, device_id))
    return _shown(changed)


def _shown(stored: list[Device]) -> views.Devices:
    return views.Devices(items=[views.device(device) for device in stored])


DEVICES: Mapping[str, AnyOperation] = {
    "listMyDevices": Operation(
        list_my_devices, NoBody, NoQuery, views.Devices, "The browsers that show the member's notices"
    ),
    "addMyDevice": Operation(
        add_my_device,
        Subscription,
        NoQuery,
        views.DeviceView,
        "Let a browser show the member's notices (Web Push)",
        errors(403),
    ),
    "removeMyDevice": Operation(remove_my_device, NoBody, NoQuery, views.Devices, "Let a browser show no more notices"),
}

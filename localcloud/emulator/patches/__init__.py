"""Patches of MiniStack 1.5.33, one module for each gap; they run in the emulator's process.

A module's docstring says what MiniStack does instead of AWS, and under "Report" how to show it: the text for an issue
at https://github.com/ministackorg/ministack/issues. None is sent yet. A module is removed with the version that closes
its gap. Modules without `install` are called by the gateway.

Gaps that are left: throttling of an API's stage, USER_AUTH and EMAIL_OTP, Pre/PostAuthentication and UserMigration
triggers.
"""

from importlib import import_module
from pkgutil import iter_modules


def install() -> None:
    """Patch the emulator. Call once, before it serves."""
    for module in iter_modules(__path__):
        patch = import_module(f"{__name__}.{module.name}")
        if hasattr(patch, "install"):
            patch.install()

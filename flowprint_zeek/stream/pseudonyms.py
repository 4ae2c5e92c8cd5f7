"""Other names for devices in what leaves a site."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowprint_zeek.seen import SeenState

_DIGITS = 12


class Pseudonyms:
    """Names for devices that tell them apart and nothing more; every instance has its own.

    Destinations keep their addresses, also those that are devices of the site.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)

    def __call__(self, device: str) -> str:
        """Return the name for a device."""
        digest = hmac.new(self._key, device.encode("utf-8", "surrogateescape"), hashlib.sha256)
        return f"device-{digest.hexdigest()[:_DIGITS]}"

    def of_seen(self, state: SeenState) -> SeenState:
        """Return what a site has seen, on devices of other names."""
        return replace(state, devices={self(one): held for one, held in state.devices.items()})

    def of_browsers(self, held: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Return what `Browsers.to_dict` returned, of devices of other names."""
        return {key: [[self(device), *rest] for device, *rest in held[key]] for key in held}

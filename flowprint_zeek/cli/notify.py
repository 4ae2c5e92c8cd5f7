"""Telling the service manager how the daemon does: systemd's datagrams, without its library."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ALIVE = 1.0
"""Seconds between two signs of life."""


class Notifier:
    """Tells the service manager, where there is one.

    Parameters
    ----------
    environ : mapping, optional
        Environment: ``NOTIFY_SOCKET`` is where it listens, a path or, behind an ``@``, a name of
        Linux's abstract namespace. Default that of the process.
    monotonic : callable, optional
        Returns seconds from wherever they count.
    """

    def __init__(
        self,
        environ: Mapping[str, str] = os.environ,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        self._monotonic = monotonic
        self._alive: float | None = None
        self._status = ""
        self._socket: socket.socket | None = None
        if address[:1] in {"/", "@"}:
            self._address = address.replace("@", "\0", 1) if address[0] == "@" else address
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            # A manager that does not listen does not stop the daemon.
            self._socket.setblocking(False)

    def ready(self) -> None:
        """Tell that the daemon follows the logs."""
        self._send("READY=1")

    def reloading(self) -> None:
        """Tell that settings are read again; `ready` tells that they are."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={self._monotonic() * 1e6:.0f}")

    def stopping(self) -> None:
        """Tell that the daemon ends."""
        self._send("STOPPING=1")

    def alive(self) -> None:
        """Tell that the daemon does not hang, not more often than is of use."""
        now = self._monotonic()
        if self._alive is None or now - self._alive >= _ALIVE:
            self._alive = now
            self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """Tell in one line what the daemon does, where that changed."""
        if text != self._status:
            self._status = text
            self._send(f"STATUS={' '.join(text.splitlines())}")

    def close(self) -> None:
        """Tell nothing more."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, message: str) -> None:
        if self._socket is not None:
            with suppress(OSError):
                self._socket.sendto(message.encode("utf-8", "backslashreplace"), self._address)

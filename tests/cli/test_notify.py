"""What the service manager is told, on a real socket."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.cli.notify import Notifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Manager:
    """A socket that receives as systemd does."""

    def __init__(self, address: str) -> None:
        self.environ = {"NOTIFY_SOCKET": address}
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(address.replace("@", "\0", 1) if address[0] == "@" else address)
        self.socket.setblocking(False)

    def told(self) -> list[str]:
        """Return the datagrams that came."""
        came = []
        while True:
            try:
                came.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return came

    def close(self) -> None:
        self.socket.close()


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    """Return a manager that listens at a path, or at a name of the abstract namespace."""
    name = f"@flowprint-test-{os.getpid()}"
    address = name if request.param == "abstract" else str(tmp_path / "notify")
    with closing(Manager(address)) as listening:
        yield listening


def test_a_life_is_told(manager: Manager) -> None:
    """Each state is one datagram."""
    with closing(Notifier(manager.environ, lambda: 12.5)) as notifier:
        notifier.ready()
        notifier.alive()
        notifier.status("learning (3% done)")
        notifier.reloading()
        notifier.ready()
        notifier.stopping()
    assert manager.told() == [
        "READY=1",
        "WATCHDOG=1",
        "STATUS=learning (3% done)",
        "RELOADING=1\nMONOTONIC_USEC=12500000",
        "READY=1",
        "STOPPING=1",
    ]


def test_signs_of_life_come_once_a_second(manager: Manager) -> None:
    """Between two batches there may be less."""
    now = [0.0]
    with closing(Notifier(manager.environ, lambda: now[0])) as notifier:
        for now[0] in (0.0, 0.2, 0.9, 1.0, 1.5, 7.0):
            notifier.alive()
    assert manager.told() == ["WATCHDOG=1"] * 3


def test_a_status_is_told_when_it_changes(manager: Manager) -> None:
    """And is one line, whatever stands in it."""
    with closing(Notifier(manager.environ)) as notifier:
        notifier.status("a")
        notifier.status("a")
        notifier.status("b\nREADY=1\u2028c \udcff")
    assert manager.told() == ["STATUS=a", "STATUS=b READY=1 c \\udcff"]


def test_a_manager_that_is_gone_stops_nobody(manager: Manager) -> None:
    """Nor one that does not read what it is sent."""
    with closing(Notifier(manager.environ)) as notifier:
        for number in range(5_000):
            notifier.status(str(number))
        assert 0 < len(manager.told()) < 5_000
        manager.close()
        notifier.ready()


@pytest.mark.parametrize("address", ["", "relative", "vsock:2:1234"])
def test_without_a_manager_nothing_happens(address: str) -> None:
    """None is told where none is named that can be reached."""
    with closing(Notifier({"NOTIFY_SOCKET": address})) as notifier:
        notifier.ready()
        notifier.alive()
    with closing(Notifier({})) as notifier:
        notifier.stopping()

"""A small site with a daemon whose clocks are set by hand, and what a replay makes of its story."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowprint_zeek.stream.daemon import Clocks, Daemon
from flowprint_zeek.stream.outputs import NOTICES
from flowprint_zeek.zeek.header import header_lines
from flowprint_zeek.zeek.writer import row_line, whole_lines
from tests.stream.small import BATCH, COLUMNS, MIDNIGHT, SECOND, Conn, conn_log, moved, session
from tests.stream.small import written as conn_row
from tests.stream.test_live import replayed, settings, written

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from flowprint_zeek.config import Config

START = MIDNIGHT / SECOND
"""`MIDNIGHT` in seconds."""
LEARNED = 900
"""Seconds that the daemon learns."""
LAST = 3_900
"""Seconds after which the story is told; a bit later all its batches have closed."""


def story() -> list[Conn]:
    """Return an hour of known apps, with an unseen app every ten minutes after learning."""
    told = [
        one
        for number in range(12)
        for device in ("10.0.0.1", "10.0.0.2")
        for one in moved(session("mail", number * 300 + 10.0), device)
    ]
    for number, app in ((4, "game"), (6, "chat"), (8, "radio")):
        told += session(app, number * 300 + 20.0)
    return in_order(told)


def in_order(connections: Iterable[Conn]) -> list[Conn]:
    """Return connections in the order of conn.log."""
    return sorted(connections, key=lambda one: (one.end, one.uid))


def expected(folder: Path, connections: Iterable[Conn] | None = None) -> dict[str, bytes]:
    """Return what a replay of connections, by default of the story, writes."""
    logs = folder / "complete"
    logs.mkdir(parents=True)
    conn_log(logs, *(story() if connections is None else in_order(connections)))
    return replayed(logs, folder / "replayed", small(folder))


def small(folder: Path, **given: object) -> Config:
    """Return settings for a site in a folder."""
    return settings(folder, **{"run__learn_for": f"{LEARNED}s"} | given)


@dataclass
class Site:
    """A sensor that writes the story, and a daemon beside it.

    Attributes
    ----------
    wall : float or None
        What the clock of the daemon's host shows, s since the epoch; None: the time of the story.
    offset : float
        How far the sensor's clock is ahead, s.
    """

    folder: Path
    config: Config
    monotonic: float = 0.0
    wall: float | None = None
    offset: float = 0.0
    daemon: Daemon | None = None
    left: list[Conn] = field(default_factory=story)
    time: float = 0.0

    def __post_init__(self) -> None:
        self.current.mkdir(exist_ok=True)
        (self.folder / "archive").mkdir(exist_ok=True)

    @property
    def current(self) -> Path:
        return self.folder / "current"

    @property
    def out(self) -> Path:
        return self.folder / "out"

    @property
    def running(self) -> Daemon:
        """The daemon; it is started if it is down."""
        if self.daemon is None:
            clocks = Clocks(
                wall=lambda: START + self.time if self.wall is None else self.wall,
                monotonic=lambda: self.monotonic,
            )
            self.daemon = Daemon(self.config, clocks)
        return self.daemon

    def write(self, until: float = LAST) -> None:
        """Let the sensor write what has ended by a time, s after midnight."""
        count = sum(one.end < MIDNIGHT + until * SECOND for one in self.left)
        self.append(*self.left[:count])
        del self.left[:count]
        self.time = max(self.time, until)

    def append(self, *connections: Conn, kinds: Iterable[str] = ("ssl", "conn")) -> None:
        """Write connections to conn.log and ssl.log as Zeek would."""
        for kind in kinds:
            path, columns = self.current / f"{kind}.log", COLUMNS[kind]
            new = not path.exists() or not path.stat().st_size
            lines = header_lines(kind, columns, MIDNIGHT) if new else []
            lines += [row_line(row, columns, tsv=True) for row in self._rows(kind, connections)]
            with path.open("ab") as file:
                file.write(whole_lines(lines))

    def _rows(self, kind: str, connections: Iterable[Conn]) -> Iterator[dict[str, object]]:
        ahead = round(self.offset * SECOND)
        for one in connections:
            if kind == "conn":
                yield conn_row(one) | {"ts": one.ts + ahead}
            elif one.name:
                yield {"ts": one.ts + ahead, "uid": one.uid, "server_name": one.name}

    def poll(self, seconds: float = 2.0) -> None:
        """Let some time pass, and the daemon look until there is nothing new."""
        self.monotonic += seconds
        while self.running.poll():
            pass

    def follow(self, until: float = LAST, step: float = 40.0) -> None:
        """Write and look in turns."""
        while self.time < until:
            self.write(min(self.time + step, until))
            self.poll()

    def stop(self) -> None:
        if self.daemon is not None:
            self.daemon.close()
            self.daemon = None

    def end(self) -> None:
        """Write the rest, and let conn.log be silent until all batches are closed."""
        self.follow()
        self.poll()
        self.poll(BATCH / SECOND + 900)
        self.stop()

    def outputs(self) -> dict[str, bytes]:
        return written(self.out)


def ends_as(site: Site, replay: dict[str, bytes]) -> bool:
    """Tell whether a site that goes on to its end writes what a replay does."""
    site.end()
    assert replay[NOTICES].count(b"Unseen_App") == 3
    return site.outputs() == replay

"""A place where logs are written, rotated and archived, and what a follower finds there."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

from flowprint_zeek.zeek.follow import Follower
from flowprint_zeek.zeek.reader import ReadStats
from flowprint_zeek.zeek.tail import Position
from tests.zeek.small_logs import COLUMNS, HEADER, row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from flowprint_zeek.zeek.follow import FollowedLog

SETTLE = 10.0


def uids(numbers: Iterable[int]) -> list[str]:
    return [f"C{number}" for number in numbers]


def log_text(numbers: Iterable[int], *, header: bytes = HEADER, closed: bool = False) -> bytes:
    """Return a log of some rows."""
    return header + b"".join(map(row, numbers)) + (b"#close\tx\n" if closed else b"")


class Site:
    """A directory that Zeek writes to, an archive, and a follower with its own clock.

    Attributes
    ----------
    got : list of str
        uids of conn.log's rows in the order in which they came.
    problems : list of str
        What the follower told.
    """

    def __init__(self, folder: Path, **options: Any) -> None:
        self.current = folder / "current"
        self.archive = folder / "archive"
        self.current.mkdir()
        self.archive.mkdir()
        self.now = 0.0
        self.stats = ReadStats()
        self.got: list[str] = []
        self.problems: list[str] = []
        self.options: dict[str, Any] = {
            "watched": [self.current],
            "archives": [self.archive],
            "columns": {"conn": COLUMNS},
            "since": 0.0,
        } | options
        self.follower = self._follower({})

    def _follower(self, positions: Mapping[str, Position]) -> Follower:
        made = Follower(
            **self.options,
            positions=positions,
            stats=self.stats,
            clock=lambda: self.now,
            settle=SETTLE,
        )
        self.follower = made
        return made

    @property
    def log(self) -> Path:
        """The log that Zeek writes."""
        return self.current / "conn.log"

    def add(self, data: bytes | Iterable[int], path: Path | None = None) -> None:
        """Append bytes, or rows of some numbers, to a log; a new one gets a header."""
        place = path or self.log
        if not isinstance(data, bytes):
            new = not place.exists() or not place.stat().st_size
            data = log_text(data, header=HEADER if new else b"")
        with place.open("ab") as file:
            file.write(data)

    def rotate(self, name: str) -> Path:
        """Rename the log as a rotation does."""
        return self.log.rename(self.current / name)

    def pack(self, path: Path, name: str = "conn.00:00:00-01:00:00.log.gz") -> Path:
        """Archive a file as zeekctl does, and delete it."""
        day = self.archive / "2026-01-01"
        day.mkdir(exist_ok=True)
        (day / name).write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
        return day / name

    def scan(self, seconds: float = 0.0) -> None:
        """Look at the places after some time."""
        self.now += seconds
        self.follower.scan()
        self.problems += self.follower.take_problems()

    def logs(self) -> list[FollowedLog]:
        return self.follower.logs("conn")

    def paths(self) -> list[str]:
        """Return the names of the files that logs are read from."""
        return [log.log.path.name for log in self.logs()]

    def poll(self, seconds: float = 0.0) -> list[str]:
        """Look and read all; return the uids that are new."""
        self.scan(seconds)
        before = len(self.got)
        for log in self.logs():
            while (chunk := log.read()) is not None:
                self.got += chunk.rows["uid"].tolist()
        self.problems += self.follower.take_problems()
        return self.got[before:]

    def settle(self) -> list[str]:
        """Let time pass until what does not grow is finished; return the uids that are new."""
        return self.poll() + self.poll(SETTLE) + self.poll(SETTLE)

    def restart(self) -> None:
        """End the follower and start another from what is stored."""
        positions = self.follower.positions()
        fields = {one: (at.offset, at.line, at.header) for one, at in positions.items()}
        self.follower.close()
        kept = json.loads(json.dumps(fields))
        self._follower({one: Position(*at) for one, at in kept.items()})

    def open_files(self) -> int:
        """Return how many files are held open."""
        return sum(log.is_open for log in self.follower._active.values())

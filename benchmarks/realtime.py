"""A sensor that writes a simulated hour as time goes by, with an app of its own in each batch."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks import soak
from flowprint_zeek.zeek.columns import CONN_LOG, SSL_LOG
from flowprint_zeek.zeek.writer import row_line

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

SECOND = 1_000_000
LATENESS = DISORDER = 1
DEVICE = "192.168.250.1"
NAMES, CONNECTIONS = 4, 2
"""Names of a planted app, and connections to each."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Batches: width, and what is waited after them, in whole seconds; how many of them."""

    batch: int = 20
    learned: int = 2
    batches: int = 4
    delay: int = LATENESS + DISORDER

    def closes(self, number: int) -> int:
        """Return the time, µs, that a row has to be later than to close a batch."""
        return ((number + 1) * self.batch + self.delay) * SECOND

    def judged(self, begin: int) -> range:
        """Return the batches that are judged, where the first row is of a time, µs."""
        # The first one is cut short, and one more is learned for certain.
        first = begin // (self.batch * SECOND) + self.learned + 1
        return range(first, first + self.batches)


def planted(number: int, start: int, end: int) -> dict[str, list[str]]:
    """Return the lines of each log of an app that only one batch has, within some time, µs."""
    columns = {"conn": CONN_LOG, "ssl": (*SSL_LOG, ("ja4", "string"))}
    found: dict[str, list[str]] = {"conn": [], "ssl": []}
    for each in range(NAMES * CONNECTIONS):
        row: dict[str, object] = {
            "ts": start,
            "uid": f"CLive{number}x{each}",
            "id.orig_h": DEVICE,
            "id.orig_p": 40_000 + each,
            "id.resp_h": f"203.0.113.{each % NAMES + 1}",
            "id.resp_p": 443,
            "proto": "tcp",
            "duration": end - start,
            "orig_bytes": 500,
            "resp_bytes": 5_000,
            "conn_state": "SF",
            "local_orig": 1,
            "history": "ShADadFf",
            "resp_pkts": 9,
            "server_name": f"n{each % NAMES}.{name_of(number)}",
            "ja4": "t13d1516h2_8daaf6152771_b186095e22b6",
        }
        for kind, lines in found.items():
            lines.append(row_line(row, columns[kind], tsv=True) + "\n")
    return found


def name_of(number: int) -> str:
    """Return the domain of the app that is planted in a batch."""
    return f"live{number}.example"


class Sensor:
    """Writes the logs of an hour as time goes by.

    Parameters
    ----------
    hour : sequence of Table
        Its logs, conn first.
    groups : list of dict
        Addresses of the devices each time that the hour is written.
    folder : Path
        Where to write.
    begin : int
        Time of the hour's first row, µs.
    pace : Pace
        Batches.
    clock : callable
        Returns the time in seconds since the epoch.

    Attributes
    ----------
    readable : dict of int to float
        When the first row that closes each batch could be read, seconds since the epoch.
    rows : int
        Rows written.
    """

    def __init__(
        self,
        hour: Sequence[soak.Table],
        groups: soak.Places,
        folder: Path,
        begin: int,
        pace: Pace,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.readable: dict[int, float] = {}
        self.rows = 0
        self._hour, self._groups, self._begin, self._pace = hour, groups, begin, pace
        self._clock = clock
        self._until = 0
        self._planted = self._closed = begin // (pace.batch * SECOND)
        self._files = {
            table.kind: (folder / f"{table.kind}.log").open("wb", buffering=0) for table in hour
        }
        for table in hour:
            self._files[table.kind].write(table.header)

    def write(self, now: int) -> None:
        """Write what ended before a time, µs."""
        low, high = self._until, now - self._begin
        latest, app = self._app(now)
        # A handshake is told of before its connection.
        for table in reversed(self._hour):
            first, last = np.searchsorted(table.end, (low, high)).tolist()
            if table.kind == "conn" and last > first:
                latest = max(latest, self._begin + int(table.end[last - 1]))
            text = soak.lines(table, first, last, 0, self._groups, self._begin)
            self._files[table.kind].write(text + "".join(app[table.kind]).encode())
            self.rows += (last - first) * len(self._groups) + len(app[table.kind])
        self._until = high
        written = self._clock()
        while self._pace.closes(self._closed) < latest:
            self.readable[self._closed] = written
            self._closed += 1

    def _app(self, now: int) -> tuple[int, Mapping[str, list[str]]]:
        """Return the end and the lines of the app of a batch, once time is in its middle."""
        width = self._pace.batch * SECOND
        number = now // width
        middle = number * width + width // 2
        if number < self._planted or now < middle:
            return 0, {"conn": [], "ssl": []}
        self._planted = number + 1
        return middle, planted(number, max(middle - SECOND, number * width), middle)

    def close(self) -> None:
        """Close the logs."""
        for file in self._files.values():
            file.close()

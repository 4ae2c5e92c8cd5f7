"""A sensor that writes, flushes, rotates and archives logs as Zeek and zeekctl do."""

from __future__ import annotations

import gzip
import random
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from flowprint_zeek.core.arrays import ints
from flowprint_zeek.stream.replay import KINDS, key_of, prepared
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.join import COLUMNS
from flowprint_zeek.zeek.reader import ReadStats, read_chunks
from tests.stream.small import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from flowprint_zeek.zeek.files import LogFile

HOUR = 3_600 * SECOND
Rotation = Literal["none", "plain", "zeekctl"]

LAG = 30 * SECOND

MOST_HELD = 40 * SECOND
"""Log time after which a row is written out whatever else happens."""


@dataclass
class _Stream:
    """One log: its header, and its rows with the log time at which each is written."""

    kind: str
    header: bytes
    rows: deque[tuple[int, bytes]]
    buffer: bytearray = field(default_factory=bytearray)
    oldest: int | None = None
    opened: int | None = None


class Sensor:
    """Writes the logs of a folder anew, as a running Zeek would have.

    Parameters
    ----------
    source : Path
        Folder of complete logs, one plain file of each kind.
    folder : Path
        Gets ``current``, ``spool`` (where zeekctl keeps what it compresses) and ``archive``.
    seed : int
        Seed of lags, flushes and cuts.
    rotation : {"none", "plain", "zeekctl"}
        How logs are rotated at each full hour of log time.
    lag : int or mapping of str to int, default 30 s
        How late rows may be written, of all kinds or by kind, µs of log time; they leave their
        order.
    """

    def __init__(
        self,
        source: Path,
        folder: Path,
        seed: int,
        rotation: Rotation = "zeekctl",
        lag: int | Mapping[str, int] = LAG,
    ) -> None:
        self.current = folder / "current"
        self.spool = folder / "spool"
        self.archive = folder / "archive"
        for each in (self.current, self.spool, self.archive):
            each.mkdir(parents=True, exist_ok=True)
        self.rotation = rotation
        self._random = random.Random(seed)  # noqa: S311  a seeded sensor, no secret
        logs = find_logs([source], KINDS)
        lags = dict.fromkeys(KINDS, lag) if isinstance(lag, int) else lag
        self._streams = [_stream(log, self._random, lags[log.kind]) for log in logs]
        self._half: list[tuple[Path, Path, bytes]] = []
        self.now = min(stream.rows[0][0] for stream in self._streams if stream.rows)
        self._hour = self.now // HOUR

    @property
    def done(self) -> bool:
        """Whether all rows are written and all files are archived."""
        return not self._half and all(not one.rows and not one.buffer for one in self._streams)

    def step(self) -> None:
        """Let some log time pass: rows are written, flushed wherever buffers end, and rotated."""
        self._finish_archives()
        self.now += self._random.randint(1, 20) * SECOND
        if self.now // HOUR != self._hour:
            self._until(self.now // HOUR * HOUR)
            for stream in self._streams:
                self._rotate(stream)
            self._hour = self.now // HOUR
        self._until(self.now)

    def finish(self) -> None:
        """Write all that is left."""
        while not self.done:
            self.step()

    def _until(self, time: int) -> None:
        for stream in self._streams:
            while stream.rows and stream.rows[0][0] < time:
                written, line = stream.rows.popleft()
                stream.buffer += line
                stream.oldest = written if stream.oldest is None else stream.oldest
            self._flush(stream, time)

    def _flush(self, stream: _Stream, time: int) -> None:
        if stream.oldest is None:
            return
        forced = not stream.rows or time - stream.oldest >= MOST_HELD // 2
        if forced:
            self._write(stream, len(stream.buffer))
        elif self._random.random() < 0.6:
            # A buffer ends anywhere, also inside a line.
            self._write(stream, self._random.randint(1, len(stream.buffer)))

    def _write(self, stream: _Stream, count: int) -> None:
        path = self.current / f"{stream.kind}.log"
        fresh = stream.opened is None
        if fresh:
            stream.opened = self._hour * HOUR
        with path.open("wb" if fresh else "ab", buffering=0) as file:
            if fresh:
                file.write(stream.header)
            file.write(stream.buffer[:count])
        del stream.buffer[:count]
        if not stream.buffer:
            stream.oldest = None

    def _rotate(self, stream: _Stream) -> None:
        if self.rotation == "none" or stream.opened is None:
            return
        self._write(stream, len(stream.buffer))
        path = self.current / f"{stream.kind}.log"
        if stream.header:
            with path.open("ab") as file:
                file.write(b"#close\t2026-01-01-00-00-00\n")
        begun = datetime.fromtimestamp(stream.opened / SECOND, UTC)
        if self.rotation == "plain":
            path.rename(self.current / f"{stream.kind}.{begun:%Y-%m-%d-%H-%M-%S}.log")
        else:
            kept = self.spool / f"{stream.kind}-{begun:%y-%m-%d_%H.%M.%S}.log"
            path.rename(kept)
            day = self.archive / f"{begun:%Y-%m-%d}"
            day.mkdir(exist_ok=True)
            packed = day / f"{stream.kind}.{begun:%H:%M:%S}-{begun:%H}:59:59.log.gz"
            data = gzip.compress(kept.read_bytes(), mtime=0)
            # What a reader sees while gzip is at work.
            packed.write_bytes(data[: self._random.randint(0, len(data) - 1)])
            self._half.append((kept, packed, data))
        stream.opened = None

    def _finish_archives(self) -> None:
        for kept, packed, data in self._half:
            with packed.open("r+b") as file:
                file.write(data)
            kept.unlink()
        self._half.clear()


def _stream(log: LogFile, chance: random.Random, lag: int) -> _Stream:
    lines = log.path.read_bytes().splitlines(keepends=True)
    header = b"".join(line for line in lines if line.startswith(b"#") and b"#close" not in line)
    data = [line for line in lines if not line.startswith(b"#")]
    chunks = read_chunks(log, COLUMNS[log.kind], stats=ReadStats())
    frame = pd.concat([prepared(chunk, log.kind) for chunk in chunks], ignore_index=True)
    assert len(frame) == len(data)
    times = np.maximum.accumulate(ints(frame[key_of(log.kind)]))
    written = times + [chance.randint(0, lag) for _ in data]
    order = np.argsort(written, kind="stable")
    rows = deque((int(written[at]), data[at]) for at in order)
    return _Stream(log.kind, header, rows)

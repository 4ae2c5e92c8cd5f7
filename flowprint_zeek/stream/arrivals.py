"""Rows of archived logs in the order in which a live sensor would have read them.

A row *arrives* when its file has reached its time: at the largest time of the rows up to it in the
same file. That order depends on the files alone, not on how many rows are read at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flowprint_zeek.core.arrays import Ints, ints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    Chunks = Callable[[], Iterator[pd.DataFrame]]


def in_order_of_end(chunks: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Yield the rows of a file that is ordered by ``start`` in the order of their ``end``.

    A row comes when the file has reached its end. Memory holds the rows that overlap in time.
    """
    held, reached = pd.DataFrame(), ints([])
    latest = -(1 << 62)
    for rows in chunks:
        if rows.empty:
            continue
        starts = np.maximum(np.maximum.accumulate(ints(rows["start"])), latest)
        latest = int(starts[-1])
        held = rows if held.empty else pd.concat((held, rows), ignore_index=True)
        reached = np.concatenate((reached, np.maximum(ints(rows["end"]), starts)))
        order = np.argsort(reached, kind="stable")
        ready = order[: np.searchsorted(reached[order], latest, side="right")]
        yield held.iloc[ready]
        waiting = np.sort(order[ready.size :])
        held, reached = held.iloc[waiting], reached[waiting]
    yield held.iloc[np.argsort(reached, kind="stable")]


class _File:
    """One file's rows, as far as they are read."""

    def __init__(self, first: int, chunks: Chunks, key: str) -> None:
        self.first = first
        self._open = chunks
        self._chunks: Iterator[pd.DataFrame] | None = None
        self._key = key
        self._rows: pd.DataFrame | None = None
        self._arrival: Ints = ints([])
        self._latest = first

    def next(self) -> int | None:
        """Return the arrival of the next row, None at the end of the file."""
        if self._chunks is None:
            self._chunks = self._open()
            self._fill()
        return None if self._rows is None else int(self._arrival[0])

    def take(self, limit: int) -> Iterator[pd.DataFrame]:
        """Yield the rows that arrive up to a time."""
        while self.next() is not None and self._rows is not None:
            count = int(np.searchsorted(self._arrival, limit, side="right"))
            if not count:
                return
            yield self._rows.iloc[:count]
            if count < len(self._rows):
                self._rows, self._arrival = self._rows.iloc[count:], self._arrival[count:]
                return
            self._fill()

    def _fill(self) -> None:
        self._rows = None
        for rows in self._chunks or ():
            if len(rows):
                times = np.maximum.accumulate(ints(rows[self._key]))
                self._rows, self._arrival = rows, np.maximum(times, self._latest)
                self._latest = int(self._arrival[-1])
                return


class Arrivals:
    """Merges the files of one kind of log by arrival.

    Parameters
    ----------
    files : sequence of (int, callable)
        First time of each file (µs) and what opens its chunks; a file is opened when its time has
        come, so a long archive needs no more memory than a short one.
    key : str
        Column with the time of a row, µs.
    """

    def __init__(self, files: Sequence[tuple[int, Chunks]], key: str) -> None:
        self._waiting = [_File(first, chunks, key) for first, chunks in files]
        self._waiting.sort(key=lambda file: -file.first)
        self._active: list[_File] = []

    def next(self) -> int | None:
        """Return the time at which the next row arrives, µs; None when there is none."""
        while True:
            times = [at for file in self._active if (at := file.next()) is not None]
            soonest = min(times, default=None)
            if not self._waiting or (soonest is not None and soonest < self._waiting[-1].first):
                return soonest
            self._active.append(self._waiting.pop())

    def take(self, limit: int) -> Iterator[pd.DataFrame]:
        """Yield the rows that arrive up to a time, µs."""
        while self._waiting and self._waiting[-1].first <= limit:
            self._active.append(self._waiting.pop())
        for file in self._active:
            yield from file.take(limit)
        self._active = [file for file in self._active if file.next() is not None]

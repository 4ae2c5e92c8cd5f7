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
    from collections.abc import Callable, Iterable, Iterator

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


class Arriving:
    """The rows of one file, in the order of their arrival.

    Parameters
    ----------
    first : int
        Time of its first row, µs.
    key : str
        Column with the time of a row, µs.
    latest : int or None, default None
        Largest time of the rows before those that come; None: `first`.
    """

    ended = True
    """Whether a file without more rows will never have any."""

    def __init__(self, first: int, key: str, latest: int | None = None) -> None:
        self.first = first
        self.key = key
        self.latest = first if latest is None else latest
        self.rows: pd.DataFrame | None = None
        self._arrival: Ints = ints([])

    def more(self) -> pd.DataFrame | None:
        """Return the next rows of the file; None where there are none."""
        raise NotImplementedError

    def times(self, rows: pd.DataFrame) -> Ints:
        """Return the time of each row, µs."""
        return ints(rows[self.key])

    def next(self) -> int | None:
        """Return the arrival of the next row; None where there is none."""
        if self.rows is None:
            self._fill()
        return None if self.rows is None else int(self._arrival[0])

    def take(self, limit: int) -> Iterator[pd.DataFrame]:
        """Yield the rows that arrive up to a time."""
        while self.next() is not None and self.rows is not None:
            count = int(np.searchsorted(self._arrival, limit, side="right"))
            if not count:
                return
            taken = self.rows.iloc[:count]
            if count < len(self.rows):
                self.rows, self._arrival = self.rows.iloc[count:], self._arrival[count:]
                yield taken
                return
            self.rows = None
            yield taken

    def _fill(self) -> None:
        while (rows := self.more()) is not None:
            if len(rows):
                times = np.maximum.accumulate(self.times(rows))
                self.rows, self._arrival = rows, np.maximum(times, self.latest)
                self.latest = int(self._arrival[-1])
                return


class Archived(Arriving):
    """The rows of a file that is complete.

    Parameters
    ----------
    first : int
        Time of its first row, µs.
    chunks : callable
        Opens it.
    key : str
        Column with the time of a row, µs.
    """

    def __init__(self, first: int, chunks: Chunks, key: str) -> None:
        super().__init__(first, key)
        self._open = chunks
        self._chunks: Iterator[pd.DataFrame] | None = None

    def more(self) -> pd.DataFrame | None:
        """Return the next rows of the file; None at its end."""
        if self._chunks is None:
            self._chunks = self._open()
        return next(self._chunks, None)


class Arrivals:
    """Merges the files of one kind of log by arrival.

    Parameters
    ----------
    files : iterable of Arriving
        A file is opened when its time has come, so a long archive needs no more memory than a
        short one.
    """

    def __init__(self, files: Iterable[Arriving] = ()) -> None:
        self._waiting: list[Arriving] = []
        self._active: list[Arriving] = []
        self.add(files)

    def add(self, files: Iterable[Arriving]) -> None:
        """Take more files in."""
        self._waiting += files
        self._waiting.sort(key=lambda file: -file.first)

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
        self._active = [file for file in self._active if file.next() is not None or not file.ended]

"""Rows that wait under a key for what they belong to, in bounded memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Generic, TypeVar, cast

import numpy as np

from flowprint_zeek.zeek.columns import UNSET, objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

Row = TypeVar("Row", bound=tuple[int, *tuple[str, ...]])


@dataclass(frozen=True, slots=True)
class WaitingState:
    """What a `Waiting` holds, to go on from: rows by key, times before it, and what was dropped."""

    rows: dict[str, tuple[int | str, ...]] = field(default_factory=dict)
    horizon: int = UNSET
    dropped: int = 0


class Waiting(Generic[Row]):
    """Rows by key, one for each.

    A row is a tuple that begins with its time, µs. Of several with one key the least counts, in
    whatever order they arrive.

    Parameters
    ----------
    limit : int
        Rows that `expire` keeps. Of more, the oldest go until seven eighths of the limit are
        left, so that making room costs little a row.
    latest : bool, default False
        Of several rows with one key the greatest counts.

    Attributes
    ----------
    dropped : int
        Rows that went because of the limit.
    """

    def __init__(self, limit: int, *, latest: bool = False) -> None:
        self.limit = limit
        self.dropped = 0
        self._choose = max if latest else min
        self._rows: dict[str, Row] = {}
        self._horizon = UNSET
        self._swept = 0

    def __len__(self) -> int:
        self._sweep()
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        self._sweep()
        return iter(self._rows)

    def __bool__(self) -> bool:
        return bool(self._rows)

    def state(self) -> WaitingState:
        """Return what it holds."""
        self._sweep()
        return WaitingState({**self._rows}, self._horizon, self.dropped)

    def restore(self, state: WaitingState) -> None:
        """Hold what `state` returned."""
        self._rows = cast("dict[str, Row]", state.rows)
        self._horizon = state.horizon
        self.dropped = state.dropped
        self._swept = len(self._rows)

    def add(self, keys: Sequence[str], rows: Sequence[Row]) -> None:
        """Take rows in; those without a key are left out."""
        fresh = dict(zip(keys, rows, strict=True))
        if len(fresh) < len(keys):
            chosen_last = sorted(zip(rows, keys, strict=True), reverse=self._choose is min)
            fresh = {key: row for row, key in chosen_last}
        fresh.pop("", None)
        for key in fresh.keys() & self._rows.keys():
            fresh[key] = self._choose(fresh[key], self._rows[key])
        self._rows.update(fresh)

    def look_up(self, keys: Iterable[str], nothing: Row) -> list[Row]:
        """Return the row of each key, `nothing` without one."""
        horizon = self._horizon
        found = map(self._rows.get, keys, repeat(nothing))
        return [row if row[0] >= horizon else nothing for row in found]

    def forget(self, keys: Iterable[str]) -> None:
        """Drop the rows of keys that are done with."""
        if self._rows:
            deque(map(self._rows.pop, keys, repeat(None)), maxlen=0)

    def expire(self, before: int = UNSET) -> None:
        """Drop rows from before a time, µs since the epoch, and the oldest beyond the limit.

        Only here rows go because of the limit: what goes depends on what has arrived by the time
        of the call, not on how it was read.
        """
        self._horizon = max(self._horizon, before)
        # They are invisible at once; clearing them out waits until it pays.
        if len(self._rows) > 2 * self._swept:
            self._sweep()
        if len(self._rows) > self.limit:
            self._make_room()

    def _times(self) -> NDArray[np.int64]:
        return np.fromiter(map(itemgetter(0), self._rows.values()), np.int64, len(self._rows))

    def _sweep(self) -> None:
        old = self._times() < self._horizon
        self.forget(objects(list(self._rows))[old].tolist())
        self._swept = len(self._rows)

    def _make_room(self) -> None:
        self._sweep()
        excess = len(self._rows) - (self.limit - self.limit // 8)
        if len(self._rows) <= self.limit:
            return
        times = self._times()
        keys = objects(list(self._rows))
        edge = np.partition(times, excess - 1)[excess - 1]
        oldest: list[str] = keys[times < edge].tolist()
        oldest += sorted(keys[times == edge].tolist())[: excess - len(oldest)]
        self.forget(oldest)
        self.dropped += len(oldest)

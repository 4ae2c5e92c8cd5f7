"""What dns.log told devices: the names behind the addresses they connect to."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, compress, repeat
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.arrays import ints
from flowprint_zeek.zeek.columns import UNSET, objects
from flowprint_zeek.zeek.fields import is_address
from flowprint_zeek.zeek.names import of_distinct

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from flowprint_zeek.core.arrays import Ints, Texts
    from flowprint_zeek.zeek.names import Naming

DNS_COLUMNS = ("ts", "id.orig_h", "query", "qtype", "answers")
"""What `Answers` needs of a dns.log."""

_ASKED_FOR_ADDRESSES = (1, 28, UNSET)
_HALF = 32
_LOW = (1 << _HALF) - 1
_FEW_WORDS = 1 << 16


@dataclass(frozen=True, slots=True)
class AnswersState:
    """What `Answers` hold: texts, columns as bytes, and how many were dropped."""

    texts: list[str]
    rows: bytes
    dropped: int


class Answers:
    """The addresses that the lookups of each host were answered with.

    An answer gives an address the name that was asked for, whatever aliases lead there, from the
    lookup's time until the next answer with that address. Of several at one time the least name
    counts, in whatever order they arrive.

    Held are columns, 24 bytes for each address of an answer, beside each text once.

    Parameters
    ----------
    limit : int
        Addresses of answers that `expire` keeps. Of more, the oldest go until seven eighths of the
        limit are left.
    keep : int
        How long an answer counts, µs.
    naming : Naming
        What counts as a name.

    Attributes
    ----------
    dropped : int
        Addresses of answers that went because of the limit.
    """

    def __init__(self, limit: int, keep: int, naming: Naming) -> None:
        self.limit = limit
        self.keep = keep
        self.dropped = 0
        self._naming = naming
        self._words: dict[str, int] = {}
        self._texts: list[str] = []
        self._most_words = _FEW_WORDS
        # Columns: host and address as one number, time, name; sorted by the first two.
        self._rows = ints([[], [], []])
        self._fresh: list[Ints] = []

    def __len__(self) -> int:
        self._settle()
        return int(self._rows.shape[1])

    def __bool__(self) -> bool:
        return len(self) > 0

    def add(self, chunk: pd.DataFrame) -> None:
        """Take rows in: ``DNS_COLUMNS`` as read."""
        chunk = chunk[chunk["qtype"].isin(_ASKED_FOR_ADDRESSES) & (chunk["id.orig_h"] != "")]
        found = of_distinct(_addresses, chunk["answers"].tolist())
        names = of_distinct(self._naming, chunk["query"].tolist())
        told = [bool(name and one) for name, one in zip(names, found, strict=True)]
        if not any(told):
            return
        chunk = chunk[told]
        found, names = list(compress(found, told)), list(compress(names, told))
        size = ints(list(map(len, found)))
        host = self._codes(chunk["id.orig_h"].tolist()).repeat(size)
        address = self._codes(list(chain.from_iterable(found)))
        name, ts = self._codes(names).repeat(size), ints(chunk["ts"]).repeat(size)
        self._fresh.append(np.stack((host << _HALF | address, ts, name)))

    def _codes(self, texts: Sequence[str]) -> Ints:
        """Return numbers of texts, new ones for those that have none."""
        words = self._words
        for text in dict.fromkeys(texts):
            if text not in words:
                words[text] = len(words)
                self._texts.append(text)
        return ints(list(map(words.__getitem__, texts)))

    def state(self) -> AnswersState:
        """Return what they hold, to go on from."""
        self._settle()
        return AnswersState(self._texts, self._rows.astype("<i8").tobytes(), self.dropped)

    def restore(self, state: AnswersState) -> None:
        """Hold what `state` returned."""
        self._texts = list(state.texts)
        self._words = {text: code for code, text in enumerate(self._texts)}
        self._most_words = max(_FEW_WORDS, 2 * len(self._texts))
        self._rows = ints(np.frombuffer(state.rows, dtype="<i8").reshape(3, -1))
        self._fresh.clear()
        self.dropped = state.dropped

    def look_up(self, hosts: Texts, addresses: Texts, starts: Ints) -> Texts:
        """Return the names by which hosts knew addresses at some times, "" where they had none.

        Parameters
        ----------
        hosts, addresses : array of str
            Who connected, and where to.
        starts : array of int
            When, µs.
        """
        self._settle()
        keys, times, names = self._rows
        host, address = (
            ints(list(map(self._words.get, texts.tolist(), repeat(-1))))
            for texts in (hosts, addresses)
        )
        # A text without a number has no answers; as a key it is negative and meets none.
        key = np.where((host >= 0) & (address >= 0), host << _HALF | address, -1)
        first = np.searchsorted(keys, key)
        at = _last(times, first, np.searchsorted(keys, key, side="right"), starts)
        found = np.flatnonzero(at >= first)
        found = found[times[at[found]] >= starts[found] - self.keep]
        result = objects([""] * len(hosts))
        result[found] = [self._texts[code] for code in names[at[found]].tolist()]
        return result

    def expire(self, before: int) -> None:
        """Drop answers from before a time, µs since the epoch, and the oldest beyond the limit.

        Only here answers go because of the limit: what goes depends on what has arrived by the
        time of the call, not on how it was read.
        """
        self._settle()
        kept = self._rows[1] >= before
        if not kept.all():
            self._rows = self._rows[:, kept]
        if self._rows.shape[1] > self.limit:
            self._make_room()
        if len(self._texts) > self._most_words:
            self._forget_words()

    def forget(self, address: str) -> None:
        """Drop what a host was answered, and answers with its address."""
        self._settle()
        code = self._words.get(address)
        if code is not None:
            keys = self._rows[0]
            self._rows = self._rows[:, (keys >> _HALF != code) & (keys & _LOW != code)]
            self._forget_words()

    def _settle(self) -> None:
        """Sort in what has arrived."""
        if not self._fresh:
            return
        rows = np.concatenate(
            (self._rows, self._ordered(np.concatenate(self._fresh, axis=1))), axis=1
        )
        self._fresh.clear()
        # Two sorted runs, which a stable sort merges.
        rows = rows[:, np.argsort(rows[0], kind="stable")]
        again = (rows[0, 1:] == rows[0, :-1]) & (rows[1, 1:] <= rows[1, :-1])
        self._rows = self._ordered(rows) if again.any() else rows

    def _ordered(self, rows: Ints) -> Ints:
        """Return rows by key, time and name, one for each key and time."""
        used, place = np.unique(rows[2], return_inverse=True)
        rank = np.argsort(np.argsort(objects([self._texts[code] for code in used.tolist()])))
        rows = rows[:, np.lexsort((rank[place], rows[1], rows[0]))]
        new = np.ones(rows.shape[1], dtype=np.bool_)
        new[1:] = (rows[:2, 1:] != rows[:2, :-1]).any(axis=0)
        return rows[:, new]

    def _make_room(self) -> None:
        excess = self._rows.shape[1] - (self.limit - self.limit // 8)
        times = self._rows[1]
        edge = np.partition(times, excess - 1)[excess - 1]
        old = times < edge
        tied = sorted(np.flatnonzero(times == edge).tolist(), key=self._told)
        old[tied[: excess - int(old.sum())]] = True
        self._rows = self._rows[:, ~old]
        self.dropped += excess

    def _told(self, row: int) -> tuple[str, str]:
        """Return host and address of a row."""
        key = int(self._rows[0, row])
        return self._texts[key >> _HALF], self._texts[key & _LOW]

    def _forget_words(self) -> None:
        """Drop texts that no answer has any more."""
        keys, _, names = self._rows
        host, address = keys >> _HALF, keys & _LOW
        used = np.unique(np.concatenate((host, address, names)))
        self._texts = [self._texts[code] for code in used.tolist()]
        self._words = {text: code for code, text in enumerate(self._texts)}
        # Numbers keep their order, so the rows stay sorted.
        self._rows[0] = np.searchsorted(used, host) << _HALF | np.searchsorted(used, address)
        self._rows[2] = np.searchsorted(used, names)
        self._most_words = max(_FEW_WORDS, 2 * len(self._texts))


def _addresses(answers: tuple[str, ...]) -> tuple[str, ...]:
    # Aliases end in a letter, and telling them from addresses by parsing is dear.
    maybe = (one for one in answers if one[-1:].isdigit() or ":" in one)
    return tuple(dict.fromkeys(filter(is_address, maybe)))


def _last(values: Ints, low: Ints, high: Ints, limits: Ints) -> Ints:
    """Return the last place in each run [low, high) of rising values up to a limit.

    Where there is none it is the place before the run.
    """
    while (open_ := low < high).any():
        middle = (low + high) // 2
        # Runs that are done may end behind the last value.
        below = open_ & (values[np.minimum(middle, values.size - 1)] <= limits)
        low = np.where(below, middle + 1, low)
        high = np.where(open_ & ~below, middle, high)
    return low - 1

"""Sentences: flows that are neighbours in time.

By time: the flows of a device that begin in the same window of log time, in the order in which they
begin. Or by count: so many flows of a device in a row. A flow is one word of one sentence.

conn.log tells of a flow when it ends, so a window stays open for `lateness` after its end. A flow
that lasts longer counts as if it began `lateness` before it ended, a property of its row and not of
when it was read: the sentences of logs are the same however many rows are read at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from flowprint_zeek.analysis.flow2vec.choices import LONGEST
from flowprint_zeek.core.arrays import Ints, ints
from flowprint_zeek.core.flows import SECOND, factorized


@dataclass(frozen=True, slots=True)
class Cut:
    """Where sentences begin and end.

    Parameters
    ----------
    span : int
        Width of a window, µs.
    flows : int or None
        Flows of a sentence by count; None: by time.
    together : bool
        Sentences of all devices together, as in the flow2vec document, instead of one's.
    """

    span: int = 60 * SECOND
    flows: int | None = None
    together: bool = False


class Windows:
    """Gathers flows until their windows close.

    Parameters
    ----------
    cut : Cut
        Width of the windows.
    lateness, disorder : int
        How long a window stays open for flows that last, and for rows out of order, µs.

    Attributes
    ----------
    overdue : int
        Flows whose window had closed, and which are left out.
    twice : int
        Flows that were told of before, and are left out.
    """

    def __init__(self, cut: Cut, lateness: int, disorder: int) -> None:
        self._cut = cut
        self._lateness = lateness
        self._disorder = disorder
        self._held: list[pd.DataFrame] = []
        self._first_open: int | None = None
        self.overdue = 0
        self.twice = 0

    def add(self, flows: pd.DataFrame) -> None:
        """Take flows."""
        begin = np.maximum(ints(flows["start"]), ints(flows["end"]) - self._lateness)
        number = begin // self._cut.span
        if self._first_open is not None:
            late = number < self._first_open
            self.overdue += int(late.sum())
            flows, number = flows[~late], number[~late]
        self._held.append(flows.assign(window=number))

    def close(self, limit: int) -> pd.DataFrame:
        """Return the flows of the windows that are over when all rows up to a log time are in.

        Returns
        -------
        DataFrame
            By window, device and start, with the column ``window``.
        """
        return self._closed((limit - self._lateness - self._disorder) // self._cut.span)

    def close_all(self) -> pd.DataFrame:
        """Return the flows of all windows that are open."""
        return self._closed(None)

    def _closed(self, number: int | None) -> pd.DataFrame:
        if not self._held:
            return pd.DataFrame()
        flows = pd.concat(self._held, ignore_index=True)
        self._held = []
        if number is not None:
            open_ = ints(flows["window"]) >= number
            self._first_open = number if self._first_open is None else max(number, self._first_open)
            if open_.any():
                self._held.append(flows[open_])
            flows = flows[~open_]
        return self._in_order(flows)

    def _in_order(self, flows: pd.DataFrame) -> pd.DataFrame:
        if self._cut.together:
            flows = flows.assign(device="")
        times = ["device", "window", "start", "end"]
        if flows.duplicated(["uid", "start"]).any():
            by_end = flows.sort_values("end", kind="stable")
            again = by_end.duplicated(["uid", "start"], keep="last").sort_index()
            again &= flows["uid"] != ""
            self.twice += int(again.sum())
            flows = flows[~again]
        if flows.duplicated(times).any():
            # Whatever order the files were read in.
            flows = flows.sort_values(["uid", "resp_h", "resp_p"], kind="stable")
        device = _ranked(flows["device"])
        keys = (ints(flows["end"]), ints(flows["start"]), device, ints(flows["window"]))
        return flows.iloc[np.lexsort(keys)].reset_index(drop=True)


def _ranked(column: pd.Series[str]) -> Ints:
    """Return the place of each text of a column among the sorted texts."""
    code, texts = factorized(column)
    rank = np.empty(len(texts), dtype=np.int64)
    rank[sorted(range(len(texts)), key=texts.__getitem__)] = np.arange(len(texts))
    return rank[code]


class Sentences:
    """Cuts sorted flows into sentences.

    Parameters
    ----------
    cut : Cut
        Where they begin and end.
    """

    def __init__(self, cut: Cut) -> None:
        self._cut = cut
        self._begun: dict[str, Ints] = {}

    def take(self, flows: pd.DataFrame, word: Ints) -> tuple[Ints, Ints]:
        """Return the words of finished sentences one after the other, and how many each has.

        Parameters
        ----------
        flows : DataFrame
            Flows of closed windows, as `Windows` returns them.
        word : ndarray of int, shape (n_flows,)
            The number of each flow's token.
        """
        if flows.empty:
            return ints([]), ints([])
        if self._cut.flows is None:
            code, _ = factorized(flows["device"])
            return word, _shortened(_lengths(code, ints(flows["window"])))
        return self._by_count(flows, word, self._cut.flows)

    def rest(self) -> tuple[Ints, Ints]:
        """Return the sentences that were begun, as they are."""
        held = [self._begun[device] for device in sorted(self._begun)]
        self._begun = {}
        lengths = ints([part.size for part in held if part.size])
        return np.concatenate([ints([]), *held]), lengths

    def _by_count(self, flows: pd.DataFrame, word: Ints, size: int) -> tuple[Ints, Ints]:
        code, devices = factorized(flows["device"])
        done, lengths = [ints([])], []
        order = np.argsort(code, kind="stable")
        word = word[order]
        ends = np.cumsum(_lengths(code[order])).tolist()
        for device, begin, end in zip(devices, [0, *ends], ends, strict=False):
            words = np.concatenate((self._begun.pop(device, ints([])), word[begin:end]))
            whole = words.size // size * size
            done.append(words[:whole])
            lengths += [size] * (whole // size)
            if whole < words.size:
                self._begun[device] = words[whole:]
        return np.concatenate(done), ints(lengths)


def _lengths(*columns: Ints) -> Ints:
    """Return how many rows in a row are alike."""
    new = np.zeros(columns[0].size, dtype=np.bool_)
    for column in columns:
        new |= np.diff(column, prepend=column[0] - 1) != 0
    return np.diff(np.append(np.flatnonzero(new), columns[0].size))


def _shortened(lengths: Ints) -> Ints:
    """Return lengths of sentences none of which is too long for gensim."""
    if not (lengths > LONGEST).any():
        return lengths
    parts = []
    for length in lengths.tolist():
        whole, rest = divmod(length, LONGEST)
        parts += [LONGEST] * whole + ([rest] if rest else [])
    return ints(parts)

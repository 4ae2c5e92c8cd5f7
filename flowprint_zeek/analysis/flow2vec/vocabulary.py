"""The tokens of a corpus, how often each came, and with which labels."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.flow2vec.choices import MOST_COUNTED
from flowprint_zeek.core.arrays import ints, row_groups
from flowprint_zeek.core.flows import factorized

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    import pandas as pd

    from flowprint_zeek.core.arrays import Ints

_KEPT = 0.75
"""Share of them that stays when there are more."""


@dataclass(slots=True)
class _Token:
    """A token that is counted."""

    number: int
    count: int
    labels: Counter[str] | None = None


class Vocabulary:
    """Counts tokens and the labels of their flows.

    Memory holds `most` tokens. Beyond that the rarest are let go, of equally rare ones the newest;
    one that comes again later is counted anew, under another number.

    Parameters
    ----------
    most : int
        Tokens to hold, at least one.

    Attributes
    ----------
    pruned : int
        Flows of tokens that were let go.
    """

    def __init__(self, most: int = MOST_COUNTED) -> None:
        self._most = most
        self._held: dict[str, _Token] = {}
        self._next = 0
        self.pruned = 0

    def take(self, code: Ints, tokens: list[str], labels: pd.Series[str]) -> Ints:
        """Count the tokens of flows; return the number of each flow's token.

        Parameters
        ----------
        code : ndarray of int, shape (n_flows,)
            Place of each flow's token among the tokens.
        tokens : list of str
            Distinct tokens.
        labels : Series of str
            Label of each flow, "" without.
        """
        counts = np.bincount(code, minlength=len(tokens)).tolist()
        numbers = []
        for token, count in zip(tokens, counts, strict=True):
            held = self._held.get(token)
            if held is None:
                held = self._held[token] = _Token(self._next, 0)
                self._next += 1
            held.count += count
            numbers.append(held.number)
        self._label(code, tokens, labels)
        if len(self._held) > self._most:
            self._prune()
        return ints(numbers)[code]

    def _label(self, code: Ints, tokens: list[str], labels: pd.Series[str]) -> None:
        of, names = factorized(labels)
        if names == [""]:
            return
        pair, first = row_groups((code, of))
        for at, count in zip(first.tolist(), np.bincount(pair).tolist(), strict=True):
            name = names[of[at]]
            if name:
                held = self._held[tokens[code[at]]]
                if held.labels is None:
                    held.labels = Counter()
                held.labels[name] += count

    def _prune(self) -> None:
        rarest = sorted(self._held.items(), key=lambda item: (item[1].count, -item[1].number))
        for token, held in rarest[: len(rarest) - max(int(self._most * _KEPT), 1)]:
            self.pruned += held.count
            del self._held[token]

    def chosen(self, min_count: int, also: Collection[str] = ()) -> list[str]:
        """Return the tokens that are frequent enough or known already, most frequent first."""
        held = [
            token for token, one in self._held.items() if one.count >= min_count or token in also
        ]
        return sorted(held, key=lambda token: (-self._held[token].count, token))

    def numbers(self, tokens: list[str]) -> Ints:
        """Return the numbers of tokens that are held."""
        return ints([self._held[token].number for token in tokens])

    def counts(self, tokens: list[str]) -> Ints:
        """Return how often tokens that are held came."""
        return ints([self._held[token].count for token in tokens])

    def labels(self, tokens: list[str]) -> dict[str, Mapping[str, int]]:
        """Return how often tokens came with each label, without those that have none."""
        return {token: said for token in tokens if (said := self._held[token].labels) is not None}

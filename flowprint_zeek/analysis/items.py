"""Labelled fingerprints: what trains a method of detection, and what it is tested on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flowprint_zeek.core.arrays import distinct, ints, unique_pairs
from flowprint_zeek.core.sets import Sets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flowprint_zeek.core.arrays import Bools, Ints


@dataclass(frozen=True, slots=True)
class Votes:
    """The flows of fingerprints: a flow takes the label of most of its slices.

    Flows whose slices are all of one fingerprint say the same, and are one voter.

    Attributes
    ----------
    voter, item : ndarray of shape (n_votes,)
        Voter and fingerprint of each slice, by voter, then time.
    weight : ndarray of shape (n_voters,)
        Flows of each voter.
    """

    voter: Ints
    item: Ints
    weight: Ints

    @classmethod
    def of_slices(cls, flow: Ints, item: Ints, size: int) -> Votes:
        """Make votes of the flow and the fingerprint of each slice, by flow, then time.

        Parameters
        ----------
        flow, item : ndarray of shape (n_slices,)
            Flow and fingerprint of each slice.
        size : int
            Number of fingerprints.
        """
        owner, held = unique_pairs(flow, item)
        several = owner[1:][owner[1:] == owner[:-1]]
        mixed = np.isin(flow, several)
        alone = ~np.isin(owner, several)
        weight = np.bincount(held[alone], minlength=size)
        met = np.flatnonzero(weight)
        voters, voter = np.unique(flow[mixed], return_inverse=True)
        return cls(
            np.concatenate((np.arange(met.size), met.size + voter)),
            np.concatenate((met, item[mixed])),
            np.concatenate((weight[met], np.ones(voters.size, dtype=np.int64))),
        )

    def where(self, chosen: Bools) -> Votes:
        """Return the votes for chosen fingerprints, numbered among those."""
        kept = chosen[self.item]
        voters, voter = np.unique(self.voter[kept], return_inverse=True)
        rank = np.cumsum(chosen) - 1
        return Votes(voter, rank[self.item[kept]], self.weight[voters])


@dataclass(frozen=True)
class Items:
    """Labelled fingerprints.

    Attributes
    ----------
    vocabulary : sequence of str
        Elements that the numbers in `sets` stand for.
    sets : Sets
        Fingerprints.
    label : ndarray of shape (n,)
        Number of each one's app in `labels`.
    labels : sequence of str
        Names of apps, sorted.
    n_flows : ndarray of shape (n,)
        Flows of each: its weight where flows are counted.
    group : ndarray of shape (n,)
        Number of its capture.
    votes : Votes, optional
        Their flows, where these are known one by one; default: each flow is of one fingerprint.
    """

    vocabulary: Sequence[str]
    sets: Sets
    label: Ints
    labels: Sequence[str]
    n_flows: Ints
    group: Ints
    votes: Votes | None = None

    @property
    def size(self) -> int:
        """Number of fingerprints."""
        return self.sets.size

    @classmethod
    def of(
        cls,
        fingerprints: Iterable[tuple[Sequence[str], str, int, int]],
        labels: Sequence[str] | None = None,
    ) -> Items:
        """Make items of elements, label, flows and capture of each fingerprint.

        `labels` are all that there are, sorted; default: those that a fingerprint has.
        """
        rows = list(fingerprints)
        elements = np.array([element for row in rows for element in row[0]], dtype=object)
        code, vocabulary = pd.factorize(elements)
        owner = np.repeat(np.arange(len(rows)), [len(row[0]) for row in rows])
        sets = Sets.from_pairs(len(rows), ints(owner), ints(code))
        labels = sorted({row[1] for row in rows}) if labels is None else labels
        number = {label: at for at, label in enumerate(labels)}
        return cls(
            list(vocabulary),
            sets,
            np.array([number[row[1]] for row in rows], dtype=np.int64),
            labels,
            np.array([row[2] for row in rows], dtype=np.int64),
            np.array([row[3] for row in rows], dtype=np.int64),
        )

    def where(self, chosen: Bools) -> Items:
        """Return the chosen fingerprints; vocabulary and labels stay."""
        rank = np.cumsum(chosen) - 1
        kept = chosen[self.sets.owner]
        sets = Sets(int(chosen.sum()), rank[self.sets.owner[kept]], self.sets.element[kept])
        parts = (part[chosen] for part in (self.label, self.n_flows, self.group))
        label, n_flows, group = parts
        votes = None if self.votes is None else self.votes.where(chosen)
        return Items(self.vocabulary, sets, label, self.labels, n_flows, group, votes)

    def voting(self) -> Votes:
        """Return the flows of the fingerprints as votes."""
        if self.votes is not None:
            return self.votes
        each = np.arange(self.size)
        return Votes(each, each, self.n_flows)

    def present(self) -> Ints:
        """Return the numbers of the labels that any has."""
        return distinct(self.label)

"""The correlation graph of activity signatures (paper section IV-D, equation 4).

Destinations of one group with equal signatures are *twins*: they correlate fully and have the same
neighbours, so they stand in the same cliques. The graph therefore has one node for each distinct
signature, and its edges join signatures whose Jaccard coefficient is at least the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array, triu

from flowprint_zeek.core.arrays import (
    Floats,
    Ints,
    expand,
    ints,
    packed,
    row_groups,
    slabs,
    unique_pairs,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_SIGNATURES = 1_024
"""Signatures of one group that are compared: more than the ten windows of a batch can give."""

_MAX_PAIRS = 1 << 21
"""Pairs of signatures looked at together: about 60 MB."""


@dataclass(frozen=True, slots=True)
class Signatures:
    """Distinct activity signatures of groups, numbered by group.

    Attributes
    ----------
    group : ndarray of shape (n_signatures,)
        Group of each signature.
    owner, window : ndarray of shape (n_pairs,)
        Signature and window, one pair for each window in a signature.
    """

    group: Ints
    owner: Ints
    window: Ints

    @property
    def size(self) -> int:
        """Number of distinct signatures."""
        return self.group.size

    def part(self, low: int, high: int) -> Signatures:
        """Return some of the signatures, counted from 0."""
        first, last = np.searchsorted(self.owner, [low, high])
        pairs = slice(first, last)
        return Signatures(self.group[low:high], self.owner[pairs] - low, self.window[pairs])

    def portions(self) -> Iterator[tuple[int, int]]:
        """Yield runs of signatures with a bounded number of pairs, never cutting a group."""
        starts = np.flatnonzero(np.concatenate(([True], self.group[1:] != self.group[:-1])))
        edges = np.append(starts[: self.size], self.size)
        compared = np.minimum(np.diff(edges), MAX_SIGNATURES)
        for low, high in slabs(compared**2, _MAX_PAIRS):
            yield int(edges[low]), int(edges[high])


@dataclass(frozen=True, slots=True)
class Edges:
    """Edges of the correlation graph.

    Attributes
    ----------
    left, right : ndarray of shape (n_edges,)
        Signatures, ``left < right``.
    weight : ndarray of shape (n_edges,)
        Their correlation.
    cut : ndarray
        Groups of more than `MAX_SIGNATURES`, of which only the busiest were compared.
    """

    left: Ints
    right: Ints
    weight: Floats
    cut: Ints


def signatures(group: Ints, destination: Ints, window: Ints) -> tuple[Signatures, Ints]:
    """Return the distinct signatures of network destinations.

    Parameters
    ----------
    group : ndarray of shape (n_destinations,)
        Group of each destination.
    destination, window : ndarray of shape (n_pairs,)
        Activity: a destination and a window in which it was active. Windows are numbers that mean
        the same for all destinations of a group.

    Returns
    -------
    Signatures
        The distinct ones.
    ndarray of shape (n_destinations,)
        Signature of each destination.
    """
    destination, window = unique_pairs(destination, window)
    low = np.full(group.max() + 1 if group.size else 0, np.iinfo(np.int64).max)
    np.minimum.at(low, group[destination], window)
    relative = window - low[group[destination]]
    bits = packed(group.size, destination, relative)
    of_destination, first = row_groups((group, *bits.T.view(np.int64)))
    keep = np.zeros(group.size, dtype=np.bool_)
    keep[first] = True
    kept = keep[destination]
    owner, window = unique_pairs(of_destination[destination[kept]], window[kept])
    return Signatures(group[first], owner, window), of_destination


def edges(signatures: Signatures, correlation: float) -> Edges:
    """Return the edges of the correlation graph.

    Parameters
    ----------
    signatures : Signatures
        Nodes.
    correlation : float
        Least correlation of an edge; at most 0 makes every group's graph complete. Quotients of
        small integers compare exactly in floating point, so ``9/10 >= 0.9`` holds.

    Notes
    -----
    Memory is that of the edges. `Signatures.portions` says what to ask for at a time.
    """
    found = [(ints([]), ints([]), np.zeros(0), ints([]))]
    for low, high in signatures.portions():
        part = signatures.part(low, high)
        busiest, cut = _busiest(part)
        if correlation <= 0:
            left, right = _all_pairs(part.group[busiest])
            weight = np.ones(left.size)
        else:
            left, right, weight = _correlated(part, busiest, correlation)
        found.append((low + busiest[left], low + busiest[right], weight, cut))
    return Edges(*map(np.concatenate, zip(*found, strict=True)))


def _busiest(signatures: Signatures) -> tuple[Ints, Ints]:
    """Return the signatures to compare, those of most windows in each group, and cut groups."""
    group = signatures.group
    n_windows = np.bincount(signatures.owner, minlength=group.size)
    order = np.lexsort((-n_windows, group))
    place = np.arange(group.size) - np.searchsorted(group, group)
    cut = group[place == MAX_SIGNATURES]
    return np.sort(order[place < MAX_SIGNATURES]), cut


def _correlated(
    signatures: Signatures, chosen: Ints, correlation: float
) -> tuple[Ints, Ints, Floats]:
    """Return the edges between the chosen signatures, by their places among these."""
    place = np.full(signatures.size, -1)
    place[chosen] = np.arange(chosen.size)
    owner = place[signatures.owner]
    window = signatures.window[owner >= 0]
    owner = owner[owner >= 0]
    column, _ = row_groups((signatures.group[chosen][owner], window))
    active = coo_array(
        (np.ones(owner.size, dtype=np.int64), (owner, column)),
        shape=(chosen.size, column.max() + 1),
    ).tocsr()
    common = triu(active @ active.T, k=1, format="coo")
    left, right, both = ints(common.coords[0]), ints(common.coords[1]), ints(common.data)
    size = np.bincount(owner, minlength=chosen.size)
    weight = both / (size[left] + size[right] - both)
    kept = weight >= correlation
    left, right, weight = left[kept], right[kept], weight[kept]
    order = np.lexsort((right, left))
    return left[order], right[order], weight[order]


def _all_pairs(group: Ints) -> tuple[Ints, Ints]:
    size = np.bincount(group)[group]
    place = np.arange(group.size) - np.searchsorted(group, group)
    left, step = expand(size - place - 1)
    return left, left + step + 1

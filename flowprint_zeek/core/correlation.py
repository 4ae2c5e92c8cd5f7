"""The correlation graph of activity signatures (paper section IV-D, equation 4).

Destinations of one group with equal signatures are *twins*: they correlate fully and have the same
neighbours, so they stand in the same cliques. The graph therefore has one node for each distinct
signature, and its edges join signatures whose Jaccard coefficient is at least the threshold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
from scipy.sparse import coo_array, triu

from flowprint_zeek.core.arrays import Floats, Ints, expand, ints, row_groups, slabs, unique_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_SIGNATURES = 1_024
"""Signatures of one group that are compared: more than the ten windows of a batch can give."""

_WORD = 64
_MAX_PAIRS = 4_000_000
"""Candidate edges looked at together: about 100 MB."""


@dataclass(frozen=True, slots=True)
class Signatures:
    """Distinct activity signatures of all groups, numbered by group.

    Attributes
    ----------
    of_destination : ndarray of shape (n_destinations,)
        Signature of each network destination.
    group : ndarray of shape (n_signatures,)
        Group of each signature.
    owner, window : ndarray of shape (n_pairs,)
        Signature and window, one pair for each window in a signature.
    """

    of_destination: Ints
    group: Ints
    owner: Ints
    window: Ints

    @property
    def size(self) -> int:
        """Number of distinct signatures."""
        return self.group.size


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


def signatures(group: Ints, destination: Ints, window: Ints) -> Signatures:
    """Return the distinct signatures of network destinations.

    Parameters
    ----------
    group : ndarray of shape (n_destinations,)
        Group of each destination.
    destination, window : ndarray of shape (n_pairs,)
        Activity: a destination and a window in which it was active. Windows are numbers that mean
        the same for all destinations of a group.
    """
    destination, window = unique_pairs(destination, window)
    low = np.full(group.max() + 1 if group.size else 0, np.iinfo(np.int64).max)
    np.minimum.at(low, group[destination], window)
    relative = window - low[group[destination]]
    bits = _packed(group.size, destination, relative)
    of_destination, first = row_groups((group, *bits.T.view(np.int64)))
    keep = np.zeros(group.size, dtype=np.bool_)
    keep[first] = True
    kept = keep[destination]
    return Signatures(
        of_destination, group[first], *unique_pairs(of_destination[destination[kept]], window[kept])
    )


def _packed(n_rows: int, row: Ints, bit: Ints) -> np.ndarray[tuple[int, int], np.dtype[np.uint64]]:
    words = int(bit.max()) // _WORD + 1 if bit.size else 1
    packed = np.zeros((n_rows, words), dtype=np.uint64)
    np.bitwise_or.at(packed, (row, bit // _WORD), np.uint64(1) << (bit % _WORD).astype(np.uint64))
    return packed


def edges(signatures: Signatures, correlation: float) -> Edges:
    """Return the edges of the correlation graph.

    Parameters
    ----------
    signatures : Signatures
        Nodes.
    correlation : float
        Least correlation of an edge; at most 0 makes every group's graph complete. Quotients of
        small integers compare exactly in floating point, so ``9/10 >= 0.9`` holds.
    """
    busiest, cut = _busiest(signatures)
    parts = [
        _edges_of(signatures, busiest, low, high, correlation)
        for low, high in _slabs(signatures.group[busiest])
    ]
    none = (ints([]), ints([]), np.zeros(0))
    left, right, weight = map(np.concatenate, zip(none, *parts, strict=True))
    return Edges(left, right, weight, cut)


def _busiest(signatures: Signatures) -> tuple[Ints, Ints]:
    """Return the signatures to compare, those of most windows in each group, and cut groups."""
    group = signatures.group
    size = np.bincount(group)
    cut = np.flatnonzero(size > MAX_SIGNATURES)
    kept = np.ones(group.size, dtype=np.bool_)
    n_windows = np.bincount(signatures.owner, minlength=group.size)
    for one in cut.tolist():
        own = np.flatnonzero(group == one)
        kept[own[np.argsort(-n_windows[own], kind="stable")[MAX_SIGNATURES:]]] = False
    return np.flatnonzero(kept), cut


def _slabs(group: Ints) -> Iterator[tuple[int, int]]:
    """Yield runs of signatures with a bounded number of pairs, never cutting a group."""
    starts = np.flatnonzero(np.concatenate(([True], group[1:] != group[:-1])))[: group.size]
    ends = np.append(starts[1:], group.size)
    for low, high in slabs((ends - starts) ** 2, _MAX_PAIRS):
        yield int(starts[low]), int(ends[high - 1])


def _edges_of(
    signatures: Signatures, chosen: Ints, low: int, high: int, correlation: float
) -> tuple[Ints, Ints, Floats]:
    """Return the edges between the chosen signatures from low up to high."""
    chosen = chosen[low:high]
    group = signatures.group[chosen]
    if correlation <= 0:
        left, right = _all_pairs(group)
        return chosen[left], chosen[right], np.ones(left.size)
    first, last = np.searchsorted(signatures.owner, [chosen[0], chosen[-1] + 1])
    place = np.full(chosen[-1] - chosen[0] + 1, -1)
    place[chosen - chosen[0]] = np.arange(chosen.size)
    owner = place[signatures.owner[first:last] - chosen[0]]
    window = signatures.window[first:last][owner >= 0]
    owner = owner[owner >= 0]
    column, _ = row_groups((group[owner], window))
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
    return chosen[left[order]], chosen[right[order]], weight[order]


def _all_pairs(group: Ints) -> tuple[Ints, Ints]:
    size = np.bincount(group)[group]
    place = np.arange(group.size) - np.searchsorted(group, group)
    left, step = expand(size - place - 1)
    return left, left + step + 1


def correlation_graph(
    signatures: Signatures, edges: Edges, elements: list[tuple[str, ...]]
) -> nx.Graph[int]:
    """Return the correlation graph for looking at, exporting and checking.

    Parameters
    ----------
    signatures, edges
        Nodes and edges.
    elements : list of tuple of str
        Elements of each network destination.

    Returns
    -------
    networkx.Graph
        A node for each signature with attributes ``group``, ``windows`` (list of int) and
        ``destinations`` (list of the elements of each twin); edges with ``weight``. Attributes are
        plain lists and numbers, so NetworkX's JSON writers take them.
    """
    graph: nx.Graph[int] = nx.Graph()
    for node, group in enumerate(signatures.group.tolist()):
        graph.add_node(node, group=group, windows=[], destinations=[])
    for node, window in zip(signatures.owner.tolist(), signatures.window.tolist(), strict=True):
        graph.nodes[node]["windows"].append(window)
    for destination, node in enumerate(signatures.of_destination.tolist()):
        graph.nodes[node]["destinations"].append(list(elements[destination]))
    graph.add_weighted_edges_from(
        zip(edges.left.tolist(), edges.right.tolist(), edges.weight.tolist(), strict=True)
    )
    return graph

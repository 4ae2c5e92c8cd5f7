"""The fingerprint that each network destination belongs to (paper section IV-E).

A fingerprint is the union of the elements of a maximal clique with at least two destinations, and
a destination belongs to the largest that contains it: most elements, then most flows, then lowest
sorted elements. Flows of destinations in none go to the fingerprint of a flow near in time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.arrays import Bools, Ints, components, expand, ints
from flowprint_zeek.core.cliques import heaviest_cliques
from flowprint_zeek.core.sets import Sets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flowprint_zeek.core.correlation import Edges, Signatures
    from flowprint_zeek.core.destinations import Destinations

NONE = -1


@dataclass(frozen=True, slots=True)
class Holdings:
    """What the signatures of some groups stand for.

    Attributes
    ----------
    elements : Sets
        Elements of the network destinations of each signature.
    lowest : ndarray of shape (n_signatures,)
        The lowest of these.
    n_elements, n_destinations, n_flows : ndarray of shape (n_signatures,)
        Elements, destinations, and slices of flows to these.
    """

    elements: Sets
    lowest: Ints
    n_elements: Ints
    n_destinations: Ints
    n_flows: Ints

    @classmethod
    def of(cls, found: Destinations, node: Ints, size: int) -> Holdings:
        """Return what so many signatures hold, given the signature of each destination."""
        elements = Sets.from_pairs(size, node[found.owner], found.element)
        return cls(
            elements,
            elements.element[elements.offsets[:-1]],
            elements.lengths,
            ints(np.bincount(node, minlength=size)),
            ints(np.bincount(node[found.of_slice], minlength=size)),
        )

    def part(self, low: int, high: int) -> Holdings:
        """Return what some of the signatures hold, counted from 0."""
        counts = (self.lowest, self.n_elements, self.n_destinations, self.n_flows)
        return Holdings(self.elements.part(low, high), *(count[low:high] for count in counts))

    def weights(self, members: Ints) -> list[int]:
        """Return what decides between two cliques, packed into one number for each node.

        Elements, then flows, then the lowest sorted elements: nodes share no element, so of two
        cliques that one wins which has the node with the lowest element that only one has.
        """
        size = members.size
        flows = self.n_flows[members]
        flow_bits = int(flows.sum()).bit_length()
        rank = np.empty(size, dtype=np.int64)
        rank[np.argsort(-self.lowest[members])] = np.arange(size)
        each = zip(self.n_elements[members].tolist(), flows.tolist(), rank.tolist(), strict=True)
        return [((n << flow_bits | flow) << size) | 1 << at for n, flow, at in each]


@dataclass(frozen=True, slots=True)
class Membership:
    """Fingerprints before merging, sorted by group and elements.

    Attributes
    ----------
    sets : Sets
        Elements of each fingerprint.
    group : ndarray of shape (n,)
        Device batch of each fingerprint.
    of_node : ndarray of shape (n_signatures,)
        Fingerprint that the destinations of each signature belong to, `NONE` for none.
    bounded : int
        Groups in which a search ran out of budget or not all signatures were compared.
    """

    sets: Sets
    group: Ints
    of_node: Ints
    bounded: int

    @classmethod
    def joined(cls, parts: Sequence[Membership]) -> Membership:
        """Return the fingerprints of parts that follow each other, numbered through."""
        first = np.cumsum([0, *(part.sets.size for part in parts)]).tolist()
        numbered = list(zip(first, parts, strict=False))
        none = ints([])
        return cls(
            Sets(
                first[-1],
                np.concatenate([none, *(at + part.sets.owner for at, part in numbered)]),
                np.concatenate([none, *(part.sets.element for part in parts)]),
            ),
            np.concatenate([none, *(part.group for part in parts)]),
            np.concatenate([none, *(_moved(part.of_node, at) for at, part in numbered)]),
            sum(part.bounded for part in parts),
        )


def _moved(number: Ints, by: int) -> Ints:
    return np.where(number == NONE, NONE, number + by)


def memberships(nodes: Signatures, edges: Edges, held: Holdings, budget: int) -> Membership:
    """Find the fingerprint of the destinations of each signature.

    Parameters
    ----------
    nodes, edges
        Correlation graph.
    held : Holdings
        What stands behind its nodes.
    budget : int
        Nodes to look at in the searches of one group, see `heaviest_cliques`.
    """
    component = components(nodes.size, edges.left, edges.right)
    simple = _complete(component, edges)
    owner, member, of_node, bounded = _searched(nodes, edges, held, component, simple, budget)
    n_destinations = ints(np.bincount(component, weights=held.n_destinations))
    kept = simple & (n_destinations >= 2)[component]
    # Cliques are numbered apart first: complete components by themselves, searched ones after.
    of_node[kept] = component[kept]
    owner = np.concatenate((component[kept], owner))
    member = np.concatenate((np.flatnonzero(kept), member))
    numbers, owner = np.unique(owner, return_inverse=True)
    of_node = np.where(of_node == NONE, NONE, np.searchsorted(numbers, of_node))
    group = np.zeros(numbers.size, dtype=np.int64)
    group[owner] = nodes.group[member]
    elements = _united(owner, member, held.elements, numbers.size)
    return _sorted(elements, group, of_node, np.union1d(bounded, edges.cut).size)


def _complete(component: Ints, edges: Edges) -> Bools:
    """Tell of each node whether its component is a clique."""
    size = np.bincount(component)
    joined = np.bincount(component[edges.left], minlength=size.size)
    complete: Bools = joined * 2 == size * (size - 1)
    return complete[component]


def _searched(
    nodes: Signatures,
    edges: Edges,
    held: Holdings,
    component: Ints,
    simple: Bools,
    budget: int,
) -> tuple[Ints, Ints, Ints, Ints]:
    """Search the components that are not cliques, the small ones of a group first.

    Returns
    -------
    owner, member : ndarray
        Clique and node, one pair for each node of each clique.
    of_node : ndarray of shape (n_nodes,)
        Heaviest clique through each searched node, `NONE` elsewhere.
    bounded : ndarray
        Groups in which the budget ran out.
    """
    of_node = np.full(nodes.size, NONE, dtype=np.int64)
    parts: list[Ints] = []
    left: dict[int, int] = {}
    clique = nodes.size
    for members, adjacency in _graphs(component, simple, edges):
        group = int(nodes.group[members[0]])
        best = heaviest_cliques(adjacency, held.weights(members), left.get(group, budget))
        left[group] = best.left
        of_node[members] = clique + len(parts) + best.of_node
        parts += [members[one] for one in best.cliques]
    owner = np.repeat(np.arange(len(parts)), [part.size for part in parts]) + clique
    member = np.concatenate(parts) if parts else ints([])
    return ints(owner), member, of_node, ints([group for group in left if left[group] < 0])


def _graphs(component: Ints, simple: Bools, edges: Edges) -> Iterator[tuple[Ints, Bools]]:
    """Yield the nodes and the adjacency of each component to search, by size, then number."""
    size = np.bincount(component)
    searched = np.flatnonzero(~simple)
    searched = searched[np.lexsort((component[searched], size[component[searched]]))]
    joins = np.flatnonzero(~simple[edges.left])
    joins = joins[np.argsort(component[edges.left[joins]], kind="stable")]
    number = component[edges.left[joins]]
    place = np.empty(component.size, dtype=np.int64)
    low = 0
    while low < searched.size:
        own = component[searched[low]]
        members = searched[low : low + size[own]]
        place[members] = np.arange(members.size)
        inside = joins[np.searchsorted(number, own) : np.searchsorted(number, own, side="right")]
        left, right = place[edges.left[inside]], place[edges.right[inside]]
        adjacency = np.zeros((members.size, members.size), dtype=np.bool_)
        adjacency[left, right] = adjacency[right, left] = True
        yield members, adjacency
        low += members.size


def _united(owner: Ints, member: Ints, elements: Sets, size: int) -> Sets:
    """Return the elements of each clique, given those of its nodes."""
    run, place = expand(elements.lengths[member])
    return Sets.from_pairs(
        size, owner[run], elements.element[elements.offsets[member][run] + place]
    )


def _sorted(elements: Sets, group: Ints, of_node: Ints, bounded: int) -> Membership:
    keys = list(zip(group.tolist(), elements.keys(), strict=True))
    order = ints(sorted(range(elements.size), key=keys.__getitem__))
    rank = np.empty(order.size + 1, dtype=np.int64)
    rank[order] = np.arange(order.size)
    rank[NONE] = NONE
    return Membership(
        elements.united(rank[:-1], elements.size), group[order], rank[of_node], bounded
    )


def nearest(group: Ints, start: Ints, direct: Ints, size: int) -> Ints:
    """Assign flows of destinations in no fingerprint (paper section IV-E).

    They go to the fingerprint of the flow of the same device batch nearest in start time, a tie to
    the fingerprint with most flows, then to the lowest sorted elements.

    Parameters
    ----------
    group, start : ndarray of shape (n_slices,)
        Device batch of each slice, and its start, µs.
    direct : ndarray of shape (n_slices,)
        Fingerprint of its destination, `NONE` for none.
    size : int
        Number of fingerprints; those of lower elements come first within a group.

    Returns
    -------
    ndarray of shape (n_slices,)
        Fingerprint of each slice, `NONE` where its device batch has none.
    """
    known, open_ = np.flatnonzero(direct >= 0), np.flatnonzero(direct < 0)
    if not known.size or not open_.size:
        return direct
    n_flows = np.bincount(direct[known], minlength=size)
    rank = np.empty(size, dtype=np.int64)
    rank[np.lexsort((np.arange(size), -n_flows))] = np.arange(size)
    order = known[np.lexsort((rank[direct[known]], start[known], group[known]))]
    # One key for group and time since the group's first flow: groups lie further apart than any two
    # times of one. Times since the first flow of all would not fit 64 bits with many groups.
    low = np.full(int(group.max()) + 1, np.iinfo(np.int64).max)
    np.minimum.at(low, group, start)
    since = start - low[group]
    span = 2 * int(since.max()) + 2
    keys = group[order] * span + since[order]
    firsts = np.concatenate(([True], keys[1:] != keys[:-1]))
    keys, best = keys[firsts], direct[order[firsts]]
    wanted = group[open_] * span + since[open_]
    after = np.searchsorted(keys, wanted)
    before = np.maximum(after - 1, 0)
    after = np.minimum(after, keys.size - 1)
    gap_before, gap_after = np.abs(wanted - keys[before]), np.abs(keys[after] - wanted)
    tie = (gap_before == gap_after) & (rank[best[before]] < rank[best[after]])
    nearer = np.where((gap_before < gap_after) | tie, before, after)
    inside = keys[nearer] // span == group[open_]
    result = direct.copy()
    result[open_[inside]] = best[nearer[inside]]
    return result

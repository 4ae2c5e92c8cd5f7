"""The fingerprint that each network destination belongs to (paper section IV-E).

A fingerprint is the union of the elements of a maximal clique with at least two destinations, and
a destination belongs to the largest that contains it: most elements, then most flows, then lowest
sorted elements.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.arrays import Bools, Ints, components, expand, ints
from flowprint_zeek.core.cliques import heaviest_cliques
from flowprint_zeek.core.sets import Sets

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowprint_zeek.core.correlation import Edges, Signatures
    from flowprint_zeek.core.destinations import Destinations

NONE = -1


@dataclass(frozen=True, slots=True)
class Membership:
    """Fingerprints before merging, sorted by group and elements.

    Attributes
    ----------
    sets : Sets
        Elements of each fingerprint.
    group : ndarray of shape (n,)
        Device batch of each fingerprint.
    of_destination : ndarray of shape (n_destinations,)
        Fingerprint that each destination belongs to, `NONE` for none.
    bounded : int
        Groups in which a clique search ran out of budget or not all signatures were compared.
    """

    sets: Sets
    group: Ints
    of_destination: Ints
    bounded: int


def memberships(nodes: Signatures, edges: Edges, found: Destinations, budget: int) -> Membership:
    """Find each destination's fingerprint.

    Parameters
    ----------
    nodes, edges
        Correlation graph.
    found : Destinations
        The destinations behind its nodes.
    budget : int
        Nodes to look at in the searches of one group, see `heaviest_cliques`.
    """
    component = components(nodes.size, edges.left, edges.right)
    simple = _complete(component, edges)
    owner, member, of_node, bounded = _searched(nodes, edges, found, component, simple, budget)
    twins = np.bincount(nodes.of_destination, minlength=nodes.size)
    kept = simple & (np.bincount(component, weights=twins).astype(np.int64) >= 2)[component]
    # Cliques are numbered apart first: complete components by themselves, searched ones after.
    of_node[kept] = component[kept]
    owner = np.concatenate((component[kept], owner))
    member = np.concatenate((np.flatnonzero(kept), member))
    numbers, owner = np.unique(owner, return_inverse=True)
    of_node = np.where(of_node == NONE, NONE, np.searchsorted(numbers, of_node))
    elements = _joined(owner, member, nodes, found, numbers.size)
    group = np.zeros(numbers.size, dtype=np.int64)
    group[owner] = nodes.group[member]
    return _sorted(
        elements, group, of_node[nodes.of_destination], np.union1d(bounded, edges.cut).size
    )


def _complete(component: Ints, edges: Edges) -> Bools:
    """Tell of each node whether its component is a clique."""
    size = np.bincount(component)
    joined = np.bincount(component[edges.left], minlength=size.size)
    complete: Bools = joined * 2 == size * (size - 1)
    return complete[component]


def _searched(
    nodes: Signatures,
    edges: Edges,
    found: Destinations,
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
    weights = _Weights(nodes, found)
    clique = nodes.size
    for members, adjacency in _graphs(component, simple, edges):
        group = int(nodes.group[members[0]])
        best = heaviest_cliques(adjacency, weights.of(members), left.get(group, budget))
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


class _Weights:
    """What decides between two cliques, packed into one number for each node.

    Elements, then flows, then the lowest sorted elements: nodes of a component share no element, so
    of two cliques that one wins which has the node with the lowest element that only one has.
    """

    def __init__(self, nodes: Signatures, found: Destinations) -> None:
        of_pair = nodes.of_destination[found.owner]
        self.elements = np.bincount(of_pair, minlength=nodes.size)
        self.flows = np.bincount(nodes.of_destination[found.of_slice], minlength=nodes.size)
        self.lowest = np.full(nodes.size, np.iinfo(np.int64).max)
        np.minimum.at(self.lowest, of_pair, found.element)

    def of(self, members: Ints) -> list[int]:
        """Return the weights of the nodes of one component."""
        size = members.size
        flows = self.flows[members]
        flow_bits = int(flows.sum()).bit_length()
        rank = np.empty(size, dtype=np.int64)
        rank[np.argsort(-self.lowest[members])] = np.arange(size)
        each = zip(self.elements[members].tolist(), flows.tolist(), rank.tolist(), strict=True)
        return [((n << flow_bits | flow) << size) | 1 << at for n, flow, at in each]


def _joined(owner: Ints, member: Ints, nodes: Signatures, found: Destinations, size: int) -> Sets:
    """Return the elements of each clique."""
    of_pair = nodes.of_destination[found.owner]
    order = np.argsort(of_pair, kind="stable")
    count = np.bincount(of_pair, minlength=nodes.size)
    start = np.cumsum(count) - count
    run, place = expand(count[member])
    return Sets.from_pairs(size, owner[run], found.element[order[start[member][run] + place]])


def _sorted(elements: Sets, group: Ints, of_destination: Ints, bounded: int) -> Membership:
    lists = elements.lists()
    order = ints(sorted(range(elements.size), key=lambda at: (group[at], lists[at])))
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    of_destination = np.where(
        of_destination == NONE, NONE, rank[of_destination] if rank.size else NONE
    )
    return Membership(elements.united(rank, elements.size), group[order], of_destination, bounded)

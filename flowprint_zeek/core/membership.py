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
from flowprint_zeek.core.cliques import heaviest_cliques, nodes_of
from flowprint_zeek.core.sets import Sets

if TYPE_CHECKING:
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
        Groups in which a clique search ran out of budget.
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
        Search nodes for each connected component that is not itself a clique.
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
    return _sorted(elements, group, of_node[nodes.of_destination], np.unique(bounded).size)


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
    """Search the components that are not cliques.

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
    owner: list[int] = []
    member: list[int] = []
    bounded: list[int] = []
    elements = Sets.from_pairs(nodes.size, nodes.of_destination[found.owner], found.element)
    edge = elements.offsets
    flows = np.bincount(nodes.of_destination[found.of_slice], minlength=nodes.size)
    clique = nodes.size
    for members, adjacency in _graphs(component, simple, edges):
        weights = _weights(
            [elements.element[edge[n] : edge[n + 1]] for n in members], flows[members]
        )
        best = heaviest_cliques(adjacency, weights, budget)
        if not best.exact:
            bounded.append(int(nodes.group[members[0]]))
        for mask in sorted(set(best.cliques)):
            inside = members[nodes_of(mask)]
            owner += [clique] * inside.size
            member += inside.tolist()
            of_node[members[[at for at, own in enumerate(best.cliques) if own == mask]]] = clique
            clique += 1
    return ints(owner), ints(member), of_node, ints(bounded)


def _graphs(component: Ints, simple: Bools, edges: Edges) -> list[tuple[Ints, list[int]]]:
    """Return the nodes and the adjacency masks of each component to search."""
    nodes = np.flatnonzero(~simple)
    nodes = nodes[np.argsort(component[nodes], kind="stable")]
    numbers, first = np.unique(component[nodes], return_index=True)
    place = np.full(component.size, NONE, dtype=np.int64)
    place[nodes] = np.arange(nodes.size) - first[np.searchsorted(numbers, component[nodes])]
    parts = np.split(nodes, first[1:]) if nodes.size else []
    masks: dict[int, list[int]] = {
        int(n): [0] * part.size for n, part in zip(numbers, parts, strict=True)
    }
    searched = ~simple[edges.left]
    left, right = edges.left[searched], edges.right[searched]
    for number, one, other in zip(
        component[left].tolist(), place[left].tolist(), place[right].tolist(), strict=True
    ):
        masks[number][one] |= 1 << other
        masks[number][other] |= 1 << one
    return list(zip(parts, masks.values(), strict=True))


def _weights(elements: list[Ints], flows: Ints) -> list[int]:
    """Pack elements, flows and lowest sorted elements into one sum for each node.

    Nodes of a component share no element, so bits that stand for elements, the lowest element
    highest, add up without carry and decide between cliques of equal elements and flows.
    """
    ordered = sorted(int(code) for one in elements for code in one)
    bit = {code: 1 << (len(ordered) - 1 - at) for at, code in enumerate(ordered)}
    flow_bits = int(flows.sum()).bit_length()
    return [
        (((one.size << flow_bits) | n_flows) << len(ordered))
        | sum(bit[code] for code in one.tolist())
        for one, n_flows in zip(elements, flows.tolist(), strict=True)
    ]


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

"""The heaviest clique through each node of a graph.

Every network destination belongs to the largest fingerprint that contains it, so the maximal
cliques need not all be enumerated (they explode: 120 signatures can have 80,000). Weights are
Python integers that pack what decides between two cliques, most significant first, into one sum;
two different cliques never weigh the same, so the answer is unique and independent of any order.
Sets of nodes are Python integers too, a bit a node.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.arrays import ints

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowprint_zeek.core.arrays import Bools, Ints


@dataclass(frozen=True, slots=True)
class Heaviest:
    """The heaviest clique through each node.

    Attributes
    ----------
    cliques : list of ndarray
        Sorted nodes of each distinct clique.
    of_node : ndarray of shape (n_nodes,)
        Clique of each node.
    left : int
        What is left of the budget, below 0 where it ran out.
    """

    cliques: list[Ints]
    of_node: Ints
    left: int

    @property
    def exact(self) -> bool:
        """Whether every clique is the heaviest; else some are only the best that was found."""
        return self.left >= 0


def heaviest_cliques(adjacency: Bools, weights: Sequence[int], budget: int) -> Heaviest:
    """Find the heaviest clique through each node by branch and bound.

    Parameters
    ----------
    adjacency : ndarray of shape (n_nodes, n_nodes)
        Symmetric, with a false diagonal.
    weights : sequence of int, shape (n_nodes,)
        Weight of each node, positive; sums over different cliques must differ.
    budget : int
        Nodes to look at while bounding, over the whole graph: about 0.3 µs each. Beside that a
        first clique is taken greedily for each node, 0.2 s for a dense graph of 1,000.

    Notes
    -----
    The bound of a set of candidates is the sum, over the classes of a greedy colouring, of the
    heaviest node in each class: a clique has at most one node of each class (Carraghan and
    Pardalos; Tomita and Seki; Kumlander for weights).
    """
    # Numbered by falling weight, the lowest bit of a set is its heaviest node.
    order = ints(sorted(range(len(weights)), key=lambda node: -weights[node]))
    rows = np.packbits(adjacency[order][:, order], axis=1, bitorder="little")
    search = _Search(
        [int.from_bytes(row.tobytes(), "little") for row in rows],
        [weights[node] for node in order],
        budget,
    )
    search.run()
    number: dict[int, int] = {}
    of_node = np.empty(order.size, dtype=np.int64)
    of_node[order] = [number.setdefault(clique, len(number)) for clique in search.clique]
    return Heaviest([np.sort(order[nodes_of(clique)]) for clique in number], of_node, search.budget)


def nodes_of(members: int) -> list[int]:
    """Return the nodes in a set, lowest first."""
    nodes = []
    while members:
        low = members & -members
        nodes.append(low.bit_length() - 1)
        members ^= low
    return nodes


@dataclass(slots=True)
class _Search:
    adjacency: list[int]
    weights: list[int]
    budget: int
    clique: list[int] = field(default_factory=list)
    weight: list[int] = field(default_factory=list)

    def run(self) -> None:
        size = len(self.weights)
        self.clique, self.weight = [0] * size, [0] * size
        # Parts whose nodes all are neighbours of all others: a heaviest clique is one of each.
        parts = self._joined_parts()
        whole = 0
        for part in parts:
            nodes = nodes_of(part)
            self._search(nodes, part)
            whole |= self.clique[max(nodes, key=lambda node: self.weight[node])]
        for part in parts:
            for node in nodes_of(part):
                self.clique[node] |= whole & ~part

    def _joined_parts(self) -> list[int]:
        """Return the connected components of the complement, small ones first."""
        parts = []
        rest = (1 << len(self.weights)) - 1
        while rest:
            part = found = rest & -rest
            while found:
                node = (found & -found).bit_length() - 1
                fresh = rest & ~self.adjacency[node] & ~part
                part |= fresh
                found = (found ^ 1 << node) | fresh
            parts.append(part)
            rest &= ~part
        return sorted(parts, key=int.bit_count)

    def _search(self, nodes: list[int], part: int) -> None:
        """Find the heaviest clique of a part through each of its nodes."""
        for node in nodes:
            self._greedy(node, part)
        settled: list[int] = []
        # Nodes with few neighbours first: their cliques are light, so that they leave the
        # searches of all others.
        for node in sorted(nodes, key=lambda node: self.adjacency[node].bit_count()):
            if self.budget < 0:
                break
            candidates = self.adjacency[node] & part
            # A clique through a settled node is at most as heavy as that node's own.
            for other in settled:
                if self.weight[other] <= self.weight[node]:
                    candidates &= ~(1 << other)
            self._expand(node, candidates)
            settled.append(node)

    def _greedy(self, node: int, part: int) -> None:
        members, weight, candidates = 1 << node, self.weights[node], self.adjacency[node] & part
        while candidates:
            chosen = (candidates & -candidates).bit_length() - 1
            members |= 1 << chosen
            weight += self.weights[chosen]
            candidates &= self.adjacency[chosen]
        self._offer(members, weight)

    def _offer(self, members: int, weight: int) -> None:
        for node in nodes_of(members):
            if weight > self.weight[node]:
                self.weight[node], self.clique[node] = weight, members

    def _expand(self, root: int, candidates: int) -> None:
        """Search the cliques through a root, depth first, on a stack of open branches."""
        stack = [(1 << root, self.weights[root], candidates, *self._coloured(candidates))]
        while stack and self.budget >= 0:
            members, weight, candidates, nodes, bounds = stack[-1]
            if not nodes or weight + bounds[-1] <= self.weight[root]:
                stack.pop()
                continue
            node = nodes.pop()
            bounds.pop()
            if not candidates >> node & 1:
                continue
            stack[-1] = (members, weight, self._without(candidates, node), nodes, bounds)
            members, weight = members | 1 << node, weight + self.weights[node]
            candidates &= self.adjacency[node]
            if candidates:
                stack.append((members, weight, candidates, *self._coloured(candidates)))
            elif weight > self.weight[root]:
                self._offer(members, weight)

    def _without(self, candidates: int, node: int) -> int:
        """Return the candidates that matter once the cliques with a node were searched.

        A clique without it that all its neighbours make up could take it in, so one of its
        strangers must be there: what is a neighbour of no stranger is out.
        """
        neighbours = candidates & self.adjacency[node]
        strangers = candidates & ~neighbours ^ 1 << node
        reached = 0
        for stranger in nodes_of(strangers):
            reached |= self.adjacency[stranger]
            self.budget -= 1
            if neighbours & ~reached == 0:
                break
        return strangers | neighbours & reached

    def _coloured(self, candidates: int) -> tuple[list[int], list[int]]:
        """Return candidates by colour class with the bound of each and those before it."""
        self.budget -= candidates.bit_count()
        nodes: list[int] = []
        bounds: list[int] = []
        bound = 0
        while candidates:
            independent = candidates
            bound += self.weights[(candidates & -candidates).bit_length() - 1]
            while independent:
                node = (independent & -independent).bit_length() - 1
                nodes.append(node)
                bounds.append(bound)
                candidates ^= 1 << node
                independent &= ~(self.adjacency[node] | 1 << node)
        return nodes, bounds

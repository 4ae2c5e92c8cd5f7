"""The heaviest clique through each node of a graph.

Every network destination belongs to the largest fingerprint that contains it, so the maximal
cliques need not all be enumerated (they explode: 120 signatures can have 80,000). Weights are
Python integers that pack what decides between two cliques, most significant first, into one sum;
two different cliques never weigh the same, so the answer is unique and independent of any order.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Heaviest:
    """The heaviest clique through each node.

    Attributes
    ----------
    cliques : list of int
        For each node the bit mask of the nodes of its clique.
    exact : bool
        False where the node budget ran out and some clique is only the best that was found.
    """

    cliques: list[int]
    exact: bool


def heaviest_cliques(adjacency: list[int], weights: list[int], budget: int) -> Heaviest:
    """Find the heaviest clique through each node by branch and bound.

    Parameters
    ----------
    adjacency : list of int
        Bit mask of the neighbours of each node.
    weights : list of int
        Weight of each node, positive; sums over different cliques must differ.
    budget : int
        Search nodes to visit at most, over all nodes of the graph; about 0.5 µs each.

    Notes
    -----
    The bound of a set of candidates is the sum, over the classes of a greedy colouring, of the
    heaviest node in each class: a clique has at most one node of each class.
    """
    # Numbered by falling weight, the lowest bit of a mask is its heaviest node.
    order = sorted(range(len(weights)), key=lambda node: -weights[node])
    place = {node: rank for rank, node in enumerate(order)}
    search = _Search(
        [_permuted(adjacency[node], place) for node in order],
        [weights[node] for node in order],
        budget,
    )
    search.run()
    cliques = [_permuted(search.clique[place[node]], order) for node in range(len(order))]
    return Heaviest(cliques, exact=search.budget >= 0)


def _permuted(mask: int, place: dict[int, int] | list[int]) -> int:
    result = 0
    for node in nodes_of(mask):
        result |= 1 << place[node]
    return result


def nodes_of(mask: int) -> list[int]:
    """Return the nodes in a bit mask, lowest first."""
    nodes = []
    while mask:
        low = mask & -mask
        nodes.append(low.bit_length() - 1)
        mask ^= low
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
        for node in range(size):
            self._greedy(node)
        settled: list[int] = []
        for node in sorted(range(size), key=self._reach, reverse=True):
            candidates = self.adjacency[node]
            # A clique through a settled node is at most as heavy as that node's own.
            for other in settled:
                if self.weight[other] <= self.weight[node]:
                    candidates &= ~(1 << other)
            self._expand(node, candidates)
            settled.append(node)

    def _reach(self, node: int) -> int:
        return sum(self.weights[other] for other in nodes_of(self.adjacency[node] | 1 << node))

    def _greedy(self, node: int) -> None:
        members, weight, candidates = 1 << node, self.weights[node], self.adjacency[node]
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
            stack[-1] = (members, weight, candidates ^ (1 << node), nodes, bounds)
            members, weight = members | 1 << node, weight + self.weights[node]
            candidates &= self.adjacency[node]
            if candidates:
                stack.append((members, weight, candidates, *self._coloured(candidates)))
            elif weight > self.weight[root]:
                self._offer(members, weight)

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

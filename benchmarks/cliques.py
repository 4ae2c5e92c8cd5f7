"""Cases of the clique search: beside enumeration with NetworkX, and on hostile batches."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pandas as pd

from benchmarks.harness import Case, Contender, Pair
from flowprint_zeek.core.cliques import heaviest_cliques
from flowprint_zeek.core.fingerprint import Parameters, fingerprint
from flowprint_zeek.core.flows import SECOND
from tests.core import graphs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.harness import Run
    from flowprint_zeek.core.arrays import Bools
    from flowprint_zeek.core.cliques import Heaviest

    Graph = tuple[Bools, list[int]]

BATCHES = 20
"""Graphs of each size and shape."""

ENUMERATED = 3
"""How many of them are enumerated."""

_WINDOW = 30
_DEFAULTS = Parameters()


def beside_networkx(shape: str, size: int, seed: int, *, chance: float = 0.3) -> Pair:
    """Return the search beside enumeration on graphs of signatures."""
    made = [_graph(shape, size, seed + number, chance) for number in range(BATCHES)]
    return Pair(
        Contender("branch and bound", lambda: partial(_searched, made), BATCHES),
        Contender(
            "all maximal cliques of NetworkX",
            lambda: partial(_enumerated, made[:ENUMERATED]),
            ENUMERATED,
        ),
        _agreement,
    )


def _graph(shape: str, size: int, seed: int, chance: float) -> Graph:
    adjacency = graphs.correlated(graphs.signatures(shape, size, seed, chance=chance))
    return adjacency, graphs.weights(len(adjacency), seed)


def _searched(made: Sequence[Graph]) -> list[Heaviest]:
    return [heaviest_cliques(*graph, _DEFAULTS.clique_budget) for graph in made]


def _enumerated(made: Sequence[Graph]) -> list[list[list[int]]]:
    """Return the heaviest clique through each node of each graph."""
    return [_by_networkx(*graph) for graph in made]


def _by_networkx(adjacency: Bools, weights: Sequence[int]) -> list[list[int]]:
    best: list[list[int]] = [[]] * len(weights)
    heaviest = [0] * len(weights)
    for clique in nx.find_cliques(nx.from_numpy_array(adjacency)):
        weight = sum(weights[node] for node in clique)
        for node in clique:
            if weight > heaviest[node]:
                heaviest[node], best[node] = weight, clique
    return [sorted(clique) for clique in best]


def _agreement(ours: list[Heaviest], theirs: list[list[list[int]]]) -> float:
    """Return the share of searches that ended within the budget and, where known, were right."""
    right = [found.exact for found in ours]
    for at, cliques in enumerate(theirs):
        right[at] &= [ours[at].cliques[n].tolist() for n in ours[at].of_node] == cliques
    return sum(right) / len(right)


def hostile(size: int, seed: int) -> Pair:
    """Return a batch of many signatures beside one of as many flows to ten destinations."""
    random = np.random.default_rng(seed)
    destination, window = np.nonzero(graphs.signatures("random", size, seed, chance=0.45))
    inside = random.integers(0, _WINDOW * SECOND, destination.size)
    times = window * _WINDOW * SECOND + inside
    return Pair(
        Contender(f"{size} signatures", _batch(destination, times), 1),
        Contender("10 destinations", _batch(destination % 10, times), 1),
    )


def cycles(size: int, seed: int) -> Pair:
    """Return a graph whose bounds are half too high beside one without edges."""
    weights = graphs.weights(size, seed)
    hard, empty = graphs.five_cycles(size), np.zeros((size, size), dtype=np.bool_)
    return Pair(
        Contender("five-cycles", lambda: partial(_searched, [(hard, weights)]), 1),
        Contender("no edges", lambda: partial(_searched, [(empty, weights)]), 1),
    )


def _batch(destination: np.ndarray, times: np.ndarray) -> Callable[[], Run]:
    table = pd.DataFrame(
        {
            "start": times,
            "end": times,
            "resp_h": [f"10.0.{at // 250}.{at % 250}" for at in destination],
            "resp_p": 443,
            "certificate": "",
            "name": "",
        }
    )
    return lambda: partial(fingerprint, table, _DEFAULTS)


_RARE = "a search may end at its budget; at least 19 of 20 must not"
_case = partial(Case, unit="graph")

CASES = (
    _case(
        name="cliques-random",
        about="the heaviest clique through each of so many random signatures, windows active with "
        "probability 0.3, up to 4 elements each",
        sizes=(40, 80, 120),
        make=partial(beside_networkx, "random"),
        least=0.95,
        why=_RARE,
    ),
    _case(
        name="cliques-sparse",
        about="the same, windows active with probability 0.2",
        sizes=(40, 80, 120),
        make=partial(beside_networkx, "random", chance=0.2),
        least=0.95,
        why=_RARE,
    ),
    _case(
        name="cliques-star",
        about="the same, one or two windows each but for a tenth that is active in nearly all",
        sizes=(40, 80),
        make=partial(beside_networkx, "star"),
    ),
    _case(
        name="cliques-interval",
        about="the same, each active without a break",
        sizes=(20, 40),
        make=partial(beside_networkx, "interval"),
    ),
    _case(
        name="hostile",
        about="fingerprinting a batch with so many distinct signatures, windows active with "
        "probability 0.45, bounded by the shipped budget",
        sizes=(250, 500, 1000),
        make=hostile,
    ),
    _case(
        name="cycles",
        about="cliques of so many nodes in five-cycles joined to one another, which no bound "
        "fits, bounded by the shipped budget",
        sizes=(250, 500, 1000),
        make=cycles,
    ),
)

"""The heaviest clique through each node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowprint_zeek.core.cliques import Heaviest, heaviest_cliques, nodes_of
from tests.core.graphs import (
    SHAPES,
    by_chance,
    correlated,
    five_cycles,
    joined,
    signatures,
    weights,
)

if TYPE_CHECKING:
    from flowprint_zeek.core.arrays import Bools

BUDGET = 10**9
SHIPPED = 500_000


def enumerated(adjacency: Bools, weight: list[int]) -> list[list[int]]:
    """Return the heaviest clique through each node by looking at every maximal clique."""
    best: list[list[int]] = [[]] * len(weight)
    heaviest = [0] * len(weight)
    for clique in nx.find_cliques(nx.from_numpy_array(adjacency)):
        total = sum(weight[node] for node in clique)
        for node in clique:
            if total > heaviest[node]:
                heaviest[node], best[node] = total, sorted(clique)
    return best


def cliques(found: Heaviest) -> list[list[int]]:
    """Return the clique through each node."""
    return [found.cliques[at].tolist() for at in found.of_node]


def check_bounded(found: Heaviest, adjacency: Bools) -> None:
    """Check that the budget ran out, not by more than a step, and each answer is a clique."""
    assert not found.exact
    assert -found.left <= 2 * len(adjacency)
    for node, members in enumerate(cliques(found)):
        assert node in members
        inside = adjacency[np.ix_(members, members)]
        assert inside.sum() == len(members) * (len(members) - 1)


@st.composite
def graphs(draw: st.DrawFn) -> tuple[Bools, list[int]]:
    """Graphs of up to 14 nodes with weights."""
    size = draw(st.integers(1, 14))
    upper = np.zeros((size, size), dtype=np.bool_)
    for one in range(size):
        for other in range(one):
            upper[one, other] = draw(st.booleans())
    return upper | upper.T, weights(size, draw(st.integers(0, 9)), elements=2, flows=2)


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_against_enumeration(case: tuple[Bools, list[int]]) -> None:
    """Each node's clique is the heaviest of all maximal cliques that hold it."""
    found = heaviest_cliques(*case, BUDGET)
    assert found.exact
    assert cliques(found) == enumerated(*case)


@pytest.mark.parametrize("correlation", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("size", [30, 80])
@pytest.mark.parametrize("shape", SHAPES)
def test_signature_graphs(shape: str, size: int, correlation: float) -> None:
    """The same on graphs of random, star-shaped and interval signatures."""
    for seed in range(3):
        windows = 10 if shape == "random" else 20
        adjacency = correlated(signatures(shape, size, seed, windows=windows), correlation)
        for most in (1, 4):
            weight = weights(len(adjacency), seed, elements=most, flows=5 * most)
            found = heaviest_cliques(adjacency, weight, BUDGET)
            assert cliques(found) == enumerated(adjacency, weight)


@pytest.mark.parametrize("density", [0.3, 0.6, 0.9])
def test_graphs_by_chance(density: float) -> None:
    """The same on graphs that no signatures have, sparse and dense."""
    adjacency, weight = by_chance(40, density, 7), weights(40, 7, elements=3)
    found = heaviest_cliques(adjacency, weight, BUDGET)
    assert cliques(found) == enumerated(adjacency, weight)


@pytest.mark.parametrize("sizes", [(1, 1, 9), (6, 7, 8), (12, 1)])
def test_joined_graphs(sizes: tuple[int, ...]) -> None:
    """The same where parts of a graph are wholly joined: each is searched by itself."""
    adjacency = joined([by_chance(size, 0.5, size) for size in sizes])
    weight = weights(len(adjacency), 3, elements=2, flows=2)
    assert cliques(heaviest_cliques(adjacency, weight, BUDGET)) == enumerated(adjacency, weight)


def test_joined_graphs_are_cheap() -> None:
    """A hundred joined graphs cost what they cost alone, not what their product does."""
    cycle = five_cycles(5)
    alone = heaviest_cliques(cycle, weights(5, 1), SHIPPED)
    found = heaviest_cliques(joined([cycle] * 100), weights(500, 1), SHIPPED)
    assert found.exact
    assert SHIPPED - found.left <= 200 * (SHIPPED - alone.left)


@pytest.mark.parametrize("most", [1, 4])
@pytest.mark.parametrize("chance", [0.2, 0.3])
def test_within_the_shipped_budget(chance: float, most: int) -> None:
    """120 random signatures are searched to the end in at least 19 of 20 batches."""
    exact = [
        heaviest_cliques(
            correlated(signatures("random", 120, seed, chance=chance)),
            weights(120, seed, elements=most),
            SHIPPED,
        ).exact
        for seed in range(20)
    ]
    assert sum(exact) >= 19


@pytest.mark.parametrize(
    "adjacency",
    [
        correlated(signatures("random", 1_000, 1, chance=0.45)),
        correlated(signatures("random", 1_000, 1, windows=300), 0.15),
        five_cycles(1_000),
        by_chance(1_000, 0.5, 1),
        by_chance(1_000, 0.95, 1),
    ],
    ids=["signatures", "many windows", "five-cycles", "half", "dense"],
)
def test_a_thousand_nodes(adjacency: Bools) -> None:
    """Random and adversarial graphs of 1,000 nodes end within the budget and say so."""
    found = heaviest_cliques(adjacency, weights(1_000, 1), SHIPPED)
    check_bounded(found, adjacency)


@pytest.mark.parametrize("budget", [0, 1, 50, 1_000])
def test_bounded(budget: int) -> None:
    """Where the budget runs out that is said, and every answer is a clique through its node."""
    adjacency = by_chance(60, 0.7, 1)
    check_bounded(heaviest_cliques(adjacency, weights(60, 1), budget), adjacency)


def test_more_budget_is_no_worse() -> None:
    """With a larger budget no node's clique is lighter, and some are heavier."""
    adjacency, weight = by_chance(50, 0.7, 2), weights(50, 2)

    def total(budget: int) -> list[int]:
        found = heaviest_cliques(adjacency, weight, budget)
        return [sum(weight[node] for node in members) for members in cliques(found)]

    small, large = total(100), total(BUDGET)
    assert all(one <= other for one, other in zip(small, large, strict=True))
    assert small != large


def test_without_edges() -> None:
    """A node without neighbours is its own clique."""
    found = heaviest_cliques(np.zeros((2, 2), dtype=np.bool_), [1, 2], BUDGET)
    assert cliques(found) == [[0], [1]]


def test_nodes_of() -> None:
    """The nodes of a set come lowest first."""
    assert nodes_of(0b1001_0010) == [1, 4, 7]

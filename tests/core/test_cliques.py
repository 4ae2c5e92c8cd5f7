"""The heaviest clique through each node."""

from __future__ import annotations

import random

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowprint_zeek.core.cliques import heaviest_cliques, nodes_of

BUDGET = 10**9


def enumerated(graph: nx.Graph[int], weights: list[int]) -> list[int]:
    """Return the heaviest clique through each node by looking at every maximal clique."""
    best = [0] * len(weights)
    heaviest = [0] * len(weights)
    for clique in nx.find_cliques(graph):
        weight = sum(weights[node] for node in clique)
        for node in clique:
            if weight > heaviest[node]:
                heaviest[node], best[node] = weight, sum(1 << other for other in clique)
    return best


def masks(graph: nx.Graph[int]) -> list[int]:
    """Return the neighbours of each node as a bit mask."""
    return [sum(1 << other for other in graph[node]) for node in range(len(graph))]


def distinct_weights(sizes: list[int]) -> list[int]:
    """Return weights whose sums over different sets differ: size first, then a bit a node."""
    return [size << len(sizes) | 1 << at for at, size in enumerate(sizes)]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[nx.Graph[int], list[int]]:
    """Graphs of up to 14 nodes with weights."""
    size = draw(st.integers(1, 14))
    graph: nx.Graph[int] = nx.empty_graph(size)
    pairs = [(one, other) for other in range(size) for one in range(other)]
    graph.add_edges_from(pair for pair in pairs if draw(st.booleans()))
    return graph, distinct_weights(draw(st.lists(st.integers(1, 5), min_size=size, max_size=size)))


@settings(max_examples=200, deadline=None)
@given(graphs())
def test_against_enumeration(case: tuple[nx.Graph[int], list[int]]) -> None:
    """Each node's clique is the heaviest of all maximal cliques that hold it."""
    graph, weights = case
    found = heaviest_cliques(masks(graph), weights, BUDGET)
    assert found.exact
    assert found.cliques == enumerated(graph, weights)


@pytest.mark.parametrize("density", [0.3, 0.6, 0.9])
def test_larger_graphs(density: float) -> None:
    """The same on graphs of 40 nodes, sparse and dense."""
    graph: nx.Graph[int] = nx.gnp_random_graph(40, density, seed=7)
    chance = random.Random(7)  # noqa: S311 - a test
    weights = distinct_weights([chance.randint(1, 3) for _ in range(40)])
    assert heaviest_cliques(masks(graph), weights, BUDGET).cliques == enumerated(graph, weights)


def test_without_edges() -> None:
    """A node without neighbours is its own clique."""
    assert heaviest_cliques([0, 0], [1, 2], BUDGET).cliques == [0b01, 0b10]


@pytest.mark.parametrize("budget", [0, 1, 50, 1_000])
def test_bounded(budget: int) -> None:
    """Where the budget runs out that is said, and every answer is a clique through its node."""
    graph: nx.Graph[int] = nx.gnp_random_graph(60, 0.7, seed=1)
    found = heaviest_cliques(masks(graph), distinct_weights([1] * 60), budget)
    assert not found.exact
    for node, mask in enumerate(found.cliques):
        members = nodes_of(mask)
        assert node in members
        assert all(graph.has_edge(a, b) for a in members for b in members if a != b)


def test_more_budget_is_no_worse() -> None:
    """With a larger budget no node's clique is lighter."""
    graph: nx.Graph[int] = nx.gnp_random_graph(50, 0.7, seed=2)
    weights = distinct_weights([1] * 50)

    def total(budget: int) -> list[int]:
        cliques = heaviest_cliques(masks(graph), weights, budget).cliques
        return [sum(weights[node] for node in nodes_of(mask)) for mask in cliques]

    small, large = total(100), total(BUDGET)
    assert all(one <= other for one, other in zip(small, large, strict=True))


def test_nodes_of() -> None:
    """The nodes of a mask come lowest first."""
    assert nodes_of(0b1001_0010) == [1, 4, 7]

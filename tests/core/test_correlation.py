"""Activity signatures and the correlation graph."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import combinations

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowprint_zeek.core import correlation
from flowprint_zeek.core.arrays import Ints, ints
from flowprint_zeek.core.correlation import Signatures, edges, signatures
from flowprint_zeek.core.graph import correlation_graph

ACTIVITY = st.lists(
    st.tuples(st.integers(0, 2), st.frozensets(st.integers(-3, 130), min_size=1, max_size=6)),
    max_size=12,
)


def signatures_of(activity: list[tuple[int, frozenset[int]]]) -> tuple[Signatures, Ints]:
    """Return the signatures of destinations given by group and windows, and that of each."""
    pairs = [(at, window) for at, (_, windows) in enumerate(activity) for window in windows]
    return signatures(
        ints([group for group, _ in activity]),
        ints([at for at, _ in pairs]),
        ints([window for _, window in pairs]),
    )


def windows_of(found: Signatures) -> list[tuple[int, frozenset[int]]]:
    """Return the group and windows of each signature."""
    pairs = list(zip(found.owner.tolist(), found.window.tolist(), strict=True))
    return [
        (group, frozenset(window for owner, window in pairs if owner == at))
        for at, group in enumerate(found.group.tolist())
    ]


@settings(max_examples=150, deadline=None)
@given(ACTIVITY)
def test_signatures(activity: list[tuple[int, frozenset[int]]]) -> None:
    """Destinations of one group and the same windows share a signature, others do not."""
    found, of_destination = signatures_of(activity)
    distinct = windows_of(found)
    assert [distinct[at] for at in of_destination.tolist()] == activity
    assert len(set(distinct)) == len(distinct)
    assert sorted(found.group.tolist()) == found.group.tolist()


@settings(max_examples=150, deadline=None)
@given(ACTIVITY, st.sampled_from([Fraction(n, 10) for n in range(11)] + [Fraction(1, 3)]))
def test_edges_against_all_pairs(
    activity: list[tuple[int, frozenset[int]]], least: Fraction
) -> None:
    """Edges join the signatures of a group whose correlation is at least the threshold."""
    found, _ = signatures_of(activity)
    distinct = windows_of(found)
    expected = {}
    for (one, (g, a)), (other, (h, b)) in combinations(enumerate(distinct), 2):
        weight = Fraction(len(a & b), len(a | b))
        if g == h and weight >= least:
            expected[one, other] = 1.0 if least <= 0 else float(weight)
    graph = edges(found, float(least))
    pairs = zip(graph.left.tolist(), graph.right.tolist(), strict=True)
    assert dict(zip(pairs, graph.weight.tolist(), strict=True)) == expected


@settings(max_examples=30, deadline=None)
@given(ACTIVITY)
def test_in_slabs(activity: list[tuple[int, frozenset[int]]]) -> None:
    """Looking at a few groups at a time gives the same edges."""
    found, _ = signatures_of(activity)
    whole = edges(found, 0.1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(correlation, "_MAX_PAIRS", 1)
        parts = edges(found, 0.1)
    assert whole.left.tolist() == parts.left.tolist()
    assert whole.right.tolist() == parts.right.tolist()
    assert whole.weight.tolist() == parts.weight.tolist()


@pytest.mark.parametrize(("common", "size", "least"), [(9, 10, 0.9), (1, 10, 0.1), (3, 10, 0.3)])
def test_exactly_the_threshold(common: int, size: int, least: float) -> None:
    """A correlation of exactly the threshold is an edge."""
    found, _ = signatures_of([(0, frozenset(range(size))), (0, frozenset(range(common)))])
    assert edges(found, least).left.size == 1
    assert edges(found, least + 1e-9).left.size == 0


def test_the_busiest_are_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a group with too many signatures those of most windows are joined, and the group is told.

    Of equally busy ones those that come first are.
    """
    monkeypatch.setattr(correlation, "MAX_SIGNATURES", 3)
    many = [(0, frozenset(w)) for w in ([9], [8, 9], [7, 8, 9], [6, 9], [5, 6, 7, 8, 9], [1, 9])]
    found, _ = signatures_of([*many, (1, frozenset({1})), (1, frozenset({1, 2}))])
    windows = [one for _, one in windows_of(found)]
    graph = edges(found, 0.1)
    met = {windows[at] for at in (*graph.left, *graph.right) if found.group[at] == 0}
    first_pair = min((one for one in windows if len(one) == 2 and 9 in one), key=windows.index)
    assert met == {frozenset({7, 8, 9}), frozenset({5, 6, 7, 8, 9}), first_pair}
    assert graph.cut.tolist() == [0]
    assert (found.group[graph.left] == 1).sum() == 1


def test_graph() -> None:
    """The graph says what stands behind its nodes, and can be exported as JSON."""
    activity = [(0, frozenset({4, 5})), (0, frozenset({5})), (0, frozenset({4, 5}))]
    found, of_destination = signatures_of(activity)
    elements = [("a",), ("b", "c"), ("d",)]
    graph = correlation_graph(found, of_destination, edges(found, 0.1), elements)
    nodes = {tuple(data["windows"]): data["destinations"] for _, data in graph.nodes(data=True)}
    assert nodes == {(4, 5): [["a"], ["d"]], (5,): [["b", "c"]]}
    assert [data["weight"] for _, _, data in graph.edges(data=True)] == [0.5]
    assert json.loads(json.dumps(nx.node_link_data(graph)))["multigraph"] is False

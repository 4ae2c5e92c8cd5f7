"""Fingerprinting of one device batch written the slow and obvious way, with NetworkX."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

import networkx as nx

from flowprint_zeek.core import elements as el
from flowprint_zeek.core.flows import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowprint_zeek.core.fingerprint import Parameters
    from flowprint_zeek.core.flows import Flow

Elements: TypeAlias = frozenset[str]


@dataclass(frozen=True, slots=True)
class Clique:
    """A maximal clique of at least two network destinations: a fingerprint before merging."""

    members: tuple[Elements, ...]
    elements: Elements
    n_flows: int

    @property
    def size(self) -> tuple[int, int]:
        """What decides between two cliques first: elements, then flows."""
        return len(self.elements), self.n_flows


@dataclass(frozen=True, slots=True)
class Batch:
    """What is found on the way from flows to fingerprints.

    Attributes
    ----------
    starts : list of int
        Start of each flow, µs.
    destinations : list of Elements
        Network destination of each flow.
    cliques : dict of Elements to list of Clique
        The maximal cliques that hold each network destination, best first.
    direct, assigned, merged : list of Elements
        Fingerprint of each flow: that of its destination, that after assigning the others to the
        nearest, and that after merging. Empty for none.
    """

    starts: list[int]
    destinations: list[Elements]
    cliques: dict[Elements, list[Clique]]
    direct: list[Elements]
    assigned: list[Elements]
    merged: list[Elements]


def fingerprints(flows: list[Flow], parameters: Parameters, origin: int = 0) -> list[Elements]:
    """Return the elements of the fingerprint of each flow, empty for none."""
    return steps(flows, parameters, origin).merged


def steps(flows: list[Flow], parameters: Parameters, origin: int = 0) -> Batch:
    """Fingerprint the flows of one device batch."""
    destinations = _destinations(flows, parameters.scheme)
    graph = _graph(flows, destinations, parameters, origin)
    order = {e: at for at, e in enumerate(el.in_order(frozenset().union(*destinations)))}
    cliques = _cliques(graph, destinations, order)
    direct = [cliques[d][0].elements if cliques[d] else frozenset() for d in destinations]
    starts = [round(flow.time_start * SECOND) for flow in flows]
    assigned = _nearest(starts, direct, order)
    united = {
        fp: frozenset().union(*part)
        for part in nx.connected_components(similar(assigned, parameters.similarity))
        for fp in part
    }
    merged = [united.get(fp, fp) for fp in assigned]
    return Batch(starts, destinations, cliques, direct, assigned, merged)


def similar(fingerprints: Iterable[Elements], similarity: float) -> nx.Graph[Elements]:
    """Return the graph of distinct fingerprints, joined where they are similar."""
    graph: nx.Graph[Elements] = nx.Graph()
    graph.add_nodes_from(fp for fp in fingerprints if fp)
    for a, b in combinations(list(graph), 2):
        if len(a & b) / len(a | b) >= similarity:
            graph.add_edge(a, b)
    return graph


def _destinations(flows: list[Flow], scheme: str) -> list[Elements]:
    words = [_elements(flow, scheme) for flow in flows]
    ties: nx.Graph[str] = nx.Graph()
    for tied in words:
        nx.add_path(ties, tied)
    parts = {e: frozenset(part) for part in nx.connected_components(ties) for e in part}
    return [parts[tied[0]] for tied in words]


def _elements(flow: Flow, scheme: str) -> list[str]:
    endpoint = el.endpoint(flow.dst, flow.dport)
    if scheme == "names":
        return [el.NAME + flow.name if flow.name else endpoint]
    return [endpoint] if flow.certificate is None else [endpoint, el.CERTIFICATE + flow.certificate]


def _graph(
    flows: list[Flow], destinations: list[Elements], parameters: Parameters, origin: int
) -> nx.Graph[Elements]:
    activity: dict[Elements, set[int]] = defaultdict(set)
    for flow, destination in zip(flows, destinations, strict=True):
        activity[destination] |= {
            (round(t * SECOND) - origin) // parameters.window_micros for t in flow.timestamps
        }
    graph: nx.Graph[Elements] = nx.Graph()
    graph.add_nodes_from(activity)
    for one, other in combinations(activity, 2):
        a, b = activity[one], activity[other]
        if parameters.correlation <= 0 or len(a & b) / len(a | b) >= parameters.correlation:
            graph.add_edge(one, other)
    return graph


def _cliques(
    graph: nx.Graph[Elements], destinations: list[Elements], order: dict[str, int]
) -> dict[Elements, list[Clique]]:
    counts = Counter(destinations)
    holding: dict[Elements, list[Clique]] = {destination: [] for destination in graph}
    for members in nx.find_cliques(graph):
        if len(members) >= 2:
            n_flows = sum(counts[one] for one in members)
            clique = Clique(tuple(members), frozenset().union(*members), n_flows)
            for one in members:
                holding[one].append(clique)

    def rank(clique: Clique) -> tuple[int, int, list[int]]:
        elements, n_flows = clique.size
        return -elements, -n_flows, sorted(order[e] for e in clique.elements)

    return {one: sorted(cliques, key=rank) for one, cliques in holding.items()}


def _nearest(starts: list[int], direct: list[Elements], order: dict[str, int]) -> list[Elements]:
    counts = Counter(direct)
    known = [(start, fp) for start, fp in zip(starts, direct, strict=True) if fp]
    result = []
    for at, fp in zip(starts, direct, strict=True):
        if fp or not known:
            result.append(fp)
            continue
        result.append(
            min(
                known, key=lambda k: (abs(k[0] - at), -counts[k[1]], sorted(order[e] for e in k[1]))
            )[1]
        )
    return result

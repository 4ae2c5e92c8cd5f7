"""Fingerprinting of one device batch written the slow and obvious way, with NetworkX."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from typing import TYPE_CHECKING

import networkx as nx

from flowprint_zeek.core import elements as el
from flowprint_zeek.core.flows import SECOND

if TYPE_CHECKING:
    from flowprint_zeek.core.fingerprint import Parameters
    from flowprint_zeek.core.flows import Flow


def fingerprints(
    flows: list[Flow], parameters: Parameters, origin: int = 0
) -> list[frozenset[str]]:
    """Return the elements of the fingerprint of each flow, empty for none."""
    words = [_elements(flow, parameters.scheme) for flow in flows]
    ties: nx.Graph[str] = nx.Graph()
    for tied in words:
        nx.add_path(ties, tied)
    destination = {e: frozenset(part) for part in nx.connected_components(ties) for e in part}
    activity: dict[frozenset[str], set[int]] = defaultdict(set)
    n_flows: dict[frozenset[str], int] = defaultdict(int)
    for flow, tied in zip(flows, words, strict=True):
        n_flows[destination[tied[0]]] += 1
        activity[destination[tied[0]]] |= {
            (round(t * SECOND) - origin) // parameters.window_micros for t in flow.timestamps
        }
    graph: nx.Graph[frozenset[str]] = nx.Graph()
    graph.add_nodes_from(activity)
    for one, other in combinations(activity, 2):
        a, b = activity[one], activity[other]
        if parameters.correlation <= 0 or len(a & b) / len(a | b) >= parameters.correlation:
            graph.add_edge(one, other)
    best: dict[frozenset[str], frozenset[str]] = {}
    chosen: dict[frozenset[str], tuple[int, int, list[int]]] = {}
    order = {e: at for at, e in enumerate(el.in_order(destination))}
    for clique in nx.find_cliques(graph):
        if len(clique) < 2:
            continue
        union = frozenset().union(*clique)
        rank = (
            len(union),
            sum(n_flows[d] for d in clique),
            [-order[e] for e in el.in_order(union)],
        )
        for one in clique:
            if one not in chosen or rank > chosen[one]:
                chosen[one], best[one] = rank, union
    direct = [best.get(destination[tied[0]], frozenset()) for tied in words]
    assigned = _nearest(flows, direct, order)
    return _merged(assigned, parameters.similarity)


def _elements(flow: Flow, scheme: str) -> list[str]:
    endpoint = el.endpoint(flow.dst, flow.dport)
    if scheme == "names":
        return [el.NAME + flow.name if flow.name else endpoint]
    return [endpoint] if flow.certificate is None else [endpoint, el.CERTIFICATE + flow.certificate]


def _nearest(
    flows: list[Flow], direct: list[frozenset[str]], order: dict[str, int]
) -> list[frozenset[str]]:
    counts: dict[frozenset[str], int] = defaultdict(int)
    for fp in direct:
        counts[fp] += 1
    known = [(round(f.time_start * SECOND), fp) for f, fp in zip(flows, direct, strict=True) if fp]
    result = []
    for flow, fp in zip(flows, direct, strict=True):
        if fp or not known:
            result.append(fp)
            continue
        at = round(flow.time_start * SECOND)
        result.append(
            min(
                known, key=lambda k: (abs(k[0] - at), -counts[k[1]], sorted(order[e] for e in k[1]))
            )[1]
        )
    return result


def _merged(assigned: list[frozenset[str]], similarity: float) -> list[frozenset[str]]:
    graph: nx.Graph[frozenset[str]] = nx.Graph()
    graph.add_nodes_from(fp for fp in assigned if fp)
    for a, b in combinations(list(graph), 2):
        if len(a & b) / len(a | b) >= similarity:
            graph.add_edge(a, b)
    united = {
        fp: frozenset().union(*part) for part in nx.connected_components(graph) for fp in part
    }
    return [united.get(fp, fp) for fp in assigned]

"""The correlation graph of flows as NetworkX's, for looking at and exporting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pandas as pd

from flowprint_zeek.core.arrays import row_groups
from flowprint_zeek.core.batch import cut
from flowprint_zeek.core.correlation import edges, signatures
from flowprint_zeek.core.destinations import encode, network_destinations
from flowprint_zeek.core.flows import seconds
from flowprint_zeek.core.sets import Sets

if TYPE_CHECKING:
    from flowprint_zeek.core.arrays import Ints
    from flowprint_zeek.core.correlation import Edges, Signatures
    from flowprint_zeek.core.fingerprint import Parameters


def graph_of(flows: pd.DataFrame, parameters: Parameters, *, origin: int = 0) -> nx.Graph[int]:
    """Return the correlation graph of flows of one or many devices.

    Takes what `fingerprint` takes.

    Returns
    -------
    networkx.Graph
        That of `correlation_graph`; nodes also say their ``device`` ("" for the only one) and
        ``batch_start`` in seconds since the epoch.
    """
    width = parameters.batch_micros
    slices = cut(
        flows,
        batch=width,
        window=parameters.window_micros,
        origin=origin,
        activity=parameters.activity,
    )
    names = flows["device"] if "device" in flows.columns else np.full(len(flows), "")
    device, devices = pd.factorize(np.asarray(names, dtype=object), sort=True)
    group, first = row_groups((slices.batch, device[slices.flow]))
    words = encode(flows, parameters.scheme)
    found = network_destinations(
        group, words.primary[slices.flow], words.secondary[slices.flow], len(words.vocabulary)
    )
    nodes, node = signatures(found.group, found.of_slice[slices.active], slices.window)
    sets = Sets.from_pairs(found.group.size, found.owner, found.element)
    elements = [tuple(words.vocabulary[code] for code in one) for one in sets.lists()]
    graph = correlation_graph(nodes, node, edges(nodes, parameters.correlation), elements)
    for _, attributes in graph.nodes(data=True):
        at = first[attributes["group"]]
        attributes["device"] = devices[device[slices.flow[at]]]
        attributes["batch_start"] = seconds(origin + int(slices.batch[at]) * width)
    return graph


def correlation_graph(
    signatures: Signatures, of_destination: Ints, edges: Edges, elements: list[tuple[str, ...]]
) -> nx.Graph[int]:
    """Return the correlation graph for looking at, exporting and checking.

    Parameters
    ----------
    signatures : Signatures
        Nodes.
    of_destination : ndarray of shape (n_destinations,)
        Signature of each network destination.
    edges : Edges
        Edges.
    elements : list of tuple of str
        Elements of each network destination.

    Returns
    -------
    networkx.Graph
        A node for each signature with attributes ``group``, ``windows`` (list of int) and
        ``destinations`` (list of the elements of each twin); edges with ``weight``. Attributes are
        plain lists and numbers, so NetworkX's JSON writers take them.
    """
    graph: nx.Graph[int] = nx.Graph()
    for node, group in enumerate(signatures.group.tolist()):
        graph.add_node(node, group=group, windows=[], destinations=[])
    for node, window in zip(signatures.owner.tolist(), signatures.window.tolist(), strict=True):
        graph.nodes[node]["windows"].append(window)
    for destination, node in enumerate(of_destination.tolist()):
        graph.nodes[node]["destinations"].append(list(elements[destination]))
    graph.add_weighted_edges_from(
        zip(edges.left.tolist(), edges.right.tolist(), edges.weight.tolist(), strict=True)
    )
    return graph

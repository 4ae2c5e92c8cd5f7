"""The correlation graph of flows as NetworkX's, for looking at and exporting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flowprint_zeek.core.arrays import row_groups
from flowprint_zeek.core.batch import cut
from flowprint_zeek.core.correlation import correlation_graph, edges, signatures
from flowprint_zeek.core.destinations import encode, network_destinations
from flowprint_zeek.core.flows import seconds
from flowprint_zeek.core.sets import Sets

if TYPE_CHECKING:
    import networkx as nx

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

"""Network destinations: elements that flows tie together within a device and batch.

Two element schemes share this code. ``paper`` (section IV-C) ties a flow's endpoint to its
certificate, and destinations are the connected components. In ``names`` the name replaces
the address and ties nothing, so that CDNs and proxies do not weld strangers together; a flow
without a name keeps its endpoint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flowprint_zeek.core import elements as el
from flowprint_zeek.core.arrays import Bools, Ints, Texts, components, distinct, ints, unique_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMES = ("names", "paper")
_PORTS = 1 << 16


@dataclass(frozen=True, slots=True)
class Encoded:
    """The elements of flows as numbers.

    Attributes
    ----------
    vocabulary : list of str
        Distinct elements in canonical order, so that comparing numbers compares elements.
    primary : ndarray of shape (n_flows,)
        Each flow's endpoint or name.
    secondary : ndarray of shape (n_flows,)
        The element that the flow ties to the first, -1 for none.
    """

    vocabulary: list[str]
    primary: Ints
    secondary: Ints


@dataclass(frozen=True, slots=True)
class Destinations:
    """Network destinations of all groups, numbered by group.

    Attributes
    ----------
    of_slice : ndarray of shape (n_slices,)
        Destination of each slice.
    group : ndarray of shape (n_destinations,)
        Group (device and batch) of each destination.
    owner, element : ndarray of shape (n_pairs,)
        Destination and element, one pair for each element of each destination.
    """

    of_slice: Ints
    group: Ints
    owner: Ints
    element: Ints


def encode(flows: pd.DataFrame, scheme: str) -> Encoded:
    """Return the elements of flows as numbers under an element scheme.

    Parameters
    ----------
    flows : DataFrame
        Flow table.
    scheme : {"names", "paper"}
        Element scheme.
    """
    addresses, hosts = pd.factorize(flows["resp_h"].to_numpy(dtype=object))
    both = addresses * _PORTS + ints(flows["resp_p"])
    keys = distinct(both)
    endpoint = np.searchsorted(keys, both)
    words = [el.endpoint(hosts[key // _PORTS], int(key % _PORTS)) for key in keys]
    column, prefix = ("name", el.NAME) if scheme == "names" else ("certificate", el.CERTIFICATE)
    extra, values = _factorize(flows[column].to_numpy(dtype=object))
    extra = np.where(extra >= 0, extra + len(words), -1)
    words += [prefix + value for value in values]
    if scheme == "names":
        primary, secondary = np.where(extra >= 0, extra, endpoint), np.full(extra.size, -1)
    else:
        # Through an explicit proxy, one endpoint would tie all certificates together.
        alone = (extra >= 0) & _proxied(flows)
        primary, secondary = np.where(alone, extra, endpoint), np.where(alone, -1, extra)
    return _in_canonical_order(words, ints(primary), ints(secondary))


def _proxied(flows: pd.DataFrame) -> Bools:
    if "proxied" not in flows:
        return np.zeros(len(flows), dtype=np.bool_)
    return flows["proxied"].to_numpy(dtype=np.bool_)


def _factorize(texts: Texts) -> tuple[Ints, Sequence[str]]:
    """Return numbers of texts, -1 for ""."""
    codes, values = pd.factorize(texts)
    empty = np.flatnonzero(values == "")
    if not empty.size:
        return ints(codes), list(values)
    hole = int(empty[0])
    moved = np.where(codes > hole, codes - 1, codes)
    return ints(np.where(codes == hole, -1, moved)), list(np.delete(values, hole))


def _in_canonical_order(words: list[str], primary: Ints, secondary: Ints) -> Encoded:
    used = np.zeros(len(words) + 1, dtype=np.bool_)
    used[primary] = True
    used[secondary] = True
    kept = sorted(np.flatnonzero(used[:-1]).tolist(), key=lambda code: el.sort_key(words[code]))
    rank = np.full(len(words) + 1, -1, dtype=np.int64)
    rank[kept] = np.arange(len(kept))
    return Encoded([words[code] for code in kept], rank[primary], rank[secondary])


def network_destinations(
    group: Ints, primary: Ints, secondary: Ints, n_elements: int
) -> Destinations:
    """Return the connected components of elements within each group.

    Parameters
    ----------
    group : ndarray of shape (n_slices,)
        Device and batch of each slice, as one number.
    primary, secondary : ndarray of shape (n_slices,)
        Elements of each slice's flow, see `Encoded`.
    n_elements : int
        Size of the vocabulary.
    """
    tied = secondary >= 0
    first = group * n_elements + primary
    second = group[tied] * n_elements + secondary[tied]
    nodes = distinct(np.concatenate((first, second)))
    at = np.searchsorted(nodes, first)
    if second.size:
        left, right = unique_pairs(at[tied], np.searchsorted(nodes, second))
        component = components(nodes.size, left, right)
    else:
        component = np.arange(nodes.size)
    owner, place = unique_pairs(component, np.arange(nodes.size))
    starts = np.flatnonzero(np.concatenate(([True], owner[1:] != owner[:-1])))[: owner.size]
    groups = nodes // n_elements if n_elements else nodes
    return Destinations(
        component[at], groups[place[starts]], owner, nodes[place] % max(n_elements, 1)
    )

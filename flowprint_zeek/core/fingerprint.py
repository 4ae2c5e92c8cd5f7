"""From flows to fingerprints (paper section IV), many devices and batches at once."""

from __future__ import annotations

from dataclasses import dataclass
from reprlib import repr as short
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from flowprint_zeek.core import elements as el
from flowprint_zeek.core.arrays import Bools, Ints, ints, most_frequent, row_groups, unique_pairs
from flowprint_zeek.core.batch import Slices, cut
from flowprint_zeek.core.correlation import edges, signatures
from flowprint_zeek.core.destinations import (
    Destinations,
    Encoded,
    encode,
    network_destinations,
)
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.core.membership import Holdings, Membership, memberships, nearest
from flowprint_zeek.core.sets import Sets, alike

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

UNASSIGNED = -1
MAX_FLOWS = 1 << 62
"""Flows of a fingerprint are fewer than that: a model that says more is damaged."""


@dataclass(frozen=True, slots=True, eq=False, init=False)
class Fingerprint:
    """One fingerprint: a set of elements. Equal sets are equal fingerprints.

    Parameters
    ----------
    elements : iterable of str
        Elements in any order, kept in canonical order; see `flowprint_zeek.core.elements`.
    n_flows : int, default=0
        Flows it was made of.
    """

    elements: tuple[str, ...]
    n_flows: int

    def __init__(self, elements: Iterable[str] = (), n_flows: int = 0) -> None:
        if isinstance(elements, str):
            raise TypeError(f"elements must be an iterable of str, not the text {elements!r}")
        object.__setattr__(self, "elements", el.in_order(set(elements)))
        object.__setattr__(self, "n_flows", n_flows)

    @classmethod
    def from_dict(cls, dictionary: Mapping[str, Any]) -> Fingerprint:
        """Make a fingerprint of what `to_dict` returned, ours or upstream's.

        Parameters
        ----------
        dictionary : mapping
            ``destinations``, ``certificates``, ``names`` and ``n_flows``; what is missing is empty.
            Certificates that are numbers become text; None is no element.

        Raises
        ------
        ValueError
            A key holds something else.
        """
        found: list[str] = []
        for key in ("destinations", "certificates", "names"):
            values = dictionary.get(key, [])
            if type(values) not in (list, tuple):
                raise ValueError(f"{key} is {short(values)}")
            if key == "certificates":
                values = [value for value in values if value is not None]
            found += [cls._element(key, value) for value in values]
        n_flows = dictionary.get("n_flows", 0)
        if type(n_flows) is not int or not 0 <= n_flows < MAX_FLOWS:
            raise ValueError(f"n_flows is {short(n_flows)}")
        return cls(found, n_flows)

    @staticmethod
    def _element(key: str, value: object) -> str:
        """Return the element of a value that stands under a key of a dictionary."""
        element = ""
        match key, value:
            case "destinations", [str(address), port] if type(port) is int and 0 <= port < 1 << 16:
                element = el.endpoint(address, port)
                if not el.is_endpoint(element) or el.split_endpoint(element) != (address, port):
                    element = ""
            case "certificates", str(text) | int(text) if text != "" and not isinstance(text, bool):
                element = f"{el.CERTIFICATE}{text}"
            case "names", str(text) if text.strip(".") != "":
                element = f"{el.NAME}{el.normalise_name(text)}"
        if not (element and element.isascii() and element.isprintable()):
            raise ValueError(f"{key} holds {short(value)}")
        return element

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON holds it: upstream's keys and ``names``."""
        return {
            "certificates": self.certificates,
            "destinations": self.destinations,
            "names": self.names,
            "n_flows": self.n_flows,
        }

    @property
    def id(self) -> str:
        """First 16 hex digits of the SHA-256 of its elements."""
        return el.digest(self.elements)

    @property
    def destinations(self) -> list[list[str | int]]:
        """Address and port of its endpoints."""
        return [list(el.split_endpoint(e)) for e in self.elements if el.is_endpoint(e)]

    @property
    def certificates(self) -> list[str]:
        """Its certificates."""
        return [el.shown(e) for e in self.elements if e.startswith(el.CERTIFICATE)]

    @property
    def names(self) -> list[str]:
        """Its server names."""
        return [el.shown(e) for e in self.elements if e.startswith(el.NAME)]

    def compare(self, other: Fingerprint) -> float:
        """Return the Jaccard similarity to another fingerprint (paper section IV-F)."""
        common = len(set(self.elements) & set(other.elements))
        return common / max(len(self) + len(other) - common, 1)

    def merge(self, *other: Fingerprint) -> Fingerprint:
        """Return the union with others; flows add up."""
        union = set(self.elements).union(*other)
        return Fingerprint(union, self.n_flows + sum(one.n_flows for one in other))

    def __len__(self) -> int:
        return len(self.elements)

    def __iter__(self) -> Iterator[str]:
        return iter(self.elements)

    def __contains__(self, element: object) -> bool:
        return element in self.elements

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Fingerprint):
            return NotImplemented
        return self.elements == other.elements

    def __hash__(self) -> int:
        return hash(self.elements)

    def __lt__(self, other: object) -> bool:
        if not isinstance(other, Fingerprint):
            return NotImplemented
        ours = (len(self), self.n_flows, self.elements)
        return ours < (len(other), other.n_flows, other.elements)


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters of fingerprinting, defaults from the paper's Table III.

    Parameters
    ----------
    batch, window : float, default=300, 30
        Widths in seconds.
    correlation : float, default=0.1
        Least correlation of two destinations of one app; at most 0 joins all.
    similarity : float, default=0.9
        Jaccard similarity from which fingerprints are merged.
    scheme : {"paper", "names"}, default="paper"
        Element scheme.
    activity : {"ends", "interval"}, default="ends"
        How activity is taken from a flow's start and end where packet times are not known.
    clique_budget : int, default=500_000
        Nodes to look at in the clique searches of one device and batch; about 0.3 µs each.
    """

    batch: float = 300.0
    window: float = 30.0
    correlation: float = 0.1
    similarity: float = 0.9
    scheme: str = "paper"
    activity: str = "ends"
    clique_budget: int = 500_000

    @property
    def batch_micros(self) -> int:
        """Width of a batch, µs."""
        return round(self.batch * SECOND)

    @property
    def window_micros(self) -> int:
        """Width of a window, µs."""
        return round(self.window * SECOND)


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Fingerprints of many devices, sorted by device, first batch and elements.

    Attributes
    ----------
    words : Encoded
        Elements in canonical order, and those of each flow.
    devices : sequence of str
        Names of the devices, of one with several parts once for each.
    parts : ndarray of shape (n_devices,)
        Which part of the device's flows each stands for.
    device, batch : ndarray of shape (n,)
        Device (number) and first batch (number since the origin) of each fingerprint.
    sets : Sets
        Elements of each fingerprint.
    own : ndarray of bool, one for each pair in `sets`
        Whether the fingerprint's own flows reached the element. Cliques overlap; an element of a
        destination that belongs to another fingerprint is not own.
    n_flows, own_flows : ndarray of shape (n,)
        Flows assigned to it, and those among them to its own destinations.
    of_slice : ndarray of shape (n_slices,)
        Fingerprint of each slice, `UNASSIGNED` for none.
    slices : Slices
        The slices.
    bounded : int
        Device batches in which a clique search ran out of budget, or of which only the busiest
        `MAX_SIGNATURES` signatures were compared.
    """

    words: Encoded
    devices: Sequence[str]
    parts: Ints
    device: Ints
    batch: Ints
    sets: Sets
    own: Bools
    n_flows: Ints
    own_flows: Ints
    of_slice: Ints
    slices: Slices
    bounded: int

    @property
    def size(self) -> int:
        """Number of fingerprints."""
        return self.sets.size

    def elements(self) -> list[tuple[str, ...]]:
        """Return the elements of each fingerprint, in canonical order."""
        words = self.words.vocabulary
        return [tuple(words[code] for code in one) for one in self.sets.lists()]

    def of_flow(self) -> Ints:
        """Return the fingerprint of most assigned slices of each flow, a tie to the earliest.

        `UNASSIGNED` for flows without an assigned slice.
        """
        result = np.full(self.words.primary.size, UNASSIGNED)
        used = self.of_slice >= 0
        flow, number = most_frequent(self.slices.flow[used], self.of_slice[used])
        result[flow] = number
        return result


def fingerprint(flows: pd.DataFrame, parameters: Parameters, *, origin: int = 0) -> Fingerprints:
    """Fingerprint flows of one or many devices.

    Fingerprints of one device that are alike are merged over all batches given.

    Parameters
    ----------
    flows : DataFrame
        Flow table; without a column ``device`` all flows are one device's. Where it has a column
        ``part``, a number, flows of different parts are never in one fingerprint.
    parameters : Parameters
        Parameters.
    origin : int, default=0
        Time from which batches and windows are counted, µs since the epoch.

    Notes
    -----
    Cost is linear in flows; within a device batch it is quadratic in distinct signatures, with the
    clique search bounded by `Parameters.clique_budget`.
    """
    device, devices, part = _devices(flows)
    slices = cut(
        flows,
        batch=parameters.batch_micros,
        window=parameters.window_micros,
        origin=origin,
        activity=parameters.activity,
    )
    words = encode(flows, parameters.scheme)
    group, first = row_groups((slices.batch, device[slices.flow]))
    found = network_destinations(
        group, words.primary[slices.flow], words.secondary[slices.flow], len(words.vocabulary)
    )
    least = parameters.correlation
    # Where all of a group are joined, they are as good as active together.
    window = slices.window if least > 0 else np.zeros_like(slices.window)
    nodes, node = signatures(found.group, found.of_slice[slices.active], window)
    held = Holdings.of(found, node, nodes.size)
    found_in = []
    for low, high in nodes.portions():
        some = nodes.part(low, high)
        joins = edges(some, least)
        found_in.append(memberships(some, joins, held.part(low, high), parameters.clique_budget))
    largest = Membership.joined(found_in)
    of_destination = largest.of_node[node]
    direct = of_destination[found.of_slice]
    assigned = nearest(group, slices.start, direct, largest.sets.size)
    device_of = device[slices.flow[first]][largest.group]
    merged = alike(largest.sets, device_of, parameters.similarity)
    return _assembled(
        words, devices, part, device_of, slices, merged, largest, found, of_destination, assigned
    )


def _devices(flows: pd.DataFrame) -> tuple[Ints, list[str], Ints]:
    """Return the number of each flow's device and part, and the device and part of each number."""
    none = np.zeros(len(flows), dtype=np.int64)
    if "device" not in flows.columns:
        return none, [""], np.zeros(1, dtype=np.int64)
    codes, names = pd.factorize(flows["device"].to_numpy(dtype=object), sort=True)
    part = ints(flows["part"]) if "part" in flows.columns else none
    number, first = row_groups((ints(codes), part))
    return number, [names[code] for code in codes[first].tolist()], part[first]


def _assembled(
    words: Encoded,
    devices: Sequence[str],
    parts: Ints,
    device_of: Ints,
    slices: Slices,
    merged: Ints,
    largest: Membership,
    found: Destinations,
    of_destination: Ints,
    assigned: Ints,
) -> Fingerprints:
    """Unite merged fingerprints, number them by device, batch and elements, and count flows."""
    size = int(merged.max()) + 1 if merged.size else 0
    sets = largest.sets.united(merged, size)
    device, batch = np.zeros(size, dtype=np.int64), np.full(size, np.iinfo(np.int64).max)
    device[merged] = device_of
    used = assigned >= 0
    np.minimum.at(batch, merged[assigned[used]], slices.batch[used])
    keys = list(zip(device.tolist(), batch.tolist(), sets.keys(), strict=True))
    order = sorted(range(size), key=keys.__getitem__)
    rank = np.empty(size + 1, dtype=np.int64)
    rank[order] = np.arange(size)
    rank[-1] = UNASSIGNED
    number = np.append(rank[merged], UNASSIGNED)
    sets = sets.united(rank[:-1], size)
    own = number[of_destination[found.owner]]
    reached = Sets.from_pairs(size, own[own >= 0], found.element[own >= 0])
    key = len(words.vocabulary)
    return Fingerprints(
        words=words,
        devices=devices,
        parts=parts,
        device=device[order],
        batch=batch[order],
        sets=sets,
        own=np.isin(sets.owner * key + sets.element, reached.owner * key + reached.element),
        n_flows=_flows_of(number[assigned], slices.flow, size),
        own_flows=_flows_of(number[of_destination[found.of_slice]], slices.flow, size),
        of_slice=number[assigned],
        slices=slices,
        bounded=largest.bounded,
    )


def _flows_of(of_slice: Ints, flow: Ints, size: int) -> Ints:
    used = of_slice >= 0
    return ints(np.bincount(unique_pairs(of_slice[used], flow[used])[0], minlength=size))

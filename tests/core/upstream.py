"""Upstream, the published package `flowprint` 1.0.5, beside the engine."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np
from flowprint import (  # type: ignore[import-untyped] # it has no type hints
    flowprint,
    flows,
    network_destination,
)

from flowprint_zeek.core import elements as el

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from flowprint_zeek.core.fingerprint import Parameters
    from flowprint_zeek.core.flows import Flow

    Objects = np.ndarray[tuple[int], np.dtype[np.object_]]

FlowPrint = flowprint.FlowPrint
Fingerprint = flowprint.Fingerprint
PacketFlow = flows.Flow
NetworkDestination = network_destination.NetworkDestination


def samples(flows: Iterable[Flow]) -> Objects:
    """Return flows as what upstream's methods take."""
    made = [_converted(flow) for flow in flows]
    result: Objects = np.empty(len(made), dtype=object)
    result[:] = made
    return result


def _converted(flow: Flow) -> Any:
    made = PacketFlow()
    made.src, made.sport, made.dst, made.dport = flow.src, flow.sport, flow.dst, flow.dport
    made.certificate, made.timestamps = flow.certificate, list(flow.timestamps)
    return made


def elements(fingerprint: Iterable[tuple[str, int] | str]) -> frozenset[str]:
    """Return a fingerprint of upstream, one without None, as our elements."""
    return frozenset(
        el.endpoint(*one) if isinstance(one, tuple) else el.CERTIFICATE + one for one in fingerprint
    )


@contextmanager
def without_none() -> Iterator[None]:
    """Make upstream skip the certificate None: *no certificate* is no element."""
    original = NetworkDestination.add

    def add(destination: Any, flow: Any, label: object = None) -> None:
        original(destination, flow, label)
        destination.certificates.discard(None)

    with mock.patch.object(NetworkDestination, "add", add):
        yield


def fingerprints(flows: Iterable[Flow], parameters: Parameters) -> list[frozenset[str]]:
    """Return the elements of upstream's fingerprint of each flow, empty for none.

    Parameters
    ----------
    flows : iterable of Flow
        Flows of one device.
    parameters : Parameters
        Those that upstream has too; it counts time from the first packet.
    """
    made = FlowPrint(
        parameters.batch, parameters.window, parameters.correlation, parameters.similarity
    )
    with without_none():
        found = made.fingerprint(samples(flows))
    return [elements(one) for one in found]

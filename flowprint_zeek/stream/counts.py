"""What a pipeline has done, in all and on the day at hand."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.flows import DNS_NAME, HTTP_HOST, SERVER_NAME

if TYPE_CHECKING:
    from flowprint_zeek.stream.gathering import JoinedBatch
    from flowprint_zeek.stream.view import BatchView


@dataclass(slots=True)
class Counts:
    """What the pipeline has done.

    Attributes
    ----------
    flows, batches, learned, degraded, fingerprints, unassigned, bounded_batches : int
        Flows of devices, device-wide batches, those among them that were learned and that were not
        trusted, fingerprints, slices without one, and device batches whose clique search was cut
        short.
    rows_duplicate : int
        Rows that were written twice.
    with_certificate, with_server_name, with_http_host, with_dns_name, with_neither : int
        Flows by what is told of them; one flow may count in several, but for the last.
    devices : set of str
        Devices.
    """

    flows: int = 0
    batches: int = 0
    learned: int = 0
    degraded: int = 0
    fingerprints: int = 0
    unassigned: int = 0
    bounded_batches: int = 0
    rows_duplicate: int = 0
    with_certificate: int = 0
    with_server_name: int = 0
    with_http_host: int = 0
    with_dns_name: int = 0
    with_neither: int = 0
    devices: set[str] = field(default_factory=set)

    def add(self, batch: JoinedBatch, view: BatchView) -> int:
        """Count a closed batch in and return how many flows end in it."""
        home = ints(view.slices["home"]) == batch.number
        certificate, name = (
            (view.slices[one].to_numpy(dtype=object)[home] != "").astype(np.bool_)
            for one in ("certificate", "name")
        )
        named_by = ints(view.slices["named_by"])[home]
        flows = int(home.sum())
        self.flows += flows
        self.with_certificate += int(certificate.sum())
        self.with_server_name += int((named_by & SERVER_NAME != 0).sum())
        self.with_http_host += int((named_by & HTTP_HOST != 0).sum())
        self.with_dns_name += int((named_by & DNS_NAME != 0).sum())
        self.with_neither += int((~certificate & ~name).sum())
        self.batches += 1
        self.degraded += view.degraded != ""
        self.fingerprints += view.found.size
        self.unassigned += int((view.found.of_slice < 0).sum())
        self.bounded_batches += view.found.bounded
        self.rows_duplicate += batch.n_duplicates
        self.devices.update(view.found.devices)
        return flows


@dataclass(slots=True)
class Day:
    """What was done on a UTC day.

    Attributes
    ----------
    start : int
        Its start, µs.
    batches, flows, unseen, notices, degraded : int
        Batches, flows, unseen fingerprints, notices, and batches that were not trusted.
    devices : set of str
        Devices.
    held : Counter of str
        Notices that a shadow mode held back, by what they are mostly of.
    """

    start: int
    batches: int = 0
    flows: int = 0
    unseen: int = 0
    notices: int = 0
    degraded: int = 0
    devices: set[str] = field(default_factory=set)
    held: Counter[str] = field(default_factory=Counter)

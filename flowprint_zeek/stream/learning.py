"""Learning: what is seen becomes known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.arrays import unique_pairs

if TYPE_CHECKING:
    from flowprint_zeek.core.arrays import Ints
    from flowprint_zeek.known import Site
    from flowprint_zeek.stream.view import BatchView


def learn(site: Site, view: BatchView) -> None:
    """Make the fingerprints of a batch known and its elements seen.

    Elements of flows without a fingerprint count too: the site saw them.
    """
    found = view.found
    for elements, n_flows in zip(view.elements, found.n_flows.tolist(), strict=True):
        site.known.add(elements, n_flows, view.start)
    site.known.prune()
    device, element = _seen(view)
    vocabulary = found.words.vocabulary
    edges = np.searchsorted(device, np.arange(len(found.devices) + 1))
    for at, name in enumerate(found.devices):
        codes = element[edges[at] : edges[at + 1]].tolist()
        site.seen.put_device(name, (vocabulary[code] for code in codes))
    for code in np.unique(element).tolist():
        site.seen.put(vocabulary[code], view.start, view.start)


def _seen(view: BatchView) -> tuple[Ints, Ints]:
    """Return the distinct pairs of device and element of a batch."""
    words = view.found.words
    device = np.searchsorted(view.found.devices, view.slices["device"].to_numpy(dtype=object))
    tied = words.secondary >= 0
    return unique_pairs(
        np.concatenate((device, device[tied])),
        np.concatenate((words.primary, words.secondary[tied])),
    )

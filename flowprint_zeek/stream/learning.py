"""Learning: what is seen becomes known."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flowprint_zeek.core.arrays import Ints, ints, unique_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flowprint_zeek.known import Site
    from flowprint_zeek.stream.view import BatchView


def learn(site: Site, view: BatchView) -> None:
    """Make the fingerprints of a batch known and its elements seen.

    Elements of flows without a fingerprint count too: the site saw them. A browser's fingerprints
    are no apps, and no two are alike: only their elements are kept.
    """
    found = view.found
    apps = zip(view.elements, found.n_flows.tolist(), view.browser.tolist(), strict=True)
    for elements, n_flows, browser in apps:
        if not browser:
            site.known.add(elements, n_flows, view.start)
    site.known.prune()
    reached = reached_in(view)
    for device, met in reached.by_device():
        site.seen.put_device(device, met, view.start)
    for element, count in sorted(reached.counts()):
        site.seen.put(element, view.start, view.start, count)


@dataclass(frozen=True, slots=True)
class Reached:
    """The elements that the flows of a batch reached, with a fingerprint or without.

    Attributes
    ----------
    devices : sequence of str
        Devices, sorted.
    vocabulary : sequence of str
        Elements in canonical order.
    device, element : ndarray of shape (n_pairs,)
        Pairs of a device and an element, sorted, as numbers.
    """

    devices: Sequence[str]
    vocabulary: Sequence[str]
    device: Ints
    element: Ints

    def by_device(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each device with its elements."""
        edges = np.searchsorted(self.device, np.arange(len(self.devices) + 1)).tolist()
        words = [self.vocabulary[one] for one in self.element.tolist()]
        for name, (low, high) in zip(self.devices, pairwise(edges), strict=True):
            yield name, words[low:high]

    def counts(self) -> Iterator[tuple[str, int]]:
        """Yield each element with the number of its devices."""
        counts = np.bincount(self.element, minlength=len(self.vocabulary)).tolist()
        return ((word, count) for word, count in zip(self.vocabulary, counts, strict=True) if count)


def reached_in(view: BatchView) -> Reached:
    """Return what the flows of a batch reached."""
    words = view.found.words
    code, devices = pd.factorize(view.slices["device"].to_numpy(dtype=object), sort=True)
    tied = words.secondary >= 0
    device, element = unique_pairs(
        np.concatenate((ints(code), ints(code)[tied])),
        np.concatenate((words.primary, words.secondary[tied])),
    )
    return Reached(list(devices), words.vocabulary, device, element)

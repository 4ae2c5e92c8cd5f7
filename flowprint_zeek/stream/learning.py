"""Learning: what is seen becomes known."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flowprint_zeek.core.arrays import ints, unique_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator

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
    counts: Counter[str] = Counter()
    for device, reached in seen_in(view):
        site.seen.put_device(device, reached, view.start)
        counts.update(reached)
    for element, count in sorted(counts.items()):
        site.seen.put(element, view.start, view.start, count)


def seen_in(view: BatchView) -> Iterator[tuple[str, list[str]]]:
    """Yield the devices of a batch, sorted, with the elements that their flows reached."""
    words = view.found.words
    code, devices = pd.factorize(view.slices["device"].to_numpy(dtype=object), sort=True)
    tied = words.secondary >= 0
    device, element = unique_pairs(
        np.concatenate((ints(code), ints(code)[tied])),
        np.concatenate((words.primary, words.secondary[tied])),
    )
    edges = np.searchsorted(device, np.arange(len(devices) + 1))
    for at, name in enumerate(devices):
        yield name, [words.vocabulary[one] for one in element[edges[at] : edges[at + 1]].tolist()]

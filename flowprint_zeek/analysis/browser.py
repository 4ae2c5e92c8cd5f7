"""The paper's browser detector: a random forest on how the traffic of a device changes.

A person who opens a page makes a device contact many destinations at once and receive much, which
apps rarely do. As upstream's ``BrowserDetector`` does, it looks for each flow of a device at the
five seconds up to its start: how many network destinations were contacted, how much the flows
received and sent on average, and by how much each of these changed since the flow before. A forest
trained on labelled flows says which flows are a browser's, and all flows of the device ten seconds
before and after one are taken for the browser's too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.ensemble import RandomForestClassifier  # type: ignore[import-untyped] # no type hints

from flowprint_zeek.analysis.choices import FOREST_SEED
from flowprint_zeek.analysis.forest import Forest
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.destinations import encode, network_destinations
from flowprint_zeek.core.flows import SECOND, factorized

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from flowprint_zeek.core.arrays import Bools, Floats, Ints

FEATURES = ("destinations", "incoming", "outgoing", "ratio")
"""Change in active destinations and in mean bytes in and out, and the ratio of the latter two."""

WINDOW = 5 * SECOND
AROUND = 10 * SECOND
TREES = 10
"""Of upstream's forest."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The flows of one device by start.

    Attributes
    ----------
    row : ndarray of shape (n,)
        Row of each in the flow table.
    start : ndarray of shape (n,)
        Starts, µs, never falling.
    """

    row: Ints
    start: Ints


def timelines(flows: pd.DataFrame) -> Iterator[Timeline]:
    """Yield the flows of each device; flows that start together keep their order."""
    device, _ = factorized(flows["device"])
    start = ints(flows["start"])
    order = np.lexsort((start, device))
    for row in np.split(order, np.flatnonzero(np.diff(device[order])) + 1):
        if row.size:
            yield Timeline(row, start[row])


def features(flows: pd.DataFrame, scheme: str) -> Floats:
    """Return `FEATURES` of flows, shape (n_flows, 4).

    Parameters
    ----------
    flows : DataFrame
        Flow table with ``device``, ``orig_bytes`` and ``resp_bytes``.
    scheme : {"names", "paper"}
        What network destinations are made of.
    """
    encoded = encode(flows, scheme)
    device, _ = factorized(flows["device"])
    destination = network_destinations(
        device, encoded.primary, encoded.secondary, len(encoded.vocabulary)
    ).of_slice
    sent, received = (ints(flows[f"{side}_bytes"]) for side in ("orig", "resp"))
    result = np.zeros((len(flows), len(FEATURES)))
    for line in timelines(flows):
        first = np.searchsorted(line.start, line.start - WINDOW, side="right")
        series = [
            _distinct(destination[line.row], first),
            _mean(received[line.row], first),
            _mean(sent[line.row], first),
        ]
        change = [np.diff(one, prepend=one[:1]) for one in series]
        ratio = np.divide(change[1], change[2], out=np.zeros_like(change[1]), where=change[2] != 0)
        result[line.row] = np.column_stack([*change, ratio])
    return result


def _distinct(values: Ints, first: Ints) -> Floats:
    """Return how many values differ from the first of each window to the row itself.

    The last appearance of a value counts in the windows from its row on, until it appears again
    or no window reaches back to it.
    """
    size = values.size
    order = np.argsort(values, kind="stable")
    again = np.full(size, size)
    same = values[order[1:]] == values[order[:-1]]
    again[order[:-1][same]] = order[1:][same]
    beyond = np.searchsorted(first, np.arange(size), side="right")
    change = np.zeros(size + 1, dtype=np.int64)
    change[:size] = 1
    np.subtract.at(change, np.minimum(again, beyond), 1)
    return np.cumsum(change[:size]).astype(np.float64)


def _mean(values: Ints, first: Ints) -> Floats:
    """Return the mean from the first of each window to the row itself."""
    total = np.concatenate(([0], np.cumsum(values)))
    end = np.arange(1, values.size + 1)
    mean: Floats = (total[end] - total[first]) / (end - first)
    return mean


@dataclass(frozen=True, slots=True)
class BrowserDetector:
    """A trained browser detector.

    Parameters
    ----------
    forest : Forest
        Says which flows are a browser's by their features.
    scheme : {"names", "paper"}
        What network destinations are made of.
    """

    forest: Forest
    scheme: str

    @classmethod
    def trained(
        cls, flows: pd.DataFrame, browser: Bools, known: Bools, scheme: str, seed: int = FOREST_SEED
    ) -> BrowserDetector:
        """Train one.

        Parameters
        ----------
        flows : DataFrame
            All flows of some devices, see `features`.
        browser, known : ndarray of shape (n_flows,)
            Which are a browser's, and of which that is known; there are both kinds.
        scheme : {"names", "paper"}
            What network destinations are made of.
        seed : int, default=42
            Seed of the forest.
        """
        forest = RandomForestClassifier(TREES, random_state=seed)
        forest.fit(features(flows, scheme)[known], browser[known])
        return cls(Forest.of(forest), scheme)

    def hits(self, flows: pd.DataFrame) -> Bools:
        """Tell which flows the forest says are a browser's."""
        return self.forest.says(features(flows, self.scheme))

    def browsing(self, flows: pd.DataFrame) -> Bools:
        """Tell which flows are a browser's: hits, and what is within 10 s of one on its device."""
        return around(flows, self.hits(flows))


def around(flows: pd.DataFrame, hits: Bools) -> Bools:
    """Tell which flows start at most 10 s before or after a hit on the same device."""
    result = np.zeros(len(flows), dtype=np.bool_)
    for line in timelines(flows):
        at = line.start[hits[line.row]]
        low = np.searchsorted(at, line.start - AROUND, side="left")
        high = np.searchsorted(at, line.start + AROUND, side="right")
        result[line.row] = high > low
    return result

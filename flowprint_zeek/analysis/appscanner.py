"""AppScanner, which the paper compares with: a random forest that names the app of each flow.

Single large random forest (Taylor et al., EuroS&P 2016) as the authors of FlowPrint rebuilt it for
section V-B of their paper, the package ``appscanner`` 1.0.2: statistics of the packet lengths of a
flow, 150 trees, and no label where the forest is not sure enough. Where packet lengths are not
known it is given what connection logs tell of a flow instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from sklearn.ensemble import RandomForestClassifier  # type: ignore[import-untyped] # no type hints

from flowprint_zeek.analysis.choices import CONFIDENCE
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.matching import NO_MATCH

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from flowprint_zeek.core.arrays import Floats, Ints

TREES = 150

SERIES = ("incoming", "outgoing", "both")
PERCENTILES = tuple(range(10, 100, 10))
STATISTICS = (
    *("minimum", "maximum", "mean", "deviation", "std", "variance", "skew", "kurtosis"),
    *(f"p{at}" for at in PERCENTILES),
    "number",
)
"""Statistics of a series; ``deviation`` is the mean absolute deviation, as in the package, which
calls it median."""

LENGTHS = tuple(f"{series}_{name}" for series in SERIES for name in STATISTICS)
"""The 54 features of packet lengths."""

TOTALS = (
    *("packets_out", "packets_in", "packets", "bytes_out", "bytes_in", "bytes"),
    *("payload_out", "payload_in", "length_out", "length_in", "duration"),
    *("packets_share_out", "bytes_share_out", "payload_share_out"),
)
"""The features of totals: packets, bytes with and without headers, mean packet length, seconds,
and the shares that the originator sent."""


def length_features(lengths: Sequence[Ints]) -> Floats:
    """Return the features `LENGTHS` of flows, shape (n_flows, 54).

    Parameters
    ----------
    lengths : sequence of ndarray
        Length of each packet of each flow, bytes; negative for packets that come in.
    """
    rows = [
        np.concatenate([_statistics(one[one < 0]), _statistics(one[one >= 0]), _statistics(one)])
        for one in lengths
    ]
    return np.array(rows, dtype=np.float64).reshape(len(rows), len(LENGTHS))


def _statistics(lengths: Ints) -> Floats:
    """Return `STATISTICS` of a series; what is not defined of one so short is 0."""
    values = lengths.astype(np.float64)
    n = values.size
    if not n:
        return np.zeros(len(STATISTICS))
    mean = values.mean()
    off = values - mean
    second, third, fourth = ((off**power).sum() for power in (2, 3, 4))
    variance = second / (n - 1) if n > 1 else 0.0
    skew = kurtosis = 0.0
    # Without bias, as pandas has them.
    if n > 2 and second > 0:
        skew = n * np.sqrt(n - 1) / (n - 2) * third / second**1.5
    if n > 3 and second > 0:
        over = (n - 1) * (n - 2) * (n - 3)
        kurtosis = n * (n + 1) * (n - 1) ** 2 * fourth / (over * second**2)
        kurtosis -= 3 * (n - 1) ** 2 / ((n - 2) * (n - 3))
    moments = [mean, np.abs(off).mean(), np.sqrt(variance), variance, skew, kurtosis]
    ends = [values.min(), values.max()]
    return np.array([*ends, *moments, *np.percentile(values, PERCENTILES), n])


def total_features(totals: pd.DataFrame) -> Floats:
    """Return the features `TOTALS` of flows, shape (n_flows, 14).

    Parameters
    ----------
    totals : DataFrame
        What `flowprint_zeek.analysis.totals.flow_totals` returns.
    """
    of = {name: totals[name].to_numpy(dtype=np.float64) for name in totals}
    packets, size = ((of[f"orig_{what}"], of[f"resp_{what}"]) for what in ("pkts", "ip_bytes"))
    payload = of["orig_bytes"], of["resp_bytes"]
    columns = [
        *(*packets, sum(packets), *size, sum(size), *payload),
        *(_ratio(each, count) for each, count in zip(size, packets, strict=True)),
        of["duration"],
        *(_ratio(out, out + into) for out, into in (packets, size, payload)),
    ]
    return np.column_stack(columns)


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


class AppScanner:
    """A random forest over the features of single flows.

    Parameters
    ----------
    confidence : float, default=0.7
        Share of the trees' votes below which a flow gets no label.
    seed : int, default=0
        Seed of the forest.
    """

    def __init__(self, confidence: float = CONFIDENCE, seed: int = 0) -> None:
        self.confidence = confidence
        self._forest = RandomForestClassifier(TREES, max_features="sqrt", random_state=seed)

    def fit(self, features: Floats, label: Ints) -> None:
        """Learn labelled flows, at least one, and nothing of before."""
        self._forest.fit(features, label)

    def name(self, features: Floats) -> Ints:
        """Return the label of each flow, `NO_MATCH` where the forest is not sure."""
        if not len(features):
            return ints([])
        share = self._forest.predict_proba(features)
        label = ints(self._forest.classes_)[share.argmax(axis=1)]
        return np.where(share.max(axis=1) < self.confidence, NO_MATCH, label)

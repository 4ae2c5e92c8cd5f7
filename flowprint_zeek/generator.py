"""The FingerprintGenerator: from flows to fingerprints by scikit-learn's conventions."""
# ruff: noqa: N803 - scikit-learn calls the samples X.
# ruff: noqa: ARG002 - scikit-learn's methods take y even where they ignore it.

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator  # type: ignore[import-untyped] # it has no type hints

from flowprint_zeek import store
from flowprint_zeek.core import samples
from flowprint_zeek.core.arrays import ints, picked
from flowprint_zeek.core.fingerprint import Fingerprint, Parameters, fingerprint
from flowprint_zeek.core.graph import graph_of
from flowprint_zeek.core.windows import Windows
from flowprint_zeek.kinds import Kind, choice, integer

if TYPE_CHECKING:
    import networkx as nx
    import pandas as pd

    from flowprint_zeek.core.arrays import Texts
    from flowprint_zeek.core.fingerprint import Fingerprints
    from flowprint_zeek.core.samples import Flows

_KINDS: dict[str, Kind[Any]] = store.PARAMETERS | {
    "origin": choice("first", "epoch"),
    "clique_budget": integer(1),
}
_OF_CORE = ("batch", "window", "correlation", "similarity", "scheme", "activity", "clique_budget")


def checked(key: str, value: object) -> Any:  # noqa: ANN401 - a parameter of any type
    """Return a parameter of an estimator as the algorithm takes it.

    Raises
    ------
    ValueError
        It is not allowed; the message names the parameter, the value and what is allowed.
    """
    return store.checked(_KINDS[key], key, value.item() if isinstance(value, np.generic) else value)


class FingerprintGenerator(BaseEstimator):  # type: ignore[misc] # scikit-learn has no type hints
    """Generator of fingerprints: what `FlowPrint` makes them with.

    Parameters are those of `FlowPrint` without its threshold. It learns nothing.

    Examples
    --------
    >>> from flowprint_zeek import Flow
    >>> flows = [Flow("192.0.2.1", 443, (0.0, 40.0)), Flow("192.0.2.2", 443, (1.0, 41.0))]
    >>> FingerprintGenerator().fit_predict(flows)[0].destinations
    [['192.0.2.1', 443], ['192.0.2.2', 443]]
    """

    def __init__(
        self,
        batch: float = 300,
        window: float = 30,
        correlation: float = 0.1,
        similarity: float = 0.9,
        *,
        scheme: str = "paper",
        origin: str = "first",
        activity: str = "ends",
        clique_budget: int = 500_000,
    ) -> None:
        self.batch = batch
        self.window = window
        self.correlation = correlation
        self.similarity = similarity
        self.scheme = scheme
        self.origin = origin
        self.activity = activity
        self.clique_budget = clique_budget

    def fit_predict(self, X: Flows, y: object = None) -> Texts:
        """Return the fingerprint of each flow.

        Parameters
        ----------
        X : DataFrame or array-like of Flow, of shape (n_flows,)
            Flows.
        y
            Ignored.

        Returns
        -------
        ndarray of Fingerprint, shape (n_flows,)
            The fingerprint of most of the flow's slices, a tie to the earliest; an empty one for
            flows in none. Equal fingerprints of different devices count their flows together.
        """
        found = self.found_in(samples.flows(X))
        elements = found.elements()
        n_flows: Counter[tuple[str, ...]] = Counter()
        for one, count in zip(elements, found.n_flows.tolist(), strict=True):
            n_flows[one] += count
        values = [Fingerprint(one, n_flows[one]) for one in elements]
        return picked(values, found.of_flow(), Fingerprint())

    def found_in(self, table: pd.DataFrame) -> Fingerprints:
        """Return the fingerprints of a flow table as columns."""
        return fingerprint(table, self.parameters(), origin=self.origin_of(table))

    def correlation_graph(self, X: Flows) -> nx.Graph[int]:
        """Return the correlation graph of flows for looking at and exporting.

        Returns
        -------
        networkx.Graph
            A node for each distinct activity signature of a device and batch, with ``device``,
            ``batch_start`` (seconds), ``windows`` and ``destinations``; edges with ``weight``.
        """
        table = samples.flows(X)
        return graph_of(table, self.parameters(), origin=self.origin_of(table))

    def parameters(self) -> Parameters:
        """Return the parameters of the algorithm.

        Raises
        ------
        ValueError
            One is not allowed.
        """
        return Parameters(**{key: checked(key, getattr(self, key)) for key in _OF_CORE})

    def origin_of(self, table: pd.DataFrame) -> int:
        """Return the time that batches and windows of a flow table are counted from, µs.

        Where windows are told, that is the start of the first one.
        """
        if checked("origin", self.origin) != "first" or not len(table):
            return 0
        first = int(table["start"].min())
        if "windows" not in table.columns:
            return first
        step = Windows(ints(table["start"]), table["windows"]).step
        return first // step * step if step else first

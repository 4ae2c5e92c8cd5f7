"""The FlowPrint estimator: fit, predict, recognise and detect by scikit-learn's conventions."""
# ruff: noqa: N803 - scikit-learn calls the samples X.
# ruff: noqa: ARG002 - scikit-learn's methods take y even where they ignore it.

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator  # type: ignore[import-untyped] # it has no type hints
from sklearn.utils.validation import check_is_fitted  # type: ignore[import-untyped] # the same

from flowprint_zeek.core import samples
from flowprint_zeek.core.arrays import picked
from flowprint_zeek.core.batch import ACTIVITIES
from flowprint_zeek.core.destinations import SCHEMES
from flowprint_zeek.core.elements import certificate_kind
from flowprint_zeek.core.fingerprint import Fingerprint, Parameters, fingerprint
from flowprint_zeek.core.graph import graph_of
from flowprint_zeek.core.matching import NO_MATCH
from flowprint_zeek.errors import ModelError
from flowprint_zeek.kinds import LONGEST, Kind, RefusedError, choice, integer, number
from flowprint_zeek.known import Learned, labelled, learned, seen_in
from flowprint_zeek.store import PARAMETERS, Model, agreed, has_certificates, read, said, write

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable, Mapping

    import networkx as nx

    from flowprint_zeek.core.arrays import Floats, Ints, Texts
    from flowprint_zeek.core.fingerprint import Fingerprints
    from flowprint_zeek.core.samples import Flows, Samples
    from flowprint_zeek.known import Label

_SPAN = number("a number of seconds over 0, up to 36500 days", lambda v: 1e-6 <= v <= LONGEST)
_RULES: dict[str, Kind[Any]] = {
    "batch": _SPAN,
    "window": _SPAN,
    "correlation": number("a number up to 1, 0 or less to join all", lambda v: v <= 1),
    "similarity": number("a number up to 1, 0 or less to merge all", lambda v: v <= 1),
    "threshold": number("a number from 0 to 1", lambda v: 0 <= v <= 1),
    "scheme": choice(*SCHEMES),
    "origin": choice("first", "epoch"),
    "activity": choice(*ACTIVITIES),
    "clique_budget": integer(1),
}
_OF_CORE = ("batch", "window", "correlation", "similarity", "scheme", "activity", "clique_budget")


class FlowPrint(BaseEstimator):  # type: ignore[misc] # scikit-learn has no type hints
    """Fingerprints of the apps in encrypted traffic, and the apps that it knows.

    Samples are flows: a flow table (see `flowprint_zeek.core.flows`) or an array-like of `Flow`.
    They are one device's unless a table has a column ``device``.

    Parameters
    ----------
    batch, window : float, default=300, 30
        Widths in seconds of what is fingerprinted together and of what counts as the same time.
    correlation : float, default=0.1
        Least correlation of two destinations of one app; at most 0 joins all.
    similarity : float, default=0.9
        Jaccard similarity from which a device's fingerprints are merged; at most 0 merges all.
    threshold : float, default=0.1
        Similarity to a known fingerprint below which `detect` says unseen.
    scheme : {"paper", "names"}, default="paper"
        Elements: endpoints and certificates, or server names with endpoints where there are none.
    origin : {"first", "epoch"}, default="first"
        Time that batches and windows are counted from: the first packet of the whole input, or
        0 as in the engine.
    activity : {"ends", "interval"}, default="ends"
        Windows in which a flow without packet times was active: those of its start and its end, or
        all from one to the other.
    clique_budget : int, default=200_000
        Search nodes for the cliques of one connected component of a correlation graph.

    Attributes
    ----------
    fingerprints_ : Learned
        Known apps with their flow, batch and label counts, and what else files say.

    Examples
    --------
    >>> from flowprint_zeek import Flow
    >>> flows = [Flow("192.0.2.1", 443, (0.0, 40.0)), Flow("192.0.2.2", 443, (1.0, 41.0))]
    >>> FlowPrint().fit(flows, ["mail", "mail"]).recognize(flows).tolist()
    ['mail', 'mail']
    """

    def __init__(
        self,
        batch: float = 300,
        window: float = 30,
        correlation: float = 0.1,
        similarity: float = 0.9,
        threshold: float = 0.1,
        *,
        scheme: str = "paper",
        origin: str = "first",
        activity: str = "ends",
        clique_budget: int = 200_000,
    ) -> None:
        self.batch = batch
        self.window = window
        self.correlation = correlation
        self.similarity = similarity
        self.threshold = threshold
        self.scheme = scheme
        self.origin = origin
        self.activity = activity
        self.clique_budget = clique_budget

    @property
    def fingerprints(self) -> dict[Fingerprint, Label | None]:
        """Known fingerprints with the majority label of their flows, most flows first."""
        return {app.fingerprint: app.majority for app in self._fitted().in_order()}

    def fingerprint(self, X: Flows, y: object = None) -> Texts:
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
        found = self._found(samples.flows(X))
        elements = found.elements()
        n_flows: Counter[tuple[str, ...]] = Counter()
        for one, count in zip(elements, found.n_flows.tolist(), strict=True):
            n_flows[one] += count
        values = [Fingerprint(one, n_flows[one]) for one in elements]
        return picked(values, found.of_flow(), Fingerprint())

    def correlation_graph(self, X: Flows) -> nx.Graph[int]:
        """Return the correlation graph of flows for looking at and exporting.

        Returns
        -------
        networkx.Graph
            A node for each distinct activity signature of a device and batch, with ``device``,
            ``batch_start`` (seconds), ``windows`` and ``destinations``; edges with ``weight``.
        """
        table = samples.flows(X)
        return graph_of(table, self._parameters(), origin=self._origin(table))

    def fit(self, X: Flows, y: Iterable[object] | None = None) -> Self:
        """Learn the fingerprints of flows and forget all others.

        Parameters
        ----------
        X : DataFrame or array-like of Flow, of shape (n_flows,)
            Flows.
        y : array-like of str or int, shape (n_flows,), optional
            Label of each flow, None for none.

        Raises
        ------
        ValueError
            A parameter or a column is not as it must be, or `y` is of another length.
        """
        self._learn(samples.flows(X), y, Learned())
        return self

    def update(self, X: Flows, y: Iterable[object] | None = None) -> Self:
        """Learn the fingerprints of flows beside those known; flow and label counts add up.

        Takes what `fit` takes.

        Raises
        ------
        ModelError
            Certificates are told apart by something else than those of known fingerprints.
        """
        self._learn(samples.flows(X), y, self._learned())
        return self

    def predict(self, X: Samples, y: object = None, default: object = "common") -> Texts:
        """Return the most similar known fingerprint of each sample.

        Parameters
        ----------
        X : DataFrame, array-like of Flow or of Fingerprint, of shape (n_samples,)
            Flows, which are fingerprinted first, or fingerprints.
        y
            Ignored.
        default : {"common", "largest"} or any other value, default="common"
            What to return where no known fingerprint shares an element: the one of most flows, the
            one of most elements (an empty one where none is known), or the value itself.

        Returns
        -------
        ndarray of shape (n_samples,)
            Known fingerprints; of equally similar ones that of most flows, then of lowest id.
        """
        nearest, _ = self._nearest(X)
        return picked(list(self.fingerprints), nearest, self._default(default))

    def fit_predict(
        self, X: Flows, y: Iterable[object] | None = None, default: object = "common"
    ) -> Texts:
        """Learn flows as `fit` does and return what `predict` says of them."""
        table = samples.flows(X)
        return self.fit(table, y).predict(table, default=default)

    def recognize(self, X: Samples, y: object = None, default: object = "common") -> Texts:
        """Return the label of the most similar known fingerprint of each sample.

        Takes what `predict` takes. The label is that of most flows, a tie to the lowest, and None
        without labels; a default that is a fingerprint stands for its label.
        """
        nearest, _ = self._nearest(X)
        fallback = self._default(default)
        if isinstance(fallback, Fingerprint):
            fallback = self.fingerprints.get(fallback)
        return picked(list(self.fingerprints.values()), nearest, fallback)

    def detect(self, X: Samples, y: object = None, threshold: float | None = None) -> Ints:
        """Tell which samples are of known apps.

        Parameters
        ----------
        X : DataFrame, array-like of Flow or of Fingerprint, of shape (n_samples,)
            Flows, which are fingerprinted first, or fingerprints.
        y
            Ignored.
        threshold : float, optional
            Least similarity to a known fingerprint; None is that of the estimator, 0 lets all pass.

        Returns
        -------
        ndarray of int, shape (n_samples,)
            +1 for known, -1 for unseen.
        """
        least = _checked("threshold", self.threshold if threshold is None else threshold)
        _, similarity = self._nearest(X)
        return np.where(similarity >= least, np.int64(1), np.int64(-1))

    def save(
        self,
        file: str | os.PathLike[str],
        fingerprints: Iterable[Fingerprint] | Mapping[Fingerprint, Label | None] | None = None,
    ) -> None:
        """Write fingerprints to a file that `load` and upstream read, whole or not at all.

        Parameters
        ----------
        file : path
            File.
        fingerprints : iterable of Fingerprint, or mapping to labels, optional
            What to write instead of all that is known; known ones keep their counts and, unless a
            mapping says another, labels. Empty ones stand for no fingerprint and are left out.

        Raises
        ------
        OutputError
            The file cannot be written; an old one is as it was.
        """
        state = self._fitted() if fingerprints is None else self._learned()
        apps = state.in_order() if fingerprints is None else state.chosen(fingerprints)
        kind = state.certificate or certificate_kind(e for app in apps for e in app.elements)
        model = Model(
            parameters=self._parameters(),
            threshold=_checked("threshold", self.threshold),
            certificate=kind or "sha256",
            apps=apps,
            seen=state.seen if fingerprints is None else None,
        )
        write(Path(file), model)

    def load(
        self, *files: str | os.PathLike[str], store: bool = True, parameters: bool = False
    ) -> dict[Fingerprint, Label | None]:
        """Read fingerprints from files of `save` or of upstream.

        Parameters
        ----------
        *files : path
            Files; counts of fingerprints in several add up.
        store : bool, default=True
            Add the fingerprints to those known.
        parameters : bool, default=False
            Take over the parameters that the files say.

        Returns
        -------
        dict of Fingerprint to label
            Those of the files.

        Raises
        ------
        ModelError
            A file cannot be read, or contradicts another or what is known.
        """
        models = [(str(file), read(Path(file))) for file in files]
        sources = [("the estimator", self._said(store=store, parameters=parameters))]
        sources += [(file, said(model, parameters=parameters)) for file, model in models]
        facts = agreed(sources)
        if parameters:
            self.set_params(**{key: facts[key] for key in PARAMETERS if key in facts})
        result = Learned()
        for _, model in models:
            result.add(model.apps, model.certificate if has_certificates(model) else None)
        if store and models:
            self.fingerprints_ = self._learned()
            self.fingerprints_.add(result.in_order(), result.certificate)
            seen = [model.seen for _, model in models if model.seen is not None]
            if seen or self.fingerprints_.seen is not None:
                self.fingerprints_.see(seen)
        return {app.fingerprint: app.majority for app in result.in_order()}

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "fingerprints_")

    def _learned(self) -> Learned:
        """Return what was learned, nothing before."""
        return self.fingerprints_ if self.__sklearn_is_fitted__() else Learned()

    def _said(self, *, store: bool, parameters: bool) -> dict[str, object]:
        """Return what files to load must not contradict."""
        learned, own = self._learned(), dict[str, object]()
        if store and (len(learned.apps) > 0 or not parameters):
            own["scheme"] = self.scheme
        if store and learned.certificate is not None:
            own["certificate"] = learned.certificate
        return own

    def _parameters(self) -> Parameters:
        return Parameters(**{key: _checked(key, getattr(self, key)) for key in _OF_CORE})

    def _origin(self, table: pd.DataFrame) -> int:
        first = _checked("origin", self.origin) == "first" and len(table) > 0
        return int(table["start"].min()) if first else 0

    def _found(self, table: pd.DataFrame) -> Fingerprints:
        return fingerprint(table, self._parameters(), origin=self._origin(table))

    def _learn(self, table: pd.DataFrame, y: Iterable[object] | None, state: Learned) -> None:
        _checked("threshold", self.threshold)
        codes, labels = labelled(y, len(table))
        found = self._found(table)
        _check_certificates(state, found)
        width = self._parameters().batch_micros
        apps = learned(found, codes, labels, origin=self._origin(table), batch=width)
        state.add(apps, certificate_kind(e for app in apps for e in app.elements))
        if state.seen is not None:
            state.see([seen_in(apps, found, devices="device" in table.columns)])
        self.fingerprints_ = state

    def _fitted(self) -> Learned:
        check_is_fitted(self, msg="This %(name)s knows no fingerprints: call fit or load first.")
        return self.fingerprints_

    def _nearest(self, X: Samples) -> tuple[Ints, Floats]:
        """Return the known app nearest to each sample, in order, and the similarity to it."""
        state, given = self._fitted(), samples.either(X)
        if isinstance(given, pd.DataFrame):
            found = self._found(given)
            _check_certificates(state, found)
            vocabulary, sets, of_sample = found.words.vocabulary, found.sets, found.of_flow()
        else:
            vocabulary, sets = samples.numbered(given)
            of_sample = np.arange(len(given))
        nearest, similarity = state.apps.index()[0].best(vocabulary, sets)
        return np.append(nearest, NO_MATCH)[of_sample], np.append(similarity, 0.0)[of_sample]

    def _default(self, default: object) -> object:
        if not isinstance(default, str) or default not in ("common", "largest"):
            return default
        apps = self._fitted().in_order()
        if default == "largest":
            apps = sorted(apps, key=lambda app: -len(app.elements))
        return apps[0].fingerprint if apps else Fingerprint()


def _checked(key: str, value: Any) -> Any:  # noqa: ANN401 - a parameter of any type, even wrong
    rule = _RULES[key]
    try:
        return rule.read(value.item() if isinstance(value, np.generic) else value)
    except RefusedError as error:
        raise ValueError(f"{key} is {value!r}; it must be {rule.allowed}") from error


def _check_certificates(state: Learned, found: Fingerprints) -> None:
    kind, known = certificate_kind(found.words.vocabulary), state.certificate
    if kind is not None and known is not None and kind != known:
        raise ModelError(f"known fingerprints tell certificates apart by {known}, flows by {kind}")

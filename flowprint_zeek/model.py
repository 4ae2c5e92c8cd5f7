"""The FlowPrint estimator: fit, predict, recognise and detect by scikit-learn's conventions."""
# ruff: noqa: N803 - scikit-learn calls the samples X.
# ruff: noqa: ARG002 - scikit-learn's methods take y even where they ignore it.

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator  # type: ignore[import-untyped] # it has no type hints
from sklearn.utils.validation import check_is_fitted  # type: ignore[import-untyped] # the same

from flowprint_zeek.core import samples
from flowprint_zeek.core.arrays import picked
from flowprint_zeek.core.elements import certificate_kind
from flowprint_zeek.core.fingerprint import Fingerprint
from flowprint_zeek.core.matching import NO_MATCH
from flowprint_zeek.errors import ModelError
from flowprint_zeek.generator import FingerprintGenerator, checked
from flowprint_zeek.known import Learned, labelled, learned, seen_in
from flowprint_zeek.store import PARAMETERS, Model, agreed, has_certificates, read, said, write

if TYPE_CHECKING:
    import os
    from collections.abc import Iterable

    import networkx as nx

    from flowprint_zeek.core.arrays import Floats, Ints, Texts
    from flowprint_zeek.core.fingerprint import Fingerprints
    from flowprint_zeek.core.samples import Flows, Samples
    from flowprint_zeek.known import KnownApp, Label


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
    clique_budget : int, default=500_000
        Nodes to look at in the clique searches of one device and batch; about 0.3 µs each.

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
        clique_budget: int = 500_000,
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
    def fingerprinter(self) -> FingerprintGenerator:
        """A generator of fingerprints with the present parameters."""
        names = FingerprintGenerator().get_params(deep=False)
        return FingerprintGenerator(**{name: getattr(self, name) for name in names})

    @property
    def fingerprints(self) -> dict[Fingerprint, Label | None]:
        """Known fingerprints with the majority label of their flows, most flows first."""
        return {app.fingerprint: app.majority for app in self._fitted().in_order()}

    def fingerprint(self, X: Flows, y: object = None) -> Texts:
        """Return what `FingerprintGenerator.fit_predict` does: the fingerprint of each flow."""
        return self.fingerprinter.fit_predict(X)

    def correlation_graph(self, X: Flows) -> nx.Graph[int]:
        """Return the graph of `FingerprintGenerator.correlation_graph`."""
        return self.fingerprinter.correlation_graph(X)

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
        apps, nearest, _ = self._nearest(X)
        return picked([app.fingerprint for app in apps], nearest, self._default(default))

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
        apps, nearest, _ = self._nearest(X)
        fallback = self._default(default)
        if isinstance(fallback, Fingerprint):
            fallback = self.fingerprints.get(fallback)
        return picked([app.majority for app in apps], nearest, fallback)

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
        least = checked("threshold", self.threshold if threshold is None else threshold)
        _, _, similarity = self._nearest(X)
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
        TypeError
            `fingerprints` holds something else, or a label is neither text nor a whole number.
        """
        state = self._fitted() if fingerprints is None else self._learned()
        if isinstance(fingerprints, Mapping):
            codes, labels = labelled(list(fingerprints.values()), len(fingerprints))
            fingerprints = dict(zip(fingerprints, picked(labels, codes, None), strict=True))
        apps = state.in_order() if fingerprints is None else state.chosen(fingerprints)
        kind = state.certificate or certificate_kind(e for app in apps for e in app.elements)
        model = Model(
            parameters=self.fingerprinter.parameters(),
            threshold=checked("threshold", self.threshold),
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
            for key in PARAMETERS.keys() & facts.keys():
                setattr(self, key, facts[key])
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

    def _learn(self, table: pd.DataFrame, y: Iterable[object] | None, state: Learned) -> None:
        checked("threshold", self.threshold)
        codes, labels = labelled(y, len(table))
        made = self.fingerprinter
        found, width = made.found_in(table), made.parameters().batch_micros
        _check_certificates(state, found)
        apps = learned(found, codes, labels, origin=made.origin_of(table), batch=width)
        state.add(apps, certificate_kind(e for app in apps for e in app.elements))
        if state.seen is not None:
            state.see([seen_in(apps, found, devices="device" in table.columns)])
        self.fingerprints_ = state

    def _fitted(self) -> Learned:
        check_is_fitted(self, msg="This %(name)s knows no fingerprints: call fit or load first.")
        return self.fingerprints_

    def _nearest(self, X: Samples) -> tuple[list[KnownApp], Ints, Floats]:
        """Return known apps, which of them is nearest to each sample, and the similarity to it."""
        state, given = self._fitted(), samples.either(X)
        if isinstance(given, pd.DataFrame):
            found = self.fingerprinter.found_in(given)
            _check_certificates(state, found)
            vocabulary, sets, of_sample = found.words.vocabulary, found.sets, found.of_flow()
        else:
            vocabulary, sets = samples.numbered(given)
            of_sample = np.arange(len(given))
        apps, nearest, similarity = state.apps.nearest(vocabulary, sets)
        return (
            apps,
            np.append(nearest, NO_MATCH)[of_sample],
            np.append(similarity, 0.0)[of_sample],
        )

    def _default(self, default: object) -> object:
        if not isinstance(default, str) or default not in ("common", "largest"):
            return default
        apps = self._fitted().in_order()
        if default == "largest":
            apps = sorted(apps, key=lambda app: -len(app.elements))
        return apps[0].fingerprint if apps else Fingerprint()


def _check_certificates(state: Learned, found: Fingerprints) -> None:
    kind, known = certificate_kind(found.words.vocabulary), state.certificate
    if kind is not None and known is not None and kind != known:
        raise ModelError(f"known fingerprints tell certificates apart by {known}, flows by {kind}")

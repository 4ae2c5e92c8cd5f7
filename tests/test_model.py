"""The FlowPrint estimator."""

from __future__ import annotations

import pickle
import subprocess
import sys
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone  # type: ignore[import-untyped] # it has no type hints
from sklearn.exceptions import NotFittedError  # type: ignore[import-untyped] # the same

import flowprint_zeek
from flowprint_zeek import Fingerprint, Flow, FlowPrint
from flowprint_zeek.core.flows import flow_table
from tests.core.test_fingerprint import quiet

if TYPE_CHECKING:
    from collections.abc import Callable


def app(host: int, at: float = 0.0, n: int = 2, **more: Any) -> list[Flow]:
    """Flows of an app: `n` destinations of its own, active together in two windows."""
    return [Flow(f"10.0.{host}.{k}", 443, (at, at + 40.0), **more) for k in range(1, n + 1)]


def certified(*certificates: str) -> list[Flow]:
    """Flows of one app: a destination for each certificate."""
    return [Flow(f"10.0.0.{n}", 443, (0.0,), one) for n, one in enumerate(certificates)]


MAIL, CHAT, GAME = app(1), app(2, 100.0, 3), app(3, 200.0)
FLOWS = [*MAIL, *CHAT, *GAME]
LABELS = ["mail"] * 2 + ["chat"] * 3 + ["game"] * 2
PARAMETERS: dict[str, Any] = {"correlation": 0.5}


def of(*flows: Flow) -> Fingerprint:
    """Return the fingerprint whose elements are the endpoints of flows."""
    return Fingerprint.of(f"{flow.dst}:{flow.dport}" for flow in flows)


def fitted(**parameters: Any) -> FlowPrint:
    """Return an estimator that knows mail, chat and game."""
    return FlowPrint(**(PARAMETERS | parameters)).fit(FLOWS, LABELS)


class TestConventions:
    def test_parameters_are_stored_as_given(self) -> None:
        """The constructor changes and checks nothing, and get_params gives all back."""
        given = {
            "batch": "x",
            "window": -1,
            "correlation": None,
            "similarity": 7,
            "threshold": [],
            "scheme": 1,
            "origin": 2,
            "activity": 3,
            "clique_budget": 4,
        }
        wrong: Any = given
        assert FlowPrint(**wrong).get_params() == given

    def test_defaults(self) -> None:
        """The defaults are those of the paper's Table III."""
        assert FlowPrint().get_params() == {
            "batch": 300,
            "window": 30,
            "correlation": 0.1,
            "similarity": 0.9,
            "threshold": 0.1,
            "scheme": "paper",
            "origin": "first",
            "activity": "ends",
            "clique_budget": 200_000,
        }

    def test_clone_knows_nothing(self) -> None:
        """A clone has the parameters and none of what was learned."""
        copy = clone(fitted(threshold=0.0))
        assert copy.get_params() == fitted(threshold=0.0).get_params()
        with pytest.raises(NotFittedError):
            copy.predict(FLOWS)

    def test_set_params(self) -> None:
        """Parameters set later count from then on."""
        model = FlowPrint().set_params(correlation=1.0, threshold=0.5)
        assert model.get_params()["correlation"] == 1.0
        with pytest.raises(ValueError, match="Invalid parameter 'windows'"):
            model.set_params(windows=3)

    @pytest.mark.parametrize(
        "ask",
        [
            lambda model: model.predict(FLOWS),
            lambda model: model.recognize(FLOWS),
            lambda model: model.detect(FLOWS),
            lambda model: model.fingerprints,
            lambda model: model.save("never.json"),
        ],
        ids=["predict", "recognize", "detect", "fingerprints", "save"],
    )
    def test_not_fitted(self, ask: Callable[[FlowPrint], object]) -> None:
        """Asking before fit or load is scikit-learn's error."""
        with pytest.raises(NotFittedError, match="FlowPrint knows no fingerprints"):
            ask(FlowPrint())

    def test_fit_returns_itself(self) -> None:
        """Fit and update return the estimator."""
        model = FlowPrint()
        assert model.fit(FLOWS) is model
        assert model.update(FLOWS) is model

    def test_pickle_before_fit(self) -> None:
        """An estimator that knows nothing survives pickling."""
        model = pickle.loads(pickle.dumps(FlowPrint(window=10)))  # noqa: S301 - our own bytes
        assert model.get_params() == FlowPrint(window=10).get_params()

    def test_pickle_after_fit(self) -> None:
        """A fitted estimator answers the same after pickling."""
        model = fitted()
        again = pickle.loads(pickle.dumps(model))  # noqa: S301 - our own bytes
        assert again.fingerprints == model.fingerprints
        assert again.recognize(FLOWS).tolist() == model.recognize(FLOWS).tolist()

    def test_inputs_stay_as_they_are(self) -> None:
        """Neither the table nor the labels are changed."""
        table, labels = flow_table(FLOWS).assign(device="a"), np.array(LABELS, dtype=object)
        before, labels_before = deepcopy(table), labels.copy()
        FlowPrint().fit(table, labels).recognize(table)
        pd.testing.assert_frame_equal(before, table)
        assert labels.tolist() == labels_before.tolist()

    def test_fit_forgets(self) -> None:
        """A second fit knows nothing of the first."""
        assert set(fitted().fit(MAIL).fingerprints) == {of(*MAIL)}

    def test_a_fit_that_fails_forgets_nothing(self) -> None:
        """After an error the estimator knows what it knew."""
        model = fitted()
        with pytest.raises(ValueError, match="one label for each flow"):
            model.fit(MAIL, ["one"])
        assert len(model.fingerprints) == 3

    def test_fit_predict_is_fit_then_predict(self) -> None:
        """fit_predict gives what predict gives after fit."""
        model = FlowPrint(**PARAMETERS)
        both = model.fit_predict(FLOWS, LABELS)
        assert both.tolist() == fitted().predict(FLOWS).tolist()
        assert model.fingerprints == fitted().fingerprints


class TestPackage:
    def test_exports(self) -> None:
        """The package offers the estimator and its values by name."""
        assert set(flowprint_zeek.__all__) <= set(dir(flowprint_zeek))
        with pytest.raises(AttributeError, match="no attribute 'Flows'"):
            flowprint_zeek.__getattr__("Flows")

    def test_importing_the_package_is_cheap(self) -> None:
        """Importing the package alone loads none of its heavy dependencies."""
        code = (
            "import sys, flowprint_zeek; "
            "print(sorted({'numpy', 'pandas', 'sklearn', 'networkx'} & set(sys.modules)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == "[]"


WRONG_PARAMETERS = [
    ("batch", 0, "over 0"),
    ("batch", "5m", "a number"),
    ("batch", float("nan"), "a number"),
    ("window", -30, "over 0"),
    ("window", True, "a number"),
    ("correlation", 1.5, "up to 1"),
    ("correlation", None, "a number"),
    ("similarity", float("inf"), "up to 1"),
    ("threshold", -0.1, "from 0 to 1"),
    ("scheme", "both", "names, paper"),
    ("origin", 0, "first, epoch"),
    ("activity", "packets", "ends, interval"),
    ("clique_budget", 0.5, "a whole number"),
]


class TestInput:
    @pytest.mark.parametrize(("key", "value", "allowed"), WRONG_PARAMETERS)
    def test_wrong_parameters(self, key: str, value: object, allowed: str) -> None:
        """Fit names the parameter, its value and what is allowed."""
        with pytest.raises(ValueError, match=f"^{key} is {value!r}; it must be .*{allowed}"):
            FlowPrint().set_params(**{key: value}).fit(FLOWS)

    def test_numpy_parameters(self) -> None:
        """NumPy's numbers, as a grid search gives them, are numbers."""
        model = FlowPrint(**PARAMETERS).set_params(batch=np.int64(300), window=np.float32(30))
        assert model.fit(FLOWS, LABELS).fingerprints == fitted().fingerprints

    @pytest.mark.parametrize("empty", [[], (), np.array([]), flow_table([])], ids=str)
    def test_empty(self, empty: Any) -> None:
        """Nothing fits to no fingerprints, and nothing is found for nothing."""
        model = FlowPrint().fit(empty)
        assert model.fingerprints == {}
        assert model.predict(empty).shape == (0,)
        assert model.detect(empty).shape == (0,)
        assert model.fingerprint(empty).shape == (0,)

    def test_asking_one_that_knows_nothing(self) -> None:
        """Without known fingerprints every flow is unseen and its match is empty."""
        model = FlowPrint().fit([])
        assert model.predict(MAIL).tolist() == [Fingerprint(), Fingerprint()]
        assert model.recognize(MAIL).tolist() == [None, None]
        assert model.detect(MAIL).tolist() == [-1, -1]

    @pytest.mark.parametrize(
        ("samples", "message"),
        [
            (["10.0.0.1"], r"X\[0\] is '10.0.0.1'"),
            ([MAIL[0], of(*MAIL)], r"X\[1\] is"),
            ([of(*MAIL), MAIL[0]], r"X\[1\] is"),
            ("flows", "not one str"),
            (of(*MAIL), "not one Fingerprint"),
            (MAIL[0], "not one Flow"),
            (np.array([MAIL]), "not one ndarray"),
            (7, "not iterable"),
        ],
    )
    def test_wrong_samples(self, samples: Any, message: str) -> None:
        """What is neither flows nor fingerprints is named."""
        with pytest.raises(TypeError, match=message):
            fitted().predict(samples)

    def test_fit_takes_no_fingerprints(self) -> None:
        """Fingerprints are made of flows, not of fingerprints."""
        wrong: Any = [of(*MAIL)]
        with pytest.raises(TypeError, match="not of Fingerprint"):
            FlowPrint().fit(wrong)

    @pytest.mark.parametrize("times", [(), (1.0, float("nan")), (float("inf"),)])
    def test_flows_without_times(self, times: tuple[float, ...]) -> None:
        """A flow needs finite packet times, and the error says which has none."""
        with pytest.raises(ValueError, match="flow 1 has the packet times"):
            FlowPrint().fit([MAIL[0], Flow("10.0.0.1", 443, times)])

    @pytest.mark.parametrize(
        ("column", "value", "error", "message"),
        [
            ("start", [0.5, 1.5], TypeError, "column start must hold whole numbers, microseconds"),
            ("resp_p", ["443", "443"], TypeError, "column resp_p must hold whole numbers"),
            ("resp_p", [443, 65_536], ValueError, "row 1 has resp_p 65536; it must be from 0"),
            ("end", [-1, 9], ValueError, "row 0 has end -1; it must be start or later"),
            ("name", [None, ""], TypeError, "column name must hold text"),
            ("certificate", [7, 8], TypeError, "column certificate must hold text, .* not integer"),
            ("device", [float("nan"), "a"], TypeError, "column device must hold text"),
        ],
    )
    def test_wrong_columns(
        self, column: str, value: Any, error: type[Exception], message: str
    ) -> None:
        """A column of another type or range is named with what it must hold."""
        table = pd.DataFrame([quiet("10.0.0.1", 0, 1), quiet("10.0.0.2", 0, 1)])
        with pytest.raises(error, match=message):
            FlowPrint().fit(table.assign(**{column: value}))

    def test_missing_columns(self) -> None:
        """A table without a column of a flow table is an error that names it."""
        with pytest.raises(ValueError, match=r"\['start', 'name'\] missing"):
            FlowPrint().fit(flow_table(MAIL).drop(columns=["start", "name"]))

    @pytest.mark.parametrize(
        ("labels", "error", "message"),
        [
            (["mail"], ValueError, "X has 2 flows, y is 1"),
            ("mail", ValueError, r"X has 2 flows, y is of shape \(\)"),
            ([["a"], ["b"]], ValueError, r"y is of shape \(2, 1\)"),
            ([0.5, 1.5], TypeError, "text or a whole number, not 0.5"),
            ([True, False], TypeError, "not True"),
        ],
    )
    def test_wrong_labels(self, labels: Any, error: type[Exception], message: str) -> None:
        """Labels are one text or whole number for each flow."""
        with pytest.raises(error, match=message):
            FlowPrint().fit(MAIL, labels)

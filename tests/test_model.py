"""The FlowPrint estimator."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

import flowprint_zeek
from flowprint_zeek import Fingerprint, Flow, FlowPrint
from flowprint_zeek.core.flows import flow_table
from tests.core.test_fingerprint import quiet


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
    return Fingerprint(f"{flow.dst}:{flow.dport}" for flow in flows)


def fitted(**parameters: Any) -> FlowPrint:
    """Return an estimator that knows mail, chat and game."""
    return FlowPrint(**(PARAMETERS | parameters)).fit(FLOWS, LABELS)


class TestFitPredict:
    def test_fit_predict_is_fit_then_predict(self) -> None:
        """fit_predict gives what predict gives after fit."""
        model = FlowPrint(**PARAMETERS)
        both = model.fit_predict(FLOWS, LABELS)
        assert both.tolist() == fitted().predict(FLOWS).tolist()
        assert model.fingerprints == fitted().fingerprints


class TestPackage:
    def test_exports(self) -> None:
        """The package offers the estimators and their values by name."""
        assert set(flowprint_zeek.__all__) <= set(dir(flowprint_zeek))
        for name in ("Fingerprint", "FingerprintGenerator", "Flow", "FlowPrint"):
            assert getattr(flowprint_zeek, name).__name__ == name
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


class TestInput:
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
            ("windows", [None, ""], TypeError, "column windows must hold text"),
            ("windows", ["30:0", "30:1"], ValueError, "'30:1' holds no windows that rise from 0"),
            (
                "resp_h",
                ["a", "b\n"],
                ValueError,
                r"resp_h holds 'b\\n'; it must be printable ASCII",
            ),
            (
                "certificate",
                ["\u00e9", ""],
                ValueError,
                "column certificate holds '\u00e9'; it must",
            ),
            ("name", ["", "WWW.Aa."], ValueError, "name holds 'WWW.Aa.'; 'www.aa' is meant"),
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

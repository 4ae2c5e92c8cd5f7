"""The public methods are those that upstream documents, and return what it documents."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import Any

import numpy as np
import pandas as pd
import pytest

from flowprint_zeek import Fingerprint, FingerprintGenerator, FlowPrint
from flowprint_zeek.core.flows import flow_table
from tests.core import upstream
from tests.test_model import FLOWS, LABELS, MAIL, fitted, of

NEEDED = Parameter.empty
FOUR: dict[str, Any] = {"batch": 300, "window": 30, "correlation": 0.1, "similarity": 0.9}
X: dict[str, Any] = {"X": NEEDED}
Y: dict[str, Any] = {"y": None}
DEFAULT: dict[str, Any] = {"default": "common"}

DOCUMENTED: list[tuple[type, type, str, dict[str, Any]]] = [
    (FlowPrint, upstream.FlowPrint, "__init__", FOUR | {"threshold": 0.1}),
    (FlowPrint, upstream.FlowPrint, "fit", X | Y),
    (FlowPrint, upstream.FlowPrint, "update", X | Y),
    (FlowPrint, upstream.FlowPrint, "fingerprint", X | Y),
    (FlowPrint, upstream.FlowPrint, "predict", X | Y | DEFAULT),
    (FlowPrint, upstream.FlowPrint, "fit_predict", X | Y | DEFAULT),
    (FlowPrint, upstream.FlowPrint, "recognize", X | Y | DEFAULT),
    (FlowPrint, upstream.FlowPrint, "detect", X | Y | {"threshold": None}),
    (FlowPrint, upstream.FlowPrint, "save", {"file": NEEDED, "fingerprints": None}),
    (FlowPrint, upstream.FlowPrint, "load", {"files": NEEDED, "store": True, "parameters": False}),
    (FingerprintGenerator, type(upstream.FlowPrint().fingerprinter), "__init__", FOUR),
    (FingerprintGenerator, type(upstream.FlowPrint().fingerprinter), "fit_predict", X | Y),
    (Fingerprint, upstream.Fingerprint, "merge", {"other": NEEDED}),
    (Fingerprint, upstream.Fingerprint, "compare", {"other": NEEDED}),
    (Fingerprint, upstream.Fingerprint, "to_dict", {}),
    (Fingerprint, upstream.Fingerprint, "from_dict", {"dictionary": NEEDED}),
]
"""Ours and upstream's class, method, and its parameters in order with their defaults."""


def parameters(kind: type, method: str) -> list[tuple[str, object, object]]:
    """Return name, default and kind of the parameters of a method."""
    found = [
        (p.name, p.default, p.kind) for p in signature(getattr(kind, method)).parameters.values()
    ]
    return [one for one in found if one[0] != "self"]


@pytest.mark.parametrize(
    ("ours", "theirs", "method", "documented"),
    DOCUMENTED,
    ids=[f"{ours.__name__}.{method}" for ours, _, method, _ in DOCUMENTED],
)
def test_signature(ours: type, theirs: type, method: str, documented: dict[str, object]) -> None:
    """Names, order, defaults and kinds are upstream's; what we add has defaults and names only."""
    own, of_upstream = parameters(ours, method), parameters(theirs, method)
    assert own[: len(of_upstream)] == of_upstream
    assert [(name, default) for name, default, _ in of_upstream] == list(documented.items())
    for _, default, kind in own[len(of_upstream) :]:
        assert kind is Parameter.KEYWORD_ONLY
        assert default is not NEEDED


def test_attributes() -> None:
    """The attributes that upstream documents are there, and of its types."""
    model = fitted()
    assert {"batch", "window", "correlation", "similarity", "threshold"} <= vars(model).keys()
    assert isinstance(model.fingerprinter, FingerprintGenerator)
    assert type(model.fingerprints) is dict
    assert {type(one) for one in model.fingerprints} == {Fingerprint}


ROWS = flow_table(FLOWS)
PRINTS = FlowPrint(correlation=0.5).fingerprint(FLOWS)
OF_FLOWS: dict[str, Any] = {
    "list of Flow": FLOWS,
    "tuple of Flow": tuple(FLOWS),
    "array of Flow": np.array(FLOWS),
    "series of Flow": pd.Series(FLOWS, index=range(7, 14)),
    "flow table": ROWS,
    "flow table with an index": ROWS.set_index(pd.Index([0] * len(ROWS))),
    "flow table with a device": ROWS.assign(device="10.9.9.9"),
    "one Flow": FLOWS[:1],
    "empty list": [],
    "empty array": np.array([]),
    "empty flow table": flow_table([]),
    "cut flow table": ROWS[:0].drop(columns="times"),
}
OF_PRINTS: dict[str, Any] = {
    "list of Fingerprint": list(PRINTS),
    "array of Fingerprint": np.array(list(PRINTS)),
    "what fingerprint returns": PRINTS,
    "series of Fingerprint": pd.Series(PRINTS, index=range(7, 14)),
    "what load returns": dict.fromkeys(PRINTS),
    "one Fingerprint": PRINTS[:1],
    "empty Fingerprint": [Fingerprint()],
}


@pytest.mark.parametrize(
    "given", [*OF_FLOWS.values(), *OF_PRINTS.values()], ids=[*OF_FLOWS, *OF_PRINTS]
)
class TestAnswers:
    def test_predict(self, given: Any) -> None:
        """Predict returns an array of one Fingerprint a sample."""
        found = fitted().predict(given)
        assert (found.shape, found.dtype) == ((len(given),), np.dtype(object))
        assert {type(one) for one in found} <= {Fingerprint}

    def test_recognize(self, given: Any) -> None:
        """Recognize returns an array of one label a sample."""
        found = fitted().recognize(given)
        assert (found.shape, found.dtype) == ((len(given),), np.dtype(object))
        assert set(found) <= set(LABELS)

    def test_detect(self, given: Any) -> None:
        """Detect returns an array of +1 or -1 a sample."""
        found = fitted().detect(given)
        assert (found.shape, found.dtype) == ((len(given),), np.dtype(np.int64))
        assert set(found.tolist()) <= {1, -1}


@pytest.mark.parametrize("given", OF_FLOWS.values(), ids=OF_FLOWS)
class TestLearning:
    def test_fit_predict(self, given: Any) -> None:
        """fit_predict returns an array of one Fingerprint a flow."""
        found = FlowPrint().fit_predict(given, [0] * len(given))
        assert (found.shape, found.dtype) == ((len(given),), np.dtype(object))
        assert {type(one) for one in found} <= {Fingerprint}

    def test_fingerprint(self, given: Any) -> None:
        """Fingerprint and the generator return the same array of one Fingerprint a flow."""
        found = FlowPrint().fingerprint(given)
        assert (found.shape, found.dtype) == ((len(given),), np.dtype(object))
        assert {type(one) for one in found} <= {Fingerprint}
        assert found.tolist() == FingerprintGenerator().fit_predict(given).tolist()


@pytest.mark.parametrize("method", ["predict", "recognize", "detect"])
def test_flows_are_answered_as_their_fingerprints(method: str) -> None:
    """Flows, a table of them and their fingerprints get the same answers in the same order."""
    mixed = [FLOWS[at] for at in (4, 0, 6, 2, 1, 5, 3)]
    ask = getattr(fitted(), method)
    expected = ask(fitted().fingerprint(mixed)).tolist()
    assert len(set(expected)) == (1 if method == "detect" else 3)
    assert ask(mixed).tolist() == expected
    assert ask(flow_table(mixed)).tolist() == expected


def test_a_default_may_be_anything() -> None:
    """A default that is a list, an array or NaN is returned as it is."""
    strange = [Fingerprint(["10.9.9.9:1"])] * 2
    for default in [[1, 2], ("a",), np.array([1, 2]), {}, float("nan"), Fingerprint]:
        for method in (fitted().predict, fitted().recognize):
            found = method(strange, default=default)
            assert found.shape == (2,)
            assert all(one is default for one in found)


def test_threshold_is_of_the_estimator_unless_given() -> None:
    """Detect takes its own threshold where it is given, as a number of any kind."""
    half = [Fingerprint([*of(*MAIL), "10.9.9.9:1", "10.9.9.9:2"])]
    assert fitted(threshold=0.6).detect(half).tolist() == [-1]
    assert fitted(threshold=0.6).detect(half, None, np.float64(0.5)).tolist() == [1]

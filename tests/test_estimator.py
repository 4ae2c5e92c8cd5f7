"""scikit-learn's conventions as named checks that run over every estimator of the package."""

from __future__ import annotations

import hashlib
import os
import pickle
import subprocess
import sys
import tempfile
from copy import deepcopy
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone  # type: ignore[import-untyped] # it has no type hints
from sklearn.exceptions import NotFittedError  # type: ignore[import-untyped] # the same
from sklearn.utils import estimator_checks  # type: ignore[import-untyped] # the same

from flowprint_zeek import Fingerprint, FingerprintGenerator, Flow, FlowPrint
from flowprint_zeek.core.flows import flow_table
from tests.test_model import FLOWS, GAME, LABELS, MAIL, app, fitted, of

if TYPE_CHECKING:
    from collections.abc import Callable

    Kind = type[FlowPrint] | type[FingerprintGenerator]
    Check = Callable[[Any], None]

ROOT = Path(__file__).resolve().parents[1]
ESTIMATORS = (FlowPrint, FingerprintGenerator)
CHECKS: list[tuple[Check, Kind]] = []


def convention(*kinds: Kind) -> Callable[[Check], Check]:
    """Register a check to be run over estimators."""

    def register(check: Check) -> Check:
        CHECKS.extend((check, kind) for kind in kinds)
        return check

    return register


def learn(estimator: Any, samples: Any = FLOWS, labels: Any = LABELS) -> Any:
    """Let an estimator learn flows, as far as it learns, and return it."""
    if isinstance(estimator, FlowPrint):
        return estimator.fit(samples, labels)
    estimator.fit_predict(samples, labels)
    return estimator


def answers(estimator: Any, samples: Any = FLOWS) -> list[list[object]]:
    """Return all that an estimator that learned says of flows, a list for each flow."""
    if not isinstance(estimator, FlowPrint):
        return [[one, one.n_flows] for one in estimator.fit_predict(samples)]
    said = [estimator.predict(samples), estimator.recognize(samples), estimator.detect(samples)]
    prints = estimator.fingerprint(samples)
    sizes = [(one.n_flows, best.n_flows) for one, best in zip(prints, said[0], strict=True)]
    return [list(row) for row in zip(prints, sizes, *(one.tolist() for one in said), strict=True)]


def answers_of(estimator: Any, flows: list[Flow]) -> list[list[Any]]:
    """Return all that an estimator says of the flows that it learned."""
    return answers(learn(estimator, flows, [0] * len(flows)), flows)


def busy() -> tuple[pd.DataFrame, list[str]]:
    """Return flows of two devices over several batches, and their labels."""
    flows, devices, labels = [], [], []
    chance = np.random.default_rng(7)
    for n in range(240):
        host, at = int(chance.integers(30)), float(chance.integers(1200))
        certificate = [None, "aa", "bb"][host % 3]
        name = f"h{host % 7}.example" if host % 5 else ""
        flows.append(Flow(f"10.0.{host % 4}.{host}", 443, (at, at + 31.5), certificate, name))
        devices.append(f"10.9.0.{n % 2}")
        labels.append(f"app{host % 4}")
    return flow_table(flows).assign(device=devices), labels


def digest(kind: Kind, *, shuffled: bool = False) -> str:
    """Return a digest of what a fresh estimator saves, or answers where it saves nothing."""
    table, labels = busy()
    order = np.random.default_rng(3).permutation(len(table)) if shuffled else np.arange(len(table))
    learned = learn(kind(correlation=0.3), table.iloc[order], [labels[at] for at in order])
    said = pd.Series(answers(learned, table.iloc[order]), index=order).sort_index()
    written = repr(said.tolist()).encode()
    if isinstance(learned, FlowPrint):
        with tempfile.TemporaryDirectory() as folder:
            learned.save(Path(folder) / "m.json")
            written += (Path(folder) / "m.json").read_bytes()
    return hashlib.sha256(written).hexdigest()


@convention(*ESTIMATORS)
def check_parameters_untouched_in_init(kind: Kind) -> None:
    """Check that the constructor stores what it is given, however odd, and nothing else."""
    names = list(kind().get_params())
    odd: list[Any] = [object(), [], {}, "x", None, float("nan"), np.float64(3), -1, True]
    given = {name: odd[at % len(odd)] for at, name in enumerate(names)}
    made: Any = kind(**given)
    assert all(getattr(made, name) is value for name, value in given.items())
    assert vars(made).keys() == given.keys()


@convention(*ESTIMATORS)
def check_get_params_set_params(kind: Kind) -> None:
    """Check that set_params takes what get_params gives, returns itself and refuses others."""
    given = kind(batch=120, window=7.5, correlation=0, similarity=1, scheme="names").get_params()
    other: Any = kind()
    assert other.set_params(**given) is other
    assert other.get_params() == given
    assert other.set_params(window=3).get_params() == given | {"window": 3}
    with pytest.raises(ValueError, match="Invalid parameter 'windows'"):
        other.set_params(windows=3)
    assert other.get_params() == given | {"window": 3}


@convention(*ESTIMATORS)
def check_clone(kind: Kind) -> None:
    """Check that a clone has the parameters, knows nothing and shares nothing."""
    original = learn(kind(batch=120, clique_budget=9))
    before = answers(original)
    copy = clone(original)
    assert copy.get_params() == original.get_params()
    assert vars(copy).keys() == vars(kind()).keys()
    learn(copy.set_params(batch=60), MAIL, ["x", "x"])
    assert answers(original) == before


WRONG: list[tuple[str, object, str]] = [
    ("batch", 0, "over 0"),
    ("batch", "5m", "a number"),
    ("batch", float("nan"), "a number"),
    ("batch", 10**400, "up to 36500 days"),
    ("window", -30, "over 0"),
    ("window", True, "a number"),
    ("window", 1e-9, "over 0"),
    ("correlation", 1.5, "up to 1"),
    ("correlation", None, "a number"),
    ("similarity", float("inf"), "up to 1"),
    ("similarity", float("-inf"), "up to 1"),
    ("threshold", -0.1, "from 0 to 1"),
    ("threshold", [0.5], "from 0 to 1"),
    ("scheme", "both", "names, paper"),
    ("origin", 0, "first, epoch"),
    ("activity", "packets", "ends, interval"),
    ("clique_budget", 0.5, "a whole number"),
    ("clique_budget", 0, "a whole number from 1"),
]


@convention(*ESTIMATORS)
def check_no_parameter_validation_in_init(kind: Kind) -> None:
    """Check that wrong values are refused when learning, with parameter, value and rule."""
    own = [row for row in WRONG if row[0] in kind().get_params()]
    assert {key for key, _, _ in own} == kind().get_params().keys()
    for key, value, allowed in own:
        wrong: Any = {key: value}
        for made in (kind(**wrong), kind().set_params(**wrong), clone(kind(**wrong))):
            with pytest.raises(ValueError, match=rf"^{key} is .*; it must be .*{allowed}") as told:
                learn(made)
            assert repr(value)[:9] in str(told.value)
            assert vars(made).keys() == vars(kind()).keys()


@convention(*ESTIMATORS)
def check_numpy_parameters(kind: Kind) -> None:
    """Check that NumPy's numbers, as a grid search gives them, are numbers."""
    given: Any = {"batch": np.int64(300), "correlation": np.float32(0.5)}
    assert answers(learn(kind(**given, scheme=np.str_("paper")))) == answers(
        learn(kind(correlation=0.5))
    )


@convention(*ESTIMATORS)
def check_inputs_not_mutated(kind: Kind) -> None:
    """Check that tables with index and columns, arrays, labels and fingerprints stay."""
    table = flow_table(FLOWS).assign(device="a", more=range(len(FLOWS)))
    table = table.iloc[::-1, ::-1].set_index(pd.Index(["x"] * len(FLOWS), name="y"))
    samples: list[Any] = [table, np.array(FLOWS), list(FLOWS), pd.Series(FLOWS, index=range(7, 14))]
    for given in samples:
        labels: Any = np.array(LABELS, dtype=object)
        before, labels_before = deepcopy(given), labels.copy()
        answers(learn(kind(), given, labels), given)
        if isinstance(given, pd.DataFrame):
            pd.testing.assert_frame_equal(before, given)
        else:
            assert list(before) == list(given)
        assert labels.tolist() == labels_before.tolist()
    prints = np.array([Fingerprint([*of(*MAIL), "cert:7"], 0), Fingerprint(n_flows=3)])
    held = [(one.elements, one.n_flows) for one in prints]
    fitted().detect(prints)
    fitted().recognize(prints)
    assert [(one.elements, one.n_flows) for one in prints] == held


def pickled(one: Any, protocol: int = pickle.HIGHEST_PROTOCOL) -> Any:
    """Return what comes out of a pickle of something."""
    return pickle.loads(pickle.dumps(one, protocol))  # noqa: S301 - our own bytes


@convention(FlowPrint)
def check_outputs_are_copies(kind: type[FlowPrint]) -> None:
    """Check that changing what an estimator hands out changes nothing in it."""
    model = learn(kind())
    before = answers(model)
    model.fingerprints.clear()
    model.predict(FLOWS)[:] = None
    model.fingerprinter.set_params(batch=1)
    assert answers(model) == before
    assert model.get_params() == kind().get_params()


@convention(*ESTIMATORS)
def check_pickle_before_and_after_fit(kind: Kind) -> None:
    """Check that pickles and deep copies have the parameters and what was learned."""
    new, old = kind(correlation=0.5), learn(kind(correlation=0.5))
    ways: list[Callable[[Any], Any]] = [deepcopy, pickled, partial(pickled, protocol=2)]
    for copied in ways:
        assert copied(new).get_params() == new.get_params()
        assert vars(copied(new)).keys() == vars(new).keys()
        assert answers(copied(old)) == answers(old)
        learn(copied(old), MAIL, ["x", "x"])
        assert answers(old) == answers(learn(kind(correlation=0.5)))


@convention(*ESTIMATORS)
def check_same_input_same_result(kind: Kind) -> None:
    """Check that runs, orders of rows and hash seeds change no answer and no byte saved."""
    code = f"from tests.test_estimator import *; print(digest({kind.__name__}))"
    found = {digest(kind), digest(kind), digest(kind, shuffled=True)}
    for seed in ("0", "1"):
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        found.add(done.stdout.strip())
    assert len(found) == 1


@convention(FlowPrint)
def check_not_fitted_error(kind: type[FlowPrint]) -> None:
    """Check that all that needs something learned says so and what to call."""
    needing: list[Callable[[FlowPrint], object]] = [
        lambda model: model.predict(FLOWS),
        lambda model: model.predict([]),
        lambda model: model.recognize(FLOWS),
        lambda model: model.detect(FLOWS),
        lambda model: model.fingerprints,
        lambda model: model.save("never.json"),
    ]
    for model in (kind(), clone(learn(kind()))):
        for ask in needing:
            with pytest.raises(NotFittedError, match=r"FlowPrint knows no .*: call fit or load"):
                ask(model)
        assert len(model.fingerprint(FLOWS)) == len(FLOWS)


@convention(FlowPrint)
def check_fit_returns_self(kind: type[FlowPrint]) -> None:
    """Check that fit and update return the estimator."""
    model = kind()
    assert model.fit(FLOWS, LABELS) is model
    assert model.update(MAIL) is model


@convention(*ESTIMATORS)
def check_refit_forgets(kind: Kind) -> None:
    """Check that after learning twice nothing of the first time is left."""
    again = learn(learn(kind(batch=60)).set_params(batch=300), MAIL, ["x", "x"])
    fresh = learn(kind(), MAIL, ["x", "x"])
    assert answers(again) == answers(fresh)
    assert vars(again).keys() == vars(fresh).keys()


@convention(FlowPrint)
def check_a_fit_that_fails_forgets_nothing(kind: type[FlowPrint]) -> None:
    """Check that after an error the estimator knows what it knew."""
    model = learn(kind())
    wrong: list[tuple[Any, Any]] = [(MAIL, ["one"]), (MAIL, [0.5, 0.5]), ([1], None), (None, None)]
    for samples, labels in wrong:
        for method in (model.fit, model.update):
            with pytest.raises((TypeError, ValueError)):
                method(samples, labels)
        assert answers(model) == answers(learn(kind()))


@convention(*ESTIMATORS)
def check_repr(kind: Kind) -> None:
    """Check that the text of an estimator is its class and what differs from the defaults."""
    made = kind(batch=60, similarity=0, scheme="names")
    text = f"{kind.__name__}(batch=60, scheme='names', similarity=0)"
    assert repr(made) == text
    assert repr(learn(made)) == text
    assert repr(kind()) == f"{kind.__name__}()"
    assert kind.__name__ in made._repr_html_()


@convention(*ESTIMATORS)
def check_zero_is_a_parameter(kind: Kind) -> None:
    """Check that a correlation of 0 joins all of a batch, a similarity of 0 merges all."""
    apart = [Flow("10.0.0.0", 0, (0.0,)), Flow("10.0.0.1", 1, (60.0,))]
    later = [Flow("10.0.0.2", 0, (300.0,)), Flow("10.0.0.3", 1, (360.0,))]
    none, all_, merged = kind(), kind(correlation=0), kind(correlation=0, similarity=0)
    assert {one[0] for one in answers_of(none, apart)} == {Fingerprint()}
    assert {one[0] for one in answers_of(all_, [*apart, *later])} == {of(*apart), of(*later)}
    assert {one[0] for one in answers_of(merged, [*apart, *later])} == {of(*apart, *later)}


@convention(*ESTIMATORS)
def check_zero_is_a_value(kind: Kind) -> None:
    """Check that port 0 and time 0 are a port and a time."""
    flows = [Flow("10.0.0.0", 0, (0.0,)), Flow("10.0.0.1", 0, (0.0, 1.0))]
    for origin in ("first", "epoch"):
        for row in answers_of(kind(origin=origin), flows):
            assert row[0] == of(*flows)
            assert row[0].destinations == [["10.0.0.0", 0], ["10.0.0.1", 0]]


@convention(FlowPrint)
def check_zero_is_an_answer(kind: type[FlowPrint]) -> None:
    """Check that label 0, default 0, threshold 0 and 0 flows are not taken for missing."""
    model, strange = kind(threshold=0.5).fit(MAIL, [0, 0]), [of(*app(9))]
    assert model.fingerprints == {of(*MAIL): 0}
    assert model.recognize(MAIL, default=None).tolist() == [0, 0]
    assert model.recognize(strange, default=0).tolist() == [0]
    assert model.predict(strange, default=0).tolist() == [0]
    assert model.detect(strange).tolist() == [-1]
    assert model.detect(strange, threshold=0).tolist() == [1]
    assert kind(threshold=0).fit(MAIL).detect(strange).tolist() == [1]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "m.json"
        kind(threshold=0, similarity=0).save(file, {Fingerprint(of(*GAME), 0): 0})
        read = kind()
        assert read.load(file, parameters=True) == {of(*GAME): 0}
        assert [one.n_flows for one in read.fingerprints] == [0]
        assert (read.threshold, read.similarity) == (0, 0)


@pytest.mark.parametrize(
    ("check", "kind"), CHECKS, ids=[f"{check.__name__}-{kind.__name__}" for check, kind in CHECKS]
)
def test_convention(check: Check, kind: Kind) -> None:
    """The estimator keeps the convention that the check is named after."""
    check(kind)


OF_SCIKIT_LEARN = [
    "check_parameters_default_constructible",
    "check_no_attributes_set_in_init",
    "check_get_params_invariance",
    "check_set_params",
    # Those below are younger than the oldest release that is allowed.
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_mixin_order",
    "check_valid_tag_types",
]
"""scikit-learn's own checks that need no numbers for samples."""


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("name", OF_SCIKIT_LEARN)
def test_scikit_learns_own_check(name: str, kind: Kind) -> None:
    """The estimator passes scikit-learn's check."""
    check = getattr(estimator_checks, name, None)
    if check is None:
        pytest.skip(f"this scikit-learn has no {name}")
    check(kind.__name__, kind())

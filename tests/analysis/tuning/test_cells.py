"""What one setting does to labelled captures."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from flowprint_zeek.analysis.captures import labelled_items
from flowprint_zeek.analysis.choices import RECOGNITION, UNSEEN
from flowprint_zeek.analysis.comparison import Result
from flowprint_zeek.analysis.evaluation import Contender, evaluate
from flowprint_zeek.analysis.methods import PlainJaccard
from flowprint_zeek.analysis.rounds import Wanted, planned
from flowprint_zeek.analysis.tuning.cells import (
    ALL,
    ASSIGNED,
    digest,
    folds_apart,
    keys_of,
    plan_of,
)
from tests.analysis.tuning.small import APPS, NARROW, RUNS, START, captures, task

if TYPE_CHECKING:
    from flowprint_zeek.core.fingerprint import Parameters

WHOLE = np.ones(RUNS * len(APPS), dtype=np.bool_)


@pytest.mark.parametrize("kind", [RECOGNITION, UNSEEN])
@pytest.mark.parametrize("setting", [START, NARROW])
def test_figures_of_assigned_flows_are_those_of_evaluate(kind: str, setting: Parameters) -> None:
    """The same folds and rounds give the same figures, whatever else is left out."""
    held = captures()
    items, _ = labelled_items(held, setting, min_flows=1)
    plan = planned(held.label, [""] * len(held.rows), items.size, Wanted(folds=4))
    contender = Contender(PlainJaccard(0.1), items)
    theirs = Result.of(contender, evaluate(contender, plan, lambda: None)).means(kind)["flow"]
    assert task(kind, folds=4)((setting, 0)).figures[ASSIGNED] == theirs


@pytest.mark.parametrize("kind", [RECOGNITION, UNSEEN])
def test_where_all_flows_have_a_fingerprint_nothing_else_counts(kind: str) -> None:
    """Both kinds of figures are the same."""
    found = task(kind)((START, 0))
    assert found.unassigned == 0
    assert found.figures[ALL] == found.figures[ASSIGNED]


def test_flows_without_a_fingerprint_are_not_named() -> None:
    """What is left looks perfect; of all flows only that much is right."""
    found = task()((NARROW, 0))
    assert (found.flows, found.unassigned) == (156, 102)
    assert found.figures[ASSIGNED]["accuracy"] == 1
    assert found.figures[ALL]["accuracy"] == pytest.approx(1 - 102 / 156)


def test_flows_without_a_fingerprint_are_not_found() -> None:
    """Without fingerprints that could train or be found, no unseen app is flagged."""
    found = task(UNSEEN)((NARROW, 0)).figures
    assert found[ALL]["recall"] == 0


def test_a_setting_without_fingerprints_names_nothing() -> None:
    """Its figures of all flows are zero, and those of assigned flows are not defined."""
    found = task()((replace(NARROW, correlation=1.0), 0))
    assert found.fingerprints == 0
    assert found.figures[ALL]["f1_macro"] == 0
    assert found.figures[ASSIGNED]["f1_macro"] is None


def test_recognition_is_measured_with_nothing_held_back() -> None:
    """Also where drawn apps are asked for."""
    held = captures()
    plan = plan_of(held.label, WHOLE, 30_000, RECOGNITION, Wanted(unseen_apps=1))
    (rounds,) = [one.rounds for one in plan.repetitions]
    assert [(one.without.size, one.names, one.detects) for one in rounds] == [(0, True, False)]


def test_a_plan_of_some_captures_takes_no_others() -> None:
    """They neither train nor are tested."""
    some = WHOLE.copy()
    some[:5] = False
    plan = plan_of(captures().label, some, 12, RECOGNITION, Wanted(folds=3))
    folds = plan.repetitions[0].folds
    assert len(folds) == 3
    assert not any((one.train | one.test)[:5].any() for one in folds)
    assert all((one.train ^ one.test)[5:].all() for one in folds)


def test_folds_with_one_setting_each_are_those_of_the_cell() -> None:
    """With the same setting for every fold the pooled figures are the cell's."""
    one = task(folds=4)
    assert folds_apart(one, [START] * 4, one.plans[0]) == one((START, 0)).figures


def test_folds_may_have_settings_of_their_own() -> None:
    """Each fold is tested with its own."""
    one = task(folds=2)
    both = folds_apart(one, [START, NARROW], one.plans[0])
    assert both != one((START, 0)).figures
    assert both != one((NARROW, 0)).figures


def test_a_key_tells_of_everything_that_counts() -> None:
    """Another setting, kind, method, threshold, seed, number of folds or capture has another."""
    one = task()
    others = [
        *(task(UNSEEN), task(method="resemblance"), task(seed=1), task(folds=3)),
        *(replace(one, similarity=0.2), replace(one, captures=replace(one.captures, labels=[]))),
    ]
    keys = [keys_of(other)(START, 0) for other in (one, *others[:-1])]
    keys.append(keys_of(one)(NARROW, 0))
    assert len(set(keys)) == len(keys)
    assert keys_of(task())(START, 0) == keys[0]


def test_captures_with_other_flows_or_labels_have_another_digest() -> None:
    """Where they lie does not matter."""
    held = captures()
    elsewhere = [replace(row, path=f"/other/{row.path}") for row in held.rows]
    renamed = [replace(held.rows[0], label="bank"), *held.rows[1:]]
    fewer = held.flows.iloc[1:].reset_index(drop=True)
    assert digest(replace(held, rows=elsewhere)) == digest(held)
    assert digest(replace(held, rows=renamed)) != digest(held)
    assert digest(replace(held, flows=fewer)) != digest(held)

"""Calibration of thresholds, against values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest

from flowprint_zeek.analysis.calibration import (
    MOST_LEFT_OUT,
    Calibration,
    Goal,
    calibrated,
    halves,
    n_trainings,
)
from flowprint_zeek.analysis.evaluation import Contender, evaluate
from flowprint_zeek.analysis.items import Items
from flowprint_zeek.analysis.methods import PlainJaccard
from flowprint_zeek.analysis.rounds import Wanted, planned
from flowprint_zeek.core.arrays import ints
from tests.analysis.test_evaluation import Script, Ticks

HELD_OUT = {"a0": 0.1, "a1": 0.2, "b0": 0.3, "b1": 0.6}
LEFT_OUT = {"a0": 0.5, "a1": 0.7, "b0": 0.8, "b1": 0.9}
FLOWS = {"a0": 1, "a1": 1, "b0": 1, "b1": 7}


class Both(Script):
    """A method whose scores depend on whether it was trained with the app."""

    def __init__(self) -> None:
        super().__init__({}, HELD_OUT)

    def fit(self, train: Items) -> None:
        """Score what is of an app that it has as held out, all else as left out."""
        super().fit(train)
        known = {train.labels[at] for at in self.trained[-1]}
        self.score = {word: (HELD_OUT if word[0] in known else LEFT_OUT)[word] for word in HELD_OUT}


def two_apps() -> Items:
    """Return two captures of each of two apps."""
    return Items.of((([w], w[0], FLOWS[w], at) for at, w in enumerate(HELD_OUT)), ["a", "b"])


def found(goal: Goal, items: Items | None = None) -> Calibration:
    """Return what is calibrated."""
    result = calibrated(Both(), two_apps() if items is None else items, goal)
    assert result is not None
    return result


def test_every_fingerprint_is_held_out_once_and_left_out_once() -> None:
    """A half trains the other, and each app is scored by the others alone."""
    method, ticks = Both(), Ticks()
    assert calibrated(method, two_apps(), Goal(), ticks) is not None
    assert method.trained == [[0, 1], [0, 1], [1], [0]]
    assert ticks.n == n_trainings(two_apps()) == 4


@pytest.mark.parametrize(
    ("wanted", "threshold", "false", "detection"),
    [
        (0.0, 0.65, 0.0, 0.75),
        (0.2, 0.65, 0.0, 0.75),
        (0.25, 0.4, 0.25, 1.0),
        (0.5, 0.25, 0.5, 1.0),
        (1.0, 0.0, 1.0, 1.0),
    ],
)
def test_the_threshold_is_the_lowest_that_flags_so_few(
    wanted: float, threshold: float, false: float, detection: float
) -> None:
    """It lies half-way between two scores; what was left out tells its detection rate."""
    chosen = found(Goal(wanted)).chosen
    assert chosen.threshold == pytest.approx(threshold)
    assert (chosen.false_rate, chosen.detection_rate) == (false, detection)


def test_the_best_f1_weighs_both_kinds_of_error() -> None:
    """One false of four with all found is better than none with one missed."""
    chosen = found(Goal(None)).chosen
    assert chosen.threshold == pytest.approx(0.4)


def test_of_equally_good_thresholds_the_highest_is_best() -> None:
    """Known apps change more with time than what was held out tells."""
    items = two_apps()
    items = items.where(np.arange(4) != 3)
    # What is left is 0.1 and 0.2 of known, b0 has no second; 0.5, 0.7 and 0.8 of left-out.
    assert found(Goal(None), items).chosen.threshold == pytest.approx(0.35)


@pytest.mark.parametrize(
    ("per", "threshold"), [("fingerprint", 0.65), ("flow", 0.65), ("capture", 0.4)]
)
def test_rates_count_what_is_wanted(per: str, threshold: float) -> None:
    """A capture of three fingerprints of high score is half of those, and one of four captures."""
    rows = [*enumerate(HELD_OUT), (3, "b1"), (3, "b1")]
    items = Items.of((([w], w[0], FLOWS[w], at) for at, w in rows), ["a", "b"])
    assert found(Goal(0.25, per), items).chosen.threshold == pytest.approx(threshold)


def test_flows_weigh_what_they_are() -> None:
    """A fingerprint of seven of ten flows is most of what is flagged."""
    assert found(Goal(0.7, "flow")).chosen.false_rate == 0.7


def test_the_curve_has_other_rates_by_threshold() -> None:
    """Each threshold once, ascending; rates that no threshold tells apart are one point."""
    curve = found(Goal(0.5)).curve
    assert [round(point.threshold, 3) for point in curve] == [0.25, 0.65]
    assert [point.false_rate for point in curve] == [0.5, 0.0]


def test_a_score_of_one_may_flag_nothing() -> None:
    """Where what is known looks as unseen as can be, only a threshold over 1 flags none of it."""
    items = Items.of([(["name:a"], "mail", 1, 0), (["name:b"], "mail", 1, 1)])
    chosen = calibrated(PlainJaccard(), items, Goal(0.0))
    assert chosen is not None
    assert 1 < chosen.chosen.threshold < 1.001
    assert (chosen.chosen.false_rate, chosen.chosen.detection_rate) == (0, None)


@pytest.mark.parametrize("goal", [Goal(), Goal(None)])
def test_without_anything_to_hold_out_there_is_no_threshold(goal: Goal) -> None:
    """An app's only fingerprint is unknown to what is left."""
    items = Items.of([(["a0"], "a", 1, 0), (["b0"], "b", 1, 1)])
    assert calibrated(Both(), items, goal) is None


def test_one_app_has_no_best_f1() -> None:
    """Without an app to leave out nothing is unseen; a false rate needs none."""
    items = two_apps().where(np.array([True, True, False, False]))
    assert calibrated(Both(), items, Goal(None)) is None
    assert found(Goal(0.5), items).chosen.detection_rate is None


def test_captures_are_halved_in_order() -> None:
    """All fingerprints of a capture are held out together; the extra one is with the first."""
    items = Items.of([(["x"], "mail", 1, group) for group in (7, 7, 8, 9, 9)])
    assert halves(items).tolist() == [0, 0, 0, 1, 1]


def test_the_fingerprints_of_one_capture_are_halved_in_order() -> None:
    """Time goes on in them; apps are halved apart."""
    rows = [(["x"], "mail", 1, 0), (["x"], "chat", 1, 1)] * 2
    items = Items.of([*rows, (["x"], "mail", 1, 0), (["x"], "mail", 1, 0)])
    assert halves(items).tolist() == [0, 0, 0, 1, 1, 1]


def test_many_apps_are_left_out_several_at_a_time() -> None:
    """Each app once, in a bounded number of trainings."""
    apps = [f"app{at:02}" for at in range(25)]
    items = Items.of([([app], app, 1, at) for at, app in enumerate(apps * 2)])
    method = Script({}, {})
    assert calibrated(method, items, Goal()) is not None
    assert n_trainings(items) == len(method.trained) == 2 + MOST_LEFT_OUT
    missing = [at for train in method.trained[2:] for at in range(25) if at not in train]
    assert sorted(missing) == list(range(25))


def test_evaluation_calibrates_on_what_trains_alone() -> None:
    """Each training has its threshold, made of its own fingerprints; nothing tested is in it."""
    items = Items.of((([w], w[0], 1, at) for at, w in enumerate([*HELD_OUT] * 2)), ["a", "b"])
    plan = planned(ints([0, 0, 1, 1] * 2), ["train"] * 4 + ["test"] * 4, 8, Wanted())
    met: list[tuple[list[int], list[int]]] = []

    def calibrate(_: object, train: Items) -> float | None:
        met.append((train.present().tolist(), sorted(set(train.group.tolist()))))
        return 0.6 if len(met) == 1 else None

    (outcome,) = evaluate(Contender(Both(), items), plan, lambda: None, calibrate)
    assert met == [([1], [2, 3]), ([0], [0, 1])]
    assert outcome.thresholds == [0.6, 0.5]
    # Of app a 0.7 of 0.5 and 0.7 is found at 0.6 and b's 0.6 is false; at 0.5 all of b is found.
    assert outcome.called["fingerprint"].at(1.0) == {"precision": 0.75, "recall": 0.75, "f1": 0.75}

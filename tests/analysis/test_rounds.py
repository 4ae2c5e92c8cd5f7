"""Which captures train, which are tested, and which apps are held back."""

from __future__ import annotations

import numpy as np
import pytest

from flowprint_zeek.analysis.rounds import DRAWN, GIVEN, LEAVE_ONE_OUT, Plan, Wanted, planned
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.errors import UsageError

APPS = ints([0, 0, 1, 1, 2, 2])
SPLIT = ["train", "test"] * 3


def held_back(plan: Plan) -> list[list[int]]:
    """Return what each round of the first repetition leaves out."""
    return [one.without.tolist() for one in plan.repetitions[0].rounds]


def folds(plan: Plan, repetition: int = 0) -> list[list[int]]:
    """Return which captures each fold tests; the others must train."""
    found = plan.repetitions[repetition].folds
    assert all((one.train != one.test).all() for one in found)
    return [np.flatnonzero(one.test).tolist() for one in found]


def test_each_app_is_left_out_in_turn() -> None:
    """Recognition has a round of its own, in which all are known."""
    plan = planned(APPS, SPLIT, 6, Wanted())
    assert plan.protocol == LEAVE_ONE_OUT
    assert held_back(plan) == [[], [0], [1], [2]]
    assert [one.names for one in plan.repetitions[0].rounds] == [True, False, False, False]
    assert [one.detects for one in plan.repetitions[0].rounds] == [False, True, True, True]
    assert folds(plan) == [[1, 3, 5]]


def test_apps_that_training_lacks_are_the_unseen_ones() -> None:
    """Nothing is held back then, unless it is asked for."""
    split = ["train", "test", "train", "test", "test", "test"]
    plan = planned(APPS, split, 6, Wanted())
    assert (plan.protocol, held_back(plan)) == (GIVEN, [[]])
    assert held_back(planned(APPS, split, 6, Wanted(leave_one_out=True))) == [[], [0], [1]]


def test_both_ways_is_two_folds() -> None:
    """What is tested first trains then, and the other way round."""
    plan = planned(APPS, SPLIT, 6, Wanted(both_ways=True))
    assert folds(plan) == [[1, 3, 5], [0, 2, 4]]


def test_drawn_apps_are_those_of_their_seed() -> None:
    """Each repetition draws as NumPy does from the sorted names, with one seed more."""
    label = ints(np.repeat(np.arange(12), 2))
    names = [f"app{at:02d}" for at in range(12)]
    plan = planned(label, ["train", "test"] * 12, 24, Wanted(unseen_apps=4, repetitions=3, seed=5))
    assert plan.protocol == DRAWN
    for seed, repetition in zip((5, 6, 7), plan.repetitions, strict=True):
        drawn = np.random.default_rng(seed).choice(names, 4, replace=False)
        assert [names[at] for at in repetition.rounds[0].without] == sorted(drawn)
        assert (repetition.rounds[0].names, repetition.rounds[0].detects) == (True, True)


@pytest.mark.parametrize(
    ("apps", "fingerprints", "drawn", "repetitions"),
    [(20, 100, 0, 1), (21, 100, 5, 10), (100, 100, 10, 10), (8, 100_000, 2, 2), (8, 10**6, 2, 1)],
)
def test_with_many_a_few_are_drawn(
    apps: int, fingerprints: int, drawn: int, repetitions: int
) -> None:
    """Many apps or fingerprints would take many rounds; a quarter is drawn, at most ten."""
    label = ints(np.repeat(np.arange(apps), 2))
    plan = planned(label, ["train", "test"] * apps, fingerprints, Wanted())
    assert plan.protocol == (DRAWN if drawn else LEAVE_ONE_OUT)
    assert len(plan.repetitions) == repetitions
    assert len(held_back(plan)[-1]) == (drawn or 1)


def test_folds_have_as_many_captures_of_each_app() -> None:
    """Every capture is tested once, and an app's captures are spread."""
    label = ints([0] * 7 + [1] * 5 + [2] * 4)
    plan = planned(label, [""] * 16, 16, Wanted(folds=4))
    tested = folds(plan)
    assert sorted(at for fold in tested for at in fold) == list(range(16))
    for app in range(3):
        counts = [sum(label[at] == app for at in fold) for fold in tested]
        assert max(counts) - min(counts) <= 1


def test_folds_are_those_of_the_seed() -> None:
    """Repetitions deal the captures anew, the same for the same seed."""
    split = [""] * 6
    plan = planned(APPS, split, 6, Wanted(folds=3, repetitions=2))
    assert folds(plan) != folds(plan, 1)
    assert folds(planned(APPS, split, 6, Wanted(folds=3, seed=1))) == folds(plan, 1)


def test_there_are_no_more_folds_than_captures() -> None:
    """Each capture is a fold of its own at most."""
    assert len(folds(planned(APPS, [""] * 6, 6, Wanted(folds=10)))) == 6


@pytest.mark.parametrize(
    ("label", "split", "wanted", "message"),
    [
        (APPS, SPLIT, Wanted(unseen_apps=3), "training has 3 apps"),
        (APPS, SPLIT, Wanted(repetitions=2), "would repeat the same"),
        (ints([0]), [""], Wanted(), "one capture"),
    ],
)
def test_what_cannot_be_done_is_told(
    label: np.ndarray[tuple[int], np.dtype[np.int64]],
    split: list[str],
    wanted: Wanted,
    message: str,
) -> None:
    """Each is one clear error."""
    with pytest.raises(UsageError, match=message):
        planned(label, split, 6, wanted)

"""Recall of unseen apps at a fixed false rate, as more apps are known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.choices import LEVELS
from flowprint_zeek.analysis.evaluation import judged_rows, parts_of
from flowprint_zeek.analysis.rounds import DRAWN, LEAVE_ONE_OUT
from flowprint_zeek.analysis.scores import Sweep, interval, mean
from flowprint_zeek.core.arrays import ints

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowprint_zeek.analysis.evaluation import Contender
    from flowprint_zeek.analysis.rounds import Plan, Repetition
    from flowprint_zeek.core.arrays import Ints

FALSE_RATE = 0.05
"""Share of the known that may be flagged."""

SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)
"""Numbers of known apps, beside all that there are."""


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the curve.

    Attributes
    ----------
    known : int
        Apps known.
    recall : dict
        Mean recall by level; None where nothing is tested.
    intervals : dict
        95 % confidence intervals over repetitions, by level.
    """

    known: int
    recall: dict[str, float | None]
    intervals: dict[str, list[float] | None]


def sizes(plan: Plan) -> list[int]:
    """Return the numbers of known apps on the curve."""
    most = plan.apps.size - plan.unseen_apps
    return [*(size for size in SIZES if size < most), most]


def n_trainings(plan: Plan) -> int:
    """Return how often a method is trained for the curve."""
    draws = sum(len(one.folds) * len(_draws(plan, one)) for one in plan.repetitions)
    return draws * len(sizes(plan))


def curve(contender: Contender, plan: Plan, advance: Callable[[], None]) -> list[Point]:
    """Return the recall of unseen apps against the number of known ones.

    Parameters
    ----------
    contender : Contender
        Method and fingerprints.
    plan : Plan
        Captures and unseen apps; which of the others are known is drawn, more and more of the same.
    advance : callable
        Called after each training.
    """
    points = []
    for size in sizes(plan):
        found = [_recall(contender, plan, one, size, advance) for one in plan.repetitions]
        values = {level: [one[level] for one in found] for level in LEVELS}
        points.append(
            Point(
                size,
                {level: mean(each) for level, each in values.items()},
                {level: interval(each) for level, each in values.items()},
            )
        )
    return points


def _draws(plan: Plan, repetition: Repetition) -> list[Ints]:
    """Return the apps that are unseen together."""
    if plan.protocol == LEAVE_ONE_OUT:
        return [ints([app]) for app in plan.apps.tolist()]
    return [repetition.rounds[0].without] if plan.protocol == DRAWN else [ints([])]


def _recall(
    contender: Contender, plan: Plan, repetition: Repetition, size: int, advance: Callable[[], None]
) -> dict[str, float | None]:
    sweeps: dict[str, list[Sweep]] = {level: [] for level in LEVELS}
    for at, unseen in enumerate(_draws(plan, repetition)):
        others = np.setdiff1d(plan.apps, unseen)
        chance = np.random.default_rng([repetition.seed, at])
        known = chance.permutation(others)[:size]
        unknown = np.setdiff1d(others, known)
        for fold in repetition.folds:
            train, test = parts_of(contender.items, fold)
            train = train.where(np.isin(train.label, known))
            test = test.where(~np.isin(test.label, unknown))
            for level, row in judged_rows(contender.method, train, test):
                sweeps[level].append(row.sweep())
            advance()
    return {level: Sweep.together(parts).recall_at(FALSE_RATE) for level, parts in sweeps.items()}

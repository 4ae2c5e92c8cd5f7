"""The threshold for a wanted false rate, from labelled fingerprints of known apps alone.

What is known must not look unseen: an app's own fingerprints are held out, a half in turn, and
scored against the rest. What is unseen must: every app is left out once and scored against the
others. Where those two meet lies the threshold; nothing that is tested later has a part in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.choices import FALSE_RATE
from flowprint_zeek.analysis.evaluation import judged_rows
from flowprint_zeek.analysis.scores import Sweep

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flowprint_zeek.analysis.items import Items
    from flowprint_zeek.analysis.methods import Method
    from flowprint_zeek.core.arrays import Bools, Floats, Ints

RATES = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2)
"""False rates that a calibration tells the threshold of, beside the wanted one."""

PARTS = 2
"""Parts that the fingerprints of an app are held out in."""

MOST_LEFT_OUT = 10
"""Trainings without apps: with more apps than that, several are left out together."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a threshold is to reach.

    Parameters
    ----------
    false_rate : float or None, default=0.05
        Share of what is known that may be flagged; None for the best F1, held-out known and
        left-out unseen counting once each.
    per : {"fingerprint", "flow", "capture"}
        What is counted.
    """

    false_rate: float | None = FALSE_RATE
    per: str = "fingerprint"


@dataclass(frozen=True, slots=True)
class Point:
    """A threshold, and what it does to what was held out.

    Attributes
    ----------
    threshold : float
        Score from which a fingerprint is unseen.
    false_rate : float
        Share of the held-out known that it flags.
    detection_rate : float or None
        Share of the left-out apps that it flags; None where no app could be left out.
    """

    threshold: float
    false_rate: float
    detection_rate: float | None


@dataclass(frozen=True, slots=True)
class Calibration:
    """A calibrated threshold.

    Attributes
    ----------
    chosen : Point
        The threshold for the goal.
    curve : list of Point
        Those for other false rates, by threshold, and the chosen one.
    known, unseen : float
        How many were held out, and left out.
    """

    chosen: Point
    curve: list[Point]
    known: float
    unseen: float


def calibrated(
    method: Method, items: Items, goal: Goal, advance: Callable[[], None] = lambda: None
) -> Calibration | None:
    """Calibrate the threshold of a method on labelled fingerprints.

    Costs `n_trainings` trainings.

    Parameters
    ----------
    method : Method
        What scores; it is trained anew, and on only a part at the end.
    items : Items
        Fingerprints, those of an app in the order of time.
    goal : Goal
        What the threshold is to reach.
    advance : callable
        Called after each training.

    Returns
    -------
    Calibration or None
        None where nothing can be held out, or for the best F1 no app left out.
    """
    sweep = held_out(method, items, goal.per, advance)
    known, unseen = float(sweep.known.sum()), float(sweep.unseen.sum())
    if not known or (goal.false_rate is None and not unseen):
        return None
    points = _Points.of(sweep)
    chosen = points.best_f1() if goal.false_rate is None else points.at(goal.false_rate)
    wanted = sorted({points.at(rate) for rate in RATES} | {chosen})
    return Calibration(points.point(chosen), [points.point(one) for one in wanted], known, unseen)


def n_trainings(items: Items) -> int:
    """Return how often a calibration trains."""
    return PARTS + len(_left_out(items))


def held_out(method: Method, items: Items, per: str, advance: Callable[[], None]) -> Sweep:
    """Return the scores of fingerprints that are held out: of known apps, and of left-out ones."""
    part = halves(items)
    sweeps = []
    for at in range(PARTS):
        for truth_known, score, weight in _scored(method, items, part == at, per):
            # An app that has one fingerprint is not known while that is held out.
            known = np.zeros(int(truth_known.sum()), dtype=np.bool_)
            sweeps.append(Sweep.of(known, score[truth_known], weight[truth_known]))
        advance()
    for apps in _left_out(items):
        for truth_known, score, weight in _scored(method, items, np.isin(items.label, apps), per):
            sweeps.append(Sweep.of(~truth_known, score, weight))
        advance()
    return Sweep.together(sweeps)


def _scored(
    method: Method, items: Items, chosen: Bools, per: str
) -> Iterator[tuple[Bools, Floats, Floats]]:
    """Yield whether each of the chosen is known to the others, its score and its weight."""
    for level, row in judged_rows(method, items.where(~chosen), items.where(chosen)):
        if level == per:
            yield row.known, row.score, row.weight


def halves(items: Items) -> Ints:
    """Return the part that each fingerprint is held out in.

    An app's captures are halved in their order; where it has one capture, its fingerprints are.
    """
    part = np.zeros(items.size, dtype=np.int64)
    order = np.argsort(items.label, kind="stable")
    edges = np.flatnonzero(np.diff(items.label[order])) + 1
    for own in np.split(order, edges):
        unit = np.unique(items.group[own], return_inverse=True)[1]
        if not unit.any():
            unit = np.arange(own.size)
        part[own] = unit * PARTS // (int(unit.max(initial=0)) + 1)
    return part


def _left_out(items: Items) -> list[Ints]:
    """Return the apps that are left out together, each app once."""
    apps = items.present()
    if apps.size < 2:
        return []
    n = min(apps.size, MOST_LEFT_OUT)
    return [apps[at::n] for at in range(n)]


@dataclass(frozen=True, slots=True)
class _Points:
    """Thresholds between all scores, ascending, and how many each flags of known and unseen."""

    threshold: Floats
    known: Floats
    unseen: Floats

    @classmethod
    def of(cls, sweep: Sweep) -> _Points:
        score = sweep.score
        between = (score[:-1] + score[1:]) / 2
        # Two neighbouring numbers have nothing between them.
        between = np.where(between > score[:-1], between, score[1:])
        threshold = np.concatenate(([0.0], between, [np.nextafter(max(score[-1], 1.0), 2)]))
        return cls(threshold, _from(sweep.known), _from(sweep.unseen))

    def point(self, at: int) -> Point:
        n_unseen = float(self.unseen[0])
        return Point(
            float(self.threshold[at]),
            float(self.known[at] / self.known[0]),
            float(self.unseen[at] / n_unseen) if n_unseen else None,
        )

    def at(self, false_rate: float) -> int:
        """Return the lowest threshold that flags so few known."""
        return int(np.flatnonzero(self.known <= false_rate * self.known[0])[0])

    def best_f1(self) -> int:
        """Return the threshold of the best F1, of equally good ones the highest."""
        f1 = 2 * self.unseen / (self.unseen[0] + self.unseen + self.known)
        return int(np.flatnonzero(f1 == f1.max())[-1])


def _from(weight: Floats) -> Floats:
    """Return the sums from each place to the end, and 0."""
    return np.append(np.cumsum(weight[::-1])[::-1], 0.0)

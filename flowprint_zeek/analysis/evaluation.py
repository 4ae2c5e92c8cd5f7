"""How well methods name apps and find unseen ones, on labelled captures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.choices import LEVELS
from flowprint_zeek.analysis.scores import Named, Sweep
from flowprint_zeek.core.arrays import Bools, Floats, Ints, most_frequent, row_groups, sums
from flowprint_zeek.core.matching import NO_MATCH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowprint_zeek.analysis.items import Items
    from flowprint_zeek.analysis.methods import Judged, Method
    from flowprint_zeek.analysis.rounds import Fold, Plan, Repetition

Calibrate = Callable[["Method", "Items"], "float | None"]


@dataclass(frozen=True, slots=True)
class Contender:
    """A method and the fingerprints that it works on.

    Attributes
    ----------
    method : Method
        The method.
    items : Items
        Its fingerprints; captures and labels have the same numbers for all contenders of a run.
    names : bool
        Whether it names apps at all.
    """

    method: Method
    items: Items
    names: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a method did in one repetition, by level.

    Attributes
    ----------
    named, unseen : dict
        What was named, and the scores of unseen apps and of known ones.
    called : dict
        What was called unseen (1) and what not (0), each training at a threshold of its own; empty
        where thresholds are not calibrated.
    thresholds : list of float
        Those thresholds.
    """

    named: dict[str, Named]
    unseen: dict[str, Sweep]
    called: dict[str, Sweep] = field(default_factory=dict)
    thresholds: list[float] = field(default_factory=list)


class Levels:
    """Fingerprints as flows, fingerprints and captures.

    Parameters
    ----------
    items : Items
        Fingerprints that are tested.
    """

    def __init__(self, items: Items) -> None:
        self._items = items
        self._votes = items.voting()
        _, first = np.unique(self._votes.voter, return_index=True)
        voter_item = self._votes.item[first]
        captures, capture = np.unique(items.group, return_inverse=True)
        self._capture = capture[voter_item]
        capture_label = np.empty(captures.size, dtype=np.int64)
        capture_label[capture] = items.label
        self._flows = self._votes.weight.astype(np.float64)
        self.truth = {
            "flow": items.label[voter_item],
            "fingerprint": items.label,
            "capture": capture_label,
        }
        """Label of each flow, fingerprint and capture; flows alike are one row."""
        self.weight = {
            "flow": self._flows,
            "fingerprint": np.ones(items.size),
            "capture": np.ones(captures.size),
        }
        """How many each row is."""

    def found(self, judged: Judged) -> dict[str, tuple[Ints, Floats]]:
        """Return the label given to each flow, fingerprint and capture, and its score.

        A flow has the label of most of its slices and the score of the fingerprint of most, ties to
        the earliest; a capture the label of most of its flows, ties to the lowest, and the mean
        score of its flows.
        """
        votes = self._votes
        label = most_frequent(votes.voter, judged.label[votes.item])[1]
        score = judged.score[most_frequent(votes.voter, votes.item)[1]]
        return {
            "flow": (label, score),
            "fingerprint": (judged.label, judged.score),
            "capture": (self._most(label), self._mean(score)),
        }

    def _most(self, label: Ints) -> Ints:
        """Return the label of most flows of each capture; any rather than none."""
        number, first = row_groups((self._capture, label))
        flows = sums(number, self._flows, first.size)
        capture, label = self._capture[first], label[first]
        last = np.lexsort((-label, label != NO_MATCH, flows, capture))
        result = np.empty(self.truth["capture"].size, dtype=np.int64)
        # Of equal indices the last value stays.
        result[capture[last]] = label[last]
        return result

    def _mean(self, score: Floats) -> Floats:
        """Return the mean score of the flows of each capture, exact where all are the same."""
        size = self.truth["capture"].size
        low = np.full(size, np.inf)
        np.minimum.at(low, self._capture, score)
        above = sums(self._capture, self._flows * (score - low[self._capture]), size)
        return low + above / np.maximum(sums(self._capture, self._flows, size), 1)


def evaluate(
    contender: Contender,
    plan: Plan,
    advance: Callable[[], None],
    calibrate: Calibrate | None = None,
) -> list[Outcome]:
    """Return what a method does in each repetition.

    Parameters
    ----------
    contender : Contender
        Method and fingerprints.
    plan : Plan
        Captures and apps to train and to test on.
    advance : callable
        Called after each training.
    calibrate : callable or None
        Returns the threshold of a method for what it is to be trained on, None to keep the
        method's; default: never.
    """
    return [_outcome(contender, repetition, advance, calibrate) for repetition in plan.repetitions]


def n_trainings(plan: Plan) -> int:
    """Return how often a method is trained."""
    return sum(len(one.folds) * len(one.rounds) for one in plan.repetitions)


def _outcome(
    contender: Contender,
    repetition: Repetition,
    advance: Callable[[], None],
    calibrate: Calibrate | None,
) -> Outcome:
    named: dict[str, list[Named]] = {level: [] for level in LEVELS}
    unseen: dict[str, list[Sweep]] = {level: [] for level in LEVELS}
    called: dict[str, list[Sweep]] = {level: [] for level in LEVELS}
    thresholds = []
    for fold in repetition.folds:
        train, test = parts_of(contender.items, fold)
        for one in repetition.rounds:
            known = train.where(~np.isin(train.label, one.without))
            threshold = contender.method.threshold
            if one.detects and calibrate is not None:
                own = calibrate(contender.method, known)
                threshold = threshold if own is None else own
                thresholds.append(threshold)
            for level, row in judged_rows(contender.method, known, test):
                if one.names:
                    named[level].append(row.named())
                if one.detects:
                    unseen[level].append(row.sweep())
                    called[level].append(row.called(threshold))
            advance()
    return Outcome(
        {level: Named.together(parts) for level, parts in named.items()},
        {level: Sweep.together(parts) for level, parts in unseen.items()},
        {level: Sweep.together(parts) for level, parts in called.items()} if thresholds else {},
        thresholds,
    )


def parts_of(items: Items, fold: Fold) -> tuple[Items, Items]:
    """Return the fingerprints that train and those that are tested."""
    return items.where(fold.train[items.group]), items.where(fold.test[items.group])


@dataclass(frozen=True, slots=True)
class Row:
    """Truth and answers at one level.

    Attributes
    ----------
    truth, found : ndarray of shape (n,)
        Labels.
    weight, score : ndarray of shape (n,)
        How many each row is, and its score.
    known : ndarray of shape (n,)
        Whether training had the true label.
    """

    truth: Ints
    weight: Floats
    found: Ints
    score: Floats
    known: Bools

    def named(self) -> Named:
        """Count what was named; of apps that training does not know nothing can be right."""
        known = self.known
        return Named.of(self.truth[known], self.found[known], self.weight[known])

    def sweep(self) -> Sweep:
        """Count the scores."""
        return Sweep.of(~self.known, self.score, self.weight)

    def called(self, threshold: float) -> Sweep:
        """Count what a threshold calls unseen, 1, and what not, 0."""
        return Sweep.of(~self.known, (self.score >= threshold).astype(np.float64), self.weight)


def judged_rows(method: Method, train: Items, test: Items) -> Iterator[tuple[str, Row]]:
    """Yield what a method says at each level, nothing where there is nothing to learn or test."""
    if not train.size or not test.size:
        return
    levels = Levels(test)
    method.fit(train)
    found = levels.found(method.judge(test))
    apps = train.present()
    for level in LEVELS:
        truth = levels.truth[level]
        yield level, Row(truth, levels.weight[level], *found[level], np.isin(truth, apps))

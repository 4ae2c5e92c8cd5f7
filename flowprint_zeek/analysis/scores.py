"""Figures: how well apps are named, and unseen ones told apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats
from sklearn.metrics import (  # type: ignore[import-untyped] # it has no type hints
    accuracy_score,
    average_precision_score,
    precision_recall_curve,
    precision_recall_fscore_support,
    roc_auc_score,
)

from flowprint_zeek.core.arrays import distinct, ints, row_groups, sums

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowprint_zeek.core.arrays import Bools, Floats, Ints

Figures = dict[str, float | None]
"""Figures by name, None where one is not defined."""

RECOGNITION = (
    *("precision", "recall", "f1", "accuracy"),
    *("precision_macro", "recall_macro", "f1_macro"),
)
"""Figures of recognition."""

UNSEEN = (
    *("precision", "recall", "f1", "average_precision", "roc_auc"),
    *("best_f1", "best_threshold"),
)
"""Figures of unseen apps; the first three are at the threshold."""

CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Named:
    """What apps were named, counted: one row for each pair of true and found label.

    Attributes
    ----------
    truth, found : ndarray of shape (n,)
        Labels; -1 among those found is none.
    weight : ndarray of shape (n,)
        How often.
    """

    truth: Ints
    found: Ints
    weight: Floats

    @classmethod
    def of(cls, truth: Ints, found: Ints, weight: Floats) -> Named:
        """Count pairs."""
        number, first = row_groups((truth, found))
        return cls(truth[first], found[first], sums(number, weight, first.size))

    @classmethod
    def together(cls, parts: Sequence[Named]) -> Named:
        """Add up several, or none."""
        truth = np.concatenate([ints([]), *(part.truth for part in parts)])
        found = np.concatenate([ints([]), *(part.found for part in parts)])
        return cls.of(truth, found, np.concatenate([np.zeros(0), *(p.weight for p in parts)]))

    def figures(self) -> Figures:
        """Return the figures of `RECOGNITION`, by weight over apps and as their mean (macro).

        Apps are those that are true of any. The precision of an app that is never found counts as
        0, as everywhere.
        """
        if not self.weight.sum():
            return dict.fromkeys(RECOGNITION)
        apps = distinct(self.truth)
        given = {"labels": apps, "sample_weight": self.weight, "zero_division": 0}
        weighted, macro = (
            precision_recall_fscore_support(self.truth, self.found, average=average, **given)[:3]
            for average in ("weighted", "macro")
        )
        accuracy = accuracy_score(self.truth, self.found, sample_weight=self.weight)
        return dict(zip(RECOGNITION, map(float, (*weighted, accuracy, *macro)), strict=True))


@dataclass(frozen=True, slots=True)
class Sweep:
    """How many have each score, of unseen apps and of known ones.

    Attributes
    ----------
    score : ndarray of shape (n,)
        Distinct scores, ascending.
    unseen, known : ndarray of shape (n,)
        Weight of the unseen and of the known that have it.
    """

    score: Floats
    unseen: Floats
    known: Floats

    @classmethod
    def of(cls, unseen: Bools, score: Floats, weight: Floats) -> Sweep:
        """Count scores."""
        return cls._counted(score, np.where(unseen, weight, 0), np.where(unseen, 0, weight))

    @classmethod
    def _counted(cls, score: Floats, unseen: Floats, known: Floats) -> Sweep:
        scores, number = np.unique(score, return_inverse=True)
        size = scores.size
        return cls(scores, sums(number, unseen, size), sums(number, known, size))

    @classmethod
    def together(cls, parts: Sequence[Sweep]) -> Sweep:
        """Add up several, or none."""
        score = np.concatenate([np.zeros(0), *(part.score for part in parts)])
        unseen = np.concatenate([np.zeros(0), *(part.unseen for part in parts)])
        return cls._counted(
            score, unseen, np.concatenate([np.zeros(0), *(part.known for part in parts)])
        )

    def rows(self) -> tuple[Ints, Floats, Floats]:
        """Return truth (1 is unseen), score and weight, for scikit-learn; no weight is 0."""
        truth = np.repeat(ints([1, 0]), self.score.size)
        score, weight = np.tile(self.score, 2), np.concatenate((self.unseen, self.known))
        held = weight > 0
        return truth[held], score[held], weight[held]

    def at(self, threshold: float) -> Figures:
        """Return precision, recall and F1 where all from a threshold on count as unseen."""
        flagged = self.score >= threshold
        true, false = float(self.unseen[flagged].sum()), float(self.known[flagged].sum())
        missed = float(self.unseen[~flagged].sum())
        return {
            "precision": _ratio(true, true + false),
            "recall": _ratio(true, true + missed),
            "f1": _ratio(2 * true, 2 * true + false + missed) if true + missed else None,
        }

    def figures(self, threshold: float) -> Figures:
        """Return the figures of `UNSEEN`; without unseen, or without known, some are None."""
        figures: Figures = dict.fromkeys(UNSEEN) | self.at(threshold)
        truth, score, weight = self.rows()
        if truth.any():
            precision, recall, at = precision_recall_curve(truth, score, sample_weight=weight)
            f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
            best = int(f1[:-1].argmax())
            average = average_precision_score(truth, score, sample_weight=weight)
            figures |= {"average_precision": float(average)}
            figures |= {"best_f1": float(f1[best]), "best_threshold": float(at[best])}
        if 0 < truth.sum() < truth.size:
            figures["roc_auc"] = float(roc_auc_score(truth, score, sample_weight=weight))
        return figures

    def recall_at(self, false_rate: float) -> float | None:
        """Return the recall at the lowest threshold at which so few known are flagged at most."""
        known, unseen = float(self.known.sum()), float(self.unseen.sum())
        if not known or not unseen:
            return None
        # From the highest score down, what a threshold there would flag.
        allowed = np.cumsum(self.known[::-1]) <= false_rate * known
        return float(self.unseen[::-1][allowed].sum()) / unseen


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def mean(values: Sequence[float | None]) -> float | None:
    """Return the mean of the values that are defined."""
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None


def interval(values: Sequence[float | None]) -> list[float] | None:
    """Return the 95 % confidence interval of the mean by Student's t, None for under two values.

    >>> interval([0.5, None]), interval([0.5, 0.5])
    (None, [0.5, 0.5])
    """
    defined = np.array([value for value in values if value is not None])
    if defined.size < 2:
        return None
    error = defined.std(ddof=1) / np.sqrt(defined.size)
    half = stats.t.ppf((1 + CONFIDENCE) / 2, defined.size - 1) * error
    return [float(defined.mean() - half), float(defined.mean() + half)]

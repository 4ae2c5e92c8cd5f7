"""Figures of methods over repetitions, beside each other."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, TypeVar

from flowprint_zeek.analysis.choices import KINDS, LEVELS
from flowprint_zeek.analysis.scores import interval, mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from flowprint_zeek.analysis.evaluation import Contender, Outcome
    from flowprint_zeek.analysis.scores import Figures

T = TypeVar("T")

Values = dict[str, dict[str, dict[str, list[float | None]]]]
"""Figures by kind, level and name: the value of each repetition."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a method did.

    Attributes
    ----------
    contender : Contender
        The method.
    outcomes : list of Outcome
        One for each repetition.
    values : dict
        Figures by kind (recognition, unseen), level and name: one for each repetition.
    """

    contender: Contender
    outcomes: list[Outcome]
    values: Values

    @classmethod
    def of(cls, contender: Contender, outcomes: list[Outcome]) -> Result:
        """Compute the figures."""
        threshold = contender.method.threshold
        found = [
            {
                "recognition": {
                    level: _recognition(one, level, names=contender.names) for level in LEVELS
                },
                "unseen": {level: _unseen(one, level, threshold) for level in LEVELS},
            }
            for one in outcomes
        ]
        values = {
            kind: {
                level: {name: [one[kind][level][name] for one in found] for name in figures}
                for level, figures in found[0][kind].items()
            }
            for kind in KINDS
        }
        return cls(contender, outcomes, values)

    @property
    def threshold(self) -> float:
        """The method's threshold, or the mean of the calibrated ones."""
        calibrated = [one for outcome in self.outcomes for one in outcome.thresholds]
        return fmean(calibrated) if calibrated else self.contender.method.threshold

    def means(self, kind: str) -> dict[str, Figures]:
        """Return the mean of each figure over the repetitions, by level."""
        return _each(self.values[kind], mean)

    def to_dict(self, beside: Result | None) -> dict[str, object]:
        """Return it as JSON holds it, with what it gains over another method of the same run."""
        intervals = {kind: _each(self.values[kind], interval) for kind in KINDS}
        told: dict[str, object] = {"threshold": self.threshold}
        told |= {kind: self.means(kind) for kind in KINDS}
        told |= {"intervals": intervals, "tested": self.tested()}
        if beside is not None and beside is not self:
            told["gain"] = {"over": beside.contender.method.name} | {
                kind: _gain(self.values[kind], beside.values[kind]) for kind in KINDS
            }
        return told

    def tested(self) -> dict[str, dict[str, float]]:
        """Return how many were named, and how many counted as unseen or known, by level.

        A mean over repetitions; what is tested in several rounds counts each time.
        """
        n = len(self.outcomes)
        return {
            level: {
                "named": sum(float(one.named[level].weight.sum()) for one in self.outcomes) / n,
                "unseen": sum(float(one.unseen[level].unseen.sum()) for one in self.outcomes) / n,
                "known": sum(float(one.unseen[level].known.sum()) for one in self.outcomes) / n,
            }
            for level in LEVELS
        }


def _recognition(outcome: Outcome, level: str, *, names: bool) -> Figures:
    figures = outcome.named[level].figures()
    return figures if names else dict.fromkeys(figures)


def _unseen(outcome: Outcome, level: str, threshold: float) -> Figures:
    """Return figures at a threshold, or at those that were calibrated."""
    figures = outcome.unseen[level].figures(threshold)
    if outcome.called:
        figures |= outcome.called[level].at(1.0)
        threshold = fmean(outcome.thresholds)
    return figures | {"threshold": threshold}


def _each(
    values: Mapping[str, Mapping[str, Sequence[float | None]]],
    summary: Callable[[Sequence[float | None]], T],
) -> dict[str, dict[str, T]]:
    return {
        level: {name: summary(one) for name, one in figures.items()}
        for level, figures in values.items()
    }


def _gain(
    ours: Mapping[str, Mapping[str, Sequence[float | None]]],
    theirs: Mapping[str, Mapping[str, Sequence[float | None]]],
) -> Mapping[str, object]:
    """Return the mean difference of each figure, paired by repetition, and its interval."""
    differences = {
        level: {
            name: [
                None if a is None or b is None else a - b
                for a, b in zip(one, theirs[level][name], strict=True)
            ]
            for name, one in figures.items()
            if "threshold" not in name
        }
        for level, figures in ours.items()
    }
    return _each(differences, lambda one: {"mean": mean(one), "interval": interval(one)})

"""What a parameter search chose, and how good that is on captures that had no part in it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.tuning.cells import folds_apart, plan_of
from flowprint_zeek.analysis.tuning.search import every, one_at_a_time, tried_values

if TYPE_CHECKING:
    from flowprint_zeek.analysis.rounds import Plan, Wanted
    from flowprint_zeek.analysis.scores import Figures
    from flowprint_zeek.analysis.tuning.cells import Cell, Task
    from flowprint_zeek.analysis.tuning.search import Score, Step, Trials, Values
    from flowprint_zeek.core.arrays import Ints
    from flowprint_zeek.core.fingerprint import Parameters


@dataclass(frozen=True, slots=True)
class Nested:
    """A choice without each fold of the captures, scored on that fold.

    Attributes
    ----------
    chosen : list of Parameters
        What was chosen without each fold.
    figures : dict
        Figures by flow, folds pooled: of all flows, and of those in a fingerprint.
    """

    chosen: list[Parameters]
    figures: dict[str, Figures]


@dataclass(frozen=True, slots=True)
class Tuned:
    """What came of a search.

    Attributes
    ----------
    steps : list of Step
        Rows of Table III, or one for a grid.
    nested : Nested or None
        None where that was not asked for.
    """

    steps: list[Step]
    nested: Nested | None

    @property
    def chosen(self) -> Cell:
        """The best setting."""
        return self.steps[-1].best

    @property
    def cells(self) -> list[Cell]:
        """All settings that were tried, each once, in their order."""
        return list({cell.parameters: cell for step in self.steps for cell in step.tried}.values())


def n_settings(start: Parameters, values: Values, *, alone: bool) -> int:
    """Return how many settings a search asks for; some of them twice."""
    if alone:
        return 1 + sum(len(tried_values(start, name, given)) for name, given in values.items())
    return prod(len(given) for given in values.values())


def plans_of(plan: Plan, label: Ints, n_fingerprints: int, kind: str, wanted: Wanted) -> list[Plan]:
    """Return for each fold of a plan's first repetition the plan of the captures without it."""
    return [
        plan_of(label, fold.train, n_fingerprints, kind, wanted)
        for fold in plan.repetitions[0].folds
    ]


def tuned(
    task: Task,
    trials: Trials,
    start: Parameters,
    values: Values,
    score: Score,
    *,
    alone: bool,
) -> Tuned:
    """Search, on all captures and, where the task has plans for it, without each fold.

    Parameters
    ----------
    task : Task
        Captures; its first plan is of all of them, the others are of those without a fold.
    trials : Trials
        What scores settings.
    start : Parameters
        Where the search begins.
    values : dict
        Values to try.
    score : Score
        What is looked for.
    alone : bool
        Vary one parameter after another, as the paper does, instead of all together.
    """
    search = one_at_a_time if alone else every
    found = [
        search(start, values, score, partial(trials.run, plan=at)) for at in range(len(task.plans))
    ]
    if len(found) == 1:
        return Tuned(found[0], None)
    chosen = [steps[-1].best.parameters for steps in found[1:]]
    return Tuned(found[0], Nested(chosen, folds_apart(task, chosen, task.plans[0])))

"""The search for parameters: the paper's, one at a time (section V-A), or every combination."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

from flowprint_zeek.analysis.choices import SCORE, SCORES
from flowprint_zeek.analysis.tuning.cells import ALL, keys_of
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.core.windows import Windows
from flowprint_zeek.settings import FingerprintSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd

    from flowprint_zeek.analysis.tuning.cells import Cell, Task
    from flowprint_zeek.analysis.tuning.results import Results
    from flowprint_zeek.analysis.tuning.workers import Workers
    from flowprint_zeek.core.fingerprint import Parameters

Values = dict[str, tuple[Any, ...]]
"""Values to try, by parameter: numbers, or words for `scheme` and `activity`."""

_TENTHS = tuple(number / 10 for number in range(1, 11))

PAPER: Values = {
    "batch": (60.0, 300.0, 600.0, 1800.0, 3600.0, 10800.0, 21600.0, 43200.0),
    "window": (1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0),
    "correlation": _TENTHS,
    "similarity": _TENTHS,
}
"""The paper's values, in the order of its Table III; times in seconds."""

PUBLISHED = FingerprintSettings()
"""The published defaults: the paper's choice, and the scheme of the commands."""

_ALIKE = 9
"""Decimals in which scores are compared: sums of floats differ behind these."""

_WIDTHS = ("batch", "window")

Run = Callable[["Sequence[Parameters]"], "list[Cell]"]
"""Returns the cells of settings, in their order."""


@dataclass(frozen=True, slots=True)
class Score:
    """What is looked for.

    Parameters
    ----------
    name : str
        One of `choices.SCORES`.
    flows : {"all", "assigned"}
        Whether flows in no fingerprint count.
    """

    name: str = SCORE
    flows: str = ALL

    @property
    def kind(self) -> str:
        """Kind of figures that it is of."""
        return SCORES[self.name][0]

    def of(self, figures: Mapping[str, Mapping[str, float | None]]) -> float | None:
        """Return the score among figures; None where it is not defined."""
        return figures[self.flows][SCORES[self.name][1]]


@dataclass(frozen=True, slots=True)
class Step:
    """A row of Table III.

    Attributes
    ----------
    parameter : str
        What was varied: "" at the start, "grid" where everything was.
    tried : list of Cell
        What was tried.
    best : Cell
        The best of it.
    """

    parameter: str
    tried: list[Cell]
    best: Cell


def one_at_a_time(start: Parameters, values: Values, score: Score, run: Run) -> list[Step]:
    """Search as the paper does: each parameter in turn, the others as chosen so far.

    Parameters
    ----------
    start : Parameters
        Where to begin; its own value of a parameter is always tried too.
    values : dict
        Values to try; parameters in this order.
    score : Score
        What is looked for.
    run : callable
        Scores settings.
    """
    (first,) = run([start])
    steps = [Step("", [first], first)]
    for name, given in values.items():
        now = steps[-1].best.parameters
        tried = run([replace(now, **{name: one}) for one in tried_values(now, name, given)])
        steps.append(Step(name, tried, best_of(tried, score, values)))
    return steps


def every(start: Parameters, values: Values, score: Score, run: Run) -> list[Step]:
    """Search every combination of values; parameters without values stay as at the start."""
    settings = [
        replace(start, **dict(zip(values, one, strict=True))) for one in product(*values.values())
    ]
    tried = run(settings)
    return [Step("grid", tried, best_of(tried, score, values))]


def tried_values(now: Parameters, name: str, given: Sequence[Any]) -> list[Any]:
    """Return the values of a parameter that are tried: those given, and what it is now."""
    own = getattr(now, name)
    return [*given] if own in given else [own, *given]


def best_of(cells: Sequence[Cell], score: Score, values: Values) -> Cell:
    """Return the best cell.

    Of equally good ones it is that with most of the published defaults, then that with the larger
    values, parameters in their order; of words the first that was given.
    """

    def rank(cell: Cell) -> tuple[object, ...]:
        found = score.of(cell.figures)
        held = {name: getattr(cell.parameters, name) for name in values}
        usual = [value == getattr(PUBLISHED, name) for name, value in held.items()]
        larger = [
            -values[name].index(value)
            if isinstance(value, str) and value in values[name]
            else value
            for name, value in held.items()
        ]
        return (-1.0 if found is None else round(found, _ALIKE), sum(usual), usual, larger)

    return max(cells, key=rank)


def _place(value: float | str, given: Sequence[object]) -> float:
    """Return what is greater for a larger number and for an earlier word."""
    if not isinstance(value, str):
        return value
    return -given.index(value) if value in given else 1


def told_in(flows: pd.DataFrame, start: Parameters, values: Values) -> tuple[Values, Values]:
    """Return the values that windows of flows can be made into, and those that are left out.

    Flows of stock logs fit any. What the Zeek package logs has windows of a width; batches and
    windows must be multiples of it.
    """
    step = Windows(ints(flows["start"]), flows["windows"]).step if "windows" in flows else 0
    fitting, left_out = dict(values), {}
    for name in _WIDTHS if step else ():
        given = values.get(name, ())
        fitting[name] = tuple(one for one in given if not round(float(one) * SECOND) % step)
        left_out[name] = tuple(one for one in given if one not in fitting[name])
    own = {name: getattr(start, name) for name in values}
    fitting = {name: given or (own[name],) for name, given in fitting.items() if name in values}
    return fitting, {name: given for name, given in left_out.items() if given}


class Trials:
    """Scores settings, each once: what was computed before is not computed again.

    Parameters
    ----------
    task : Task
        Captures and plans.
    results : Results
        What was computed before, and gets what is computed now.
    workers : Workers
        What computes.
    advance : callable
        Called for each setting that is asked for.
    """

    def __init__(
        self,
        task: Task,
        results: Results,
        workers: Workers[tuple[Parameters, int], Cell],
        advance: Callable[[], None],
    ) -> None:
        self._key = keys_of(task)
        self._results = results
        self._workers = workers
        self._advance = advance
        self.computed = 0
        """Cells that were computed now."""
        self.found: set[str] = set()
        """Keys of the cells that were asked for and had been computed before."""

    def run(self, settings: Sequence[Parameters], plan: int = 0) -> list[Cell]:
        """Return the cells of settings by a plan, in their order."""
        keys = [self._key(one, plan) for one in settings]
        found = {key: self._results.get(key) for key in keys}
        self.found.update(filter(self._results.is_old, keys))
        missing = {key: one for key, one in zip(keys, settings, strict=True) if found[key] is None}
        for _ in range(len(keys) - len(missing)):
            self._advance()
        names = list(missing)
        for at, done in self._workers.done([(one, plan) for one in missing.values()]):
            self._results.add(names[at], done)
            found[names[at]] = done
            self.computed += 1
            self._advance()
        return [cell for key in keys if (cell := found[key]) is not None]

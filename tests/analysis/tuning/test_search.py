"""Which settings a search asks for, and what it chooses."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from flowprint_zeek.analysis.choices import SCORES
from flowprint_zeek.analysis.tuning.cells import ALL, ASSIGNED, Cell
from flowprint_zeek.analysis.tuning.results import Results
from flowprint_zeek.analysis.tuning.search import (
    PAPER,
    Score,
    Trials,
    best_of,
    every,
    one_at_a_time,
    told_in,
)
from flowprint_zeek.analysis.tuning.workers import Workers
from flowprint_zeek.core.windows import windows_text
from tests.analysis.tuning.small import START, task

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowprint_zeek.analysis.tuning.search import Run, Values
    from flowprint_zeek.core.fingerprint import Parameters


def cell(parameters: Parameters, score: float | None) -> Cell:
    """Return a cell with a score."""
    figures = {"f1_macro": score}
    return Cell(parameters, {ALL: figures, ASSIGNED: {"f1_macro": 0.5}}, 1, 1, 0)


def scored(score: Callable[[Parameters], float | None]) -> Run:
    """Return what scores settings by a formula."""
    return lambda settings: [cell(one, score(one)) for one in settings]


def test_the_values_are_those_of_the_paper() -> None:
    """Minutes to half a day, seconds to half an hour, and tenths."""
    minute, hour = 60, 3600
    assert PAPER["batch"] == (
        *(minute, 5 * minute, 10 * minute, 30 * minute),
        *(hour, 3 * hour, 6 * hour, 12 * hour),
    )
    assert PAPER["window"] == (1, 5, 10, 30, minute, 5 * minute, 10 * minute, 30 * minute)
    tenths = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
    assert PAPER["correlation"] == PAPER["similarity"] == tenths


def test_one_parameter_after_another_is_chosen() -> None:
    """Each is varied with the others as chosen so far, as in the paper's Table III."""
    start = replace(START, batch=3600.0, window=5.0, correlation=0.3, similarity=0.5)
    best = {"batch": 300.0, "window": 30.0, "correlation": 0.1, "similarity": 0.9}
    tried: list[Parameters] = []

    def score(one: Parameters) -> float:
        tried.append(one)
        return len(best.items() & asdict(one).items()) / 4

    steps = one_at_a_time(start, PAPER, Score(), scored(score))
    assert [step.parameter for step in steps] == ["", *PAPER]
    assert [Score().of(step.best.figures) for step in steps] == [0, 0.25, 0.5, 0.75, 1]
    assert [len(step.tried) for step in steps] == [1, 8, 8, 10, 10]
    assert {one.window for one in tried[1:9]} == {5.0}
    assert {one.batch for one in tried[9:]} == {300.0}


def test_the_value_at_the_start_is_tried_too() -> None:
    """What is chosen is never worse than what was there."""
    start = replace(START, window=7.0)
    steps = one_at_a_time(
        start, {"window": (1.0, 30.0)}, Score(), scored(lambda one: one.window == 7)
    )
    assert [one.parameters.window for one in steps[1].tried] == [7.0, 1.0, 30.0]
    assert steps[1].best.parameters == start


def test_a_grid_tries_every_combination() -> None:
    """Others stay as they are."""
    values = {"window": (1.0, 30.0), "scheme": ("names", "paper")}
    (step,) = every(START, values, Score(), scored(lambda one: one.window))
    held = [(one.parameters.window, one.parameters.scheme) for one in step.tried]
    assert held == [(1, "names"), (1, "paper"), (30, "names"), (30, "paper")]
    assert {one.parameters.batch for one in step.tried} == {300.0}


@pytest.mark.parametrize(
    ("values", "chosen"),
    [
        ({"window": (1.0, 30.0, 60.0)}, {"window": 30.0}),
        ({"window": (1.0, 60.0, 10.0)}, {"window": 60.0}),
        ({"similarity": (0.1, 0.9, 1.0)}, {"similarity": 0.9}),
        ({"window": (1.0, 30.0), "similarity": (0.5, 1.0)}, {"window": 30.0, "similarity": 1.0}),
        ({"window": (1.0, 60.0), "similarity": (0.9, 1.0)}, {"window": 60.0, "similarity": 0.9}),
        ({"scheme": ("paper", "names")}, {"scheme": "names"}),
        ({"activity": ("interval", "ends")}, {"activity": "ends"}),
        ({"correlation": (0.5, 0.3), "scheme": ("paper",)}, {"correlation": 0.5}),
    ],
)
def test_of_equals_the_published_then_the_larger_is_chosen(
    values: Values, chosen: dict[str, object]
) -> None:
    """Most published defaults first; where there is none, the larger value."""
    (step,) = every(START, values, Score(), scored(lambda _: 0.75))
    assert {name: getattr(step.best.parameters, name) for name in chosen} == chosen


def test_sums_that_differ_in_the_last_digit_are_equal() -> None:
    """A better score behind the ninth decimal is none."""
    cells = [cell(START, 0.3), cell(replace(START, window=1.0), 0.1 + 0.2)]
    assert best_of(cells, Score(), {"window": (1.0, 30.0)}) is cells[0]


def test_what_has_no_score_is_not_chosen() -> None:
    """Also not before what scores nothing."""
    cells = [cell(START, None), cell(replace(START, window=1.0), 0.0)]
    assert best_of(cells, Score(), {"window": (1.0, 30.0)}) is cells[1]


def test_a_score_may_leave_out_what_is_unassigned() -> None:
    """Then it is the figure of the others."""
    assert Score(flows=ASSIGNED).of(cell(START, 0.9).figures) == 0.5


@pytest.mark.parametrize("name", SCORES)
def test_every_score_is_among_the_figures(name: str) -> None:
    """A cell of its kind has it."""
    assert Score(name).of(task(Score(name).kind)((START, 0)).figures) is not None


def test_stock_logs_fit_every_value() -> None:
    """Also where some flows are told of exactly and none of these says how."""
    flows = pd.DataFrame({"start": [0, 0]})
    assert told_in(flows, START, PAPER) == (PAPER, {})
    assert told_in(flows.assign(windows=""), START, PAPER) == (PAPER, {})


def test_windows_of_a_log_are_never_made_narrower() -> None:
    """What is no multiple of them is left out and told; what is there stays."""
    flows = pd.DataFrame({"start": [0], "windows": [windows_text(30_000_000, [0, 1])]})
    fitting, left_out = told_in(flows, START, PAPER)
    assert fitting == PAPER | {"window": (30.0, 60.0, 300.0, 600.0, 1800.0)}
    assert left_out == {"window": (1.0, 5.0, 10.0)}
    assert told_in(flows, START, {"window": (1.0,)})[0] == {"window": (30.0,)}


def test_a_setting_is_computed_once() -> None:
    """Asked for again, also in one breath, it is there."""
    narrow = replace(START, window=1.0)
    steps: list[int] = []
    with Results(None, "") as results, Workers(task(), 1) as workers:
        trials = Trials(task(), results, workers, lambda: steps.append(1))
        first = trials.run([START, narrow, START])
        assert first == [task()((one, 0)) for one in (START, narrow, START)]
        assert trials.run([narrow]) == first[1:2]
    assert (trials.computed, len(steps)) == (2, 4)

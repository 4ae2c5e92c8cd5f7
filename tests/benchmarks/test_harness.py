"""Two things timed beside each other, with a clock that the runs themselves move."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks import harness
from benchmarks.harness import Case, Contender, Pair, measure

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """A clock that moves when a contender runs, and the order in which they ran."""

    def __init__(self) -> None:
        self.now = 0.0
        self.ran: list[str] = []

    def contender(self, name: str, seconds: float, work: int = 1) -> Contender:
        """Return a contender whose answer is its name."""

        def run() -> str:
            self.now += seconds
            self.ran.append(name)
            return name

        return Contender(name, lambda: run, work)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give the harness a clock that only contenders move."""
    made = Clock()
    monkeypatch.setattr(harness, "process_time", lambda: made.now)
    monkeypatch.setattr(harness, "_kernel", lambda: made.now / 4)
    return made


def case(
    ours: Contender,
    other: Contender,
    agree: Callable[[object, object], float] | None = None,
    least: float = 1.0,
) -> Case:
    """Return a case of two contenders."""
    return Case("toy", "toys", "toy", (1,), lambda _size, _seed: Pair(ours, other, agree), least)


def test_a_ratio_is_of_cost_for_a_unit_of_work(clock: Clock) -> None:
    """Other over ours, each for a unit of its own work."""
    row = measure(case(clock.contender("a", 1, 10), clock.contender("b", 4, 20)), 1, 0, 3)

    assert [2.0] * 3 == pytest.approx([row.ratio, row.lowest, row.highest])
    assert [0.1e6, 0.2e6] == pytest.approx([row.cost_ours, row.cost_other])
    assert [1.0, 4.0] == pytest.approx([row.seconds_ours, row.seconds_other])
    assert [0.25, 0.25] == pytest.approx([row.kernel_ours, row.kernel_other])


def test_the_median_of_the_ratios_of_rounds(clock: Clock) -> None:
    """A round that was disturbed shows in the spread and not in the ratio."""
    seconds = iter([1.0, 1.0, 9.0, 2.0])

    def run() -> None:
        clock.now += next(seconds)

    row = measure(case(clock.contender("a", 1), Contender("b", lambda: run, 1)), 1, 0, 3)

    assert [2.0, 1.0, 9.0] == pytest.approx([row.ratio, row.lowest, row.highest])


def test_contenders_take_turns(clock: Clock) -> None:
    """After a first run of each the rounds alternate."""
    row = measure(case(clock.contender("a", 1), clock.contender("b", 1)), 1, 0, 3)

    assert ["a", "b"] * 4 == clock.ran
    assert 3 == row.rounds


def test_short_runs_are_repeated(clock: Clock) -> None:
    """What runs in less than the shortest time runs several times a round."""
    shortest = harness.SHORTEST

    row = measure(case(clock.contender("a", shortest / 2), clock.contender("b", 1)), 1, 0, 1)

    assert ["a", "b", "a", "a", "b"] == clock.ran
    assert shortest / 2 == pytest.approx(row.seconds_ours)


def test_slow_pairs_run_once(clock: Clock) -> None:
    """Where a first run of both takes most of the patience it is the only round."""
    slow = clock.contender("b", harness.PATIENCE)

    row = measure(case(clock.contender("a", 1), slow), 1, 0, 5)

    assert ["a", "b"] == clock.ran
    assert [1, harness.PATIENCE] == [row.rounds, pytest.approx(row.ratio)]


def test_answers_are_compared(clock: Clock) -> None:
    """The answers of the first runs are compared, and must agree as far as the case says."""
    both = (clock.contender("a", 1), clock.contender("b", 1))

    def agree(ours: object, other: object) -> float:
        assert ("a", "b") == (ours, other)
        return 0.75

    assert 0.75 == measure(case(*both, agree), 1, 0, 1).agreement
    assert not measure(case(*both, agree), 1, 0, 1).agrees
    assert measure(case(*both, agree, least=0.7), 1, 0, 1).agrees
    assert measure(case(*both), 1, 0, 1).agreement is None

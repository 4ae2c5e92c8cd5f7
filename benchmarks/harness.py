"""Two things beside each other: timed in alternation, compared by ratio, checked to agree.

Seconds are core-seconds of this process (`time.process_time`), so that what else runs on a shared
machine counts as little as it can. A ratio is the cost of the other for a unit of work over ours:
how many times as fast ours is.
"""

from __future__ import annotations

import gc
import math
import resource
import statistics
from dataclasses import dataclass, field
from time import process_time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Run = Callable[[], Any]

SHORTEST = 0.1
"""Seconds that a contender runs in a round at least; short runs are repeated."""

PATIENCE = 40.0
"""Seconds for the rounds of one row; fewer rounds where one takes long."""

MICRO = 1e6


@dataclass(frozen=True, slots=True)
class Contender:
    """One of two things that are compared.

    Parameters
    ----------
    name : str
        What it is, in a few words.
    prepare : callable
        Makes the input, not timed, and returns what is timed: a function that returns its answer.
    work : int
        Units of work of one run.
    """

    name: str
    prepare: Callable[[], Run]
    work: int


@dataclass(frozen=True, slots=True)
class Pair:
    """Two contenders at one size.

    Parameters
    ----------
    ours, other : Contender
        What is compared.
    agree : callable, optional
        Returns the share, 0 to 1, in which an answer of ours and one of the other agree. None where
        the two do different work, so that there is nothing to compare.
    """

    ours: Contender
    other: Contender
    agree: Callable[[Any, Any], float] | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What is compared at several sizes.

    Parameters
    ----------
    name : str
        One word, the name on the command line.
    about : str
        What the work is, in one sentence without a full stop.
    unit : str
        What work is counted in, such as ``flow``.
    sizes : tuple of int
        Sizes that are measured unless others are asked for.
    make : callable
        Makes the pair of a size and a seed.
    least : float, default=1.0
        Least share in which the answers must agree.
    why : str, default=""
        Why they may differ; needed where `least` is below 1 or to agree is not to be equal.
    memory : bool, default=False
        Whether peak memory of ours is measured, in a process of its own.
    stages : callable, optional
        The function of ours whose callees are the stages of a profile.
    """

    name: str
    about: str
    unit: str
    sizes: tuple[int, ...]
    make: Callable[[int, int], Pair]
    least: float = 1.0
    why: str = ""
    memory: bool = False
    stages: Callable[..., Any] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured of a case at one size.

    Attributes
    ----------
    ratio, lowest, highest : float
        Median, lowest and highest ratio over the rounds.
    agreement : float or None
        Share in which the answers agree, None where there is nothing to compare.
    seconds_ours, seconds_other : float
        Median core-seconds of one run.
    cost_ours, cost_other : float
        Median core-microseconds for a unit of work.
    kernel_ours, kernel_other : float
        Share of the kernel in the time, most of it for handing out memory.
    memory : dict
        ``input`` and ``peak``: most MB held before and after a first run, empty unless measured.
    stages : dict
        Share of each stage in the time of ours, empty unless measured.
    """

    case: str
    size: int
    unit: str
    ours: str
    other: str
    ratio: float
    lowest: float
    highest: float
    agreement: float | None
    least: float
    why: str
    rounds: int
    work_ours: int
    work_other: int
    seconds_ours: float
    seconds_other: float
    cost_ours: float
    cost_other: float
    kernel_ours: float
    kernel_other: float
    memory: dict[str, float] = field(default_factory=dict)
    stages: dict[str, float] = field(default_factory=dict)

    @property
    def agrees(self) -> bool:
        """Whether the answers agree as far as they must."""
        return self.agreement is None or self.agreement >= self.least


class _Time(NamedTuple):
    """Core-seconds of one run, and those of the kernel among them."""

    seconds: float
    kernel: float


def measure(case: Case, size: int, seed: int, rounds: int) -> Row:
    """Measure a case at one size.

    A first run of each warms up and gives the answers. Where both together take more than half of
    `PATIENCE`, it is the only round.

    Parameters
    ----------
    case : Case
        What to measure.
    size, seed : int
        For the case's generator.
    rounds : int
        Rounds at most.
    """
    pair = case.make(size, seed)
    both = (pair.ours, pair.other)
    runs = [one.prepare() for one in both]
    # What was prepared is no garbage: neither side shall pay for walking the other's objects.
    gc.collect()
    gc.freeze()
    try:
        answers, warm = zip(*(_timed(run, 1) for run in runs), strict=True)
        agreement = None if pair.agree is None else pair.agree(*answers)
        del answers
        repeats = [max(1, math.ceil(SHORTEST / one.seconds)) for one in warm]
        a_round = sum(one.seconds * n for one, n in zip(warm, repeats, strict=True))
        count = min(rounds, int(PATIENCE // a_round))
        times = [
            [_timed(run, n)[1] for run, n in zip(runs, repeats, strict=True)] for _ in range(count)
        ]
    finally:
        gc.unfreeze()
    return _row(case, size, pair, agreement, times or [warm])


def _timed(run: Run, repeats: int) -> tuple[Any, _Time]:
    """Return the last answer, and the time of one run."""
    gc.collect()
    begin, kernel = process_time(), _kernel()
    for _ in range(repeats - 1):
        run()
    answer = run()
    return answer, _Time((process_time() - begin) / repeats, (_kernel() - kernel) / repeats)


def _kernel() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_stime


def _share(times: Sequence[_Time]) -> float:
    """Return the share of the kernel, which the system may round up to a little more than all."""
    return min(1.0, sum(one.kernel for one in times) / sum(one.seconds for one in times))


def _row(
    case: Case, size: int, pair: Pair, agreement: float | None, times: Sequence[Sequence[_Time]]
) -> Row:
    ours, other = pair.ours, pair.other
    ratios = [b.seconds * ours.work / (a.seconds * other.work) for a, b in times]
    of_ours, of_other = zip(*times, strict=True)
    a, b = (statistics.median(one.seconds for one in column) for column in (of_ours, of_other))
    return Row(
        case=case.name,
        size=size,
        unit=case.unit,
        ours=ours.name,
        other=other.name,
        ratio=statistics.median(ratios),
        lowest=min(ratios),
        highest=max(ratios),
        agreement=agreement,
        least=case.least,
        why=case.why,
        rounds=len(times),
        work_ours=ours.work,
        work_other=other.work,
        seconds_ours=a,
        seconds_other=b,
        cost_ours=a / ours.work * MICRO,
        cost_other=b / other.work * MICRO,
        kernel_ours=_share(of_ours),
        kernel_other=_share(of_other),
    )

"""Processes that do the same with one thing after another."""

from __future__ import annotations

import os
from functools import partial

import pytest

from flowprint_zeek.analysis.tuning.workers import Workers
from flowprint_zeek.errors import FlowPrintError, LogError


def of(number: int) -> tuple[int, int]:
    """Return twice a number, and who says so; 13 is wrong and 14 fatal."""
    if number == 13:
        raise LogError("thirteen", path="a.log")
    if number == 14:
        os._exit(1)
    return 2 * number, os.getpid()


@pytest.mark.parametrize("n", [1, 2, 3])
def test_every_thing_is_done_once(n: int) -> None:
    """Whatever their number, and in several goes."""
    with Workers(of, n) as workers:
        for things in ([1, 2, 3, 4, 5], [7, 8], [6]):
            found = dict(workers.done(things))
            assert [found[at][0] for at in range(len(things))] == [2 * one for one in things]


def test_several_do_it_elsewhere() -> None:
    """One is the process itself; more are others, each with more than one thing in turn."""
    with Workers(of, 1) as workers:
        assert {pid for _, (_, pid) in workers.done([1, 2])} == {os.getpid()}
    with Workers(of, 2) as workers:
        pids = {pid for _, (_, pid) in workers.done([1, 2, 3, 4])}
    assert os.getpid() not in pids
    assert len(pids) == 2


def test_nothing_to_do_starts_nothing() -> None:
    """No process for no thing."""
    with Workers(of, 2) as workers:
        assert list(workers.done([])) == []
        assert workers._workers == []


@pytest.mark.parametrize("n", [1, 2])
def test_an_error_is_raised_where_it_was_asked_for(n: int) -> None:
    """As it was, with its place."""
    with Workers(of, n) as workers, pytest.raises(LogError, match=r"a\.log: thirteen"):
        list(workers.done([13, 13]))


def test_a_worker_that_ends_is_an_error() -> None:
    """The others do not wait for it."""
    with Workers(of, 2) as workers, pytest.raises(FlowPrintError, match="ended by itself"):
        list(workers.done([14, 14, 14]))


def test_no_process_is_left() -> None:
    """Also where the results were not all taken."""
    with Workers(partial(of), 2) as workers:
        next(iter(workers.done([1, 2, 3, 4])))
        started = list(workers._workers)
        assert [one.alive for one in started] == [True, True]
    assert [one.alive for one in started] == [False, False]

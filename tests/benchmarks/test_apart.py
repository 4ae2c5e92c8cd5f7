"""A function in a process of its own."""

from __future__ import annotations

import subprocess

import pytest

from benchmarks.apart import apart


def test_what_a_run_cost() -> None:
    """Its answer, and what it took without and with its imports."""
    run = apart("math", "comb", 50, 2)

    assert 1225 == run.answer
    assert 0 < run.imports
    assert 0 < run.seconds
    assert 0 < run.wall
    assert 0 < run.peak


def test_what_it_prints_is_no_answer(capfd: pytest.CaptureFixture[str]) -> None:
    """Stdout of the function goes to stderr."""
    assert apart("builtins", "print", "said").answer is None
    assert "said\n" == capfd.readouterr().err


def test_a_failure_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    """A function that fails is an error, and its traceback stands on stderr."""
    with pytest.raises(subprocess.CalledProcessError):
        apart("math", "comb", -1, 2)
    assert "ValueError" in capfd.readouterr().err

"""A few thousand mutated lines and files are read as a slow reader reads them."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from tests.zeek import fuzz

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from flowprint_zeek.zeek.files import LogFile


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_lines(tmp_path: Path, seed: int) -> None:
    """No line harms another, and none becomes a wrong row."""
    tally = fuzz.Tally()
    fuzz.mutate_lines(tmp_path, 2000, seed, tally)
    assert tally.mutated >= 2000
    assert min(tally.rows, tally.damaged) > 1000


@pytest.mark.parametrize("seed", [1, 2])
def test_mutated_files(tmp_path: Path, seed: int) -> None:
    """Whatever a file holds, it is refused or its rows are right."""
    tally = fuzz.Tally()
    fuzz.mutate_files(tmp_path, 150, seed, tally)
    assert tally.mutated == 150
    assert min(tally.rows, tally.damaged, tally.refused) > 5


def test_a_wrong_reader_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that is taken from the neighbouring row does not pass."""
    right = fuzz.fast

    def wrong(log: LogFile, columns: Sequence[str], rows: int) -> tuple[fuzz.Rows, int]:
        found, damaged = right(log, columns, rows)
        shifted = pairwise([*found, found[0]])
        return [(below[0], *row[1:]) for row, below in shifted], damaged

    monkeypatch.setattr(fuzz, "fast", wrong)
    with pytest.raises(fuzz.DifferentError, match="row 0, ts: "):
        fuzz.mutate_lines(tmp_path, 100, 1, fuzz.Tally())


def test_an_error_is_no_difference_but_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only a LogError may be raised; others name the seed and the turn."""

    def broken(*_: object) -> tuple[fuzz.Rows, int]:
        raise IndexError

    monkeypatch.setattr(fuzz, "fast", broken)
    with pytest.raises(IndexError):
        fuzz.mutate_files(tmp_path, 100, 1, fuzz.Tally())


def test_runs_can_be_repeated(tmp_path: Path) -> None:
    """A seed gives the same files each time."""
    tallies = [fuzz.Tally(), fuzz.Tally()]
    for tally in tallies:
        fuzz.mutate_files(tmp_path, 30, 7, tally)
        tally.slowest = (0.0, "")
    assert tallies[0] == tallies[1]


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    """It says what it met."""
    assert 0 == fuzz.main(["--count", "10", "--seed", "3", "--mode", "files"])
    assert capsys.readouterr().out.startswith("files: seed 3: 10 mutated, 10 files, ")

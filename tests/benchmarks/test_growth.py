"""Memory of a replay as the archive grows."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmarks import growth
from benchmarks.apart import Run
from benchmarks.busy import written
from benchmarks.replayed import replayed
from tests.benchmarks.stretches import SMALL, inside

if TYPE_CHECKING:
    from pathlib import Path


def test_lines_of_a_later_turn() -> None:
    """Times are later, uids others, the rest and the header as before."""
    lines = ["#fields\tts\tuid\tx\n", "1772438400.000123\tCa\t1.5\n"]

    assert [lines[0], "1772442000.000123\tCaa\t1.5\n"] == list(growth.later(iter(lines), 10, 3600))


def test_turns_are_connections_of_their_own(tmp_path: Path) -> None:
    """Two turns have twice the rows, none of which counts as written twice; they stay."""
    logs = written(SMALL, tmp_path, ("tsv",))["tsv"]
    folders = [growth.turn(logs, number) for number in (0, 1)]
    before = sorted(path.stat().st_mtime_ns for path in folders[1].iterdir())

    one, both = (
        replayed([str(folder) for folder in each], logs.detects) for each in (folders[:1], folders)
    )

    assert 2 * one["rows"] == both["rows"]
    assert 1.8 * one["batches"] < both["batches"] <= 2 * one["batches"] + 2
    assert folders[1] == growth.turn(logs, 1)
    assert before == sorted(path.stat().st_mtime_ns for path in folders[1].iterdir())


def test_memory_beside_that_of_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first row is 1, others are told beside it."""
    peaks = iter((100, 103))
    monkeypatch.setattr(growth, "apart", lambda *given: replace(inside(*given), peak=next(peaks)))
    given = [str(tmp_path), "--rows", "3k", "--turns", "1,2", "--json", "-"]

    assert 0 == growth.main(given)

    first, second = json.loads(capsys.readouterr().out)["rows"]
    assert (3000, 6000) == (first["rows"], second["rows"])
    assert (1, 1.03) == (first["ratio"], second["ratio"])
    assert first["notices"] <= second["notices"]
    assert (None, None, True) == (first["gain"], first["cost"], first["same"])


@pytest.mark.parametrize("same", [True, False])
def test_two_processes_beside_one(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    same: bool,
) -> None:
    """What they gain and cost is told, and other answers are a failure."""
    one = Run(10.0, 12.0, 1.0, 300.0, {"notices": 3, "digest": "a"})
    two = replace(one, seconds=11.0, wall=6.0, answer=one.answer if same else {"notices": 4})
    monkeypatch.setattr(growth, "apart", lambda *given: two if "--workers" in given else one)

    code = growth.main([str(tmp_path), "--rows", "3k", "--turns", "1", "--workers"])

    last = capsys.readouterr().out.splitlines()[-1]
    assert ["2.00" if same else "other answers", "1.10"] == [
        cell.strip() for cell in last.strip("|").split("|")
    ][-2:]
    assert code == (0 if same else 1)


def test_a_table_has_ratios_first() -> None:
    """Rows, the ratio, then absolute figures."""
    text = growth.table([growth.Row(5, 5_000_000, 1.034, 512.3, 20.0, 1.0, 7)], SMALL)

    cells = [cell.strip() for cell in text.splitlines()[-1].strip("|").split("|")]
    assert ["5 M", "1.03", "512", "250 k", "7", "", ""] == cells

"""A whole replay beside the bare reading of its columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks import endtoend
from benchmarks.apart import Run
from benchmarks.busy import Written
from tests.benchmarks.stretches import SMALL, inside

if TYPE_CHECKING:
    from pathlib import Path

LOGS = Written("logs", {"conn": 90, "ssl": 10}, 0, 1800, 3600)
ANSWER = {"rows": 100, "notices": 2, "batches": 12, "digest": "a"}


def run(seconds: float, answer: object = ANSWER) -> Run:
    return Run(seconds, seconds + 1, 0.5, 200, answer)


def row(form: str, digest: str) -> endtoend.Row:
    replay = endtoend.spread([run(2, ANSWER | {"digest": digest})], 100)
    return endtoend.beside(form, "pandas", replay, None, None)


def test_ratios_are_of_medians_and_of_a_row() -> None:
    """Three runs of a replay beside two of a reader of half as many rows."""
    replay = endtoend.spread([run(3), run(9), run(4)], 100)
    other = endtoend.spread([run(1), run(1)], 50)

    found = endtoend.beside("tsv", "pandas", replay, other, None)

    assert (2, 1.5, 4.5) == (found.ratio, found.lowest, found.highest)
    assert (4, 3, 9) == (replay.seconds, replay.lowest, replay.highest)
    assert 40_000 == replay.cost
    assert 1.25 == found.wall


@pytest.mark.parametrize(("digest", "same"), [("a", True), ("b", False)])
def test_notices_of_stock_logs_are_compared(digest: str, same: bool) -> None:
    """Stock logs give the same in all forms; what is derived may give something else."""
    rows = [row("tsv", "a"), row("json", digest), row("exported", "c")]

    assert same == endtoend.same_notices(rows)
    text = endtoend.tables(rows[:1] + rows[1:2], SMALL, {"tsv": LOGS, "json": LOGS})
    assert same == ("ANSWERS DIFFER" not in text)


def test_what_is_not_installed_is_told() -> None:
    """A row without figures says so."""
    text = endtoend.tables([row("tsv", "a")], SMALL, {"tsv": LOGS})

    assert "| not installed |" in text.replace("  ", "")
    assert "90 rows of conn and 10 rows of ssl" in text
    assert "2 notices in 12 batches: 2.00 core-seconds (2.00 to 2.00)" in text


@pytest.mark.parametrize("workers", [True, False])
def test_workers_where_there_are_any(workers: bool) -> None:
    """Two processes are a contender only where the command has them; zat reads TSV only."""
    found = endtoend.contenders("tsv", LOGS, workers=workers)

    assert workers == (endtoend.WORKERS in found)
    assert {"replay", "read_chunks", "pandas", "polars", "zat"} <= set(found)
    assert "zat" not in endtoend.contenders("json", LOGS, workers=workers)


def test_a_form_that_there_is_not(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown form is a usage error that says which there are."""
    with pytest.raises(SystemExit):
        endtoend.main([str(tmp_path), "--forms", "tsv,xml"])
    assert "no form 'xml'; there are tsv, gz, json, exported" in capsys.readouterr().err


def test_json_on_stdout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """All that stands in the table is in the JSON, and the readers' answers agree."""
    monkeypatch.setattr(endtoend, "apart", inside)
    given = [str(tmp_path), "--rows", "3k", "--forms", "tsv", "--rounds", "1", "--json", "-"]

    assert 0 == endtoend.main(given)

    found = json.loads(capsys.readouterr().out)
    asked = {"rows": 3000, "devices": 12, "seed": 1, "rounds": 1, "forms": ["tsv"]}
    rows = {one["other"]: one for one in found["rows"]}
    assert asked == found["parameters"]
    assert {"read_chunks", "pandas", "polars", "zat"} <= set(rows)
    assert rows["pandas"]["agrees"] is True
    assert 1 == rows["pandas"]["ratio"]
    assert 0 < rows["zat"]["ratio"] <= 1
    assert 3000 < rows["pandas"]["replay"]["rows"] == rows["pandas"]["beside"]["rows"]

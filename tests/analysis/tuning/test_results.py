"""Finished cells in a file that only grows."""

from __future__ import annotations

import errno
import os
from dataclasses import replace
from pathlib import Path

import pytest

from flowprint_zeek.analysis.tuning.cells import ALL, ASSIGNED, Cell
from flowprint_zeek.analysis.tuning.results import Results
from flowprint_zeek.errors import OutputError, UsageError
from tests.analysis.tuning.small import START

CELL = Cell(START, {ALL: {"f1": 0.1 + 0.2, "roc_auc": None}, ASSIGNED: {"f1": 1.0}}, 3, 20, 1)
OTHER = replace(CELL, parameters=replace(START, window=1.0, scheme="paper"), unassigned=0)


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """Write two cells."""
    path = tmp_path / "results.jsonl"
    with Results(path, "one") as results:
        results.add("a", CELL)
        results.add("b", OTHER)
    return path


def test_what_was_added_is_there_again(kept: Path) -> None:
    """To the last digit."""
    with Results(kept, "one") as results:
        assert (results.get("a"), results.get("b"), results.get("c")) == (CELL, OTHER, None)
        assert results.damaged == []


def test_only_cells_of_earlier_runs_are_old(kept: Path) -> None:
    """Those that are added now are not."""
    with Results(kept, "one") as results:
        results.add("c", CELL)
        assert [results.is_old(key) for key in ("a", "c")] == [True, False]


def test_without_a_file_cells_are_kept_in_memory() -> None:
    """Nothing is written."""
    with Results(None, "one") as results:
        results.add("a", CELL)
        assert results.get("a") == CELL


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_cut_line_is_left_out_and_what_follows_is_not(kept: Path, cut: int) -> None:
    """The line that a crash cut stays damaged; the next cell has a line of its own."""
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-cut])
    with Results(kept, "one") as results:
        # Without its newline a line is whole.
        assert results.damaged == ([] if cut == 1 else [3])
        assert (results.get("b") is None) == (cut > 1)
        results.add("c", OTHER)
    with Results(kept, "one") as results:
        assert (results.get("a"), results.get("c")) == (CELL, OTHER)
    assert kept.read_bytes().startswith(whole[:-cut])


@pytest.mark.parametrize(
    "line",
    [
        b"\xff\xfe",
        b"{}",
        b"[1]",
        b'{"key":1}',
        b"null",
        b'{"key":"a","parameters":{},"figures":{},"fingerprints":1,"flows":1,"unassigned":0}',
        b'{"key":"a","parameters":{},"figures":{"all":{"f1":"x"},"assigned":{}},"flows":1}',
    ],
)
def test_a_damaged_line_is_left_out(kept: Path, line: bytes) -> None:
    """The others stay."""
    lines = kept.read_bytes().splitlines()
    kept.write_bytes(b"\n".join([lines[0], line, lines[2], b""]))
    with Results(kept, "one") as results:
        assert results.damaged == [2]
        assert (results.get("a"), results.get("b")) == (None, OTHER)


def test_results_of_other_captures_are_refused(kept: Path) -> None:
    """And stay as they are."""
    before = kept.read_bytes()
    with pytest.raises(UsageError, match="holds results of other captures"):
        Results(kept, "two")
    assert kept.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"path\tlabel\n", b'{"results":"x","captures":"one"}\n', b"\n"]
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    """It is not appended to."""
    path = tmp_path / "other"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="is no file of results of tune"):
        Results(path, "one")
    assert path.read_bytes() == content


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A folder that is not there, a folder, and a device, which may be without end."""
    with pytest.raises(OutputError, match="cannot be written: No such file"):
        Results(tmp_path / "absent" / "results", "one")
    with pytest.raises(OutputError, match="cannot be written: Is a directory"):
        Results(tmp_path, "one")
    with pytest.raises(OutputError, match="cannot be written: Not a regular file"):
        Results(Path(os.devnull), "one")


def test_a_full_disk_is_told(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that cannot be written is an error, not a hole."""

    def full(_file: int, _line: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with Results(kept, "one") as results:
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(OutputError, match="cannot be written: No space left"):
            results.add("c", CELL)

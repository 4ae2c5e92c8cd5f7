"""The last rows of a log."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.doctor.recent import last_part, lines_of, rows_of
from flowprint_zeek.zeek.files import LogFile
from flowprint_zeek.zeek.reader import ReadStats
from tests.zeek.small_logs import ALL, COLUMNS, HEADER, ROWS, row, uids, written

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.analysis.doctor.recent import Part

WHOLE = HEADER + b"".join(ROWS)


def read(part: Part) -> tuple[list[str], int]:
    """Return the uids of a part, and how many rows were damaged."""
    stats = ReadStats()
    found = [uid for rows in rows_of(part, COLUMNS, stats) for uid in uids(rows)]
    return found, stats.damaged["conn"]


@pytest.mark.parametrize("most", range(1, len(WHOLE) + 100, 61))
def test_as_many_whole_rows_as_fit(tmp_path: Path, most: int) -> None:
    """Wherever the cut falls, no row is torn and no line of the header is one."""
    path = written(tmp_path, WHOLE)
    part = last_part(LogFile(path, "conn", "tsv"), most)
    found, damaged = read(part)
    assert damaged == 0
    assert found == ALL[len(ALL) - len(found) :]
    assert sum(len(ROWS[int(uid[1:]) - 1]) for uid in found) <= most
    if most >= len(WHOLE):
        assert found == ALL


def test_what_is_written_meanwhile_is_not_waited_for(tmp_path: Path) -> None:
    """Neither rows behind the end that was, nor half a line."""
    path = written(tmp_path, WHOLE + b"9.000001\tC41\t192")
    part = last_part(LogFile(path, "conn", "tsv"), 200)
    found, _ = read(part)
    assert found[-1] == ALL[-1]
    assert lines_of(part)[-1].startswith(b"9.000001\tC41")


def test_a_small_archive_is_read_whole(tmp_path: Path) -> None:
    """Its end is known."""
    path = written(tmp_path, gzip.compress(WHOLE), "conn.log.gz")
    part = last_part(LogFile(path, "conn", "tsv"), 100)
    assert part.ends
    assert read(part) == (ALL, 0)


def test_of_a_large_archive_the_beginning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would take long to come to its end."""
    monkeypatch.setattr("flowprint_zeek.analysis.doctor.recent._PACKED", 10)
    long = HEADER + b"".join(row(number) for number in range(1, 20_000))
    path = written(tmp_path, gzip.compress(long), "conn.log.gz")
    part = last_part(LogFile(path, "conn", "tsv"), 1_000)
    found, damaged = read(part)
    assert not part.ends
    assert damaged == 0
    assert found[:2] == ["C1", "C2"]
    assert len(found) < 19_999

"""Compressed, cut and broken archives, and lines without end."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.zeek import blocks
from tests.zeek.small_logs import ALL, HEADER, ROWS, read, row, uids, written

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_several_members_are_one_log(tmp_path: Path) -> None:
    """Archives may be appended to, and padded with zero bytes."""
    parts = [HEADER, b"".join(ROWS[:20]), b"".join(ROWS[20:])]
    packed = b"\0\0".join(gzip.compress(part) for part in parts) + b"\0" * 512
    frame, stats = read(written(tmp_path, packed, "conn.log.gz"))
    assert uids(frame) == ALL
    assert stats.problems == []


def test_a_truncated_archive_gives_the_lines_before_its_end(tmp_path: Path) -> None:
    """Every cut keeps a beginning of the rows and is told, and no half row is taken."""
    plain = HEADER + b"".join(ROWS)
    packed = gzip.compress(plain)
    seen = set()
    for cut in range(200, len(packed), 3):
        frame, stats = read(written(tmp_path, packed[:cut], "conn.log.gz"))
        assert uids(frame) == ALL[: len(frame)]
        assert stats.problems[-1].endswith(
            "conn.log.gz: compressed data ends early; read up to there"
        )
        seen.add(len(frame))
    assert len(seen) > 5


def test_a_damaged_archive_gives_the_lines_before_the_damage(tmp_path: Path) -> None:
    """Data that cannot be unpacked ends the file, not the run."""
    rng = np.random.default_rng(7)
    lines = [row(int(number)) for number in rng.integers(1, 60_000, 20_000)]
    packed = bytearray(gzip.compress(HEADER + b"".join(lines)))
    middle = len(packed) // 2
    packed[middle : middle + 50] = b"\xff" * 50
    frame, stats = read(written(tmp_path, bytes(packed), "conn.log.gz"))
    expected = [line.split(b"\t")[1].decode() for line in lines]
    assert len(frame) > 9_000
    assert uids(frame)[:9_000] == expected[:9_000]
    assert "compressed data is damaged" in stats.problems[-1]


def test_garbage_after_an_archive_is_told(tmp_path: Path) -> None:
    """The rows before it are kept."""
    packed = gzip.compress(HEADER + b"".join(ROWS)) + b"garbage"
    frame, stats = read(written(tmp_path, packed, "conn.log.gz"))
    assert uids(frame) == ALL
    assert "incorrect header check" in stats.problems[0]


def test_an_endless_line_is_not_held_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line beyond the limit is one damaged line."""
    monkeypatch.setattr(blocks, "MAX_LINE", 10_000)
    content = HEADER + ROWS[0] + b"\t" * 200_000 + b"\n" + ROWS[1]
    frame, stats = read(written(tmp_path, content), rows=1)
    assert uids(frame) == ["C1", "C2"]
    assert stats.damaged == {"conn": 1}

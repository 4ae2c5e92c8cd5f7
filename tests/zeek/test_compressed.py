"""Compressed, cut and broken archives, and lines without end."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import numpy as np
import pytest

from flowprint_zeek.zeek import blocks
from flowprint_zeek.zeek.blocks import Blocks
from tests.zeek.small_logs import ALL, HEADER, ROWS, read, row, uids, written

if TYPE_CHECKING:
    from pathlib import Path


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


@pytest.mark.parametrize("size", [100, 300_000, blocks.MAX_LINE - 1, 2 * blocks.MAX_LINE])
def test_blocks_of_an_archive_are_those_of_the_plain_file(tmp_path: Path, size: int) -> None:
    """How much is decompressed at once shows nowhere, up to blocks as long as the longest line."""
    content = b"".join(ROWS) * 9000
    assert len(content) > blocks.MAX_LINE + (1 << 20)
    plain = written(tmp_path, content)
    packed = written(tmp_path, gzip.compress(content, 1), "conn.log.gz")
    assert list(Blocks(packed, size).lines()) == list(Blocks(plain, size).lines())


@pytest.mark.parametrize("rows", [1, 1000, 65_536, 200_000])
@pytest.mark.parametrize("packed", [False, True])
def test_the_longest_line(tmp_path: Path, rows: int, packed: bool) -> None:
    """It is read; one byte more is one damaged line, however the file is cut into blocks."""
    start, end = b"7.000001\tC7", b"\t192.0.2.7\t7\t-\tT\n"
    fill = b"x" * (blocks.MAX_LINE - len(start + end) + 1)
    content = HEADER + ROWS[0] + start + fill + end + ROWS[1] + start + fill + b"x" + end + ROWS[2]
    name = "conn.log.gz" if packed else "conn.log"
    path = written(tmp_path, gzip.compress(content, 1) if packed else content, name)
    frame, stats = read(path, rows=rows)
    assert [len(uid) for uid in uids(frame)] == [2, 2 + len(fill), 2, 2]
    assert stats.damaged == {"conn": 1}
    assert stats.problems[0].startswith(f"{path}:12: damaged line (")
    assert f"longer than {blocks.MAX_LINE} bytes: 7.000001" in stats.problems[0]

"""Tails of archives, and of files that are renamed, replaced or cannot be read."""

from __future__ import annotations

import gzip
import os
import zlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek import blocks
from flowprint_zeek.zeek.reader import ReadStats
from flowprint_zeek.zeek.tail import START, Position, Tail
from tests.zeek.small_logs import ALL, COLUMNS, HEADER, ROWS, row, uids, written
from tests.zeek.tails import (
    IN_PLACE,
    every,
    log_of,
    rows_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_an_archive_that_was_cut_ends_in_damage(tmp_path: Path) -> None:
    """Its last line may be cut in its last field, and is counted once; reading may go on later."""
    packed = gzip.compress(HEADER + b"".join(ROWS))
    unpacked = (zlib.decompressobj(31).decompress(packed[:end]) for end in range(len(packed)))
    cut = max(end for end, data in enumerate(unpacked) if data and not data.endswith(b"\n"))
    path = written(tmp_path, packed[:cut], "conn.log.gz")
    stats = ReadStats()
    tail = Tail(log_of(path), COLUMNS, stats)
    found = every(tail)
    assert stats.problems == []
    assert tail.read(final=True) is None
    assert tail.read(final=True) is None
    assert stats.damaged == {"conn": 1}
    line = len(rows_of(found)) + 9
    assert f"{path}:{line}: damaged line (cut short)" in stats.problems[0]
    assert f"{path}: compressed data ends early; read up to there" == stats.problems[1]
    with path.open("ab") as file:
        file.write(packed[cut:])
    assert ALL == uids(rows_of([*found, *every(tail, final=True)]))
    tail.close()


@given(cuts=st.lists(st.integers(1, 900), max_size=20), members=st.integers(1, 4))
@IN_PLACE
def test_an_archive_that_is_being_written(tmp_path: Path, cuts: list[int], members: int) -> None:
    """Rows come as far as they can be unpacked, over the borders of members; it is no error."""
    data = HEADER + b"".join(ROWS)
    step = len(data) // members + 1
    packed = b"\0\0".join(gzip.compress(data[at : at + step]) for at in range(0, len(data), step))
    path = written(tmp_path, b"", "conn.log.gz")
    stats = ReadStats()
    tail = Tail(log_of(path), COLUMNS, stats)
    found, at = [], 0
    for cut in [*sorted(cuts), len(packed)]:
        with path.open("ab") as file:
            file.write(packed[at:cut])
        at = max(at, min(cut, len(packed)))
        found += every(tail)
    assert ALL == uids(rows_of(found))
    assert tail.read(final=True) is None
    assert stats.problems == []
    tail.close()


def test_an_archive_is_written_in_flight(tmp_path: Path) -> None:
    """Each flush of Zeek's gzip mode gives the rows before it."""
    path = written(tmp_path, b"", "conn.log.gz")
    packer = zlib.compressobj(wbits=31)
    tail = Tail(log_of(path), COLUMNS, ReadStats())
    for number, line in enumerate(ROWS):
        with path.open("ab") as file:
            file.write(packer.compress(line if number else HEADER + line))
            file.write(packer.flush(zlib.Z_SYNC_FLUSH))
        assert ALL[number : number + 1] == uids(rows_of(every(tail)))
    tail.close()


def test_a_damaged_archive_gives_what_precedes_the_damage(tmp_path: Path) -> None:
    """It is told once, and there is nothing more."""
    path = written(tmp_path, gzip.compress(HEADER + b"".join(ROWS)) + b"garbage", "conn.log.gz")
    stats = ReadStats()
    tail = Tail(log_of(path), COLUMNS, stats)
    assert ALL == uids(rows_of(every(tail)))
    assert every(tail, final=True) == []
    (problem,) = stats.problems
    assert "compressed data is damaged" in problem
    tail.close()


def test_an_archive_may_not_become_too_large(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read up to where it did, also on the way to an offset."""
    monkeypatch.setattr(blocks, "_FREE", 1 << 16)
    monkeypatch.setattr(blocks, "MOST_GROWTH", 20)
    path = written(tmp_path, gzip.compress(HEADER + ROWS[0] + b"\n" * 50_000_000), "conn.log.gz")
    for position in (START, Position(40_000_000, 39_000_000)):
        stats = ReadStats()
        tail = Tail(log_of(path), COLUMNS, stats, position, chunk_bytes=10_000)
        found = every(tail, final=True)
        assert sum(chunk.end.offset - chunk.begin.offset for chunk in found) < 3_000_000
        assert stats.problems == [
            f"{path}: compressed data becomes too large for a log; read up to there"
        ]
        tail.close()


def test_a_file_that_is_renamed_or_deleted_is_read_to_its_end(tmp_path: Path) -> None:
    """What is open stays open, and what is written to it later comes too."""
    path = written(tmp_path, HEADER + ROWS[0])
    tail = Tail(log_of(path), COLUMNS, ReadStats())
    tail.open()
    with path.open("ab", buffering=0) as file:
        moved = path.rename(tmp_path / "conn.1.log")
        written(tmp_path, HEADER + ROWS[9])
        file.write(ROWS[1])
        assert ["C1", "C2"] == uids(rows_of(every(tail)))
        tail.move(moved)
        moved.unlink()
        file.write(ROWS[2])
        assert ["C3"] == uids(rows_of(every(tail)))
    assert tail.log.path == moved
    tail.close()


def test_reading_goes_on_in_an_archive(tmp_path: Path) -> None:
    """At the offset in decompressed bytes; problems name the file they are in."""
    path = written(tmp_path, HEADER + ROWS[0] + ROWS[1])
    stats = ReadStats()
    tail = Tail(log_of(path), COLUMNS, stats)
    assert ["C1", "C2"] == uids(rows_of(every(tail)))
    packed = gzip.compress(HEADER + b"".join(ROWS[:3]) + b"garbage\n")
    archive = written(tmp_path, packed, "conn.00:00:00-01:00:00.log.gz")
    tail.move(archive)
    assert ["C3"] == uids(rows_of(every(tail)))
    assert [f"{archive}:12: damaged line"] == [text.partition(" (")[0] for text in stats.problems]
    tail.close()


def test_another_log_at_the_same_place_is_not_read(tmp_path: Path) -> None:
    """Opened again, or moved to, a file has to be the same log."""
    path = written(tmp_path, HEADER + ROWS[0])
    tail = Tail(log_of(path), COLUMNS, ReadStats())
    every(tail)
    tail.close()
    written(tmp_path, HEADER + ROWS[1] + ROWS[2])
    assert tail.read() is None
    assert tail.replaced
    copy = written(tmp_path, HEADER + ROWS[0] + ROWS[3], "copy.log")
    tail.move(copy)
    assert ["C4"] == uids(rows_of(every(tail)))
    tail.close()


@pytest.mark.parametrize("rows", [[], ROWS[1:2], ROWS[1:30]])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_that_is_written_anew_is_noticed(
    tmp_path: Path, rows: list[bytes], packed: bool
) -> None:
    """Cut on the same inode, and grown past the old offset or not: nothing of it is taken."""
    pack: Callable[[bytes], bytes] = gzip.compress if packed else bytes
    path = written(tmp_path, pack(HEADER + ROWS[0]))
    tail = Tail(log_of(path), COLUMNS, ReadStats())
    assert len(every(tail)) == 1
    with path.open("r+b") as file:
        file.truncate()
        file.write(pack(HEADER + b"".join(rows)))
    assert tail.read() is None
    assert tail.replaced
    assert tail.status is None


def test_what_cannot_be_read_is_an_error_and_tried_again(tmp_path: Path) -> None:
    """A missing file, a directory, a header that says nothing."""
    path = tmp_path / "conn.log"
    tail = Tail(log_of(path), COLUMNS, ReadStats())
    with pytest.raises(LogError, match=r"conn.log: cannot be read: No such file"):
        tail.read()
    path.mkdir()
    with pytest.raises(LogError, match=r"conn.log: cannot be read: Is a directory"):
        tail.open()
    path.rmdir()
    path.write_bytes(b"#separator a\nx\n")
    with pytest.raises(LogError, match=r"conn.log:1: separator 'a' cannot be told"):
        tail.read()
    # The file is looked at again, and holds another log by now.
    path.write_bytes(HEADER + ROWS[0])
    assert tail.read() is None
    assert tail.replaced


def test_reading_that_fails_is_an_error_and_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read and not given is read again."""
    path = written(tmp_path, HEADER + ROWS[0])
    tail = Tail(log_of(path), COLUMNS, ReadStats())
    tail.open()
    stale = OSError(116, os.strerror(116))
    with monkeypatch.context() as patch:
        patch.setattr(
            "flowprint_zeek.zeek.blocks.Source.skip", lambda *_: (_ for _ in ()).throw(stale)
        )
        patch.setattr(
            "flowprint_zeek.zeek.blocks.Source.read", lambda *_: (_ for _ in ()).throw(stale)
        )
        with pytest.raises(LogError, match=r"conn.log: reading stopped: Stale file handle"):
            tail.read()
    assert ["C1"] == uids(rows_of(every(tail)))
    tail.close()


@pytest.mark.parametrize("packed", [False, True])
def test_a_long_log_is_read_from_its_middle(tmp_path: Path, packed: bool) -> None:
    """Far behind what is looked at to know it."""
    content = HEADER + b"".join(row(number) for number in range(30_000))
    path = written(tmp_path, gzip.compress(content, 1) if packed else content)
    tail = Tail(log_of(path), COLUMNS, ReadStats(), chunk_bytes=300_000)
    for number, chunk in enumerate(every(tail)):
        other = Tail(log_of(path), COLUMNS, ReadStats(), chunk.end, identity=tail.identity)
        rest = uids(rows_of(every(other)))
        assert rest == [f"C{n}" for n in range(30_000 - len(rest), 30_000)]
        assert other.position == tail.position
        assert rest or number
        other.close()
    tail.close()

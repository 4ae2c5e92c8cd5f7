"""Logs that are read while they grow."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from flowprint_zeek.zeek import blocks
from flowprint_zeek.zeek.files import find_logs, log_at
from flowprint_zeek.zeek.reader import ReadStats, column_types
from flowprint_zeek.zeek.tail import START, Position, Tail
from tests.zeek.expected import OUTCOMES
from tests.zeek.small_logs import COLUMNS, HEADER, ROWS, row, uids, written
from tests.zeek.tails import (
    IN_PLACE,
    every,
    flushes,
    log_of,
    rows_of,
    same_stats,
    stored,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TSV = [
    HEADER,
    HEADER.replace(b"\tconn", b"\tssl"),
    HEADER.replace(b"\tuid\tid.orig_h", b"\tid.orig_h\tuid").replace(
        b"string\taddr", b"addr\tstring"
    ),
    HEADER.replace(b"#close", b"#end").replace(b"2026", b"2027"),
    b"#fields\tts\tuid\tid.orig_h\tid.orig_p\tlocal_orig\tduration\n",
    *(b"#types\ttime\tstring\n", b"#path\tssl\n", b"#path\tconn\n", b"#close\tx\n", b"# a\n"),
    *(b"#separator ,\n#fields,ts,uid\n#types,time,string\n", b"1.0,A1\n", b"#separator a\n"),
    *(b"\n", b"\r\n", b"\n\n", b"garbage\n", b"\0\n", b"7.0\tC7\t192.0.2.7\t7\t-\n"),
    *(ROWS[3] + ROWS[4], ROWS[5], ROWS[6], ROWS[7][:-1] + b"\r\n", b"\xff" + ROWS[8]),
]
JSON = [
    b'{"ts":1.0,"uid":"C1","id.orig_h":"192.0.2.1","id.orig_p":1}\n',
    *(b'{"ts":2.0,"uid":"C2","_path":"conn"}\n', b'{"ts":3.0,"uid":"C3","_path":"ssl"}\n'),
    *(b"\n", b"garbage\n", b'{"ts":"x"}\n', b'{"ts":4.0,"uid":"\xc3\xa9"}\r\n', b'{"ts":5.0}'),
]


BEGINNINGS = [HEADER, b"\xef\xbb\xbf" + HEADER, HEADER.replace(b"#path\tconn\n", b"")]
tsv = st.builds(
    lambda header, parts: header + ROWS[0] + b"".join(parts),
    st.sampled_from(BEGINNINGS),
    st.lists(st.sampled_from(TSV), max_size=30),
)
jsonl = st.lists(st.sampled_from(JSON), max_size=30).map(lambda p: JSON[0] + b"".join(p))
contents = st.one_of(st.tuples(st.just("tsv"), tsv), st.tuples(st.just("json"), jsonl))
sizes = st.lists(st.sampled_from([1, 2, 3, 7, 50, 400, 5000]), min_size=1, max_size=5)


@given(content=contents, sizes=sizes, chunk_bytes=st.sampled_from([1, 64, 300, 1 << 22]))
@IN_PLACE
def test_rows_do_not_depend_on_how_a_log_was_written(
    tmp_path: Path,
    content: tuple[Literal["tsv", "json"], bytes],
    sizes: list[int],
    chunk_bytes: int,
) -> None:
    """Down to single bytes, header changes, damage and all: rows and counts are the reader's."""
    form, data = content
    path = tmp_path / "conn.log"
    path.write_bytes(b"")
    stats = ReadStats()
    tail = Tail(log_of(path, form), COLUMNS, stats, chunk_bytes=chunk_bytes)
    found = []
    with path.open("ab", buffering=0) as file:
        for part in flushes(data, sizes):
            file.write(part)
            found += every(tail)
    found += every(tail, final=True)
    assert tail.position.offset == len(data)
    expected, by_reader = whole(log_of(path, form))
    assert_frame_equal(expected, rows_of(found))
    same_stats(by_reader, stats)
    tail.close()


@given(content=contents, chunk_bytes=st.sampled_from([1, 64, 300]), packed=st.booleans())
@IN_PLACE
def test_reading_goes_on_anywhere(
    tmp_path: Path, content: tuple[Literal["tsv", "json"], bytes], chunk_bytes: int, packed: bool
) -> None:
    """After each chunk with a new tail, from what was stored: rows, counts and line numbers."""
    form, data = content
    path = written(tmp_path, gzip.compress(data) if packed else data, "conn.log")
    expected, by_reader = whole(log_of(path, form))
    position, found, stats = START, [], ReadStats()
    told: list[str] = []
    while True:
        stats.problems.clear()
        tail = Tail(log_of(path, form), COLUMNS, stats, position, chunk_bytes=chunk_bytes)
        chunk = tail.read(final=True)
        tail.close()
        told += stats.problems
        if chunk is None:
            break
        found.append(chunk)
        position = stored(chunk.end)
    assert_frame_equal(expected, rows_of(found))
    assert by_reader.rows == stats.rows
    assert by_reader.damaged == stats.damaged
    assert set(by_reader.problems) <= set(told)


REAL = [name for name, outcome in OUTCOMES.items() if not outcome.refused]


@pytest.mark.parametrize("name", REAL)
def test_real_logs_are_read_from_any_point(shared_data: Path, name: str) -> None:
    """What follows each of some positions is what the reader finds there."""
    log = log_at(shared_data / "zeek-logs" / name)
    columns = list(column_types(log))
    expected, by_reader = whole(log, columns)
    stats = ReadStats()
    tail = Tail(log, columns, stats, chunk_bytes=40_000)
    found = every(tail, final=True)
    assert_frame_equal(expected, rows_of(found, columns))
    same_stats(by_reader, stats)
    before = 0
    for number, chunk in enumerate(found):
        if number % 7 == 0:
            late = Tail(log, columns, ReadStats(), stored(chunk.begin), identity=tail.identity)
            rest = rows_of(every(late, final=True), columns)
            assert_frame_equal(expected.iloc[before:].reset_index(drop=True), rest)
            assert late.position == tail.position
            late.close()
        before += len(chunk.rows)
    tail.close()


def test_a_partial_line_waits(tmp_path: Path) -> None:
    """It comes when its end does; nothing of it before."""
    path = written(tmp_path, HEADER + ROWS[0] + ROWS[1][:9])
    tail = Tail(log_of(path), COLUMNS, ReadStats())
    assert [["C1"]] == [uids(chunk.rows) for chunk in every(tail)]
    assert tail.position.offset == len(HEADER + ROWS[0])
    with path.open("ab") as file:
        file.write(ROWS[1][9:])
    assert [["C2"]] == [uids(chunk.rows) for chunk in every(tail)]
    tail.close()


def test_a_log_without_a_row_has_not_begun(tmp_path: Path) -> None:
    """An empty file, half a header and a header are nothing yet."""
    path = written(tmp_path, b"")
    tail = Tail(log_of(path), COLUMNS, ReadStats())
    for data in (b"", HEADER[:30], HEADER[30:], ROWS[0][:5]):
        with path.open("ab") as file:
            file.write(data)
        assert tail.read() is None
        assert (START, "") == (tail.position, tail.identity)
    with path.open("ab") as file:
        file.write(ROWS[0][5:])
    assert len(every(tail)) == 1
    assert len(tail.identity) == 16
    tail.close()


def test_the_last_line_of_a_final_log_is_taken_without_its_end(tmp_path: Path) -> None:
    """As the reader takes it; once."""
    path = written(tmp_path, HEADER + ROWS[0] + ROWS[1][:-1])
    tail = Tail(log_of(path), COLUMNS, ReadStats())
    assert ["C1"] == uids(rows_of(every(tail)))
    assert ["C2"] == uids(rows_of(every(tail, final=True)))
    assert Position(path.stat().st_size, 10) == tail.position
    tail.close()


@pytest.mark.parametrize("packed", [False, True])
def test_a_line_without_end_is_one_damaged_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool
) -> None:
    """It does not stall what comes after it, and not much of it is held."""
    monkeypatch.setattr(blocks, "MAX_LINE", 5_000)
    monkeypatch.setattr(blocks, "_READ", 1_000)
    data = HEADER + ROWS[0] + b"x" * 20_000 + b"\n" + ROWS[1]
    pack: Callable[[bytes], bytes] = gzip.compress if packed else bytes
    path = written(tmp_path, b"")
    stats = ReadStats()
    tail = Tail(log_of(path), COLUMNS, stats, chunk_bytes=700)
    found = []
    for part in flushes(data, [999]):
        with path.open("ab") as file:
            file.write(pack(part))
        found += every(tail)
    assert ["C1", "C2"] == uids(rows_of(found))
    assert stats.damaged == {"conn": 1}
    assert f"{path}:10: damaged line" in stats.problems[0]
    assert Position(len(data), 11) == tail.position
    tail.close()


def test_a_file_of_several_logs_has_a_tail_for_each(tmp_path: Path) -> None:
    """Each takes its own rows, in TSV and in JSON."""
    tsv_log = written(tmp_path, HEADER + ROWS[0] + TSV[1] + ROWS[1] + HEADER + ROWS[2], "a.log")
    json_log = written(tmp_path, b"".join(JSON[1:3]) * 2, "b.log")
    for path, conn, ssl in ((tsv_log, ["C1", "C3"], ["C2"]), (json_log, ["C2"] * 2, ["C3"] * 2)):
        for log in find_logs([path], ["conn", "ssl"]):
            tail = Tail(log, COLUMNS, ReadStats(), chunk_bytes=50)
            assert (conn if log.kind == "conn" else ssl) == uids(rows_of(every(tail)))
            tail.close()


def test_a_position_holds_what_the_beginning_does_not_tell(tmp_path: Path) -> None:
    """Nothing for a log that Zeek writes, and no header that another has replaced."""
    content = HEADER + ROWS[0] + b"#close\tx\n"
    path = written(tmp_path, content)
    tail = Tail(log_of(path), COLUMNS, ReadStats())
    assert [""] == [chunk.end.header for chunk in every(tail)]
    for _ in range(50):
        with path.open("ab") as file:
            file.write(TSV[2] + TSV[6] + b"1.0\t192.0.2.1\tC1\t1\t-\tT\n" + HEADER + ROWS[0])
        (chunk,) = every(tail)
        assert len(chunk.end.header) <= len(HEADER) + 1
    tail.close()


def test_what_was_told_before_is_not_told_when_reading_goes_on(tmp_path: Path) -> None:
    """An oddity of the header is known by then."""
    odd = HEADER.replace(b"\tbool\n", b"\n")
    path = written(tmp_path, odd + ROWS[0] + ROWS[1])
    stats = ReadStats()
    tail = Tail(log_of(path), COLUMNS, stats)
    tail.open()
    (chunk,) = every(tail)
    tail.close()
    assert len(stats.problems) == 1
    with path.open("ab") as file:
        file.write(ROWS[2])
    tail = Tail(log_of(path), COLUMNS, stats, chunk.end)
    assert ["C3"] == uids(rows_of(every(tail)))
    assert len(stats.problems) == 1
    tail.close()


def test_problems_are_told_once(tmp_path: Path) -> None:
    """The first damaged line, however many reads and openings there are."""
    path = written(tmp_path, HEADER + ROWS[0])
    stats = ReadStats()
    tail = Tail(log_of(path), COLUMNS, stats)
    for _ in range(3):
        with path.open("ab") as file:
            file.write(b"garbage\n")
        every(tail)
        tail.close()
    assert stats.damaged == {"conn": 3}
    assert [f"{path}:10: damaged line (1 fields instead of 6): 'garbage'"] == stats.problems


def test_chunks_are_about_as_large_as_asked(tmp_path: Path) -> None:
    """However much there is to be read."""
    path = written(tmp_path, HEADER + b"".join(row(number) for number in range(1, 30_000)))
    for packed in (False, True):
        if packed:
            path.write_bytes(gzip.compress(path.read_bytes(), 1))
        tail = Tail(log_of(path), COLUMNS, ReadStats(), chunk_bytes=100_000)
        lengths = [chunk.end.offset - chunk.begin.offset for chunk in every(tail)]
        assert all(length < 200_100 for length in lengths)
        assert all(length > 90_000 for length in lengths[:-1])
        tail.close()

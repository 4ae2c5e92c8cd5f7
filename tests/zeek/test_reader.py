"""Reading whole and damaged logs."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek import blocks, reader
from flowprint_zeek.zeek.columns import UNSET, joined
from flowprint_zeek.zeek.files import find_logs, log_at
from flowprint_zeek.zeek.logformat import unescape
from flowprint_zeek.zeek.reader import ReadStats, peek, read_chunks
from tests.zeek.small_logs import ALL, HEADER, ROWS, read, uids, written

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


def test_values_and_dtypes(tmp_path: Path) -> None:
    """Times are whole microseconds, unset values stand out, text is plain text."""
    line = b"1517336042.090842\tC1\t2001:db8::1\t443\t0.447460\t-\n-\t-\t-\t-\t-\tF\n"
    frame, _ = read(written(tmp_path, HEADER + line))
    assert frame["ts"].tolist() == [1517336042090842, UNSET]
    assert frame["duration"].tolist() == [447460, UNSET]
    assert frame["id.orig_p"].tolist() == [443, UNSET]
    assert frame["local_orig"].tolist() == [-1, 0]
    assert frame["id.orig_h"].tolist() == ["2001:db8::1", ""]
    assert [str(dtype) for dtype in frame.dtypes] == [
        *("int64", "object", "object", "int64", "int64", "int8"),
    ]


def test_missing_columns_are_unset(tmp_path: Path) -> None:
    """Asking for a column that the log lacks gives its unset values."""
    asked = ["uid", "vlan", "service", "tunnel_parents", "local_resp", "made_up"]
    frame, _ = read(written(tmp_path, HEADER + ROWS[0]), asked)
    assert frame.iloc[0].tolist() == ["C1", UNSET, "", (), -1, ""]


def test_order_and_scope_separator_of_fields_do_not_matter(tmp_path: Path) -> None:
    """Columns are found by name, also where the site writes id_orig_h; others are ignored."""
    header = b"#fields\tid_orig_p\textra\tuid\tts\tid_orig_h\n"
    frame, _ = read(written(tmp_path, header + b"80\tx\tC1\t1.5\t192.0.2.1\n"))
    assert frame.iloc[0].tolist() == [1_500_000, "C1", "192.0.2.1", 80, UNSET, -1]


def test_other_separators(tmp_path: Path) -> None:
    """The header decides what separates, and what stands for unset."""
    header = b"#separator \\x7c\n#set_separator|;\n#unset_field|none\n#empty_field|nil\n"
    header += b"#fields|ts|uid|tunnel_parents|duration\n"
    asked = ["ts", "uid", "tunnel_parents", "duration"]
    frame, stats = read(written(tmp_path, header + b"1.0|nil|a;b,c|none\n"), asked)
    assert frame.iloc[0].tolist() == [1_000_000, "", ("a", "b,c"), UNSET]
    assert stats.damaged == {}


@settings(max_examples=30, deadline=None)
@given(
    order=st.lists(
        st.sampled_from([*ROWS[:6], b"garbage\n", b"#close\tx\n", b"a\tb\tc\td\te\tf\n", b"\n"]),
        max_size=30,
    ),
    rows=st.integers(1, 9),
)
def test_rows_do_not_depend_on_the_size_of_chunks(
    tmp_path_factory: pytest.TempPathFactory, order: list[bytes], rows: int
) -> None:
    """However the file is cut, rows, counts and the first problem are the same."""
    path = written(tmp_path_factory.mktemp("log"), HEADER + b"".join(order))
    frame, stats = read(path)
    small, small_stats = read(path, rows=rows)
    assert_frame_equal(small, frame)
    assert small_stats == stats
    good = [line for line in order if line in ROWS]
    assert len(frame) == len(good)


RAW = st.lists(
    st.one_of(
        st.sampled_from([b"\t", b"\t\t", b"\n", b"\r", b'"', b"\\", b"-", b"\xef\xbb\xbf", b"#"]),
        st.binary(max_size=3),
    ),
    max_size=20,
).map(b"".join)


@settings(deadline=None)
@given(raw=RAW, rows=st.integers(1, 4))
def test_any_bytes_split_into_rows_as_they_should(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes, rows: int
) -> None:
    """Whatever stands in a log, its rows are the lines with as many fields as the header."""
    path = written(
        tmp_path_factory.mktemp("log"), b"#fields\tnote\tuid\tx\n" + b"-\tC\t\n" * 25 + raw
    )
    frame, stats = read(path, ["x", "uid"], rows=rows)
    whole = raw if raw.endswith(b"\n") or not raw else raw + b"\n"
    lines = whole.replace(b"\r\n", b"\n").split(b"\n")[:-1]
    lines = [line for line in lines if line and not line.startswith(b"#")]
    good = [line.split(b"\t") for line in lines if line.count(b"\t") == 2 and b"\0" not in line]
    texts = [fields[2].decode("utf-8", "surrogateescape") for fields in good]
    assert frame["x"].tolist()[25:] == ["" if text == "-" else unescape(text) for text in texts]
    assert stats.damaged["conn"] == len(lines) - len(good)


def test_blocks_are_cut_anywhere(tmp_path: Path) -> None:
    """A line that spans many reads comes out whole."""
    path = written(tmp_path, HEADER + b"".join(ROWS))
    for size in (1, 7, 64):
        assert b"".join(blocks.Blocks(path, size).lines()) == path.read_bytes()


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"1.0\tC\n", "2 fields instead of 6"),
        (b"1.0\tC\t192.0.2.1\t80\t-\tT\tx\n", "7 fields instead of 6"),
        (b"1.0\tC\0\t192.0.2.1\t80\t-\tT\n", "a zero byte"),
        (b"noon\tC\t192.0.2.1\t80\t-\tT\n", "ts is no time"),
        (b"nan\tC\t192.0.2.1\t80\t-\tT\n", "ts is no time"),
        (b"9999999999999.000000\tC\t192.0.2.1\t80\t-\tT\n", "ts is no time"),
        (b"1.00-001\tC\t192.0.2.1\t80\t-\tT\n", "ts is no time"),
        (b"\tC\t192.0.2.1\t80\t-\tT\n", "ts is no time"),
        (b"1.0\tC\t192.0.2\t80\t-\tT\n", "id.orig_h is no address"),
        (b"1.0\tC\t192.0.2.1.evil\t80\t-\tT\n", "id.orig_h is no address"),
        (b"1.0\tC\t192.0.2.1\t65536\t-\tT\n", "id.orig_p is no port"),
        (b"1.0\tC\t192.0.2.1\t-1\t-\tT\n", "id.orig_p is no port"),
        (b"1.0\tC\t192.0.2.1\t80x\t-\tT\n", "id.orig_p is no port"),
        (b"1.0\tC\t192.0.2.1\t99999999999999999999\t-\tT\n", "id.orig_p is no port"),
        (b"1.0\tC\t192.0.2.1\t80\t1.000000x\tT\n", "duration is no time"),
        (b"1.0\tC\t192.0.2.1\t80\t-\tmaybe\n", "local_orig is no truth value"),
    ],
)
def test_a_damaged_line_costs_only_itself(tmp_path: Path, line: bytes, reason: str) -> None:
    """Its neighbours stay, it is counted, and the first one is told with number and text."""
    content = HEADER + b"".join(ROWS[:3]) + line + b"".join(ROWS[3:]) + line
    path = written(tmp_path, content)
    frame, stats = read(path)
    assert uids(frame) == ALL
    assert stats.damaged == {"conn": 2}
    text = line.rstrip(b"\n").decode()
    assert stats.problems == [f"{path}:12: damaged line ({reason}): {text!r}"]


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        (b"1", 1_000_000),
        (b"1.5", 1_500_000),
        (b"-0.000001", -1),
        (b"-1.500000", -1_500_000),
        (b"0.1234567", 123_457),
        (b"1e3", 1_000_000_000),
        (b".5", 500_000),
        (b"4102444799.999999", 4102444799999999),
    ],
)
def test_times_with_other_decimals(tmp_path: Path, text: bytes, micros: int) -> None:
    """Programs other than Zeek write times with fewer or more decimals."""
    line = text + b"\tC1\t192.0.2.1\t80\t-\tT\n"
    frame, stats = read(written(tmp_path, HEADER + line))
    assert frame["ts"].tolist() == [micros]
    assert stats.problems == []


def test_a_last_line_without_end_is_taken_if_it_is_whole(tmp_path: Path) -> None:
    """A file may end without a line end; a line with too few fields was cut."""
    frame, stats = read(written(tmp_path, HEADER + b"".join(ROWS).rstrip(b"\n")))
    assert uids(frame) == ALL
    frame, stats = read(written(tmp_path, HEADER + b"".join(ROWS)[:-8]))
    assert uids(frame) == ALL[:-1]
    assert stats.damaged == {"conn": 1}


def test_windows_line_ends(tmp_path: Path) -> None:
    """A log that went through another system reads the same."""
    frame, stats = read(written(tmp_path, (HEADER + b"".join(ROWS)).replace(b"\n", b"\r\n")))
    assert uids(frame) == ALL
    assert frame["local_orig"].tolist() == [1] * 40
    assert stats.damaged == {}


def test_a_header_in_mid_file_is_honoured(tmp_path: Path) -> None:
    """Logs that were put together, or written by a newer Zeek from some line on."""
    second = b"#close\tx\n#separator \\x09\n#path\tconn\n#fields\tuid\tts\n#types\tstring\ttime\n"
    path = written(tmp_path, HEADER + ROWS[0] + second + b"C2\t2.000000\n")
    for rows in (1, 100):
        frame, stats = read(path, ["ts", "uid"], rows=rows)
        assert frame["ts"].tolist() == [1_000_001, 2_000_000]
        assert uids(frame) == ["C1", "C2"]
        assert stats.problems == []


def test_rows_of_another_log_are_skipped(tmp_path: Path) -> None:
    """Where other logs follow in the same file, their rows are none of this one."""
    other = HEADER.replace(b"\tconn", b"\tweird")
    path = written(tmp_path, HEADER + ROWS[0] + other + ROWS[1] + HEADER + ROWS[2])
    frame, stats = read(path)
    assert uids(frame) == ["C1", "C3"]
    assert stats.problems == [f"{path}:18: rows of other logs than conn are skipped"]
    assert stats.skipped == {"conn": 1}


def test_a_damaged_header_in_mid_file_costs_its_rows(tmp_path: Path) -> None:
    """Rows whose columns nobody knows are counted as damaged, and reading goes on."""
    bad = b"#fields\tts\tuid\n#types\ttime\n"
    path = written(tmp_path, HEADER + ROWS[0] + bad + ROWS[1] + HEADER + ROWS[2])
    frame, stats = read(path)
    assert uids(frame) == ["C1", "C3"]
    assert stats.damaged == {"conn": 1}


def test_a_log_without_header_is_an_error(tmp_path: Path) -> None:
    """Nothing tells what its columns are."""
    with pytest.raises(LogError, match=r"conn\.log: is no Zeek log: rows without a header"):
        read(written(tmp_path, b"".join(ROWS)))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """It may have been rotated away since it was found."""
    with pytest.raises(LogError, match=r"conn\.log: cannot be read: No such file"):
        read(tmp_path / "conn.log")


def test_peek_gives_the_first_good_row(tmp_path: Path) -> None:
    """Damaged lines before it are passed over."""
    path = written(tmp_path, HEADER + b"garbage\n" * 200 + b"".join(ROWS))
    frame = peek(log_at(path), ["ts", "uid"])
    assert frame["uid"].tolist() == ["C1"]


def test_peek_reads_no_further(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A row of a log that a file has few of is found without reading what comes after it."""
    other, own = b'{"_path":"conn","ts":1.5}\n', b'{"_path":"dhcp","ts":2.5}\n'
    path = tmp_path / "all.log"
    path.write_bytes(other + own + 100_000 * other)
    (log,) = (log for log in find_logs([path], {"dhcp", "conn"}) if log.kind == "dhcp")
    done: list[int] = []
    read = blocks.Source.read

    def counted(source: blocks.Source, most: int) -> bytes:
        data = read(source, most)
        done.append(len(data))
        return data

    monkeypatch.setattr(blocks.Source, "read", counted)
    assert [2_500_000] == peek(log, ["ts"])["ts"].tolist()
    assert sum(done) < path.stat().st_size / 10


def test_a_chunk_is_of_so_many_bytes_at_most(tmp_path: Path) -> None:
    """However few rows that are."""
    line = b"1.0\tC1\t192.0.2.1\t80\t1.0\tT\t" + b"x" * 2_000_000 + b"\n"
    header = HEADER.replace(b"local_orig", b"local_orig\tlong")
    log = log_at(written(tmp_path, header + 20 * line))
    chunks = [len(chunk) for chunk in read_chunks(log, ["uid", "long"], stats=ReadStats())]
    assert sum(chunks) == 20
    assert max(chunks) < 10


def test_a_chunk_in_use_is_held_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it was joined of is let go of, but for the last piece."""
    pieces: list[weakref.ref[pd.DataFrame]] = []

    def noting(frames: list[pd.DataFrame]) -> pd.DataFrame:
        pieces.extend(map(weakref.ref, frames))
        return joined(frames)

    monkeypatch.setattr(reader, "joined", noting)
    log = log_at(written(tmp_path, HEADER + 10_000 * ROWS[0]))
    monkeypatch.setattr(reader, "_BLOCK", len(ROWS[0]) * 4_000)
    chunks = read_chunks(log, ["uid"], stats=ReadStats())
    assert len(next(chunks)) == 10_000
    assert len(pieces) == 3
    assert sum(piece() is not None for piece in pieces) <= 1
    assert list(chunks) == []


def test_peek_at_nothing_gives_columns_without_rows(tmp_path: Path) -> None:
    """A log without rows has the columns all the same."""
    frame = peek(log_at(written(tmp_path, HEADER)), ["ts", "uid"])
    assert frame.empty
    assert [str(dtype) for dtype in frame.dtypes] == ["int64", "object"]


def test_stats_add_up() -> None:
    """What several files met is counted by kind, and problems stay in order."""
    total = ReadStats()
    for number in (1, 2):
        part = ReadStats(problems=[f"p{number}"])
        part.rows["conn"] += number
        part.damaged["ssl"] += 1
        part.skipped["dns"] += number
        total.add(part)
    assert total.rows == {"conn": 3}
    assert total.damaged == {"ssl": 2}
    assert total.skipped == {"dns": 3}
    assert total.problems == ["p1", "p2"]

"""What is written is what is read."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from flowprint_zeek.errors import OutputError
from flowprint_zeek.zeek.columns import (
    CONN_LOG,
    DNS_LOG,
    NOTICE_LOG,
    SSL_LOG,
    UNSET,
    X509_LOG,
    as_frame,
    objects,
    storage,
    unset_column,
)
from flowprint_zeek.zeek.files import LogFile, log_at
from flowprint_zeek.zeek.logformat import json_text
from flowprint_zeek.zeek.reader import ReadStats, column_types, read_chunks
from flowprint_zeek.zeek.writer import LogWriter, write_frame

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

OPENED = 1_767_225_600_000_000
CLOSED = OPENED + 3_600_000_000
Format = Literal["tsv", "json"]


def _sound(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


TEXT = st.one_of(
    st.sampled_from(["", "-", "(empty)", "#fields", "a,b", "a\\x09", "\ufeffa", "é", "tcp"]),
    st.text(max_size=6).filter(_sound),
    st.binary(max_size=6).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
)
ELEMENTS = st.lists(TEXT, max_size=3).map(tuple).filter(lambda parts: parts != ("",))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "time": st.one_of(st.just(UNSET), st.integers(-(10**15), 4 * 10**15)),
    "interval": st.one_of(st.just(UNSET), st.integers(-(10**13), 10**13)),
    "count": st.one_of(st.just(UNSET), st.integers(0, 2**63 - 1)),
    "int": st.one_of(st.just(UNSET), st.integers(-(2**63) + 1, 2**63 - 1)),
    "port": st.one_of(st.just(UNSET), st.integers(0, 65535)),
    "bool": st.sampled_from([1, 0, -1]),
    "double": st.integers(-(10**9), 10**9).map(lambda number: number / 1e4),
    "string": TEXT,
    "enum": TEXT,
    "addr": st.one_of(st.just(""), st.ip_addresses().map(str)),
    "set[string]": ELEMENTS,
    "vector[addr]": st.lists(st.ip_addresses().map(str), max_size=3).map(tuple),
}


def column(kind: str, values: Sequence[Any]) -> np.ndarray[Any, Any]:
    empty = unset_column(storage(kind), 0)
    return objects(values) if empty.dtype.hasobject else np.array(values, dtype=empty.dtype)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[tuple[str, str]], pd.DataFrame]:
    kinds = draw(st.lists(st.sampled_from(sorted(VALUES)), min_size=1, max_size=6))
    columns = [(f"c{number}.x", kind) for number, kind in enumerate(kinds)]
    rows = draw(st.integers(1, 12))
    made = {
        name: column(kind, draw(st.lists(VALUES[kind], min_size=rows, max_size=rows)))
        for name, kind in columns
    }
    return columns, as_frame(made, rows)


def read(log: LogFile, columns: Sequence[str], rows: int = 65_536) -> pd.DataFrame:
    stats = ReadStats()
    chunks = list(read_chunks(log, columns, rows=rows, stats=stats))
    assert stats.problems == []
    return pd.concat(chunks, ignore_index=True)


@settings(max_examples=60, deadline=None)
@given(table=tables(), rows=st.integers(1, 20))
def test_tsv_reads_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    table: tuple[list[tuple[str, str]], pd.DataFrame],
    rows: int,
) -> None:
    """Hostile text, extreme numbers and unset values come back with values and dtypes."""
    columns, frame = table
    path = tmp_path_factory.mktemp("log") / "any.log"
    write_frame(path, "any", columns, frame, opened=OPENED, closed=CLOSED)
    back = read(LogFile(path, "any", "tsv"), [name for name, _ in columns], rows)
    assert_frame_equal(back, frame)


def _as_json_tells(value: object) -> object:
    """Return text after Zeek's JSON, which writes bytes that are no text as letters."""
    if isinstance(value, tuple):
        return tuple(json_text(part) for part in value)
    return json_text(value) if isinstance(value, str) else value


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_json_reads_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """The rows of a notice log come back from JSON lines."""
    rows = data.draw(st.integers(1, 6))
    known = {**VALUES, "set[enum]": ELEMENTS}
    made = {
        name: column(kind, data.draw(st.lists(known[kind], min_size=rows, max_size=rows)))
        for name, kind in NOTICE_LOG
    }
    # Above 1e11 a JSON time is taken for milliseconds; Zeek's own never are, until the year 5138.
    frame = as_frame(made, rows)
    path = tmp_path_factory.mktemp("log") / "notice.log"
    write_frame(path, "notice", NOTICE_LOG, frame, format="json", opened=OPENED, closed=CLOSED)
    back = read(LogFile(path, "notice", "json"), [name for name, _ in NOTICE_LOG], 4)
    for name in frame.columns:
        if frame[name].dtype == object:
            frame[name] = pd.Series(objects(list(map(_as_json_tells, frame[name]))), dtype=object)
    assert_frame_equal(back, frame)


def zeek_cut() -> str:
    found = shutil.which("zeek-cut") or shutil.which("bro-cut")
    if found is None:
        pytest.skip("neither zeek-cut nor bro-cut is installed")
    return found


@settings(max_examples=15, deadline=None)
@given(table=tables())
def test_zeek_cut_reads_what_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    table: tuple[list[tuple[str, str]], pd.DataFrame],
) -> None:
    """Zeek's own tool sees the same rows, header and end in what is written."""
    columns, frame = table
    path = tmp_path_factory.mktemp("log") / "any.log"
    write_frame(path, "any", columns, frame, opened=OPENED, closed=CLOSED)
    whole = path.read_bytes()
    cut = subprocess.run([zeek_cut(), "-C"], input=whole, capture_output=True, check=True)
    assert cut.stdout == whole
    last = columns[-1][0]
    one = subprocess.run([zeek_cut(), last], input=whole, capture_output=True, check=True)
    rows = [line for line in whole.split(b"\n") if line and not line.startswith(b"#")]
    assert one.stdout.splitlines() == [row.split(b"\t")[-1] for row in rows]


NOTICE = {
    "ts": 1_795_185_600_000_000,
    "uid": "CHhAvVGS1DHFjwGM9",
    "id.orig_h": "192.0.2.7",
    "id.orig_p": 50_000,
    "note": "FlowPrint::Unseen_App",
    "msg": "a\tb \\ é\udcff",
    "sub": "",
    "n": 3,
    "actions": ["Notice::ACTION_LOG"],
    "email_dest": [],
    "suppress_for": 3_600_000_000,
    "remote_location.latitude": 52.5,
}


def test_a_notice_in_tsv(tmp_path: Path) -> None:
    """A row has the 26 columns in Zeek's order, in Zeek's spelling."""
    path = tmp_path / "notice.log"
    with LogWriter(path, "notice", NOTICE_LOG, opened=OPENED) as writer:
        writer.write([NOTICE])
        writer.close(CLOSED)
        writer.close(CLOSED)
    lines = path.read_bytes().decode().splitlines()
    assert lines[0] == r"#separator \x09"
    assert lines[4:6] == ["#path\tnotice", "#open\t2026-01-01-00-00-00"]
    assert lines[8].split("\t") == [
        *("1795185600.000000", "CHhAvVGS1DHFjwGM9", "192.0.2.7", "50000", *"------"),
        *("FlowPrint::Unseen_App", r"a\x09b \\ \xc3\xa9\xff", "(empty)", *"---", "3", "-"),
        *("Notice::ACTION_LOG", "(empty)", "3600.000000", *"---", "52.5", "-"),
    ]
    assert lines[9:] == ["#close\t2026-01-01-01-00-00"]


def test_a_notice_in_json(tmp_path: Path) -> None:
    """A row is one object without nulls, with the time in seconds and bare ports."""
    path = tmp_path / "notice.log"
    with LogWriter(path, "notice", NOTICE_LOG, format="json", opened=OPENED) as writer:
        writer.write([NOTICE])
    assert path.read_text() == (
        '{"ts":1795185600.0,"uid":"CHhAvVGS1DHFjwGM9","id.orig_h":"192.0.2.7","id.orig_p":50000,'
        '"note":"FlowPrint::Unseen_App","msg":"a\\tb \\\\ \\\\xc3\\\\xa9\\\\xff","sub":"","n":3,'
        '"actions":["Notice::ACTION_LOG"],"email_dest":[],"suppress_for":3600.0,'
        '"remote_location.latitude":52.5}\n'
    )


def test_a_row_never_looks_like_a_comment(tmp_path: Path) -> None:
    """A first field that begins with # is escaped, row by row and in a frame."""
    columns = [("name", "string")]
    with LogWriter(tmp_path / "a.log", "any", columns, opened=OPENED) as writer:
        writer.write([{"name": "#close"}])
    frame = as_frame({"name": objects(["#close"])}, 1)
    write_frame(tmp_path / "b.log", "any", columns, frame, opened=OPENED, closed=OPENED)
    assert (tmp_path / "a.log").read_bytes() == (tmp_path / "b.log").read_bytes()
    assert b"\n\\x23close\n" in (tmp_path / "a.log").read_bytes()


def test_a_failed_block_leaves_the_log_open_ended(tmp_path: Path) -> None:
    """As after a crash of Zeek there is no #close, so nobody takes the log for complete."""
    path = tmp_path / "notice.log"
    with pytest.raises(KeyError), LogWriter(path, "notice", NOTICE_LOG, opened=OPENED):
        raise KeyError
    assert b"#close" not in path.read_bytes()


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """Both writers name the file in one error."""
    path = tmp_path / "missing" / "conn.log"
    with pytest.raises(OutputError, match=r"missing.conn\.log: cannot be written"):
        LogWriter(path, "conn", CONN_LOG, opened=OPENED)
    frame = as_frame({}, 0)
    with pytest.raises(OutputError, match=r"missing.conn\.log: cannot be written"):
        write_frame(path, "conn", CONN_LOG, frame, opened=OPENED, closed=CLOSED)


def test_writing_after_the_end_is_an_error(tmp_path: Path) -> None:
    """A closed log takes no rows."""
    writer = LogWriter(tmp_path / "notice.log", "notice", NOTICE_LOG, opened=OPENED)
    writer.close(CLOSED)
    with pytest.raises(OutputError, match="is closed"):
        writer.write([NOTICE])


def test_compressed_frames_are_the_same_bytes_each_time(tmp_path: Path) -> None:
    """No clock and no name go into the archive."""
    frame = as_frame({"uid": objects(["C1", "C2"])}, 2)
    paths = [tmp_path / "ssl.a.log.gz", tmp_path / "ssl.b.log.gz"]
    for path in paths:
        write_frame(path, "ssl", SSL_LOG, frame, opened=OPENED, closed=CLOSED)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert gzip.decompress(paths[0].read_bytes()).count(b"\n") == 11


@pytest.mark.parametrize("log", [CONN_LOG, SSL_LOG, X509_LOG], ids=["conn", "ssl", "x509"])
@pytest.mark.parametrize("kind", ["tsv", "json"])
def test_a_frame_may_lack_columns(
    tmp_path: Path, log: tuple[tuple[str, str], ...], kind: Format
) -> None:
    """What the frame lacks is unset in the log, and unset when read."""
    frame = as_frame({"ts": np.array([OPENED], dtype=np.int64)}, 1)
    path = tmp_path / "some.log"
    write_frame(path, "some", log, frame, format=kind, opened=OPENED, closed=CLOSED)
    back = read(LogFile(path, "some", kind), ["ts", "uid"])
    assert back["ts"].tolist() == [OPENED]
    assert back["uid"].tolist() == [""]


@pytest.mark.parametrize("kind", ["tsv", "json"])
def test_elements_keep_their_type(tmp_path: Path, kind: Format) -> None:
    """Times in a vector are text in a frame, numbers in JSON, and come back the same."""
    frame = as_frame({"answers": objects([("a", "1")]), "TTLs": objects([("60.000000", "0.5")])}, 1)
    path = tmp_path / "dns.log"
    write_frame(path, "dns", DNS_LOG, frame, format=kind, opened=OPENED, closed=CLOSED)
    back = read(LogFile(path, "dns", kind), ["answers", "TTLs"])
    assert back["answers"].tolist() == [("a", "1")]
    assert [tuple(map(float, cell)) for cell in back["TTLs"]] == [(60.0, 0.5)]


def test_arrays_are_sequences(tmp_path: Path) -> None:
    """A vector may be given as an array, of numbers too."""
    columns = [("windows", "vector[count]")]
    with LogWriter(tmp_path / "a.log", "any", columns, opened=OPENED) as writer:
        writer.write([{"windows": np.array([1, 2])}, {"windows": np.array([], dtype=int)}])
    assert b"\n1,2\n(empty)\n" in (tmp_path / "a.log").read_bytes()


def test_json_lines_are_json(tmp_path: Path) -> None:
    """Any JSON reader takes the lines."""
    frame = as_frame({"uid": objects(['"\\\n\x01\udcff', "é"])}, 2)
    path = tmp_path / "ssl.log"
    write_frame(path, "ssl", SSL_LOG, frame, format="json", opened=OPENED, closed=CLOSED)
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert rows == [{"uid": '"\\\n\\x01\\xff'}, {"uid": "é"}]


def test_column_types_of_a_written_log(tmp_path: Path) -> None:
    """A log tells the columns it was written with."""
    path = tmp_path / "x509.log"
    write_frame(path, "x509", X509_LOG, as_frame({}, 0), opened=OPENED, closed=CLOSED)
    assert column_types(log_at(path)) == dict(X509_LOG)

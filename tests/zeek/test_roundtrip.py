"""What is written is what is read."""

from __future__ import annotations

import gzip
import json
import shutil
import subprocess
import warnings
from contextlib import redirect_stdout
from importlib import import_module
from io import StringIO
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
    HTTP_LOG,
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
from flowprint_zeek.zeek.logformat import fixed, json_text
from flowprint_zeek.zeek.reader import ReadStats, column_types, read_chunks
from flowprint_zeek.zeek.writer import LogWriter, write_frame
from tests.zeek import slow
from tests.zeek.slow import PRIVATE, as_byte
from tests.zeek.slow_values import raw, unescaped

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

OPENED = 1_767_225_600_000_000
CLOSED = OPENED + 3_600_000_000
Format = Literal["tsv", "json"]


# What separates, escapes, stands for nothing or begins a comment; controls, private use, specials,
# halves of surrogate pairs, and bytes that are no UTF-8.
HOSTILE = (
    "\\x09,-()#\t\n\r\0\x01\x7f\x80\x85\x9f é€\xa0\u2028\ufeff\ue000\uf8ff\ufffd\uffff😀"
    "\ud800\udbff\udc00\udc80\udcc3\udcff\udfff\U000effff\U000f0000\U000f00ff\"'/abT"
)
TEXT = st.one_of(
    st.sampled_from(["", "-", "(empty)", "#fields", "a,b", "a\\x09", "\ufeffa", "é", "tcp"]),
    st.text(st.sampled_from(HOSTILE), max_size=8),
    st.text(max_size=6),
    st.binary(max_size=6).map(lambda data: data.decode("utf-8", "surrogateescape")),
)
ELEMENTS = st.lists(TEXT, max_size=3).map(tuple).filter(lambda parts: parts != ("",))
ADDRESSES = st.lists(st.ip_addresses().map(str), max_size=3).map(tuple)
INTERVALS = st.lists(st.integers(-(10**13), 10**13).map(fixed), max_size=3).map(tuple)
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
    "set[enum]": ELEMENTS,
    "vector[string]": ELEMENTS,
    "vector[addr]": ADDRESSES,
    "vector[interval]": INTERVALS,
}
LOGS = {
    "conn": CONN_LOG,
    "ssl": SSL_LOG,
    "x509": X509_LOG,
    "dns": DNS_LOG,
    "notice": NOTICE_LOG,
    "http": HTTP_LOG,
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


def told(frame: pd.DataFrame, tell: Callable[[str], str]) -> pd.DataFrame:
    """Return a frame with all its texts as a format tells them."""

    def one(value: Any) -> Any:
        return tuple(map(tell, value)) if isinstance(value, tuple) else tell(value)

    found = frame.copy()
    for name in frame.select_dtypes(object).columns:
        found[name] = pd.Series(objects([one(value) for value in frame[name]]), dtype=object)
    return found


def as_bytes(text: str) -> str:
    """Return text as its bytes: half a surrogate pair is three bytes that are no UTF-8."""
    return raw(text).decode("utf-8", "surrogateescape")


def as_json(text: str) -> str:
    """Return text after Zeek's JSON, which writes bytes that are no text as letters.

    U+F0000 to U+F00FF are read as bytes, which is how Zeek 9 may write them.
    """
    return as_bytes(PRIVATE.sub(as_byte, json_text(text)))


def slowly(log: LogFile, frame: pd.DataFrame) -> None:
    """Assert that an independent reader finds a frame in a log."""
    found = slow.read(log, list(frame.columns))
    rows = list(zip(*(frame[name].tolist() for name in frame.columns), strict=True))
    assert found.damaged == 0
    assert list(map(repr, found.rows)) == list(map(repr, rows))


@settings(max_examples=100, deadline=None)
@given(table=tables(), rows=st.integers(1, 20))
def test_tsv_reads_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory,
    table: tuple[list[tuple[str, str]], pd.DataFrame],
    rows: int,
) -> None:
    """Hostile text, extreme numbers and unset values come back with values and dtypes."""
    columns, frame = table
    log = LogFile(tmp_path_factory.mktemp("log") / "any.log", "any", "tsv")
    write_frame(log.path, "any", columns, frame, opened=OPENED, closed=CLOSED)
    expected = told(frame, as_bytes)
    assert_frame_equal(read(log, [name for name, _ in columns], rows), expected)
    slowly(log, expected)


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_json_reads_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """So it is with the rows of any log that is known, as JSON lines."""
    kind = data.draw(st.sampled_from(sorted(LOGS)))
    rows = data.draw(st.integers(1, 5))
    # Above 1e11 a JSON time is taken for milliseconds; Zeek's own never are, until the year 5138.
    made = {
        name: column(of, data.draw(st.lists(VALUES[of], min_size=rows, max_size=rows)))
        for name, of in LOGS[kind]
    }
    frame = as_frame(made, rows)
    log = LogFile(tmp_path_factory.mktemp("log") / f"{kind}.log", kind, "json")
    write_frame(log.path, kind, LOGS[kind], frame, format="json", opened=OPENED, closed=CLOSED)
    expected = told(frame, as_json)
    assert_frame_equal(read(log, list(made), 4), expected)
    slowly(log, expected)


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
    """Zeek's own tool sees the same rows, header and end; its fields are the values, escaped."""
    columns, frame = table
    path = tmp_path_factory.mktemp("log") / "any.log"
    write_frame(path, "any", columns, frame, opened=OPENED, closed=CLOSED)
    whole = path.read_bytes()
    cut = subprocess.run([zeek_cut(), "-C"], input=whole, capture_output=True, check=True)
    assert cut.stdout == whole
    last, kind = columns[-1]
    one = subprocess.run([zeek_cut(), last], input=whole, capture_output=True, check=True)
    fields = one.stdout.removesuffix(b"\n").split(b"\n")
    path.write_bytes(f"#path\tany\n#fields\tx\t{last}\n#types\tint\t{kind}\n".encode())
    with path.open("ab") as again:
        again.writelines(b"0\t" + field + b"\n" for field in fields)
    slowly(LogFile(path, "any", "tsv"), told(frame[[last]], as_bytes))


@settings(max_examples=30, deadline=None)
@given(texts=st.lists(TEXT, min_size=1, max_size=8), number=st.integers(1, 2**31))
def test_zat_reads_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], number: int
) -> None:
    """The row reader of zat sees as many rows and the same fields; it leaves escapes as they stand.

    What it cannot: fields at the ends of a line lose white space, unset numbers are 0, times lose
    digits. Its frame reader cuts lines at ``#`` and takes ``"`` for quotes; see `test_frame`.
    """
    columns = [("ts", "time"), ("text", "string"), ("n", "count")]
    size = len(texts)
    frame = as_frame(
        {
            "ts": OPENED + np.arange(size, dtype=np.int64) * 500_000,
            "text": objects(texts),
            "n": number + np.arange(size, dtype=np.int64),
        },
        size,
    )
    path = tmp_path_factory.mktemp("log") / "any.log"
    write_frame(path, "any", columns, frame, opened=OPENED, closed=CLOSED)
    with redirect_stdout(StringIO()), warnings.catch_warnings():
        # It leaves its files to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        reader = import_module("zat.zeek_log_reader").ZeekLogReader(str(path))
        rows = list(reader.readrows())
    assert [row["n"] for row in rows] == frame["n"].tolist()
    assert [round(row["ts"].timestamp() * 1e6) for row in rows] == frame["ts"].tolist()
    fields = [row["text"] for row in rows]
    values = ["" if field in {"-", "(empty)"} else unescaped(field) for field in fields]
    assert values == list(map(as_bytes, texts))


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

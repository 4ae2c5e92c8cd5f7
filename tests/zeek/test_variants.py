"""One log in every form that sensors, their tools and their settings give it."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from flowprint_zeek.zeek.columns import (
    CONN_LOG,
    UNSET,
    as_frame,
    objects,
    storage,
    unset_column,
)
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.logformat import escape
from flowprint_zeek.zeek.reader import ReadStats, column_types, read_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

TYPES = {name: kind for name, kind in CONN_LOG if not name.startswith(("missed", "resp_"))}
NAMES = list(TYPES)
ROW = {
    "ts": 1_767_225_600.25,
    "uid": "CHhAvVGS1DHFjwGM9",
    "id.orig_h": "192.0.2.1",
    "id.orig_p": 50_000,
    "id.resp_h": "198.51.100.7",
    "id.resp_p": 443,
    "proto": "tcp",
    "service": "quic,ssl",
    "duration": 1.5,
    "orig_bytes": 1,
    "conn_state": "SF",
    "local_orig": True,
    "history": "ShADadFf",
    "orig_pkts": 2,
    "orig_ip_bytes": 3,
    "tunnel_parents": ["Ca", "Cb"],
    "ip_proto": 6,
}
ROWS: list[dict[str, Any]] = [
    ROW,
    {"ts": 1_767_225_601.5, "uid": "C2", "id.orig_h": "2001:db8::1", "id.orig_p": 1}
    | {"id.resp_h": "ff02::fb", "id.resp_p": 5353, "proto": "udp", "local_orig": False},
    ROW | {"ts": 1_767_225_602.75, "uid": "C3", "service": "", "tunnel_parents": []},
]


def plain(value: object, kind: str) -> str:
    """Return a value that is no text as Zeek writes it into TSV."""
    if isinstance(value, bool):
        return "T" if value else "F"
    return f"{value:.6f}" if kind in {"time", "interval"} else str(value)


def rows(
    separator: str = "\t",
    *,
    sets: str = ",",
    empty: str = "(empty)",
    unset: str = "-",
    names: Sequence[str] = NAMES,
    cell: Callable[[object, str], str] = plain,
) -> list[str]:
    """Return the rows in TSV."""
    marks = {"separator": separator, "empty_field": empty, "unset_field": unset}

    def text(value: object, kind: str) -> str:
        if value is None:
            return unset
        if isinstance(value, list):
            return sets.join(value) or empty
        return escape(value, in_set=False, **marks) if isinstance(value, str) else cell(value, kind)

    return [separator.join(text(row.get(n), TYPES.get(n, "")) for n in names) for row in ROWS]


def header(
    separator: str = "\t",
    *,
    prefix: str = "#",
    said: str = "\\x09",
    sets: str = ",",
    empty: str = "(empty)",
    unset: str = "-",
    names: Sequence[str] = NAMES,
    types: Sequence[str] = tuple(TYPES.values()),
    path: str = "conn",
) -> list[str]:
    """Return a header."""
    lines = [
        ["set_separator", sets],
        ["empty_field", empty],
        ["unset_field", unset],
        ["path", path],
        ["open", "2026-01-01-00-00-00"],
        ["fields", *names],
        ["types", *types],
    ]
    return [f"{prefix}separator {said}", *(prefix + separator.join(line) for line in lines)]


CLOSE = "#close\t2026-01-01-01-00-00"
UNDERSCORED = [name.replace(".", "_") for name in NAMES]
BACKWARDS = NAMES[::-1]
BOTH = [*NAMES, "label", "detailed-label"]
LABELLED = [f"{row}\tBenign\t-" for row in rows()]
SPACED = [f"{row}   Malicious   C&C" for row in rows()]
SPACED_NAMES = [*NAMES[:-1], f"{NAMES[-1]}   label   detailed-label"]
SPACED_TYPES = [*list(TYPES.values())[:-1], "count   string   string"]
EXTRA = ["_path", *NAMES, "_write_ts", "ext_system_name"]
EXTENDED = [f"conn\t{row}\t1.000000\tsensor" for row in rows()]


def iso(value: object, kind: str) -> str:
    """Return a value as zeek-cut -d writes it."""
    if kind != "time":
        return plain(value, kind)
    return pd.Timestamp(float(str(value)), unit="s", tz="UTC").isoformat()


TSV: dict[str, list[str]] = {
    "as Zeek writes it": [*header(), *rows(), CLOSE],
    "no #close": [*header(), *rows()],
    "another separator": [*header("|", said="|"), *rows("|")],
    "comma": [*header(",", said=",", sets=";"), *rows(",", sets=";")],
    "space": [*header(" ", said="\\x20"), *rows(" ")],
    "a long separator": [*header("||", said="||"), *rows("||")],
    "a separator that no text has": [*header("\0", said="\\x00"), *rows("\0")],
    "a separator beyond ASCII": [*header("\xa7", said="\\xc2\\xa7"), *rows("\xa7")],
    "another set separator": [*header(sets="\\x3b"), *rows(sets=";")],
    "a long set separator": [*header(sets="::"), *rows(sets="::")],
    "other empty and unset fields": [*header(empty="E", unset="?"), *rows(empty="E", unset="?")],
    "nothing for unset": [*header(unset=""), *rows(unset="")],
    "another prefix": [*header(prefix="//"), *rows(), CLOSE.replace("#", "//")],
    "a prefix with a space": [*header(prefix="# "), *rows()],
    "scope separator _": [*header(names=UNDERSCORED), *rows()],
    "other order": [
        *header(names=BACKWARDS, types=list(TYPES.values())[::-1]),
        *rows(names=BACKWARDS),
    ],
    "extended": [
        *header(names=EXTRA, types=["string", *TYPES.values(), "time", "string"]),
        *EXTENDED,
    ],
    "labelled": [*header(names=BOTH, types=[*TYPES.values(), "string", "string"]), *LABELLED],
    "labels after spaces": [*header(names=SPACED_NAMES, types=SPACED_TYPES), *SPACED],
    "a header of names": ["\t".join(NAMES), *rows()],
    "a header of names with another separator": ["|".join(UNDERSCORED), *rows("|")],
    "no types": [*header()[:-1], *rows()],
    "old types": [*header(types=[k.replace("set", "table") for k in TYPES.values()]), *rows()],
    "closed and opened in the middle": [
        *header(),
        rows()[0],
        CLOSE,
        "#open\tx",
        *rows()[1:],
        CLOSE,
    ],
    "header in the middle": [*header(), *rows()[:2], CLOSE, *header(), rows()[2], CLOSE],
    "another header in the middle": [
        *(*header(), rows()[0], CLOSE),
        *header("|", said="|", names=UNDERSCORED, unset="?"),
        *rows("|", unset="?")[1:],
    ],
    "only names in the middle": [
        *(*header(), rows()[0]),
        *("#fields\t" + "\t".join(BACKWARDS), *rows(names=BACKWARDS)[1:]),
    ],
    "names again": ["\t".join(NAMES), rows()[0], "\t".join(NAMES), *rows()[1:]],
    "blank lines": ["", *header(), "", rows()[0], "", "", *rows()[1:], CLOSE, ""],
    "times for people": [*header(), *rows(cell=iso)],
}
"""Forms of TSV in which nothing is odd."""

ODD: dict[str, tuple[list[str], str]] = {
    "labels without names": (
        [*header(), *LABELLED],
        ":9: rows have fields that the header does not name (2): left out",
    ),
    "separators at the end": (
        [*(f"{line}\t" for line in header()), *(f"{row}\t" for row in rows())],
        ":9: rows have fields that the header does not name (1): left out",
    ),
    "labels without types": (
        [*header(names=BOTH), *LABELLED],
        ":8: the header names 20 fields and 18 types: the rest is text",
    ),
}
"""Forms of TSV in which something is odd, and what is told."""


def dotted(row: Mapping[str, Any], separator: str) -> dict[str, Any]:
    return {name.replace(".", separator): value for name, value in row.items()}


def nested(row: Mapping[str, Any]) -> dict[str, Any]:
    ids = {name[3:]: value for name, value in row.items() if name.startswith("id.")}
    return {"id": ids} | {name: value for name, value in row.items() if name[:3] != "id."}


def timed(form: Callable[[float], object]) -> list[dict[str, Any]]:
    return [row | {"ts": form(row["ts"])} for row in ROWS]


def iso_text(form: str) -> Callable[[float], str]:
    return lambda ts: pd.Timestamp(ts, unit="s").strftime(form)


JSON: dict[str, list[dict[str, Any]]] = {
    "as Zeek writes it": ROWS,
    "nulls": [dict.fromkeys(NAMES) | row for row in ROWS],
    "path": [{"_path": "conn"} | row for row in ROWS],
    "path at the end": [row | {"_path": "conn"} for row in ROWS],
    "extended": [{"_path": "conn", "_system_name": "s", "_write_ts": 1.5} | row for row in ROWS],
    "scope separator _": [dotted(row, "_") for row in ROWS],
    "records": [nested(row) for row in ROWS],
    "records and other rows": [nested(ROWS[0]), ROWS[1], dotted(ROWS[2], "_")],
    "milliseconds": timed(lambda ts: round(ts * 1000)),
    "milliseconds with a fraction": timed(lambda ts: ts * 1000),
    "ISO 8601": timed(iso_text("%Y-%m-%dT%H:%M:%S.%fZ")),
    "ISO 8601 without zone": timed(iso_text("%Y-%m-%d %H:%M:%S.%f")),
    "ISO 8601 with zone": timed(iso_text("%Y-%m-%dT%H:%M:%S.%f+00:00")),
    "intervals as integers": [row | {"duration": 2} if "duration" in row else row for row in ROWS],
}


def expected(of: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return the frame of some rows."""

    def value(row: Mapping[str, Any], name: str, kind: str) -> Any:
        said = row.get(name)
        if kind in {"time", "interval"}:
            return UNSET if said is None else round(said * 1_000_000)
        if kind in {"count", "port"}:
            return UNSET if said is None else said
        if kind == "bool":
            return -1 if said is None else int(said)
        return tuple(said or ()) if kind == "set[string]" else said or ""

    def column(name: str, kind: str) -> NDArray[Any]:
        dtype = unset_column(storage(kind), 0).dtype
        values = [value(row, name, kind) for row in of]
        return objects(values) if dtype.hasobject else np.array(values, dtype=dtype)

    return as_frame({name: column(name, kind) for name, kind in TYPES.items()}, len(of))


def read(path: Path, chunk: int = 65_536) -> tuple[pd.DataFrame, ReadStats]:
    """Return the connections of a file that is found."""
    stats = ReadStats()
    (log,) = find_logs([path], ["conn"])
    chunks = list(read_chunks(log, NAMES, rows=chunk, stats=stats))
    types = column_types(log)
    assert {name: types[name] for name in NAMES if name in types}.items() <= TYPES.items()
    return pd.concat(chunks, ignore_index=True), stats


def content(lines: Sequence[str], end: bytes = b"\n") -> bytes:
    return b"".join(line.encode() + end for line in lines)


@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize("chunk", [1, 100])
@pytest.mark.parametrize("form", TSV)
def test_tsv(tmp_path: Path, form: str, chunk: int, end: bytes) -> None:
    """Every form of TSV reads as the same rows, compressed or not, and nothing is told of it."""
    data = content(TSV[form], end)
    for path, written in ((tmp_path / "conn.log", data), (tmp_path / "a.gz", gzip.compress(data))):
        path.write_bytes(written)
        frame, stats = read(path, chunk)
        assert_frame_equal(frame, expected(ROWS))
        assert stats.problems == []
        assert stats.damaged == {}


@pytest.mark.parametrize("form", ODD)
def test_odd_tsv(tmp_path: Path, form: str) -> None:
    """What is odd and does not matter is told once, with its line."""
    lines, said = ODD[form]
    path = tmp_path / "conn.log.labeled"
    path.write_bytes(content(lines))
    for chunk in (1, 100):
        frame, stats = read(path, chunk)
        assert_frame_equal(frame, expected(ROWS))
        assert stats.problems == [f"{path}{said}"]
        assert stats.damaged == {}


@pytest.mark.parametrize("spaces", [False, True], ids=["compact", "spaced"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n"], ids=["LF", "CRLF", "blank lines"])
@pytest.mark.parametrize("form", JSON)
def test_json(tmp_path: Path, form: str, end: bytes, *, spaces: bool) -> None:
    """Every form of JSON reads as the same rows, compressed or not, and nothing is told of it."""
    signs = None if spaces else (",", ":")
    data = content([json.dumps(row, separators=signs) for row in JSON[form]], end)
    for path, written in ((tmp_path / "conn.log", data), (tmp_path / "a.gz", gzip.compress(data))):
        path.write_bytes(written)
        frame, stats = read(path, 1)
        same = [row | {"duration": 2} if row.get("duration") else row for row in ROWS]
        assert_frame_equal(frame, expected(same if "integers" in form else ROWS))
        assert stats.problems == []
        assert stats.damaged == {}


@pytest.mark.parametrize(
    "begin", [b"\xef\xbb\xbf", b"\t", b"\r\n\r\n"], ids=["BOM", "TAB", "blank"]
)
def test_what_stands_before_the_first_character(tmp_path: Path, begin: bytes) -> None:
    """It is no part of the log, in either format, and lines are counted with it."""
    logs = (content(TSV["as Zeek writes it"]), content(list(map(json.dumps, ROWS))))
    for data in logs:
        path = tmp_path / "conn.log"
        path.write_bytes(begin + data + b"garbage\n")
        frame, stats = read(path)
        assert_frame_equal(frame, expected(ROWS))
        line = (begin + data).count(b"\n") + 1
        assert stats.problems[0].startswith(f"{path}:{line}: damaged line")


@pytest.mark.parametrize(
    ("said", "micros"),
    [
        (b"19.5", 19_500_000),
        (b"19", 19_000_000),
        (b"0.000001", 1),
        (b"-1.5", -1_500_000),
        (b"1517336042", 1_517_336_042_000_000),
        (b"1517336042.090842", 1_517_336_042_090_842),
        (b"1.5173360420908420e9", 1_517_336_042_090_842),
    ],
)
def test_times_as_numbers(tmp_path: Path, said: bytes, micros: int) -> None:
    """Near zero, where a capture began without a clock, as integers, with an exponent."""
    for data in (b"#fields\tts\tuid\n%b\tC1\n" % said, b'{"ts":%b,"uid":"C1"}\n' % said):
        path = tmp_path / "conn.log"
        path.write_bytes(data)
        (log,) = find_logs([path], ["conn"])
        (frame,) = read_chunks(log, ["ts"], stats=ReadStats())
        assert frame["ts"].tolist() == [micros]


@pytest.mark.parametrize(
    ("said", "micros"),
    [
        (b"1517336042090", 1_517_336_042_090_000),
        (b"-1000000000000", -1_000_000_000_000_000),
        (b'"2018-01-30T18:14:02Z"', 1_517_336_042_000_000),
        (b'"2018-01-30T19:14:02.5+01:00"', 1_517_336_042_500_000),
        (b"18446744073709551516", None),
        (b'"1517336042"', None),
    ],
)
def test_times_in_json_only(tmp_path: Path, said: bytes, micros: int | None) -> None:
    """Milliseconds, which are told by their size, and text; what is no time damages its row."""
    path = tmp_path / "conn.log"
    path.write_bytes(b'{"ts":%b,"uid":"C1"}\n' % said)
    stats = ReadStats()
    chunks = list(read_chunks(find_logs([path], ["conn"])[0], ["ts"], stats=stats))
    assert [chunk["ts"].tolist() for chunk in chunks] == ([] if micros is None else [[micros]])
    assert stats.damaged == ({"conn": 1} if micros is None else {})


def test_columns_that_are_missing_are_told(tmp_path: Path) -> None:
    """A site may have renamed the columns without which a connection is none."""
    path = tmp_path / "conn.log"
    path.write_bytes(b"#fields\tts\tuid\tsrc\n1.0\tC1\t192.0.2.1\n")
    _, stats = read(path)
    said = "has no column id.orig_h, id.resp_h, id.resp_p, proto"
    assert stats.problems == [f"{path}:1: {said}"]

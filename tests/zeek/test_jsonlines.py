"""Logs in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.zeek.columns import UNSET
from flowprint_zeek.zeek.files import LogFile
from flowprint_zeek.zeek.reader import ReadStats, column_types, read_chunks
from tests.zeek.small_logs import read, uids, written

if TYPE_CHECKING:
    from pathlib import Path


def test_json_values(tmp_path: Path) -> None:
    """Times as seconds, milliseconds and ISO 8601; missing and null are unset."""
    content = (
        b'{"ts":1517336042.090842,"uid":"C1","id.orig_h":"192.0.2.1","id.orig_p":80,'
        b'"duration":0.09628199999999865,"local_orig":true}\n'
        b'{"ts":1517336042090,"uid":"C2","id_orig_h":"192.0.2.2","duration":null}\n'
        b'{"ts":"2018-01-30T18:14:02.090842Z","uid":"C3","local_orig":false,"x":[{}]}\n'
        b'{"ts":19.5,"uid":"C4\\ud800\xff"}\n'
    )
    frame, stats = read(written(tmp_path, content), written="json")
    assert frame["ts"].tolist() == [1517336042090842, 1517336042090000, 1517336042090842, 19500000]
    assert frame["duration"].tolist() == [96282, UNSET, UNSET, UNSET]
    assert frame["id.orig_h"].tolist() == ["192.0.2.1", "192.0.2.2", "", ""]
    assert frame["id.orig_p"].tolist() == [80, UNSET, UNSET, UNSET]
    assert frame["local_orig"].tolist() == [1, -1, 0, -1]
    assert uids(frame)[3].encode("utf-8", "surrogateescape") == b"C4\xed\xa0\x80\xff"
    assert stats.problems == []


@pytest.mark.parametrize(
    "line",
    [
        b'{"ts":1.0,"uid":"C"',
        b"[]",
        b"nothing",
        b"[" * 100_000,
        b'{"ts":"noon"}',
        b'{"ts":true}',
        b'{"ts":NaN}',
        b'{"ts":Infinity}',
        b'{"ts":1e300}',
        b'{"ts":1' + b"0" * 400 + b"}",
        b'{"ts":1' + b"0" * 5000 + b"}",
        b'{"uid":7}',
        b'{"uid":["C"]}',
        b'{"id.orig_h":"nobody"}',
        b'{"id.orig_h":"\\u0000"}',
        b'{"id.orig_p":"80"}',
        b'{"id.orig_p":80.5}',
        b'{"id.orig_p":65536}',
        b'{"duration":"1"}',
        b'{"duration":1e13}',
        b'{"local_orig":1}',
    ],
    ids=range(21),
)
def test_a_damaged_json_line_costs_only_itself(tmp_path: Path, line: bytes) -> None:
    """Values of a wrong type damage their row and never stop the reading."""
    good = b'{"ts":1.0,"uid":"C1"}\n'
    frame, stats = read(written(tmp_path, good + line + b"\n" + good), written="json")
    assert uids(frame) == ["C1", "C1"]
    assert stats.damaged == {"conn": 1}
    assert f"{tmp_path / 'conn.log'}:2: damaged line" in stats.problems[0]


def test_json_rows_of_another_log_are_skipped(tmp_path: Path) -> None:
    """Streams that share a file are told apart by their rows."""
    content = b'{"ts":1.0,"uid":"C1","_path":"conn"}\n{"ts":2.0,"uid":"C2","_path":"weird"}\n'
    frame, stats = read(written(tmp_path, content), written="json")
    assert uids(frame) == ["C1"]
    assert "rows of other logs than conn are skipped" in stats.problems[0]


def test_json_columns_of_unknown_type_are_text(tmp_path: Path) -> None:
    """What no table knows reads as TSV would have it."""
    content = b'{"ts":1.0,"a":1,"b":true,"c":["x",2],"d":{"e":1},"f":null}\n'
    path = written(tmp_path, content)
    types = column_types(LogFile(path, "conn", "json"))
    frame, _ = read(path, list(types), written="json")
    assert frame.iloc[0].tolist() == [1_000_000, "1", "T", "x,2", '{"e": 1}', ""]


@pytest.mark.parametrize("depth", [300, 600, 900, 2000, 50_000])
@pytest.mark.parametrize(("opening", "closing"), ["[]", ('{"a":', "}")], ids=["list", "record"])
def test_json_nested_deeply_is_text_or_damaged(
    tmp_path: Path, depth: int, opening: str, closing: str
) -> None:
    """However deep, the line costs at most itself, also where all columns are read."""
    nested = f'{{"uid":"C2","a":{opening * depth}1{closing * depth}}}\n'.encode()
    good = b'{"uid":"C1","a":"x"}\n'
    path = written(tmp_path, good + nested + good)
    frame, stats = read(path, ["uid", "a"], written="json")
    assert uids(frame) in (["C1", "C2", "C1"], ["C1", "C1"])
    assert stats.damaged["conn"] == 3 - len(frame)


def test_json_lists(tmp_path: Path) -> None:
    """Sets and vectors are tuples of text in both formats."""
    content = b'{"ts":1.0,"answers":["192.0.2.1",null],"TTLs":[60.0,0.5]}\n{"answers":"x"}\n'
    path = written(tmp_path, content, "dns.log")
    stats = ReadStats()
    (frame,) = read_chunks(LogFile(path, "dns", "json"), ["answers", "TTLs"], stats=stats)
    assert frame["answers"].tolist() == [("192.0.2.1", "")]
    assert frame["TTLs"].tolist() == [("60.000000", "0.500000")]
    assert stats.damaged == {"dns": 1}

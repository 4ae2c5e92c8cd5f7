"""Flows of Argus as rows of conn.log."""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from datetime import datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek.binetflow import TYPES, header_of
from flowprint_zeek.zeek.columns import UNSET
from flowprint_zeek.zeek.files import find_logs, log_at
from flowprint_zeek.zeek.frame import read_frame
from flowprint_zeek.zeek.join import CONN_COLUMNS, conn_rows
from flowprint_zeek.zeek.reader import ReadStats, column_types, read_chunks
from tests.zeek.small_logs import written

if TYPE_CHECKING:
    from pathlib import Path

CTU = (
    "StartTime Dur Proto SrcAddr Sport Dir DstAddr Dport State sTos dTos TotPkts TotBytes SrcBytes"
)
FIELDS = (*CTU.split(), "Label")
FLOW = {
    "StartTime": "2026/01/01 00:00:01.000002",
    "Dur": "1.500000",
    "Proto": "tcp",
    "SrcAddr": "192.0.2.1",
    "Sport": "40000",
    "Dir": "   ->",
    "DstAddr": "198.51.100.7",
    "Dport": "443",
    "State": "FSPA_FSPA",
    "TotPkts": "9",
    "TotBytes": "900",
    "SrcBytes": "300",
    "Label": "flow=From-Botnet",
}
START = 1_767_225_601_000_002
"""2026-01-01 00:00:01.000002 UTC."""


def line(
    values: dict[str, str] = FLOW, *, fields: tuple[str, ...] = FIELDS, separator: str = ","
) -> str:
    return separator.join((FLOW | values).get(field, "0") for field in fields)


def log(*lines: str, fields: tuple[str, ...] = FIELDS, separator: str = ",") -> bytes:
    return "\n".join([separator.join(fields), *lines, ""]).encode()


def read(path: Path, *, rows: int = 65_536) -> tuple[pd.DataFrame, ReadStats]:
    stats = ReadStats()
    chunks = list(read_chunks(log_at(path), [*CONN_COLUMNS, "label"], rows=rows, stats=stats))
    return pd.concat(chunks, ignore_index=True), stats


def value(path: Path, column: str, **values: str) -> object:
    """Return what a column holds of a flow with such fields."""
    frame, stats = read(written(path, log(line(values))))
    assert not stats.damaged
    return frame[column].tolist()[0]


# Rows


@pytest.mark.parametrize("separator", [",", "\t"])
def test_a_flow_is_a_row_of_conn_log(tmp_path: Path, separator: str) -> None:
    """All columns that it tells; the others are unset."""
    path = written(tmp_path, log(line(separator=separator), separator=separator), "a.binetflow")
    frame, stats = read(path)
    row = {str(key): value for key, value in frame.iloc[0].to_dict().items()}
    assert row == dict.fromkeys(CONN_COLUMNS, "") | {
        "ts": START,
        "uid": row["uid"],
        "id.orig_h": "192.0.2.1",
        "id.orig_p": 40_000,
        "id.resp_h": "198.51.100.7",
        "id.resp_p": 443,
        "proto": "tcp",
        "duration": 1_500_000,
        "orig_bytes": 300,
        "resp_bytes": 600,
        "resp_pkts": UNSET,
        "local_orig": -1,
        "label": "flow=From-Botnet",
        **dict.fromkeys(("vlan", "inner_vlan", "id.ctx.vlan", "id.ctx.inner_vlan"), UNSET),
    }
    assert stats.rows == {"conn": 1}


def test_packets_of_a_side_are_told_by_some_files(tmp_path: Path) -> None:
    """CTU-13 has only their sum; where SrcPkts stands, the rest is the responder's."""
    fields = (*FIELDS[:-1], "SrcPkts", "Label")
    path = written(tmp_path, log(line({"SrcPkts": "5"}, fields=fields), fields=fields))
    (chunk,) = read_chunks(log_at(path), ["orig_pkts", "resp_pkts"], stats=ReadStats())
    assert chunk.to_numpy().tolist() == [[5, 4]]


@pytest.mark.parametrize(
    ("text", "port"),
    [("", UNSET), ("0", 0), ("65535", 65_535), ("0x01bb", 443), ("0xFFFF", 65_535)],
)
def test_ports_may_be_hexadecimal(tmp_path: Path, text: str, port: int) -> None:
    """Argus writes those of ICMP so."""
    assert value(tmp_path, "id.resp_p", Dport=text) == port


@pytest.mark.parametrize(
    ("direction", "history"),
    [
        *[("   ->", ""), ("  <->", ""), ("  who", ""), ("", ""), ("   |>", "")],
        *[("  <- ", "^"), ("  <?>", "^"), ("   ?>", "^"), ("  <? ", "^")],
    ],
)
def test_a_guessed_or_reversed_direction_is_told(
    tmp_path: Path, direction: str, history: str
) -> None:
    """As Zeek's history tells it, so that device.flipped decides."""
    assert value(tmp_path, "history", Dir=direction) == history


@pytest.mark.parametrize(
    ("text", "ts"),
    [
        ("2026/01/01 00:00:01", START - 2),
        ("2026/01/01 00:00:01.5", START + 499_998),
        ("1970/01/01 00:00:00.000001", 1),
        ("2024/02/29 23:59:59.999999", 1_709_251_199_999_999),
    ],
)
def test_times_are_utc(tmp_path: Path, text: str, ts: int) -> None:
    """With as many digits as the file has."""
    assert value(tmp_path, "ts", StartTime=text) == ts


def test_records_of_argus_are_no_rows(tmp_path: Path) -> None:
    """Neither what it says of its own running nor a header in the middle, and neither is damage."""
    own = line({"Proto": "man", "SrcAddr": "0", "StartTime": "2030/01/01 00:00:00.000000"})
    frame, stats = read(written(tmp_path, log(own, line(), ",".join(FIELDS), line({"Dur": "2"}))))
    assert frame["duration"].tolist() == [1_500_000, 2_000_000]
    assert not stats.damaged


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_blank_lines_are_no_damage(tmp_path: Path, end: bytes) -> None:
    """As in Zeek's logs; lines that are damaged keep their numbers."""
    content = log("", line(), "", "", "x", line({"Dur": "2"}), "").replace(b"\n", end)
    path = written(tmp_path, content)
    frame, stats = read(path)
    assert frame["duration"].tolist() == [1_500_000, 2_000_000]
    assert stats.damaged == {"conn": 1}
    assert stats.problems == [f"{path}:6: damaged line (1 fields instead of 15): 'x'"]


def test_a_connection_that_nobody_answered(tmp_path: Path) -> None:
    """Without states and packets, bytes tell who answered."""
    path = written(tmp_path, log(line(), line({"TotBytes": "300"})))
    assert conn_rows(read(path)[0])["answered"].tolist() == [True, False]


# Uids


def test_a_row_written_twice_has_one_uid(tmp_path: Path) -> None:
    """In either format and with either line end."""
    commas = read(written(tmp_path, log(line(), line()).replace(b"\n", b"\r\n")))[0]
    tabs = read(written(tmp_path, log(line(separator="\t"), separator="\t")))[0]
    assert len({*commas["uid"], *tabs["uid"]}) == 1


@pytest.mark.parametrize("field", [*FLOW, "sTos", "dTos"])
def test_flows_that_differ_anywhere_never_share_a_uid(tmp_path: Path, field: str) -> None:
    """Whatever it is that parts them."""
    others = {"StartTime": "2026/01/01 00:00:02", "TotBytes": "901"}
    other = others.get(field, "7")
    frame, _ = read(written(tmp_path, log(line(), line({field: other}))))
    assert frame["uid"].nunique() == 2


def test_what_moves_between_fields_parts_flows(tmp_path: Path) -> None:
    """Fields do not run into each other."""
    flows = [line({"sTos": "1", "dTos": "23"}), line({"sTos": "12", "dTos": "3"})]
    assert read(written(tmp_path, log(*flows)))[0]["uid"].nunique() == 2


# Damage


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"StartTime": "2026-01-01 00:00:01"}, "ts is no time"),
        ({"StartTime": "2026/13/01 00:00:01"}, "ts is no time"),
        ({"StartTime": ""}, "ts is no time"),
        ({"Dur": "-1"}, "duration is no time"),
        ({"Dur": "inf"}, "duration is no time"),
        ({"Sport": "http"}, "id.orig_p is no port"),
        ({"Dport": "65536"}, "id.resp_p is no port"),
        ({"Dport": "0x10000"}, "id.resp_p is no port"),
        ({"Sport": "1_0"}, "id.orig_p is no port"),
        ({"SrcBytes": "9" * 30}, "orig_bytes is no number"),
        ({"SrcBytes": "901"}, "resp_bytes is no number"),
        ({"TotBytes": "x"}, "resp_bytes is no number"),
        ({"Label": "a,b"}, "16 fields instead of 15"),
        ({"Label": "\0"}, "a zero byte"),
    ],
)
def test_a_bad_row_is_damaged(tmp_path: Path, values: dict[str, str], reason: str) -> None:
    """It is counted and told once with its line; the others are read."""
    path = written(tmp_path, log(line(), line(values), line(values), line({"Dur": "2"})))
    frame, stats = read(path)
    assert frame["duration"].tolist() == [1_500_000, 2_000_000]
    assert stats.damaged == {"conn": 2}
    (problem,) = stats.problems
    assert problem.startswith(f"{path}:3: damaged line ({reason}): {line(values)[:9]!r}"[:-1])


def test_a_cut_file_keeps_its_whole_lines(tmp_path: Path) -> None:
    """The last line may lack its end; a line cut short is damaged."""
    data = log(line(), line({"Dur": "2"}))
    assert len(read(written(tmp_path, data[:-1]))[0]) == 2
    frame, stats = read(written(tmp_path, data[:-60]))
    assert (len(frame), stats.damaged["conn"]) == (1, 1)


# Which files are binetflow


@pytest.mark.parametrize("name", ["a.binetflow", "conn.log", "x", "capture.csv", "dns.log"])
def test_the_header_tells_a_file(tmp_path: Path, name: str) -> None:
    """Whatever the file is called, compressed or not, and beside other files."""
    for folder, content in (("plain", log(line())), ("gz", gzip.compress(log(line())))):
        (tmp_path / folder).mkdir()
        path = written(tmp_path / folder, content, name)
        assert log_at(path).format == "binetflow"
        assert [one.kind for one in find_logs([path], ["conn", "ssl"])] == ["conn"]
        assert len(read(path)[0]) == 1


def test_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    """And there may be others."""
    fields = ("Rank", *FIELDS[::-1])
    frame, _ = read(written(tmp_path, log(line(fields=fields), fields=fields)))
    assert frame["id.resp_h"].tolist() == ["198.51.100.7"]


def test_a_header_that_lacks_a_column_is_none(tmp_path: Path) -> None:
    """Such a file is refused by name."""
    path = written(tmp_path, log(line(fields=FIELDS[1:]), fields=FIELDS[1:]), "a.binetflow")
    assert header_of(path.read_bytes()) is None
    with pytest.raises(LogError, match=r"a\.binetflow"):
        log_at(path)


def test_read_frame_reads_it(tmp_path: Path) -> None:
    """With the columns that it has."""
    path = written(tmp_path, log(line()), "a.binetflow")
    assert list(column_types(log_at(path))) == list(TYPES)
    frame = read_frame(path)
    assert frame.index.tolist() == [pd.Timestamp("2026-01-01 00:00:01.000002")]
    assert frame["label"].tolist() == ["flow=From-Botnet"]


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_chunks_of_any_size_give_the_same_rows(tmp_path: Path, rows: int) -> None:
    """How many rows are read at a time changes nothing, damage neither."""
    lines = [line({"Dur": str(n)}) for n in range(6)] + ["x"]
    path = written(tmp_path, log(*lines))
    frame, stats = read(path, rows=rows)
    whole, told = read(path)
    pd.testing.assert_frame_equal(frame, whole)
    assert stats == told


# Real files


def real(folder: Path, name: str) -> tuple[list[dict[str, str]], pd.DataFrame]:
    """Return the flows of a real file by the csv module, and as they are read."""
    path = folder / "zeek-logs" / "binetflow" / name
    text = path.read_text()
    held = list(csv.DictReader(text.splitlines(), delimiter="," if "," in text[:20] else "\t"))
    frame, stats = read(path)
    assert not stats.damaged
    return [one for one in held if one["Proto"] != "man"], frame


@pytest.mark.parametrize(
    ("name", "count"), [("test2-malicious.binetflow", 6751), ("test5-mixed.binetflow", 299)]
)
def test_real_flows_are_read_whole(shared_data: Path, name: str, count: int) -> None:
    """Comma- and tab-separated: what the csv module reads, field by field."""
    rows, frame = real(shared_data, name)
    assert len(rows) == len(frame) == frame["uid"].nunique() == count
    moments = [datetime.strptime(f"{row['StartTime']}Z", "%Y/%m/%d %H:%M:%S.%f%z") for row in rows]
    assert [round(one.timestamp() * 1e6) for one in moments] == frame["ts"].tolist()
    assert [round(float(row["Dur"]) * 1e6) for row in rows] == frame["duration"].tolist()
    for column, field in (("id.orig_h", "SrcAddr"), ("id.resp_h", "DstAddr"), ("label", "Label")):
        assert frame[column].tolist() == [row[field] for row in rows]
    ports = [int(row["Dport"], 0) if row["Dport"] else UNSET for row in rows]
    assert frame["id.resp_p"].tolist() == ports
    assert (
        sum(int(row["TotBytes"]) for row in rows)
        == frame["orig_bytes"].sum() + frame["resp_bytes"].sum()
    )
    assert Counter("?" in row["Dir"] for row in rows) == Counter(frame["history"] == "^")


def test_real_flows_that_are_answered(shared_data: Path) -> None:
    """Of the malicious capture, as many as have packets of the responder."""
    rows, frame = real(shared_data, "test2-malicious.binetflow")
    usable = [
        row
        for row in rows
        if row["Proto"] in {"tcp", "udp"} and not ip_address(row["DstAddr"]).is_multicast
    ]
    answered = [int(row["TotPkts"]) > int(row["SrcPkts"]) for row in usable]
    connections = conn_rows(frame)
    mine = connections[connections["proto"].isin(["tcp", "udp"])]
    assert sum(answered) == mine["answered"].sum() == 6660

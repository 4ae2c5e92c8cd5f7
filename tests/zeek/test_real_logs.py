"""Real logs, counted here without the reader."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek.files import LogFile, find_logs, log_at
from flowprint_zeek.zeek.join import CONN_COLUMNS, SSL_COLUMNS, TlsRows, conn_rows
from flowprint_zeek.zeek.reader import ReadStats, column_types, read_chunks

if TYPE_CHECKING:
    from pathlib import Path

KINDS = ["conn", "ssl", "x509", "dns", "http"]
SOUND = [
    ("proxy_rolling_tsv_gz", {"conn": 7550, "ssl": 2736, "dns": 3209, "http": 2368, "x509": 114}),
    ("proxy_tsv_fuids", {"conn": 463, "ssl": 407, "x509": 173}),
    ("bro_old_tsv", {"conn": 360, "ssl": 37, "x509": 13}),
    ("ipv6_tsv", {"conn": 141, "ssl": 13, "x509": 2}),
    ("json_with_path", {"conn": 29, "ssl": 10}),
    ("json_relative_ts", {"conn": 576, "ssl": 205, "x509": 154}),
]


def rows_of(path: Path) -> list[dict[str, str]]:
    """Return rows by the simplest means: every value is text, or what JSON makes of it."""
    data = path.read_bytes()
    lines = (gzip.decompress(data) if path.suffix == ".gz" else data).decode().splitlines()
    if lines[0].startswith("{"):
        return [json.loads(line) for line in lines]
    fields = next(line.split("\t")[1:] for line in lines if line.startswith("#fields"))
    rows = [line.split("\t") for line in lines if not line.lstrip().startswith("#")]
    return [dict(zip(fields, row, strict=False)) for row in rows]


@pytest.mark.parametrize(("folder", "counts"), SOUND, ids=[folder for folder, _ in SOUND])
def test_every_row_and_every_column_is_read(
    shared_data: Path, folder: str, counts: dict[str, int]
) -> None:
    """All rows of all logs, none damaged, with the uids and times that stand in them."""
    stats = ReadStats()
    for log in find_logs([shared_data / "zeek-logs" / folder], KINDS):
        columns = list(column_types(log))
        chunks = list(read_chunks(log, columns, rows=1000, stats=stats))
        frame = pd.concat(chunks, ignore_index=True)
        expected = rows_of(log.path)
        assert len(frame) == len(expected)
        key = "uid" if "uid" in columns else columns[1]
        assert frame[key].tolist() == [row[key] for row in expected]
        assert frame["ts"].tolist() == [round(float(row["ts"]) * 1e6) for row in expected]
    assert stats.rows == counts
    assert stats.damaged == {}
    assert stats.problems == []


def test_interim_logs_are_not_read_as_conn(shared_data: Path) -> None:
    """The rows of open_conn.log say conn; its name tells the truth."""
    logs = find_logs([shared_data / "zeek-logs" / "json_with_path"], ["conn", "open_conn"])
    assert [(log.path.name, log.kind) for log in logs] == [
        ("conn.log", "conn"),
        ("open_conn.log", "open_conn"),
    ]


def test_truncated_logs_keep_their_whole_lines(shared_data: Path) -> None:
    """Cut lines, and a row with a port above 65535, are counted; the rest is read."""
    stats = ReadStats()
    for log in find_logs([shared_data / "zeek-logs" / "truncated"], ["conn"]):
        list(read_chunks(log, CONN_COLUMNS, stats=stats))
    assert stats.rows == {"conn": 60}
    assert stats.damaged == {"conn": 3}
    assert len(stats.problems) == 2


@pytest.mark.parametrize("name", ["truncated/conn_top.log", "text_not_zeek/conn.log"])
def test_what_is_no_log_is_refused_by_name(shared_data: Path, name: str) -> None:
    """A continuation without header, and plain text."""
    with pytest.raises(LogError, match=name.rpartition("/")[2]):
        log_at(shared_data / "zeek-logs" / name)


def test_a_folder_without_logs_is_named(shared_data: Path) -> None:
    """Its only file is called conn.log and is none."""
    with pytest.raises(LogError, match="text_not_zeek"):
        find_logs([shared_data / "zeek-logs" / "text_not_zeek"], KINDS)


def joined(folder: Path) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Return the connections of a folder with their certificates and names."""
    tls = TlsRows()
    stats = ReadStats()
    for log in find_logs([folder], ["ssl"]):
        for chunk in read_chunks(log, SSL_COLUMNS, stats=stats):
            tls.add(chunk)
    frames = [
        conn_rows(chunk)
        for log in find_logs([folder], ["conn"])
        for chunk in read_chunks(log, CONN_COLUMNS, stats=stats)
    ]
    frame = pd.concat(frames, ignore_index=True)
    certificates, names = tls.look_up(frame["uid"].to_numpy())
    return frame, certificates.tolist(), names.tolist()


def test_connections_find_their_tls_rows(shared_data: Path) -> None:
    """As many certificates and names as a join by hand gives."""
    folder = shared_data / "zeek-logs" / "proxy_rolling_tsv_gz"
    frame, certificates, names = joined(folder)
    tls: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("ssl.*")):
        for row in sorted(rows_of(path), key=lambda row: float(row["ts"]), reverse=True):
            tls[row["uid"]] = row
    mine = [tls.get(uid, {}) for uid in frame["uid"]]
    chains = [row.get("cert_chain_fps", "-") for row in mine]
    leaves = [chain.split(",")[0] for chain in chains]
    assert certificates == ["" if leaf in {"-", "(empty)"} else leaf for leaf in leaves]
    said = [row.get("server_name", "-").lower() for row in mine]
    assert names == ["" if name == "-" else name for name in said]
    assert sum(map(bool, certificates)) > 50
    assert sum(map(bool, names)) > 2000
    assert bool((frame["end"] >= frame["start"]).all())


def test_todays_logs_of_zeek(shared_data: Path) -> None:
    """The captures of Zeek 8 are read whole, and nothing in them is damaged."""
    stats = ReadStats()
    expected = 0
    for path in sorted((shared_data / "apps" / "android71").glob("*/conn.log")):
        expected += len(rows_of(path))
        list(read_chunks(LogFile(path, "conn", "tsv"), CONN_COLUMNS, stats=stats))
    assert stats.rows == {"conn": expected}
    assert stats.problems == []

"""Which files are logs, and of what kind."""

from __future__ import annotations

import gzip
import json
import os
import zlib
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek.blocks import Blocks
from flowprint_zeek.zeek.files import find_logs, log_at
from flowprint_zeek.zeek.reader import ReadStats, read_chunks

if TYPE_CHECKING:
    from pathlib import Path

CONN = b"#separator \\x09\n#path\tconn\n#fields\tts\tuid\n#types\ttime\tstring\n1.000000\tC1\n"
JSON = b'{"ts":1.0,"uid":"C1","conn_state":"SF"}\n'


def names(logs_of: Path, *kinds: str) -> list[str]:
    return [str(log.path.relative_to(logs_of)) for log in find_logs([logs_of], kinds or ["conn"])]


def test_a_directory_is_searched_through_in_order(tmp_path: Path) -> None:
    """Logs of all sub-directories come by sorted path; other kinds and other files are left out."""
    for day in ("2026-01-02", "2026-01-01"):
        (tmp_path / day).mkdir()
        (tmp_path / day / "conn.00:00:00-01:00:00.log.gz").write_bytes(gzip.compress(CONN))
        (tmp_path / day / "dns.log").write_bytes(CONN.replace(b"conn", b"dns"))
        (tmp_path / day / "conn-summary.log").write_text("no log\n")
        (tmp_path / day / "notes.bin").write_bytes(bytes(range(256)))
    assert names(tmp_path) == [
        "2026-01-01/conn.00:00:00-01:00:00.log.gz",
        "2026-01-02/conn.00:00:00-01:00:00.log.gz",
    ]


def test_a_file_reached_twice_counts_once(tmp_path: Path) -> None:
    """By name, by pattern, by its directory, through a link: it is one log."""
    log = tmp_path / "conn.log"
    log.write_bytes(CONN)
    (tmp_path / "current").symlink_to(tmp_path)
    (tmp_path / "conn.2026-01-01-00-00-00.log").symlink_to(log)
    os.link(log, tmp_path / "conn.1.log")
    found = find_logs([log, str(tmp_path / "conn*"), tmp_path], ["conn"])
    assert [entry.path for entry in found] == [log]


def test_a_log_beside_its_archive_counts_once(tmp_path: Path) -> None:
    """While zeekctl compresses a log both exist, and the archive may be half written."""
    (tmp_path / "conn.log").write_bytes(CONN)
    (tmp_path / "conn.log.gz").write_bytes(gzip.compress(CONN)[:40])
    assert names(tmp_path) == ["conn.log"]


def test_kind_comes_from_the_content(tmp_path: Path) -> None:
    """A log keeps its kind under a name that does not tell it."""
    (tmp_path / "a.log").write_bytes(CONN)
    (tmp_path / "b.data").write_bytes(b'{"ts":1.0,"_path":"ssl","uid":"C1"}\n')
    (tmp_path / "c.log").write_bytes(JSON)
    (tmp_path / "d.log").write_bytes(CONN.replace(b"\tconn", b"\t/var/spool/flowprint_conn"))
    found = find_logs([tmp_path], ["conn", "ssl", "flowprint_conn"])
    assert [(log.path.name, log.kind, log.format) for log in found] == [
        ("a.log", "conn", "tsv"),
        ("b.data", "ssl", "json"),
        ("c.log", "conn", "json"),
        ("d.log", "flowprint_conn", "tsv"),
    ]


def test_the_logs_of_the_zeek_package_are_told_by_their_columns(tmp_path: Path) -> None:
    """Rows of JSON that do not say what they are of, under any name."""
    conn = {"ts": 1.0, "uid": "C1", "batch_start": 0.0, "windows": [0, 3]}
    ssl = {"ts": 1.0, "uid": "C1", "cert_chain_fps": ["0f"], "cert_serial": "0A"}
    for name, row in {"a.log": conn, "b.log": ssl}.items():
        (tmp_path / name).write_text(json.dumps(row) + "\n", encoding="utf-8")
    kinds = ("conn", "ssl", "flowprint_conn", "flowprint_ssl", "flowprint")
    found = find_logs([tmp_path], kinds)
    assert [log.kind for log in found] == ["flowprint_conn", "flowprint_ssl"]


@pytest.mark.parametrize("name", ["open_conn.log", "conn_long.00:00:00-01:00:00.log"])
def test_interim_logs_are_never_conn(tmp_path: Path, name: str) -> None:
    """Their rows say conn, but each connection comes again in conn.log."""
    (tmp_path / name).write_bytes(CONN)
    (tmp_path / "conn.log").write_bytes(JSON)
    assert names(tmp_path) == ["conn.log"]


def test_a_log_without_rows_is_a_log(tmp_path: Path) -> None:
    """A JSON log that was just opened is empty."""
    (tmp_path / "conn.log").touch()
    assert names(tmp_path) == ["conn.log"]


def test_indent_and_byte_order_mark_do_not_hide_a_header(tmp_path: Path) -> None:
    """Some tools put white space or a mark before the first character."""
    (tmp_path / "conn.log").write_bytes(b"\t" + CONN)
    (tmp_path / "conn.1.log").write_bytes(b"\xef\xbb\xbf" + CONN)
    assert len(names(tmp_path)) == 2


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.log", None, "missing.log: no such file or directory"),
        ("conn.log", b"Lorem ipsum\n", r"conn.log: is no Zeek log"),
        ("conn.log", b"1.000000\tC1\n", r"conn.log: is no Zeek log: rows without a header"),
        ("conn.log", b"#path\tconn\n1.000000\tC1\n", r"conn.log: the header has no #fields line"),
        ("conn.log", b"#fields\ta\n#types\ta\tb\n", r"conn.log:2: the header names 1 fields and 2"),
        ("conn.log", b"#separator a\n", r"conn.log:1: separator 'a' cannot be told from values"),
        ("conn.log", b"[1, 2]\n", r"conn.log: is no Zeek log: JSON, but not one row"),
        ("conn.log", b'[\n{"ts":1.0}\n]', r"conn.log: is no Zeek log: JSON, but not one row"),
        ("conn.log", b'{\n"ts":1.0\n}\n', r"conn.log: is no Zeek log: JSON, but not one row"),
        ("conn.log", b"\xff\xfe#\0", r"conn.log: is no Zeek log: text in UTF-16"),
        ("stdout", b'{"ts":1.0,"a":2}\n', r"stdout: neither name nor rows nor columns tell"),
        ("conn.log.zst", b"\x28\xb5\x2f\xfd\x00", r"is compressed by zstd: only gzip"),
    ],
)
def test_a_named_file_that_is_no_log_is_an_error(
    tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    """The error names the file."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(LogError, match=said):
        find_logs([tmp_path / name], ["conn"])


def test_a_found_file_that_is_no_log_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is left out, but not silently; other kinds and other files are nobody's concern."""
    (tmp_path / "conn.log").write_bytes(CONN)
    (tmp_path / "conn.1.log").write_bytes(b"1.000000\tC1\n")
    (tmp_path / "conn.2.log.xz").write_bytes(b"\xfd7zXZ\x00\x00")
    (tmp_path / "dns.log.zst").write_bytes(b"\x28\xb5\x2f\xfd\x00")
    (tmp_path / "conn-summary.log").write_text("no log\n")
    assert names(tmp_path) == ["conn.log"]
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path}/conn.1.log: is no Zeek log: rows without a header; left out",
        f"{tmp_path}/conn.2.log.xz: is compressed by xz: only gzip is read; left out",
    ]


def test_places_without_a_wanted_log_are_named(tmp_path: Path) -> None:
    """A directory, a pattern, and files of other kinds only."""
    (tmp_path / "conn.log").write_text("no log\n")
    (tmp_path / "ssl.log").write_bytes(CONN.replace(b"\tconn", b"\tssl"))
    for place in (tmp_path, tmp_path / "*.log", tmp_path / "ssl.log"):
        with pytest.raises(LogError, match="no Zeek log of kind conn or x509") as caught:
            find_logs([place], ["x509", "conn"])
        assert caught.value.path is not None
        assert str(place) in str(caught.value)


def test_a_named_file_of_another_kind_is_left_out(tmp_path: Path) -> None:
    """A shell's pattern names many files."""
    (tmp_path / "conn.log").write_bytes(CONN)
    (tmp_path / "dns.log").write_bytes(CONN.replace(b"\tconn", b"\tdns"))
    found = find_logs([tmp_path / "conn.log", tmp_path / "dns.log"], ["conn"])
    assert [log.path.name for log in found] == ["conn.log"]


KINDS = [
    ("conn", {"uid": "C", "conn_state": "S0"}),
    ("ssl", {"uid": "C", "established": True, "resumed": False}),
    ("x509", {"id": "F", "certificate.serial": "0A"}),
    ("x509", {"fingerprint": "0f", "certificate_serial": "0A"}),
    ("dns", {"uid": "C", "trans_id": 1, "query": "a.example"}),
    ("http", {"uid": "C", "trans_depth": 1}),
    ("quic", {"uid": "C", "version": "1", "client_initial_dcid": "0a"}),
    ("dhcp", {"uids": ["C"], "mac": "00:00:5e:00:53:01", "msg_types": ["ACK"]}),
    ("dhcp", {"uid": "C", "mac": "00:00:5e:00:53:01", "assigned_ip": "192.0.2.1"}),
    ("files", {"fuid": "F", "source": "SSL", "analyzers": ["X509"], "sha1": "0f"}),
    ("capture_loss", {"peer": "worker-1", "gaps": 0, "percent_lost": 0.5}),
    ("notice", {"note": "A::B", "suppress_for": 3600.0}),
]


@pytest.mark.parametrize(("kind", "row"), KINDS)
def test_columns_tell_the_kind(tmp_path: Path, kind: str, row: dict[str, object]) -> None:
    """Where neither name nor rows do, in each format; unknown columns tell nothing."""
    path = tmp_path / "export"
    path.write_text(json.dumps({"ts": 1.0, **row}) + "\n", encoding="utf-8")
    assert log_at(path).kind == kind
    for begin in ("#fields\t", ""):
        path.write_text(begin + "\t".join(["ts", *row]) + "\n", encoding="utf-8")
        assert log_at(path).kind == kind


def test_records_tell_the_kind(tmp_path: Path) -> None:
    """Some programs write columns with dots as records."""
    (tmp_path / "x").write_text('{"ts":1.0,"certificate":{"serial":"0A"}}\n', encoding="utf-8")
    assert log_at(tmp_path / "x").kind == "x509"


def test_content_goes_before_the_name(tmp_path: Path) -> None:
    """What rows and columns tell is true of a file that was renamed."""
    (tmp_path / "ssl.log").write_bytes(JSON)
    (tmp_path / "dns.log").write_bytes(CONN)
    (tmp_path / "http.log").write_bytes(b'{"ts":1.0,"_path":"conn"}\n')
    assert [log_at(path).kind for path in sorted(tmp_path.iterdir())] == ["conn"] * 3


def test_a_log_of_several_loggers_is_several_logs(tmp_path: Path) -> None:
    """Each logger of a cluster writes a file of its own for the same hour."""
    for name in (
        "conn.10:00:00-11:00:00-logger-1.log.gz",
        "conn.10:00:00-11:00:00-logger-2.log.gz",
    ):
        (tmp_path / name).write_bytes(gzip.compress(CONN))
    assert len(names(tmp_path)) == 2


def test_an_archive_that_is_still_written_is_a_log(tmp_path: Path) -> None:
    """Zeek compresses in flight where it is told to: there is no end yet, and at first nothing."""
    packer = zlib.compressobj(wbits=31)
    started = packer.compress(CONN) + packer.flush(zlib.Z_SYNC_FLUSH)
    (tmp_path / "conn.log.gz").write_bytes(started)
    (tmp_path / "conn.1.log.gz").write_bytes(started[:10])
    (tmp_path / "conn.2.log.gz").touch()
    stats = ReadStats()
    read = [
        len(f) for log in find_logs([tmp_path], ["conn"]) for f in read_chunks(log, [], stats=stats)
    ]
    assert read == [1]
    assert [text.partition(": ")[2] for text in stats.problems] == [
        "compressed data ends early; read up to there"
    ] * 2


def test_a_name_with_a_sensor_before_it_tells_enough(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a file is not looked through for other logs."""
    for name in ("conn.log", "sensor1_conn.log"):
        (tmp_path / name).write_bytes(CONN)
    sizes = Mock(side_effect=Blocks)
    monkeypatch.setattr("flowprint_zeek.zeek.files.Blocks", sizes)
    assert len(names(tmp_path)) == 2
    assert sizes.call_count == 2

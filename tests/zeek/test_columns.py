"""Columns of the logs that are known, by version."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pandas.testing import assert_frame_equal

from flowprint_zeek.zeek import columns as tables
from flowprint_zeek.zeek.columns import UNSET, as_frame, objects, storage, unset_column
from flowprint_zeek.zeek.files import LogFile, log_at
from flowprint_zeek.zeek.ownlogs import FLOWPRINT_CONN_LOG, FLOWPRINT_LOG, FLOWPRINT_SSL_LOG
from flowprint_zeek.zeek.reader import ReadStats, column_types, read_chunks
from flowprint_zeek.zeek.writer import write_frame

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from flowprint_zeek.zeek.writer import Format

START = 1_767_225_600_000_000
LOGS = {
    "conn": tables.CONN_LOG,
    "ssl": tables.SSL_LOG,
    "x509": tables.X509_LOG,
    "quic": tables.QUIC_LOG,
    "dns": tables.DNS_LOG,
    "http": tables.HTTP_LOG,
    "dhcp": tables.DHCP_LOG,
    "files": tables.FILES_LOG,
    "capture_loss": tables.CAPTURE_LOSS_LOG,
    "notice": tables.NOTICE_LOG,
    "flowprint": FLOWPRINT_LOG,
    "flowprint_conn": FLOWPRINT_CONN_LOG,
    "flowprint_ssl": FLOWPRINT_SSL_LOG,
}
VALUES: dict[str, Any] = {"micros": START, "number": 7, "port": 443, "bool": 1, "double": 0.5}
VALUES |= {"text": "a b", "addr": "192.0.2.1"}


def values(kind: str) -> list[Any]:
    """Return a set and an unset value."""
    kept = storage(kind)
    inner = {"vector[interval]": "60.000000", "set[addr]": "192.0.2.1"}.get(kind, "a,b")
    value = (inner,) if kept == "tuple" else VALUES[kept]
    return [value, unset_column(kept, 1).tolist()[0]]


def column(kind: str) -> np.ndarray[Any, Any]:
    dtype = unset_column(storage(kind), 0).dtype
    return objects(values(kind)) if dtype.hasobject else np.array(values(kind), dtype=dtype)


@pytest.mark.parametrize("form", ["tsv", "json"])
@pytest.mark.parametrize("kind", LOGS)
def test_every_log_that_is_known_is_read_with_its_types(
    tmp_path: Path, kind: str, form: Format
) -> None:
    """Its columns, each with a value and without, in both formats."""
    frame = as_frame({name: column(zeek_type) for name, zeek_type in LOGS[kind]}, 2)
    path = tmp_path / f"{kind}.log"
    write_frame(path, kind, LOGS[kind], frame, format=form, opened=START, closed=START)
    log = log_at(path)
    assert (log.kind, log.format) == (kind, form)
    assert list(column_types(log).items()) == list(LOGS[kind])
    (back,) = read_chunks(log, [name for name, _ in LOGS[kind]], stats=ReadStats())
    assert_frame_equal(back, frame)


def both(path: Path, kind: str, names: Sequence[str], cells: Sequence[Any]) -> list[pd.DataFrame]:
    """Return a row of a log as read from TSV and from JSON, with all standard columns."""
    row = {name: cell for name, cell in zip(names, cells, strict=True) if cell is not None}
    texts = ["-" if c is None else ",".join(c) if isinstance(c, list) else str(c) for c in cells]
    forms = {
        "tsv": "#fields\t" + "\t".join(names) + "\n" + "\t".join(texts),
        "json": json.dumps(row),
    }
    frames: list[pd.DataFrame] = []
    for form, content in forms.items():
        path.write_text(content + "\n", encoding="utf-8")
        log = LogFile(path, kind, "json" if form == "json" else "tsv")
        frames += read_chunks(log, list(tables.standard_types(kind)), stats=ReadStats())
    return frames


IDS = ["id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p"]
ADDRESSES = ["192.0.2.1", 50_000, "198.51.100.7", 443]


@pytest.mark.parametrize("version", ["6.1", "6.2"])
def test_quic_by_version(tmp_path: Path, version: str) -> None:
    """Zeek 6.1 has one column less."""
    names = ["ts", "uid", *IDS, "version", "client_initial_dcid", "client_scid", "server_scid"]
    names += ["server_name", "client_protocol", "history"]
    cells = [1.5, "C1", *ADDRESSES, "1", "0a", "(empty)", "0b", "a.example", "h3", "ISishIHhH"]
    if version == "6.1":
        del names[8], cells[8]
    for frame in both(tmp_path / "quic.log", "quic", names, cells):
        assert frame["server_name"].tolist() == ["a.example"]
        assert frame["id.resp_p"].tolist() == [443]
        assert frame["history"].tolist() == ["ISishIHhH"]


def test_dhcp_by_version(tmp_path: Path) -> None:
    """An address has a MAC, and since Bro 2.6 a host name."""
    path = tmp_path / "dhcp.log"
    names = ["ts", "uids", "client_addr", "server_addr", "mac", "host_name", "client_fqdn"]
    names += ["assigned_addr", "lease_time", "msg_types", "duration"]
    cells = [1.5, ["C1", "C2"], None, "192.0.2.254", "00:00:5e:00:53:01", "lt-4711", None]
    cells += ["192.0.2.1", 3600.0, ["REQUEST", "ACK"], 0.25]
    for frame in both(path, "dhcp", names, cells):
        row = frame.iloc[0]
        assert (row["assigned_addr"], row["mac"]) == ("192.0.2.1", "00:00:5e:00:53:01")
        assert (row["host_name"], row["client_fqdn"], row["client_addr"]) == ("lt-4711", "", "")
        assert (row["lease_time"], row["uids"]) == (3_600_000_000, ("C1", "C2"))
    names = ["ts", "uid", *IDS, "mac", "assigned_ip", "lease_time", "trans_id"]
    cells = [1.5, "C1", *ADDRESSES, "00:00:5e:00:53:01", "192.0.2.1", 3600.0, 7]
    for frame in both(path, "dhcp", names, cells):
        row = frame.iloc[0]
        assert (row["assigned_ip"], row["mac"]) == ("192.0.2.1", "00:00:5e:00:53:01")
        assert (row["host_name"], row["assigned_addr"]) == ("", "")


def test_files_by_version(tmp_path: Path) -> None:
    """A file has its hash, and before Zeek 5.1 sets of hosts."""
    names = ["ts", "fuid", "tx_hosts", "rx_hosts", "conn_uids", "source", "analyzers", "sha1"]
    cells = [1.5, "F1", ["192.0.2.1"], ["192.0.2.2"], ["C1"], "SSL", ["X509", "SHA1"], "0f" * 20]
    for frame in both(tmp_path / "files.log", "files", names, cells):
        row = frame.iloc[0]
        assert (row["fuid"], row["sha1"], row["source"]) == ("F1", "0f" * 20, "SSL")
        assert (row["tx_hosts"], row["conn_uids"], row["uid"]) == (("192.0.2.1",), ("C1",), "")


def test_capture_loss(tmp_path: Path) -> None:
    """How much of the traffic a worker did not see."""
    names = ["ts", "ts_delta", "peer", "gaps", "acks", "percent_lost"]
    for frame in both(tmp_path / "a", "capture_loss", names, [1.5, 900.0, "w", 3, 4, 75.0]):
        assert frame.iloc[0].tolist() == [1_500_000, 900_000_000, "w", 3, 4, 75.0]


def test_unknown_kinds_have_the_usual_types() -> None:
    """Time, uid and addresses are what they are in every log."""
    types = tables.standard_types("some_new_protocol")
    assert types["ts"] == "time"
    assert types["id.resp_p"] == "port"
    assert unset_column(storage(types["id.resp_p"]), 1).tolist() == [UNSET]

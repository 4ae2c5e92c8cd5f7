"""What is in each real log, and how to count it by the simplest means, without the reader."""

from __future__ import annotations

import csv
import gzip
import ipaddress
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    Row = dict[str, str]

NO_LOG = "is no Zeek log: neither a header nor JSON"
NO_HEADER = "is no Zeek log: rows without a header"
LOCAL = [
    ipaddress.ip_network(text)
    for text in (
        *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"),
        *("fc00::/7", "fe80::/10"),
    )
]
CHAINS = ("cert_chain_fps", "cert_chain_fuids", "cert_hash")
"""Columns that hold certificates, of new and old versions."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What reading a file gives.

    Parameters
    ----------
    rows, damaged : int
        Good lines and others.
    duplicates : int
        Rows more than there are distinct (uid, ts).
    devices : int
        Distinct local hosts that open connections which count; 0 for logs other than conn.
    chains, names : int
        Rows with certificates, with a server name.
    problems : tuple of str
        What is told, each by its beginning without the path; of a file that is refused, why.
    refused : bool
        Whether it is no log.
    """

    rows: int = 0
    damaged: int = 0
    duplicates: int = 0
    devices: int = 0
    chains: int = 0
    names: int = 0
    problems: tuple[str, ...] = ()
    refused: bool = False


OUTCOMES: dict[str, Outcome] = {
    "binetflow/test2-malicious.binetflow": Outcome(rows=6751, devices=1),
    "binetflow/test5-mixed.binetflow": Outcome(rows=299, devices=1),
    "bro_old_tsv/conn.log": Outcome(rows=360, devices=1),
    "bro_old_tsv/ssl.log": Outcome(rows=37, chains=36),
    "bro_old_tsv/x509.log": Outcome(rows=13, duplicates=1),
    "ipv6_tsv/conn.log": Outcome(rows=141),
    "ipv6_tsv/ssl.log": Outcome(rows=13, chains=2, names=13),
    "ipv6_tsv/x509.log": Outcome(rows=2),
    "json_relative_ts/conn.log": Outcome(rows=576, devices=2),
    "json_relative_ts/ssl.log": Outcome(rows=205, chains=154, names=205),
    "json_relative_ts/x509.log": Outcome(rows=154),
    "json_with_path/conn.log": Outcome(rows=29, duplicates=1, devices=8),
    "json_with_path/open_conn.log": Outcome(rows=59),
    "json_with_path/ssl.log": Outcome(rows=10, chains=10, names=10),
    "proxy_rolling_tsv_gz/conn.15:00:00-16:00:00.log.gz": Outcome(rows=290, devices=2),
    "proxy_rolling_tsv_gz/conn.16:00:00-17:00:00.log.gz": Outcome(rows=7260, devices=2),
    "proxy_rolling_tsv_gz/dns.15:00:00-16:00:00.log.gz": Outcome(rows=20, duplicates=1),
    "proxy_rolling_tsv_gz/dns.16:00:00-17:00:00.log.gz": Outcome(rows=3189, duplicates=20),
    "proxy_rolling_tsv_gz/http.15:00:00-16:00:00.log.gz": Outcome(rows=43, duplicates=4),
    "proxy_rolling_tsv_gz/http.16:00:00-17:00:00.log.gz": Outcome(rows=2325, duplicates=4),
    "proxy_rolling_tsv_gz/ssl.15:00:00-16:00:00.log.gz": Outcome(rows=2, chains=1, names=2),
    "proxy_rolling_tsv_gz/ssl.16:00:00-17:00:00.log.gz": Outcome(rows=2734, chains=556, names=2733),
    "proxy_rolling_tsv_gz/x509.15:00:00-16:00:00.log.gz": Outcome(rows=1),
    "proxy_rolling_tsv_gz/x509.16:00:00-17:00:00.log.gz": Outcome(rows=113),
    "proxy_tsv_fuids/conn.log": Outcome(rows=463, devices=1),
    "proxy_tsv_fuids/ssl.log": Outcome(rows=407, names=407),
    "proxy_tsv_fuids/x509.log": Outcome(rows=173),
    "text_not_zeek/conn.log": Outcome(refused=True, problems=(f": {NO_LOG}",)),
    "truncated/conn.log": Outcome(
        rows=58, damaged=1, devices=3, problems=(":67: damaged line (9 fields instead of 21)",)
    ),
    "truncated/conn_json.log": Outcome(
        rows=2, damaged=2, devices=2, problems=(":3: damaged line (id.orig_p is no port)",)
    ),
    "truncated/conn_top.log": Outcome(refused=True, problems=(f": {NO_HEADER}",)),
}
"""Each file below ``zeek-logs``."""

APPS: dict[str, Outcome] = {
    "conn": Outcome(rows=1037, devices=43),
    "dns": Outcome(rows=436),
    "ssl": Outcome(rows=587, chains=498, names=587),
    "x509": Outcome(rows=506, duplicates=1),
    "dhcp": Outcome(rows=7),
    "http": Outcome(rows=13),
    "files": Outcome(rows=64),
    "ocsp": Outcome(rows=48),
}
"""Sums over the 35 captures below ``apps``, by log."""


def counted(path: Path) -> Outcome:
    """Count a log's lines."""
    rows, damaged = plain_rows(path)
    is_conn = path.name.startswith("conn") or path.suffix == ".binetflow"
    return Outcome(
        rows=len(rows),
        damaged=damaged,
        duplicates=len(rows) - len({key(row) for row in rows}),
        devices=len({row["id.orig_h"] for row in rows if is_conn and is_flow(row)}),
        chains=sum(any(is_set(row.get(name)) for name in CHAINS) for row in rows),
        names=sum(is_set(row.get("server_name")) for row in rows),
    )


def key(row: Row) -> tuple[str, ...]:
    """Return what two rows of one event share: what names it, and the time."""
    name = next(one for one in ("uid", "id", "fingerprint", "fuid", "uids") if one in row)
    return row[name], row["ts"]


def is_set(value: object) -> bool:
    """Tell whether a column holds something, in text and in JSON."""
    return value not in (None, "-", "(empty)", "", [])


def plain_rows(path: Path) -> tuple[list[Row], int]:
    """Return the rows of a log, all values as they stand there, and the count of damaged lines."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    lines = [line for line in text.lstrip().split("\n") if line]
    if path.suffix == ".binetflow":
        return _argus(lines)
    rows = _json(lines) if lines[0].startswith("{") else _tsv(lines)
    good = [row for row in rows if row is not None and is_sound(row)]
    return good, len(rows) - len(good)


def is_sound(row: Row) -> bool:
    """Tell whether the ports of a row are ports."""
    ports = (row.get("id.orig_p"), row.get("id.resp_p"))
    return all(port is None or int(port) < 1 << 16 for port in ports)


def _json(lines: list[str]) -> list[Row | None]:
    rows: list[Row | None] = []
    for line in lines:
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError:
            rows.append(None)
    return rows


def _tsv(lines: list[str]) -> list[Row | None]:
    fields: list[str] = []
    rows: list[Row | None] = []
    for cells in csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
        if cells[0] == "#fields":
            fields = cells[1:]
        elif not cells[0].startswith("#"):
            whole = len(cells) == len(fields)
            rows.append(dict(zip(fields, cells, strict=True)) if whole else None)
    return rows


def _argus(lines: list[str]) -> tuple[list[Row], int]:
    """Return the flows of Argus, and none damaged; Argus's own records are no flows."""
    rows = csv.DictReader(lines, delimiter="\t" if "\t" in lines[0] else ",")
    return [
        {
            "uid": ",".join(row.values()),
            "ts": row["StartTime"],
            "proto": row["Proto"],
            "id.orig_h": row["SrcAddr"],
            "id.resp_h": row["DstAddr"],
            "history": "^" if row["Dir"].strip() in {"<-", "<?>", "?>", "<?"} else "",
            "resp_pkts": str(int(row["TotPkts"]) - int(row["SrcPkts"])),
            "conn_state": "",
        }
        for row in rows
        if row["Proto"] not in {"man", "Proto"}
    ], 0


def is_flow(row: Row) -> bool:
    """Tell whether a connection counts: what a local host opens to one host that answers."""
    if row["proto"] not in {"tcp", "udp"} or "^" in row.get("history", ""):
        return False
    responder, originator = (ipaddress.ip_address(row[f"id.{end}_h"]) for end in ("resp", "orig"))
    if responder.is_multicast or str(responder) == "255.255.255.255":
        return False
    answered = int(row["resp_pkts"]) > 0 and row["conn_state"] != "REJ"
    local = row.get("local_orig") in ("T", True)
    return answered and (local or any(originator in network for network in LOCAL))

"""Connections with the times of their packets, as stock logs and as the Zeek package tell them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.zeek.columns import CONN_LOG, HTTP_LOG, SSL_LOG
from flowprint_zeek.zeek.ownlogs import FLOWPRINT_CONN_LOG, FLOWPRINT_SSL_LOG
from flowprint_zeek.zeek.writer import write_frame
from tests.stream.small import BATCH, MIDNIGHT, SECOND, frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from random import Random

    from flowprint_zeek.core.arrays import Ints
    from flowprint_zeek.zeek.columns import Columns
    from flowprint_zeek.zeek.writer import Format

    Rows = list[dict[str, object]]

WINDOW = 30 * SECOND
LOGS: dict[str, Columns] = {
    "conn": CONN_LOG,
    "ssl": (*SSL_LOG, ("ja4", "string")),
    "http": HTTP_LOG,
    "flowprint_conn": FLOWPRINT_CONN_LOG,
    "flowprint_ssl": FLOWPRINT_SSL_LOG,
}
STOCK = ("conn", "ssl")
EXPORTED = ("flowprint_conn", "flowprint_ssl")


@dataclass(frozen=True)
class Talk:
    """A connection and when it has packets, µs, rising; each packet has 100 bytes."""

    uid: str
    times: tuple[int, ...]
    device: str = "10.0.0.1"
    address: str = "203.0.113.1"
    name: str = ""
    certificate: str = ""
    client: str = ""
    answered: bool = True

    @property
    def end(self) -> int:
        return self.times[-1]

    def ends(self) -> dict[str, object]:
        """Return what both kinds of logs say of it alike."""
        return {
            "ts": self.times[0],
            "uid": self.uid,
            "id.orig_h": self.device,
            "id.orig_p": 40_000,
            "id.resp_h": self.address,
            "id.resp_p": 443,
            "proto": "tcp",
            "local_orig": 1,
        }


def talk(uid: str, *seconds: float, answered: bool = True, **told: str) -> Talk:
    """Return a connection with packets at some seconds after midnight."""
    times = tuple(MIDNIGHT + round(second * SECOND) for second in sorted(seconds))
    return Talk(uid, times, answered=answered, **told)


def chatter(chance: Random, app: str, start: float, length: float, device: str) -> list[Talk]:
    """Return what an app says to its servers, now and then, within some seconds."""
    octet = sum(app.encode()) % 250
    talks = []
    for number in range(chance.randint(3, 6)):
        begin = start + chance.uniform(0, min(length, 40))
        times = [begin, *(chance.uniform(begin, start + length) for _ in range(4))]
        talks.append(
            talk(
                f"C{app}{device}-{start:g}-{number}",
                *times,
                device=device,
                address=f"203.0.{octet}.{number % 4}",
                name=f"n{number % 4}.{app}.example" if number % 4 else "",
                certificate=f"{octet + number % 4:064x}" if number % 3 else "",
                client=f"ja4:{app}",
            )
        )
    return talks


def conn_rows(talks: Iterable[Talk]) -> Rows:
    """Return conn.log: rows in the order in which connections end."""
    return [
        one.ends()
        | {
            "duration": one.end - one.times[0],
            "orig_bytes": 100 * len(one.times),
            "resp_bytes": 0,
            "conn_state": "SF" if one.answered else "S0",
            "resp_pkts": len(one.times) * one.answered,
        }
        for one in sorted(talks, key=lambda one: (one.end, one.uid))
    ]


def ssl_rows(talks: Iterable[Talk]) -> Rows:
    """Return ssl.log, with the client's ja4."""
    return [
        {
            "ts": one.times[0],
            "uid": one.uid,
            "server_name": one.name,
            "cert_chain_fps": (one.certificate,) if one.certificate else (),
            "ja4": one.client.removeprefix("ja4:"),
        }
        for one in sorted(talks, key=lambda one: (one.times[0], one.uid))
        if one.name or one.certificate
    ]


def handshake_rows(talks: Iterable[Talk]) -> Rows:
    """Return flowprint_ssl.log."""
    columns = {name for name, _ in FLOWPRINT_SSL_LOG}
    return [
        {name: value for name, value in row.items() if name in columns} for row in ssl_rows(talks)
    ]


def exported_rows(talks: Iterable[Talk], batch: int = BATCH, window: int = WINDOW) -> Rows:
    """Return flowprint_conn.log: rows are written when a batch ends, or a connection in it."""
    rows = []
    for one in talks:
        times = np.array(one.times)
        for number in np.unique(times // batch).tolist():
            inside = times[times // batch == number]
            final = bool(inside[-1] == times[-1])
            written = one.end if final else (number + 1) * batch
            rows.append((written, one.uid, _exported(one, inside, number * batch, batch, window)))
            rows[-1][2]["final"] = final
    return [row for _, _, row in sorted(rows, key=lambda row: row[:2])]


def _exported(
    one: Talk,
    inside: Ints,
    start: int,
    batch: int,
    window: int,
) -> dict[str, object]:
    windows = np.unique(inside // window - start // window)
    return one.ends() | {
        "batch_start": start,
        "batch": batch,
        "window": window,
        "windows": tuple(map(str, windows.tolist())),
        "orig_bytes": 100 * inside.size,
        "resp_bytes": 0,
        "answered": one.answered,
        "cert_sha256": one.certificate,
        "server_name": one.name,
        "client_fp": one.client,
    }


def all_rows(talks: Sequence[Talk]) -> dict[str, Rows]:
    """Return the rows of all four logs."""
    made = (conn_rows, ssl_rows, exported_rows, handshake_rows)
    return {kind: rows(talks) for kind, rows in zip((*STOCK, *EXPORTED), made, strict=True)}


def write_logs(folder: Path, rows: Mapping[str, Rows], form: Format = "tsv") -> None:
    """Write logs, each to a file of its kind's name."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, held in rows.items():
        table = frame(kind, [name for name, _ in LOGS[kind]], held)
        path = folder / f"{kind}.log"
        write_frame(path, kind, LOGS[kind], table, format=form, opened=MIDNIGHT, closed=MIDNIGHT)

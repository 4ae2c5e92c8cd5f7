"""Small logs as the reader gives them, and what a pipeline makes of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.config import load
from flowprint_zeek.known import KnownApps, Site
from flowprint_zeek.stream.phases import Learning
from flowprint_zeek.stream.pipeline import Pipeline
from flowprint_zeek.zeek.columns import (
    CONN_LOG,
    SSL_LOG,
    X509_LOG,
    as_frame,
    objects,
    standard_types,
    storage,
    unset_column,
)
from flowprint_zeek.zeek.join import CONN_COLUMNS, SSL_COLUMNS, conn_rows
from flowprint_zeek.zeek.writer import write_frame

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from flowprint_zeek.stream.explained import Why
    from flowprint_zeek.stream.notices import Row

SECOND = 1_000_000
BATCH = 300 * SECOND
DAY = 86_400 * SECOND
MIDNIGHT = 1_767_225_600 * SECOND
"""2026-01-01 UTC, where a batch begins."""
ALWAYS = Learning(until=1 << 62)
NOTHING = Learning()
COLUMNS = {"conn": CONN_LOG, "ssl": SSL_LOG, "x509": X509_LOG}


def frame(kind: str, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> pd.DataFrame:
    """Return rows of a log as it is read; what a row lacks is unset."""
    types = standard_types(kind)
    held = {}
    for name in columns:
        unset = unset_column(storage(types[name]), 1)
        values = [row.get(name, unset[0]) for row in rows]
        text = unset.dtype == object
        held[name] = objects(values) if text else np.array(values, dtype=unset.dtype)
    return as_frame(held, len(rows))


@dataclass(frozen=True)
class Conn:
    """A connection; times in seconds after `MIDNIGHT`."""

    uid: str
    start: float
    duration: float = 1.0
    device: str = "10.0.0.1"
    address: str = "203.0.113.1"
    name: str = ""
    certificate: str = ""
    client: str = ""

    @property
    def ts(self) -> int:
        return MIDNIGHT + round(self.start * SECOND)

    @property
    def end(self) -> int:
        return self.ts + round(self.duration * SECOND)


def written(one: Conn) -> dict[str, object]:
    """Return a connection as a row of conn.log."""
    return {
        "ts": one.ts,
        "uid": one.uid,
        "id.orig_h": one.device,
        "id.orig_p": 40_000,
        "id.resp_h": one.address,
        "id.resp_p": 443,
        "proto": "tcp",
        "duration": one.end - one.ts,
        "conn_state": "SF",
        "resp_pkts": 3,
    }


def conn(*connections: Conn) -> pd.DataFrame:
    """Return connections as a conn.log holds them."""
    rows = [
        written(one) | {"orig_bytes": 100, "resp_bytes": 900, "local_orig": 1}
        for one in connections
    ]
    return conn_rows(frame("conn", CONN_COLUMNS, rows))


def ssl(*connections: Conn) -> pd.DataFrame:
    """Return what an ssl.log says of connections with a name or certificate."""
    rows = [
        {
            "ts": one.ts,
            "uid": one.uid,
            "server_name": one.name,
            "cert_chain_fps": (one.certificate,) if one.certificate else (),
            "ja4": one.client,
        }
        for one in connections
        if one.name or one.certificate
    ]
    return frame("ssl", SSL_COLUMNS, rows)


def session(
    app: str,
    start: float,
    *,
    device: str = "10.0.0.1",
    flows: int = 8,
    names: int = 4,
    step: float = 5.0,
) -> list[Conn]:
    """Return flows of an app to its own names and addresses, all active together."""
    octet = sum(app.encode()) % 250
    return [
        Conn(
            f"C{app}{device}-{start:g}-{number}",
            start + number * step,
            60.0,
            device,
            f"203.0.{octet}.{number % names}",
            f"n{number % names}.{app}.example",
        )
        for number in range(flows)
    ]


@dataclass
class Found:
    """A sink that keeps what it is given."""

    notices: list[Row] = field(default_factory=list)
    verdicts: list[Row] = field(default_factory=list)

    def notice(self, row: Row, _why: Why | None = None) -> None:
        self.notices.append(row)

    def verdict(self, row: Row) -> None:
        self.verdicts.append(row)

    def noted(self, note: str) -> list[Row]:
        return [row for row in self.notices if row["note"] == f"FlowPrint::{note}"]

    def said(self, key: str) -> list[object]:
        """Return one column of flowprint.log."""
        return [row[key] for row in self.verdicts]


def pipeline(
    learning: Learning = ALWAYS, *, site: Site | None = None, **settings: object
) -> tuple[Pipeline, Found]:
    """Return a pipeline with a sink; settings are named as in the environment."""
    given = {name.replace("__", "."): value for name, value in settings.items()}
    found = Found()
    config = load(None, environ={}, overrides=given)
    return Pipeline(config, site or Site(KnownApps(1000)), learning, found), found


def feed(line: Pipeline, connections: Iterable[Conn]) -> None:
    """Give connections to a pipeline in the order of their ends, as a replay does."""

    def closing(one: Conn) -> int:
        return -(-(one.end - line.timing.delay) // line.timing.batch)

    ordered = sorted(connections, key=lambda one: (one.end, one.uid))
    for _, group in groupby(ordered, closing):
        part = list(group)
        line.beside("ssl", ssl(*part))
        line.advance(part[0].end)
        line.conn(conn(*part))


def run(
    connections: Iterable[Conn],
    learning: Learning = ALWAYS,
    *,
    site: Site | None = None,
    **settings: object,
) -> tuple[Pipeline, Found]:
    """Return a pipeline that has finished with connections, and what it found."""
    line, found = pipeline(learning, site=site, **settings)
    feed(line, connections)
    line.finish()
    return line, found


def until(seconds: float) -> Learning:
    """Return learning up to a time in seconds after `MIDNIGHT`."""
    return Learning(until=MIDNIGHT + round(seconds * SECOND))


def moved(connections: Iterable[Conn], device: str) -> list[Conn]:
    """Return the same connections of another device."""
    return [replace(one, device=device, uid=f"{one.uid}@{device}") for one in connections]


def conn_log(path: Path, *connections: Conn, named: Sequence[Conn] | None = None) -> None:
    """Write connections in the order given, and ssl rows in the same order or that of `named`."""
    rows = [written(one) for one in connections]
    names = [
        {"ts": one.ts, "uid": one.uid, "server_name": one.name}
        for one in (connections if named is None else named)
        if one.name
    ]
    for kind, held in (("conn", rows), ("ssl", names)):
        table = frame(kind, [name for name, _ in COLUMNS[kind]], held)
        file = path / f"{kind}.log"
        write_frame(file, kind, COLUMNS[kind], table, opened=MIDNIGHT, closed=MIDNIGHT)

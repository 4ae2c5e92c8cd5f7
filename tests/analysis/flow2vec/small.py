"""Small corpora: two apps that devices use in turn, and what they make."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.analysis.flow2vec.corpus import Corpus, Limits, collect
from flowprint_zeek.analysis.flow2vec.embedding import Embedding, Settings
from flowprint_zeek.analysis.flow2vec.reading import CONN, NAMING, Reading
from flowprint_zeek.analysis.flow2vec.sentences import Cut
from flowprint_zeek.analysis.flow2vec.tokens import Scheme
from flowprint_zeek.config import load
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.zeek.files import find_logs

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from flowprint_zeek.config import Config

    Row = dict[str, Any]

BEGIN = 1_700_000_040
"""Where a minute begins, seconds since the epoch."""

CONFIG = load(None, environ={}, overrides={})
SCHEME = Scheme.parse("destination")
SMALL = Settings(SCHEME, size=8, epochs=3, window=5, sample=0.0, min_count=1)


def conn(at: float, device: int, server: int, **other: Any) -> Row:
    """Return a row of conn.log: a connection of 10.0.0.N to 192.0.2.N:443 that lasts a second."""
    return {
        "ts": BEGIN + at,
        "uid": f"C{at:g}x{device}x{server}",
        "id.orig_h": f"10.0.0.{device}",
        "id.orig_p": 50_000,
        "id.resp_h": f"192.0.2.{server}",
        "id.resp_p": 443,
        "proto": "tcp",
        "duration": 1.0,
        "conn_state": "SF",
        "resp_pkts": 3,
    } | other


def token(server: int) -> str:
    """Return the token of a destination."""
    return f"192.0.2.{server},443,tcp"


APPS = {"chess": (1, 2, 3, 4), "mail": (11, 12, 13, 14)}
"""Two apps and the servers of each; both ask server 99."""


def two_apps(minutes: int = 60, devices: int = 3) -> list[Row]:
    """Return connections of devices that use one app or the other, minute by minute."""
    rows = []
    for minute in range(minutes):
        for device in range(1, devices + 1):
            label = ("chess", "mail")[(minute + device) % 2]
            for place, server in enumerate((*APPS[label], 99)):
                at = 60.0 * minute + 5 * place + device / 10
                rows.append(conn(at, device, server, label=label))
    return sorted(rows, key=lambda row: float(row["ts"]))


def written(path: Path, rows: Iterable[Row]) -> Path:
    """Write a JSON log."""
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return path


def reading(logs: Sequence[Path], scheme: Scheme = SCHEME, **options: Any) -> Reading:
    """Return what reads logs."""
    kinds = (CONN, *NAMING) if scheme.named else (CONN,)
    config: Config = options.pop("config", CONFIG)
    return Reading(find_logs(logs, kinds), config, named=scheme.named, **options)


def made(
    folder: Path,
    rows: Sequence[Row] | Sequence[Path],
    *,
    scheme: Scheme = SCHEME,
    cut: Cut | None = None,
    limits: Limits | None = None,
    **options: Any,
) -> Corpus:
    """Return the corpus of rows, or of logs that are written already."""
    number = len(list(folder.iterdir()))
    logs = [one for one in rows if not isinstance(one, dict)]
    if not logs:
        given = [one for one in rows if isinstance(one, dict)]
        logs = [written(folder / f"conn.{number}.log", given)]
    spool = folder / f"corpus{number}"
    spool.mkdir()
    limits = Limits(min_count=1) if limits is None else limits
    chosen = Cut() if cut is None else cut
    return collect(reading(logs, scheme, **options), scheme, chosen, spool, limits)


def sentences(corpus: Corpus) -> list[list[str]]:
    """Return all sentences."""
    return list(corpus.sentences())


def embedding(
    vectors: Sequence[Sequence[float]],
    tokens: Sequence[str] | None = None,
    labels: Mapping[str, Mapping[str, int]] | None = None,
    settings: Settings = SMALL,
) -> Embedding:
    """Return an embedding of vectors that are given; named a, b, c."""
    values = np.array(vectors, dtype=np.float32)
    names = tuple(chr(ord("a") + at) for at in range(len(values)))
    counts = ints(range(len(values), 0, -1))
    return Embedding(
        replace(settings, size=values.shape[1]),
        names if tokens is None else tuple(tokens),
        counts,
        values,
        np.zeros_like(values),
        {} if labels is None else labels,
    )

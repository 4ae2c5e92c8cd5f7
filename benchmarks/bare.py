"""The bare reading of logs: the columns that a replay needs, of files, by one reader."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.reading import Log, by_pandas, by_polars, by_zat, json_by_pandas, ours, parts
from flowprint_zeek.zeek.columns import CONN_LOG, SSL_LOG
from flowprint_zeek.zeek.join import COLUMNS
from flowprint_zeek.zeek.ownlogs import FLOWPRINT_CONN_LOG, FLOWPRINT_SSL_LOG

if TYPE_CHECKING:
    from benchmarks.reading import Answer, Read

LOGS = {
    kind: Log(kind, columns, COLUMNS[kind])
    for kind, columns in (
        ("conn", CONN_LOG),
        ("ssl", (*SSL_LOG, ("ja4", "string"))),
        ("flowprint_conn", FLOWPRINT_CONN_LOG),
        ("flowprint_ssl", FLOWPRINT_SSL_LOG),
    )
}
"""Logs as `benchmarks.busy` writes them."""


def json_by_polars(path: Path, log: Log) -> Answer:
    """Read JSON with polars."""
    frame = import_module("polars").scan_ndjson(path)
    there = set(frame.collect_schema().names())
    found = frame.select([name for name in log.needed if name in there]).collect()
    return len(found), parts(found["ts"].to_numpy())


READERS: dict[str, tuple[Read, Read]] = {
    "read_chunks": (ours, ours),
    "pandas": (by_pandas, json_by_pandas),
    "polars": (by_polars, json_by_polars),
    "zat": (by_zat, by_zat),
}
"""What reads TSV and what reads JSON, by name."""


def read(reader: str, form: str, files: dict[str, list[str]]) -> dict[str, Any]:
    """Read files by the kind of log.

    Returns
    -------
    dict
        ``rows``, and ``parts``: the sum of the parts of a second in their times, µs.
    """
    by = READERS[reader][form == "json"]
    each = [by(Path(file), LOGS[kind]) for kind, own in files.items() for file in own]
    return {"rows": sum(rows for rows, _ in each), "parts": sum(part for _, part in each)}

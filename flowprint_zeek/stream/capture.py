"""Whole captures: all flows of some logs at once, with every slice, whatever their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from flowprint_zeek.core.devices import Selector, without_names
from flowprint_zeek.core.flows import microseconds
from flowprint_zeek.errors import LogError
from flowprint_zeek.stream.configured import parameters_of, selection_of
from flowprint_zeek.stream.exported import inexact, united
from flowprint_zeek.stream.replay import prepared
from flowprint_zeek.stream.report import lacking
from flowprint_zeek.zeek.beside import Beside
from flowprint_zeek.zeek.certificates import needed
from flowprint_zeek.zeek.exported import Widths
from flowprint_zeek.zeek.join import COLUMNS, CONNECTIONS, NO_CONNECTIONS
from flowprint_zeek.zeek.reader import ReadStats, read_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowprint_zeek.config import Config
    from flowprint_zeek.core.devices import Dropped
    from flowprint_zeek.stream.replay import Span
    from flowprint_zeek.zeek.files import LogFile

KINDS = tuple(kind for kind in COLUMNS if kind not in {"capture_loss", "dhcp"})
"""Kinds of logs that a capture is read from; one of `CONNECTIONS` is needed."""


def read_capture(
    logs: Sequence[LogFile], config: Config, *, span: Span, stats: ReadStats
) -> tuple[pd.DataFrame, Dropped]:
    """Return the flow table of logs, and what became no flow.

    `stats` gets the problems, also that logs are lacking.

    Memory grows with the logs; `flowprint_zeek.stream.replay` is for archives.

    Raises
    ------
    LogError
        There is no log of connections, or one whose batches or windows do not fit.
    """
    if not any(log.kind in CONNECTIONS for log in logs):
        raise LogError(NO_CONNECTIONS)
    selector = Selector(selection_of(config))
    beside = Beside(deny=config.ignore.shared_names, dns_keep=microseconds(config.stream.dns_keep))
    widths = Widths.of(parameters_of(config))
    parts = []
    for log in needed(logs):
        for chunk in read_chunks(log, COLUMNS[log.kind], stats=stats):
            if log.kind in CONNECTIONS:
                rows = span.of(prepared(chunk, log.kind, widths, log.path))
                beside.take_proxies(rows)
                parts.append(selector.select(rows))
            else:
                beside.take(log.kind, chunk)
    if not parts:
        raise LogError("the logs of connections have no rows", path=logs[0].path)
    flows = _together(parts, widths.batch, selector.dropped)
    stats.problems += lacking(logs, by_file=beside.tls.by_file)
    return without_names(beside.join(flows, beside.proxies), config.ignore.names), selector.dropped


def _together(parts: list[pd.DataFrame], batch: int, dropped: Dropped) -> pd.DataFrame:
    """Return flows by start, each connection once."""
    exact = [part for part in parts if "windows" in part and len(part)]
    stock = [part for part in parts if "windows" not in part]
    flows = pd.concat(stock or [part[:0] for part in parts], ignore_index=True)
    flows = flows.sort_values(["start", "uid", "end"], ignore_index=True)
    twice = flows.duplicated(["uid", "start"], keep="last") & (flows["uid"] != "")
    flows = flows[~twice]
    if exact:
        whole = united(pd.concat(exact, ignore_index=True), batch)
        told = flows["uid"].isin(set(whole["uid"]) - {""})
        if told.any():
            dropped.reasons["exported"] += int(told.sum())
        if not told.all():
            whole = pd.concat((inexact(flows[~told], "start"), whole), ignore_index=True)
        flows = whole.sort_values(["start", "uid", "end"])
    return flows.reset_index(drop=True)

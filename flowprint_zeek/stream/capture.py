"""Whole captures: all flows of some logs at once, with every slice, whatever their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from flowprint_zeek.core.devices import Selector, without_names
from flowprint_zeek.errors import LogError
from flowprint_zeek.stream.pipeline import selection_of
from flowprint_zeek.stream.report import lacking
from flowprint_zeek.zeek.certificates import needed
from flowprint_zeek.zeek.join import COLUMNS, TlsRows, conn_rows
from flowprint_zeek.zeek.reader import ReadStats, read_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowprint_zeek.config import Config
    from flowprint_zeek.core.devices import Dropped
    from flowprint_zeek.stream.replay import Span
    from flowprint_zeek.zeek.files import LogFile

KINDS = tuple(COLUMNS)
"""Kinds of logs that a capture is read from; ``conn`` is needed."""


def read_capture(
    logs: Sequence[LogFile], config: Config, *, span: Span, stats: ReadStats
) -> tuple[pd.DataFrame, Dropped]:
    """Return the flow table of logs, and what became no flow.

    `stats` gets the problems, also that logs are lacking.

    Memory grows with the logs; `flowprint_zeek.stream.replay` is for archives.

    Raises
    ------
    LogError
        There is no conn log.
    """
    if not any(log.kind == "conn" for log in logs):
        raise LogError("no conn log: nothing to fingerprint")
    selector = Selector(selection_of(config))
    tls = TlsRows(deny=config.ignore.shared_names)
    parts = []
    for log in needed(logs):
        for chunk in read_chunks(log, COLUMNS[log.kind], stats=stats):
            if log.kind == "conn":
                parts.append(selector.select(span.of(conn_rows(chunk))))
            else:
                tls.take(log.kind, chunk)
    if not parts:
        raise LogError("the conn logs have no rows", path=logs[0].path)
    flows = pd.concat(parts, ignore_index=True)
    flows = flows.sort_values(["start", "uid", "end"], ignore_index=True)
    twice = flows.duplicated(["uid", "start"], keep="last") & (flows["uid"] != "")
    flows = flows[~twice].reset_index(drop=True)
    stats.problems += lacking(logs, by_file=tls.by_file)
    certificate, name = tls.look_up(flows["uid"].to_numpy(dtype=object))
    flows = flows.assign(certificate=certificate, name=name)
    return without_names(flows, config.ignore.names), selector.dropped

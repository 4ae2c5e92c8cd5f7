"""Whole captures: all flows of some logs at once, with every slice, whatever their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from flowprint_zeek.core.devices import Selector, without_names
from flowprint_zeek.core.flows import microseconds
from flowprint_zeek.errors import LogError
from flowprint_zeek.stream.configured import selection_of
from flowprint_zeek.stream.report import lacking
from flowprint_zeek.zeek.beside import Beside
from flowprint_zeek.zeek.certificates import needed
from flowprint_zeek.zeek.join import COLUMNS, conn_rows
from flowprint_zeek.zeek.reader import ReadStats, read_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowprint_zeek.config import Config
    from flowprint_zeek.core.devices import Dropped
    from flowprint_zeek.stream.replay import Span
    from flowprint_zeek.zeek.files import LogFile

KINDS = tuple(kind for kind in COLUMNS if kind not in {"capture_loss", "dhcp"})
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
    beside = Beside(deny=config.ignore.shared_names, dns_keep=microseconds(config.stream.dns_keep))
    parts = []
    for log in needed(logs):
        for chunk in read_chunks(log, COLUMNS[log.kind], stats=stats):
            if log.kind == "conn":
                parts.append(selector.select(span.of(conn_rows(chunk))))
            else:
                beside.take(log.kind, chunk)
    if not parts:
        raise LogError("the conn logs have no rows", path=logs[0].path)
    flows = pd.concat(parts, ignore_index=True)
    flows = flows.sort_values(["start", "uid", "end"], ignore_index=True)
    twice = flows.duplicated(["uid", "start"], keep="last") & (flows["uid"] != "")
    flows = flows[~twice].reset_index(drop=True)
    stats.problems += lacking(logs, by_file=beside.tls.by_file)
    return without_names(beside.join(flows, beside.proxies), config.ignore.names), selector.dropped

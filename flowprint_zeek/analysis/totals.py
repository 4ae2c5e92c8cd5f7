"""What connection logs tell of whole flows: packets and bytes of both directions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.stream.capture import KINDS
from flowprint_zeek.zeek.columns import UNSET
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.join import CONNECTIONS
from flowprint_zeek.zeek.reader import ReadStats, read_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flowprint_zeek.analysis.captures import Captures
    from flowprint_zeek.zeek.files import LogFile

COUNTS = (
    *("orig_bytes", "resp_bytes", "orig_pkts", "resp_pkts"),
    *("orig_ip_bytes", "resp_ip_bytes"),
)
"""What is counted of a flow: payload, packets, and bytes with IP headers."""

_HEADER = 40
"""IP and TCP headers, bytes a packet: flowprint_conn.log tells of payload and packets only."""


def flow_totals(logs: Sequence[LogFile], flows: pd.DataFrame) -> pd.DataFrame:
    """Return the totals of flows, row by row.

    Of a connection that both kinds of logs tell of conn.log counts. flowprint_conn.log tells no
    bytes with headers; 40 a packet are added for them.

    Parameters
    ----------
    logs : sequence of LogFile
        The logs that the flows are from.
    flows : DataFrame
        Flow table with ``uid``, ``start`` and ``end``.

    Returns
    -------
    DataFrame
        `COUNTS`, 0 where nothing is told, and ``duration`` in seconds; the index is that of
        `flows`.
    """
    parts = {kind: _counted([log for log in logs if log.kind == kind]) for kind in CONNECTIONS}
    stock, exact = (parts[kind] for kind in CONNECTIONS)
    # Zeek writes no row of conn.log twice; a file that is there twice must not count twice.
    stock = stock.drop_duplicates(["uid", "ts"], keep="last").groupby("uid").last()
    exact = exact.drop_duplicates(["uid", "batch_start"], keep="last").groupby("uid").sum()
    headers = {
        f"{side}_ip_bytes": exact[f"{side}_bytes"] + _HEADER * exact[f"{side}_pkts"]
        for side in ("orig", "resp")
    }
    exact = exact.assign(**headers)
    known = pd.concat([stock, exact[~exact.index.isin(stock.index)]])[list(COUNTS)]
    totals = known.reindex(flows["uid"].to_numpy(dtype=object), fill_value=0)
    totals.index = flows.index
    return totals.assign(duration=(flows["end"] - flows["start"]) / SECOND)


def capture_totals(captures: Captures, advance: Callable[[], None]) -> pd.DataFrame:
    """Return the totals of the flows of captures; `advance` is called after each capture."""
    parts = []
    for number, row in enumerate(captures.rows):
        flows = captures.flows[captures.group == number]
        parts.append(flow_totals(find_logs([row.path], KINDS), flows))
        advance()
    return pd.concat(parts)


def _counted(logs: Sequence[LogFile]) -> pd.DataFrame:
    columns = ["uid", "ts", "batch_start", *COUNTS]
    parts = [
        chunk[chunk["uid"] != ""]
        for log in logs
        for chunk in read_chunks(log, columns, stats=ReadStats())
    ]
    if not parts:
        empty = {name: np.zeros(0, dtype=np.int64) for name in columns}
        return pd.DataFrame(empty | {"uid": np.zeros(0, dtype=object)})
    rows = pd.concat(parts, ignore_index=True)
    return rows.assign(**{name: rows[name].where(rows[name] != UNSET, 0) for name in COUNTS})

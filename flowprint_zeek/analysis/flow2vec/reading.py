"""Connections of logs as flows, in the order in which a live sensor would have read them."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from flowprint_zeek.core.devices import Dropped, Selector, without_names
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.stream.arrivals import Archived, Arrivals, in_order_of_end
from flowprint_zeek.stream.capture import KINDS
from flowprint_zeek.stream.configured import beside_of, selection_of
from flowprint_zeek.stream.replay import Span, first_time, key_of, prepared
from flowprint_zeek.zeek.certificates import needed
from flowprint_zeek.zeek.columns import UNSET
from flowprint_zeek.zeek.join import COLUMNS, CONNECTIONS
from flowprint_zeek.zeek.reader import ReadStats, read_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from flowprint_zeek.config import Config
    from flowprint_zeek.stream.arrivals import Chunks
    from flowprint_zeek.zeek.files import LogFile

CONN = "conn"
"""The log of the flows: flowprint_conn.log tells of the same connections once more."""

NAMING = tuple(kind for kind in KINDS if kind not in CONNECTIONS)
"""Logs that tell the names of connections."""

LABEL = "label"
"""Column of a log, and of the flows, with what a flow is said to be."""

STEP = 300 * SECOND
"""Log time that is read at a time, µs."""

_COLUMNS = ["uid", "start", "end", "orig_h", "orig_p", "resp_h", "resp_p", "proto", "n_bytes"]


@dataclass(slots=True)
class Reading:
    """Logs, and which of their connections are flows.

    Parameters
    ----------
    logs : sequence of LogFile
        Files of the kinds `CONN` and, where flows are `named`, `NAMING`.
    config : Config
        Which connections are flows of devices, and what is ignored.
    everyone : bool
        Every connection is a flow, of the host that opened it, whatever the settings say.
    named : bool
        Whether flows get the column ``name``.
    span : Span
        Part of the log time.
    labels : mapping of str to str, optional
        Labels by uid; default: those of the log, where it has a column `LABEL`.
    on_chunk : callable
        Called with each file and the rows just read of it, for progress.
    """

    logs: Sequence[LogFile]
    config: Config
    everyone: bool = False
    named: bool = False
    span: Span = field(default_factory=Span)
    labels: Mapping[str, str] | None = None
    on_chunk: Callable[[LogFile, int], None] = lambda _log, _rows: None
    stats: ReadStats = field(default_factory=ReadStats)
    dropped: Dropped = field(default_factory=Dropped)

    def flows(self) -> Iterator[tuple[int, pd.DataFrame]]:
        """Yield flows, and the log time, µs, up to which all have come.

        Memory holds `STEP` of log time, a chunk of each file that is open at the time, and what
        other logs tell of connections still to come.

        Yields
        ------
        int, DataFrame
            Flow table without certificates, with ``server``, ``device``, ``proto``, `LABEL` and,
            where they are `named`, ``name``.
        """
        selector = Selector(selection_of(self.config))
        self.dropped = selector.dropped
        beside = beside_of(self.config)
        conn = self._arrivals(CONN, selector)
        others = {kind: self._arrivals(kind, selector) for kind in self._naming()}
        while (arrival := conn.next()) is not None:
            limit = arrival + STEP
            for kind, each in others.items():
                for rows in each.take(limit):
                    beside.take(kind, rows)
            parts = list(conn.take(limit))
            flows = pd.concat(parts, ignore_index=True) if len(parts) > 1 else parts[0]
            if self.named:
                uids = flows["uid"].tolist()
                flows = beside.join(flows.reset_index(drop=True), beside.proxies_by(limit))
                flows = without_names(flows, self.config.ignore.names)
                beside.forget(uids)
                beside.expire(limit)
            yield limit, flows

    def _naming(self) -> tuple[str, ...]:
        return NAMING if self.named else ()

    def _arrivals(self, kind: str, selector: Selector) -> Arrivals:
        logs = [log for log in needed(self.logs) if log.kind == kind]
        return Arrivals(
            Archived(first_time(log), self._chunks(log, selector), key_of(kind)) for log in logs
        )

    def _chunks(self, log: LogFile, selector: Selector) -> Chunks:
        def chunks() -> Iterator[pd.DataFrame]:
            read = self._read(log)
            if log.kind != CONN:
                return read
            # Argus's flows are in the order in which they begin.
            by_end = in_order_of_end(read) if log.format == "binetflow" else read
            return map(partial(self._selected, selector), by_end)

        return chunks

    def _read(self, log: LogFile) -> Iterator[pd.DataFrame]:
        columns = (*COLUMNS[log.kind], LABEL) if log.kind == CONN else COLUMNS[log.kind]
        size = self.config.stream.chunk_rows
        for chunk in read_chunks(log, columns, rows=size, stats=self.stats):
            self.on_chunk(log, len(chunk))
            rows = prepared(chunk, log.kind)
            if log.kind == CONN:
                label = chunk[LABEL][chunk["ts"] != UNSET].to_numpy(dtype=object)
                rows = self.span.of(rows.assign(**{LABEL: label}))
            yield rows

    def _selected(self, selector: Selector, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that are flows, with their devices and labels."""
        rows = rows.reset_index(drop=True)
        if self.everyone:
            flows = rows[_COLUMNS].assign(device=rows["orig_h"], server=rows["resp_h"])
        else:
            flows = selector.select(rows)
        if self.labels is None:
            return flows.assign(**{LABEL: rows[LABEL].loc[flows.index]})
        return flows.assign(**{LABEL: flows["uid"].map(self.labels).fillna("")})

"""Flows as columns, and one flow as a value.

A *flow table* is a pandas DataFrame with one row a flow. Times are whole microseconds since the
epoch in ``int64``: Zeek writes six decimals, so nothing is lost, and batch and window arithmetic
is exact. Text columns are pandas text or object; "" is *none*.

===============  =========  ==================================================================
column           dtype      meaning
===============  =========  ==================================================================
``device``       text       local host whose apps are fingerprinted (optional: one device)
``start``        int64      first packet, µs
``end``          int64      last packet, µs
``resp_h``       text       destination address
``resp_p``       int64      destination port
``certificate``  text       fingerprint of the server's leaf certificate, "" without
``name``         text       normalised server name, "" without
``times``        object     optional: int64 arrays of every packet time, µs
===============  =========  ==================================================================

Tables made from logs also carry ``uid``, ``orig_h``, ``orig_p``, ``proto`` and ``n_bytes``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

SECOND = 1_000_000
"""Microseconds in a second: the unit of every time in a flow table."""

REQUIRED = ("start", "end", "resp_h", "resp_p", "certificate", "name")
"""Columns that every flow table has."""


def microseconds(seconds: float) -> int:
    """Return seconds as whole microseconds."""
    return round(seconds * SECOND)


def seconds(micros: int) -> float:
    """Return microseconds as seconds."""
    return micros / SECOND


@dataclass(frozen=True, slots=True)
class Flow:
    """One flow of one device.

    Parameters
    ----------
    dst : str
        Destination address.
    dport : int
        Destination port.
    timestamps : tuple of float
        Packet times in seconds since the epoch; at least one. Activity is taken from exactly these.
    certificate : str or None
        Fingerprint or serial number of the server's leaf certificate.
    name : str
        Server name, "" for none.
    src, sport : str, int
        Source; not used by the algorithm.
    """

    dst: str
    dport: int
    timestamps: tuple[float, ...]
    certificate: str | None = None
    name: str = ""
    src: str = ""
    sport: int = 0

    @property
    def time_start(self) -> float:
        """Time of the first packet, seconds since the epoch."""
        return min(self.timestamps)

    @property
    def time_end(self) -> float:
        """Time of the last packet, seconds since the epoch."""
        return max(self.timestamps)

    @property
    def destination(self) -> tuple[str, int]:
        """Destination address and port."""
        return (self.dst, self.dport)


def flow_table(flows: Iterable[Flow]) -> pd.DataFrame:
    """Return a flow table of flows, with every packet time.

    Cost: one pass in Python; convert once and keep the table.
    """
    rows: Sequence[Flow] = list(flows)
    times: list[NDArray[np.int64]] = [
        np.rint(np.asarray(flow.timestamps, dtype=np.float64) * SECOND).astype(np.int64)
        for flow in rows
    ]
    exact = np.empty(len(rows), dtype=object)
    exact[:] = times
    return pd.DataFrame(
        {
            "start": np.array([t.min() for t in times], dtype=np.int64),
            "end": np.array([t.max() for t in times], dtype=np.int64),
            "resp_h": np.array([flow.dst for flow in rows], dtype=object),
            "resp_p": np.array([flow.dport for flow in rows], dtype=np.int64),
            "certificate": np.array(
                ["" if flow.certificate is None else str(flow.certificate) for flow in rows],
                dtype=object,
            ),
            "name": np.array([flow.name for flow in rows], dtype=object),
            "times": exact,
        }
    )

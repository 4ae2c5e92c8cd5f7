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
``name``         text       normalised name the flow was made to, "" without
``times``        object     optional: int64 arrays of every packet time, µs
``windows``      text       optional: windows with packets, `flowprint_zeek.core.windows`; ""
                            where only ``start`` and ``end`` are known
===============  =========  ==================================================================

Tables made from logs also carry ``uid``, ``orig_h``, ``orig_p``, ``proto``, ``n_bytes`` and

=============  =======  =======================================================================
``client``     text     fingerprint of the TLS client, ``ja4:…`` or ``ja3:…``, "" without
``proxied``    bool     the destination is an explicit proxy: the endpoint of a flow that has a
                        certificate is no element, since it would tie strangers together
``named_by``   int64    what told a name, bits of `SERVER_NAME`, `HTTP_HOST`, `DNS_NAME`
=============  =======  =======================================================================

Where a row of a log tells all of a connection that there is to tell of one batch, its flow also
has the columns `EXPORTED`, until it is joined: ``began``, when the connection began, µs; ``final``,
whether it ended with this row; ``windows``; and what the row says of certificate, server name,
client and HTTP host.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_integer_dtype

from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.elements import normalise_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from flowprint_zeek.core.arrays import Ints, Texts

SECOND = 1_000_000
"""Microseconds in a second: the unit of every time in a flow table."""

SERVER_NAME, HTTP_HOST, DNS_NAME = 1, 2, 4
"""Bits of ``named_by``: TLS or QUIC, HTTP, and a lookup of the flow's own host told a name."""

TOLD = ("cert_sha256", "server_name", "client_fp", "http_host")
"""What rows say of certificate, server name, client and HTTP host, where they do."""

EXPORTED = ("began", "final", "windows", *TOLD)
"""Columns of flows from rows that tell of one batch only, and exactly; see the module."""

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

    Raises
    ------
    ValueError
        A flow has no packet time, or one that is no finite number.
    """
    rows: Sequence[Flow] = list(flows)
    stamps = [np.asarray(flow.timestamps, dtype=np.float64) for flow in rows]
    for at, one in enumerate(stamps):
        if not one.size or not math.isfinite(one.sum()):
            raise ValueError(f"flow {at} has the packet times {rows[at].timestamps!r}")
    times: list[NDArray[np.int64]] = [np.rint(one * SECOND).astype(np.int64) for one in stamps]
    exact = np.empty(len(rows), dtype=object)
    exact[:] = times
    certificates = ["" if flow.certificate is None else str(flow.certificate) for flow in rows]
    return pd.DataFrame(
        {
            "start": np.array([t.min() for t in times], dtype=np.int64),
            "end": np.array([t.max() for t in times], dtype=np.int64),
            "resp_h": text_column([flow.dst for flow in rows]),
            "resp_p": np.array([flow.dport for flow in rows], dtype=np.int64),
            "certificate": text_column(certificates),
            "name": text_column([normalise_name(flow.name) for flow in rows]),
            "times": exact,
        }
    )


def text_column(texts: Texts | list[str], index: pd.Index | None = None) -> pd.Series[str]:
    """Return texts as a column of Python texts, which the algorithm reads without converting.

    Pandas would make a type of its own of them. An array is not copied.
    """
    return pd.Series(texts, index, object, copy=False)


def check_flow_table(table: pd.DataFrame) -> None:
    """Check that a table is a flow table.

    Raises
    ------
    ValueError
        A column is missing, or a row has a port out of range or ends before it starts.
    TypeError
        A column is not of the type it must be.
    """
    missing = [column for column in REQUIRED if column not in table.columns]
    if missing:
        raise ValueError(f"a flow table has the columns {', '.join(REQUIRED)}; {missing} missing")
    for column in ("start", "end", "resp_p"):
        if not is_integer_dtype(table[column].dtype):
            unit = "" if column == "resp_p" else ", microseconds"
            raise TypeError(
                f"column {column} must hold whole numbers{unit}, not {table[column].dtype}"
            )
    for column in ("device", "resp_h", "certificate", "name", "windows"):
        if column in table.columns:
            kind = infer_dtype(table[column].to_numpy(dtype=object), skipna=False)
            if kind not in ("string", "empty"):
                raise TypeError(f'column {column} must hold text, "" for none, not {kind}')
    _check_rows(table, "resp_p", table["resp_p"].between(0, 65_535))
    _check_rows(table, "end", table["end"] >= table["start"])


def factorized(column: pd.Series[str]) -> tuple[Ints, list[str]]:
    """Return the number of each text of a column, by first appearance, and the texts."""
    code, texts = pd.factorize(column.to_numpy(dtype=object))
    return ints(code), list(texts)


def _check_rows(table: pd.DataFrame, column: str, right: pd.Series[bool]) -> None:
    wrong = np.flatnonzero(~right.to_numpy(dtype=np.bool_))
    if wrong.size:
        at = int(wrong[0])
        rule = "start or later" if column == "end" else "from 0 to 65535"
        value = table[column].iloc[at]
        raise ValueError(f"row {at} has {column} {value}; it must be {rule}")

"""The rows of dns.log and http.log of simulated connections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.analysis.background import address_text
from flowprint_zeek.analysis.catalogue import addresses, lifetime_of_answers
from flowprint_zeek.analysis.wire import LOOKUPS, Chance, Kind
from flowprint_zeek.core.arrays import Ints, Texts, row_groups
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.zeek.columns import DNS_LOG, HTTP_LOG, as_frame, objects, storage, unset_column

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from flowprint_zeek.analysis.catalogue import Destinations
    from flowprint_zeek.analysis.network import Network
    from flowprint_zeek.analysis.wire import Flows
    from flowprint_zeek.zeek.columns import Columns

MOST_SLOTS = 4
"""No name has more addresses at once."""
REQUEST_DELAY = 30_000
"""Time from the first packet to the request, at most the connection's duration, µs."""
IPV4, IPV6 = 1, 28


def dns_log(
    network: Network, table: Destinations, row: Ints, flows: Flows, conn: pd.DataFrame
) -> pd.DataFrame:
    """Return dns.log: the device's own questions, answered with all addresses of the name.

    Names have no IPv6 addresses: who asks for one gets none.

    Parameters
    ----------
    network : Network
        Parameters and seed.
    table : Destinations
        Servers.
    row : ndarray
        Row of ``table`` of each flow.
    flows : Flows
        All flows.
    conn : DataFrame
        Their rows of conn.log.
    """
    rows = np.flatnonzero(np.isin(flows.kind, LOOKUPS))
    asked, kind = row[rows], flows.kind[rows]
    ipv4 = kind == Kind.DNS
    answers, seconds = _answers(network, table, asked, flows.start[rows])
    answers[~ipv4], seconds[~ipv4] = objects([()]), objects([()])
    columns = {
        "proto": conn["proto"].to_numpy()[rows],
        "trans_id": (flows.chance[rows, Chance.HANDSHAKE] * 65_536).astype(np.int64),
        "rtt": conn["duration"].to_numpy()[rows],
        "query": table.name[asked],
        "qclass": _all(rows, 1),
        "qclass_name": _all(rows, "C_INTERNET"),
        "qtype": np.where(ipv4, IPV4, IPV6),
        "qtype_name": np.where(ipv4, "A", "AAAA").astype(object),
        "rcode": _all(rows, 0),
        "rcode_name": _all(rows, "NOERROR"),
        **{flag: _all(rows, flag in {"RD", "RA"}) for flag in ("AA", "TC", "RD", "RA")},
        "Z": _all(rows, 0),
        "answers": answers,
        "TTLs": seconds,
        "rejected": _all(rows, False),
    }
    return _filled(DNS_LOG, conn.iloc[rows], columns)


def _answers(network: Network, table: Destinations, asked: Ints, when: Ints) -> tuple[Texts, Texts]:
    """Return the addresses and the lifetimes of answers to questions for names."""
    turn = (when + table.phase[asked]) // table.lifetime[asked]
    group, first = row_groups((asked, turn))
    row, at = asked[first], when[first]
    slots = table.slots[row]
    slot = np.arange(MOST_SLOTS)[:, None]
    # a place in the middle of a slot's share of chance
    chance = (np.minimum(slot, slots - 1) + 0.5) / slots
    codes = np.stack([addresses(network, table, row, at, one) for one in chance])
    texts = address_text(network, codes.ravel()).reshape(codes.shape)
    found = [tuple(dict.fromkeys(each)) for each in texts.T.tolist()]
    ttl = lifetime_of_answers(network, table.number[row]) // SECOND
    seconds = [(f"{s}.000000",) * len(f) for s, f in zip(ttl.tolist(), found, strict=True)]
    return objects(found)[group], objects(seconds)[group]


def http_log(table: Destinations, row: Ints, flows: Flows, conn: pd.DataFrame) -> pd.DataFrame:
    """Return http.log: one request for each connection, for the name or the bare address.

    Takes what `dns_log` takes.
    """
    rows = np.flatnonzero(flows.kind == Kind.HTTP)
    part = conn.iloc[rows]
    name, there = table.name[row[rows]], part["id.resp_h"].to_numpy()
    size = part["resp_bytes"].to_numpy()
    columns = {
        "ts": flows.start[rows] + np.minimum(REQUEST_DELAY, part["duration"].to_numpy()),
        "trans_depth": _all(rows, 1),
        "method": _all(rows, "GET"),
        "host": np.where(name == "", there, name),
        "uri": _all(rows, "/"),
        "version": _all(rows, "1.1"),
        "request_body_len": _all(rows, 0),
        "response_body_len": np.maximum(size - 200, 0),
        "status_code": _all(rows, 200),
        "status_msg": _all(rows, "OK"),
    }
    return _filled(HTTP_LOG, part, columns)


def _all(rows: Ints, value: object) -> NDArray[Any]:
    """Return a column of one value: text, a number or a truth."""
    if isinstance(value, str):
        return objects([value] * rows.size)
    kept = np.int8 if isinstance(value, bool) else np.int64
    return np.full(rows.size, value, dtype=kept)


def _filled(log: Columns, conn: pd.DataFrame, columns: dict[str, NDArray[Any]]) -> pd.DataFrame:
    """Return a frame of all columns of a log, unset where nothing is given."""
    held = {name: conn[name].to_numpy() for name, _ in log[:6]} | columns
    held |= {name: unset_column(storage(kind), len(conn)) for name, kind in log if name not in held}
    return as_frame({name: held[name] for name, _ in log}, len(conn))

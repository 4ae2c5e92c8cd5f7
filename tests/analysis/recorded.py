"""Small recordings: captures of apps and the logs of a browsing user."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.compose import Recipe, compose
from flowprint_zeek.analysis.recordings import LOGS, Recording, ends
from flowprint_zeek.zeek.columns import standard_types
from tests.stream.small import MIDNIGHT, SECOND, frame

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from flowprint_zeek.analysis.compose import Composed

RESOLVER = "10.0.0.53"


def recording(
    label: str,
    device: str,
    names: Sequence[str],
    *,
    step: float = 2.0,
    others: Sequence[str] = (),
    client: str = "",
) -> Recording:
    """Return a recording in which a device looks names up and opens a connection to each.

    `others` are hosts that have a connection, each; `client` is the client's fingerprint.
    """
    rows: dict[str, list[Mapping[str, object]]] = {kind: [] for kind in LOGS}
    for at, name in enumerate(names):
        ts = MIDNIGHT + round(at * step * SECOND)
        query = _conn(f"D{label}{at}", ts, device, RESOLVER, 53, "udp")
        flow = _conn(f"C{label}{at}", ts, device, f"203.0.113.{at}", 443, "tcp")
        rows["conn"] += [query, flow]
        rows["dns"].append(_of(query) | {"query": name, "answers": (f"203.0.113.{at}",)})
        told = {"server_name": name, "cert_chain_fps": (f"{at:064x}",), "ja3": client}
        rows["ssl"].append(_of(flow) | told)
        rows["http"].append(_of(flow) | {"host": name, "method": "CONNECT"})
        rows["x509"].append({"ts": ts, "fingerprint": f"{at:064x}"})
    for at, host in enumerate(others):
        rows["conn"].append(_conn(f"O{label}{at}", MIDNIGHT, host, "203.0.113.9", 443, "tcp"))
    logs = {kind: frame(kind, list(standard_types(kind)), held) for kind, held in rows.items()}
    return Recording(label, device, logs, np.maximum.accumulate(ends(logs["conn"])))


def _conn(uid: str, ts: int, device: str, peer: str, port: int, proto: str) -> dict[str, object]:
    return {
        "ts": ts,
        "uid": uid,
        "id.orig_h": device,
        "id.orig_p": 40_000,
        "id.resp_h": peer,
        "id.resp_p": port,
        "proto": proto,
        "duration": SECOND,
        "conn_state": "SF",
        "local_orig": 1,
        "resp_pkts": 3,
        "vlan": 7,
    }


def _of(conn: Mapping[str, object]) -> dict[str, object]:
    """Return what the rows of other logs repeat of a connection."""
    return {name: conn[name] for name in ("ts", "uid", "id.orig_h", "id.resp_h")}


def app(label: str, device: str = "10.0.0.1") -> Recording:
    """Return a capture of an app with six names of its own."""
    return recording(
        label, device, [f"n{at}.{label}.example" for at in range(6)], client=f"{label:0>32}"
    )


APPS = [app("mail"), app("maps"), app("bank"), app("mail", "10.0.0.2"), app("bank", "10.0.0.2")]
"""Captures of three apps on two devices, the second of which has none of maps."""

BROWSING = recording(
    "browsing",
    "10.0.0.7",
    [f"site{at}.example" for at in range(400)],
    step=10,
    others=("10.0.0.8", "10.0.0.9"),
)
"""A user who visits a new site every ten seconds for more than an hour."""


def composed(*more: Recording, **recipe: object) -> Composed:
    """Return a site of `APPS` without a background, or of what is given beside them."""
    given = {"browser": "beside" if more else "none", "unseen": "bank"} | recipe
    return compose([*APPS, *more], Recipe(**given))  # type: ignore[arg-type]  # a test's own words

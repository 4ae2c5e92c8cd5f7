"""Whether logs have the columns that matter, in a form that is read, and undamaged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.analysis.doctor.finding import note, ok, problem
from flowprint_zeek.zeek.columns import UNSET
from flowprint_zeek.zeek.jsonlines import row_of
from flowprint_zeek.zeek.reader import column_types

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from flowprint_zeek.analysis.doctor.finding import Finding
    from flowprint_zeek.analysis.doctor.scene import Last, Scene

_WHOLE = (
    "let Zeek log whole records: remove `$include` and `$exclude` of the log's filter from "
    "local.zeek"
)


@dataclass(frozen=True, slots=True)
class Needed:
    """Columns of which a log should have one.

    Attributes
    ----------
    kind : str
        Kind of log.
    names : tuple of str
        The columns; any of them will do.
    why : str
        What is not known without them.
    do : str
        What brings them.
    vital : bool
        Whether nothing works without them.
    rare : bool
        Whether they may be unset in all rows for a while.
    """

    kind: str
    names: tuple[str, ...]
    why: str
    do: str = _WHOLE
    vital: bool = False
    rare: bool = False


_LOCAL = (
    "put your networks into zeekctl's networks.cfg, or into local.zeek as `redef Site::local_nets "
    "+= { 192.0.2.0/24 };`, and run `zeekctl deploy`"
)

NEEDED = (
    *(
        Needed("conn", (name,), "its rows are of no use", vital=True)
        for name in ("ts", "id.orig_h", "id.resp_h", "id.resp_p", "proto")
    ),
    Needed("conn", ("uid",), "no other log can be joined to it", vital=True),
    Needed("conn", ("duration",), "every connection seems to end as it begins", vital=True),
    Needed("conn", ("history",), "connections whose sides Zeek swapped are not left out"),
    Needed(
        "conn",
        ("conn_state", "resp_pkts", "resp_bytes"),
        "connections that nobody answered are not left out",
    ),
    Needed("conn", ("local_orig",), "only device.local_networks tells whose devices are", _LOCAL),
    Needed("ssl", ("uid",), "it cannot be joined to conn.log", vital=True),
    Needed("ssl", ("server_name",), "server names are not known", vital=True),
    Needed(
        "ssl",
        ("cert_chain_fps", "cert_chain_fuids", "cert_hash"),
        "certificates are not known",
        "use Zeek 4.1 or later, and remove `$include` and `$exclude` of the log's filter",
        rare=True,
    ),
    Needed("http", ("host",), "hosts of HTTP are not known", rare=True),
    Needed("dns", ("answers",), "addresses are not named by lookups", rare=True),
    Needed("dns", ("query",), "addresses are not named by lookups", rare=True),
    Needed("quic", ("server_name",), "names of QUIC are not known", rare=True),
    Needed("dhcp", ("mac",), "devices get no names", rare=True),
)
"""Columns that matter, but for those that depend on others; see `check_columns`."""

_CLIENT = Needed(
    "ssl",
    ("ja4", "ja3"),
    "browsers are not told from other apps by their TLS client",
    "run `zkg install zeek/foxio/ja4`, put `@load packages` into local.zeek and run `zeekctl "
    "deploy`; flowprint_conn.log of the Zeek package has it, too",
)
_FINGERPRINT = Needed(
    "x509",
    ("fingerprint", "certificate.serial"),
    "ssl.log names certificates by files, and nothing tells what is in them",
)
_MAC = Needed(
    "conn",
    ("orig_l2_addr",),
    "device.key is mac, and devices have their addresses instead",
    "put `@load protocols/conn/mac-logging` into local.zeek and run `zeekctl deploy`",
    vital=True,
)

_FEW = 10
"""Rows from which on it tells something that none has a column."""

_MANY = 0.01
_MILLISECONDS = 1e11


def check_columns(scene: Scene) -> Iterator[Finding]:
    """Tell which columns that matter a log lacks, and what brings them."""
    complete: set[str] = set()
    for kind in dict.fromkeys(one.kind for one in (*NEEDED, _FINGERPRINT)):
        last = scene.last(kind)
        if last is None:
            continue
        lacks = [one for one in _needed(scene, kind) if not _has(last, one)]
        for one in lacks:
            names = " nor ".join(one.names)
            said = f"{last.found.path} has no {names} in its last rows: {one.why}"
            yield (problem if one.vital else note)(f"columns.{kind}", said, one.do)
        if not lacks:
            complete.add(kind)
    if complete:
        yield ok("columns", f"all columns that matter are in {', '.join(sorted(complete))}")


def _needed(scene: Scene, kind: str) -> Iterator[Needed]:
    yield from (one for one in NEEDED if one.kind == kind)
    if kind == "conn" and scene.config.device.key == "mac":
        yield _MAC
    own = scene.last("flowprint_conn")
    if kind == "ssl" and (own is None or not _any(own.rows, "client_fp")):
        yield _CLIENT
    ssl = scene.last("ssl")
    if kind == "x509" and ssl is not None and _any(ssl.rows, "cert_chain_fuids"):
        yield _FINGERPRINT


def _has(last: Last, needed: Needed) -> bool:
    """Tell whether a log has one of some columns, with a value somewhere if values are usual."""
    if len(last.rows) < _FEW or any(_any(last.rows, name) for name in needed.names):
        return True
    # In JSON nothing but a value tells of a column.
    if needed.rare and last.part.log.format != "json":
        return any(name in column_types(last.part.log) for name in needed.names)
    return False


def _any(rows: pd.DataFrame, name: str) -> bool:
    """Tell whether a column has a value in any row."""
    if name not in rows:
        return False
    values: Any = rows[name].to_numpy()
    if values.dtype == object:
        return any(len(value) > 0 for value in values.tolist())
    return bool((values != (-1 if values.dtype == np.int8 else UNSET)).any())


def check_times(scene: Scene) -> Iterator[Finding]:
    """Tell how logs in JSON write times: all forms are read here, but not everywhere."""
    forms: dict[str, list[str]] = {}
    for kind in dict.fromkeys(one.kind for one in scene.logs):
        last = scene.last(kind)
        if last is not None and last.part.log.format == "json":
            forms.setdefault(_form(last), []).append(str(last.found.path))
    said = {
        "TS_MILLIS": "Elastic's Zeek integration and Splunk's add-on take them for seconds",
        "TS_ISO8601": "Splunk's add-on does not read them, and Elastic's only in late versions",
    }
    for form, trouble in said.items():
        if paths := forms.get(form):
            yield note(
                "times",
                f"{paths[0]} has times as LogAscii::json_timestamps = JSON::{form} writes them: "
                f"read here to the last digit, but {trouble}",
                "nothing for flowprint-zeek; for a SIEM put `redef LogAscii::json_timestamps = "
                "JSON::TS_EPOCH;` into local.zeek and run `zeekctl deploy`",
            )
    if paths := forms.get("TS_EPOCH"):
        yield ok("times", f"times are seconds since the epoch, as in {paths[0]}")


def _form(last: Last) -> str:
    """Return what Zeek calls the form of times that most rows have, "" without any."""
    forms = Counter(
        filter(None, (_form_of((row_of(line) or {}).get("ts")) for line in last.lines()))
    )
    return forms.most_common(1)[0][0] if forms else ""


def _form_of(value: object) -> str:
    if isinstance(value, str):
        return "TS_ISO8601"
    if isinstance(value, int | float):
        return "TS_MILLIS" if abs(value) > _MILLISECONDS else "TS_EPOCH"
    return ""


def check_damage(scene: Scene) -> Iterator[Finding]:
    """Tell which logs have damaged rows among their last ones."""
    looked = 0
    for kind in dict.fromkeys(one.kind for one in scene.logs):
        last = scene.last(kind)
        if last is None:
            continue
        damaged = last.stats.damaged[kind]
        total = damaged + last.stats.rows[kind]
        looked += total
        if not damaged:
            continue
        # Lines were counted from the middle of the file.
        first = last.stats.problems[0].partition(": ")[2] if last.stats.problems else ""
        made = problem if damaged > total * _MANY else note
        yield made(
            f"damage.{kind}",
            f"{damaged} of the last {total} rows of {last.found.path} are damaged: {first}",
            "look for a full disk, and for what else writes to the file or changes its lines",
        )
    if looked:
        yield ok("damage", f"the last {looked} rows of all logs were read")

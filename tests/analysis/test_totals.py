"""What connection logs tell of whole flows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.totals import COUNTS, flow_totals
from flowprint_zeek.zeek.columns import CONN_LOG, as_frame, objects
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.ownlogs import FLOWPRINT_CONN_LOG
from flowprint_zeek.zeek.writer import write_frame
from tests.stream.small import BATCH, MIDNIGHT, SECOND, frame

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pandas as pd


def row(uid: str, n: int, batch: int = 0) -> dict[str, object]:
    """Return a row of a log in which all counts follow from n."""
    counts = {name: n * 100 + at for at, name in enumerate(COUNTS)}
    at = {"batch_start": MIDNIGHT + batch * BATCH, "batch": BATCH, "window": 30 * SECOND}
    return {"uid": uid, "ts": MIDNIGHT, "proto": "tcp"} | at | counts


def written(folder: Path, **logs: list[Mapping[str, object]]) -> Path:
    """Write logs of some rows."""
    for kind, rows in logs.items():
        columns = CONN_LOG if kind == "conn" else FLOWPRINT_CONN_LOG
        held = frame(kind, [name for name, _ in columns], rows)
        path = folder / f"{kind}.log"
        write_frame(path, kind, columns, held, opened=MIDNIGHT, closed=MIDNIGHT + BATCH)
    return folder


def totals(folder: Path, *uids: str) -> pd.DataFrame:
    """Return the totals of flows that last two seconds."""
    flows = as_frame(
        {
            "uid": objects(list(uids)),
            "start": np.full(len(uids), MIDNIGHT),
            "end": np.full(len(uids), MIDNIGHT + 2 * SECOND),
        },
        len(uids),
    )
    return flow_totals(find_logs([folder], ("conn", "flowprint_conn")), flows)


def test_rows_are_found_by_uid(tmp_path: Path) -> None:
    """Flows have them in their own order; what no row tells of has none."""
    written(tmp_path, conn=[row("C1", 1), row("C2", 2), row("", 9)])
    found = totals(tmp_path, "C2", "C3", "C1", "")
    assert found["orig_bytes"].tolist() == [200, 0, 100, 0]
    assert found["resp_ip_bytes"].tolist() == [205, 0, 105, 0]
    assert found["duration"].tolist() == [2.0] * 4


def test_a_row_that_is_there_twice_counts_once(tmp_path: Path) -> None:
    """As files that overlap have it."""
    written(tmp_path, conn=[row("C1", 1), row("C1", 1)])
    assert totals(tmp_path, "C1")["orig_pkts"].tolist() == [102]


def test_counts_that_are_unset_are_none(tmp_path: Path) -> None:
    """Zeek leaves the payload of what it saw nothing of unset."""
    written(tmp_path, conn=[{"uid": "C1", "ts": MIDNIGHT, "proto": "udp", "orig_pkts": 1}])
    assert totals(tmp_path, "C1")[list(COUNTS)].iloc[0].tolist() == [0, 0, 1, 0, 0, 0]


def test_batches_of_a_connection_add_up(tmp_path: Path) -> None:
    """flowprint_conn.log tells of batches and of no headers: 40 bytes a packet are added."""
    written(tmp_path, flowprint_conn=[row("C1", 1), row("C1", 2, 1), row("C1", 2, 1)])
    found = totals(tmp_path, "C1").iloc[0]
    assert (found["orig_bytes"], found["orig_pkts"]) == (300, 304)
    assert found["orig_ip_bytes"] == 300 + 40 * 304


def test_conn_log_counts_where_both_tell(tmp_path: Path) -> None:
    """The other log tells of connections that conn.log has not yet."""
    written(tmp_path, conn=[row("C1", 1)], flowprint_conn=[row("C1", 2), row("C2", 3)])
    assert totals(tmp_path, "C1", "C2")["orig_bytes"].tolist() == [100, 300]

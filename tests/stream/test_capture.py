"""Whole captures: all flows of some logs at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowprint_zeek.config import load
from flowprint_zeek.stream.capture import KINDS, read_capture
from flowprint_zeek.stream.replay import Span
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.reader import ReadStats
from tests.stream.small import Conn, conn_log

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


def captured(folder: Path, **settings: object) -> pd.DataFrame:
    """Return the flow table of the logs of a folder."""
    given = {name.replace("__", "."): value for name, value in settings.items()}
    config = load(None, environ={}, overrides=given)
    logs = find_logs([folder], KINDS)
    return read_capture(logs, config, span=Span(), stats=ReadStats())[0]


def test_a_row_written_twice_is_one_flow(tmp_path: Path) -> None:
    """Rows of the same uid and time are one flow, the longer one."""
    conn_log(tmp_path, Conn("C1", 0, 5), Conn("C1", 0, 9), Conn("C2", 0, 5))
    flows = captured(tmp_path)
    assert flows["uid"].tolist() == ["C1", "C2"]
    assert (flows["end"] - flows["start"]).tolist() == [9_000_000, 5_000_000]


def test_rows_without_uid_are_flows_of_their_own(tmp_path: Path) -> None:
    """Where a log has no uid, nothing tells that rows of one time are the same."""
    conn_log(tmp_path, Conn("", 0, address="203.0.113.1"), Conn("", 0, address="203.0.113.2"))
    assert len(captured(tmp_path)) == 2


def test_a_capture_keeps_every_ssl_row(tmp_path: Path) -> None:
    """The bound on waiting ssl rows is for streams; a whole capture is in memory anyway."""
    conn_log(tmp_path, *(Conn(f"C{at}", at, name="a.example") for at in range(4)))
    assert captured(tmp_path, stream__join_rows=2)["name"].tolist() == ["a.example"] * 4

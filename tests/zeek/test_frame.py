"""The frame that users of zat know."""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek.columns import CONN_LOG, UNSET, as_frame, objects
from flowprint_zeek.zeek.frame import read_frame
from flowprint_zeek.zeek.writer import write_frame

if TYPE_CHECKING:
    from pathlib import Path

START = 1_767_225_600_000_000


@pytest.fixture
def conn_log(tmp_path: Path) -> Path:
    """Return a conn.log that zat can read: no escapes, no # in values, nothing empty."""
    count = 5
    frame = as_frame(
        {
            "ts": START + np.arange(count, dtype=np.int64) * 1_500_000,
            "uid": objects([f"C{number}" for number in range(count)]),
            "id.orig_h": objects(["192.0.2.1", "192.0.2.2", "2001:db8::1", "192.0.2.1", ""]),
            "id.orig_p": np.array([1, 65535, 443, 80, UNSET], dtype=np.int64),
            "proto": objects(["tcp", "udp", "tcp", "tcp", "tcp"]),
            "duration": np.array([1, UNSET, 2_000_000, 0, 3_600_000_000], dtype=np.int64),
            "orig_bytes": np.array([0, UNSET, 2**40, 5, 6], dtype=np.int64),
            "local_orig": np.array([1, 0, -1, 1, 1], dtype=np.int8),
            "tunnel_parents": objects([(), ("Ca", "Cb"), (), (), ()]),
        },
        count,
    )
    path = tmp_path / "conn.log"
    write_frame(path, "conn", CONN_LOG, frame, opened=START, closed=START)
    return path


def test_it_is_what_zat_makes(conn_log: Path) -> None:
    """Names, dtypes, index, values and missing values; times to zat's rounding."""
    zat = import_module("zat.log_to_dataframe")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = zat.LogToDataFrame().create_dataframe(str(conn_log))
    frame = read_frame(conn_log)
    assert abs(frame.index - expected.index).max() < pd.Timedelta("1us")
    assert_frame_equal(frame.reset_index(drop=True), expected.reset_index(drop=True))
    assert frame.index.dtype == expected.index.dtype
    assert frame.index.name == "ts"


def test_some_columns(conn_log: Path) -> None:
    """Only what is asked for, with exact times as the index."""
    frame = read_frame(conn_log, ["uid", "duration"])
    assert list(frame.columns) == ["uid", "duration"]
    assert frame.index[1] == pd.Timestamp("2026-01-01 00:00:01.5")
    assert frame["duration"].isna().tolist() == [False, True, False, False, False]


def test_what_zat_cannot_read(tmp_path: Path) -> None:
    """JSON, and text that is no UTF-8."""
    path = tmp_path / "ssl.log"
    path.write_bytes(b'{"ts":1.5,"uid":"C1","server_name":"a\xff"}\n{"ts":2.5,"resumed":true}\n')
    frame = read_frame(path)
    assert frame["server_name"].tolist()[0] == "a\udcff"
    assert frame["resumed"].tolist()[1] == "T"


def test_a_log_without_rows(tmp_path: Path) -> None:
    """It has its columns."""
    path = tmp_path / "conn.log"
    write_frame(path, "conn", CONN_LOG, as_frame({}, 0), opened=START, closed=START)
    frame = read_frame(path)
    assert frame.empty
    assert list(frame.columns) == [name for name, _ in CONN_LOG if name != "ts"]


def test_an_unknown_column_is_an_error(conn_log: Path) -> None:
    """The error names file and column."""
    with pytest.raises(LogError, match=r"conn\.log: has no column nothing"):
        read_frame(conn_log, ["nothing"])

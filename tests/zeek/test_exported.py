"""Rows of flowprint_conn.log as flows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.core.batch import cut
from flowprint_zeek.core.windows import numbers_of
from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek.columns import UNSET
from flowprint_zeek.zeek.exported import Widths, exported_rows, fits
from flowprint_zeek.zeek.files import log_at
from flowprint_zeek.zeek.join import FLOWPRINT_CONN_COLUMNS
from flowprint_zeek.zeek.reader import ReadStats, read_chunks
from tests.stream import exports
from tests.stream.exports import WINDOW, talk, write_logs
from tests.stream.small import BATCH, MIDNIGHT, SECOND, frame

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from flowprint_zeek.zeek.writer import Format

RUN = Widths(BATCH, WINDOW)


def read(*rows: dict[str, object]) -> pd.DataFrame:
    """Return rows of flowprint_conn.log as read."""
    return frame("flowprint_conn", FLOWPRINT_CONN_COLUMNS, rows)


def row(**changes: object) -> dict[str, object]:
    """Return a row of the second batch of a day."""
    return {
        "ts": MIDNIGHT + 310 * SECOND,
        "uid": "C1",
        "id.orig_h": "10.0.0.1",
        "id.orig_p": 40_000,
        "id.resp_h": "203.0.113.1",
        "id.resp_p": 443,
        "proto": "tcp",
        "local_orig": 1,
        "batch_start": MIDNIGHT + BATCH,
        "batch": BATCH,
        "window": WINDOW,
        "windows": ("0", "2", "9"),
        "orig_bytes": 100,
        "resp_bytes": 900,
        "answered": 1,
        "flipped": 0,
    } | changes


def made(widths: Widths = RUN, /, **changes: object) -> dict[str, Any]:
    """Return the flow that a row makes, times in seconds after midnight."""
    (flow,) = exported_rows(read(row(**changes)), widths).to_dict("records")
    for name in ("start", "end", "began", "told"):
        flow[name] = (flow[name] - MIDNIGHT) / SECOND
    return {str(name): value for name, value in flow.items()}


def test_a_row_as_the_batcher_takes_it() -> None:
    """All columns of a plain row."""
    told = {"cert_sha256": "0f", "server_name": "a.example", "http_host": "b.example:80"}
    assert made(**told, client_fp="ja4:t13", final=1, proxied=1, vlan=7, orig_l2_addr="m") == {
        "uid": "C1",
        "start": 310.0,
        "end": 570.0,
        "orig_h": "10.0.0.1",
        "orig_p": 40_000,
        "resp_h": "203.0.113.1",
        "resp_p": 443,
        "proto": "tcp",
        "n_bytes": 1_000,
        "local_orig": 1,
        "answered": True,
        "flipped": False,
        "orig_l2_addr": "m",
        "ctx": "7",
        "began": 310.0,
        "final": True,
        "windows": "30000000:0,2,9",
        "client_fp": "ja4:t13",
        "proxied": True,
        "told": 600.0,
        **told,
    }


def test_a_connection_goes_on_in_later_batches() -> None:
    """There it starts with its first window, and began when it began."""
    flow = made(ts=MIDNIGHT + 20 * SECOND, windows=("3", "4"))
    assert (flow["start"], flow["end"], flow["began"]) == (390.0, 420.0, 20.0)
    assert flow["windows"] == "30000000:0,1"


def test_a_row_of_one_window_ends_when_it_starts() -> None:
    """More than that it had packets in it is not known."""
    flow = made(windows=("0",))
    assert (flow["start"], flow["end"], flow["windows"]) == (310.0, 310.0, "30000000:0")


@pytest.mark.parametrize("ts", [0, MIDNIGHT + 10_000 * SECOND])
def test_a_flow_starts_in_its_first_window_whatever_ts_says(ts: int) -> None:
    """A connection cannot begin behind its packets."""
    flow = made(ts=ts, windows=("2",))
    assert 360.0 <= flow["start"] < 390.0
    assert flow["began"] <= flow["start"]


def test_windows_need_not_be_in_order() -> None:
    """Nor told once."""
    assert made(windows=("9", "0", "2", "2"))["windows"] == "30000000:0,2,9"


@pytest.mark.parametrize(
    "changes",
    [
        {"ts": UNSET},
        {"batch_start": UNSET},
        {"batch_start": MIDNIGHT + SECOND},
        {"batch": UNSET},
        {"batch": 0},
        {"window": UNSET},
        {"window": 0},
        {"window": 1 << 60},
        {"windows": ()},
        {"windows": ("0", "10")},
        {"windows": ("-1",)},
        {"windows": ("",)},
        {"windows": ("0x1",)},
        {"windows": ("9" * 30,)},
    ],
)
def test_rows_that_do_not_tell_when_are_left_out(changes: dict[str, object]) -> None:
    """As rows of conn.log without a time are; the others stay."""
    flows = exported_rows(read(row(uid="C1"), row(uid="C2", **changes), row(uid="C3")), RUN)
    assert flows["uid"].tolist() == ["C1", "C3"]


@pytest.mark.parametrize(("told", "expected"), [(1, True), (0, False), (-1, True)])
def test_answered(told: int, expected: bool) -> None:
    """What is not said to be unanswered is answered."""
    assert made(answered=told)["answered"] is expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ("ja4:t13", "ja4:t13"),
        ("ja3:0a", "ja3:0a"),
        ("t13", ""),
        ("", ""),
        ("ja4:é", "ja4:\\xc3\\xa9"),
    ],
)
def test_clients(told: str, expected: str) -> None:
    """Fingerprints say of which kind they are; what does not is none."""
    assert made(client_fp=told)["client_fp"] == expected


# Widths


def test_a_window_may_be_a_multiple_of_that_in_the_log() -> None:
    """Finer windows of Zeek are kept as they are."""
    assert made(Widths(BATCH, 2 * WINDOW))["windows"] == "30000000:0,2,9"


@pytest.mark.parametrize(
    ("batch", "window"), [(600 * SECOND, WINDOW), (BATCH, 45 * SECOND), (BATCH, 10 * SECOND)]
)
def test_other_widths_are_refused(batch: int, window: int) -> None:
    """The error says both and where they are set."""
    with pytest.raises(LogError) as caught:
        made(Widths(batch, window))
    assert "has batches of 300 s and windows of 30 s" in str(caught.value)
    assert f"this run {batch / SECOND:g} s and {window / SECOND:g} s" in str(caught.value)
    for name in (
        "FlowPrint::batch",
        "FlowPrint::window",
        "fingerprint.batch",
        "fingerprint.window",
    ):
        assert name in str(caught.value)


def test_rows_that_fit_are_told_from_others() -> None:
    """Zeek may have been set otherwise for a while."""
    rows = read(
        row(), row(window=45 * SECOND), row(window=0), row(batch=SECOND), row(window=SECOND)
    )
    assert fits(rows, RUN).tolist() == [True, False, False, False, True]


@given(
    st.lists(st.integers(0, 5_000), min_size=1, max_size=8).map(sorted),
    st.sampled_from([(300, 30, 30), (300, 70, 70), (300, 70, 140), (60, 90, 180), (60, 7, 7)]),
)
def test_rows_say_what_packet_times_do(seconds: list[int], widths: tuple[int, int, int]) -> None:
    """Also where windows lie over the edges of batches: each row is of one batch."""
    batch, window, wider = (width * SECOND for width in widths)
    one = talk("C1", *seconds)
    flows = exported_rows(read(*exports.exported_rows([one], batch, window)), Widths(batch, wider))
    slices = cut(flows, batch=batch, window=wider)
    found = {
        (slices.batch[at].item(), number.item())
        for at, number in zip(slices.active, slices.window, strict=True)
    }
    assert found == {(time // batch, time // wider) for time in one.times}
    assert slices.flow.tolist() == list(range(len(flows)))
    assert (flows["start"] // batch == flows["end"] // batch).all()
    assert (flows["began"] == one.times[0]).all()


# Files


@pytest.mark.parametrize("form", ["tsv", "json"])
def test_both_formats_tell_the_same(tmp_path: Path, form: Format) -> None:
    """Rows in a file are as rows in memory."""
    rows = exports.exported_rows([talk("C1", 10, 250, 700, name="a.example"), talk("C2", 5)])
    write_logs(tmp_path, {"flowprint_conn": rows}, form)
    log = log_at(tmp_path / "flowprint_conn.log")
    (chunk,) = read_chunks(log, FLOWPRINT_CONN_COLUMNS, stats=ReadStats())
    assert exported_rows(chunk).to_dict() == exported_rows(read(*rows)).to_dict()
    assert [numbers_of(text)[1] for text in exported_rows(chunk)["windows"]] == [[0], [0, 8], [0]]


def test_a_log_without_columns_that_are_needed_says_so(tmp_path: Path) -> None:
    """It has no rows that can be used."""
    path = tmp_path / "flowprint_conn.log"
    path.write_text("#separator \\x09\n#path\tflowprint_conn\n#fields\tts\tuid\n1.0\tC1\n")
    stats = ReadStats()
    (chunk,) = read_chunks(log_at(path), FLOWPRINT_CONN_COLUMNS, stats=stats)
    assert exported_rows(chunk, RUN).empty
    (problem,) = stats.problems
    assert "has no column" in problem
    assert "batch_start" in problem

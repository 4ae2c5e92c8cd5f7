"""Logs beside conn.log that begin late or lag behind it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.simulate import simulate
from flowprint_zeek.stream.outputs import NOTICES
from flowprint_zeek.zeek.header import header_lines
from flowprint_zeek.zeek.writer import whole_lines
from tests.stream.daemons import Site, in_order, small
from tests.stream.small import COLUMNS, MIDNIGHT, SECOND, Conn, conn_log, moved, session
from tests.stream.test_live import NETWORK, followed, replayed, settings, written

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stream.sensor import Rotation

HOUR = 3_600
BEGUN = 2 * HOUR
"""Seconds after which ssl.log has its first row."""
END = 3 * HOUR + 300


def hours() -> list[Conn]:
    """Return three hours of an app on two devices, with another one in the third."""
    told = [
        one
        for number in range(36)
        for device in ("10.0.0.1", "10.0.0.2")
        for one in moved(session("mail", number * 300 + 10.0), device)
    ]
    return in_order([*told, *session("game", BEGUN + 1_820)])


HEADER = whole_lines(header_lines("ssl", COLUMNS["ssl"], MIDNIGHT))


@pytest.mark.parametrize("begun", [b"", HEADER[:40], HEADER])
def test_an_ssl_log_without_a_row_for_hours(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, begun: bytes
) -> None:
    """An empty or only begun one is none yet, and no problem; what it tells later counts."""
    config = small(tmp_path, run__learn_for="150m")
    site, told = Site(tmp_path, config, left=[]), hours()
    ssl = site.current / "ssl.log"
    ssl.write_bytes(begun)
    follow(site, told, 0, HOUR, kinds=["conn"])
    site.stop()
    follow(site, told, HOUR, BEGUN, kinds=["conn"])
    assert any("no ssl log" in text for text in site.running.status().attention)
    with ssl.open("ab") as file:
        file.write(HEADER[len(begun) :])
    follow(site, told, BEGUN, END, kinds=["ssl", "conn"])
    site.end()
    logs = tmp_path / "complete"
    logs.mkdir()
    conn_log(logs, *told, named=[one for one in told if one.end >= MIDNIGHT + BEGUN * SECOND])
    expected = replayed(logs, tmp_path / "replayed", config)
    assert site.outputs() == expected
    assert b"game.example" in expected[NOTICES]
    assert caplog.messages == []


def follow(site: Site, told: list[Conn], since: int, until: int, kinds: list[str]) -> None:
    """Let the sensor write what ends in a span of time, and the daemon look, in turns."""
    for begin in range(since, until, 300):
        ends = [(one.end - MIDNIGHT) / SECOND for one in told]
        part = [one for one, end in zip(told, ends, strict=True) if begin <= end < begin + 300]
        site.append(*part, kinds=kinds)
        site.time = begin + 300
        site.poll()


@pytest.fixture
def nameless(tmp_path: Path) -> Path:
    """Write logs of a few hours in which only dns, http and x509 tell names."""
    logs = tmp_path / "complete"
    write(simulate(replace(NETWORK, days=0.2)), logs, rotate=None)
    (logs / "ssl.log").write_text(without_names((logs / "ssl.log").read_text()))
    return logs


@pytest.mark.parametrize("rotation", ["none", "zeekctl"])
def test_logs_that_appear_hours_after_the_others(
    tmp_path: Path, nameless: Path, rotation: Rotation
) -> None:
    """http.log and x509.log are made with their first rows; what these tell counts from there."""
    config = settings(tmp_path)
    # It would tell the same.
    (nameless / "dns.log").unlink()
    whole = replayed(nameless, tmp_path / "whole", config)
    for kind in ("http", "x509"):
        path = nameless / f"{kind}.log"
        path.write_text(later(path.read_text(), MIDNIGHT / SECOND + HOUR))
    expected = replayed(nameless, tmp_path / "replayed", config)
    assert expected != whole
    assert followed(nameless, tmp_path, config, rotation, seed=1)
    assert written(tmp_path / "out") == expected


@pytest.mark.parametrize("seed", range(2))
def test_logs_that_lag_behind_conn_log(tmp_path: Path, nameless: Path, seed: int) -> None:
    """By up to a minute, and the buffers' own time, which is within the disorder that is set."""
    config = settings(tmp_path, stream__disorder="120s")
    expected = replayed(nameless, tmp_path / "replayed", config)
    lags = {"conn": 0} | dict.fromkeys(("ssl", "x509", "dns", "http"), 60 * SECOND)
    assert followed(nameless, tmp_path, config, "zeekctl", seed, lags)
    assert written(tmp_path / "out") == expected


def without_names(ssl: str) -> str:
    """Return an ssl.log without server names."""
    rows = [line.split("\t") for line in ssl.splitlines()]
    at = next(row.index("server_name") for row in rows if row[0] == "#fields") - 1
    cut = [row if row[0][0] == "#" else [*row[:at], "-", *row[at + 1 :]] for row in rows]
    return "".join("\t".join(row) + "\n" for row in cut)


def later(log: str, time: float) -> str:
    """Return a log without its rows before a time, of which it has some."""
    lines = log.splitlines(keepends=True)
    kept = [one for one in lines if one[0] == "#" or float(one.partition("\t")[0]) >= time]
    assert len(kept) < len(lines)
    return "".join(kept)

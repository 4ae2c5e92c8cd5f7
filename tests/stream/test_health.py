"""Batches that are not trusted: packets were lost, a log fell silent, or there is maintenance."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from flowprint_zeek.zeek.join import CAPTURE_LOSS_COLUMNS
from tests.stream.small import (
    BATCH,
    MIDNIGHT,
    SECOND,
    Conn,
    conn,
    frame,
    pipeline,
    session,
    ssl,
    until,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowprint_zeek.stream.pipeline import Pipeline

LEARNED = 6
"""Batches that are learned."""


def busy(number: int) -> list[Conn]:
    """Return a batch in which four devices use the same app: 32 flows over TLS."""
    return [
        one
        for device in range(1, 5)
        for one in session("mail", number * 300, device=f"10.0.0.{device}")
    ]


def take(line: Pipeline, flows: Sequence[Conn], *, named: bool = True) -> None:
    """Give a batch to a pipeline, and what ssl.log says unless it fell silent."""
    ordered = sorted(flows, key=lambda one: one.end)
    if named:
        line.beside("ssl", ssl(*ordered))
    line.advance(ordered[0].end)
    line.conn(conn(*ordered))


def lost(line: Pipeline, number: int, percent: float, peer: str = "worker-1") -> None:
    """Give a pipeline a row of capture_loss.log at the end of a batch."""
    ts = MIDNIGHT + (number + 1) * BATCH
    row = {"ts": ts, "ts_delta": BATCH, "peer": peer, "percent_lost": percent}
    line.beside("capture_loss", frame("capture_loss", CAPTURE_LOSS_COLUMNS, [row]))


def test_a_silent_ssl_log_raises_nothing_and_teaches_nothing() -> None:
    """Known apps that show bare addresses are degraded; they are known again when it is back."""
    line, found = pipeline(until(LEARNED * 300), log__rows="all", detect__min_flows=1)
    for number in range(LEARNED + 6):
        silent = LEARNED <= number < LEARNED + 3
        moved = [replace(one, address=f"198.51.{number}.{one.address[-1]}") for one in busy(number)]
        take(line, moved, named=not silent)
    line.finish()
    verdicts = [(cast("int", row["batch_start"]), row["verdict"]) for row in found.verdicts]
    start = MIDNIGHT + LEARNED * BATCH
    assert {verdict for at, verdict in verdicts if at < start + 3 * BATCH} == {"degraded"}
    assert {verdict for at, verdict in verdicts if at >= start + 3 * BATCH} == {"known"}
    assert found.notices == []
    assert line.counts.degraded == 3
    assert not any(element.startswith("198.51.") for element, *_ in line.site.seen)


def test_a_new_app_waits_until_packets_are_seen_again() -> None:
    """While Zeek loses packets an unseen app is held back; it is raised when the loss is over."""
    line, found = pipeline(until(LEARNED * 300), log__rows="all")
    for number in range(LEARNED + 12):
        lost(line, number, 30.0 if LEARNED <= number < LEARNED + 2 else 0.5)
        take(line, busy(number))
        if number >= LEARNED:
            take(line, session("game", number * 300))
    line.finish()
    (notice,) = found.noted("Unseen_App")
    assert cast("int", notice["ts"]) >= MIDNIGHT + (LEARNED + 2) * BATCH
    degraded = [row["batch_start"] for row in found.verdicts if row["verdict"] == "degraded"]
    assert degraded == [MIDNIGHT + (LEARNED + n) * BATCH for n in range(2)]


@pytest.mark.parametrize(
    ("percent", "most", "expected"), [(6, "5", 1), (6, "7", 0), (100, "100", 0)]
)
def test_the_loss_that_is_borne_is_a_setting(percent: float, most: str, expected: int) -> None:
    """A batch is degraded over `detect.max_capture_loss` per cent."""
    line, _ = pipeline(until(0), detect__max_capture_loss=most)
    lost(line, 0, percent)
    take(line, busy(0))
    line.finish()
    assert line.counts.degraded == expected


def test_a_loss_long_ago_tells_nothing() -> None:
    """A row of capture_loss.log counts for twice the interval in which Zeek writes it."""
    line, _ = pipeline(until(0))
    lost(line, -1, 50.0, "worker-1")
    lost(line, -1, 0.0, "worker-2")
    for number in range(8):
        take(line, busy(number))
    line.finish()
    assert line.counts.degraded == 6


def test_degraded_batches_are_not_learned() -> None:
    """What is seen while a log is silent would be known for ever."""
    line, _ = pipeline(until(1 << 30), detect__min_flows=1)
    for number in range(LEARNED):
        take(line, busy(number), named=number != LEARNED - 1)
    line.finish()
    assert (line.counts.batches, line.counts.learned) == (LEARNED, LEARNED - 1)
    assert all(element.startswith("name:") for element, *_ in line.site.seen)


def test_few_flows_tell_nothing() -> None:
    """Where few flows are usual, their names may be missing by chance."""
    line, _ = pipeline(until(0))
    for number in range(30):
        take(line, session("mail", number * 300), named=number % 7 != 6)
    line.finish()
    assert line.counts.degraded == 0


def test_no_coverage_is_asked_for_where_the_setting_is_zero() -> None:
    """detect.min_coverage 0 takes every log for whole."""
    line, _ = pipeline(until(1 << 30), detect__min_coverage=0)
    for number in range(LEARNED):
        take(line, busy(number), named=number != LEARNED - 1)
    line.finish()
    assert line.counts.degraded == 0


# Maintenance


def test_maintenance_raises_nothing_and_teaches_nothing() -> None:
    """Batches that touch a window are degraded; what shows itself still is raised afterwards."""
    windows = ("2025-12-31 23:00-2026-01-01 00:06", "00:44-00:46", "wed 00:00-23:00")
    line, found = pipeline(until(LEARNED * 300), log__rows="all", detect__maintenance=windows)
    for number in range(LEARNED + 6):
        take(line, busy(number))
        if number >= LEARNED:
            take(line, session("game", number * 300))
    line.finish()
    assert (line.counts.degraded, line.counts.learned) == (4, LEARNED - 2)
    degraded = [row["batch_start"] for row in found.verdicts if row["verdict"] == "degraded"]
    assert degraded == [MIDNIGHT + number * BATCH for number in (8, 9)]
    raised = found.noted("Unseen_App")[0]["ts"]
    assert raised == MIDNIGHT + (LEARNED + 1) * BATCH + 150 * SECOND


def test_the_day_counts_maintenance() -> None:
    """The status of the day tells how many batches were degraded."""
    line, found = pipeline(until(0), detect__maintenance="00:00-00:05")
    take(line, busy(0))
    take(line, session("mail", 86_400))
    line.finish()
    (status,) = found.noted("Status")
    assert "; 1 degraded batch" in str(status["msg"])
    assert line.degraded == "maintenance (00:00-00:05)"


# Shadow


def test_a_shadow_counts_notices_and_writes_none() -> None:
    """The status of the day tells how many there would have been and of what; then they are due."""
    line, found = pipeline(
        replace(until(300), shadow=86_400 * SECOND), notice__repeat_after="30d", log__rows="all"
    )
    for day in range(3):
        take(line, session("mail", day * 86_400))
        take(line, session("game", day * 86_400 + 600))
    line.finish()
    shadow, detect = found.noted("Status")
    assert str(shadow["sub"]).startswith("mode=shadow ")
    assert str(shadow["sub"]).endswith("notices=0 degraded=0 held=1")
    assert "1 notice held back, most of game.example (1)" in str(shadow["msg"])
    assert [row["ts"] for row in found.noted("Unseen_App")] == [
        MIDNIGHT + 86_400 * SECOND + 900 * SECOND + 150 * SECOND
    ]
    assert "notices=1 " in str(detect["sub"])
    assert found.said("verdict").count("unseen_site") == 3

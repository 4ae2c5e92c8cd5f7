"""What of a daemon needs a person."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.config import load
from flowprint_zeek.core.devices import Dropped
from flowprint_zeek.stream.attention import DAY, Recent, Situation, Tally, attention
from flowprint_zeek.stream.gathering import Gathered
from flowprint_zeek.stream.pipeline import Pipeline
from flowprint_zeek.zeek.files import LogFile
from tests.stream.daemons import Site, in_order
from tests.stream.small import MIDNIGHT, SECOND, Conn, pipeline, run, session, until
from tests.stream.small import NOTHING as DETECTING

if TYPE_CHECKING:
    import pytest

CONFIG = load(None, environ={}, overrides={})
NONE = Tally(0, 0, 0, 0, Dropped(), Counter(), Counter())
CONN = LogFile(Path("conn.log"), "conn", "tsv")
SSL = LogFile(Path("ssl.log"), "ssl", "tsv")
WELL = Situation(
    logs=[CONN, SSL],
    recent=NONE,
    silence=0.0,
    lag=1.0,
    behind=False,
    unsaved=False,
    unwritten={},
)


def said(line: Pipeline | None = None, **now: object) -> list[str]:
    """Return what needs a person where all is well but for something."""
    situation = replace(WELL, **now)  # type: ignore[arg-type]  # names are those of the fields
    return attention(CONFIG, pipeline()[0] if line is None else line, situation)


def lately(**counted: object) -> list[str]:
    return said(recent=replace(NONE, **counted))  # type: ignore[arg-type]  # as above


def test_where_all_is_well_nobody_is_needed() -> None:
    """Nothing is said."""
    assert said() == []


def test_what_cannot_be_written_comes_first() -> None:
    """The state before the logs, and both before what is merely odd."""
    found = said(unsaved=True, unwritten={"notice.log": 12}, silence=3_600.0)
    assert found == [
        "the state cannot be written: nothing is read until it can be",
        "notice.log cannot be written: 12 lines of it are kept until it can be",
        "no row of conn.log for 60 min: is Zeek running?",
    ]


def test_no_conn_log() -> None:
    """It says where one was looked for."""
    assert said(logs=[SSL]) == [
        "no conn.log or flowprint_conn.log found: run.logs is /opt/zeek/logs/current"
    ]


def test_a_conn_log_that_was_rotated_away() -> None:
    """Zeek makes the next one with its first row."""
    assert said(logs=[SSL], recent=replace(NONE, rows=Counter(conn=1))) == []


def test_the_log_of_the_zeek_package_does_for_conn_log() -> None:
    """Where both are followed, both are silent."""
    exported = LogFile(Path("flowprint_conn.log"), "flowprint_conn", "tsv")
    assert said(logs=[exported]) == []
    (text,) = said(logs=[exported, CONN], silence=3_600.0)
    assert text == "no row of conn.log or flowprint_conn.log for 60 min: is Zeek running?"


def test_falling_behind() -> None:
    """How old is what is read."""
    (text,) = said(behind=True, lag=7_560.0)
    assert text == "behind: reading what was written 2.1 h ago; nothing is left out"


def test_foreign_devices() -> None:
    """Under half of the flows have a device: it names the prefixes to add."""
    dropped = Dropped(Counter(not_local=90), Counter({"198.51.100.0/24": 90}))
    assert lately(flows=80, dropped=dropped) == [
        (
            "under half of the flows have a device: if these are yours, add them to "
            "device.local_networks: 198.51.100.0/24 (90 rows)"
        )
    ]
    assert lately(flows=90, dropped=dropped) == []


def test_a_few_foreign_flows() -> None:
    """Shares of a handful say nothing."""
    dropped = Dropped(Counter(not_local=90), Counter({"198.51.100.0/24": 90}))
    assert lately(flows=9, dropped=dropped) == []


def test_flows_without_names() -> None:
    """It says which log is missing."""
    assert lately(flows=100, nameless=50) == []
    assert lately(flows=100, nameless=51) == ["51% of the flows have neither name nor certificate"]
    recent = replace(NONE, flows=100, nameless=51)
    assert said(recent=recent, logs=[CONN]) == [
        (
            "51% of the flows have neither name nor certificate; no ssl log: no server names and "
            "no certificates, only addresses"
        )
    ]


def test_rows_that_come_too_late() -> None:
    """From one in a hundred on."""
    assert lately(flows=990, overdue=10) == []
    assert lately(flows=970, overdue=30) == [
        (
            "3% of the rows came after the batch had closed; if logs are not in the order of "
            "connection end, raise stream.disorder"
        )
    ]


def test_rows_of_the_future() -> None:
    """One of the clocks is wrong."""
    assert lately(future=3) == [
        (
            "3 rows end more than 3600 s ahead of this host's clock and are left out: compare its "
            "clock with the sensor's"
        )
    ]


def test_damaged_rows() -> None:
    """From one in a hundred on, by log."""
    assert lately(rows=Counter(ssl=990), damaged=Counter(ssl=10)) == []
    assert lately(rows=Counter(ssl=900), damaged=Counter(ssl=100)) == [
        "10% of the rows of ssl.log are damaged"
    ]


def test_rows_that_did_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a replay says it."""
    monkeypatch.setattr(Pipeline, "gathered", Gathered(Dropped(), 0, 7, 1, by_file=False))
    assert said() == [
        "7 rows of ssl, quic, x509 and flowprint_conn logs dropped: raise stream.join_rows",
        "1 row of http and dns logs dropped: raise stream.join_rows",
    ]


def test_nothing_learned() -> None:
    """Once it is over; while learning it means nothing."""
    flows = [Conn("C1", 10.0), Conn("C2", 400.0)]
    assert said(run(flows)[0]) == []
    assert said(run(flows, until(300.0))[0]) == [
        "nothing is known after learning: every app is new; learn longer (run.learn_for)"
    ]


def test_little_learned() -> None:
    """In shadow there is time to learn longer; later it is as it is."""
    flows = [*session("mail", 10.0), *session("mail", 400.0)]
    shadow = replace(until(300.0), shadow=10**12)
    assert said(run(flows, shadow)[0]) == [
        "learned only 1 fingerprint in 1 batch: expect notices of apps that are merely rare"
    ]
    assert said(run(flows, until(300.0))[0]) == []
    assert said(run(flows, DETECTING)[0]) == [
        "nothing is known after learning: every app is new; learn longer (run.learn_for)"
    ]


def test_what_was_put_right_is_not_told_for_ever() -> None:
    """Counts are of the last day or two."""
    recent = Recent(0.0, NONE)
    bad = replace(NONE, flows=10, overdue=90)
    good = replace(NONE, flows=9_010, overdue=90)
    assert recent.of(1.0, bad).overdue == 90
    assert recent.of(DAY, bad).overdue == 90
    assert recent.of(DAY + 1, good).overdue == 90
    after = recent.of(2 * DAY, good)
    assert (after.overdue, after.flows) == (0, 9_000)


def test_what_was_counted_before_the_start_is_not_told() -> None:
    """Settings that were changed count from then on."""
    dropped = Dropped(Counter(not_local=90), Counter({"198.51.100.0/24": 90}))
    before = replace(NONE, dropped=dropped)
    more = Dropped(Counter(not_local=95), Counter({"198.51.100.0/24": 90, "192.0.2.0/24": 5}))
    since = Recent(0.0, before).of(1.0, replace(before, dropped=more))
    assert since.dropped == Dropped(Counter(not_local=5), Counter({"192.0.2.0/24": 5}))


def test_a_sensor_that_writes_nothing(site: Site) -> None:
    """Before there is a log, and once it is silent."""
    site.poll()
    (text,) = site.running.status().attention
    assert text == f"no conn.log or flowprint_conn.log found: run.logs is {site.current}"
    site.follow(400)
    assert site.running.status().attention == []
    site.monotonic += 301
    assert site.running.status().attention == ["no row of conn.log for 5 min: is Zeek running?"]


def test_a_degraded_batch(site: Site) -> None:
    """As long as the last batch is one."""
    told = [one for number in range(12) for one in session("mail", number * 300 + 10.0, flows=25)]
    silent = range(MIDNIGHT + 2_400 * SECOND, MIDNIGHT + 3_000 * SECOND)
    told = [replace(one, name="") if one.ts in silent else one for one in told]
    site.left = in_order(told)
    site.follow(2_900)
    (text,) = [one for one in site.running.status().attention if "degraded" in one]
    assert text.startswith("the last batch is degraded (ssl log tells of 0 of 25 flows, usually")
    assert text.endswith("): nothing of it is raised or learned")
    site.follow(3_600)
    assert not any("degraded" in one for one in site.running.status().attention)

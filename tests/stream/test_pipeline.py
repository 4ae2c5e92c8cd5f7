"""From rows to notices: joins, days, learning and counts."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.stream.phases import Learning
from flowprint_zeek.zeek.certificates import X509_COLUMNS
from tests.stream.small import (
    BATCH,
    DAY,
    MIDNIGHT,
    NOTHING,
    SECOND,
    Conn,
    conn,
    feed,
    frame,
    pipeline,
    run,
    session,
    ssl,
)

if TYPE_CHECKING:
    from flowprint_zeek.stream.pipeline import Pipeline

HOUR = 3600
NAMED = Conn("C1", 10, 100, name="www.example.com")


def seen(line: Pipeline) -> list[str]:
    """Return the elements that the site has learned."""
    return [element for element, *_ in line.site.seen]


# Join


def test_an_ssl_row_names_a_connection_that_comes_later() -> None:
    """The name is there when the connection's row comes hours after its handshake."""
    line, _ = pipeline()
    long = replace(NAMED, duration=3 * HOUR)
    line.beside("ssl", ssl(long))
    feed(line, [Conn("C2", at, name="other.example") for at in range(0, 3 * HOUR, 600)])
    line.conn(conn(long))
    line.finish()
    assert "name:www.example.com" in seen(line)


def test_an_ssl_row_that_comes_before_the_batch_closes_counts() -> None:
    """Joining happens when the batch closes, so the ssl row may come after the connection's."""
    line, _ = pipeline()
    line.conn(conn(NAMED))
    line.advance(MIDNIGHT + 400 * SECOND)
    line.beside("ssl", ssl(NAMED))
    line.advance(MIDNIGHT + 500 * SECOND)
    line.finish()
    assert seen(line) == ["name:www.example.com"]


def test_an_ssl_row_that_comes_after_the_batch_closed_is_too_late() -> None:
    """A batch that closed is not changed: the flow keeps its endpoint."""
    line, _ = pipeline()
    line.conn(conn(NAMED))
    line.advance(MIDNIGHT + 500 * SECOND)
    line.beside("ssl", ssl(NAMED))
    line.finish()
    assert seen(line) == ["203.0.113.1:443"]


def test_a_connection_over_two_batches_keeps_its_name() -> None:
    """What ssl.log said is kept until the batch in which the connection ends has closed."""
    line, _ = run([replace(NAMED, start=250)])
    assert line.counts.batches == 2
    assert [(first, last) for _, first, last, _ in line.site.seen] == [(MIDNIGHT, MIDNIGHT + BATCH)]
    assert seen(line) == ["name:www.example.com"]


def test_an_ssl_row_is_dropped_after_join_keep() -> None:
    """A name older than `join_keep` when the batch closes is not joined."""
    for keep, element in (("10m", "name:www.example.com"), ("9m", "203.0.113.1:443")):
        line, _ = run([NAMED, replace(NAMED, start=0, duration=440)], stream__join_keep=keep)
        assert element in seen(line)


def test_the_age_of_an_ssl_row_is_told_by_the_batch_not_by_the_watermark() -> None:
    """Which row moved the log time on does not decide what is joined."""
    line, _ = pipeline(stream__join_keep="10m")
    line.beside("ssl", ssl(NAMED))
    line.conn(conn(NAMED))
    line.advance(MIDNIGHT + DAY)
    assert seen(line) == ["name:www.example.com"]


def test_shared_names_are_no_names() -> None:
    """A name that strangers share is none: the flow keeps its endpoint."""
    line, _ = run([replace(NAMED, name="cloudflare-ech.com")])
    assert seen(line) == ["203.0.113.1:443"]


@pytest.mark.parametrize(
    ("subject", "shown"), [("CN=game.example", "CN=game.example"), ("", 8 * "ab")]
)
def test_certificates_have_the_subjects_of_x509(subject: str, shown: str) -> None:
    """A notice names the certificate by its subject where x509.log tells it."""
    line, found = pipeline(NOTHING)
    mark = "ab" * 32
    rows = [{"ts": MIDNIGHT, "fingerprint": mark, "certificate.subject": subject}]
    line.beside("x509", frame("x509", X509_COLUMNS, rows))
    feed(line, [replace(one, certificate=mark) for one in session("game", 0)])
    line.finish()
    assert f"cert='{shown}' " in str(found.noted("Unseen_App")[0]["sub"])


# What is left out


def test_flows_to_ignored_names_are_left_out() -> None:
    """Flows to a name or below a domain that is ignored are in no count and no fingerprint."""
    other = [Conn("C9", 5, 60, address="203.0.113.9", name="ads.example")]
    line, found = run(
        [*session("game", 0), *other], NOTHING, ignore__names=".game.example", log__rows="all"
    )
    assert line.counts.flows == 1
    assert found.verdicts == []


def test_a_batch_of_ignored_names_only_is_a_batch() -> None:
    """A batch of which nothing is left closes like any other."""
    line, found = run(session("game", 0), NOTHING, ignore__names=".game.example")
    assert (line.counts.batches, line.counts.flows) == (1, 0)
    assert found.notices == []


def test_dropped_rows_are_counted_by_reason() -> None:
    """Rows that become no flow are told by reason."""
    line, _ = run([Conn("C1", 0, address="224.0.0.251"), Conn("C2", 0), Conn("C3", 0, device="x")])
    assert line.gathered.dropped.reasons == {"multicast": 1, "address": 1}
    assert line.counts.flows == 1


# Learning


def test_learning_for_a_while_counts_from_the_first_batch() -> None:
    """The duration begins with the first batch that has a flow."""
    flows = [Conn(f"C{at}", at, name=f"{at}.example") for at in (700, 1100, 1700)]
    line, _ = run(flows, Learning(duration=900 * SECOND))
    assert (line.counts.batches, line.counts.learned) == (3, 2)


def test_learning_for_a_while_ends_where_log_time_begins_at_zero() -> None:
    """Logs of relative times have their first batch at zero, and learning ends there too."""
    flows = [Conn(f"C{at}", at - MIDNIGHT / SECOND, name=f"{at}.example") for at in (19, 400, 700)]
    assert flows[0].ts == 19 * SECOND
    line, _ = run(flows, Learning(duration=300 * SECOND))
    assert (line.counts.batches, line.counts.learned) == (3, 1)


@pytest.mark.parametrize("stale", [[-30 * 86_400], [-30 * 86_400, -15 * 86_400], [-4_000]])
def test_learning_for_a_while_is_not_ended_by_a_stale_row(stale: list[float]) -> None:
    """As of a clock that was not set when the sensor began: its batch counts, and not the time."""
    flows = [Conn(f"C{at}", at, name=f"{at}.example") for at in (*stale, 0, 300, 600, 900, 1_200)]
    line, _ = run(flows, Learning(duration=1_200 * SECOND))
    assert line.counts.batches == 5 + len(stale)
    assert line.counts.learned == 4


def test_learning_until_and_for_are_either() -> None:
    """A batch is learned if either says so."""
    learning = Learning(until=600, duration=300)
    assert [learning.phase(at, 0) for at in (0, 300, 599, 600)] == [*["learn"] * 3, "detect"]
    assert Learning(until=0, duration=300).phase(299, 0) == "learn"
    assert NOTHING.phase(0, 0) == "detect"


def test_a_shadow_follows_learning() -> None:
    """For so long after the last learned batch; a mode for all batches goes before everything."""
    learning = Learning(until=600, shadow=300)
    assert [learning.phase(at, 0) for at in (599, 600, 899, 900)] == [
        "learn",
        *["shadow"] * 2,
        "detect",
    ]
    assert Learning(until=600, always="shadow").phase(0, 0) == "shadow"


# Days


def test_a_status_is_written_when_the_day_changes() -> None:
    """The first batch that closes on another UTC day writes the heartbeat of the day before."""
    flows = [*session("game", 0), *session("mail", 86_400, device="10.0.0.2")]
    _, found = run(flows, NOTHING)
    (status,) = found.noted("Status")
    assert status["ts"] == MIDNIGHT + DAY + BATCH + 150 * SECOND
    assert (
        status["sub"]
        == "mode=detect devices=1 batches=1 flows=8 unseen=1 notices=1 degraded=0 held=0"
    )
    assert "2026-01-01: 1 batch, 1 device, 8 flows" in str(status["msg"])


def test_the_day_of_a_batch_is_that_of_its_closing() -> None:
    """A batch before midnight that closes after it belongs to the new day."""
    _, found = run([*session("game", 86_400 - 300), *session("game", 86_400)], NOTHING)
    assert found.noted("Status") == []


def test_each_day_counts_its_own() -> None:
    """Days that follow each other do not add up."""
    flows = [one for day in range(3) for one in session("game", day * 86_400)]
    _, found = run(flows, NOTHING)
    counts = [row["sub"] for row in found.noted("Status")]
    assert (
        counts
        == ["mode=detect devices=1 batches=1 flows=8 unseen=1 notices=1 degraded=0 held=0"] * 2
    )


def test_a_digest_is_written_when_the_day_changes() -> None:
    """Notices beyond the most of a day are named in one digest, before the status."""
    games = [one for at, app in enumerate("abc") for one in session(app, at * 300)]
    _, found = run([*games, Conn("C9", 86_400)], NOTHING, notice__max_per_day=1)
    notes = [str(row["note"]).partition("::")[2] for row in found.notices]
    assert notes == ["Unseen_App", "Digest", "Status"]
    assert found.noted("Digest")[0]["n"] == 2
    assert "on 2026-01-01" in str(found.noted("Digest")[0]["msg"])


def test_the_last_day_has_its_digest_at_the_end() -> None:
    """What was withheld on the last day is not lost when the logs end."""
    games = [one for at, app in enumerate("abc") for one in session(app, at * 300)]
    line, found = run(games, NOTHING, notice__max_per_day=1)
    (digest,) = found.noted("Digest")
    assert digest["ts"] == line.last_closed
    assert line.detector.notices == 1


def test_a_withheld_app_is_noticed_the_next_day() -> None:
    """An app that was withheld is raised when it is seen on the next day."""
    games = [one for at, app in enumerate("ab") for one in session(app, at * 300)]
    _, found = run([*games, *session("b", 86_400)], NOTHING, notice__max_per_day=1)
    first, second = (str(row["msg"]) for row in found.noted("Unseen_App"))
    assert ".a.example" in first
    assert ".b.example" in second


# Counts


def test_coverage_counts_flows_by_what_they_tell() -> None:
    """Flows with a certificate and with a name are counted, and those with neither."""
    mark = "ab" * 32
    flows = [
        Conn("C1", 0, name="a.example", certificate=mark),
        Conn("C2", 0, name="a.example"),
        Conn("C3", 0, certificate=mark),
        Conn("C4", 0),
        Conn("C5", 0),
    ]
    counts = run(flows)[0].counts
    assert (counts.flows, counts.with_certificate, counts.with_server_name) == (5, 2, 2)
    assert counts.with_neither == 2


def test_a_flow_counts_once_however_long() -> None:
    """A connection over several batches is one flow."""
    counts = run([replace(NAMED, duration=1000)])[0].counts
    assert (counts.flows, counts.batches) == (1, 1)
    counts = run([replace(NAMED, start=290, duration=50)])[0].counts
    assert (counts.flows, counts.batches) == (1, 2)


def test_a_row_written_twice_is_counted_as_duplicate() -> None:
    """Duplicates are no flows."""
    counts = run([NAMED, NAMED])[0].counts
    assert (counts.flows, counts.rows_duplicate) == (1, 1)


def test_devices_are_counted_over_all_batches() -> None:
    """A device that comes again is one device."""
    flows = [Conn(f"C{at}", at * 400, device=f"10.0.0.{at % 2}") for at in range(4)]
    counts = run(flows)[0].counts
    assert counts.devices == {"10.0.0.0", "10.0.0.1"}


def test_overdue_rows_are_told() -> None:
    """A row that comes after its batch closed is counted and changes nothing."""
    line, _ = pipeline()
    line.advance(MIDNIGHT + HOUR * SECOND)
    line.conn(conn(NAMED))
    line.finish()
    assert (line.gathered.overdue, line.counts.batches) == (1, 0)


def test_nothing_gives_nothing() -> None:
    """A pipeline without rows finishes with empty counts."""
    line, found = run([])
    assert (line.counts.batches, line.last_closed, found.notices) == (0, 0, [])


@pytest.mark.parametrize("scheme", ["names", "paper"])
def test_the_scheme_decides_what_is_learned(scheme: str) -> None:
    """In one scheme the name is the element, in the other the endpoint is."""
    line, _ = run([NAMED], fingerprint__scheme=scheme)
    assert seen(line) == [
        {"names": "name:www.example.com", "paper": "203.0.113.1:443"}[scheme],
    ]

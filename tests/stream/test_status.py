"""What a daemon tells of itself, and when."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flowprint_zeek import __version__
from flowprint_zeek.errors import OutputError
from flowprint_zeek.stream.outputs import NOTICES, VERDICTS
from flowprint_zeek.stream.snapshot import Snapshot
from flowprint_zeek.stream.state import State
from flowprint_zeek.stream.status import (
    MOST_LOGS,
    LogStatus,
    Progress,
    Status,
    decoded,
    doing,
    encoded,
    summary,
)
from tests.stream.daemons import START, Site, small
from tests.stream.small import MIDNIGHT, SECOND, Conn
from tests.stream.test_daemon import broken


def kept(site: Site) -> Status | None:
    """Return what the state says, which anyone may look at meanwhile."""
    return Snapshot(Path(site.config.run.state)).status()


def told(site: Site) -> Status:
    """Return what the daemon last told."""
    status = site.running.latest
    assert status is not None
    return status


# What it tells


def test_a_daemon_that_has_seen_nothing(site: Site) -> None:
    """Nothing is known but the program, its settings and its clocks."""
    site.poll()
    status = told(site)
    assert (status.version, status.mode) == (__version__, "auto")
    assert status.started == status.written == START
    assert (status.phase, status.progress, status.done.closed) == (None, None, None)
    assert (status.reading.newest, status.reading.lag) == (None, None)
    assert status.reading.logs == []
    assert doing(status) == "waiting for the first batch"


def test_how_far_learning_has_come(site: Site) -> None:
    """By the log time of the batches that closed."""
    site.follow(700)
    status = told(site)
    assert status.phase == "learn"
    # Two batches of three, and where the sensor's midnight is 15 min of learning end.
    assert status.progress == Progress(0.3333, START + 900)
    assert doing(status) == "learning (33% done)"


def test_how_far_a_shadow_has_come(tmp_path: Path) -> None:
    """It begins where learning ends."""
    site = Site(tmp_path, small(tmp_path, run__shadow_for="1200s"))
    site.follow(1_800)
    status = told(site)
    site.stop()
    assert status.phase == "shadow"
    assert status.progress == Progress(0.25, START + 2_100)
    assert status.done.held_today == 0


def test_what_comes_in(site: Site) -> None:
    """Rows by kind of log, their time, and the logs with what of them waits."""
    site.follow(1_200)
    with (site.current / "conn.log").open("ab") as file:
        file.write(b"half a line")
    site.poll(11)
    reading = told(site).reading
    rows = site.running.stats.rows
    assert reading.rows == {"conn": rows["conn"], "ssl": rows["ssl"]}
    assert reading.newest == site.running.live.watermark / SECOND
    assert reading.lag == START + 1_200 - reading.newest
    assert reading.logs == [
        LogStatus(f"{site.current}/conn.log", "conn", len(b"half a line")),
        LogStatus(f"{site.current}/ssl.log", "ssl", 0),
    ]
    assert (reading.n_logs, reading.unread) == (2, len(b"half a line"))


def test_rows_a_second(site: Site) -> None:
    """In the last ten seconds or so, by the clock that does not jump."""
    site.poll()
    site.append(*(Conn(f"C{number}", 10.0) for number in range(30)), kinds=["conn"])
    site.poll(8)
    assert told(site).reading.rows_a_second == 0
    site.poll(12)
    assert told(site).reading.rows_a_second == 1.5
    site.poll(12)
    assert told(site).reading.rows_a_second == 0


def test_damaged_rows(site: Site) -> None:
    """They are counted by kind of log."""
    site.follow(600)
    with (site.current / "conn.log").open("ab") as file:
        file.write(b"no row\n")
    site.poll(11)
    site.poll(11)
    assert told(site).reading.damaged == {"conn": 1}


def test_what_was_made_of_it(site: Site) -> None:
    """The figures of the pipeline, and the notices of the day."""
    site.follow()
    site.poll(1_300)
    done, keeps = told(site).done, told(site).kept
    counts = site.running.pipeline.counts
    assert (done.flows, done.devices, done.batches) == (counts.flows, 2, counts.batches)
    assert (done.learned, done.degraded, done.fingerprints) == (3, 0, counts.fingerprints)
    assert (done.notices, done.notices_today, done.unseen) == (3, 3, 3)
    assert done.coverage["server_name"] == 1.0
    assert done.closed == site.running.pipeline.last_closed / SECOND
    assert (keeps.known, keeps.pending) == (len(site.running.pipeline.site.known), 3)
    assert keeps.elements == len(site.running.pipeline.site.seen)


def test_what_was_counted_is_there_after_a_restart(site: Site) -> None:
    """Figures of all time go on, those since the start begin anew."""
    site.follow(1_800)
    before = told(site)
    site.stop()
    site.poll()
    after = told(site)
    assert after.done.batches >= before.done.batches > 0
    assert after.phase == before.phase == "detect"
    assert after.started > before.started


def test_lines_that_cannot_be_written(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are counted by log, and told of."""
    site.follow(1_200)
    site.poll(11)
    assert told(site).kept.unwritten == {}

    def failing(*_: object) -> None:
        raise OutputError("cannot be written: No space left on device")

    monkeypatch.setattr("flowprint_zeek.zeek.append.AppendedLog.append", failing)
    site.follow()
    site.poll(1_300)
    status = told(site)
    assert status.kept.unwritten[NOTICES] == 3
    assert (
        f"{NOTICES} cannot be written: 3 lines of it are kept until it can be" in status.attention
    )
    assert any(text.startswith(f"{VERDICTS} cannot be written") for text in status.attention)


def test_the_size_of_the_state(site: Site) -> None:
    """With what SQLite has not moved into it yet; None where there is no file."""
    site.follow(600)
    site.poll(11)
    path = Path(site.config.run.state)
    wal = path.with_name(f"{path.name}-wal")
    assert site.running.status().kept.state_bytes == path.stat().st_size + wal.stat().st_size
    wal.unlink()
    path.unlink()
    assert site.running.status().kept.state_bytes is None


def test_what_is_wrong_with_logs(site: Site) -> None:
    """As long as it is, also after it was logged."""
    (site.current / "conn.log").mkdir(parents=True)
    site.poll()
    site.poll(11)
    (site.folder / "archive").rmdir()
    site.poll(11)
    assert told(site).problems == [f"{site.folder}/archive: no such directory"]
    (site.folder / "archive").mkdir()
    site.poll(11)
    assert told(site).problems == []


def test_names_of_files_may_be_any_bytes(site: Site) -> None:
    """They are shown with escapes: JSON has no bytes."""
    strange = site.current / "conn.\udcff.log"
    site.write(300)
    (site.current / "conn.log").rename(strange)
    site.poll()
    site.poll(11)
    assert f"{site.current}/conn.\\udcff.log" in [log.path for log in told(site).reading.logs]
    assert kept(site) == told(site)


def test_few_of_many_logs_are_listed(site: Site) -> None:
    """Those that grow come first; all are counted."""
    site.write(300)
    line = (site.current / "conn.log").read_bytes()
    for number in range(MOST_LOGS):
        other = line.replace(b"Cmail", b"C%d" % number)
        (site.current / f"conn.2026-01-01-{number:02}-00-00.log").write_bytes(other)
    site.running.live.look()
    reading = site.running.status().reading
    assert (reading.n_logs, len(reading.logs)) == (MOST_LOGS + 2, MOST_LOGS)
    assert [log.path for log in reading.logs[:2]] == [
        f"{site.current}/conn.log",
        f"{site.current}/ssl.log",
    ]


# When it tells it


def test_it_is_told_with_every_commit(site: Site) -> None:
    """Whoever looks at the state sees what the batch that closed last has changed."""
    site.follow(1_200)
    told_before = kept(site)
    site.write(1_300)
    site.poll(0.5)
    status = kept(site)
    assert told_before is not None
    assert status is not None
    assert status.done.batches == told_before.done.batches + 1
    assert status.done.batches == site.running.pipeline.counts.batches


def test_it_is_told_every_ten_seconds_otherwise(site: Site) -> None:
    """And not more often."""
    site.poll()
    first = kept(site)
    site.time = 9
    site.poll(9)
    assert kept(site) == first
    site.time = 11
    site.poll(2)
    status = kept(site)
    assert status is not None
    assert status.written == START + 11


def test_it_is_told_while_the_daemon_catches_up(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look at the logs may last for hours."""
    site.write()
    written: list[str] = []
    monkeypatch.setattr(State, "keep_status", lambda _state, text: written.append(text))
    monkeypatch.setattr(site.running.live, "step", _slowly(site))
    site.poll()
    batches = [decoded(text).done.batches for text in written]
    assert len(set(batches)) > 3
    assert batches == sorted(batches)


def _slowly(site: Site) -> object:
    step = site.running.live.step

    def slow() -> bool:
        site.monotonic += 10
        return step()

    return slow


def test_a_state_that_cannot_be_written_does_not_matter(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon goes on, and tells it to whoever asks it directly."""
    site.follow(700)
    before = kept(site)
    with broken(monkeypatch):
        site.follow(1_400)
        site.poll(11)
        attention = told(site).attention
        assert kept(site) == before
    assert attention[0] == "the state cannot be written: nothing is read until it can be"
    site.poll()
    site.poll(11)
    assert kept(site) == told(site)
    assert attention[0] not in told(site).attention


def test_nothing_is_written_beside_a_state_that_was_deleted(site: Site) -> None:
    """The next commit makes it anew, and then there is a status again."""
    site.follow(700)
    for path in site.folder.glob("state.sqlite*"):
        path.unlink()
    site.poll(11)
    assert not Path(site.config.run.state).exists()
    site.follow(1_400)
    assert kept(site) == told(site)


# Its forms


def test_its_json_comes_back(site: Site) -> None:
    """Nothing gets lost."""
    site.follow(1_200)
    status = site.running.status()
    assert decoded(encoded(status)) == status


def test_other_json_is_refused() -> None:
    """It says what is wrong."""
    with pytest.raises(ValueError, match="version"):
        decoded("{}")


def test_its_summary(site: Site) -> None:
    """One line with what matters most."""
    site.follow(1_200)
    status = replace(site.running.status(), attention=["a", "b"])
    lag = round(START + 1_200 - site.running.live.watermark / SECOND)
    assert summary(status) == (
        f"learning (67% done); newest row {lag} s old; 0 pending apps, 0 notices today; "
        "needs attention: a"
    )
    assert MIDNIGHT == START * SECOND

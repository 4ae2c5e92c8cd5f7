"""The outbox when something is wrong with it, with Zeek or with the state."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from flowprint_zeek.errors import ConfigError, OutputError
from flowprint_zeek.stream import handback
from flowprint_zeek.stream.handback import AGAIN
from flowprint_zeek.stream.state import VERSION, State
from tests.stream.daemons import START, Site, small
from tests.stream.outboxes import HALF, acknowledge, apps, outbox, waiting


@pytest.mark.parametrize("notices", ["zeek", "log"])
def test_a_daemon_starts_without_the_folder_of_its_outbox(
    handing: Site, caplog: pytest.LogCaptureFixture, notices: str
) -> None:
    """Findings that wait go on waiting; a SIGHUP would end it otherwise."""
    handing.follow(HALF)
    handing.poll()
    handing.stop()
    away = outbox(handing.folder).parent.rename(handing.folder / "away")
    handing.config = small(
        handing.folder, run__notices=notices, run__outbox=str(outbox(handing.folder))
    )
    handing.poll()
    assert handing.running.handback.failing
    away.rename(outbox(handing.folder).parent)
    outbox(handing.folder).unlink()
    handing.poll()
    assert len(apps(handing)) == 2
    assert any("outbox.tsv can be written again" in text for text in caplog.messages)


def test_a_folder_that_may_not_be_entered_is_one_that_cannot_be_written(
    handing: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looking whether the outbox is there fails then, too."""
    real = Path.stat

    def refuse(path: Path, **named: bool) -> os.stat_result:
        if path == outbox(handing.folder):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", refuse)
        handing.follow(HALF)
        handing.poll()
        assert handing.running.handback.failing.endswith("Permission denied")
    handing.poll()
    assert len(apps(handing)) == 2


@pytest.mark.parametrize("name", ["state.sqlite", "out/notice.log", "out/flowprint.log", "other"])
def test_the_outbox_replaces_nothing_else(handing: Site, name: str) -> None:
    """What the daemon learned, least of all."""
    (handing.folder / "other").write_text("something else\n")
    path = handing.folder / name
    handing.config = small(handing.folder, run__notices="zeek", run__outbox=str(path))
    with pytest.raises(ConfigError, match=f"run.outbox is {path}, a file of something else"):
        handing.poll()
    assert (handing.folder / "other").read_text() == "something else\n"


def test_an_outbox_among_the_logs_stops_the_start(handing: Site) -> None:
    """Zeek's folder is no place for what is no log."""
    handing.config = small(
        handing.folder, run__notices="zeek", run__outbox=str(handing.current / "outbox.tsv")
    )
    with pytest.raises(ConfigError, match=r"run\.outbox is .*where logs are followed"):
        handing.poll()


def test_findings_are_kept_while_the_outbox_cannot_be_written(
    handing: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told once and tried again, and detection goes on."""
    handing.poll()
    folder = outbox(handing.folder).parent
    folder.rename(handing.folder / "away")
    handing.follow()
    handing.poll(11)
    assert (
        len([text for text in caplog.messages if "notices are kept until it can be" in text]) == 1
    )
    latest = handing.running.latest
    assert latest is not None
    assert [text for text in latest.attention if "outbox.tsv cannot be written" in text]
    assert latest.kept.handed == 3
    (handing.folder / "away").rename(folder)
    handing.poll()
    assert len(apps(handing)) == 3


def test_it_is_told_that_zeek_raises_nothing(handing: Site) -> None:
    """A person has to look after a finding that nobody takes."""
    handing.follow(HALF - 600)
    handing.poll(11)
    latest = handing.running.latest
    assert latest is not None
    assert latest.kept.handed == 1
    assert not [text for text in latest.attention if "raised" in text]
    handing.follow(HALF)
    handing.wall = START + HALF + AGAIN + 1
    handing.poll(11)
    latest = handing.running.latest
    assert latest is not None
    (told,) = [text for text in latest.attention if "has not raised 2 of the notices" in text]
    assert f"FlowPrint::outbox set to {outbox(handing.folder)}" in told


def test_acknowledgements_wait_while_the_state_cannot_be_written(
    handing: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Zeek said is not forgotten meanwhile."""
    handing.follow(HALF)
    handing.poll()
    acknowledge(handing, *apps(handing))

    def full(_state: State, _ids: object) -> None:
        raise OutputError("cannot be written: full")

    with monkeypatch.context() as patch:
        patch.setattr(State, "raised", full)
        handing.poll()
        assert len(handing.running.handback) == 2
    handing.poll()
    handing.poll()
    assert apps(handing) == []


def test_a_state_of_the_version_before_is_migrated(site: Site, replay: dict[str, bytes]) -> None:
    """A daemon that knew of no outbox is succeeded by one that does."""
    site.follow(HALF)
    site.stop()
    path = site.folder / "state.sqlite"
    with closing(sqlite3.connect(path)) as before:
        before.execute("DROP TABLE handed")
        before.execute("PRAGMA user_version = 1")
    site.end()
    assert site.outputs() == replay
    with closing(sqlite3.connect(path)) as after:
        assert after.execute("PRAGMA user_version").fetchall() == [(VERSION,)]
    assert path.with_name("state.sqlite.v1.bak").exists()


def test_findings_are_kept_as_long_as_notices(handing: Site) -> None:
    """A Zeek that never comes does not fill the state."""
    handing.follow(HALF)
    handing.poll()
    handing.stop()
    with closing(State(handing.folder / "state.sqlite")) as state:
        assert len(state.handed()) == 2
        state.prune(START + HALF + 10, 1e6)
        assert len(state.handed()) == 2
        state.prune(START + HALF + 1e6 + 10, 1e6)
        assert state.handed() == []


def test_old_findings_leave_the_outbox(handing: Site) -> None:
    """At once, not with the next start."""
    handing.config = replace(handing.config, run=replace(handing.config.run, keep=86_400.0))
    handing.follow(HALF)
    handing.poll()
    assert len(apps(handing)) == 2
    handing.wall = START + HALF + 90_000
    handing.monotonic += 4_000
    handing.write(HALF + 600)
    handing.poll()
    handing.poll()
    assert len(handing.running.handback) < 2


def test_what_nobody_takes_does_not_stand_in_the_way_of_others(
    handing: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of more findings than the outbox holds each has its turn."""
    monkeypatch.setattr(handback, "_MOST", 1)
    handing.follow(HALF)
    handing.poll()
    (first,) = apps(handing) or [one["id"] for one in waiting(handing)]
    handing.poll(AGAIN + 1)
    (second,) = [one["id"] for one in waiting(handing)]
    assert first != second

"""Findings that Zeek is to raise: they wait in the outbox until it says that it did."""

from __future__ import annotations

import itertools
import json
import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from flowprint_zeek import aside
from flowprint_zeek.errors import ConfigError, OutputError
from flowprint_zeek.stream import handback
from flowprint_zeek.stream.commits import Handed
from flowprint_zeek.stream.handback import AGAIN
from flowprint_zeek.stream.outputs import NOTICES
from flowprint_zeek.stream.state import VERSION, State
from flowprint_zeek.zeek.header import header_lines
from flowprint_zeek.zeek.ownlogs import FLOWPRINT_ACK_LOG, OUTBOX
from flowprint_zeek.zeek.writer import row_line, whole_lines
from tests.stream.daemons import LAST, START, Site, small
from tests.stream.small import MIDNIGHT, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flowprint_zeek.stream.notices import Row

HALF = 2_500.0
"""Seconds after which two of the three unseen apps were found."""


@pytest.fixture
def handing(tmp_path: Path) -> Iterator[Site]:
    """Return a site whose notices go to Zeek."""
    (tmp_path / "handed").mkdir()
    made = Site(tmp_path, small(tmp_path, run__notices="zeek", run__outbox=str(outbox(tmp_path))))
    yield made
    made.stop()


def outbox(folder: Path) -> Path:
    return folder / "handed" / "outbox.tsv"


def waiting(site: Site) -> list[dict[str, str]]:
    """Return the rows of the outbox, as they stand there."""
    lines = outbox(site.folder).read_text().splitlines()
    names = [name for name, _ in OUTBOX]
    return [dict(zip(names, one.split("\t"), strict=True)) for one in lines if one[0] != "#"]


def apps(site: Site) -> list[str]:
    return [one["id"] for one in waiting(site) if one["note"] == "FlowPrint::Unseen_App"]


def acknowledge(site: Site, *ids: str) -> None:
    """Let Zeek say that it raised findings."""
    path = site.current / "flowprint_ack.log"
    lines = [] if path.exists() else header_lines("flowprint_ack", FLOWPRINT_ACK_LOG, MIDNIGHT)
    for at, one in enumerate(ids):
        row: Row = {"ts": MIDNIGHT + at * SECOND, "id": one, "again": False}
        lines.append(row_line(row, FLOWPRINT_ACK_LOG, tsv=True))
    with path.open("ab") as file:
        file.write(whole_lines(lines))


# The way there and back


def test_findings_wait_in_the_outbox(handing: Site, replay: dict[str, bytes]) -> None:
    """What notice.log would have goes there instead, with what Zeek needs to raise it."""
    handing.follow()
    handing.poll()
    raised = [json.loads(line) for line in replay[NOTICES].splitlines() if b"Unseen_App" in line]
    assert [one["sub"].split()[0] for one in raised] == [f"id={one}" for one in apps(handing)]
    first, row = raised[0], waiting(handing)[0]
    assert row["note"] == first["note"]
    assert row["msg"] == first["msg"]
    assert (row["uid"], row["orig_h"], row["resp_h"]) == (
        first["uid"],
        first["id.orig_h"],
        first["id.resp_h"],
    )
    assert row["orig_p"] == f"{first['id.orig_p']}/tcp"
    assert row["resp_p"] == f"{first['id.resp_p']}/tcp"
    assert row["n"] == "1"
    assert not (handing.out / NOTICES).exists()


def test_both_are_to_be_had(handing: Site) -> None:
    """notice.log and Zeek get the same where that is wanted."""
    handing.config = small(
        handing.folder, run__notices="both", run__outbox=str(outbox(handing.folder))
    )
    handing.follow()
    handing.poll()
    rows = [json.loads(line) for line in (handing.out / NOTICES).read_text().splitlines()]
    assert [one["msg"] for one in rows] == [one["msg"] for one in waiting(handing)]


def test_what_was_raised_leaves_the_outbox(handing: Site) -> None:
    """Zeek's word for it is enough, whatever else it says."""
    handing.follow(HALF)
    handing.poll()
    first, second = apps(handing)
    acknowledge(handing, first, "0123456789abcdef", first)
    handing.poll()
    handing.poll()
    assert apps(handing) == [second]
    assert len(handing.running.handback) == 1


def test_findings_outlive_a_restart(handing: Site) -> None:
    """They are handed over by the next daemon, also where the outbox is gone."""
    handing.follow(HALF)
    handing.poll()
    before = apps(handing)
    handing.stop()
    outbox(handing.folder).unlink()
    handing.poll()
    assert apps(handing) == before
    assert len(before) == 2


def test_what_was_raised_while_the_daemon_was_down_is_taken_in(handing: Site) -> None:
    """The log is read from its beginning after a restart."""
    handing.follow(HALF)
    handing.poll()
    first, second = apps(handing)
    acknowledge(handing, first)
    handing.poll()
    handing.stop()
    acknowledge(handing, second)
    handing.poll()
    handing.poll()
    assert apps(handing) == []


def test_a_raised_finding_does_not_come_back(handing: Site) -> None:
    """It is forgotten for good, not only in memory."""
    handing.follow(HALF)
    handing.poll()
    acknowledge(handing, *apps(handing))
    handing.poll()
    handing.stop()
    (handing.current / "flowprint_ack.log").unlink()
    handing.poll()
    assert apps(handing) == []


def test_what_waits_is_handed_over_whatever_is_set_now(handing: Site) -> None:
    """Findings of a time before are not lost; new ones go where the settings say."""
    handing.follow(HALF)
    handing.poll()
    handing.stop()
    outbox(handing.folder).unlink()
    handing.config = small(handing.folder, run__outbox=str(outbox(handing.folder)))
    handing.follow()
    handing.poll()
    assert len(apps(handing)) == 2
    assert (handing.out / NOTICES).read_text().count("Unseen_App") == 1


def test_no_outbox_is_made_where_none_is_wanted(site: Site) -> None:
    """The file that the settings name by default is left alone."""
    site.config = replace(
        site.config, run=replace(site.config.run, outbox=str(outbox(site.folder)))
    )
    site.follow()
    assert not outbox(site.folder).parent.exists()


# The file


def test_versions_of_the_outbox_lie_two_seconds_apart(
    handing: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zeek tells them apart by whole seconds."""
    times: list[float] = []
    real = aside.replacing

    def noted(path: Path) -> object:
        times.append(handing.monotonic)
        return real(path)

    monkeypatch.setattr(handback, "replacing", noted)
    for until in range(100, int(LAST), 100):
        handing.write(until)
        handing.poll(0.3)
        for one in apps(handing):
            acknowledge(handing, one)
    assert len(times) == 4
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) >= 2


def test_nothing_is_written_where_nothing_changed(handing: Site) -> None:
    """An outbox that is left alone costs Zeek nothing."""
    handing.follow(HALF)
    handing.poll()
    before = outbox(handing.folder).stat()
    for _ in range(20):
        handing.poll()
    assert outbox(handing.folder).stat() == before


def test_zeek_is_asked_again(handing: Site) -> None:
    """What it said may have been lost, with a log that it truncated."""
    handing.follow(HALF)
    handing.poll()
    before = [(one["id"], int(one["asked"])) for one in waiting(handing)]
    handing.wall = START + HALF + AGAIN + 1
    handing.poll()
    after = [(one["id"], int(one["asked"])) for one in waiting(handing)]
    assert [one for one, _ in after] == [one for one, _ in before]
    assert all(late > early for (_, late), (_, early) in zip(after, before, strict=True))


def test_hostile_text_reaches_zeek_as_it_is() -> None:
    r"""Zeek's reader knows \xNN and nothing else: two backslashes stay two for it."""
    row: Row = {"msg": "a\tb\\x2cc\n", "sub": "-", "note": "FlowPrint::Status"}
    line = handback._line(handed(row), 0)
    names = [name for name, _ in OUTBOX]
    cells = dict(zip(names, line.split("\t"), strict=True))
    assert (cells["msg"], cells["sub"]) == (r"a\x09b\x5cx2cc\x0a", r"\x2d")


@pytest.mark.parametrize("host", ["", "10.0.0.x", "fe80::1%eth0x/64", None])
def test_what_is_no_address_is_not_handed_over(host: str | None) -> None:
    """Zeek would take it for 0.0.0.0."""
    row: Row = {"msg": "m", "note": "FlowPrint::Unseen_App", "proto": "tcp", "uid": "C1"}
    ends = {"id.orig_h": host, "id.orig_p": 1, "id.resp_h": "2001:db8::7", "id.resp_p": 443}
    line = handback._line(handed(row | ends), 0)
    assert line.split("\t")[2:7] == ["C1", "-", "-", "-", "-"]
    good = handback._line(handed(row | ends | {"id.orig_h": "10.0.0.1"}), 0)
    assert good.split("\t")[3:7] == ["10.0.0.1", "1/tcp", "2001:db8::7", "443/tcp"]


def handed(row: Row) -> Handed:
    return Handed("0123456789abcdef", 0.0, msgspec.msgpack.encode(row))


def test_its_group_may_read_the_outbox_and_nobody_else(handing: Site) -> None:
    """It tells what people do; whoever changes its mode is not overruled."""
    handing.poll()
    path = outbox(handing.folder)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    path.chmod(0o660)
    handing.follow()
    assert stat.S_IMODE(path.stat().st_mode) == 0o660


# What goes wrong


def test_an_outbox_without_a_folder_stops_the_start(handing: Site) -> None:
    """Nobody else knows who has to be allowed to write there."""
    outbox(handing.folder).parent.rmdir()
    with pytest.raises(OutputError, match=r"outbox\.tsv: cannot be written: No such file"):
        handing.poll()


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


# Suppression


def test_an_app_has_one_identifier_until_it_is_on_many_devices(handing: Site) -> None:
    """Zeek may suppress what repeats, but not that an app spreads."""
    handing.follow(HALF)
    pending = handing.running.pipeline.pending
    one, other = list(pending)[:2]
    few = pending.identifier(one)
    assert few != pending.identifier(other)
    one.devices.update(f"10.0.1.{number}" for number in range(8))
    assert pending.identifier(one) == few
    one.devices.add("10.0.2.1")
    assert pending.identifier(one) == few.replace("/1", "/10")
    assert waiting(handing)[0]["identifier"] == few

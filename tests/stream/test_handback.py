"""Findings that Zeek is to raise: they wait in the outbox until it says that it did."""

from __future__ import annotations

import itertools
import json
import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from flowprint_zeek import aside
from flowprint_zeek.stream import handback
from flowprint_zeek.stream.commits import Handed
from flowprint_zeek.stream.handback import AGAIN
from flowprint_zeek.stream.outputs import NOTICES
from flowprint_zeek.zeek.ownlogs import OUTBOX
from tests.stream.daemons import LAST, START, Site, small
from tests.stream.outboxes import HALF, acknowledge, apps, outbox, waiting

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.stream.notices import Row


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

    def noted(path: Path, mode: int) -> object:
        times.append(handing.monotonic)
        return real(path, mode)

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
    handing.wall = START + HALF + 7
    handing.poll(AGAIN + 1)
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


@pytest.mark.parametrize("host", ["", "10.0.0.x", "fe80::1%eth0", "10.0.0.1/24", None])
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

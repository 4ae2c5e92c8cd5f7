"""What is said of the daemon and its state."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.doctor.daemon import check_daemon
from flowprint_zeek.analysis.doctor.host import Host
from flowprint_zeek.analysis.doctor.scene import Scene
from tests.analysis.doctor.setups import of
from tests.stream.daemons import START, Site, small

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowprint_zeek.analysis.doctor.finding import Finding
    from flowprint_zeek.config import Config

SEEN = START + 1_230.0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a site whose daemon has learned for a while and ends with the test."""
    made = Site(tmp_path, small(tmp_path))
    made.follow(1_200)
    made.poll(11)
    yield made
    made.stop()


def found(config: Config, now: float = SEEN) -> list[Finding]:
    """Return what is said at a time."""
    return list(check_daemon(Scene(config, Host(now=lambda: now))))


def test_a_daemon_that_is_well(site: Site) -> None:
    """What it does, and that its state fits the settings."""
    said = found(site.config)
    assert of(said, "problem") == of(said, "note") == {}
    assert (
        "a daemon runs: it is learning (67% done), as it told 30 s ago" in of(said, "ok")["daemon"]
    )
    assert "can be read and fits the settings" in of(said, "ok")["state"]


def test_a_daemon_that_needs_a_person(site: Site) -> None:
    """What it says itself is passed on."""
    site.poll(301)
    said = of(found(site.config), "problem")["daemon.attention"]
    assert said.startswith("the daemon says: no row of conn.log for 5 min: is Zeek running?")


def test_a_daemon_that_tells_nothing_any_more(site: Site) -> None:
    """It may hang."""
    said = of(found(site.config, SEEN + 900), "problem")["daemon"]
    assert "the daemon has told nothing for 16 min" in said


def test_a_daemon_that_does_not_run(site: Site) -> None:
    """What it did last, and how it is started; what it needed then does not count any more."""
    site.poll(301)
    site.stop()
    said = found(site.config)
    assert of(said, "problem") == {}
    assert "no daemon runs with this state (it was learning" in of(said, "note")["daemon"]
    assert "`systemctl start flowprint-zeek`" in of(said, "note")["daemon"]


def test_no_state(tmp_path: Path) -> None:
    """None is made."""
    said = of(found(small(tmp_path)), "note")["daemon"]
    assert "no daemon has run with it yet" in said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "told", "do"),
    [
        (b"no database" * 500, "is damaged", "put a copy of it back, or move it away"),
        (b"", "cannot be read", "run doctor as the user of the daemon"),
    ],
)
def test_a_damaged_state(site: Site, content: bytes, told: str, do: str) -> None:
    """What is wrong with it, and what to do."""
    site.stop()
    Path(site.config.run.state).write_bytes(content)
    said = of(found(site.config), "problem")["state"]
    assert told in said
    assert do in said


def test_a_state_that_was_learned_with_other_parameters(site: Site) -> None:
    """Which setting, what it was and what it is."""
    fingerprint = replace(site.config.fingerprint, batch=600.0, clique_budget=7)
    said = [one for one in found(replace(site.config, fingerprint=fingerprint)) if one.do]
    assert [(one.check, one.level) for one in said] == [("state", "problem")]
    assert "was learned with fingerprint.batch 300.0, the settings say 600.0" in said[0].found
    assert said[0].do.startswith("set fingerprint.batch back to 300.0, or move ")


def test_lines_that_are_not_written_yet(site: Site) -> None:
    """The daemon keeps them."""
    (site.out / "notice.log").mkdir(parents=True)
    site.follow(2_200)
    site.poll(11)
    said = of(found(site.config, START + 2_230), "problem")["daemon.unwritten"]
    assert "lines of notice.log wait in the state" in said


def test_a_log_that_the_daemon_does_not_follow(site: Site, tmp_path: Path) -> None:
    """It runs with other settings than those that are looked at."""
    other = tmp_path / "other"
    site.current.rename(other)
    site.current.symlink_to(other)
    said = found(replace(site.config, run=replace(site.config.run, logs=(str(other),))))
    assert of(said, "problem") == {}
    (other / "conn.log").rename(other / "conn_2.log")
    text = (other / "conn_2.log").read_bytes()
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "conn.log").write_bytes(text)
    config = replace(site.config, run=replace(site.config.run, logs=(str(tmp_path / "new"),)))
    assert "the daemon does not follow it" in of(found(config), "problem")["daemon.logs"]

"""``status``: what a daemon does now, and what it needs."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.stream.state import State
from tests.cli.test_run import said
from tests.stream.daemons import START, Site, small

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Cli


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a site whose daemon has learned for a while and ends with the test."""
    made = Site(tmp_path, small(tmp_path))
    made.follow(1_200)
    made.poll(11)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the clock of the host, half a minute after the site's story."""
    now = [START + 1_230.0]
    monkeypatch.setattr("flowprint_zeek.cli.status.time.time", lambda: now[0])
    return now


def state(site: Site) -> Path:
    return Path(site.config.run.state)


def contents(folder: Path) -> dict[str, bytes]:
    """Return the state and what SQLite has beside it, but for the marks of who reads."""
    files = (path for path in folder.glob("state.sqlite*") if path.suffix != ".sqlite-shm")
    return {path.name: path.read_bytes() for path in files}


def test_of_a_daemon_that_runs(cli: Cli, site: Site) -> None:
    """What it does comes first, then what it needs, then figures; nothing is changed."""
    site.poll(301)
    before = contents(site.folder)
    done = cli.ok("status", "--config", said(site.config, site.folder))
    assert done.err == ""
    lines = done.out.splitlines()
    assert lines[0] == "daemon runs: learning (100% done); told 30 s ago"
    assert lines[1] == "needs attention: no row of conn.log for 5 min: is Zeek running?"
    assert " until (log time)          2026-01-01 00:15Z" in lines
    assert f" conn  {site.current}/conn.log             0" in lines
    assert contents(site.folder) == before


def test_of_a_daemon_that_does_not_run(cli: Cli, site: Site, clock: list[float]) -> None:
    """What it last told, and how long ago that was; nothing is made beside its state."""
    site.stop()
    clock[0] += 7_200
    before = contents(site.folder)
    done = cli.ok("status", "--state", state(site))
    assert done.out.splitlines()[:2] == [
        "daemon does not run: learning (67% done); told 2 h ago",
        "needs attention: no daemon runs with this state",
    ]
    assert contents(site.folder) == before


def test_of_a_daemon_that_tells_nothing_any_more(cli: Cli, site: Site, clock: list[float]) -> None:
    """It may hang."""
    clock[0] += 600
    done = cli.ok("status", "--state", state(site))
    assert done.out.splitlines()[1] == (
        "needs attention: the daemon has told nothing for 10 min: it cannot write its state, is "
        "busy with one large batch, or hangs"
    )


def test_as_json(cli: Cli, site: Site) -> None:
    """The settings, and every figure of the status by its documented name."""
    done = cli.ok("status", "--config", said(site.config, site.folder), "--json").json
    assert list(done) == ["parameters", "running", "age", "attention", "status"]
    assert (done["running"], done["age"], done["attention"]) == (True, 30.0, [])
    assert done["parameters"]["run"]["state"] == str(state(site))
    assert done["status"]["progress"] == {"share": 0.6667, "ends": START + 900}
    assert done["status"]["done"]["batches"] == site.running.pipeline.counts.batches
    assert done["status"]["reading"]["logs"][0] == {
        "path": f"{site.current}/conn.log",
        "kind": "conn",
        "unread": 0,
    }


def test_before_anything_was_told(cli: Cli, tmp_path: Path) -> None:
    """A state may be new."""
    path = tmp_path / "new.sqlite"
    with closing(State(path)):
        done = cli.ok("status", "--state", path)
        assert done.out == "daemon runs: has told nothing yet\n"
    done = cli.ok("status", "--state", path, "--json").json
    assert (done["running"], done["age"], done["status"]) == (False, None, None)


def test_what_comes_from_traffic_does_not_steer_the_terminal(cli: Cli, site: Site) -> None:
    """Names of files are shown with escapes."""
    strange = site.current / "conn.\x1b[31m.log"
    (site.current / "conn.log").rename(strange)
    site.poll(11)
    done = cli.ok("status", "--state", state(site))
    assert f"{site.current}/conn.\\x1b[31m.log" in done.out


# Health checks


def test_a_daemon_that_is_well(cli: Cli, site: Site) -> None:
    """It runs and told something lately."""
    cli.ok("status", "--state", state(site), "--max-age", "1m")


@pytest.mark.parametrize(
    ("age", "told"), [("10s", "the daemon has told nothing for 30 s"), ("0", "for 30 s")]
)
def test_a_daemon_that_is_not_well(cli: Cli, site: Site, age: str, told: str) -> None:
    """The code is that of the state, and one line says why."""
    done = cli("status", "--state", state(site), "--max-age", age)
    assert (done.code, done.out, done.err.count("\n")) == (Exit.STATE, "", 1)
    assert f"error: {state(site)}: " in done.err
    assert told in done.err


def test_health_of_a_daemon_that_does_not_run(cli: Cli, site: Site) -> None:
    """Whatever it told before."""
    site.stop()
    done = cli("status", "--state", state(site), "--max-age", "1h")
    assert done.code == Exit.STATE
    assert "no daemon runs with it" in done.err


# What cannot be read


def test_without_a_state(cli: Cli, tmp_path: Path) -> None:
    """It is one error, and none is made."""
    done = cli("status", "--state", tmp_path / "none.sqlite")
    assert done.code == Exit.STATE
    assert done.err == (
        f"flowprint-zeek: error: {tmp_path}/none.sqlite: there is no state: no daemon has run "
        "with it yet\n"
    )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("data", "told"),
    [("", "status of another version"), ('{"version": 1}', "status of another version")],
)
def test_a_status_of_another_version(cli: Cli, site: Site, data: str, told: str) -> None:
    """It says so."""
    site.stop()
    with closing(sqlite3.connect(state(site))) as db:
        db.execute("UPDATE status SET data = ?", (data,))
        db.commit()
    done = cli("status", "--state", state(site))
    assert (done.code, done.err.count("\n")) == (Exit.STATE, 1)
    assert told in done.err


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"no database" * 500, "is damaged"), (b"", "cannot be read"), (None, "cannot be read")],
)
def test_what_is_no_state(cli: Cli, tmp_path: Path, content: bytes | None, told: str) -> None:
    """A file of something else, an empty one, a folder: one error each."""
    path = tmp_path / "state.sqlite"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    done = cli("status", "--state", path)
    assert (done.code, done.err.count("\n")) == (Exit.STATE, 1)
    assert f"error: {path}: {told}" in done.err


def test_a_state_that_may_not_be_read(
    cli: Cli, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is one error."""
    real, path = Path.stat, state(site)

    def denied(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if self == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(self, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", denied)
    done = cli("status", "--state", path)
    assert done.code == Exit.STATE
    assert done.err == f"flowprint-zeek: error: {path}: cannot be read: Permission denied\n"


def test_wrong_options(cli: Cli, site: Site) -> None:
    """One line, and the code of usage."""
    done = cli("status", "--state", state(site), "--max-age", "soon")
    assert (done.code, done.err.count("\n")) == (Exit.USAGE, 1)
    assert "--max-age: 'soon' is not a duration" in done.err

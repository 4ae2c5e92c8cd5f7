"""The state file: whole or not at all, one daemon at a time, and what becomes of damage."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.errors import OutputError, StateError
from flowprint_zeek.stream import state as module
from flowprint_zeek.stream.commits import Commit, Line, Noted
from flowprint_zeek.stream.live import Resume
from flowprint_zeek.stream.state import VERSION, State
from flowprint_zeek.zeek.tail import Position

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AT = Resume(Position(100, 3, "#fields\tts"), 7, 5_000_000)
COMMIT = Commit(
    {"known": b"one", "seen": b"two"},
    {"c0ffee": AT},
    [
        Line("notice.log", 1, b"a\n"),
        Line("flowprint.log", 1, b"b\n"),
        Line("notice.log", 2, b"c\n"),
    ],
    [Noted("id", "10.0.0.1", 1_000_000, b"row", b"why")],
    1000.0,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "state.sqlite"


@pytest.fixture
def state(path: Path) -> Iterator[State]:
    with closing(State(path)) as opened:
        yield opened


def reopened(state: State) -> State:
    state.close()
    return State(state.path)


def test_a_new_file_holds_nothing(state: State, path: Path) -> None:
    """It is made with its folder, for its owner only."""
    assert (state.sections(), state.logs(), state.begun(7.0)) == ({}, {}, 7.0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_was_committed_is_there_after_a_restart(state: State) -> None:
    """Sections, places in logs and lines that are due come back as they were."""
    state.begun(1000.0)
    state.commit(COMMIT)
    with closing(reopened(state)) as again:
        assert again.sections() == COMMIT.sections
        assert again.logs() == COMMIT.logs
        assert again.begun(2000.0) == 1000.0
        assert [line for _, line in again.unwritten("notice.log")] == [
            COMMIT.lines[0],
            COMMIT.lines[2],
        ]
    state.__init__(state.path)  # type: ignore[misc]  # for the fixture to close


def test_written_lines_are_forgotten(state: State) -> None:
    """Those of one log do not touch those of another."""
    state.commit(COMMIT)
    state.written([number for number, _ in state.unwritten("notice.log")[:1]])
    assert [line.data for _, line in state.unwritten("notice.log")] == [b"c\n"]
    assert [line.data for _, line in state.unwritten("flowprint.log")] == [b"b\n"]


def test_a_second_daemon_is_refused(state: State, path: Path) -> None:
    """One state file has one daemon; when that ends another may have it."""
    with pytest.raises(StateError, match=r"state.sqlite: is in use: another daemon"):
        State(path)
    state.commit(COMMIT)


def test_only_what_changed_is_written(state: State, path: Path) -> None:
    """A section as before costs nothing; one that changed is replaced."""
    state.commit(COMMIT)
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE section SET data = 'touched' WHERE name = 'seen'")
        other.commit()
        state.commit(replace(COMMIT, sections={"known": b"new", "seen": b"two"}, lines=[]))
        rows = dict(other.execute("SELECT name, data FROM section").fetchall())
    assert rows == {"known": b"new", "seen": "touched"}


def test_a_failed_commit_leaves_everything(state: State) -> None:
    """All or nothing, and the same commit works when it can be written."""
    state.commit(COMMIT)
    broken = replace(COMMIT, sections={"known": b"new"}, notices=[Noted("", "", 1, None, b"")])  # type: ignore[arg-type]  # NOT NULL
    with pytest.raises((StateError, OutputError)):
        state.commit(broken)
    assert state.sections() == COMMIT.sections
    state.commit(replace(broken, notices=[], lines=[]))
    assert state.sections()["known"] == b"new"


def test_a_full_disk_is_no_damage(state: State) -> None:
    """SQLite says that the disk is full; the file stays as it was, and later it goes on."""
    state.commit(COMMIT)
    state._db.execute("PRAGMA max_page_count = 20")
    large = replace(COMMIT, sections={"known": bytes(1 << 20)}, lines=[])
    with pytest.raises(OutputError, match="cannot be written: database or disk is full"):
        state.commit(large)
    assert state.sections() == COMMIT.sections
    state._db.execute("PRAGMA max_page_count = 100000")
    state.commit(large)
    assert state.sections()["known"] == bytes(1 << 20)


def test_a_deleted_file_is_made_anew(state: State, path: Path) -> None:
    """What is needed is in memory: the next commit writes all of it to a new file."""
    state.commit(COMMIT)
    for each in path.parent.glob("state.sqlite*"):
        each.unlink()
    state.commit(replace(COMMIT, lines=COMMIT.lines[:1]))
    assert path.exists()
    with closing(sqlite3.connect(path)) as other:
        assert dict(other.execute("SELECT name, data FROM section").fetchall()) == COMMIT.sections
        assert other.execute("SELECT count(*) FROM log").fetchall() == [(1,)]


@pytest.mark.parametrize(
    "content", [b"no database at all, but text" * 99, b"SQLite format 3\0" + bytes(4096)]
)
def test_a_damaged_file_is_an_error_that_says_what_to_do(path: Path, content: bytes) -> None:
    """It is not replaced: what was learned may still be saved."""
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(StateError, match=r"is damaged .*move it away"):
        State(path)
    assert path.read_bytes() == content


def test_a_section_that_was_changed_is_damage(state: State, path: Path) -> None:
    """Also where SQLite finds nothing wrong."""
    state.commit(COMMIT)
    with closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE section SET data = x'00' WHERE name = 'seen'")
        other.commit()
    with pytest.raises(StateError, match=r"is damaged \(seen is not as it was written\)"):
        state.sections()


def test_a_later_version_is_refused(state: State, path: Path) -> None:
    """An old program does not touch what a newer one wrote."""
    state._db.execute(f"PRAGMA user_version = {VERSION + 1}")
    state.close()
    with pytest.raises(
        StateError, match=f"is of version {VERSION + 1}; this program knows up to {VERSION}"
    ):
        State(path)
    state.__init__(path.with_name("other"))  # type: ignore[misc]  # for the fixture to close


def test_a_migration_is_one_step_and_leaves_a_copy(
    state: State, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file as it was lies beside it; a failing step changes nothing."""
    state.commit(COMMIT)
    state.close()
    monkeypatch.setattr(module, "VERSION", VERSION + 1)
    monkeypatch.setattr(module, "MIGRATIONS", {VERSION: "CREATE TABLE more (a); SELECT nonsense"})
    with pytest.raises(OutputError, match="nonsense"):
        State(path)
    monkeypatch.setattr(
        module, "MIGRATIONS", {VERSION: "CREATE TABLE more (a); DELETE FROM section"}
    )
    with closing(State(path)) as migrated:
        assert migrated.sections() == {}
        assert migrated.logs() == COMMIT.logs
    with closing(sqlite3.connect(f"{path}.v{VERSION}.bak")) as copy:
        assert dict(copy.execute("SELECT name, data FROM section").fetchall()) == COMMIT.sections
    state.__init__(path.with_name("other"))  # type: ignore[misc]  # for the fixture to close


def test_old_notices_and_logs_are_pruned(state: State) -> None:
    """Those older than is kept go; a log that is still read comes back with its next commit."""
    state.commit(COMMIT)
    state.prune(1000.0, 999.0)
    assert state.logs() == COMMIT.logs
    state.prune(1000.0 + 999.5, 999.0)
    assert state.logs() == {}
    assert state._db.execute("SELECT count(*) FROM notice").fetchall() == [(0,)]
    state.commit(replace(COMMIT, lines=[], now=2000.0))
    assert state.logs() == COMMIT.logs

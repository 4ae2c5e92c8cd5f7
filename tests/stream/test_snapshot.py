"""The state as others see it: read at any moment, and asked only for what it says."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from flowprint_zeek.errors import OutputError, StateError
from flowprint_zeek.stream.explained import Explained
from flowprint_zeek.stream.snapshot import Snapshot
from flowprint_zeek.stream.state import State
from tests.stream.daemons import Site, small


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Return a site whose daemon has seen the story and ended."""
    folder = tmp_path_factory.mktemp("site")
    site = Site(folder, small(folder))
    site.end()
    return site


def seen(site: Site) -> Snapshot:
    return Snapshot(Path(site.config.run.state))


def changed(site: Site, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(site.config.run.state)) as db:
        db.execute(sql, values)
        db.commit()


def test_without_a_state_there_is_nothing_to_see(tmp_path: Path) -> None:
    """The error names the file that was looked for."""
    path = tmp_path / "state.sqlite"
    with pytest.raises(StateError, match=f"^{path}: there is no state: no daemon has run"):
        Snapshot(path)


def test_a_state_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a folder of another user."""

    def refused(_path: Path) -> os.stat_result:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "stat", refused)
    with pytest.raises(StateError, match="cannot be read: Permission denied"):
        Snapshot(tmp_path / "state.sqlite")


def test_whether_a_daemon_runs(site: Site) -> None:
    """Told by its lock, not by what it left behind."""
    site.poll()
    assert seen(site).in_use
    site.stop()
    assert not seen(site).in_use
    Path(f"{site.config.run.state}.lock").unlink()
    assert not seen(site).in_use


def test_looking_is_in_nobodys_way(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that starts at that very moment gets its lock a moment later."""
    site.poll()
    site.stop()
    path = Path(site.config.run.state)
    descriptors: list[int] = []

    def looked(_seconds: float) -> None:
        os.close(descriptors.pop())

    descriptors.append(os.open(f"{path}.lock", os.O_RDONLY))
    fcntl.flock(descriptors[0], fcntl.LOCK_SH)
    monkeypatch.setattr("time.sleep", looked)
    with closing(State(path)):
        assert descriptors == []


def test_parts_are_as_the_daemon_has_them(site: Site) -> None:
    """While it runs, and after it has ended."""
    site.follow(1_900.0)
    known = site.running.pipeline.site.known.state()
    certificate, held = seen(site).parts("certificate", "known")
    assert (certificate, held) == (None, known)
    site.stop()
    assert seen(site).parts("known") == [known]


def test_an_empty_state_says_so(site: Site) -> None:
    """The daemon has started and no batch has closed yet."""
    site.poll()
    with pytest.raises(StateError, match="holds nothing yet: no batch has closed"):
        seen(site).parts("known")
    with pytest.raises(StateError, match="holds nothing yet"):
        seen(site).parameters()
    assert seen(site).notices(9) == []


def test_a_state_may_be_read_only(ended: Site) -> None:
    """Looking changes nothing of it, nor makes a file beside it."""
    folder = Path(ended.config.run.state).parent
    before = {path: path.stat().st_mtime_ns for path in folder.glob("state*")}
    snapshot = seen(ended)
    snapshot.parts("known", "seen")
    snapshot.notices(5)
    assert {path: path.stat().st_mtime_ns for path in folder.glob("state*")} == before
    assert stat.S_IMODE(Path(ended.config.run.state).stat().st_mode) == 0o600


def test_parameters_are_those_that_were_learned_with(ended: Site) -> None:
    """Not those that the settings say now."""
    held = seen(ended).parameters()
    assert (held.scheme, held.batch, held.window) == ("names", 300.0, 30.0)


def test_notices_are_the_last_ones(ended: Site) -> None:
    """The newest first, as they stand in notice.log, those without an app too."""
    found = seen(ended).notices(2)
    assert [str(row["note"]) for _, row in found] == ["FlowPrint::Unseen_App"] * 2
    assert "radio.example" in str(found[0][1]["msg"])
    assert len(seen(ended).notices(99)) == 3


def test_a_notice_by_its_id_or_the_beginning_of_it(ended: Site) -> None:
    """With what it rests on; all of which the id begins so."""
    ids = [key for key, _ in seen(ended).notices(9)]
    found = seen(ended).found(ids[0][:6])
    assert list(found) == [ids[0]]
    row, why = found[ids[0]]
    assert isinstance(why, Explained)
    assert f"id={why.id} " in str(row["sub"])
    assert set(seen(ended).found("")) >= set(ids)
    assert seen(ended).found("0" * 16) == {}


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE section SET data = x'c1' WHERE name = 'known'", r"is damaged \(known is damaged"),
        ("DELETE FROM section WHERE name = 'known'", r"is damaged \(lacks known"),
        ("UPDATE section SET data = x'a1ff' WHERE name = 'known'", r"is damaged \(known is dam"),
        ("DROP TABLE section", "cannot be read: no such table"),
    ],
)
def test_a_damaged_part_is_an_error(site: Site, sql: str, said: str) -> None:
    """It is named."""
    site.follow(1_900.0)
    site.stop()
    changed(site, sql)
    with pytest.raises(StateError, match=f"state.sqlite: {said}"):
        seen(site).parts("known")


@pytest.mark.parametrize("value", [b"\xc1", b"\x01", b"\xa1\xff", b"\x80"])
def test_a_damaged_notice_is_an_error(site: Site, value: bytes) -> None:
    """Of its row, and of what it rests on."""
    site.follow(1_900.0)
    site.stop()
    changed(site, "UPDATE notice SET why = ?", value)
    with pytest.raises(StateError, match=r"state.sqlite: is damaged"):
        seen(site).found("")
    if value != b"\x80":
        changed(site, "UPDATE notice SET row = ?", value)
        with pytest.raises(StateError, match=r"state.sqlite: is damaged"):
            seen(site).notices(1)


def test_damaged_parameters_are_an_error(site: Site) -> None:
    """Such as of a later version of the program."""
    site.follow(1_900.0)
    site.stop()
    changed(site, "UPDATE section SET data = x'81af66696e6765727072696e742e61626301'")
    with pytest.raises(StateError, match=r"state.sqlite: is damaged"):
        seen(site).parameters()


def test_what_is_no_state_is_an_error(tmp_path: Path) -> None:
    """A file of something else."""
    path = tmp_path / "state.sqlite"
    path.write_bytes(b"no database at all, but text" * 99)
    with pytest.raises(StateError, match=r"is damaged \(file is not a database\)"):
        Snapshot(path).parts("known")


def test_a_request_that_cannot_be_put_is_an_error_of_writing(site: Site) -> None:
    """As on a full disk."""
    site.poll()
    site.stop()
    changed(site, "DROP TABLE request")
    with pytest.raises(OutputError, match=r"state.sqlite: cannot be written: no such table"):
        seen(site).ask(b"")


def test_a_request_that_is_withdrawn_is_not_carried_out(site: Site) -> None:
    """Nobody is answered."""
    site.follow(1_900.0)
    number = seen(site).ask(b"nonsense")
    seen(site).withdraw(number)
    site.running.poll()
    assert seen(site).answer(number) is None

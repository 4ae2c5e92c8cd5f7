"""The daemon when its state or its logs cannot be written: nothing is lost, nothing comes twice."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.main import main
from flowprint_zeek.errors import ConfigError, ModelError, OutputError, StateError
from flowprint_zeek.stream.daemon import Daemon
from flowprint_zeek.stream.outputs import NOTICES, VERDICTS
from flowprint_zeek.stream.state import State
from tests.stream.daemons import LAST, LEARNED, Site, ends_as, small, story
from tests.stream.small import conn_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HALF = 2_000.0


def rows_read(site: Site) -> int:
    return site.running.stats.rows.total()


def failing(times: int, function: Callable[..., Any], error: Exception) -> Callable[..., Any]:
    """Return a function that fails so many times, after it has done what it does."""
    left = [times]

    def called(*arguments: Any, **named: Any) -> Any:
        result = function(*arguments, **named)
        left[0] -= 1
        if left[0] >= 0:
            raise error
        return result

    return called


FULL = sqlite3.OperationalError("database or disk is full")


@contextmanager
def broken(monkeypatch: pytest.MonkeyPatch, error: Exception = FULL) -> Iterator[None]:
    """Let no transaction of a state succeed."""

    @contextmanager
    def transaction(_state: State) -> Iterator[None]:
        raise error
        yield

    with monkeypatch.context() as patch:
        patch.setattr(State, "_transaction", transaction)
        yield


# The state


def test_nothing_is_read_while_the_state_cannot_be_written(
    site: Site,
    replay: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A full disk is told once; the logs keep what is to come, and it goes on later."""
    site.follow(HALF)
    with broken(monkeypatch):
        site.follow(HALF + 400)
        read = rows_read(site)
        site.follow(HALF + 800)
        assert rows_read(site) == read
    (told,) = [text for text in caplog.messages if "state.sqlite" in text]
    said = "cannot be written: database or disk is full; nothing is read until it can be"
    assert told == f"{site.config.run.state}: {said}"
    site.poll()
    assert rows_read(site) > read
    assert ends_as(site, replay)


def test_a_restart_while_the_state_cannot_be_written(
    site: Site, replay: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done since the last commit is done again."""
    site.follow(HALF)
    with broken(monkeypatch):
        site.follow(HALF + 700)
        site.stop()
    assert ends_as(site, replay)


@pytest.mark.parametrize("step", ["written", "prune", "unwritten", "requests"])
def test_a_disk_that_is_full_behind_the_commit(
    site: Site, replay: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """Where only a later step fails nothing is committed or written a second time."""
    error = OutputError("cannot be written: database or disk is full")
    site.follow(HALF)
    site.running._pruned = None
    monkeypatch.setattr(State, step, failing(3, getattr(State, step), error))
    assert ends_as(site, replay)


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_state_that_is_deleted_is_written_anew(
    tmp_path: Path, replay: dict[str, bytes], what: str
) -> None:
    """The next batch writes all of it, and a restart goes on from that."""
    state = tmp_path / "var" / "state.sqlite"
    site = Site(tmp_path, small(tmp_path, run__state=str(state)))
    site.follow(HALF)
    for each in state.parent.iterdir() if what == "folder" else [state]:
        each.unlink()
    if what == "folder":
        state.parent.rmdir()
    site.follow(HALF + 400)
    assert state.exists()
    site.stop()
    assert ends_as(site, replay)


def test_a_state_that_is_deleted_while_the_disk_is_full(
    site: Site, replay: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried again until there is room for a new file."""
    site.follow(HALF)
    Path(site.config.run.state).unlink()
    with broken(monkeypatch):
        site.follow(HALF + 700)
    assert ends_as(site, replay)


def test_another_daemon_may_not_take_a_deleted_state(site: Site) -> None:
    """The new file is locked as the old one was, also where the lock went too."""
    site.follow(HALF)
    for each in site.folder.glob("state.sqlite*"):
        each.unlink()
    site.follow(HALF + 400)
    with pytest.raises(StateError, match="is in use: another daemon"):
        Daemon(site.config)


def test_a_state_that_is_found_damaged_while_it_runs_ends_it(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon says what is wrong and what to do, and writes nothing more."""
    site.follow(HALF)
    before = site.outputs()
    with broken(monkeypatch, sqlite3.DatabaseError("database disk image is malformed")):
        with pytest.raises(StateError, match=r"state.sqlite: is damaged \(.*malformed\): move it"):
            site.follow(LAST)
        site.stop()
    assert site.outputs() == before


def test_a_state_that_another_file_took_the_place_of_ends_it(site: Site) -> None:
    """That file is left as it is."""
    state = Path(site.config.run.state)
    site.follow(HALF)
    other = site.folder / "other"
    other.write_bytes(b"no database" * 8_000)
    other.replace(state)
    with pytest.raises(StateError, match=r"state.sqlite: is damaged \(file is not a database\)"):
        site.follow(LAST)
    site.stop()
    assert state.read_bytes() == b"no database" * 8_000


@pytest.mark.parametrize("part", [b"SQLite format", b"n1.mail.example"])
def test_a_damaged_state_is_left_as_it_is(site: Site, part: bytes) -> None:
    """The daemon does not start; a copy may be put back, and then it does."""
    state = Path(site.config.run.state)
    site.follow(HALF)
    site.stop()
    good = state.read_bytes()
    bad = good.replace(part, bytes(len(part)))
    state.write_bytes(bad)
    with pytest.raises(StateError, match=r"state.sqlite: is damaged"):
        site.poll()
    assert state.read_bytes() == bad
    state.write_bytes(good)
    site.poll()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"fingerprint__scheme": "paper"}, "fingerprint.scheme names, the settings say paper"),
        ({"fingerprint__batch": "600s"}, "fingerprint.batch 300.0, the settings say 600.0"),
        ({"fingerprint__window": "60s"}, "fingerprint.window 30.0, the settings say 60.0"),
        ({"device__key": "mac"}, "device.key ip, the settings say mac"),
    ],
)
def test_other_parameters_than_those_learned_with(
    site: Site, given: dict[str, object], said: str
) -> None:
    """The error names both values, and they can be set back."""
    site.follow(HALF)
    site.stop()
    with pytest.raises(StateError, match=f"state.sqlite: was learned with {said}: set it back"):
        Daemon(small(site.folder, **given))
    site.poll()


def test_what_costs_and_not_what_is_learned_may_change(site: Site) -> None:
    """The budget of the clique search is no parameter of what is known."""
    site.follow(HALF)
    site.stop()
    site.config = small(site.folder, fingerprint__clique_budget="1000")
    site.poll()
    assert len(site.running.pipeline.site.known) > 0


def test_a_state_has_one_daemon(site: Site) -> None:
    """A second one is refused, and the first goes on."""
    site.poll()
    with pytest.raises(StateError, match="is in use: another daemon"):
        Daemon(site.config)
    site.poll()


@pytest.mark.parametrize("mode", ["shadow", "detect"])
def test_judging_needs_something_known(site: Site, mode: str) -> None:
    """Where nothing is, everything would be unseen; the state stays free for another start."""
    with pytest.raises(ConfigError, match=f"run.mode is {mode} and nothing is known"):
        Daemon(small(site.folder, run__mode=mode))
    site.poll()


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Write what a replay learns of the first minutes."""
    logs = tmp_path / "learned"
    logs.mkdir()
    conn_log(logs, *(one for one in story() if one.start < LEARNED))
    argv = ["replay", logs, "--learn-for", "1d", "-o", logs / "out"]
    assert main([str(each) for each in argv]) == Exit.OK
    return logs / "out" / "model.json"


def test_a_model_to_start_from(site: Site, model: Path) -> None:
    """What it knows is known from the first batch on; a state that there is comes before it."""
    site.config = small(site.folder, run__mode="detect", run__model=str(model))
    site.follow(HALF)
    site.stop()
    model.unlink()
    site.end()
    first = site.outputs()[VERDICTS].splitlines()[0]
    assert b'"ts":1767226050.0' in first
    assert b'"verdict":"known"' in first
    raised = site.outputs()[NOTICES].splitlines()
    assert all(app in line for app, line in zip((b"game", b"chat", b"radio"), raised, strict=True))


def test_a_model_that_was_made_with_other_parameters(site: Site, model: Path) -> None:
    """The error names both values, and the state stays free for another start."""
    given = {"run__model": str(model), "fingerprint__window": "60s"}
    said = "made with fingerprint.window 30.0, the settings say 60.0"
    with pytest.raises(ModelError, match=f"{model}: was {said}"):
        Daemon(small(site.folder, **given))
    site.poll()


def test_an_interrupted_commit_is_not_made_twice(
    site: Site, replay: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second Ctrl-C may come anywhere, also just when the transaction is through."""
    site.follow(HALF)
    with monkeypatch.context() as patch:
        patch.setattr(State, "commit", failing(1, State.commit, KeyboardInterrupt()))  # type: ignore[arg-type]
        with pytest.raises(KeyboardInterrupt):
            site.follow(HALF + 400)
        site.stop()
    assert ends_as(site, replay)


def test_half_a_batch_is_never_committed(
    site: Site, replay: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What goes wrong in the middle of a batch is undone by the next start."""
    site.follow(HALF)
    detector = site.running.pipeline.detector
    with monkeypatch.context() as patch:
        patch.setattr(detector, "detect", failing(1, detector.detect, RuntimeError("a bug")))
        with pytest.raises(RuntimeError, match="a bug"):
            site.follow(LAST)
        site.stop()
    assert ends_as(site, replay)

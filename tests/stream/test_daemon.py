"""The daemon when its state or its logs cannot be written: nothing is lost, nothing comes twice."""

from __future__ import annotations

import errno
import os
import sqlite3
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek.errors import ConfigError, ModelError, OutputError, StateError
from flowprint_zeek.stream.daemon import Daemon
from flowprint_zeek.stream.outputs import NOTICES, VERDICTS
from flowprint_zeek.stream.state import State
from tests.stream.daemons import LAST, Site, expected, small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

HALF = 1_800.0


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a site whose daemon ends with the test."""
    made = Site(tmp_path, small(tmp_path))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return what a replay of the story writes."""
    return expected(tmp_path_factory.mktemp("expected"))


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


@contextmanager
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let no transaction of a state succeed."""

    @contextmanager
    def transaction(_state: State) -> Iterator[None]:
        raise sqlite3.OperationalError("database or disk is full")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(State, "_transaction", transaction)
        yield


def ends_as(site: Site, replay: dict[str, bytes]) -> bool:
    site.end()
    assert replay[NOTICES].count(b"Unseen_App") == 3
    return site.outputs() == replay


# The state


def test_nothing_is_read_while_the_state_cannot_be_written(
    site: Site,
    replay: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A full disk is told once; the logs keep what is to come, and it goes on later."""
    site.follow(HALF)
    with full_disk(monkeypatch):
        site.follow(HALF + 400)
        read = rows_read(site)
        site.follow(HALF + 800)
        assert rows_read(site) == read
    told = [text for text in caplog.messages if "state.sqlite" in text]
    assert told == [
        f"{site.config.run.state}: cannot be written: database or disk is full; nothing is read "
        "until it can be"
    ]
    site.poll()
    assert rows_read(site) > read
    assert ends_as(site, replay)


def test_a_restart_while_the_state_cannot_be_written(
    site: Site, replay: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was done since the last commit is done again."""
    site.follow(HALF)
    with full_disk(monkeypatch):
        site.follow(HALF + 700)
        site.stop()
    assert ends_as(site, replay)


@pytest.mark.parametrize("step", ["written", "prune", "unwritten"])
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
    with full_disk(monkeypatch):
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


def test_a_state_that_is_damaged_while_it_runs_ends_it(site: Site) -> None:
    """The daemon says what is wrong and leaves the file as it is."""
    state = Path(site.config.run.state)
    site.follow(HALF)
    damage = b"no database" * 8_000
    state.write_bytes(damage)
    with pytest.raises(StateError, match=r"state.sqlite: is damaged .*: move it away"):
        site.follow(LAST)
    site.stop()
    assert state.read_bytes() == damage


@pytest.mark.parametrize("place", [0, 5_000])
def test_a_damaged_state_is_left_as_it_is(site: Site, place: int) -> None:
    """The daemon does not start; a copy may be put back, and then it does."""
    state = Path(site.config.run.state)
    site.follow(HALF)
    site.stop()
    good = state.read_bytes()
    bad = good[:place] + bytes(200) + good[place + 200 :]
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


# The logs that are written


def test_lines_are_kept_while_the_disk_of_the_logs_is_full(
    site: Site,
    replay: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A write that came short is finished later; detection goes on meanwhile."""
    site.follow(HALF)
    real = os.write
    room = [100]

    def short(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = min(room[0], len(data))
        room[0] -= taken
        return real(descriptor, data[:taken])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", short)
        site.follow(HALF + 800)
        closed = site.running.pipeline.last_closed
        site.follow(HALF + 1_200)
        assert site.running.pipeline.last_closed > closed
    grown = {name: site.outputs()[name] for name in (NOTICES, VERDICTS)}
    assert all(replay[name].startswith(data) for name, data in grown.items())
    assert not all(data.endswith(b"\n") for data in grown.values())
    assert ends_as(site, replay)
    assert len([text for text in caplog.messages if "are kept and written when" in text]) == 2
    assert len([text for text in caplog.messages if "can be written again" in text]) == 2


def test_lines_outlive_a_restart_while_they_cannot_be_written(
    site: Site, replay: dict[str, bytes]
) -> None:
    """They wait in the state; a log that can be written gets its own meanwhile."""
    site.follow(HALF)
    place = site.out / NOTICES
    aside = place.rename(site.folder / "aside")
    place.mkdir()
    site.follow(HALF + 800)
    assert len(site.running.state.unwritten(NOTICES)) == 1
    assert site.running.state.unwritten(VERDICTS) == []
    place.rmdir()
    aside.rename(place)
    site.stop()
    assert ends_as(site, replay)


def test_a_folder_of_logs_that_is_deleted_is_made_again(site: Site, replay: dict[str, bytes]) -> None:
    """What was in it is gone, what comes is written."""
    site.follow(HALF)
    before = site.outputs()
    for name in before:
        (site.out / name).unlink()
    site.out.rmdir()
    site.end()
    assert {name: before[name] + data for name, data in site.outputs().items()} == replay


def test_a_file_where_the_folder_of_logs_should_be(site: Site) -> None:
    """The error names it, and the state stays free for another start."""
    site.out.write_bytes(b"")
    with pytest.raises(OutputError, match=f"{site.out / NOTICES}: cannot be written: Not a dir"):
        Daemon(site.config)
    site.out.unlink()
    site.poll()


def test_logs_of_another_format_are_not_appended_to(site: Site) -> None:
    """The error says what to do."""
    site.follow(HALF)
    site.stop()
    with pytest.raises(OutputError, match="holds JSON lines: move it away, or set notice.format"):
        Daemon(small(site.folder, notice__format="tsv"))

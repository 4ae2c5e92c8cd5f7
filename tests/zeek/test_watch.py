"""Hints that logs have changed."""

from __future__ import annotations

import errno
import os
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from watchdog.observers.api import BaseObserver

from flowprint_zeek.zeek.watch import Events, Hints

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from watchdog.events import FileSystemEvent

LONG = 60.0
"""Longer than any event takes; what waits so long has missed it."""


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets the outcome of each wait."""
    outcomes: list[str] = []
    import queue

    class Watched(queue.SimpleQueue):  # type: ignore[type-arg]  # of what does not matter
        def get(self, block: bool = True, timeout: float | None = None) -> Any:
            try:
                found = super().get(block, timeout)
            except queue.Empty:
                outcomes.append("timeout")
                raise
            outcomes.append("woken" if found else "event")
            return found

    monkeypatch.setattr("flowprint_zeek.zeek.watch.queue.SimpleQueue", Watched)
    return outcomes


def drained(hints: Hints, outcomes: list[str]) -> None:
    """Let hints pass that the beginning of the watching gave."""
    hints.wait(0.0)
    outcomes.clear()


CHANGES: list[Callable[[Path], object]] = [
    lambda folder: (folder / "new.log").touch(),
    lambda folder: (folder / "conn.log").write_bytes(b"x"),
    lambda folder: (folder / "conn.log").rename(folder / "conn.1.log"),
    lambda folder: (folder / "conn.log").unlink(),
]


@pytest.mark.parametrize("change", CHANGES, ids=["create", "write", "rename", "delete"])
@pytest.mark.parametrize("events", ["native", "polling"])
def test_a_change_ends_the_wait(
    tmp_path: Path, waits: list[str], change: Callable[[Path], object], events: Events
) -> None:
    """By what the system tells, and by comparing."""
    (tmp_path / "conn.log").touch()
    with closing(Hints([tmp_path], events=events, gather=0.0)) as hints:
        drained(hints, waits)
        change(tmp_path)
        hints.wait(LONG)
        assert waits[0] == "event"
        assert hints.take_problems() == []


def test_a_wait_ends_without_an_event(tmp_path: Path, waits: list[str]) -> None:
    """After its time, also where nothing tells of changes."""
    for events in ("native", "none"):
        with closing(Hints([tmp_path], events=events)) as hints:
            drained(hints, waits)
            hints.wait(0.01)
            assert waits == ["timeout"]


def test_waking_ends_the_wait(tmp_path: Path, waits: list[str]) -> None:
    """At once, and only that one."""
    with closing(Hints([tmp_path], events="none", gather=LONG)) as hints:
        hints.wake()
        hints.wait(LONG)
        hints.wait(0.0)
    assert waits == ["woken", "timeout"]


def test_events_are_gathered(tmp_path: Path, waits: list[str]) -> None:
    """Of many changes one wait ends, and none is left for the next."""
    with closing(Hints([tmp_path], events="none", gather=0.01)) as hints:
        for _ in range(5):
            hints.on_any_event(None)  # type: ignore[arg-type]  # what it is does not matter
        hints.wait(LONG)
        hints.wait(0.0)
    assert waits == ["event", "timeout", "timeout"]


def test_reading_is_no_change(tmp_path: Path) -> None:
    """The follower's own reading must not end the wait before the next scan."""
    told: list[str] = []

    class Recording(Hints):
        def on_any_event(self, event: FileSystemEvent) -> None:
            told.append(event.event_type)
            super().on_any_event(event)

    path = tmp_path / "conn.log"
    path.write_bytes(b"x")
    with closing(Recording([tmp_path], gather=0.0)) as hints:
        for _ in range(5):
            path.read_bytes()
        (tmp_path / "ssl.log").touch()
        while "created" not in told:
            hints.wait(LONG)
    assert told == ["created"]


def test_a_directory_that_is_replaced_is_watched_anew(tmp_path: Path, waits: list[str]) -> None:
    """The link points elsewhere, or the directory was deleted and made again."""
    link, first, second = tmp_path / "current", tmp_path / "a", tmp_path / "b"
    for folder in (first, second):
        folder.mkdir()
    link.symlink_to(first)
    with closing(Hints([link / "conn.log"], gather=0.0)) as hints:
        link.unlink()
        link.symlink_to(second)
        drained(hints, waits)
        drained(hints, waits)
        (second / "conn.log").touch()
        hints.wait(LONG)
        assert waits[0] == "event"
        (second / "conn.log").unlink()
        second.rmdir()
        hints.update()
        second.mkdir()
        hints.update()
        drained(hints, waits)
        (second / "conn.log").touch()
        hints.wait(LONG)
        assert waits[0] == "event"
        assert hints.take_problems() == []


def test_a_directory_that_comes_back_under_the_same_number(
    tmp_path: Path, waits: list[str]
) -> None:
    """What watched it has ended, though the inode says nothing of it."""
    folder = tmp_path / "logs"
    folder.mkdir()
    with closing(Hints([folder], gather=0.0)) as hints:
        assert hints._observer is not None
        (emitter,) = hints._observer.emitters
        folder.rmdir()
        emitter.join(LONG)
        folder.mkdir()
        drained(hints, waits)
        (folder / "conn.log").touch()
        hints.wait(LONG)
        assert waits[0] == "event"


def test_what_cannot_be_watched_is_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit of watches, a directory that is missing; again when it comes back."""
    full = OSError(errno.ENOSPC, "inotify watch limit reached")

    def fail(*_: object, **__: object) -> None:
        raise full

    with closing(Hints([tmp_path / "none"], events="native")) as hints:
        hints.update([tmp_path / "missing"])
        (problem,) = hints.take_problems()
        assert problem.startswith(f"{tmp_path / 'missing'}: changes are not told of (")
        with monkeypatch.context() as patch:
            patch.setattr(BaseObserver, "schedule", fail)
            for _ in range(3):
                hints.update([tmp_path])
                hints.wait(0.0)
        assert hints.take_problems() == [
            f"{tmp_path}: changes are not told of ({full.strerror}): found by looking only"
        ]
        hints.update([tmp_path])
        assert hints.take_problems() == []
        assert len(hints._watches) == 1


def test_without_an_observer_waits_take_their_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[str]
) -> None:
    """It is told once, and tried again."""
    full = OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    def fail() -> None:
        raise full

    with monkeypatch.context() as patch:
        patch.setattr("flowprint_zeek.zeek.watch.Observer", fail)
        hints = Hints([tmp_path])
        hints.wait(0.0)
    assert hints.take_problems() == [
        "changes are not told of (Too many open files): found by looking only"
    ]
    assert waits == ["timeout"]
    with closing(hints):
        hints.update()
        assert hints.take_problems() == []
        assert list(hints._watches) == [os.path.realpath(tmp_path)]

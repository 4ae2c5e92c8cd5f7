"""Hints that logs have changed, which only shorten the wait for the next scan."""

from __future__ import annotations

import os
import queue
import time
from typing import TYPE_CHECKING, Literal

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.polling import PollingObserver

from flowprint_zeek.zeek.places import directories_of
from flowprint_zeek.zeek.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from watchdog.events import FileSystemEvent
    from watchdog.observers.api import BaseObserver, ObservedWatch

Events = Literal["native", "polling", "none"]
"""What tells of changes: the system, comparing directories (for network file systems), nothing."""

# Not that a file was opened or closed: reading logs does that.
_CHANGES: list[type[FileSystemEvent]] = [
    *(FileCreatedEvent, FileDeletedEvent, FileModifiedEvent, FileMovedEvent),
    *(DirCreatedEvent, DirDeletedEvent, DirMovedEvent),
]
_GATHER = 0.2


class Hints(FileSystemEventHandler):
    """Tells when something may have changed in the directories of watched logs.

    Nothing depends on it: events may be lost, and where directories cannot be watched that is told
    once and `wait` takes its time.

    Parameters
    ----------
    watched : sequence of str or Path
        Files, patterns and directories, as for `flowprint_zeek.zeek.follow.Follower`.
    events : 'native', 'polling' or 'none', default 'native'
        What tells of changes.
    gather : float, default 0.2
        Seconds that `wait` goes on after an event, for Zeek writes many rows at a time.
    """

    def __init__(
        self,
        watched: Sequence[str | Path] = (),
        *,
        events: Events = "native",
        gather: float = _GATHER,
    ) -> None:
        self._watched = watched
        self._events = events
        self._gather = gather
        self._standing = Standing()
        self._observer: BaseObserver | None = None
        self._watches: dict[str, tuple[ObservedWatch, tuple[int, int] | None]] = {}
        # Other than an Event it may be used in a signal handler.
        self._queue: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.update()

    def wait(self, timeout: float) -> None:
        """Return when something may have changed, or `wake` was called, or after some seconds."""
        self.update()
        try:
            woken = self._queue.get(timeout=timeout)
            until = time.monotonic() + min(self._gather, timeout)
            while not woken and (left := until - time.monotonic()) > 0:
                woken = self._queue.get(timeout=left)
        except queue.Empty:
            pass
        # What comes from here on is for the next time.
        while not self._queue.empty():
            self._queue.get()

    def wake(self) -> None:
        """End a wait at once; safe in signal handlers."""
        self._queue.put(True)

    def on_any_event(self, _event: FileSystemEvent) -> None:
        """Take in a change; called by the observer's thread."""
        if self._queue.empty():
            self._queue.put(False)

    def update(self, directories: Iterable[str | Path] | None = None) -> None:
        """Watch directories, anew where one was replaced or has come back.

        Parameters
        ----------
        directories : iterable of str or Path, optional
            All that are to be watched; by default those of the watched logs.
        """
        if self._events == "none":
            return
        places = directories_of(self._watched) if directories is None else directories
        try:
            observer = self._running()
        except (OSError, RuntimeError) as error:
            self._tell("", error)
            return
        self._standing.clear("")
        wanted = {os.path.realpath(place): None for place in places}
        alive = {emitter.watch for emitter in observer.emitters if emitter.is_alive()}
        for path, (watch, inode) in list(self._watches.items()):
            if path not in wanted or watch not in alive or _inode(path) != inode:
                self._watches.pop(path)
                self._end(observer, watch)
        for path in wanted:
            if path not in self._watches:
                self._begin(observer, path)

    def take_problems(self) -> list[str]:
        """Return what was told since the last time."""
        return self._standing.take()

    def close(self) -> None:
        """Watch nothing any more."""
        observer, self._observer = self._observer, None
        self._watches.clear()
        if observer is not None:
            observer.stop()
            observer.join()

    def _running(self) -> BaseObserver:
        if self._observer is None or not self._observer.is_alive():
            self._watches.clear()
            observer = PollingObserver() if self._events == "polling" else Observer()
            observer.start()
            self._observer = observer
        return self._observer

    def _begin(self, observer: BaseObserver, path: str) -> None:
        # The inode first: a directory that is replaced in between is noticed the next time.
        inode = _inode(path)
        try:
            watch = observer.schedule(self, path, event_filter=_CHANGES)
        except (OSError, RuntimeError) as error:
            self._tell(path, error)
            return
        self._standing.clear(path)
        self._watches[path] = watch, inode

    def _end(self, observer: BaseObserver, watch: ObservedWatch) -> None:
        try:
            observer.unschedule(watch)
        except (OSError, RuntimeError, KeyError) as error:
            self._tell(watch.path, error)

    def _tell(self, path: str, error: Exception) -> None:
        said = getattr(error, "strerror", None) or str(error)
        place = f"{path}: changes" if path else "changes"
        self._standing.tell(path, f"{place} are not told of ({said}): found by looking only")


def _inode(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116  watchdog's paths are text
    except OSError:
        return None
    return found.st_dev, found.st_ino

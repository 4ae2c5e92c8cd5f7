"""A log that is followed through the files that hold it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek.tail import START, Chunk, Position, Tail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from flowprint_zeek.zeek.files import LogFile
    from flowprint_zeek.zeek.identity import Sight
    from flowprint_zeek.zeek.places import Place, Status
    from flowprint_zeek.zeek.reader import ReadStats
    from flowprint_zeek.zeek.standing import Standing

# The time in the name, a queue's name, a number behind the ending or before it.
_ROTATED = re.compile(
    r"\d\d[-:._]\d\d[-:._]\d\d|__|\.(?:log|json|tsv|txt|csv)[.-]\d|\.\d+\.(?:log|json)"
)


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reading of all logs has in common.

    Parameters
    ----------
    columns : mapping of str to sequence of str
        Columns of the rows by kind of log.
    stats : ReadStats
        Where rows, damaged lines and problems are counted.
    settle : float
        Seconds after which what did not change is complete, unless it is a log's usual place.
    standing : Standing
        Who is told of what cannot be read.
    opened : callable
        Gets each log that opens a file, before it does.
    """

    columns: Mapping[str, Sequence[str]]
    stats: ReadStats
    settle: float
    standing: Standing
    opened: Callable[[FollowedLog], None]


@dataclass(frozen=True, slots=True)
class _File:
    """A file that holds the log: where, what it was when looked into, and since when."""

    place: Place
    sight: Sight
    seen: float


class FollowedLog:
    """A log, whichever file holds it: the one that Zeek writes, that renamed, or its archive.

    Attributes
    ----------
    identity : str
        Which log it is.
    log : LogFile
        What it is, with the path where it is read.
    finished : bool
        Whether all was read and its file does not grow any more. Should it grow all the same, this
        turns false again.
    """

    def __init__(
        self, identity: str, log: LogFile, reading: Reading, position: Position | None
    ) -> None:
        self.identity = identity
        self.log = log
        self.finished = False
        self._reading = reading
        self._begin = START if position is None else position
        self._files: dict[Path, _File] = {}
        self._spent: dict[Path, Status] = {}
        self._born: Path | None = None
        self._tail: Tail | None = None
        self._orphan: tuple[int, int] | None = None
        self._changed = 0.0
        self._size = 0
        self._dry = False  # all that is there was read
        self._was_dry = False  # so it was at any time
        self._rest = False  # what was read last ends in the middle of a line
        self._final = False  # that line is taken as it is
        self._cut = False  # the file lost the log by being cut
        self._waits = False  # an archive may have more, but may not be complete
        self._failed = False  # reading waits for the next scan

    @property
    def position(self) -> Position:
        """Where reading goes on."""
        return self._begin if self._tail is None else self._tail.position

    @property
    def is_open(self) -> bool:
        """Whether a file is held open."""
        return self._tail is not None and self._tail.status is not None

    @property
    def is_here(self) -> bool:
        """Whether any file holds the log, be it one that is only held open."""
        return bool(self._files) or self.is_open

    @property
    def unread(self) -> int | None:
        """Bytes that were there at the last scan and are not read; None where no file tells."""
        return max(0, self._size - self.position.offset) if self._size else None

    @property
    def grows(self) -> bool:
        """Whether the log is where it was first seen, under the name of one that Zeek writes."""
        return self._born in self._files

    @property
    def failed(self) -> bool:
        """Whether it could not be read since the last scan."""
        return self._failed

    @property
    def is_settled(self) -> bool:
        """Whether it is finished and no scan need look at it before a file changes."""
        return self.finished and not self._waits

    @property
    def order(self) -> tuple[object, ...]:
        """What logs are sorted by: complete ones by time, then those that grow by path."""
        times = [file.sight.status.modified for file in self._files.values()]
        return self.grows, 0 if self.grows else min(times, default=0), self.log.path, self.identity

    # What a scan finds

    def found(self, place: Place, sight: Sight, now: float) -> None:
        """Take in a file that holds the log."""
        before = self._files.get(place.path)
        if before is not None and before.sight.status == sight.status:
            return
        if not self.is_here:
            self.log = replace(self.log, path=place.path)
        if self._born is None and not place.archived and not _ROTATED.search(place.path.name):
            self._born = place.path
        self._files[place.path] = _File(place, sight, now)
        if not sight.packed:
            self._size = max(self._size, sight.size)
        self._changed, self._dry, self._final, self._cut = now, False, False, False

    def lost(self, path: Path, now: float, *, cut: bool) -> None:
        """Take in that a file does not hold the log any more, maybe for it was cut and reused."""
        file = self._files.pop(path, None)
        if file is None:
            return
        self._spent.pop(path, None)
        self._changed, self._cut = now, cut
        if cut and self._tail is not None and self._is_at(file):
            self._tail.close()

    def judge(self, now: float) -> None:
        """Decide after a scan what is read next, and whether the log is finished."""
        self._failed = self._waits = False
        current = self._follow(now)
        if self._dry or not self.is_open:
            self._go_on(current, now)
        if self.grows:
            self.finished = self._final = False
            self._hold()
        elif self._dry and not self._waits and not self.finished:
            if now - self._changed < self._reading.settle:
                return
            if self._rest and self.is_here:
                self._final = True
            else:
                self._finish()

    def _follow(self, now: float) -> _File | None:
        """Return which file is open, None for none or one that is nowhere; keep its name."""
        status = None if self._tail is None else self._tail.status
        if status is None or self._tail is None:
            return None
        files = [file for file in self._files.values() if self._is_at(file)]
        if not files:
            state = status.st_size, status.st_mtime_ns
            if state != self._orphan:
                self._orphan = state
                self._changed, self._dry, self._final = now, False, False
            return None
        self._orphan = None
        paths = [file.place.path for file in files]
        if self._tail.log.path not in paths:
            self._move(min(files, key=_rank))
        return files[paths.index(self.log.path)]

    def _go_on(self, current: _File | None, now: float) -> None:
        """Go to a file that has more than the one at hand."""
        offset = self.position.offset
        others = [
            file
            for path, file in self._files.items()
            if file is not current
            and file.sight.has_more_than(offset)
            and self._spent.get(path) != file.sight.status
        ]
        # What an archive says that is still being written means nothing.
        ready = [
            file
            for file in others
            if not (self._was_dry and file.sight.packed) or now - file.seen >= self._reading.settle
        ]
        if ready:
            self._move(min(ready, key=_rank))
            self._dry = self.finished = False
        elif not self.is_open:
            self._dry = True
        self._waits = bool(others) and not ready

    def _move(self, file: _File) -> None:
        self.log = replace(self.log, path=file.place.path)
        if self._tail is not None:
            self._tail.move(file.place.path)

    def _is_at(self, file: _File) -> bool:
        status = None if self._tail is None else self._tail.status
        return status is not None and file.sight.status[:2] == (status.st_dev, status.st_ino)

    # Reading

    def read(self) -> Chunk | None:
        """Return the next lines; None where there are none now.

        What cannot be read is told, and tried again after the next scan.
        """
        wanted = self.is_open or self._final or not self._dry
        if self.finished or self._failed or not wanted or not self.is_here:
            return None
        tail = self._ready()
        try:
            chunk = tail.read(final=self._final)
        except LogError as error:
            self._fail(error)
            return None
        self._reading.standing.clear(("read", self.identity))
        self._dry = chunk is None and not tail.replaced
        if self._dry:
            self._was_dry, self._rest = True, tail.unfinished
            for path, file in self._files.items():
                if self._is_at(file):
                    self._spent[path] = file.sight.status
            if self._final:
                self._finish()
        return chunk

    def close(self) -> None:
        """Let go of the file; it is opened again when there is more to read."""
        if self._tail is not None:
            self._begin = self._tail.position
            self._tail.close()

    def shut(self) -> bool:
        """Let go of the file if it can be opened again; tell whether none is open now."""
        if self.is_open and not self.grows and any(map(self._is_at, self._files.values())):
            self.close()
        return not self.is_open

    def _ready(self) -> Tail:
        if self._tail is None:
            self._tail = Tail(
                self.log,
                self._reading.columns[self.log.kind],
                self._reading.stats,
                self._begin,
                identity=self.identity,
            )
        if self._tail.status is None:
            self._reading.opened(self)
        return self._tail

    def _hold(self) -> None:
        """Hold the file open, so that nothing is lost when it is renamed or deleted."""
        if self.is_open or self._born is None:
            return
        self._move(self._files[self._born])
        try:
            self._ready().open()
        except LogError as error:
            self._fail(error)

    def _fail(self, error: LogError) -> None:
        self._failed = True
        # What has gone away is found elsewhere by the next scan, or told then.
        if not isinstance(error.__cause__, FileNotFoundError):
            self._reading.standing.tell(("read", self.identity), str(error))

    def _finish(self) -> None:
        self.finished = True
        unread = self._size - self.position.offset
        if unread > 0 and not self.is_here:
            what = "truncated" if self._cut else "gone"
            text = f"{self.log.path}: {what} with {unread} unread bytes"
            self._reading.standing.tell(("unread", self.identity), text)
        self.close()
        self._tail = None


def _rank(file: _File) -> tuple[bool, bool, int, Path]:
    """Return what says which of several files is read: a plain, a watched, the longest one."""
    return file.sight.packed, file.place.archived, -file.sight.size, file.place.path

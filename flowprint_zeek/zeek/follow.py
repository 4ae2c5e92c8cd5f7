"""Following the logs of a running Zeek through rotation, archiving and restarts.

A scan of the places where logs are is the only truth: what tells of changes in between may say too
little. Logs are told apart by what they begin with, never by their names or inodes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek.filenames import is_folder
from flowprint_zeek.zeek.files import is_named_like
from flowprint_zeek.zeek.followed import FollowedLog, Reading
from flowprint_zeek.zeek.identity import Sight, look
from flowprint_zeek.zeek.places import Places
from flowprint_zeek.zeek.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from flowprint_zeek.zeek.places import Place
    from flowprint_zeek.zeek.reader import ReadStats
    from flowprint_zeek.zeek.tail import Position

__all__ = ["MOST_OPEN", "FollowedLog", "Follower"]

MOST_OPEN = 64
"""Files that are held open besides those that grow and those that are only held open."""

KEEP = 604_800.0
"""Seconds for which the position in a log is known that is nowhere."""


class Follower:
    """Finds logs and reads each once, whatever becomes of its files.

    Nothing is raised for the state of the file system. What is wrong is told once, until it goes
    away, and tried again at each scan.

    Parameters
    ----------
    watched : sequence of str or Path
        Files, which need not exist yet, patterns, and directories, which are not searched through.
    archives : sequence of str or Path
        Directories, which are searched through, and patterns: where rotated logs go.
    columns : mapping of str to sequence of str
        Kinds of logs that are followed, and the columns of their rows.
    positions : mapping of str to Position
        Where to go on, by identity.
    stats : ReadStats
        Where rows, damaged lines and problems of lines are counted.
    clock : callable
        Returns the time in seconds, from wherever it counts.
    since : float or None
        Files of archives that were changed before, s since the epoch, are not looked at. None: an
        archive is only looked into for logs that are known by their positions or were seen before
        they were archived.
    settle : float, default 10.0
        Seconds without a change after which a file that was renamed, deleted or archived is
        complete.
    """

    def __init__(
        self,
        watched: Sequence[str | Path],
        archives: Sequence[str | Path],
        columns: Mapping[str, Sequence[str]],
        *,
        positions: Mapping[str, Position],
        stats: ReadStats,
        clock: Callable[[], float],
        since: float | None,
        settle: float = 10.0,
    ) -> None:
        self._standing = Standing()
        self._watched = [Path(place) for place in watched]
        self._folders: set[Path] = set()
        self._places = Places(
            watched,
            archives,
            columns.keys(),
            since=since,
            settle=settle,
            standing=self._standing,
        )
        self._reading = Reading(columns, stats, settle, self._standing, self._make_room)
        self._clock = clock
        self._reads_archives = since is not None
        self._sights: dict[Path, Sight] = {}
        self._again: dict[Path, Place] = {}
        self._logs: dict[str, FollowedLog] = {}
        self._active: dict[str, FollowedLog] = {}
        self._open: dict[str, FollowedLog] = {}
        self._stored = dict(positions)
        # Since when logs, or stored positions, are of no file.
        self._nowhere = dict.fromkeys(positions, clock())

    @property
    def reachable(self) -> bool:
        """Whether the folders of watched logs are there that were there before."""
        self._folders |= {place for place in self._watched if is_folder(place)}
        return all(is_folder(place) for place in self._folders)

    def scan(self) -> None:
        """Look at all places. What `logs` and `read` know of files is from the last scan."""
        now = self._clock()
        changed, gone = self._places.scan()
        for path in gone:
            self._leave(path, now)
        again = {**self._again, **{place.path: place for place in changed}}
        self._again = {}
        for place in again.values():
            if place.path not in gone:
                self._look_at(place, now)
        for identity, log in list(self._active.items()):
            log.judge(now)
            if log.is_settled:
                self._active.pop(identity)
                self._open.pop(identity, None)
                if not log.is_here:
                    self._nowhere.setdefault(identity, now)
        self._forget(now)

    def logs(self, kind: str) -> list[FollowedLog]:
        """Return the logs of a kind that may still have rows.

        Those that are complete come first, by the time of their last change, then those that grow,
        by path.
        """
        logs = [log for log in self._active.values() if log.log.kind == kind and not log.finished]
        return sorted(logs, key=lambda log: log.order)

    def positions(self) -> dict[str, Position]:
        """Return where to go on, by identity.

        Of all logs that are on disk, and of those that were within a week.
        """
        return self._stored | {identity: log.position for identity, log in self._logs.items()}

    def take_problems(self) -> list[str]:
        """Return what was told since the last time."""
        return self._standing.take()

    @property
    def problems(self) -> list[str]:
        """What is wrong now with the logs, told or not."""
        return self._standing.texts

    def close(self) -> None:
        """Let go of all files."""
        for log in self._active.values():
            log.close()

    def _look_at(self, place: Place, now: float) -> None:
        path, about = place.path, ("file", place.path)
        # Other files may lie beside the logs.
        told = place.named or is_named_like(path.name, self._reading.columns)
        before = self._sights.get(path)
        try:
            sight = look(path, self._reading.columns.keys(), before)
        except FileNotFoundError:
            self._leave(path, now)
            return
        except OSError as error:
            self._again[path] = place
            if told:
                self._standing.tell(about, f"{path}: cannot be read: {error.strerror}")
            return
        except LogError as error:
            if told:
                self._standing.tell(about, str(error))
            sight = Sight(place.status, {})
        else:
            self._standing.clear(about)
        self._sights[path] = sight
        if before is not None:
            cut = before.status[:2] == sight.status[:2]
            for identity in before.logs.keys() - sight.logs.keys():
                self._lose(identity, path, now, cut=cut)
        for identity in sight.logs:
            self._find(identity, place, sight, now)

    def _find(self, identity: str, place: Place, sight: Sight, now: float) -> None:
        """Take in that a file holds a log."""
        log = self._logs.get(identity)
        if log is None:
            position = self._stored.pop(identity, None)
            if position is None and place.archived and not self._reads_archives:
                return
            log = FollowedLog(identity, sight.logs[identity], self._reading, position)
            self._logs[identity] = log
        self._nowhere.pop(identity, None)
        log.found(place, sight, now)
        self._active[identity] = log

    def _leave(self, path: Path, now: float) -> None:
        """Take in that there is no file at a path."""
        self._standing.clear(("file", path))
        sight = self._sights.pop(path, None)
        for identity in () if sight is None else sight.logs:
            self._lose(identity, path, now, cut=False)

    def _lose(self, identity: str, path: Path, now: float, *, cut: bool) -> None:
        log = self._logs.get(identity)
        if log is not None:
            log.lost(path, now, cut=cut)
            self._active[identity] = log

    def _make_room(self, log: FollowedLog) -> None:
        """Let go of files that were opened long ago and can be opened again."""
        self._open.pop(log.identity, None)
        if log.grows:
            return
        for identity, other in list(self._open.items()):
            if len(self._open) < MOST_OPEN:
                break
            if other.shut():
                self._open.pop(identity)
        self._open[log.identity] = log

    def _forget(self, now: float) -> None:
        for identity, since in list(self._nowhere.items()):
            if now - since > KEEP:
                self._nowhere.pop(identity)
                self._stored.pop(identity, None)
                self._logs.pop(identity, None)

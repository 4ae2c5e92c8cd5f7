"""Where logs that grow may be: places that are watched, and archives."""

from __future__ import annotations

import glob
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from flowprint_zeek.zeek.filenames import is_folder, kind_of_name
from flowprint_zeek.zeek.files import is_of_others

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from flowprint_zeek.zeek.standing import Standing

_TICK = 2.0
"""Seconds within which two changes of a file may have the same time."""


class Status(NamedTuple):
    """What tells whether a file changed: identity on its file system, size, and times in ns."""

    device: int
    inode: int
    size: int
    modified: int
    changed: int


def status_of(found: os.stat_result) -> Status:
    """Return the status of a file."""
    return Status(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class Place:
    """A file that may be a log.

    Parameters
    ----------
    path : Path
        Where it is.
    status : Status
        Its status.
    archived : bool
        Whether it was found in an archive only.
    named : bool
        Whether it was asked for by its name.
    """

    path: Path
    status: Status
    archived: bool = False
    named: bool = False


@dataclass(slots=True)
class _Directory:
    """What a directory of an archive held, and whether it may change unseen."""

    status: Status
    quiet: bool
    places: dict[Path, Place]
    directories: list[Path]


class Places:
    """Looks for files that changed.

    Watched directories are listed each time, without those inside them. Archives are searched
    through, but a directory whose time and files are old is listed again only when its time
    changes; besides, one directory is listed each time in turn, as files that are written anew in
    it change nothing about it.

    Parameters
    ----------
    watched : sequence of str or Path
        Files, which need not exist yet, patterns, and directories.
    archives : sequence of str or Path
        Directories and patterns.
    kinds : collection of str
        Kinds of logs that are wanted; files whose names tell others are left out.
    since : float or None
        Time of the last change, s since the epoch, from which on files in archives count.
    settle : float
        Seconds after which what did not change is taken for complete.
    standing : Standing
        Who is told of places that cannot be read.
    """

    def __init__(
        self,
        watched: Sequence[str | Path],
        archives: Sequence[str | Path],
        kinds: Collection[str],
        *,
        since: float | None,
        settle: float,
        standing: Standing,
    ) -> None:
        self._specified = [str(path) for path in watched]
        self._archives = [str(path) for path in archives]
        self._kinds = kinds
        self._since = None if since is None else int(since * 1e9)
        self._settle = settle
        self._standing = standing
        self._watched: dict[Path, Place] = {}
        self._directories: dict[Path, _Directory] = {}
        self._turn = 0
        self._known: set[str] = set()

    def scan(self) -> tuple[list[Place], list[Path]]:
        """Return the files that changed, or are so new that a change may not show, and those gone.

        A watched file comes before an archived one.
        """
        now = time.time()
        watched = {place.path: place for place in self._look_at_watched()}
        fresh = int((now - _TICK) * 1e9)
        changed = [
            place
            for path, place in watched.items()
            if self._watched.get(path) != place or place.status.modified >= fresh
        ]
        gone = [path for path in self._watched if path not in watched]
        self._watched = watched
        directories = dict(self._walk(now))
        for path, directory in directories.items():
            old = self._directories.get(path)
            before = {} if old is None else old.places
            if directory is not old:
                changed += [
                    place
                    for file, place in directory.places.items()
                    if before.get(file) != place or place.status.modified >= fresh
                ]
                gone += [file for file in before if file not in directory.places]
        for path in self._directories.keys() - directories.keys():
            gone += self._directories[path].places
        self._directories = directories
        return changed, [path for path in gone if path not in watched]

    # Watched places

    def _look_at_watched(self) -> Iterator[Place]:
        for text in self._specified:
            try:
                found = os.stat(text)  # noqa: PTH116  a place that may be no path is looked at first
            except OSError as error:
                if glob.has_magic(text):
                    yield from self._matched(text)
                else:
                    self._miss(text, error)
                continue
            self._standing.clear(("place", text))
            if stat.S_ISDIR(found.st_mode):
                self._known.add(text)
                yield from self._files_in(Path(text))
            elif stat.S_ISREG(found.st_mode):
                yield Place(Path(text), status_of(found), named=True)

    def _matched(self, pattern: str) -> Iterator[Place]:
        for path in matches(pattern):
            try:
                found = path.stat()
            except OSError:
                continue
            if stat.S_ISDIR(found.st_mode):
                yield from self._files_in(path)
            elif stat.S_ISREG(found.st_mode) and not self._is_strange(path.name):
                yield Place(path, status_of(found))

    def _miss(self, text: str, error: OSError) -> None:
        """Tell of a place that is not there, unless it is a log that was not begun yet."""
        path = Path(text)
        if not isinstance(error, FileNotFoundError | NotADirectoryError):
            self._standing.tell(("place", text), f"{text}: cannot be read: {error.strerror}")
        elif text in self._known or kind_of_name(path.name) is None:
            self._standing.tell(("place", text), f"{text}: no such directory")
        elif not is_folder(path.parent):
            self._standing.tell(("place", text), f"{path.parent}: no such directory")

    def _files_in(self, directory: Path) -> Iterator[Place]:
        for path, found in self._entries(directory):
            if stat.S_ISREG(found.st_mode):
                yield Place(path, status_of(found))

    def _entries(self, directory: Path) -> Iterator[tuple[Path, os.stat_result]]:
        """Yield what is in a directory and may be a wanted log or a directory."""
        try:
            with os.scandir(directory) as entries:
                found = [entry for entry in entries if not self._is_strange(entry.name)]
        except OSError as error:
            text = f"{directory}: cannot be read: {error.strerror}"
            self._standing.tell(("directory", directory), text)
            return
        self._standing.clear(("directory", directory))
        for entry in found:
            try:
                yield Path(entry.path), entry.stat()
            except OSError:
                # It went away, or is a link to nowhere.
                continue

    def _is_strange(self, name: str) -> bool:
        # Programs that copy files give them hidden names until they are complete.
        return name.startswith(".") or is_of_others(name, self._kinds)

    # Archives

    def _walk(self, now: float) -> Iterator[tuple[Path, _Directory]]:
        todo = list(reversed(list(self._roots())))
        turn = list(self._directories)[self._turn % (len(self._directories) or 1) :][:1]
        self._turn += 1
        seen: set[tuple[int, int]] = set()
        while todo:
            path = todo.pop()
            try:
                status = status_of(path.stat())
            except OSError:
                continue
            if status[:2] in seen:
                continue
            seen.add(status[:2])
            old = self._directories.get(path)
            if old is None or old.status != status or not old.quiet or path in turn:
                directory = self._listed(path, status, now)
            else:
                directory = old
            yield path, directory
            todo += reversed(directory.directories)

    def _roots(self) -> Iterator[Path]:
        for text in self._archives:
            path = Path(text)
            if is_folder(path):
                self._standing.clear(("place", text))
                yield path
            elif glob.has_magic(text):
                yield from (match for match in matches(text) if is_folder(match))
            else:
                self._miss(text, self._refusal(path))

    @staticmethod
    def _refusal(path: Path) -> OSError:
        """Return why there is no folder at a path."""
        try:
            path.stat()
        except OSError as error:
            return error
        return NotADirectoryError()

    def _listed(self, path: Path, status: Status, now: float) -> _Directory:
        old = int((now - self._settle) * 1e9)
        directory = _Directory(status, status.modified < old, {}, [])
        for file, found in self._entries(path):
            if stat.S_ISDIR(found.st_mode):
                directory.directories.append(file)
            elif stat.S_ISREG(found.st_mode):
                directory.quiet &= found.st_mtime_ns < old
                recent = self._since is None or found.st_mtime_ns >= self._since
                if recent and file not in self._watched:
                    directory.places[file] = Place(file, status_of(found), archived=True)
        directory.directories.sort()
        return directory


def matches(pattern: str) -> list[Path]:
    """Return what a shell pattern matches, sorted."""
    return [Path(name) for name in sorted(glob.glob(pattern, recursive=True))]  # noqa: PTH207  Path.glob takes none from the root


def directories_of(watched: Sequence[str | Path]) -> list[Path]:
    """Return the directories in which watched places change, as far as they exist."""
    found: dict[Path, None] = {}
    for place in watched:
        path = Path(place)
        if is_folder(path):
            found[path] = None
        elif glob.has_magic(str(place)) and not os.path.lexists(path):
            for match in matches(str(place)):
                found[match if is_folder(match) else match.parent] = None
            found[_fixed(path)] = None
        else:
            found[path.parent] = None
    return [path for path in found if is_folder(path)]


def _fixed(pattern: Path) -> Path:
    """Return the directory above the first part of a pattern that matches several names."""
    return next(path for path in pattern.parents if not glob.has_magic(str(path)))

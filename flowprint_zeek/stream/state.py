"""What the daemon remembers, in one SQLite file.

Each closed batch is one transaction: what was learned, where the logs were read to, and the lines
that are due to notice.log and flowprint.log. A line is forgotten once it was written, so after a
crash it is known which may not be.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
import zlib
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from flowprint_zeek.errors import FlowPrintError, OutputError, StateError
from flowprint_zeek.stream.commits import Commit, Handed, Line
from flowprint_zeek.stream.live import Resume
from flowprint_zeek.zeek.tail import Position

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

VERSION = 2
"""Version of the schema; `MIGRATIONS` leads here from every earlier one."""

_SCHEMA = """
CREATE TABLE begun (at REAL NOT NULL);
CREATE TABLE section (
    name TEXT, piece INTEGER, data BLOB NOT NULL, crc INTEGER NOT NULL, PRIMARY KEY (name, piece)
);
CREATE TABLE log (
    identity TEXT PRIMARY KEY, offset INTEGER NOT NULL, line INTEGER NOT NULL, header TEXT NOT NULL,
    taken INTEGER NOT NULL, latest INTEGER NOT NULL, committed REAL NOT NULL
);
CREATE TABLE output (
    number INTEGER PRIMARY KEY AUTOINCREMENT, log TEXT NOT NULL, opened INTEGER NOT NULL,
    line BLOB NOT NULL
);
CREATE TABLE notice (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL, device TEXT NOT NULL,
    ts INTEGER NOT NULL, row BLOB NOT NULL, why BLOB NOT NULL
);
CREATE INDEX notice_id ON notice (id);
CREATE TABLE request (
    number INTEGER PRIMARY KEY AUTOINCREMENT, asked BLOB NOT NULL, answer TEXT
);
CREATE TABLE status (id INTEGER PRIMARY KEY CHECK (id = 1), data TEXT NOT NULL);
"""

_HANDED = """
CREATE TABLE handed (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, since REAL NOT NULL,
    row BLOB NOT NULL
);
"""

MIGRATIONS = {1: _HANDED}
"""Statements that lead from each earlier version to the next."""

_MOST_WAL = 1 << 26
_PIECE = 1 << 26
"""Bytes of a section that stand in one row; SQLite's rows end at a billion."""

_PORTION = 10_000
"""Lines that are read at a time."""

_ANSWERS = 100
"""Answers to the last requests that are kept for those who asked."""

_PATIENCE = (0.02, 0.05, 0.1)
"""Seconds to wait for the lock: who only looks whether it is taken has it for a moment."""


class State:
    """The state file; only one process has it open for writing.

    Parameters
    ----------
    path : Path
        SQLite file; it is made where there is none, as is its folder.

    Raises
    ------
    StateError
        It is damaged, of a later version, in use by another daemon, or cannot be opened.
    OutputError
        It cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._crcs: dict[str, int] = {}
        self._logs: dict[str, Resume] = {}
        self._begun: float | None = None
        self._inode: int | None = None
        self._lock: int | None = None
        try:
            self._take_lock()
        except OSError as error:
            raise StateError(f"cannot be opened: {error.strerror}", path=path) from error
        try:
            self._open()
        except FlowPrintError:
            self._release()
            raise

    def _take_lock(self) -> None:
        self.path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        self._lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        for wait in (*_PATIENCE, None):
            try:
                fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                if wait is not None:
                    time.sleep(wait)
                    continue
                self._release()
                raise StateError("is in use: another daemon runs with it", path=self.path) from None
            return

    def _release(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
        self._lock = None

    def _open_anew(self) -> None:
        """Open what stands in the place of a file that was deleted or replaced."""
        self._db.close()
        self._inode, self._crcs, self._logs = None, {}, {}
        # The lock may be gone too, and another daemon may have made its own.
        self._release()
        with self._told():
            self._take_lock()
            for rest in ("-wal", "-shm"):
                # SQLite would take what is left of the old file for a part of the new one.
                self.path.with_name(self.path.name + rest).unlink(missing_ok=True)
        self._open()

    def _open(self) -> None:
        with self._told():
            # Not readable by others: it tells what people do.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
            self._db = sqlite3.connect(self.path, isolation_level=None)
            try:
                self._prepare()
                self._inode = self.path.stat().st_ino
            except BaseException:
                self._db.close()
                raise

    def _prepare(self) -> None:
        self._db.execute("PRAGMA journal_mode = WAL")
        # A commit that a power failure took back would be written to the logs a second time.
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute(f"PRAGMA journal_size_limit = {_MOST_WAL}")
        ((version,),) = self._db.execute("PRAGMA user_version")
        ((problem,),) = self._db.execute("PRAGMA quick_check(1)")
        if problem != "ok":
            raise StateError(_damaged(problem), path=self.path)
        if version > VERSION:
            said = f"is of version {version}; this program knows up to {VERSION}"
            raise StateError(said, path=self.path)
        if version == 0:
            self._run(_SCHEMA + _HANDED, VERSION)
            if self._begun is not None:
                self.begun(self._begun)
        for older in range(version, VERSION) if version else ():
            self._back_up(older)
            self._run(MIGRATIONS[older], older + 1)

    def _run(self, statements: str, version: int) -> None:
        """Run statements, all or none, that lead to a version."""
        with self._transaction():
            for statement in filter(str.strip, statements.split(";")):
                self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {version}")

    def _back_up(self, version: int) -> None:
        copy = sqlite3.connect(f"{self.path}.v{version}.bak")
        self._db.backup(copy)
        copy.close()

    def sections(self) -> dict[str, bytes]:
        """Return the parts of the pipeline's state; none in a new file.

        Raises
        ------
        StateError
            One is not as it was written.
        """
        with self._told():
            rows = self._db.execute(f"{SECTIONS}, crc {FROM_SECTIONS}").fetchall()
        for name, data, crc in rows:
            if zlib.crc32(data) != crc:
                raise StateError(_damaged(f"{name} is not as it was written"), path=self.path)
        held = whole((name, data) for name, data, _ in rows)
        self._crcs = {name: zlib.crc32(data) for name, data in held.items()}
        return held

    def logs(self) -> dict[str, Resume]:
        """Return where to go on in each log, by its identity."""
        with self._told():
            rows = self._db.execute(
                "SELECT identity, offset, line, header, taken, latest FROM log"
            ).fetchall()
        self._logs = {
            identity: Resume(Position(offset, line, header), taken, latest)
            for identity, offset, line, header, taken, latest in rows
        }
        return dict(self._logs)

    def begun(self, now: float) -> float:
        """Return the wall clock of the first start, seconds: `now` with a new file."""
        with self._told(), self._transaction():
            rows = self._db.execute("SELECT at FROM begun").fetchall()
            if not rows:
                self._db.execute("INSERT INTO begun VALUES (?)", (now,))
        self._begun = float(rows[0][0]) if rows else now
        return self._begun

    def commit(self, commit: Commit) -> None:
        """Write what a closed batch changed, all or nothing.

        A file that was deleted or replaced meanwhile is made anew: all that is needed is in memory.

        Raises
        ------
        OutputError
            It cannot be written; the same commit may be tried again.
        StateError
            It is damaged.
        """
        if self._gone():
            self._open_anew()
        crcs = {name: zlib.crc32(data) for name, data in commit.sections.items()}
        changed = [name for name, crc in crcs.items() if self._crcs.get(name) != crc]
        moved = {one: at for one, at in commit.logs.items() if self._logs.get(one) != at}
        with self._told(), self._transaction():
            for name in changed:
                self._db.execute("DELETE FROM section WHERE name = ?", (name,))
                self._db.executemany(
                    "INSERT INTO section VALUES (?, ?, ?, ?)", _pieces(name, commit.sections[name])
                )
            self._db.executemany(
                "INSERT OR REPLACE INTO log VALUES (?, ?, ?, ?, ?, ?, ?)",
                [_log_row(identity, at, commit.now) for identity, at in moved.items()],
            )
            self._db.executemany(
                "INSERT INTO output (log, opened, line) VALUES (?, ?, ?)", commit.lines
            )
            self._db.executemany(
                "DELETE FROM notice WHERE device = ?", [(device,) for device in commit.forgotten]
            )
            self._db.executemany(
                "INSERT INTO notice (id, device, ts, row, why) VALUES (?, ?, ?, ?, ?)",
                commit.notices,
            )
            self._db.executemany(
                "INSERT OR IGNORE INTO handed (id, since, row) VALUES (?, ?, ?)", commit.handed
            )
            self._db.executemany(
                "UPDATE request SET answer = ?, asked = x'' WHERE number = ?",
                [(answer, number) for number, answer in commit.answers.items()],
            )
        self._crcs, self._logs = crcs, dict(commit.logs)

    def _gone(self) -> bool:
        try:
            return self.path.stat().st_ino != self._inode
        except FileNotFoundError:
            return True
        except OSError as error:
            raise OutputError(f"cannot be written: {error.strerror}", path=self.path) from error

    def unwritten(self, log: str) -> list[tuple[int, Line]]:
        """Return the first lines that are due to a log, in order, each with its number."""
        with self._told():
            rows = self._db.execute(
                "SELECT number, opened, line FROM output WHERE log = ? ORDER BY number LIMIT ?",
                (log, _PORTION),
            ).fetchall()
        return [(number, Line(log, opened, data)) for number, opened, data in rows]

    def written(self, numbers: Iterable[int]) -> None:
        """Forget lines that were written."""
        with self._told(), self._transaction():
            self._db.executemany(
                "DELETE FROM output WHERE number = ?", [(number,) for number in numbers]
            )

    def n_unwritten(self) -> dict[str, int]:
        """Return how many lines are due, by log."""
        with self._told():
            return dict(self._db.execute("SELECT log, count(*) FROM output GROUP BY log"))

    def handed(self) -> list[Handed]:
        """Return what Zeek is to raise, in order."""
        with self._told():
            rows = self._db.execute("SELECT id, since, row FROM handed ORDER BY number").fetchall()
        return [Handed(*row) for row in rows]

    def raised(self, ids: Iterable[str]) -> None:
        """Forget what Zeek has raised."""
        with self._told(), self._transaction():
            self._db.executemany("DELETE FROM handed WHERE id = ?", [(one,) for one in ids])

    def keep_status(self, text: str) -> None:
        """Keep what the daemon says of itself; not where the file is gone until a commit."""
        if self._gone():
            return
        with self._told(), self._transaction():
            self._db.execute("INSERT OR REPLACE INTO status VALUES (1, ?)", (text,))

    def requests(self) -> list[tuple[int, bytes]]:
        """Return what people asked for and nobody answered yet, with its number."""
        with self._told():
            return self._db.execute(
                "SELECT number, asked FROM request WHERE answer IS NULL ORDER BY number"
            ).fetchall()

    def prune(self, now: float, keep: float) -> None:
        """Forget notices and logs older than so many seconds, and answers that nobody came for."""
        with self._told(), self._transaction():
            self._db.execute("DELETE FROM notice WHERE ts < ?", (round((now - keep) * 1e6),))
            self._db.execute("DELETE FROM handed WHERE since < ?", (now - keep,))
            self._db.execute(
                "DELETE FROM request WHERE answer IS NOT NULL AND number <= "
                "(SELECT max(number) FROM request) - ?",
                (_ANSWERS,),
            )
            gone = self._db.execute(
                "DELETE FROM log WHERE committed < ? RETURNING identity", (now - keep,)
            ).fetchall()
        for (identity,) in gone:
            self._logs.pop(identity, None)

    def close(self) -> None:
        """Close the file and let another daemon have it."""
        with suppress(sqlite3.Error):
            self._db.close()
        self._release()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise OutputError(f"cannot be written: {error}", path=self.path) from error
        except sqlite3.DatabaseError as error:
            raise StateError(_damaged(str(error)), path=self.path) from error
        except OSError as error:
            raise OutputError(f"cannot be written: {error.strerror}", path=self.path) from error


SECTIONS = "SELECT name, data"
FROM_SECTIONS = "FROM section ORDER BY name, piece"


def whole(rows: Iterable[tuple[str, bytes]]) -> dict[str, bytes]:
    """Return sections of their pieces, which stand in order."""
    parts: dict[str, list[bytes]] = {}
    for name, data in rows:
        parts.setdefault(name, []).append(data)
    return {name: b"".join(pieces) for name, pieces in parts.items()}


def _pieces(name: str, data: bytes) -> Iterator[tuple[str, int, bytes, int]]:
    for number, begin in enumerate(range(0, max(len(data), 1), _PIECE)):
        piece = data[begin : begin + _PIECE]
        yield name, number, piece, zlib.crc32(piece)


def _log_row(identity: str, at: Resume, now: float) -> tuple[object, ...]:
    place = at.position
    return identity, place.offset, place.line, place.header, at.taken, at.latest, now


def _damaged(problem: str) -> str:
    return f"is damaged ({problem}): move it away to learn anew, or put a copy of it back"

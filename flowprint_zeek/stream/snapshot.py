"""The state of a daemon as others see it, whether it runs or not: read, never changed.

The one thing that others write there are requests, see `stream.requests`.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import msgspec

from flowprint_zeek.errors import StateError
from flowprint_zeek.stream.explained import Explained
from flowprint_zeek.stream.kept import part

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Snapshot:
    """What the state file of a daemon holds now.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    StateError
        There is none, or it cannot be read. The methods raise it too.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            raise StateError("there is no state: no daemon has run with it yet", path=path)

    @property
    def in_use(self) -> bool:
        """Whether a daemon runs with it."""
        try:
            lock = os.open(f"{self.path}.lock", os.O_RDWR | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise StateError(f"cannot be read: {error.strerror}", path=self.path) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(lock)
        return False

    def parts(self, *names: str) -> list[Any]:
        """Return parts of the pipeline's state, see `kept.PipelineState`, of one moment."""
        with self._connected("ro") as db:
            rows = dict(db.execute("SELECT name, data FROM section").fetchall())
        try:
            return [part(name, rows) for name in names]
        except ValueError as error:
            said = "holds nothing yet" if not rows else f"is damaged ({error})"
            raise StateError(said, path=self.path) from error

    def notices(self, most: int) -> list[tuple[str, dict[str, Any]]]:
        """Return the last notices, the newest first: id, "" without one, and row."""
        with self._connected("ro") as db:
            rows = db.execute(
                "SELECT id, row FROM notice ORDER BY number DESC LIMIT ?", (most,)
            ).fetchall()
        return [(key, msgspec.msgpack.decode(row)) for key, row in rows]

    def notice(self, key: str) -> tuple[dict[str, Any], Explained] | None:
        """Return the last notice of an id, which may be cut, and what it rests on."""
        with self._connected("ro") as db:
            row = db.execute(
                "SELECT row, why FROM notice WHERE id GLOB ? ORDER BY number DESC LIMIT 1",
                (f"{key}*",),
            ).fetchone()
        if row is None:
            return None
        return msgspec.msgpack.decode(row[0]), msgspec.msgpack.decode(row[1], type=Explained)

    def ask(self, request: bytes) -> int:
        """Put a request and return its number."""
        with self._connected("rw") as db:
            number = db.execute("INSERT INTO request (asked) VALUES (?)", (request,)).lastrowid
            db.commit()
        return number or 0

    def answer(self, number: int) -> str | None:
        """Return the answer to a request and forget it; None while there is none."""
        with self._connected("rw") as db:
            row = db.execute("SELECT answer FROM request WHERE number = ?", (number,)).fetchone()
            if row is not None and row[0] is not None:
                db.execute("DELETE FROM request WHERE number = ?", (number,))
                db.commit()
        return None if row is None else row[0]

    @contextmanager
    def _connected(self, mode: str) -> Iterator[sqlite3.Connection]:
        try:
            uri = f"file:{quote(str(self.path))}?mode={mode}"
            with closing(sqlite3.connect(uri, uri=True, timeout=30)) as db:
                yield db
        except sqlite3.Error as error:
            raise StateError(f"cannot be used: {error}", path=self.path) from error

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

from flowprint_zeek.core.fingerprint import Parameters
from flowprint_zeek.errors import OutputError, StateError
from flowprint_zeek.stream import status
from flowprint_zeek.stream.explained import Explained
from flowprint_zeek.stream.kept import basis, part
from flowprint_zeek.stream.state import FROM_SECTIONS, SECTIONS, whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flowprint_zeek.stream.status import Status


class Snapshot:
    """What the state file of a daemon holds now.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    StateError
        There is none, it holds nothing yet, or it cannot be read. The methods raise it too.
    OutputError
        It cannot be written; of the methods that do.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            path.stat()
        except FileNotFoundError:
            said = "there is no state: no daemon has run with it yet"
            raise StateError(said, path=path) from None
        except OSError as error:
            raise StateError(f"cannot be read: {error.strerror}", path=path) from error

    @property
    def in_use(self) -> bool:
        """Whether a daemon runs with it."""
        try:
            lock = os.open(f"{self.path}.lock", os.O_RDONLY | os.O_CLOEXEC)
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

    def status(self) -> Status | None:
        """Return what the daemon last told of itself; None before it told anything."""
        with self._connected("ro") as db:
            row = db.execute("SELECT data FROM status").fetchone()
        try:
            return None if row is None else status.decoded(row[0])
        except ValueError as error:
            said = f"holds a status of another version of this program ({error})"
            raise StateError(said, path=self.path) from error

    def parts(self, *names: str) -> list[Any]:
        """Return parts of the pipeline's state, see `kept.PipelineState`, of one moment."""
        rows = self._sections()
        with self._damage():
            return [part(name, rows) for name in names]

    def parameters(self) -> Parameters:
        """Return the parameters that what was learned was made with."""
        rows = self._sections()
        with self._damage():
            section = "fingerprint."
            chosen: dict[str, Any] = {
                key.removeprefix(section): value
                for key, value in basis(rows).items()
                if key.startswith(section)
            }
            return Parameters(**chosen)

    def _sections(self) -> dict[str, bytes]:
        with self._connected("ro") as db:
            rows = whole(db.execute(f"{SECTIONS} {FROM_SECTIONS}").fetchall())
        if not rows:
            raise StateError("holds nothing yet: no batch has closed", path=self.path)
        return rows

    def notices(self, most: int) -> list[tuple[str, dict[str, Any]]]:
        """Return the last notices, the newest first: id, "" without one, and row."""
        with self._connected("ro") as db:
            rows = db.execute(
                "SELECT id, row FROM notice ORDER BY number DESC LIMIT ?", (most,)
            ).fetchall()
        with self._damage():
            return [(key, msgspec.msgpack.decode(row, type=dict[str, Any])) for key, row in rows]

    def found(self, key: str) -> dict[str, tuple[dict[str, Any], Explained]]:
        """Return the notices of which the id begins so, by id: row, and what it rests on."""
        with self._connected("ro") as db:
            rows = db.execute(
                "SELECT id, row, why FROM notice WHERE id GLOB ? AND id != '' ORDER BY number",
                (f"{key}*",),
            ).fetchall()
        with self._damage():
            return {
                one: (
                    msgspec.msgpack.decode(row, type=dict[str, Any]),
                    msgspec.msgpack.decode(why, type=Explained),
                )
                for one, row, why in rows
            }

    def ask(self, request: bytes) -> int:
        """Put a request and return its number."""
        with self._connected("rw") as db:
            number = db.execute("INSERT INTO request (asked) VALUES (?)", (request,)).lastrowid
            db.commit()
        return number or 0

    def withdraw(self, number: int) -> None:
        """Take a request back, or forget its answer."""
        with self._connected("rw") as db:
            db.execute("DELETE FROM request WHERE number = ?", (number,))
            db.commit()

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
            if mode == "ro" and not self.path.with_name(f"{self.path.name}-wal").exists():
                # Nobody writes: nothing need be made beside it, and its folder may be read-only.
                uri += "&immutable=1"
            with closing(sqlite3.connect(uri, uri=True, timeout=30)) as db:
                yield db
        except sqlite3.OperationalError as error:
            if mode == "rw":
                raise OutputError(f"cannot be written: {error}", path=self.path) from error
            raise StateError(f"cannot be read: {error}", path=self.path) from error
        except sqlite3.Error as error:
            raise StateError(f"is damaged ({error})", path=self.path) from error

    @contextmanager
    def _damage(self) -> Iterator[None]:
        try:
            yield
        except (ValueError, KeyError, TypeError) as error:
            raise StateError(f"is damaged ({error})", path=self.path) from error

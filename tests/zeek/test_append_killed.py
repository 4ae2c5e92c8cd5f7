"""Processes that are killed while they append to a log."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Self

import pytest

from flowprint_zeek.zeek.append import AppendedLog
from tests.zeek.small_appends import COLUMNS, OPENED, by_age, packed, whole_rows

ROOT = Path(__file__).resolve().parents[2]
KILLS = 30
_REPORT = 1

NURSERY = """
import os, sys
from pathlib import Path
from tests.zeek.test_append_killed import daemon

child = 0
for line in sys.stdin:
    if child:
        os.waitpid(child, 0)
    child = os.fork()
    if child == 0:
        daemon(Path(sys.argv[1]), int(line))
        os._exit(0)
    os.write(1, b"%d\\n" % child)
    # Until it is waited for, its number is that of no other process.
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    os.write(1, b"\\n")
"""
"""Starts a daemon with each seed that it is given, and says its number, and when it has ended."""


def database(folder: Path) -> sqlite3.Connection:
    opened = sqlite3.connect(folder / "database", isolation_level=None)
    opened.execute("PRAGMA journal_mode=WAL")
    opened.execute("PRAGMA synchronous=OFF")  # a killed process takes no power with it
    opened.execute("CREATE TABLE IF NOT EXISTS rows (data BLOB, marked INTEGER)")
    return opened


def daemon(folder: Path, seed: int) -> None:
    """Finish what the one before left; with a seed, append until something kills it."""
    chance = random.Random(seed)  # noqa: S311  a seed, no secret
    rows = database(folder)
    log = AppendedLog(folder / "logs" / "notice.log", "notice", COLUMNS)
    left = rows.execute("SELECT data FROM rows WHERE NOT marked ORDER BY rowid").fetchall()
    log.append(log.missing(b"".join(data for (data,) in left)), OPENED)
    rows.execute("UPDATE rows SET marked = 1")
    (number,) = rows.execute("SELECT COALESCE(MAX(rowid), 0) FROM rows").fetchone()
    if seed and chance.random() < 0.6:
        die_while_writing(chance)
    while seed:
        many = range(number, number + chance.choice([1, 3, 40]))
        number = many.stop
        text = "x" * chance.choice([1, 300, 10_000])
        batch = [log.lines([{"ts": OPENED + n, "msg": f"{n} {text}"}]) for n in many]
        os.write(_REPORT, b".")
        rows.execute("BEGIN")
        rows.executemany("INSERT INTO rows VALUES (?, 0)", [(data,) for data in batch])
        rows.execute("COMMIT")
        os.write(_REPORT, b".")
        log.append(b"".join(batch), OPENED)
        os.write(_REPORT, b".")
        rows.execute("UPDATE rows SET marked = 1 WHERE NOT marked")


def die_while_writing(chance: random.Random) -> None:
    """Let one of the next writes to a file be cut by a signal that nobody can catch."""
    real = os.write
    left = chance.randrange(1, 8)

    def write(descriptor: int, data: bytes) -> int:
        nonlocal left
        if descriptor == _REPORT:
            return real(descriptor, data)
        left -= 1
        if left == 0:
            real(descriptor, data[: chance.randrange(len(data) + 1)])
            os.kill(os.getpid(), signal.SIGKILL)
        return real(descriptor, data)

    pytest.MonkeyPatch().setattr(os, "write", write)


class Follower:
    """Reads what is added to the files of a log, whatever they are called, as a SIEM does."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[int, int] = {}
        self._seen: dict[int, bytes] = {}
        self._turn = Lock()
        self._stop = Event()
        self._thread = Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for descriptor in self._files.values():
            os.close(descriptor)

    def _run(self) -> None:
        while not self._stop.wait(0.002):
            self.read()

    def read(self) -> None:
        """Read what there is to read."""
        with self._turn:
            for path in self._folder.glob("notice.log*"):
                if path.suffix != ".gz":
                    with suppress(FileNotFoundError):
                        self._open(path)
            for inode, descriptor in self._files.items():
                self._seen[inode] += os.pread(descriptor, 1 << 30, len(self._seen[inode]))

    def _open(self, path: Path) -> None:
        descriptor = os.open(path, os.O_RDONLY)
        inode = os.fstat(descriptor).st_ino
        if inode in self._files:
            os.close(descriptor)
        else:
            self._files[inode], self._seen[inode] = descriptor, b""

    def lines(self) -> list[bytes]:
        """Return the whole lines read, comments aside; nothing read before has changed."""
        self.read()
        for inode, descriptor in self._files.items():
            assert os.pread(descriptor, 1 << 30, 0) == self._seen[inode]
        lines = [line for seen in self._seen.values() for line in seen.split(b"\n")[:-1]]
        return [line + b"\n" for line in lines if not line.startswith(b"#")]


class Parent:
    """Starts daemons one after the other, and rotates their log."""

    def __init__(self, folder: Path, follower: Follower) -> None:
        self._log = folder / "logs" / "notice.log"
        self._follower = follower
        self._nursery = subprocess.Popen(
            [sys.executable, "-c", NURSERY, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            cwd=ROOT,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._nursery.communicate()

    def start(self, seed: int) -> int:
        """Start a daemon and return the number of its process."""
        stdin, stdout = self._nursery.stdin, self._nursery.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(b"%d\n" % seed)
        return int(stdout.readline())

    def ends(self) -> bool:
        """Wait for a sign of life, or tell that there will be none."""
        stdout = self._nursery.stdout
        assert stdout is not None
        return stdout.read(1) == b"\n"

    def rotate(self) -> None:
        """Rotate as logrotate does with delaycompress."""
        if not self._log.exists():
            return
        rotated = self._log.parent.glob("notice.log.*")
        for old in sorted(rotated, key=lambda path: -int(path.name.split(".")[2])):
            number, *end = old.name.split(".")[2:]
            new = old.rename(
                self._log.with_name(".".join(["notice.log", f"{int(number) + 1}", *end]))
            )
            if not end:
                self._follower.read()
                packed(new)
        self._log.rename(self._log.with_name("notice.log.1"))


def test_every_row_is_written_once_whenever_it_is_killed(tmp_path: Path) -> None:
    """In files and to a follower, all rows that were stored are there once, whole and in order."""
    chance = random.Random(7)  # noqa: S311  a seed, no secret
    with Follower(tmp_path / "logs") as follower, Parent(tmp_path, follower) as parent:
        for seed in range(1, KILLS + 1):
            process = parent.start(seed)
            for _ in range(chance.randrange(40)):
                if parent.ends():
                    break
                if chance.random() < 0.05:
                    parent.rotate()
            else:
                os.kill(process, signal.SIGKILL)
                while not parent.ends():
                    pass
            if chance.random() < 0.3:
                parent.rotate()
        parent.start(0)
        assert parent.ends()
        lines = follower.lines()
    with closing(database(tmp_path)) as rows:
        stored = [data for (data,) in rows.execute("SELECT data FROM rows ORDER BY rowid")]
    assert sorted(stored) == sorted(lines)
    assert b"".join(stored) == b"".join(map(whole_rows, by_age(tmp_path / "logs" / "notice.log")))

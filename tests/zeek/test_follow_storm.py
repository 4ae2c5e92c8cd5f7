"""Whatever happens to the files of logs: each row comes once, in the order of its log."""

from __future__ import annotations

import gzip
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.zeek.sites import SETTLE, Site
from tests.zeek.small_logs import HEADER, row

if TYPE_CHECKING:
    from collections.abc import Callable


def tsv(number: int) -> bytes:
    return row(number)


def json(number: int) -> bytes:
    return b'{"ts":%d.5,"uid":"C%d","id.orig_p":%d}\n' % (number, number, number % 65_536)


class Storm:
    """Does things to the logs of a site, as Zeek, zeekctl, logrotate and daemons do."""

    def __init__(self, site: Site, header: bytes, line: Callable[[int], bytes]) -> None:
        self.site = site
        self.header, self.line = header, line
        self.number = 0
        self.rows: dict[int, list[str]] = defaultdict(list)
        self.logs = 0
        self.waiting = b""
        self.begun = False
        self.rotated: list[Path] = []
        self.half: dict[Path, Path] = {}
        self.stalled = False

    def write(self, size: int) -> None:
        """Write some rows and, of the last, a part."""
        data = self.waiting
        if not self.begun:
            self.logs += 1
            self.begun, data = True, self.header
        for _ in range(size % 7 + 1):
            self.number += 1
            self.rows[self.logs].append(f"C{self.number}")
            data += self.line(self.number)
        # Later parts of the line come with the next writing.
        cut = len(data) - size % 13 if size % 3 == 0 else len(data)
        data, self.waiting = data[:cut], data[cut:]
        for at in range(0, len(data), size * 9 + 1):
            with self.site.log.open("ab") as file:
                file.write(data[at : at + size * 9 + 1])
            if size % 5 == 0:
                self.site.poll()

    def end_line(self) -> None:
        """Write what is missing of the last line, as Zeek has when it closes a log."""
        if self.waiting:
            with self.site.log.open("ab") as file:
                file.write(self.waiting)
            self.waiting = b""

    def rotate(self, size: int) -> None:
        """Rename the log; every other time out of sight."""
        if not self.begun:
            return
        self.end_line()
        if self.header:
            with self.site.log.open("ab") as file:
                file.write(b"#close\t2026-01-01-00-00-00\n")
        hidden = self.site.archive.parent if size % 2 else self.site.current
        name = f"conn.2026-01-01-00-00-{len(self.rotated) + self.number:02d}.log"
        self.rotated.append(self.site.log.rename(hidden / name))
        self.begun = False

    def pack(self, size: int) -> None:
        """Begin to archive a rotated log, or go on with it; delete it when it is complete."""
        if not self.rotated:
            return
        path = self.rotated[size % len(self.rotated)]
        packed = gzip.compress(path.read_bytes(), 1)
        if path not in self.half:
            day = self.site.archive / f"2026-01-0{size % 3 + 1}"
            day.mkdir(exist_ok=True)
            self.half[path] = day / f"{path.stem}.log.gz"
            with self.half[path].open("xb") as file:
                file.write(packed[: size * 7])
            return
        with self.half[path].open("ab") as file:
            file.write(packed[file.tell() :])
        if size % 4:
            self.rotated.remove(path)
            path.unlink()

    def poll(self, size: int) -> None:
        """Let some time pass, and look."""
        # An archive that nobody goes on with for so long is told to be cut short.
        self.stalled |= size % 4 > 1 and any(path in self.half for path in self.rotated)
        self.site.poll((0.0, 1.0, SETTLE, 3 * SETTLE)[size % 4])

    def restart(self, _size: int) -> None:
        """End the follower and start another from its positions."""
        self.site.restart()

    def truncate(self, _size: int) -> None:
        """Empty the log when all of it was read, and begin another on the same inode."""
        if self.begun:
            self.end_line()
            self.site.poll()
            with self.site.log.open("r+b") as file:
                file.truncate()
            self.begun = False

    def end(self) -> None:
        """Complete what was begun, and look until nothing changes any more."""
        self.end_line()
        for path in [*self.rotated, *self.rotated]:
            if path in self.rotated:
                self.pack(self.rotated.index(path))
        self.site.settle()
        self.site.settle()


OPS = ["write", "write", "write", "rotate", "pack", "pack", "poll", "poll", "restart", "truncate"]
steps = st.lists(st.tuples(st.sampled_from(OPS), st.integers(0, 60)), max_size=40)


@pytest.mark.parametrize(("header", "line"), [(HEADER, tsv), (b"", json)], ids=["tsv", "json"])
@given(steps=steps)
@settings(max_examples=150, deadline=None)
def test_every_row_comes_once(
    header: bytes, line: Callable[[int], bytes], steps: list[tuple[str, int]]
) -> None:
    """Through rotation, archives half written, truncation and restarts."""
    with tempfile.TemporaryDirectory() as folder:
        site = Site(Path(folder))
        storm = Storm(site, header, line)
        try:
            for name, size in steps:
                getattr(storm, name)(size)
            storm.end()
        finally:
            site.follower.close()
        assert sorted(uid for rows in storm.rows.values() for uid in rows) == sorted(site.got)
        for rows in storm.rows.values():
            wanted = set(rows)
            assert rows == [uid for uid in site.got if uid in wanted]
        assert storm.stalled or site.stats.damaged == {}
        assert [text for text in site.problems if "unread" in text] == []

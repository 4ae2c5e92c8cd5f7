"""Logs that a daemon appends to: every row once, whatever ends the daemon and whoever rotates them.

Nothing but the files themselves tells what was written. They only ever grow, so a SIEM that
follows them sees no line change. logrotate may work beside it in any of its ways:

- ``create``: before each write the log is opened anew if its name stands for another file.
- ``copytruncate``: what is written between the copy and the truncation is lost, as logrotate's
  manual says; ``create`` loses nothing.
- ``compress``: ``.gz`` is read back. Rows in files that are compressed otherwise or moved to
  another directory (``olddir``) are not found there, so a crash just before may double them. A
  write that a rotation overtakes gets into the renamed file; it would be lost only if gzip had
  read all of that file at that time, which ``delaycompress`` excludes.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import TYPE_CHECKING

from flowprint_zeek.errors import LogError, OutputError
from flowprint_zeek.zeek.header import header_lines, parse_header, split_head
from flowprint_zeek.zeek.readback import File, Found, look
from flowprint_zeek.zeek.writer import row_line, told, whole_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from flowprint_zeek.zeek.writer import Format

_HEAD = 1 << 16
_TRIES = 100


class AppendedLog:
    """A log that rows are appended to for as long as a daemon lives, and that is never closed.

    Its user remembers which rows are written, in three steps: it stores the rows' bytes, calls
    `append`, and marks them as written. After a start that finds unmarked rows, and after any
    error of `append`, it calls `missing` with all unmarked bytes in order and appends what that
    returns. So every row gets into the log once and whole, also if the process is killed in the
    middle of a write. No two processes may append to one log.

    A row that was cut is finished where it stands, also in a rotated file. Where that cannot be
    (the file is compressed, being compressed, or cannot be opened any more) the whole row is
    written to the current file.

    Parameters
    ----------
    path : Path
        Log to append to. It and missing directories are made with the first row, for the owner
        and its group (modes 0640 and 0750).
    log_path : str
        Name of the log stream, such as ``notice``.
    columns : sequence of (str, str)
        Names and Zeek types.
    format : 'tsv' or 'json', default 'tsv'
        How rows are written. Every new file of a TSV log begins with a header.
    """

    def __init__(
        self,
        path: Path,
        log_path: str,
        columns: Sequence[tuple[str, str]],
        *,
        format: Format = "tsv",  # noqa: A002  the word people use
    ) -> None:
        self.path = path
        self._log_path = log_path
        self._columns = tuple(columns)
        self._tsv = format == "tsv"
        self._descriptor: int | None = None
        self._torn = b""
        self._unsure = False

    def check(self) -> None:
        """Look whether rows may be appended to what stands in the log's place.

        A TSV log may lack its header or have one that was cut. Opening the log checks it too.

        Raises
        ------
        OutputError
            It is no regular file, cannot be read, holds the other format, or its header names
            other columns.
        """
        with told(self.path):
            try:
                if not stat.S_ISREG(self.path.stat().st_mode):
                    raise OutputError("is no regular file", path=self.path)
                with self.path.open("rb") as file:
                    head = file.read(_HEAD)
            except FileNotFoundError:
                return
        if head.startswith(b"#" if not self._tsv else b"{"):
            holds, other = ("JSON lines", "json") if self._tsv else ("Zeek's TSV", "tsv")
            text = f"holds {holds}: move it away, or set notice.format to {other}"
            raise OutputError(text, path=self.path)
        if head.startswith(b"#") and not self._has_columns(head):
            raise OutputError("has a header of other columns: move it away", path=self.path)

    def lines(self, rows: Iterable[Mapping[str, object]]) -> bytes:
        """Return rows as whole lines, without a header.

        Parameters
        ----------
        rows : iterable of mapping
            As `LogWriter.write` takes them. Rows are told apart by their bytes, so no two may be
            equal; their times see to that.
        """
        return whole_lines(row_line(row, self._columns, tsv=self._tsv) for row in rows)

    def append(self, data: bytes, opened: int) -> None:
        """Append rows in one write, and wait until they are on disk.

        Parameters
        ----------
        data : bytes
            What `lines` returned, or the end of it that `missing` returned; b"" does nothing.
        opened : int
            Log time for ``#open`` of a new file, µs since the epoch. A header that was cut is
            finished with it too.

        Raises
        ------
        OutputError
            Not all of it could be written. `missing` has to tell what stands in the log before
            anything else is appended.
        RuntimeError
            It was called again after an error without asking `missing`.
        """
        if self._unsure:
            raise RuntimeError("missing has to tell first what a failed write left")
        if not data:
            return
        self._unsure = True
        rows = self._torn + data
        found = self._look(rows) if self._torn else Found(data)
        for _ in range(_TRIES):
            with told(self.path):
                done = self._write(found, opened)
            if done:
                self._unsure, self._torn = False, b""
                return
            found = self._look(rows)
        raise OutputError("cannot be written: it is replaced all the time", path=self.path)

    def missing(self, data: bytes) -> bytes:
        """Return the end of some rows that is not in the log yet; nothing is written.

        The log and its rotated files are read back; see `readback.look`.

        Parameters
        ----------
        data : bytes
            All rows that may or may not be in the log, in the order in which they are appended.

        Returns
        -------
        bytes
            What to append next. It begins inside a row if the log ends inside that row.

        Raises
        ------
        OutputError
            The log cannot be read.
        """
        found = self._look(data)
        self._torn, self._unsure = found.torn, False
        return found.rest

    def close(self) -> None:
        """Give the file back; a later `append` opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    # Headers

    def _header(self, opened: int) -> bytes:
        return whole_lines(header_lines(self._log_path, self._columns, opened))

    def _has_columns(self, head: bytes) -> bool:
        if _is_cut(head, self._header(0)):
            return True
        try:
            header = parse_header(split_head(head, "#")[0])
        except LogError:
            return False
        return tuple(zip(header.fields, header.types, strict=False)) == self._columns

    # Writing

    def _look(self, rows: bytes) -> Found:
        return look(self.path, rows, tsv=self._tsv)

    def _write(self, found: Found, opened: int) -> bool:
        """Write what is missing, or the end of a row; tell whether all rows surely stand there."""
        rest, torn, file, plain = found
        if not rest:
            return True
        if file is not None and not file.current:
            if plain and not file.archived and self._finish(file, torn, rest):
                return False
            rest, torn = torn + rest, b""
        descriptor = self._current()
        size = os.fstat(descriptor).st_size
        if torn and not _ends_with(descriptor, torn):
            return False
        lead = b"" if torn else self._lead(descriptor, size, opened)
        self._put(descriptor, lead + rest)
        status = os.fstat(descriptor)
        # Otherwise the file was removed or truncated meanwhile.
        return status.st_nlink > 0 and status.st_size >= size + len(lead) + len(rest)

    def _finish(self, file: File, torn: bytes, rest: bytes) -> bool:
        """Finish the row at the end of a rotated file; tell whether that may be possible."""
        try:
            descriptor = os.open(file.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        except FileNotFoundError:
            return True
        except OSError:
            return False
        try:
            # Otherwise it was renamed or compressed meanwhile.
            if _ends_with(descriptor, torn):
                self._put(descriptor, rest[: rest.index(b"\n") + 1])
        finally:
            os.close(descriptor)
        return True

    def _put(self, descriptor: int, data: bytes) -> None:
        written = os.write(descriptor, data)
        if written < len(data):
            text = f"cannot be written: no more than {written} of {len(data)} bytes fit"
            raise OutputError(text, path=self.path)
        os.fsync(descriptor)

    def _lead(self, descriptor: int, size: int, opened: int) -> bytes:
        """Return what has to stand between the end of the file and a row."""
        header = self._header(opened) if self._tsv else b""
        if size < len(header) and _is_cut(os.pread(descriptor, size, 0), header):
            return header[size:]
        return b"" if size == 0 or _ends_with(descriptor, b"\n") else b"\n"

    def _current(self) -> int:
        """Return the log opened, anew if its name stands for another file."""
        with contextlib.suppress(FileNotFoundError):
            status = self.path.stat()
            if self._descriptor is not None and os.path.samestat(
                status, os.fstat(self._descriptor)
            ):
                return self._descriptor
        self.close()
        self.check()
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        try:
            self._descriptor = os.open(self.path, flags, 0o640)
        except FileNotFoundError:
            for directory in reversed((self.path.parent, *self.path.parent.parents)):
                directory.mkdir(0o750, exist_ok=True)
            self._descriptor = os.open(self.path, flags, 0o640)
        _keep_names(self.path.parent)
        return self._descriptor


def _is_cut(content: bytes, header: bytes) -> bool:
    """Tell whether a file holds the beginning of a header and nothing else, at whatever time."""
    size = len(content)
    time = header.index(b"#open\t") + len(b"#open\t")
    after = header.index(b"\n", time)
    return (
        size < len(header)
        and content[:time] == header[: min(time, size)]
        and content[after:] == header[after:size]
    )


def _ends_with(descriptor: int, end: bytes) -> bool:
    before = os.fstat(descriptor).st_size - len(end)
    return before >= 0 and os.pread(descriptor, len(end), before) == end


def _keep_names(directory: Path) -> None:
    """Wait until the names of new files are on disk."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

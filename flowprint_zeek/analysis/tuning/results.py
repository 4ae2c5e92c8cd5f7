"""Finished cells of a parameter search in a file that only grows: what was computed stays so.

JSON lines: a header that says of which captures the results are, then a line for each cell. A line
is written whole; one that a crash cut, or that is damaged, is left out.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import msgspec

from flowprint_zeek.analysis.tuning.cells import ALL, ASSIGNED, Cell
from flowprint_zeek.core.fingerprint import Parameters  # noqa: TC001  # msgspec looks it up
from flowprint_zeek.errors import FlowPrintError, OutputError, UsageError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

FORMAT = "flowprint-zeek tune 1"


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line.

    Attributes
    ----------
    results : str
        `FORMAT`.
    captures : str
        Digest of the captures.
    """

    results: str
    captures: str


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A finished cell, and the key that tells it apart."""

    key: str
    parameters: Parameters
    figures: dict[str, dict[str, float | None]]
    fingerprints: int
    flows: int
    unassigned: int


class Results:
    """Finished cells by key; with a file, also those of earlier runs.

    Parameters
    ----------
    path : Path or None
        The file, made where there is none; None keeps nothing.
    captures : str
        Digest of the captures.

    Attributes
    ----------
    damaged : list of int
        Lines that were left out, counted from 1.

    Raises
    ------
    UsageError
        The file is none of results, or of other captures.
    OutputError
        It cannot be read or written.
    """

    def __init__(self, path: Path | None, captures: str) -> None:
        self._path = path
        self._cells: dict[str, Cell] = {}
        self.damaged: list[int] = []
        self._file = None if path is None else _opened(path)
        if path is not None:
            try:
                self._begin(path, captures)
            except FlowPrintError:
                self.close()
                raise
        self._old = frozenset(self._cells)

    def __enter__(self) -> Results:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def get(self, key: str) -> Cell | None:
        """Return a finished cell."""
        return self._cells.get(key)

    def is_old(self, key: str) -> bool:
        """Tell whether a cell was computed by an earlier run."""
        return key in self._old

    def add(self, key: str, cell: Cell) -> None:
        """Keep a finished cell."""
        self._cells[key] = cell
        line = Line(
            key, cell.parameters, cell.figures, cell.fingerprints, cell.flows, cell.unassigned
        )
        self._write(msgspec.json.encode(line) + b"\n")

    def _begin(self, path: Path, captures: str) -> None:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise _unwritable(path, error) from error
        if not content:
            self._write(msgspec.json.encode(Header(FORMAT, captures)) + b"\n")
            return
        first, *lines = content.split(b"\n")
        try:
            header = msgspec.json.decode(first, type=Header)
        except (msgspec.DecodeError, UnicodeDecodeError):
            header = Header("", "")
        if header.results != FORMAT:
            raise UsageError("is no file of results of tune; --results needs one", path=path)
        if header.captures != captures:
            raise UsageError(
                "holds results of other captures, or of the same with other settings of what "
                "counts; give another file to --results",
                path=path,
            )
        for number, line in enumerate(lines, start=2):
            if line:
                self._take(number, line)
        if lines[-1:] != [b""]:
            # A line that was cut stays alone.
            self._write(b"\n")

    def _take(self, number: int, line: bytes) -> None:
        try:
            held = msgspec.json.decode(line, type=Line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.damaged.append(number)
            return
        if set(held.figures) != {ALL, ASSIGNED}:
            self.damaged.append(number)
            return
        self._cells[held.key] = Cell(
            held.parameters, held.figures, held.fingerprints, held.flows, held.unassigned
        )

    def _write(self, line: bytes) -> None:
        if self._file is None or self._path is None:
            return
        try:
            # In one call, so that it is there whole whatever happens to this process.
            written = os.write(self._file, line)
            if written < len(line):
                os.write(self._file, line[written:])
        except OSError as error:
            raise _unwritable(self._path, error) from error


def _opened(path: Path) -> int:
    """Return the descriptor of a file to append to."""
    try:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    except OSError as error:
        raise _unwritable(path, error) from error
    if not stat.S_ISREG(os.fstat(file).st_mode):
        # A device may be without end.
        os.close(file)
        raise OutputError("cannot be written: Not a regular file", path=path)
    return file


def _unwritable(path: Path, error: OSError) -> OutputError:
    return OutputError(f"cannot be written: {error.strerror or error}", path=path)

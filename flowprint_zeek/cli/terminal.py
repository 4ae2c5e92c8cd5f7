"""Where the command line writes: results to stdout; log, progress and errors to stderr."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
import traceback
from contextlib import contextmanager, suppress
from numbers import Real
from pathlib import PurePath
from typing import TYPE_CHECKING, Literal, Protocol, TextIO, runtime_checkable

from rich.box import HEAVY_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from flowprint_zeek.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

PROGRAM = "flowprint-zeek"

WIDE = 100_000
"""Columns of a stdout that is no terminal: nothing is folded for the program that reads it."""


class ReaderGoneError(BrokenPipeError):
    """Whoever read stdout has stopped, as ``head`` does."""


class Advance(Protocol):
    """Tells a progress display that some steps are done."""

    def __call__(self, steps: float = 1) -> None:
        """Count `steps` more."""


@runtime_checkable
class _Listable(Protocol):
    """A NumPy array or scalar, known by what it does: NumPy is not imported for it."""

    def tolist(self) -> object: ...


def escaped(text: str) -> str:
    r"""Return a text that cannot steer a terminal: what is not printable as ``\xNN``.

    >>> escaped("a\x1b[31m\u202e")
    'a\\x1b[31m\\u202e'
    """
    return "".join(each if each.isprintable() else _code(ord(each)) for each in text)


def _code(point: int) -> str:
    # A byte that was no UTF-8 was read as a lone surrogate.
    point = point - 0xDC00 if 0xDC80 <= point <= 0xDCFF else point
    if point > 0xFFFF:
        return f"\\U{point:08x}"
    return f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}"


class Terminal:
    """The streams of one run of the command line.

    Parameters
    ----------
    verbosity : int
        How many ``-v``: 0 logs warnings, 1 what is done, 2 everything and tracebacks.
    quiet : bool
        Log errors only; no notes, no progress.
    stdout, stderr : text stream, optional
        Default: those of the process.
    """

    def __init__(
        self,
        *,
        verbosity: int = 0,
        quiet: bool = False,
        stdout: TextIO | None = None,
        stderr: TextIO | None = None,
    ) -> None:
        self.verbosity = verbosity
        self.quiet = quiet
        self._stdout = _open(sys.stdout) if stdout is None else stdout
        self._stderr = _open(sys.stderr) if stderr is None else stderr
        self._live: Console | None = None

    def line(self, text: str) -> None:
        """Write one line of a result to stdout, escaped."""
        self._result(escaped(text) + "\n")

    def table(self, title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write a table to stdout; numbers stand right, None is a dash.

        Every cell is escaped and shown literally. Where stdout is no terminal, columns are parted
        by two spaces and nothing is folded or coloured. Columns without names have no header.
        """
        cells = [list(row) for row in rows]
        tty = self._stdout.isatty()
        table = Table(box=HEAVY_HEAD if tty else None, show_header=any(columns))
        for index, column in enumerate(columns):
            numbers = all(_is_number(row[index]) for row in cells)
            side: Literal["left", "right"] = "right" if cells and numbers else "left"
            table.add_column(_literal(column), justify=side, overflow="fold")
        for row in cells:
            table.add_row(*(_literal(cell) for cell in row))
        console = Console(file=self._stdout, force_terminal=tty, width=None if tty else WIDE)
        with console.capture() as capture:
            # As a title of the table it would be folded to the table's width.
            if title:
                console.print(Text(escaped(title), style="italic"))
            console.print(table)
        self._result("".join(f"{line.rstrip()}\n" for line in capture.get().splitlines()))

    def json(self, obj: object) -> None:
        """Write an object to stdout as JSON in ASCII, keys in the order they have."""
        self._result(json.dumps(obj, indent=2, allow_nan=False, default=_json) + "\n")

    def note(self, message: str) -> None:
        """Write one line for the person at the terminal to stderr, unless --quiet."""
        if not self.quiet:
            self._say(escaped(message))

    def warn(self, message: str) -> None:
        """Write one line of warning to stderr, as the log's, unless --quiet."""
        self.note(f"{PROGRAM}: warning: {message}")

    def error(self, error: BaseException | str) -> None:
        """Write the one line of an error to stderr."""
        self._say(escaped(f"{PROGRAM}: error: {error}"))

    def unexpected(self, error: BaseException) -> None:
        """Write the one line of an error that nobody foresaw; its traceback with ``-vv``."""
        if self.verbosity >= 2:
            for line in _trace(error):
                self._say(line)
        text = str(error)
        what = f"{type(error).__name__}: {text}" if text else type(error).__name__
        self.error(f"unexpected {what} (run with -vv for the traceback)")

    def interrupted(self) -> None:
        """Say that Ctrl-C ended the run."""
        self._say(f"{PROGRAM}: interrupted")

    @contextmanager
    def progress(self, description: str, total: float | None = None) -> Iterator[Advance]:
        """Show on stderr how far something has come; nothing if it is no terminal or --quiet.

        Parameters
        ----------
        description : str
            What is done; escaped.
        total : float, optional
            Number of steps; None if unknown.

        Yields
        ------
        Advance
            Call it with the number of steps done since the last call, default 1.
        """
        if self.quiet or not self._stderr.isatty():
            yield _nothing
            return
        console = Console(file=self._stderr, force_terminal=True)
        label = TextColumn("{task.description}", markup=False)
        columns = (label, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=console, transient=True) as bar:
            task = bar.add_task(escaped(description), total=total)
            self._live = console
            try:
                yield lambda steps=1: bar.advance(task, steps)
            finally:
                self._live = None

    @contextmanager
    def logging(self) -> Iterator[None]:
        """Send the package's log to stderr while the context lasts."""
        logger = logging.getLogger("flowprint_zeek")
        level = logger.level
        handler = _Handler(self._say)
        logger.addHandler(handler)
        logger.setLevel(self._level())
        try:
            yield
        finally:
            logger.removeHandler(handler)
            logger.setLevel(level)

    def _level(self) -> int:
        if self.quiet:
            return logging.ERROR
        return {0: logging.WARNING, 1: logging.INFO}.get(self.verbosity, logging.DEBUG)

    def flush(self) -> None:
        """Hand what was written to the system, so that a failure is seen while it can be told."""
        self._result("")

    def discard(self) -> None:
        """Send the rest of stdout nowhere: the interpreter flushes once more when it ends."""
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self._stdout.fileno())

    def _result(self, text: str) -> None:
        try:
            self._stdout.write(_encodable(text, self._stdout))
            self._stdout.flush()
        except BrokenPipeError as error:
            raise ReaderGoneError from error
        except OSError as error:
            self.discard()
            raise OutputError(f"stdout cannot be written: {error.strerror}") from error

    def _say(self, text: str) -> None:
        text = _encodable(text, self._stderr)
        # With stderr gone there is nobody left to tell.
        with suppress(OSError):
            if self._live is None:
                self._stderr.write(text + "\n")
                self._stderr.flush()
            else:
                self._live.out(text, highlight=False)


class _Handler(logging.Handler):
    """Hands level and message of a record on as one line, and then its traceback."""

    def __init__(self, say: Callable[[str], None]) -> None:
        super().__init__()
        self._say = say

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record; a bad log call does not stop a run."""
        try:
            # Messages quote traffic.
            message = record.getMessage()
            self._say(escaped(f"{PROGRAM}: {record.levelname.lower()}: {message}"))
            if record.exc_info is not None and record.exc_info[1] is not None:
                for line in _trace(record.exc_info[1]):
                    self._say(line)
        except Exception:  # noqa: BLE001  # logging's own rule for handlers
            self.handleError(record)


def _trace(error: BaseException) -> list[str]:
    """Return the escaped lines of an error's traceback."""
    return [escaped(line) for line in "".join(traceback.format_exception(error)).split("\n")[:-1]]


def _literal(value: object) -> Text:
    """Return a cell that shows a value as it is."""
    if value is None:
        return Text("-")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    return Text(escaped(str(round(value, 4) if isinstance(value, float) else value)))


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _json(value: object) -> object:
    """Return what JSON has for a NumPy value or a path."""
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, _Listable):
        return value.tolist()
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _encodable(text: str, stream: TextIO) -> str:
    encoding = stream.encoding or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def _open(stream: TextIO | None) -> TextIO:
    """Return a stream of the process; one that it was started without leads nowhere."""
    return io.StringIO() if stream is None else stream


def _nothing(steps: float = 1) -> None:
    """Show no progress."""

"""The files that a replay writes: notice.log, flowprint.log and the model."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, Self, cast

from flowprint_zeek import store
from flowprint_zeek.errors import OutputError
from flowprint_zeek.zeek.columns import NOTICE_LOG
from flowprint_zeek.zeek.ownlogs import FLOWPRINT_LOG
from flowprint_zeek.zeek.writer import LogWriter

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.stream.explained import Why
    from flowprint_zeek.stream.notices import Row
    from flowprint_zeek.zeek.columns import Columns
    from flowprint_zeek.zeek.writer import Format

NOTICES = "notice.log"
VERDICTS = "flowprint.log"
MODEL = "model.json"


class _Log:
    """A log that gets its header with its first row."""

    def __init__(self, path: Path, log_path: str, columns: Columns, form: Format) -> None:
        self._writer = partial(LogWriter, path, log_path, columns, format=form)
        self._open: LogWriter | None = None
        try:
            path.write_bytes(b"")
        except OSError as error:
            raise OutputError(f"cannot be written: {error.strerror}", path=path) from error

    def write(self, row: Row) -> None:
        if self._open is None:
            self._open = self._writer(opened=cast("int", row["ts"]))
        self._open.write([row])

    def close(self, closed: int) -> None:
        if self._open is None:
            self._open = self._writer(opened=closed)
        self._open.close(closed)


class Outputs:
    """A directory of outputs; old ones of the same names are replaced.

    Leaving the ``with`` block, also by an error or Ctrl-C, leaves complete files.

    Parameters
    ----------
    directory : Path
        Made if it does not exist.
    as_json : bool
        Write both logs as JSON lines instead of Zeek's TSV.
    opened : int
        Log time for ``#close``, µs, until `closed` is set.

    Attributes
    ----------
    closed : int
        Log time for ``#close``, µs. ``#open`` is the time of a log's first row, as Zeek does it;
        a log without rows has that of ``#close``.

    Raises
    ------
    OutputError
        The directory or a file cannot be made.
    """

    def __init__(self, directory: Path, *, as_json: bool, opened: int) -> None:
        self.directory = directory
        self.closed = opened
        self.notices: list[Row] = []
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot be made: {error.strerror}", path=directory) from error
        form: Format = "json" if as_json else "tsv"
        self._notices = _Log(directory / NOTICES, "notice", NOTICE_LOG, form)
        self._verdicts = _Log(directory / VERDICTS, "flowprint", FLOWPRINT_LOG, form)

    def notice(self, row: Row, _why: Why | None = None) -> None:
        """Write a row of notice.log."""
        self.notices.append(row)
        self._notices.write(row)

    def verdict(self, row: Row) -> None:
        """Write a row of flowprint.log."""
        self._verdicts.write(row)

    def model(self, model: store.Model) -> None:
        """Write the model, whole or not at all."""
        store.write(self.directory / MODEL, model)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        # Of two errors the first one counts.
        with suppress(OutputError) if kind is not None else ExitStack():
            self._notices.close(self.closed)
            self._verdicts.close(self.closed)

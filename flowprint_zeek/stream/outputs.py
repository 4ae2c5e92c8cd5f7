"""The files that a replay writes: notice.log, flowprint.log and the model."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Self

from flowprint_zeek import store
from flowprint_zeek.errors import OutputError
from flowprint_zeek.stream.notices import VERDICT_LOG, Row
from flowprint_zeek.zeek.columns import NOTICE_LOG
from flowprint_zeek.zeek.writer import LogWriter

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.zeek.writer import Format

NOTICES = "notice.log"
VERDICTS = "flowprint.log"
MODEL = "model.json"


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
        Log time for ``#open``, µs.

    Raises
    ------
    OutputError
        The directory or a file cannot be made.
    """

    def __init__(self, directory: Path, *, as_json: bool, opened: int) -> None:
        form: Format = "json" if as_json else "tsv"
        self.directory = directory
        self.closed = opened
        self.notices: list[Row] = []
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot be made: {error.strerror}", path=directory) from error
        self._notices = LogWriter(
            directory / NOTICES, "notice", NOTICE_LOG, format=form, opened=opened
        )
        with ExitStack() as undo:
            undo.callback(self._notices.close, opened)
            self._verdicts = LogWriter(
                directory / VERDICTS, "flowprint", VERDICT_LOG, format=form, opened=opened
            )
            undo.pop_all()

    def notice(self, row: Row) -> None:
        """Write a row of notice.log."""
        self.notices.append(row)
        self._notices.write([row])

    def verdict(self, row: Row) -> None:
        """Write a row of flowprint.log."""
        self._verdicts.write([row])

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

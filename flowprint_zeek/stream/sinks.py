"""The logs that the daemon writes: every line once, whatever happens in between.

Lines are first committed to the state, then written, then forgotten there. What may have been
written before a crash or a failure is compared with the end of the log.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

import msgspec

from flowprint_zeek.errors import OutputError
from flowprint_zeek.stream.commits import Line, Noted
from flowprint_zeek.stream.notices import row_id
from flowprint_zeek.stream.outputs import NOTICES, VERDICTS
from flowprint_zeek.zeek.append import AppendedLog
from flowprint_zeek.zeek.columns import NOTICE_LOG
from flowprint_zeek.zeek.ownlogs import FLOWPRINT_LOG

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from flowprint_zeek.stream.explained import Why
    from flowprint_zeek.stream.notices import Row
    from flowprint_zeek.stream.state import State
    from flowprint_zeek.zeek.writer import Format

_logger = logging.getLogger(__name__)


class Sinks:
    """notice.log and flowprint.log of the daemon.

    Parameters
    ----------
    directory : Path
        Their folder; it is made where there is none.
    form : 'tsv' or 'json'
        Their format.
    notices : 'log', 'zeek' or 'both', default 'log'
        Where notices go: to notice.log, to Zeek, which raises them, or to both.

    Raises
    ------
    OutputError
        A log there is of another format.
    """

    def __init__(self, directory: Path, form: Format, notices: str = "log") -> None:
        self._logs = {
            NOTICES: AppendedLog(directory / NOTICES, "notice", NOTICE_LOG, format=form),
            VERDICTS: AppendedLog(directory / VERDICTS, "flowprint", FLOWPRINT_LOG, format=form),
        }
        for log in self._logs.values():
            log.check()
        self._unsure = set(self._logs)
        self._failing: set[str] = set()
        self.lines: list[Line] = []
        self.notices: list[Noted] = []
        self.handed: list[tuple[str, bytes]] = []
        self._to_log, self._to_zeek = notices != "zeek", notices != "log"

    @property
    def failing(self) -> list[str]:
        """Logs that cannot be written now."""
        return sorted(self._failing)

    def notice(self, row: Row, tell: Why | None = None) -> None:
        """Take a row of notice.log, and what tells what it rests on."""
        why = None if tell is None else tell()
        packed, reason = msgspec.msgpack.encode(row), msgspec.msgpack.encode(why)
        ts = cast("int", row["ts"])
        told = ("", "") if why is None else (why.id, why.device)
        self.notices.append(Noted(*told, ts, packed, reason))
        if self._to_log:
            self._take(NOTICES, row)
        if self._to_zeek:
            self.handed.append((row_id(row) if why is None else why.id, packed))

    def verdict(self, row: Row) -> None:
        """Take a row of flowprint.log."""
        self._take(VERDICTS, row)

    def _take(self, log: str, row: Row) -> None:
        self.lines.append(Line(log, cast("int", row["ts"]), self._logs[log].lines([row])))

    def committed(self) -> None:
        """Forget what was taken: the state has it."""
        self.lines.clear()
        self.notices.clear()
        self.handed.clear()

    def close(self) -> None:
        """Give the files back."""
        for log in self._logs.values():
            log.close()

    def write(self, state: State) -> bool:
        """Write the lines that are due, and tell whether all of them are.

        A log that cannot be written is told of once, and tried again at the next call.
        """
        # Each is tried, also after one that fails.
        return sum(not self._write(name, state) for name in self._logs) == 0

    def _write(self, name: str, state: State) -> bool:
        try:
            while due := state.unwritten(name):
                self._append(name, due)
                # What was written and cannot be forgotten is looked for in the log the next time.
                state.written(number for number, _ in due)
                self._unsure.discard(name)
        except OutputError as error:
            if name not in self._failing:
                _logger.warning("%s; lines of %s are kept until it can be", error, name)
            self._failing.add(name)
            return False
        if name in self._failing:
            _logger.warning("%s can be written again", name)
            self._failing.discard(name)
        return True

    def _append(self, name: str, due: Sequence[tuple[int, Line]]) -> None:
        data = b"".join(line.data for _, line in due)
        if name in self._unsure:
            data = self._logs[name].missing(data)
        self._unsure.add(name)
        if data:
            self._logs[name].append(data, due[0][1].opened)

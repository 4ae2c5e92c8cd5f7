"""The logs that the daemon writes: every line once, whatever happens in between.

Lines are first committed to the state, then written, then forgotten there. What may have been
written before a crash or a failure is compared with the end of the log.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, cast

import msgspec

from flowprint_zeek.errors import OutputError
from flowprint_zeek.stream.outputs import NOTICES, VERDICTS
from flowprint_zeek.stream.state import Line
from flowprint_zeek.zeek.append import AppendedLog
from flowprint_zeek.zeek.columns import FLOWPRINT_LOG, NOTICE_LOG

if TYPE_CHECKING:
    from pathlib import Path

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

    Raises
    ------
    OutputError
        A log there is of another format.
    """

    def __init__(self, directory: Path, form: Format) -> None:
        self._logs = {
            NOTICES: AppendedLog(directory / NOTICES, "notice", NOTICE_LOG, format=form),
            VERDICTS: AppendedLog(directory / VERDICTS, "flowprint", FLOWPRINT_LOG, format=form),
        }
        for log in self._logs.values():
            log.check()
        self._unsure = set(self._logs)
        self._failing: set[str] = set()
        self.lines: list[Line] = []
        self.notices: list[tuple[int, bytes]] = []

    def notice(self, row: Row) -> None:
        """Take a row of notice.log."""
        self._take(NOTICES, row)
        self.notices.append((cast("int", row["ts"]), msgspec.msgpack.encode(row)))

    def verdict(self, row: Row) -> None:
        """Take a row of flowprint.log."""
        self._take(VERDICTS, row)

    def _take(self, log: str, row: Row) -> None:
        self.lines.append(Line(log, cast("int", row["ts"]), self._logs[log].lines([row])))

    def committed(self) -> None:
        """Forget what was taken: the state has it."""
        self.lines.clear()
        self.notices.clear()

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
        due = state.unwritten(name)
        if not due:
            return True
        data = b"".join(line.data for _, line in due)
        opened = due[0][1].opened
        try:
            if name in self._unsure:
                data = self._logs[name].missing(data)
            self._unsure.add(name)
            if data:
                self._logs[name].append(data, opened)
        except OutputError as error:
            if name not in self._failing:
                _logger.warning("%s; its lines are kept and written when it can be", error)
            self._failing.add(name)
            return False
        if name in self._failing:
            _logger.warning("%s can be written again", name)
        self._failing.discard(name)
        state.written(number for number, _ in due)
        self._unsure.discard(name)
        return True

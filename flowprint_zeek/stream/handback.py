"""Findings that are handed back to Zeek, which raises them as notices of its own.

They stand in a file, the outbox, which Zeek reads whenever it was replaced
(``zeek_scripts/notices.zeek``), until flowprint_ack.log says that they were raised. Zeek knows each
by its id, so it may be asked for one any number of times.
"""

from __future__ import annotations

import ipaddress
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from flowprint_zeek.aside import replacing
from flowprint_zeek.errors import OutputError
from flowprint_zeek.zeek.header import header_lines
from flowprint_zeek.zeek.ownlogs import OUTBOX, OUTBOX_PATH
from flowprint_zeek.zeek.writer import row_line, whole_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from flowprint_zeek.stream.commits import Handed
    from flowprint_zeek.stream.notices import Row
    from flowprint_zeek.stream.state import State
    from flowprint_zeek.zeek.follow import Follower

_logger = logging.getLogger(__name__)

ACKS = "flowprint_ack"
"""Kind of the log that says what was raised."""

ACK_COLUMNS = ("ts", "id")
"""What of it is read."""

AGAIN = 600.0
"""Seconds after which Zeek should have raised a finding, and is asked for it again."""

_APART = 2.0
"""Seconds between two versions of the outbox: Zeek tells them apart by whole seconds."""

_MOST = 1_000
"""Findings in the outbox; those beyond wait."""


class Handback:
    """Hands findings to Zeek until it has raised them.

    Parameters
    ----------
    path : str
        The outbox. Its folder has to be there, as Zeek has to be allowed to write to it, too.
    state : State
        What remembers findings that were not raised yet.
    follower : Follower
        Follows flowprint_ack.log.
    wall, monotonic : callable
        Clocks, s.
    used : bool
        Whether there will be findings; else the outbox is only looked after while there are any.

    Attributes
    ----------
    failing : str
        Why the outbox cannot be written now, "" where it can.
    """

    def __init__(
        self,
        path: str,
        state: State,
        follower: Follower,
        wall: Callable[[], float],
        monotonic: Callable[[], float],
        *,
        used: bool,
    ) -> None:
        self.path = Path(path)
        self.failing = ""
        self._state = state
        self._follower = follower
        self._wall, self._monotonic = wall, monotonic
        self._waiting = {one.id: one for one in state.handed()}
        self._raised: set[str] = set()
        self._asked: dict[str, _Asked] = {}
        self._written = monotonic()
        self._changed = False
        if used or self._waiting:
            self._try()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def overdue(self) -> int:
        """Findings that Zeek should have raised by now."""
        return sum(one.since < self._wall() - AGAIN for one in self._waiting.values())

    def add(self, handed: Iterable[Handed]) -> None:
        """Take findings that were committed."""
        new = {one.id: one for one in handed}
        self._changed |= bool(new)
        self._waiting |= new

    def prune(self, keep: float) -> None:
        """Forget findings that have waited for so many seconds."""
        old = self._wall() - keep
        for one in [one.id for one in self._waiting.values() if one.since < old]:
            self._drop(one)

    def tend(self) -> None:
        """Take in what Zeek says that it raised, and write the outbox where that changes it.

        Raises
        ------
        OutputError
            The state cannot be written; the next call goes on.
        """
        self._collect()
        now = self._monotonic()
        self._changed |= any(now - asked.monotonic >= AGAIN for asked in self._asked.values())
        if self._changed and now - self._written >= _APART:
            self._try()

    def _collect(self) -> None:
        for log in self._follower.logs(ACKS):
            while (chunk := log.read()) is not None:
                self._raised.update(chunk.rows["id"])
        self._raised &= self._waiting.keys()
        if self._raised:
            self._state.raised(self._raised)
            for one in self._raised:
                self._drop(one)
            self._raised.clear()

    def _drop(self, one: str) -> None:
        del self._waiting[one]
        self._asked.pop(one, None)
        self._changed = True

    def _try(self) -> None:
        try:
            self._write()
        except OutputError as error:
            if not self.failing:
                _logger.warning("%s; notices are kept until it can be", error)
            self.failing, self._changed = str(error), True
            return
        if self.failing:
            _logger.warning("%s can be written again", self.path)
            self.failing = ""

    def _write(self) -> None:
        wall, now = self._wall(), self._monotonic()
        lines = header_lines(OUTBOX_PATH, OUTBOX, round(wall * 1e6))
        for one in self._turn():
            asked = self._asked.get(one.id, _NEVER)
            if asked is _NEVER or now - asked.monotonic >= AGAIN:
                asked = self._asked[one.id] = _Asked(now, round(wall), asked.times + 1)
            lines.append(_line(one, asked.wall))
        with replacing(self.path, 0o640) as file:
            file.write(whole_lines(lines))
        self._written, self._changed = self._monotonic(), False

    def _turn(self) -> list[Handed]:
        """Return the findings that are in the outbox next: those asked for least often."""
        waiting = self._waiting.values()
        if len(waiting) <= _MOST:
            return list(waiting)
        return sorted(waiting, key=lambda one: self._asked.get(one.id, _NEVER).times)[:_MOST]


class _Asked(NamedTuple):
    """When a finding was asked for last, by both clocks, and how often it was."""

    monotonic: float
    wall: int
    times: int


_NEVER = _Asked(0.0, 0, 0)


def _line(handed: Handed, asked: int) -> str:
    row: Row = msgspec.msgpack.decode(handed.row)
    line = row_line(row | _ends(row) | {"id": handed.id, "asked": asked}, OUTBOX, tsv=True)
    # Zeek writes a backslash as two, and reads two as two.
    return line.replace("\\\\", "\\x5c")


def _ends(row: Row) -> dict[str, Any]:
    """Return the ends of a connection as Zeek reads them; none where one is no address.

    Zeek takes what is none for 0.0.0.0.
    """
    try:
        found = [ipaddress.ip_address(str(row[f"id.{end}_h"])) for end in _ENDS]
    except (KeyError, ValueError):
        return {}
    hosts = {f"{end}_h": str(host) for end, host in zip(_ENDS, found, strict=True)}
    if any("%" in host for host in hosts.values()):
        return {}
    return hosts | {f"{end}_p": f"{row[f'id.{end}_p']}/{row['proto']}" for end in _ENDS}


_ENDS = ("orig", "resp")

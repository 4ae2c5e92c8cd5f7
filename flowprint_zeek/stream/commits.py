"""What the daemon commits at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from flowprint_zeek.stream.live import Resume


class Line(NamedTuple):
    """A line that is due to a log, with the log time at which the log would be opened for it."""

    log: str
    opened: int
    data: bytes


class Noted(NamedTuple):
    """A row of notice.log; of an unseen app with id, device and what it rests on, else empty."""

    id: str
    device: str
    ts: int
    row: bytes
    why: bytes


class Handed(NamedTuple):
    """A row of notice.log that Zeek is to raise, with its id, since when (wall clock, s)."""

    id: str
    since: float
    row: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    """What one transaction writes.

    Attributes
    ----------
    sections : mapping of str to bytes
        Parts of the pipeline's state; those that are as before are not written again.
    logs : mapping of str to Resume
        Where to go on in each log.
    lines : sequence of Line
        Lines that are due.
    notices : sequence of Noted
        The notices among them.
    now : float
        Wall clock, seconds.
    answers : mapping of int to str
        What was made of requests, by their numbers.
    forgotten : collection of str
        Devices of which the notices go that there were before.
    handed : sequence of Handed
        Those of the notices that Zeek is to raise.
    """

    sections: Mapping[str, bytes]
    logs: Mapping[str, Resume]
    lines: Sequence[Line]
    notices: Sequence[Noted]
    now: float
    answers: Mapping[int, str] = field(default_factory=dict)
    forgotten: Collection[str] = ()
    handed: Sequence[Handed] = ()

"""What a daemon does now, as it tells people and monitoring.

Times are seconds since the epoch: those of rows and batches in the time of the logs, the others by
the clock of the daemon's host. What is not known is None.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from flowprint_zeek.stream.phases import DETECT, LEARN, SHADOW


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a phase has come that ends by itself.

    Attributes
    ----------
    share : float
        Share of its log time that has passed.
    ends : float
        Log time at which it ends.
    """

    share: float
    ends: float


@dataclass(frozen=True, slots=True)
class LogStatus:
    """A log that is followed.

    Attributes
    ----------
    path, kind : str
        Where it is read, and what it is.
    unread : int or None
        Bytes that wait to be read.
    """

    path: str
    kind: str
    unread: int | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What comes in.

    Attributes
    ----------
    newest : float or None
        Log time of the newest row since the start.
    lag : float or None
        Seconds from there to when this was told.
    rows, damaged : dict of str to int
        Good and damaged rows read since the start, by kind of log.
    rows_a_second : float
        Rows read a second, in the last ten seconds or so.
    dropped : dict of str to int
        Rows of all time that became no flow, by reason.
    overdue, future : int
        Rows that came after their batch had closed, of all time, and rows since the start that
        were left out because they end later than can be.
    logs : list of LogStatus
        Logs that are followed, at most `MOST_LOGS` of them.
    n_logs, unread : int
        How many there are, and the bytes of all that wait to be read, as far as known.
    """

    newest: float | None
    lag: float | None
    rows: dict[str, int]
    damaged: dict[str, int]
    rows_a_second: float
    dropped: dict[str, int]
    overdue: int
    future: int
    logs: list[LogStatus]
    n_logs: int
    unread: int


@dataclass(frozen=True, slots=True)
class Done:
    """What was made of it, of all time.

    Attributes
    ----------
    closed : float or None
        Log time at which the last batch closed.
    flows, devices, batches, learned, degraded, fingerprints, unseen, notices : int
        Flows, their devices, batches, those among them that were learned and those that were not
        trusted, fingerprints, unseen ones among them, and notices of unseen apps.
    notices_today, held_today : int
        Notices of the day at hand in log time, and those that a shadow mode held back.
    coverage : dict of str to float or None
        Shares of the flows by what tells a name of them.
    """

    closed: float | None
    flows: int
    devices: int
    batches: int
    learned: int
    degraded: int
    fingerprints: int
    unseen: int
    notices: int
    notices_today: int
    held_today: int
    coverage: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept.

    Attributes
    ----------
    known, elements, pending : int
        Known apps, elements that the site has seen, apps that wait for a person.
    unwritten : dict of str to int
        Lines that could not be written yet, by log.
    state_bytes : int or None
        Size of the state.
    commit_seconds : float
        What its last commit took.
    handed : int
        Notices that Zeek is to raise, and did not say so yet.
    """

    known: int
    elements: int
    pending: int
    unwritten: dict[str, int]
    state_bytes: int | None
    commit_seconds: float
    handed: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """What a daemon does now.

    Attributes
    ----------
    version : str
        Of the program.
    started, written : float
        When the daemon started, or read its settings again, and when it told this.
    mode : str
        Setting ``run.mode``.
    phase : str or None
        What was done with the last batch: one of `phases.MODES`.
    progress : Progress or None
        How far that has come, where it ends by itself.
    reading : Reading
        What comes in.
    done : Done
        What was made of it.
    kept : Kept
        What is kept.
    problems : list of str
        What is wrong with logs now.
    attention : list of str
        What needs a person, the most urgent first, a sentence each.
    """

    version: str
    started: float
    written: float
    mode: str
    phase: str | None
    progress: Progress | None
    reading: Reading
    done: Done
    kept: Kept
    problems: list[str]
    attention: list[str]


MOST_LOGS = 50
"""Logs that a status lists; while archives are caught up with there may be thousands."""

_DOING = {LEARN: "learning", SHADOW: "in shadow", DETECT: "detecting"}


def encoded(status: Status) -> str:
    """Return a status as JSON."""
    return msgspec.json.encode(status).decode()


def decoded(text: str) -> Status:
    """Return the status that `encoded` gave.

    Raises
    ------
    ValueError
        It is something else.
    """
    return msgspec.json.decode(text, type=Status)


def doing(status: Status) -> str:
    """Return in a few words what a daemon does."""
    if status.phase is None:
        return "waiting for the first batch"
    said = _DOING[status.phase]
    return said if status.progress is None else f"{said} ({status.progress.share:.0%} done)"


def summary(status: Status) -> str:
    """Return a status in one line."""
    parts = [doing(status)]
    if status.reading.lag is not None:
        parts.append(f"newest row {status.reading.lag:.0f} s old")
    parts.append(f"{status.kept.pending} pending apps, {status.done.notices_today} notices today")
    if status.attention:
        parts.append(f"needs attention: {status.attention[0]}")
    return "; ".join(parts)

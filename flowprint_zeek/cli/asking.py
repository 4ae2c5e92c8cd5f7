"""Asking a daemon for something, or doing it in its place where none runs."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from reprlib import repr as short
from typing import TYPE_CHECKING

from flowprint_zeek.core.flows import microseconds
from flowprint_zeek.errors import FlowPrintError, OutputError, StateError, UsageError
from flowprint_zeek.kinds import RefusedError, duration
from flowprint_zeek.stream.daemon import Daemon
from flowprint_zeek.stream.requests import REFUSED, Request, encoded
from flowprint_zeek.stream.snapshot import Snapshot

if TYPE_CHECKING:
    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config

_PATIENCE = 60.0
_LOOK = 0.1


def asked(config: Config, request: Request, terminal: Terminal) -> str:
    """Have a request carried out, and return the answer.

    Raises
    ------
    UsageError
        It was refused.
    OutputError
        The daemon does not answer; it will carry the request out as soon as it can.
    """
    snapshot = Snapshot(Path(config.run.state))
    try:
        data = encoded(request)
    except ValueError as error:
        raise UsageError(f"the state has no form for it: {error}") from error
    number = snapshot.ask(data)
    try:
        answer = _awaited(snapshot, number, config, terminal)
    except BaseException:
        # What ended with an error must not be done later.
        with suppress(FlowPrintError):
            snapshot.withdraw(number)
        raise
    if answer is None:
        raise OutputError("the daemon has not answered yet; it will do it", path=snapshot.path)
    if answer.startswith(REFUSED):
        raise UsageError(answer.removeprefix(REFUSED))
    return answer


def _awaited(snapshot: Snapshot, number: int, config: Config, terminal: Terminal) -> str | None:
    """Return the answer to a request, None if there is none in time."""
    until = time.monotonic() + _PATIENCE
    told = False
    while (answer := snapshot.answer(number)) is None and time.monotonic() < until:
        if not snapshot.in_use:
            _carry_out(config, snapshot)
            continue
        if not told:
            terminal.note("the daemon does it between two batches")
            told = True
        time.sleep(_LOOK)
    return answer


def _carry_out(config: Config, snapshot: Snapshot) -> None:
    """Do what was asked for as a daemon that starts would."""
    try:
        daemon = Daemon(config)
    except StateError:
        if snapshot.in_use:  # One was started in between: it answers.
            return
        raise
    try:
        daemon.serve()
        if not daemon.commit():
            raise OutputError("cannot be written: nothing was done", path=snapshot.path)
    finally:
        daemon.close()


def span_of(text: str | None) -> int | None:
    """Return the µs of a duration such as ``30d``, None for none.

    Raises
    ------
    UsageError
        It is no duration.
    """
    if text is None:
        return None
    kind = duration(zero=False)
    try:
        return microseconds(kind.parse(text))
    except RefusedError:
        raise UsageError(f"--for must be {kind.allowed}; not {short(text)}") from None


def one_line(option: str, text: str, most: int) -> str:
    """Return a text that a person gave, without spaces around it.

    Raises
    ------
    UsageError
        It is longer than `most`, or holds what is not printable.
    """
    text = text.strip()
    if len(text) > most or not text.isprintable():
        said = f"a line of at most {most} printable characters"
        raise UsageError(f"{option} must be {said}; not {short(text)}")
    return text

"""Asking a daemon for something, or doing it in its place where none runs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.core.flows import microseconds
from flowprint_zeek.errors import OutputError, UsageError
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
    number = snapshot.ask(encoded(request))
    until = time.monotonic() + _PATIENCE
    told = False
    while (answer := snapshot.answer(number)) is None:
        if not snapshot.in_use:
            _carry_out(config)
        elif not told:
            terminal.note("the daemon does it between two batches")
            told = True
        if time.monotonic() > until:
            raise OutputError("the daemon has not answered yet; it will do it", path=snapshot.path)
        time.sleep(_LOOK)
    if answer.startswith(REFUSED):
        raise UsageError(answer.removeprefix(REFUSED))
    return answer


def _carry_out(config: Config) -> None:
    daemon = Daemon(config)
    try:
        daemon.serve()
        daemon.commit()
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
        raise UsageError(f"--for must be {kind.allowed}; not {text!r}") from None

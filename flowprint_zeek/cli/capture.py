"""Logs that commands are given: finding them, and reading them as one capture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowprint_zeek.cli import options
from flowprint_zeek.errors import LogError
from flowprint_zeek.stream.capture import KINDS, read_capture
from flowprint_zeek.stream.replay import Span
from flowprint_zeek.stream.report import foreign, no_flows
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.join import CONNECTIONS, NO_CONNECTIONS
from flowprint_zeek.zeek.reader import ReadStats

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Collection, Sequence

    import pandas as pd

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config
    from flowprint_zeek.zeek.files import LogFile


_FEW = 3


def found(given: Sequence[str], kinds: Collection[str]) -> list[LogFile]:
    """Return the logs of some arguments.

    Raises
    ------
    LogError
        An argument is no log, or there is no log of connections among them.
    """
    logs = find_logs(given, kinds)
    if not any(log.kind in CONNECTIONS for log in logs):
        raise LogError(NO_CONNECTIONS, path=_place(given))
    return logs


def _place(given: Sequence[str]) -> str:
    more = f" and {len(given) - _FEW} more" if len(given) > _FEW else ""
    return ", ".join(given[:_FEW]) + more


def captured(
    given: Sequence[str], args: Namespace, config: Config, terminal: Terminal
) -> pd.DataFrame:
    """Return the flow table of the logs of some arguments, and warn of what they lack.

    Raises
    ------
    LogError
        They are no logs, or have no flow between --since and --until.
    """
    logs = found(given, KINDS)
    stats = ReadStats()
    flows, dropped = read_capture(logs, config, span=Span(*options.times(args)), stats=stats)
    for problem in stats.problems:
        terminal.warn(problem)
    if flows.empty:
        raise LogError(no_flows(dropped), path=_place(given))
    for warning in foreign(dropped, len(flows)):
        terminal.warn(warning)
    return flows

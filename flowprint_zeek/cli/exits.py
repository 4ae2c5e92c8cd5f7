"""Exit codes: one table of what each means and which errors lead to it."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from flowprint_zeek.errors import (
    ConfigError,
    LogError,
    ModelError,
    OutputError,
    StateError,
    UsageError,
    ZeekError,
)


class Exit(IntEnum):
    """Codes that the command line exits with."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    CONFIG = 3
    LOGS = 4
    MODEL = 5
    OUTPUT = 6
    STATE = 7
    ZEEK = 8
    PROBLEMS = 9
    INTERRUPTED = 130


class Row(NamedTuple):
    """What a code means, and the error that leads to it."""

    meaning: str
    error: type[BaseException] | None


TABLE = {
    Exit.OK: Row("done, also with findings", None),
    Exit.UNEXPECTED: Row("unexpected error: a bug, or the system failed", Exception),
    Exit.USAGE: Row("wrong or contradicting options", UsageError),
    Exit.CONFIG: Row("a setting is unknown or not allowed", ConfigError),
    Exit.LOGS: Row("logs are missing, unreadable or of no kind that is needed", LogError),
    Exit.MODEL: Row("a fingerprint file is damaged or does not fit", ModelError),
    Exit.OUTPUT: Row("output cannot be written", OutputError),
    Exit.STATE: Row("the daemon's state is damaged, in use or of another version", StateError),
    Exit.ZEEK: Row("Zeek, where it is to be run, is missing or failed", ZeekError),
    Exit.PROBLEMS: Row("doctor --strict: there is a problem", None),
    Exit.INTERRUPTED: Row("interrupted (Ctrl-C)", KeyboardInterrupt),
}
"""Every code, in ascending order."""


def code_of(error: BaseException) -> Exit:
    """Return the exit code of an error: that of the nearest class it derives from.

    >>> code_of(LogError("no conn log")), code_of(ZeroDivisionError())
    (<Exit.LOGS: 4>, <Exit.UNEXPECTED: 1>)
    """
    codes = {row.error: code for code, row in TABLE.items()}
    return next((codes[each] for each in type(error).__mro__ if each in codes), Exit.UNEXPECTED)

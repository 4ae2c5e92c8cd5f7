"""Errors that the package raises, each with where it happened.

A leaf module: everything may import it, it imports nothing of the package. The command line maps
each class to an exit code in one table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class FlowPrintError(Exception):
    """Base of every error raised on purpose.

    Parameters
    ----------
    message : str
        One sentence without the place.
    path : Path or str, optional
        File that the error is about.
    line : int, optional
        Line in that file, counted from 1.
    """

    def __init__(
        self, message: str, *, path: Path | str | None = None, line: int | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.path = path
        self.line = line

    def __str__(self) -> str:
        place = "" if self.path is None else str(self.path)
        if self.line is not None:
            place += f":{self.line}"
        return f"{place}: {self.message}" if place else self.message


class UsageError(FlowPrintError):
    """Options that contradict each other or lack something."""


class ConfigError(FlowPrintError):
    """A setting with an unknown key, a wrong type or a value out of range."""


class LogError(FlowPrintError):
    """Input that is missing, unreadable, or no log of a kind that is needed."""


class ZeekError(FlowPrintError):
    """Zeek, where it is to be run, is missing or fails."""


class ModelError(FlowPrintError):
    """A fingerprint file that is damaged, foreign, or does not fit the logs or the parameters."""


class StateError(FlowPrintError):
    """A state file of the daemon that is damaged, in use, or of another version."""


class OutputError(FlowPrintError):
    """Output that cannot be written."""

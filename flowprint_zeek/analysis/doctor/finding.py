"""What a check of a set-up found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["problem", "note", "ok"]

LEVELS: tuple[Level, ...] = ("problem", "note", "ok")
"""Levels, the most urgent first: something does not work; it could be better; it is well."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes
    ----------
    check : str
        Name of the check, which does not change.
    level : {'problem', 'note', 'ok'}
        How urgent it is.
    found : str
        What was found: a sentence.
    do : str
        What to do about it, "" where it is well.
    """

    check: str
    level: Level
    found: str
    do: str = ""


def ok(check: str, found: str) -> Finding:
    """Return that something is well."""
    return Finding(check, "ok", found)


def note(check: str, found: str, do: str) -> Finding:
    """Return that something could be better."""
    return Finding(check, "note", found, do)


def problem(check: str, found: str, do: str) -> Finding:
    """Return that something does not work."""
    return Finding(check, "problem", found, do)


def span(seconds: float) -> str:
    """Return a span of time in words.

    >>> span(12.3), span(400.0), span(7_260.0), span(400_000.0)
    ('12 s', '7 min', '2.0 h', '4.6 days')
    """
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7_200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.1f} h" if seconds < 172_800 else f"{seconds / 86_400:.1f} days"


def listed(texts: list[str], most: int = 5) -> str:
    """Return the first of some texts in a row, and how many more there are.

    >>> listed(["a", "b", "c"], 2)
    'a, b and 1 more'
    """
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return ", ".join(texts[:most]) + more

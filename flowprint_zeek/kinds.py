"""Kinds of settings: what a value may be, how it is read, and what an error says is allowed.

A leaf module beside config, which declares the settings themselves.
"""

from __future__ import annotations

import ipaddress
import re
import sys
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 36_500 * 86_400.0
"""Longest duration in seconds: its microseconds fit the 64 bits of a flow table's times."""

_MINUTE = 60_000_000
_DAY = 1_440
_DAYS = ("thu", "fri", "sat", "sun", "mon", "tue", "wed")
"""Days of the week, beginning with that of 1970-01-01."""
_PERIOD = re.compile(
    rf"(?:(?P<day>{'|'.join(_DAYS)})\ |(?P<begun>\d{{4}}-\d\d-\d\d)\ )?"
    r"(?P<start>\d\d:\d\d)-(?:(?P<ended>\d{4}-\d\d-\d\d)\ )?(?P<end>\d\d:\d\d)"
)

T = TypeVar("T")


class RefusedError(Exception):
    """A value that a setting does not allow; its argument is the offending part of the value."""


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """What a setting holds.

    Parameters
    ----------
    metavar : str
        What stands for a value in the help of an option.
    allowed : str
        What is allowed, in words that follow "must be".
    read : callable
        Returns the setting of a value as YAML or Python gives it, or raises RefusedError.
    convert : callable
        Returns what `read` takes of a text, or raises ValueError.
    """

    metavar: str
    allowed: str
    read: Callable[[object], T]
    convert: Callable[[str], object] = str

    def parse(self, text: str) -> T:
        """Return the setting of a text, or raise RefusedError."""
        try:
            value = self.convert(text)
        except ValueError as error:
            raise RefusedError(text) from error
        return self.read(value)


def number(allowed: str, inside: Callable[[float], bool]) -> Kind[float]:
    """Return the kind of finite numbers for which `inside` holds."""

    def read(value: object) -> float:
        # YAML's true is an int to Python.
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise RefusedError(value)
        if not (inside(value) and abs(value) <= sys.float_info.max):
            raise RefusedError(value)
        return float(value)

    return Kind("NUMBER", allowed, read, float)


def integer(low: int) -> Kind[int]:
    """Return the kind of whole numbers of at least `low`."""
    high = 2**31 - 1

    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise RefusedError(value)
        return value

    return Kind("N", f"a whole number from {low} to {high}", read, int)


def duration(*, zero: bool = True) -> Kind[float]:
    """Return the kind of durations: seconds, rounded to whole microseconds."""
    limits = "from 0 to 36500d" if zero else "over 0, up to 36500d"
    units = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
    bounded = number(limits, lambda value: 0 <= value <= LONGEST)

    def convert(text: str) -> float:
        match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*([smhd]?)\s*", text)
        if match is None:
            raise RefusedError(text)
        return float(match[1]) * units[match[2]]

    def read(value: object) -> float:
        try:
            seconds = round(bounded.read(convert(value) if isinstance(value, str) else value), 6)
        except RefusedError as error:
            raise RefusedError(value) from error
        if seconds == 0 and not zero:
            raise RefusedError(value)
        return seconds

    return Kind("DURATION", f"a duration {limits} (seconds, or 90s, 5m, 24h, 30d)", read)


def flag() -> Kind[bool]:
    """Return the kind of true and false."""
    words = dict.fromkeys(("true", "yes", "on", "1"), True)
    words |= dict.fromkeys(("false", "no", "off", "0"), False)

    def read(value: object) -> bool:
        if not isinstance(value, bool):
            raise RefusedError(value)
        return value

    return Kind("BOOL", "true or false", read, lambda text: words.get(text.strip().lower(), text))


def words(metavar: str, allowed: str, canonical: Callable[[str], str]) -> Kind[str]:
    """Return the kind of texts in a canonical form; `canonical` raises ValueError without one."""

    def read(value: object) -> str:
        if not isinstance(value, str):
            raise RefusedError(value)
        try:
            return canonical(value.strip())
        except ValueError as error:
            raise RefusedError(value) from error

    return Kind(metavar, allowed, read)


def choice(*options: str) -> Kind[str]:
    """Return the kind of one of a few words."""
    metavar = "{" + ",".join(options) + "}"
    return words(metavar, "one of " + ", ".join(options), lambda text: options[options.index(text)])


def path(*, needed: bool = True) -> Kind[str]:
    """Return the kind of paths; unless one is needed, "" is none."""

    def canonical(text: str) -> str:
        if "\0" in text or (needed and not text):
            raise ValueError(text)
        return text

    return words("PATH", "a path" if needed else 'a path, or "" for none', canonical)


def endpoint() -> Kind[str]:
    """Return the kind of hosts with ports to listen on, "" for none; the host is written out."""

    def canonical(text: str) -> str:
        match = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):([0-9]{1,5})", text)
        if text and (match is None or not 1 <= int(match[2]) <= 65_535):
            raise ValueError(text)
        return text

    return words(
        "HOST:PORT", 'host:port such as 127.0.0.1:9790 or [::1]:9790, or "" for none', canonical
    )


def network(*, mac: bool = False) -> Kind[str]:
    """Return the kind of networks in canonical form; with `mac`, of MAC addresses too."""
    allowed = "an address, MAC address or network" if mac else "an address or network"

    def canonical(text: str) -> str:
        if mac and re.fullmatch(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", text.lower()):
            return text.lower()
        return str(ipaddress.ip_network(text))

    allowed += " such as 192.0.2.7 or 2001:db8::/32, without host bits"
    return words("CIDR", allowed, canonical)


def server_name() -> Kind[str]:
    """Return the kind of server names as elements hold them, a leading dot for subdomains."""
    allowed = "an ASCII name such as example.com, or *.example.com or .example.com for subdomains"

    def canonical(text: str) -> str:
        name = re.sub(r"^\*(?=\.)", "", text.lower()).removesuffix(".")
        if not re.fullmatch(r"\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*", name):
            raise ValueError(text)
        return name

    return words("NAME", allowed, canonical)


@dataclass(frozen=True, slots=True)
class Period:
    """A span of time in UTC that may recur.

    Parameters
    ----------
    start : int
        Minute in which it begins first, since 1970.
    length : int
        Minutes that it lasts, no more than `every`.
    every : int or None
        Minutes after which it begins again; None: it does not.
    """

    start: int
    length: int
    every: int | None

    @classmethod
    def parse(cls, text: str) -> Period:
        """Return the period that a text stands for, or raise ValueError.

        >>> Period.parse("02:00-03:00"), Period.parse("1970-01-02 00:00-1970-01-03 24:00")
        (Period(start=120, length=60, every=1440), Period(start=1440, length=2880, every=None))
        """
        match = _PERIOD.fullmatch(text)
        if match is None or (match["begun"] is None) != (match["ended"] is None):
            raise ValueError(text)
        start, end = _minute(match["start"], 1_439), _minute(match["end"], _DAY)
        if match["begun"] is None:
            every = _DAY if match["day"] is None else _DAY * len(_DAYS)
            first = 0 if match["day"] is None else _DAYS.index(match["day"]) * _DAY
            # What ends before it begins goes on after midnight.
            length = end - start if end >= start else end - start + _DAY
        else:
            first, every = _midnight(match["begun"]), None
            length = _midnight(match["ended"]) + end - first - start
        if length <= 0:
            raise ValueError(text)
        return cls(first + start, length, every)

    def touches(self, start: int, end: int) -> bool:
        """Tell whether it has a moment in common with a span of time, µs, without its end."""
        begun = self.start * _MINUTE
        if self.every is not None:
            every = self.every * _MINUTE
            begun += (end - 1 - begun) // every * every
        return begun < end and start < begun + self.length * _MINUTE


def _minute(text: str, last: int) -> int:
    hour, minute = map(int, text.split(":"))
    if minute > 59 or hour * 60 + minute > last:
        raise ValueError(text)
    return hour * 60 + minute


def _midnight(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days * _DAY


def period() -> Kind[str]:
    """Return the kind of periods in canonical form, which `Period.parse` takes."""
    allowed = (
        "a time in UTC such as 02:00-03:00 (daily), sun 02:00-04:00 (mon to sun) or "
        "2026-12-24 00:00-2026-12-26 24:00"
    )

    def canonical(text: str) -> str:
        text = re.sub(" ?- ?", "-", " ".join(text.lower().split()))
        Period.parse(text)
        return text

    return words("PERIOD", allowed, canonical)


def many(item: Kind[T], *, least: int = 0) -> Kind[tuple[T, ...]]:
    """Return the kind of lists, with commas in text; a repeated item counts once."""
    start = "a list" if least == 0 else f"a list of at least {least}"

    def read(value: object) -> tuple[T, ...]:
        if not isinstance(value, list | tuple) or len(value) < least:
            raise RefusedError(value)
        return tuple(dict.fromkeys(item.read(each) for each in value))

    def convert(text: str) -> list[T]:
        return [item.parse(each) for each in text.split(",")] if text.strip() else []

    return Kind(f"{item.metavar},...", f"{start}, each {item.allowed}", read, convert)

"""Fields of logs as values, one at a time and by the simplest means."""

from __future__ import annotations

import ipaddress
import math
import re
from datetime import UTC, datetime
from fractions import Fraction
from typing import TYPE_CHECKING

from flowprint_zeek.zeek.columns import UNSET

if TYPE_CHECKING:
    from collections.abc import Callable

MOST_SECONDS = 10**12
MOST_NUMBER = 2**63 - 1
INTEGER = re.compile(r"-?[0-9]{1,19}")
SIX_DECIMALS = re.compile(r"(-?)([0-9]{1,19})\.([0-9]{6})")
ESCAPE = re.compile(rb"\\(?:\\|x([0-9a-fA-F]{2}))")


class WrongError(Exception):
    """A field that its column cannot hold."""


def unescaped(text: str) -> str:
    r"""Return text with ``\\`` and ``\xNN`` undone."""
    return ESCAPE.sub(
        lambda match: b"\\" if match[1] is None else bytes([int(match[1], 16)]), raw(text)
    ).decode("utf-8", "surrogateescape")


def raw(text: str) -> bytes:
    """Return the bytes of text; what was no UTF-8 is again what it was."""
    return b"".join(
        char.encode("utf-8", "surrogateescape" if "\udc80" <= char <= "\udcff" else "surrogatepass")
        for char in text
    )


def number(text: str) -> float:
    """Return what a decimal number says."""
    if not text.isascii() or "_" in text or text != text.strip():
        raise WrongError
    try:
        return float(text)
    except ValueError:
        raise WrongError from None


def micros(text: str) -> int:
    """Return a time in microseconds: exact with six decimals, else the nearest."""
    match = SIX_DECIMALS.fullmatch(text)
    if match is None:
        try:
            seconds = number(text)
        except WrongError:
            return moment(text)
        return nearest(seconds)
    if int(match[2]) >= MOST_SECONDS:
        raise WrongError
    return int(match[1] + match[2] + match[3])


def nearest(seconds: float) -> int:
    """Return the whole microsecond nearest to a time."""
    if not abs(seconds) < MOST_SECONDS:
        raise WrongError
    return round(Fraction(seconds) * 1_000_000)


def moment(text: str) -> int:
    """Return a time in ISO 8601 in microseconds."""
    try:
        said = datetime.fromisoformat(text if "-" in text[1:] else "")
    except ValueError:
        raise WrongError from None
    aware = said if said.tzinfo else said.replace(tzinfo=UTC)
    since = aware - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def integer(text: str) -> int:
    """Return a number that 64 bits hold."""
    if not INTEGER.fullmatch(text) or abs(int(text)) > MOST_NUMBER:
        raise WrongError
    return int(text)


def port(text: str) -> int:
    """Return a port."""
    value = integer(text)
    if not 0 <= value <= 65_535:
        raise WrongError
    return value


def truth(text: str) -> int:
    """Return 1 for true and 0 for false."""
    if text not in {"T", "F", "1", "0"}:
        raise WrongError
    return int(text in {"T", "1"})


SIMPLE: dict[str, Callable[[str], int]] = {
    "time": micros,
    "interval": micros,
    "count": integer,
    "int": integer,
    "port": port,
    "bool": truth,
}


def checked(text: str, zeek_type: str) -> str:
    """Return text that is an address where the column holds addresses."""
    if zeek_type == "addr" and text:
        try:
            if "%" in str(ipaddress.ip_address(text)):
                raise WrongError
        except ValueError:
            raise WrongError from None
    return text


def unset(zeek_type: str) -> object:
    """Return what stands for no value."""
    if zeek_type.endswith("]"):
        return ()
    if zeek_type == "double":
        return math.nan
    return {"bool": -1}.get(zeek_type, UNSET if zeek_type in SIMPLE else "")

r"""Values in Zeek's logs, as pure functions.

What is written here is what Zeek's Ascii formatter writes (``src/threading/formatters/Ascii.cc``,
``ODesc::AddBytes`` and ``escape_utf8`` of 8.0), byte for byte. Reading undoes it: ``\\`` is one
backslash and ``\xNN`` one byte, where Zeek's own reader leaves ``\\`` as it is and so does not
read back what Zeek wrote. A single backslash before anything else stands for itself, as in logs
of Zeek before 3.0.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from functools import cache

EMPTY_FIELD = "(empty)"
UNSET_FIELD = "-"
SEPARATOR = "\t"
SET_SEPARATOR = ","

_WHOLE = 1e-9  # nearer to a whole number than this is whole to Zeek
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


# Escapes

# Zeek takes these for no text: C0 and C1 controls, the private use area, specials.
_NO_TEXT = re.compile("[\x00-\x1f\x7f-\x9f\ue000-\uf8ff\ufff0-\uffff]")
_NO_JSON_TEXT = re.compile("[\x00-\x07\x0b\x0e-\x1f\x7f-\x9f\ue000-\uf8ff\ufff0-\uffff]")
_NO_BYTE = re.compile("[\ud800-\udc7f\udd00-\udfff]")
_ESCAPED = re.compile(rb"\\(\\|x[0-9a-fA-F]{2})")


def to_bytes(text: str) -> bytes:
    """Return the bytes that decoded text stands for, whatever surrogates are in it."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # JSON can name surrogates that stand for no byte.
        return _NO_BYTE.sub(_three_bytes, text).encode("utf-8", "surrogateescape")


def _three_bytes(match: re.Match[str]) -> str:
    return match[0].encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape")


def escape(
    value: str,
    *,
    in_set: bool,
    separator: str = SEPARATOR,
    set_separator: str = SET_SEPARATOR,
    empty_field: str = EMPTY_FIELD,
    unset_field: str = UNSET_FIELD,
) -> str:
    r"""Return text as Zeek writes it into a TSV field or an element of a set or vector.

    Parameters
    ----------
    value : str
        Decoded text; bytes that are no UTF-8 as surrogates.
    in_set : bool
        Whether it is an element of a set or vector, where the set separator is escaped too.

    Examples
    --------
    >>> print(escape("a\tb\\c,\u00e9\x01-", in_set=False))
    a\x09b\\c,\xc3\xa9\x01-
    >>> print(escape("-", in_set=False), escape("a,b", in_set=True), escape("", in_set=True))
    \x2d a\x2cb (empty)
    """
    if not value:
        return empty_field
    cut = _cuts(separator, set_separator if in_set else "")
    if value in (unset_field, empty_field):
        return f"\\x{ord(value[0]):02x}{_escape_text(value[1:], cut)}"
    return _escape_text(value, cut)


@cache
def _cuts(separator: str, set_separator: str) -> re.Pattern[bytes]:
    parts = [re.escape(to_bytes(part)) for part in ("\\", separator, set_separator) if part]
    return re.compile(b"(" + b"|".join(parts) + b")")


def _escape_text(value: str, cut: re.Pattern[bytes]) -> str:
    if value.isascii() and value.isprintable() and cut.search(value.encode()) is None:
        return value
    pieces = cut.split(to_bytes(value))
    # Zeek looks at the text between escapes piece by piece, so one bad byte spoils one piece.
    pieces[::2] = [_as_text(piece, _NO_TEXT) for piece in pieces[::2]]
    pieces[1::2] = [b"\\\\" if piece == b"\\" else _hex(piece) for piece in pieces[1::2]]
    return b"".join(pieces).decode()


def _as_text(raw: bytes, refused: re.Pattern[str]) -> bytes:
    r"""Return bytes as they are if they are text, else with all but ASCII text as ``\xNN``."""
    try:
        bad = refused.search(raw.decode())
    except UnicodeDecodeError:
        return _only_ascii(raw, refused)
    return raw if bad is None else _only_ascii(raw, refused)


def _only_ascii(raw: bytes, refused: re.Pattern[str]) -> bytes:
    kept = [bytes([b]) if b < 128 and not refused.match(chr(b)) else _hex(bytes([b])) for b in raw]
    return b"".join(kept)


def _hex(raw: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in raw)


def json_text(value: str) -> str:
    r"""Return text as Zeek puts it into JSON strings, before JSON's own escapes.

    Bytes that are no text become ``\xNN`` in letters (Zeek's policy ``HEX``), and with them every
    other byte that is not ASCII.

    >>> print(json_text("caf\u00e9"), json_text("caf\u00e9\udcff"))
    café caf\xc3\xa9\xff
    """
    if value.isascii() and value.isprintable():
        return value
    return _as_text(to_bytes(value), _NO_JSON_TEXT).decode()


def unescape(text: str) -> str:
    r"""Return the text that a field or element stands for; bytes that are no UTF-8 as surrogates.

    >>> unescape(r"a\x09b\\c")
    'a\tb\\c'
    """
    if "\\" not in text:
        return text
    raw = _ESCAPED.sub(_unescaped, to_bytes(text))
    return raw.decode("utf-8", "surrogateescape")


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return code if code == b"\\" else bytes([int(code[1:], 16)])


# Numbers


def fixed(micros: int) -> str:
    """Return microseconds as Zeek writes times and intervals: seconds with six decimals.

    >>> fixed(1_795_185_600_000_001), fixed(-1)
    ('1795185600.000001', '-0.000001')
    """
    whole, part = divmod(abs(micros), 1_000_000)
    return f"{'-' if micros < 0 else ''}{whole}.{part:06d}"


def double(value: float) -> str:
    """Return a double as Zeek writes it: up to six decimals, a whole number with one.

    >>> double(0.25), double(3.0), double(1e20)
    ('0.25', '3.0', '100000000000000000000.0')
    """
    if not math.isfinite(value):
        return str(value)
    text = f"{value + 0.0:.6f}".rstrip("0").rstrip(".")
    return f"{text}.0" if abs(value - round(value)) < _WHOLE else text


def iso_micros(text: str) -> int | None:
    """Return a time in ISO 8601 as microseconds, in UTC without a zone; None where it is none.

    >>> iso_micros("1970-01-01T00:00:01.5Z"), iso_micros("1970-01-01 01:00:01+0100")
    (1500000, 1000000)
    """
    if "-" not in text[1:]:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def log_time(micros: int) -> str:
    """Return a time as ``#open`` and ``#close`` write it, in UTC.

    >>> log_time(1_767_225_600_000_000)
    '2026-01-01-00-00-00'
    """
    return (_EPOCH + timedelta(microseconds=micros)).strftime("%Y-%m-%d-%H-%M-%S")

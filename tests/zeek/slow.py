"""A second reader, to judge the first one by: slow, simple, one line and one field at a time.

It is written from the formats. With the package it shares the table of columns and what a header
says; how lines become rows and fields become values it does its own way.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek import takers
from flowprint_zeek.zeek.columns import standard_types
from flowprint_zeek.zeek.files import head_of, header_of
from flowprint_zeek.zeek.header import parse_header, split_head, stream_of, unnamed
from tests.zeek.slow_values import (
    MOST_NUMBER,
    SIMPLE,
    WrongError,
    checked,
    moment,
    nearest,
    number,
    raw,
    unescaped,
    unset,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from flowprint_zeek.zeek.files import LogFile
    from flowprint_zeek.zeek.header import Header

BYTES = ("utf-8", "surrogateescape")
BLANK = b"\xef\xbb\xbf \t\r\n"
SAID = re.compile(rb'"_path"\s*:\s*"([^"\\]+)"')
SPACED = re.compile(rb'\s*\{\s*"[^"]*"\s*:\s')
BRO_BYTE = re.compile(rb"\\\\|\\u00([89a-fA-F][0-9a-fA-F])")
PRIVATE = re.compile("[\U000f0000-\U000f00ff]")


@dataclass
class Found:
    """Rows of the asked columns, and how many lines were none."""

    rows: list[tuple[Any, ...]] = field(default_factory=list)
    damaged: int = 0


def read(log: LogFile, columns: Sequence[str]) -> Found:
    """Return what a log holds.

    Raises
    ------
    LogError
        It is TSV and has no usable header.
    """
    data = log.path.read_bytes()
    text, cut = inflated(data) if data[:2] == b"\x1f\x8b" else (data, False)
    *lines, last = text.lstrip(BLANK).split(b"\n")
    lines += [last] * (not cut)
    found = Found()
    rows = _json_rows if log.format == "json" else _tsv_rows
    for row in rows(log, lines, columns):
        if row is None:
            found.damaged += 1
        else:
            found.rows.append(row)
    # Blank or not: nobody knows what it was to become.
    found.damaged += cut and not text.endswith(b"\n") and bool(text)
    return found


def inflated(data: bytes) -> tuple[bytes, bool]:
    """Return what gzip members hold, and whether they end early; byte by byte."""
    parts: list[bytes] = []
    member = zlib.decompressobj(wbits=31)
    for at in range(len(data)):
        if member.eof:
            if data[at] == 0 and parts:
                continue
            member = zlib.decompressobj(wbits=31)
        try:
            parts.append(member.decompress(data[at : at + 1]))
        except zlib.error:
            return b"".join(parts), True
    return b"".join(parts), not member.eof


# TSV


def _tsv_rows(
    log: LogFile, lines: Iterable[bytes], columns: Sequence[str]
) -> Iterator[tuple[Any, ...] | None]:
    """Yield rows, and None for damaged lines; rows of other logs are left out."""
    prefix, extra = b"#", 0
    beginning = head_of(log.path).lstrip(BLANK)
    if beginning:
        first = header_of(beginning, log.path)
        prefix = raw(first.prefix)
        extra = unnamed(first, split_head(_uniform(beginning, first), first.prefix)[1])
    header: Header | None = None
    stream, comments = log.stream, list[str]()
    for line in lines:
        if line.startswith(prefix):
            cut = line[: takers._LONGEST_COMMENT]
            comments = [*comments[1 - takers._MOST_COMMENTS :], cut.decode(*BYTES)]
            continue
        header, comments = _settled(header, comments), []
        if header is not None and not stream:
            stream = stream_of(header.path)
        if line in (b"", b"\r"):
            continue
        if header is None:
            yield None
        elif stream_of(header.path) == stream:
            row = _uniform(line, header).removesuffix(b"\r")
            yield _tsv_row(row, header, extra, columns, standard_types(log.kind))


def _settled(header: Header | None, comments: list[str]) -> Header | None:
    if not comments:
        return header
    try:
        return parse_header(comments, header)
    except LogError:
        return None


def _uniform(line: bytes, header: Header) -> bytes:
    """Return lines with one separator where the header names another, or runs of spaces."""
    for run in (header.written, *header.spaces):
        line = line.replace(raw(run), raw(header.separator))
    return line


def _tsv_row(
    line: bytes,
    header: Header,
    extra: int,
    columns: Sequence[str],
    types: Mapping[str, str],
) -> tuple[Any, ...] | None:
    cells = line.split(raw(header.separator))
    if len(cells) != len(header.fields) + extra or b"\0" in line:
        return None
    row = []
    for name in columns:
        other = name if name in header.fields else name.replace(".", "_")
        place = header.fields.index(other) if other in header.fields else -1
        zeek_type = types.get(name) or (dict(enumerate(header.types)).get(place, "string"))
        if place < 0:
            row.append(unset(zeek_type))
            continue
        try:
            text = cells[place].decode(*BYTES)
            row.append(_tsv_value(text, zeek_type, header))
        except WrongError:
            return None
    return tuple(row)


def _tsv_value(text: str, zeek_type: str, header: Header) -> object:
    if text == header.unset_field:
        return unset(zeek_type)
    if zeek_type in SIMPLE:
        return SIMPLE[zeek_type](text)
    if zeek_type.endswith("]"):
        return _elements(text, header)
    if text == header.empty_field:
        return unset(zeek_type)
    return number(text) if zeek_type == "double" else checked(unescaped(text), zeek_type)


def _elements(text: str, header: Header) -> tuple[str, ...]:
    blank = {header.unset_field, header.empty_field}
    if text in {"", header.empty_field}:
        return ()
    parts = text.split(header.set_separator) if header.set_separator else [text]
    return tuple("" if part in blank else unescaped(part) for part in parts)


# JSON


def _json_rows(
    log: LogFile, lines: Iterable[bytes], columns: Sequence[str]
) -> Iterator[tuple[Any, ...] | None]:
    """Yield rows, and None for damaged lines; rows of other logs are left out."""
    stream, types = log.stream, standard_types(log.kind)
    for line in filter(bytes.strip, lines):
        if log.stream and not _is_claimed(line, log):
            continue
        row = _json_object(line)
        if row is None:
            yield None
            continue
        said = row.get("_path")
        name = stream_of(said) if isinstance(said, str) else ""
        stream = stream or name
        if name != stream and (name or log.stream):
            continue
        try:
            yield tuple(_json_value(row, name, types.get(name)) for name in columns)
        except WrongError:
            yield None


def _is_claimed(line: bytes, log: LogFile) -> bool:
    """Tell whether a line of a file of several logs counts with one of them."""
    said = [name.decode("utf-8", "replace") for name in SAID.findall(line)]
    return log.stream in map(stream_of, said) or (log.unclaimed and not said)


def _json_object(line: bytes) -> dict[str, Any] | None:
    if not SPACED.match(line):
        line = BRO_BYTE.sub(lambda m: m[0] if m[1] is None else b"\\udc" + m[1], line)
    try:
        row = json.loads(line.decode(*BYTES))
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _inside(row: dict[str, Any], name: str) -> Any:
    """Return a field of a record, or one whose name is written with dots."""
    scope, dot, inner = name.rpartition(".")
    record = _inside(row, scope) if dot else None
    return record[inner] if isinstance(record, dict) and inner in record else row.get(name)


def _json_value(row: dict[str, Any], name: str, zeek_type: str | None) -> object:
    value = _inside(row, name)
    if value is None:
        value = row.get(name.replace(".", "_"))
    if value is None:
        return unset(zeek_type or "string")
    if zeek_type is None:
        return _as_text(value)
    if zeek_type.endswith("]"):
        return _json_elements(value, zeek_type)
    if zeek_type == "time" and isinstance(value, str):
        return moment(value)
    if zeek_type in {"time", "interval", "double"}:
        return _json_number(value, zeek_type)
    if zeek_type == "bool":
        return int(_a(bool, value))
    if zeek_type in {"count", "int", "port"}:
        whole = _a(int, value)
        # Thousands of digits cannot be put into text.
        if abs(whole) > MOST_NUMBER:
            raise WrongError
        return SIMPLE[zeek_type](str(whole))
    return checked(_clean(_a(str, value)), zeek_type)


def _a(kind: type, value: object) -> Any:
    if type(value) is not kind:
        raise WrongError
    return value


def _json_number(value: object, zeek_type: str) -> int | float:
    if type(value) is int:
        try:
            value = float(value)
        except OverflowError:
            raise WrongError from None
    seconds: float = _a(float, value)
    if zeek_type == "double":
        return seconds
    if zeek_type == "time" and 1e11 < abs(seconds) < 1e15:
        return round(seconds * 1000)  # milliseconds
    return nearest(seconds)


def _json_elements(value: object, zeek_type: str) -> tuple[str, ...]:
    elements = []
    for part in _a(list, value):
        if isinstance(part, list | dict):
            raise WrongError
        if part is not None and zeek_type.endswith(("[time]", "[interval]")):
            whole = int(_json_number(part, "interval"))
            sign, whole = "-" * (whole < 0), abs(whole)
            elements.append(f"{sign}{whole // 1_000_000}.{whole % 1_000_000:06d}")
        else:
            elements.append(_as_text(part))
    return tuple(elements)


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "T" if value else "F"
    if value is None:
        return ""
    if isinstance(value, list):
        return ",".join(map(_as_text, value))
    return _clean(value if isinstance(value, str) else json.dumps(value))


def _clean(text: str) -> str:
    return raw(PRIVATE.sub(as_byte, text)).decode(*BYTES)


def as_byte(match: re.Match[str]) -> str:
    """Return the byte that Zeek 9 may write as a private character."""
    return bytes([ord(match[0]) % 256]).decode(*BYTES)

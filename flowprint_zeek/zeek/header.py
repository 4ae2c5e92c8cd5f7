"""Headers of TSV logs."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from itertools import takewhile
from operator import itemgetter
from typing import TYPE_CHECKING

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek.logformat import (
    EMPTY_FIELD,
    SEPARATOR,
    SET_SEPARATOR,
    UNSET_FIELD,
    escape,
    log_time,
    to_bytes,
    unescape,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of a TSV log says.

    Parameters
    ----------
    separator, set_separator, empty_field, unset_field : str
        Unescaped. The separator is one ASCII character; see `uniform`.
    path : str
        Name of the log stream, "" where the header does not say.
    fields : tuple of str
        Column names in the order of the file.
    types : tuple of str
        Zeek types of the fields; () where the header does not say.
    open : str
        When the file was opened, as written: the sensor's local time.
    prefix : str
        What its lines begin with. A header that is one line of names begins with the first name
        and the separator.
    bare : bool
        Whether it is one line of names only.
    written : str
        The separator as it stands in the file.
    spaces : tuple of str
        Runs of spaces that separate fields as well, longest first.
    oddity : str
        What is wrong with it and does not matter, "" for nothing.
    """

    separator: str = SEPARATOR
    set_separator: str = SET_SEPARATOR
    empty_field: str = EMPTY_FIELD
    unset_field: str = UNSET_FIELD
    path: str = ""
    fields: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    open: str = ""
    prefix: str = "#"
    bare: bool = False
    written: str = SEPARATOR
    spaces: tuple[str, ...] = ()
    oddity: str = ""


_FIRST_LINE = re.compile(r"(.{1,16}?)separator (?:\\x[0-9a-fA-F]{2}|[^\w\s\\])+")
_BARE_NAMES = re.compile(r"[\w.-]+([^\w.\s-]|\t)[\w.-]+(?:\1[\w.-]+)*\1?")
_SPACES = re.compile(" {2,}")
_NO_SEPARATOR = re.compile(r"[\w.\n\r]", re.ASCII)


def begun(line: str) -> Header | None:
    r"""Return what the first line of a TSV log says of its header, None where it begins none.

    >>> begun("#separator \\x09").prefix, begun("//separator \\x09").prefix
    ('#', '//')
    >>> begun("ts,uid,id.orig_h").prefix, begun("1.5\tC1\t192.0.2.1") is None
    ('ts,', True)
    """
    line = line.strip("\r\n")
    match = _FIRST_LINE.fullmatch(line)
    if match is not None or line.startswith("#"):
        return Header(prefix="#" if match is None else match[1])
    match = _BARE_NAMES.fullmatch(line)
    if match is None or "ts" not in line.split(match[1]):
        return None
    name, separator, _ = line.partition(match[1])
    return Header(separator=separator, written=separator, prefix=name + separator, bare=True)


def parse_header(lines: Iterable[str], before: Header | None = None) -> Header:
    r"""Return the header that its lines make.

    Lines that say nothing about the format are skipped; white space before the first too. Field
    names may have runs of spaces between them, as some labelled data sets do; fields without a
    name or a type at the end are told as an oddity or left out.

    Parameters
    ----------
    lines : iterable of str
        Lines that begin with the prefix.
    before : Header, optional
        What held before them in the same file; it goes on to hold where no line says otherwise,
        until a new ``#separator``.

    Raises
    ------
    LogError
        No line names the fields, there are more types than fields, or the separator cannot be
        one. `line` counts the lines given.

    Examples
    --------
    >>> parse_header(["#separator \\x09", "#path\tconn", "#fields\tts\tuid"]).fields
    ('ts', 'uid')
    """
    header = before
    said: dict[str, list[str]] = {}
    at: dict[str, int] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip("\r\n").lstrip()
        header = begun(text) or Header() if header is None else header
        body = text.removeprefix(header.prefix)
        if header.bare:
            said["fields"] = text.split(header.separator)
        elif body.startswith("separator "):
            header = _separated(header.prefix, body.removeprefix("separator "), number)
            said = {}
        else:
            key, *values = body.split(header.written)
            said[key], at[key] = values, number
    return _header(header or Header(), said, at.get("types"))


def _separated(prefix: str, said: str, number: int) -> Header:
    # Spreadsheets pad every line with tabs; Zeek writes the tab as \x09.
    separator = unescape(said.rstrip("\t") or said)
    if not separator or _NO_SEPARATOR.search(separator):
        raise LogError(f"separator {separator!r} cannot be told from values", line=number)
    # A tab stands for what rows cannot be split by; Zeek writes tabs inside values as \x09.
    one = separator if len(separator) == 1 and "\0" < separator < "\x80" else SEPARATOR
    return Header(separator=one, written=separator, prefix=prefix)


def _header(header: Header, said: dict[str, list[str]], types_at: int | None) -> Header:
    fields, types = header.fields, header.types
    if "fields" in said:
        fields, types = _names(said["fields"]), _names(said.get("types", ()))
    if not fields:
        raise LogError("the header has no #fields line")
    if len(types) > len(fields):
        text = f"the header names {len(fields)} fields and {len(types)} types"
        raise LogError(text, line=types_at)
    oddity = ""
    if 0 < len(types) < len(fields):
        oddity = f"the header names {len(fields)} fields and {len(types)} types: the rest is text"
        types += ("string",) * (len(fields) - len(types))
    runs = {run for name in said.get("fields", ()) for run in _SPACES.findall(name)}
    return replace(
        header,
        set_separator=_one(said, "set_separator", header.set_separator),
        empty_field=_one(said, "empty_field", header.empty_field),
        unset_field=_one(said, "unset_field", header.unset_field),
        path=_one(said, "path", header.path),
        fields=fields,
        types=types,
        open=_one(said, "open", header.open),
        spaces=tuple(sorted(runs, reverse=True)) if "fields" in said else header.spaces,
        oddity=oddity,
    )


def _names(values: Sequence[str]) -> tuple[str, ...]:
    """Return names or types without what is empty at the end."""
    names = [part for value in values for part in _SPACES.split(value)]
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def _one(said: dict[str, list[str]], key: str, default: str) -> str:
    values = said.get(key)
    return default if values is None else unescape(values[0] if values else "")


def split_head(head: bytes, prefix: str) -> tuple[list[str], list[bytes]]:
    """Return the lines of the header that a log begins with, and the rows up to the next one."""
    mark = to_bytes(prefix)
    lines = head.splitlines()
    count = next((n for n, line in enumerate(lines) if not line.startswith(mark)), len(lines))
    rows = list(takewhile(lambda line: not line.startswith(mark), lines[count:]))
    header = [line.decode("utf-8", "surrogateescape") for line in lines[:count]]
    return header, [row for row in rows if row]


def uniform(header: Header, block: bytes) -> bytes:
    """Return rows with the separator between all their fields, whatever stands there."""
    pairs = [(header.written, header.separator)] if header.written != header.separator else []
    for old, new in (*pairs, *((run, header.separator) for run in header.spaces)):
        block = block.replace(to_bytes(old), to_bytes(new))
    return block


def unnamed(header: Header, rows: Sequence[bytes]) -> int:
    """Return how many fields more than the header names most of some rows have.

    Labels may have been appended to each row, or nothing but a separator.
    """
    separator = to_bytes(header.separator)
    widths = Counter(row.count(separator) + 1 for row in rows)
    width, times = max(widths.items(), key=itemgetter(1), default=(0, 0))
    return max(0, width - len(header.fields)) if 2 * times > len(rows) else 0


def with_unnamed(header: Header, count: int) -> Header:
    """Return a header with fields added that have no name."""
    types = header.types and (*header.types, *("string",) * count)
    return replace(header, fields=(*header.fields, *("",) * count), types=types)


def stream_of(path: str) -> str:
    """Return the log stream that a ``#path`` or ``_path`` names, which may be a whole path."""
    return path.rpartition("/")[2]


def header_lines(log_path: str, columns: Sequence[tuple[str, str]], opened: int) -> list[str]:
    r"""Return the eight header lines of a log, without line ends.

    Parameters
    ----------
    log_path : str
        Name of the log stream, for ``#path``.
    columns : sequence of (str, str)
        Names and Zeek types.
    opened : int
        Time for ``#open``, µs since the epoch; written in UTC.
    """
    return [
        r"#separator \x09",
        f"#set_separator\t{SET_SEPARATOR}",
        f"#empty_field\t{EMPTY_FIELD}",
        f"#unset_field\t{UNSET_FIELD}",
        f"#path\t{escape(log_path, in_set=False)}",
        f"#open\t{log_time(opened)}",
        "\t".join(["#fields", *(name for name, _ in columns)]),
        "\t".join(["#types", *(kind for _, kind in columns)]),
    ]

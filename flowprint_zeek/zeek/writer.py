"""Logs as Zeek writes them, TSV or JSON, row by row or a whole frame at once."""

from __future__ import annotations

import gzip
import json
import math
import re
from collections.abc import Iterable
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Self

import numpy as np

from flowprint_zeek.errors import OutputError
from flowprint_zeek.zeek.columns import UNSET, Storage, storage, unset_column
from flowprint_zeek.zeek.header import header_lines
from flowprint_zeek.zeek.logformat import (
    EMPTY_FIELD,
    SET_SEPARATOR,
    UNSET_FIELD,
    double,
    escape,
    fixed,
    json_text,
    log_time,
)

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    import pandas as pd
    from numpy.typing import NDArray

Format = Literal["tsv", "json"]

_ROWS = 65_536
_INTEGERS = {"number", "port"}
_PLAIN_SET = re.compile(r"[\w[][\w.:[\]-]*(?:,[\w[][\w.:[\]-]*)*", re.ASCII)
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?", re.ASCII)


class LogWriter:
    """Writes a log row by row; every line goes out whole, in one write.

    Leaving the ``with`` block closes the log with the time it was opened, unless `close` was
    called or the block failed.

    Parameters
    ----------
    path : Path
        File to create; an old one is replaced.
    log_path : str
        Name of the log stream, such as ``notice``.
    columns : sequence of (str, str)
        Names and Zeek types.
    format : 'tsv' or 'json', default 'tsv'
        How to write it.
    opened : int
        Log time for ``#open``, µs since the epoch.

    Raises
    ------
    OutputError
        The file cannot be created.
    """

    def __init__(
        self,
        path: Path,
        log_path: str,
        columns: Sequence[tuple[str, str]],
        *,
        format: Format = "tsv",  # noqa: A002  the word people use
        opened: int,
    ) -> None:
        self._path = path
        self._columns = tuple(columns)
        self._tsv = format == "tsv"
        self._opened = opened
        self._file: io.FileIO | None = None
        with told(path):
            self._file = path.open("wb", buffering=0)
        if self._tsv:
            self._put(whole_lines(header_lines(log_path, columns, opened)))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close(self._opened)
        elif self._file is not None:
            self._file.close()
            self._file = None

    def write(self, rows: Iterable[Mapping[str, object]]) -> None:
        """Write rows.

        Parameters
        ----------
        rows : iterable of mapping
            Values by column name; missing or None is unset. Times and intervals are whole µs,
            sets and vectors sequences. Names that are no columns are ignored.

        Raises
        ------
        OutputError
            A row cannot be written, or the log is closed.
        """
        for row in rows:
            self._put(whole_lines([row_line(row, self._columns, tsv=self._tsv)]))

    def close(self, closed: int) -> None:
        """Write the end of the log and close it; a second call does nothing.

        Parameters
        ----------
        closed : int
            Log time for ``#close``, µs since the epoch.

        Raises
        ------
        OutputError
            It cannot be written.
        """
        if self._file is None:
            return
        if self._tsv:
            self._put(whole_lines([f"#close\t{log_time(closed)}"]))
        with told(self._path):
            self._file.close()
        self._file = None

    def _put(self, data: bytes) -> None:
        if self._file is None:
            raise OutputError("is closed", path=self._path)
        rest = memoryview(data)
        with told(self._path):
            while rest:
                rest = rest[self._file.write(rest) :]


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Raise errors of the system as an `OutputError` that names the file."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror or error}", path=path) from error


def row_line(row: Mapping[str, object], columns: Iterable[tuple[str, str]], *, tsv: bool) -> str:
    """Return a row as a line of TSV or JSON, without its line end; see `LogWriter.write`."""
    if tsv:
        return no_comment("\t".join(tsv_value(row.get(name), kind) for name, kind in columns))
    cells = ((name, json_value(row.get(name), kind)) for name, kind in columns)
    return json_object(f"{json.dumps(name)}:{cell}" for name, cell in cells if cell)


def whole_lines(lines: Iterable[str]) -> bytes:
    """Return lines as they stand in a file."""
    return "".join(f"{line}\n" for line in lines).encode()


def no_comment(line: str) -> str:
    r"""Return a row so that no reader takes it for a comment."""
    return rf"\x23{line[1:]}" if line.startswith("#") else line


def json_object(cells: Iterable[str]) -> str:
    """Return the JSON object of ``"name":value`` texts."""
    return "{" + ",".join(cells) + "}"


# One value


# A union would be made anew with each call.
_WHOLE = (int, np.integer)
_NUMBERS = (int, float, np.number)


def _is_unset(value: object) -> bool:
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, _WHOLE) and value == UNSET)


def _inner(zeek_type: str) -> str:
    return zeek_type.partition("[")[2].removesuffix("]")


def _number(value: object) -> int | float | np.number[Any]:
    if isinstance(value, _NUMBERS):
        return value
    raise TypeError(f"{value!r} is no number")


def _parts(value: object) -> Iterable[object]:
    if isinstance(value, Iterable):
        return value
    raise TypeError(f"{value!r} is no sequence")


def tsv_value(value: object, zeek_type: str, *, in_set: bool = False) -> str:
    """Return a value as it stands in a TSV field.

    Parameters
    ----------
    value : object
        None, NaN and ``UNSET`` are unset; so is an empty address. Text in a set stands for itself
        whatever the set's type.
    zeek_type : str
        Type of the column.
    in_set : bool
        Whether it is an element of a set or vector.
    """
    kept = storage(zeek_type)
    if isinstance(value, str):
        return UNSET_FIELD if kept == "addr" and not value else escape(value, in_set=in_set)
    if _is_unset(value):
        return UNSET_FIELD
    if kept == "tuple":
        return _tsv_set(tuple(_parts(value)), _inner(zeek_type))
    if kept == "micros":
        return fixed(int(_number(value)))
    if kept == "bool":
        return "T" if value else "F"
    if kept == "double":
        return double(float(_number(value)))
    return str(int(_number(value))) if kept in _INTEGERS else escape(str(value), in_set=in_set)


def _tsv_set(parts: tuple[object, ...], inner: str) -> str:
    joined = SET_SEPARATOR.join(part for part in parts if isinstance(part, str))
    # Most need no escape, and looking at them one by one is dear.
    if joined.count(SET_SEPARATOR) == len(parts) - 1 and _PLAIN_SET.fullmatch(joined):
        return joined
    return SET_SEPARATOR.join(tsv_value(one, inner, in_set=True) for one in parts) or EMPTY_FIELD


def json_value(value: object, zeek_type: str) -> str:
    """Return a value as it stands in JSON, "" where it is unset.

    Parameters
    ----------
    value, zeek_type
        As in `tsv_value`.
    """
    if _is_unset(value):
        return ""
    kept = storage(zeek_type)
    if isinstance(value, str):
        return _json_of_text(value, kept)
    if kept == "tuple":
        inner = _inner(zeek_type)
        return "[" + ",".join(json_value(part, inner) or "null" for part in _parts(value)) + "]"
    if kept == "micros":
        return _json_seconds(int(_number(value)))
    if kept == "bool":
        return "true" if value else "false"
    if kept == "double":
        number = float(_number(value))
        return repr(number) if math.isfinite(number) else ""
    return str(int(_number(value))) if kept in _INTEGERS else _json_string(str(value))


def _json_of_text(value: str, kept: Storage) -> str:
    """Return text in JSON; elements of sets and vectors are text whatever their type."""
    if kept == "bool" and value in {"T", "F"}:
        return "true" if value == "T" else "false"
    if kept in {"micros", "double", *_INTEGERS} and _NUMBER.fullmatch(value):
        return value
    return "" if kept == "addr" and not value else _json_string(value)


def _json_string(value: str) -> str:
    return json.dumps(json_text(value), ensure_ascii=False)


def _json_seconds(micros: int) -> str:
    text = fixed(micros).rstrip("0")
    return f"{text}0" if text.endswith(".") else text


# A whole frame


def write_frame(
    path: Path,
    log_path: str,
    columns: Sequence[tuple[str, str]],
    frame: pd.DataFrame,
    *,
    format: Format = "tsv",  # noqa: A002  the word people use
    opened: int,
    closed: int,
) -> None:
    """Write a frame as a log, column by column; reading it gives the frame again.

    Empty text and empty tuples are written as unset, as the reader does not tell them apart.

    Parameters
    ----------
    path : Path
        File to create; compressed where it ends with ``.gz``, the same bytes each time.
    log_path : str
        Name of the log stream.
    columns : sequence of (str, str)
        Names and Zeek types of the log; what the frame lacks is unset.
    frame : DataFrame
        Columns as the reader makes them.
    format : 'tsv' or 'json', default 'tsv'
        How to write it.
    opened, closed : int
        Log times for ``#open`` and ``#close``, µs since the epoch.

    Raises
    ------
    OutputError
        The file cannot be written.
    """
    with told(path), path.open("wb") as raw, _sink(path, raw) as sink:
        if format == "tsv":
            sink.write(whole_lines(header_lines(log_path, columns, opened)))
        for first in range(0, len(frame), _ROWS):
            part = frame.iloc[first : first + _ROWS]
            rows = _tsv_rows(part, columns) if format == "tsv" else _json_rows(part, columns)
            sink.write(whole_lines(rows))
        if format == "tsv":
            sink.write(whole_lines([f"#close\t{log_time(closed)}"]))


@contextmanager
def _sink(path: Path, raw: BinaryIO) -> Iterator[BinaryIO | gzip.GzipFile]:
    if path.suffix != ".gz":
        yield raw
        return
    with gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed:
        yield packed


def _tsv_rows(part: pd.DataFrame, columns: Sequence[tuple[str, str]]) -> Iterable[str]:
    texts = [
        _texts(_values(part, name, kind), UNSET_FIELD, _tsv_cell(kind)) for name, kind in columns
    ]
    if storage(columns[0][1]) in {"text", "tuple"}:
        texts[0] = list(map(no_comment, texts[0]))
    return map("\t".join, zip(*texts, strict=True))


def _json_rows(part: pd.DataFrame, columns: Sequence[tuple[str, str]]) -> Iterable[str]:
    cells = []
    for name, kind in columns:
        key = f"{json.dumps(name)}:"
        texts = _texts(_values(part, name, kind), "", _json_cell(kind))
        cells.append([key + text if text else "" for text in texts])
    return (json_object(filter(None, row)) for row in zip(*cells, strict=True))


def _tsv_cell(zeek_type: str) -> Callable[[Any], str]:
    """Return what writes one value of a typed column, which needs no questions asked."""
    kept = storage(zeek_type)
    if kept in _INTEGERS:
        return str
    return fixed if kept == "micros" else partial(tsv_value, zeek_type=zeek_type)


def _json_cell(zeek_type: str) -> Callable[[Any], str]:
    kept = storage(zeek_type)
    if kept in _INTEGERS:
        return str
    return _json_seconds if kept == "micros" else partial(json_value, zeek_type=zeek_type)


def _values(part: pd.DataFrame, name: str, zeek_type: str) -> NDArray[Any]:
    empty = unset_column(storage(zeek_type), 0 if name in part else len(part))
    return part[name].to_numpy(dtype=empty.dtype) if name in part else empty


def _texts(values: NDArray[Any], unset: str, text_of: Callable[[Any], str]) -> list[str]:
    """Return a column as text; each distinct value is put into text once."""
    cells = values.tolist()
    if values.dtype == np.float64:
        return [text_of(cell) for cell in cells]
    texts = {cell: text_of(cell) for cell in dict.fromkeys(cells)}
    missing: tuple[object, ...] = (-1,) if values.dtype == np.int8 else ("", (), UNSET)
    texts |= {cell: unset for cell in missing if cell in texts}
    return list(map(texts.__getitem__, cells))

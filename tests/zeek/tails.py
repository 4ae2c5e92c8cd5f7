"""Reading logs with tails, and what the reader finds in them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

import pandas as pd
from hypothesis import HealthCheck, settings

from flowprint_zeek.zeek.files import LogFile
from flowprint_zeek.zeek.reader import ReadStats, no_rows, read_chunks
from flowprint_zeek.zeek.tail import Chunk, Position, Tail
from tests.zeek.small_logs import COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

IN_PLACE = settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def log_of(path: Path, form: Literal["tsv", "json"] = "tsv") -> LogFile:
    return LogFile(path, "conn", form)


def every(tail: Tail, *, final: bool = False) -> list[Chunk]:
    """Return what a log has now, having looked at how its chunks meet."""
    found: list[Chunk] = []
    while (chunk := tail.read(final=final)) is not None:
        assert chunk.begin == (found[-1].end if found else chunk.begin)
        assert tail.position == chunk.end
        found.append(chunk)
    return found


def frame_of(parts: Iterable[pd.DataFrame], columns: Sequence[str] = COLUMNS) -> pd.DataFrame:
    """Return frames as one."""
    filled = [part for part in parts if len(part)]
    return pd.concat(filled, ignore_index=True) if filled else no_rows("conn", columns)


def rows_of(chunks: Iterable[Chunk], columns: Sequence[str] = COLUMNS) -> pd.DataFrame:
    return frame_of((chunk.rows for chunk in chunks), columns)


def whole(log: LogFile, columns: Sequence[str] = COLUMNS) -> tuple[pd.DataFrame, ReadStats]:
    """Return what reading the complete file gives."""
    stats = ReadStats()
    return frame_of(read_chunks(log, columns, stats=stats), columns), stats


def same_stats(first: ReadStats, second: ReadStats) -> None:
    assert first.rows == second.rows
    assert first.damaged == second.damaged
    assert first.skipped == second.skipped
    assert sorted(first.problems) == sorted(second.problems)


def stored(position: Position) -> Position:
    """Return a position as a file of text keeps it."""
    fields = (position.offset, position.line, position.header)
    return Position(*json.loads(json.dumps(fields).encode("ascii")))


def flushes(content: bytes, sizes: Sequence[int]) -> list[bytes]:
    """Return content in parts of so many bytes, over and over."""
    parts: list[bytes] = []
    at = 0
    while at < len(content):
        size = sizes[len(parts) % len(sizes)]
        parts.append(content[at : at + size])
        at += size
    return parts

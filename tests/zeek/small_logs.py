"""Small logs, and reading them whole."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pandas as pd

from flowprint_zeek.zeek.files import LogFile
from flowprint_zeek.zeek.reader import ReadStats, peek, read_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEADER = (
    b"#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\tconn\n"
    b"#open\t2026-01-01-00-00-00\n#fields\tts\tuid\tid.orig_h\tid.orig_p\tduration\tlocal_orig\n"
    b"#types\ttime\tstring\taddr\tport\tinterval\tbool\n"
)
COLUMNS = ["ts", "uid", "id.orig_h", "id.orig_p", "duration", "local_orig"]


def row(number: int) -> bytes:
    return b"%d.000001\tC%d\t192.0.2.%d\t%d\t-\tT\n" % (number, number, number % 250, number)


ROWS = [row(number) for number in range(1, 41)]


def read(
    path: Path,
    columns: Sequence[str] = COLUMNS,
    *,
    rows: int = 65_536,
    written: Literal["tsv", "json"] = "tsv",
) -> tuple[pd.DataFrame, ReadStats]:
    stats = ReadStats()
    log = LogFile(path, "conn", written)
    chunks = list(read_chunks(log, columns, rows=rows, stats=stats))
    assert all(0 < len(chunk) <= rows for chunk in chunks)
    frame = pd.concat(chunks or [peek(log, columns)], ignore_index=True)
    assert stats.rows["conn"] == len(frame)
    return frame, stats


def written(tmp_path: Path, content: bytes, name: str = "conn.log") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def uids(frame: pd.DataFrame) -> list[str]:
    found: list[str] = frame["uid"].tolist()
    return found


ALL = [f"C{number}" for number in range(1, 41)]

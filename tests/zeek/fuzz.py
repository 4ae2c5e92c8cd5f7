"""Mutates logs and reads them twice: with the reader, and slowly (`tests.zeek.slow`).

Usage: python -m tests.zeek.fuzz [--count N] [--seed S] [--mode lines|files]

``lines``: logs of 400 lines, half of them mutated, header intact; ``files``: whole files mutated,
headers, compressed bytes and all. N counts mutated lines or files. Both readers must find the same
rows and as many damaged lines. As they agree on the logs before mutation too, and the slow one
looks at each line by itself, lines that were not mutated are read as if nothing had happened. Only
`LogError` may be raised. A file that takes longer than half a minute ends the run with a trace.
Exit code 1: the readers differ; the file is kept and named.
"""

from __future__ import annotations

import argparse
import faulthandler
import random
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from flowprint_zeek.analysis.simulate import Network, simulate
from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek.columns import CONN_LOG, DNS_LOG, SSL_LOG, X509_LOG, as_frame, objects
from flowprint_zeek.zeek.files import log_at
from flowprint_zeek.zeek.reader import ReadStats, read_chunks
from flowprint_zeek.zeek.writer import write_frame
from tests.zeek import slow
from tests.zeek.mutations import mutated_file, mutated_line

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flowprint_zeek.zeek.columns import Columns
    from flowprint_zeek.zeek.files import LogFile
    from flowprint_zeek.zeek.writer import Format

Rows = list[tuple[Any, ...]]

LINES = 400
"""Lines of a log whose lines are mutated."""
FEW = 30
"""Lines of a log that is mutated as a whole."""
HANG = 30.0
"""Seconds after which reading one file is a hang."""
CHUNKS = (1, 7, 64, 65_536)
"""Rows of a chunk; few of them only where there are few lines, or it takes long."""
HOSTILE = ("-", "(empty)", "#close", "a\tb", "a,b", "\\", "\\x09", "é\udcff", "\x00", "\x85", '"')
LOGS: tuple[tuple[str, Columns, str], ...] = (
    ("conn", CONN_LOG, "history"),
    ("ssl", SSL_LOG, "server_name"),
    ("x509", X509_LOG, "certificate.subject"),
    ("dns", DNS_LOG, "query"),
)
"""Kinds, their columns, and a column that gets hostile text."""
MORE = ("vlan", "orig_l2_addr", "ja3", "made_up")
"""Columns that the logs lack, and that are asked for."""


@dataclass(frozen=True, slots=True)
class Base:
    """A log before mutation: its kind, its columns, its comment lines, its rows."""

    kind: str
    columns: tuple[str, ...]
    header: bytes
    lines: list[bytes]

    @property
    def content(self) -> bytes:
        """The whole log."""
        return self.header + b"".join(self.lines)


@dataclass
class Tally:
    """What a run has met, and whether a file that hangs ends it."""

    mutated: int = 0
    files: int = 0
    rows: int = 0
    damaged: int = 0
    refused: int = 0
    slowest: tuple[float, str] = (0.0, "none")
    watched: bool = False

    def __str__(self) -> str:
        return (
            f"{self.mutated} mutated, {self.files} files, {self.rows} rows, {self.damaged} damaged"
            f" lines, {self.refused} files refused, slowest {self.slowest[0]:.1f} s in"
            f" {self.slowest[1]}"
        )


class DifferentError(AssertionError):
    """The readers differ."""


def bases(folder: Path, lines: int, seed: int) -> list[Base]:
    """Return logs of a simulated network, TSV and JSON, some of their texts hostile."""
    made = simulate(Network(seed=seed, devices=6, days=0.2, unseen_apps=0, browsers=1))
    frames = {"conn": made.conn, "ssl": made.ssl, "x509": made.x509, "dns": made.conn}
    chance = random.Random(seed)  # noqa: S311  repeatable, not secret
    found = []
    for kind, columns, text in LOGS:
        part = frames[kind].iloc[:lines].reset_index(drop=True)
        said = part[text].tolist() if text in part else [""] * len(part)
        texts = [chance.choice(HOSTILE) if chance.random() < 0.1 else one for one in said]
        lists = [tuple(chance.choices(HOSTILE, k=chance.randrange(3))) for _ in said]
        extra = as_frame({text: objects(texts), "answers": objects(lists)}, len(part))
        part = part.drop(columns=[text], errors="ignore").join(extra)
        written: tuple[Format, ...] = ("tsv", "json")
        for one in written:
            path = folder / "base.log"
            write_frame(path, kind, columns, part, format=one, opened=0, closed=0)
            found.append(_base(path.read_bytes(), kind, columns))
    return found


def _base(content: bytes, kind: str, columns: Columns) -> Base:
    lines = content.splitlines(keepends=True)
    header = [line for line in lines[:8] if line.startswith(b"#")]
    rows = [line for line in lines if not line.startswith(b"#")]
    names = (*(name for name, _ in columns), *MORE)
    return Base(kind, names, b"".join(header), rows)


def check(
    path: Path,
    content: bytes,
    columns: Sequence[str],
    rows: int,
    tally: Tally,
    *,
    refusable: bool = True,
) -> None:
    """Read a file with both readers and compare.

    Raises
    ------
    DifferentError
        They differ.
    LogError
        The file is refused and should not be.
    """
    path.write_bytes(content)
    tally.files += 1
    begin = monotonic()
    if tally.watched:
        faulthandler.dump_traceback_later(HANG, exit=True, file=2)
    log, found, damaged = None, None, 0
    try:
        log = log_at(path)
        found, damaged = fast(log, columns, rows)
    except LogError:
        tally.refused += 1
        if not refusable:
            raise
    finally:
        faulthandler.cancel_dump_traceback_later()
    tally.slowest = max(tally.slowest, (monotonic() - begin, f"file {tally.files}"))
    if log is None:
        return
    try:
        expected = slow.read(log, columns)
    except LogError:
        expected = None
    if expected is None or found is None:
        if expected is not None or found is not None:
            raise DifferentError(f"refused by one reader only: {expected is None=}")
        return
    _compare(expected.rows, found, columns)
    if expected.damaged != damaged:
        raise DifferentError(f"{damaged} damaged lines instead of {expected.damaged}")
    tally.rows += len(found)
    tally.damaged += damaged


def fast(log: LogFile, columns: Sequence[str], rows: int) -> tuple[Rows, int]:
    """Return the rows that the reader finds, and how many lines it counts as damaged."""
    stats = ReadStats()
    found: Rows = []
    for chunk in read_chunks(log, columns, rows=rows, stats=stats):
        found += zip(*(chunk[name].tolist() for name in columns), strict=True)
    return found, stats.damaged.total()


def _compare(expected: Rows, found: Rows, columns: Sequence[str]) -> None:
    if expected == found:
        return
    for number, (right, given) in enumerate(zip(expected, found, strict=False)):
        for name, one, other in zip(columns, right, given, strict=True):
            # repr: NaN is NaN, and 0.0 is not -0.0.
            if one != other and repr(one) != repr(other):
                raise DifferentError(
                    f"row {number}, {name}: {other!r:.200} instead of {one!r:.200}"
                )
    if len(expected) != len(found):
        raise DifferentError(f"{len(found)} rows instead of {len(expected)}")


# Runs


def _check_unrefused(tally: Tally) -> None:
    if tally.refused:
        raise DifferentError("a log with an intact header is refused")


def mutate_lines(folder: Path, count: int, seed: int, tally: Tally) -> None:
    """Read logs with mutated lines until so many were."""
    logs = bases(folder, LINES, seed)
    # JSON that mixes logs is refused, as no header tells them apart.
    every = [line for log in logs if log.header for line in log.lines]

    def mutated(chance: random.Random) -> tuple[Base, bytes, int]:
        log = chance.choice(logs)
        # The first line of JSON tells what the file is.
        chosen = {at for at in range(1, len(log.lines)) if chance.random() < 0.5}
        lines = [
            mutated_line(line, every if log.header and chance.random() < 0.1 else log.lines, chance)
            if at in chosen
            else line
            for at, line in enumerate(log.lines)
        ]
        return log, log.header + b"".join(lines), len(chosen)

    _run(folder, logs, mutated, count, seed, tally, refusable=False)


def mutate_files(folder: Path, count: int, seed: int, tally: Tally) -> None:
    """Read so many mutated files."""
    logs = bases(folder, FEW, seed)
    contents = [log.content for log in logs]

    def mutated(chance: random.Random) -> tuple[Base, bytes, int]:
        log = chance.choice(logs)
        return log, mutated_file(log.content, contents, chance), 1

    _run(folder, logs, mutated, count, seed, tally)


def _run(
    folder: Path,
    logs: Sequence[Base],
    mutated: Callable[[random.Random], tuple[Base, bytes, int]],
    count: int,
    seed: int,
    tally: Tally,
    *,
    refusable: bool = True,
) -> None:
    for log in logs:
        check(folder / f"{log.kind}.log", log.content, log.columns, 64, Tally())
    turn = 0
    while tally.mutated < count:
        chance = random.Random(f"{seed}/{turn}")  # noqa: S311  repeatable, not secret
        log, content, number = mutated(chance)
        text = slow.inflated(content)[0] if content.startswith(b"\x1f\x8b") else content
        rows = chance.choice(CHUNKS if text.count(b"\n") < 3 * FEW else CHUNKS[2:])
        size = len(log.columns)
        columns = log.columns if turn % 2 else chance.sample(log.columns, chance.randint(1, size))
        try:
            check(folder / f"{log.kind}.log", content, columns, rows, tally)
            if not refusable:
                _check_unrefused(tally)
        except Exception as error:
            error.add_note(f"seed {seed}, turn {turn}, {rows=}, columns={list(columns)}")
            raise
        tally.mutated += number
        turn += 1


RUNS = {"lines": mutate_lines, "files": mutate_files}


def main(arguments: Sequence[str] | None = None) -> int:
    """Mutate and read, say what was met, return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.zeek.fuzz", description=__doc__)
    parser.add_argument("--count", type=int, default=2000, help="default 2000")
    parser.add_argument("--seed", type=int, default=1, help="default 1")
    parser.add_argument("--mode", choices=RUNS, action="append", help="default both")
    given = parser.parse_args(arguments)
    for mode in given.mode or RUNS:
        tally = Tally(watched=True)
        folder = Path(tempfile.mkdtemp(prefix="fuzz"))
        try:
            RUNS[mode](folder, given.count, given.seed, tally)
        except Exception as error:
            error.add_note(f"the file is in {folder}")
            raise
        finally:
            sys.stdout.write(f"{mode}: seed {given.seed}: {tally}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

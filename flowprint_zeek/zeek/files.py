"""Which files are logs, and of what kind."""

from __future__ import annotations

import glob
import logging
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek.blocks import Blocks
from flowprint_zeek.zeek.columns import INTERIM, KINDS
from flowprint_zeek.zeek.jsonlines import row_of
from flowprint_zeek.zeek.logformat import Header, kind_of_name, parse_header

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

_logger = logging.getLogger(__name__)

_HEAD = 1 << 16
_BLANK = b"\xef\xbb\xbf \t\r\n"

_COMPRESSED = {
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ\x00": "xz",
    b"\x04\x22\x4d\x18": "lz4",
    b"BZh": "bzip2",
}
_COMPRESSED_NAME = re.compile(r"\.(zst|xz|lz4|bz2)$")

# Columns that tell a kind where neither the rows nor the name do.
_TELLING = {
    "conn": {"uid", "conn_state"},
    "ssl": {"uid", "established", "resumed"},
    "x509": {"certificate.serial"},
    "dns": {"uid", "trans_id", "query"},
    "http": {"uid", "trans_depth"},
    "notice": {"note", "suppress_for"},
}


@dataclass(frozen=True, slots=True)
class LogFile:
    """A Zeek log.

    Parameters
    ----------
    path : Path
        File, compressed or not.
    kind : str
        What it logs: ``conn``, ``ssl`` …; interim logs (``open_conn``, ``conn_long``) are kinds of
        their own whatever their rows say.
    format : 'tsv' or 'json'
        How it is written.
    """

    path: Path
    kind: str
    format: Literal["tsv", "json"]


def find_logs(paths: Sequence[str | Path], kinds: Collection[str]) -> list[LogFile]:
    """Return the logs of wanted kinds among files, patterns and directories.

    In the order of the arguments, each directory and pattern by sorted path. A file that is reached
    in several ways counts once, and so does a log beside its own ``.gz``, of which the plain one is
    taken. A file that is found in a directory or by a pattern, is named like a wanted log and is
    none is left out, which the package's log says.

    Parameters
    ----------
    paths : sequence of str or Path
        Files, shell patterns, and directories, which are searched through.
    kinds : collection of str
        Kinds to return; others are left out.

    Raises
    ------
    LogError
        A path does not exist, a file that was named is no Zeek log, or a directory or pattern or
        all of them together hold no log of these kinds.
    """
    found: list[LogFile] = []
    for path in paths:
        logs = list(_logs_of(path, kinds))
        if not logs and not Path(path).is_file():
            raise LogError(f"no Zeek log of kind {_listed(kinds)}", path=path)
        found += logs
    logs = list(_distinct(found))
    if not logs:
        place = ", ".join(str(path) for path in paths)
        raise LogError(f"no Zeek log of kind {_listed(kinds)}", path=place or None)
    return logs


def log_at(path: str | Path) -> LogFile:
    """Return the log that a file is.

    Raises
    ------
    LogError
        The file does not exist, cannot be read, or is no Zeek log.
    """
    place = Path(path)
    if not place.exists():
        raise LogError("no such file or directory", path=place)
    log = _recognised(place)
    if log is None:
        raise LogError(_refusal(place), path=place)
    return log


def _refusal(path: Path) -> str:
    """Return why a file is no log."""
    head = head_of(path)
    for magic, name in _COMPRESSED.items():
        if head.startswith(magic):
            return f"is compressed by {name}: only gzip is read"
    return "is no Zeek log: neither a header nor JSON"


def _listed(kinds: Collection[str]) -> str:
    return " or ".join(sorted(kinds))


def _logs_of(path: str | Path, kinds: Collection[str]) -> Iterator[LogFile]:
    place = Path(path)
    if place.is_dir():
        yield from _searched(_walk(place), kinds)
    elif place.exists():
        log = log_at(place)
        if log.kind in kinds:
            yield log
    elif glob.has_magic(str(path)):
        names = glob.glob(str(path), recursive=True)  # noqa: PTH207  Path.glob takes none from the root
        matches = [Path(name) for name in sorted(names)]
        files = (file for m in matches for file in (_walk(m) if m.is_dir() else [m]))
        yield from _searched(files, kinds)
    else:
        raise LogError("no such file or directory", path=place)


def _walk(place: Path) -> Iterable[Path]:
    """Return the files below a directory by sorted path; links are followed, once."""
    seen: set[tuple[int, int]] = set()
    files: list[Path] = []
    for root, directories, names in os.walk(place, followlinks=True):
        identity = _identity(Path(root))
        if identity in seen:
            directories.clear()
            continue
        seen.add(identity)
        directories.sort()
        files += [Path(root, name) for name in names]
    return sorted(files)


def _identity(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise LogError(f"cannot be read: {error.strerror}", path=path) from error
    return status.st_dev, status.st_ino


def _searched(files: Iterable[Path], kinds: Collection[str]) -> Iterator[LogFile]:
    for file in files:
        named = kind_of_name(file.name)
        if (named in KINDS and named not in kinds) or not file.is_file():
            continue
        try:
            log = _recognised(file)
        except LogError:
            # Someone else's files may lie beside the logs; a log that cannot be read is told.
            if named in kinds and file.exists():
                raise
            continue
        if log is not None and log.kind in kinds:
            yield log
        elif log is None and kind_of_name(_COMPRESSED_NAME.sub("", file.name)) in kinds:
            _logger.warning("%s: %s; left out", file, _refusal(file))


def _distinct(logs: Sequence[LogFile]) -> Iterator[LogFile]:
    plain = {log.path.resolve() for log in logs}
    seen: set[tuple[int, int]] = set()
    for log in logs:
        identity = _identity(log.path)
        resolved = log.path.resolve()
        archived = resolved.suffix == ".gz" and resolved.with_suffix("") in plain
        if identity not in seen and not archived:
            seen.add(identity)
            yield log


def _recognised(path: Path) -> LogFile | None:
    """Return what a file is, None where it is no Zeek log."""
    head = without_indent(head_of(path))
    named = kind_of_name(path.name)
    if not head:
        # A log that was opened and got no row yet.
        return None if named is None else LogFile(path, named, "json")
    if head.startswith(b"#"):
        try:
            header = header_of(head, path)
        except LogError:
            return None
        return _log(path, named, header.path, header.fields, "tsv")
    rows = (row_of(line) for line in head.split(b"\n"))
    row = next((row for row in rows if row is not None and "ts" in row), None)
    if row is None:
        return None
    stream = row.get("_path", "")
    return _log(path, named, stream if isinstance(stream, str) else "", row, "json")


def _log(
    path: Path,
    named: str | None,
    stream: str,
    fields: Iterable[str],
    written: Literal["tsv", "json"],
) -> LogFile | None:
    kind = _kind(named, stream.rpartition("/")[2], set(fields))
    return None if kind is None else LogFile(path, kind, written)


def _kind(named: str | None, stream: str, fields: set[str]) -> str | None:
    if named in INTERIM or stream in INTERIM:
        return named if named in INTERIM else stream
    for kind in (stream, named):
        if kind in KINDS:
            return kind
    telling = (kind for kind, needed in _TELLING.items() if needed <= fields)
    return stream or next(telling, named)


def head_of(path: Path) -> bytes:
    """Return the first lines of a log.

    Raises
    ------
    LogError
        The file cannot be read.
    """
    source = Blocks(path, _HEAD)
    for block in source.lines():
        return block
    return source.rest


def header_of(head: bytes, path: Path) -> Header:
    """Return the header at the beginning of a TSV log.

    Raises
    ------
    LogError
        It has none.
    """
    lines: list[str] = []
    for line in without_indent(head).split(b"\n"):
        if not line.startswith(b"#"):
            break
        lines.append(line.decode("utf-8", "surrogateescape"))
    try:
        return parse_header(lines)
    except LogError as error:
        raise LogError(error.message, path=path) from error


def without_indent(head: bytes) -> bytes:
    """Return a log's beginning without what some tools put before the first character."""
    return head.lstrip(_BLANK)

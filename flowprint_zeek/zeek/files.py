"""Which files are logs, and of what kind."""

from __future__ import annotations

import glob
import logging
import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek import binetflow, jsonlines
from flowprint_zeek.zeek.blocks import Blocks
from flowprint_zeek.zeek.columns import INTERIM, KINDS, underscored
from flowprint_zeek.zeek.filenames import exists, is_folder, kind_of_name
from flowprint_zeek.zeek.header import Header, begun, parse_header, split_head, stream_of

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
    b"PK\x03\x04": "zip",
}
_COMPRESSED_NAME = re.compile(r"\.(zst|xz|lz4|bz2|zip)$")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_JSON = (b"{", b"[")
_ROW = re.compile(rb"-?\d+\.\d+[\t,| ;]")

# Columns that tell a kind where neither the rows nor the name do.
_TELLING: tuple[tuple[str, set[str]], ...] = (
    ("conn", {"uid", "conn_state"}),
    ("ssl", {"uid", "established", "resumed"}),
    ("x509", {"certificate_serial"}),
    ("dns", {"uid", "trans_id", "query"}),
    ("http", {"uid", "trans_depth"}),
    ("quic", {"uid", "client_initial_dcid"}),
    ("dhcp", {"uids", "msg_types"}),
    ("dhcp", {"mac", "assigned_ip"}),
    ("files", {"fuid", "analyzers"}),
    ("capture_loss", {"gaps", "percent_lost"}),
    ("notice", {"note", "suppress_for"}),
    ("flowprint_conn", {"uid", "batch_start", "windows"}),
    ("flowprint_ssl", {"uid", "cert_chain_fps", "cert_serial"}),
    ("flowprint_ack", {"id", "again"}),
)
_RECORDS = jsonlines.scopes_of(["certificate.serial"])


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
    format : 'tsv', 'json' or 'binetflow'
        How it is written.
    stream : str
        Where the file holds rows of several logs: what the rows of this one say they are of.
    unclaimed : bool
        Whether lines of such a file that do not say what they are of count with this log.
    """

    path: Path
    kind: str
    format: Literal["tsv", "json", "binetflow"]
    stream: str = ""
    unclaimed: bool = False


def find_logs(paths: Sequence[str | Path], kinds: Collection[str]) -> list[LogFile]:
    """Return the logs of wanted kinds among files, patterns and directories.

    In the order of the arguments, each directory and pattern by sorted path. A file that is reached
    in several ways counts once, and so does a log beside its own ``.gz``, of which the plain one is
    taken. A file that is found in a directory or by a pattern, is named like a wanted log and is
    none is left out, which the package's log says.

    A file that holds rows of several logs, each saying which, comes once for every wanted kind in
    it. That is found out by looking through the whole of a file whose rows are of another kind
    than its name tells, or of several kinds from the beginning.

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
    if not exists(place):
        raise LogError("no such file or directory", path=place)
    return _recognised(place, without_indent(head_of(place)), None)[0]


def growing_logs(path: Path, head: bytes, kinds: Collection[str]) -> list[LogFile]:
    """Return the logs of wanted kinds that a file which begins so has or may get.

    As `find_logs`, but what is still to come cannot be looked through: where the rows say what they
    are of and the name does not say the same, there is a log of every wanted kind.

    Parameters
    ----------
    path : Path
        File; only its name is looked at.
    head : bytes
        What it begins with.
    kinds : collection of str
        Kinds to return.

    Raises
    ------
    LogError
        It is no Zeek log, or no one can tell of what kind.
    """
    return _recognised(path, without_indent(head), kinds, growing=True)


def is_of_others(name: str, kinds: Collection[str]) -> bool:
    """Tell whether a file's name says that it is a log of kinds that are not wanted."""
    named = kind_of_name(name)
    return named in KINDS and named not in kinds


def is_named_like(name: str, kinds: Collection[str]) -> bool:
    """Tell whether a file's name says that it is a wanted log, compressed by whatever program."""
    return kind_of_name(_COMPRESSED_NAME.sub("", name)) in kinds


def _refusal(head: bytes) -> str:
    """Return why a file that begins so is no log."""
    for magic, name in _COMPRESSED.items():
        if head.startswith(magic):
            return f"is compressed by {name}: only gzip is read"
    if head.startswith(_UTF16):
        return "is no Zeek log: text in UTF-16; only UTF-8 is read"
    if _ROW.match(head):
        return "is no Zeek log: rows without a header"
    if head.startswith(_JSON):
        return "is no Zeek log: JSON, but not one row with a time (ts) a line"
    return "is no Zeek log: neither a header nor JSON"


def _listed(kinds: Collection[str]) -> str:
    return " or ".join(sorted(kinds, key=lambda kind: (kind != "conn", kind)))


def _logs_of(path: str | Path, kinds: Collection[str]) -> Iterator[LogFile]:
    place = Path(path)
    if is_folder(place):
        yield from _searched(_walk(place), kinds)
    elif exists(place):
        yield from _recognised(place, without_indent(head_of(place)), kinds)
    elif glob.has_magic(str(path)):
        names = glob.glob(str(path), recursive=True)  # noqa: PTH207  Path.glob takes none from the root
        matches = [Path(name) for name in sorted(names)]
        files = (file for m in matches for file in (_walk(m) if is_folder(m) else [m]))
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
        if is_of_others(file.name, kinds) or not file.is_file():
            continue
        try:
            head = without_indent(head_of(file))
        except LogError:
            # Someone else's files may lie beside the logs; a log that cannot be read is told.
            if kind_of_name(file.name) in kinds and file.exists():
                raise
            continue
        try:
            yield from _recognised(file, head, kinds)
        except LogError as error:
            if is_named_like(file.name, kinds):
                _logger.warning("%s; left out", error)


def _distinct(logs: Sequence[LogFile]) -> Iterator[LogFile]:
    plain = {log.path.resolve() for log in logs}
    seen: set[tuple[tuple[int, int], str]] = set()
    for log in logs:
        identity = _identity(log.path), log.kind
        resolved = log.path.resolve()
        archived = resolved.suffix == ".gz" and resolved.with_suffix("") in plain
        if identity not in seen and not archived:
            seen.add(identity)
            yield log


def _recognised(
    path: Path, head: bytes, kinds: Collection[str] | None, *, growing: bool = False
) -> list[LogFile]:
    """Return the logs that a file which begins so holds, or may get, of wanted kinds or of all.

    Raises
    ------
    LogError
        It is no Zeek log, or no one can tell of what kind.
    """
    named = kind_of_name(path.name)
    if not head and named is not None:
        # A log that was opened and got no row yet.
        logs = [LogFile(path, named, "json")]
    elif binetflow.header_of(head) is not None:
        logs = [LogFile(path, "conn", "binetflow")]
    else:
        look = _tsv_look(head, path) or _json_look(head, path)
        streams = look.streams
        shared = bool(streams) and named not in INTERIM and not _agree(named, streams)
        if shared and growing:
            streams = list(dict.fromkeys([*streams, *sorted(kinds or ())]))
        elif shared:
            streams = _streams(path, look, kinds)
        if len(streams) > 1 or (shared and growing):
            logs = [LogFile(path, stream, look.format, stream) for stream in streams]
        else:
            logs = [LogFile(path, _kind(path, named, look), look.format)]
    logs = [log for log in logs if kinds is None or log.kind in kinds]
    return [replace(log, unclaimed=True) if log.stream else log for log in logs[:1]] + logs[1:]


def _agree(named: str | None, streams: Sequence[str]) -> bool:
    """Tell whether a name tells the only stream, maybe with the name of a sensor before it."""
    return len(streams) == 1 and f"_{named}".endswith(f"_{streams[0]}")


@dataclass(frozen=True, slots=True)
class _Look:
    """What the beginning of a file tells: its format, the streams, a kind, where streams stand."""

    format: Literal["tsv", "json"]
    streams: list[str]
    told: str | None
    named: re.Pattern[bytes]


def _tsv_look(head: bytes, path: Path) -> _Look | None:
    if begun(_first_line(head)) is None:
        return None
    header = header_of(head, path)
    word = re.escape(f"\n{header.prefix}path{header.written}".encode("utf-8", "surrogateescape"))
    said = stream_of(header.path)
    return _Look(
        "tsv", [said] if said else [], _told(header.fields), re.compile(word + rb"([^\r\n]+)")
    )


def _json_look(head: bytes, path: Path) -> _Look:
    rows = [row for line in head.split(b"\n") if (row := jsonlines.row_of(line)) and "ts" in row]
    if not rows or head.startswith(b"["):
        raise LogError(_refusal(head), path=path)
    streams = list(dict.fromkeys(filter(None, map(jsonlines.stream_in, rows))))
    told = list(dict.fromkeys(filter(None, (_told(jsonlines.flat(row, _RECORDS)) for row in rows))))
    if len(told) > 1 and not streams:
        raise LogError(
            f"mixes rows of {_listed(told)} without a _path that tells them apart", path=path
        )
    return _Look("json", streams, next(iter(told), None), jsonlines.STREAM)


def _streams(path: Path, look: _Look, kinds: Collection[str] | None) -> list[str]:
    """Return what streams a file has rows of; no more of them than are wanted, but two or more."""
    found = dict.fromkeys(look.streams)
    for block in Blocks(path).lines():
        names = {match[1] for match in look.named.finditer(b"\n" + block)}
        found |= dict.fromkeys(sorted(stream_of(name.decode("utf-8", "replace")) for name in names))
        if len(found) > 1 and (kinds is None or found.keys() >= set(kinds)):
            break
    return list(found)


def _told(fields: Iterable[str]) -> str | None:
    """Return the kind that columns tell."""
    names = set(map(underscored, fields))
    return next((kind for kind, needed in _TELLING if needed <= names), None)


def _kind(path: Path, named: str | None, look: _Look) -> str:
    said = next(iter(look.streams), None)
    interim = [kind for kind in (named, said) if kind in INTERIM]
    known = [kind for kind in (said, look.told if said is None else None, named) if kind in KINDS]
    for kind in (*interim, *known, said, look.told, named):
        if kind is not None:
            return kind
    raise LogError("neither name nor rows nor columns tell what log it is", path=path)


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


def _first_line(head: bytes) -> str:
    return head.partition(b"\n")[0].decode("utf-8", "surrogateescape")


def header_of(head: bytes, path: Path) -> Header:
    """Return the header at the beginning of a TSV log.

    Raises
    ------
    LogError
        It has none, or one that cannot be used.
    """
    head = without_indent(head)
    first = begun(_first_line(head))
    if first is None:
        raise LogError(_refusal(head), path=path)
    try:
        return parse_header(split_head(head, first.prefix)[0])
    except LogError as error:
        raise LogError(error.message, path=path, line=error.line) from error


def without_indent(head: bytes) -> bytes:
    """Return a log's beginning without what some tools put before the first character."""
    return head.lstrip(_BLANK)

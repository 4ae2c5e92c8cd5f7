"""What tells logs apart while they are renamed, moved and compressed."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek import binetflow
from flowprint_zeek.zeek.blocks import GZIP, Source
from flowprint_zeek.zeek.files import growing_logs, without_indent
from flowprint_zeek.zeek.header import begun
from flowprint_zeek.zeek.logformat import to_bytes
from flowprint_zeek.zeek.places import status_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from flowprint_zeek.zeek.files import LogFile
    from flowprint_zeek.zeek.places import Status

HEAD = 1 << 16
"""Bytes in which the first record of a log ends."""

_FIRST = 1 << 12  # bytes in which it mostly ends


def first_record(head: bytes) -> int | None:
    r"""Return where the first record of a log ends, None where it is not complete.

    Header lines and blank ones are none.

    Parameters
    ----------
    head : bytes
        What the log begins with.

    Examples
    --------
    >>> first_record(b"#fields\tts\n1.0\n2.0\n"), first_record(b"#fields\tts\n1.0")
    (15, None)
    """
    clean = without_indent(head)
    at = len(head) - len(clean)
    end = clean.find(b"\n")
    if end < 0:
        return None
    header = begun(clean[:end].decode("utf-8", "surrogateescape"))
    if header is None and binetflow.header_of(clean) is not None:
        at += end + 1
    prefix = None if header is None else to_bytes(header.prefix)
    while (end := head.find(b"\n", at) + 1) > 0:
        line = head[at:end]
        if line.strip() and (prefix is None or not line.startswith(prefix)):
            return end
        at = end
    return None


def read_head(source: Source, head: bytes = b"") -> tuple[bytes, int | None]:
    """Return what a log begins with, and where in it the first record ends if that is there.

    Parameters
    ----------
    source : Source
        The log; it has been read as far as `head` goes.
    head : bytes, default b""
        What is known of it.
    """
    end = first_record(head)
    while end is None and len(head) < HEAD:
        data = source.read(_FIRST if len(head) < _FIRST else HEAD - len(head))
        if not data:
            break
        head += data
        end = first_record(head)
    return head, end


def identity_of(kind: str, beginning: bytes) -> str:
    """Return what tells a log from all others, wherever it is and compressed or not.

    The header of a log says when it was opened, and its first row is like no other: no two logs
    begin alike.

    Parameters
    ----------
    kind : str
        What it logs; a file may hold several logs.
    beginning : bytes
        What it begins with, up to the end of the first record.

    Returns
    -------
    str
        16 hexadecimal digits.
    """
    return hashlib.blake2b(beginning, digest_size=8, key=kind.encode()[:64]).hexdigest()


@dataclass(frozen=True, slots=True)
class Sight:
    """What a file holds.

    Parameters
    ----------
    status : Status
        The status of the file that was looked into.
    logs : dict of str to LogFile
        Its wanted logs by identity; none as long as it has no complete record.
    size : int
        Bytes of it, of an archive those that it says it becomes, modulo 2**32. An archive that is
        not complete, or was appended to, says something else.
    packed : bool
        Whether it is an archive.
    digest : bytes
        What its beginning is known again by.
    """

    status: Status
    logs: dict[str, LogFile]
    size: int = 0
    packed: bool = False
    digest: bytes = b""

    def has_more_than(self, offset: int) -> bool:
        """Tell whether there may be more than so many decompressed bytes."""
        return self.size != offset % (1 << 32) if self.packed else self.size > offset


def look(path: Path, kinds: Collection[str], before: Sight | None = None) -> Sight:
    """Return what a file holds.

    Parameters
    ----------
    path : Path
        File.
    kinds : collection of str
        Kinds of logs that are wanted.
    before : Sight, optional
        What was found at the same path the last time; it saves time.

    Raises
    ------
    OSError
        It cannot be read.
    LogError
        It is no log.
    """
    with path.open("rb", buffering=0) as file:
        status = status_of(os.fstat(file.fileno()))
        head, end = read_head(Source(file))
        packed = file.seek(0) == 0 and file.read(len(GZIP)) == GZIP
        size = status.size
        if packed:
            file.seek(max(0, size - 4))
            size = int.from_bytes(file.read(4), "little")
    if end is None:
        if len(head) >= HEAD:
            growing_logs(path, head, kinds)
            raise LogError(f"its first record is longer than {HEAD} bytes", path=path)
        return Sight(status, {})
    digest = hashlib.blake2b(head[:end], digest_size=16).digest()
    if before is not None and before.digest == digest:
        return replace(before, status=status, size=size, packed=packed)
    try:
        logs = growing_logs(path, head[:end], kinds)
    except LogError:
        # Later rows may tell what the first does not.
        logs = growing_logs(path, head[: head.rfind(b"\n") + 1], kinds)
    found = {identity_of(log.kind, head[:end]): log for log in logs}
    return Sight(status, found, size, packed, digest)

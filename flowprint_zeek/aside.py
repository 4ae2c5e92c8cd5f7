"""Files that are written aside and renamed, so that nobody ever sees half of one."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flowprint_zeek.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO


@contextmanager
def replacing(path: Path, mode: int | None = None) -> Iterator[BinaryIO]:
    """Open a file whose content replaces that of `path` when the block ends without an error.

    A link goes on pointing to its file; a file keeps its mode and, where that is allowed, its
    owner.

    Parameters
    ----------
    path : Path
        File.
    mode : int or None, default None
        Mode of one that is new; None: what the process gives new files.

    Raises
    ------
    OutputError
        The file cannot be written; an old one is as it was.
    """
    try:
        old = _status(path)
        target = path.resolve()
        new = target.with_name(f".{target.name}.{os.getpid()}.new")
        try:
            new.unlink(missing_ok=True)
            with new.open("xb") as file:
                if old is not None:
                    # At once, so that nobody reads the new one who may not read the old one.
                    with contextlib.suppress(OSError):
                        os.chown(new, old.st_uid, old.st_gid)
                    mode = stat.S_IMODE(old.st_mode)
                if mode is not None:
                    new.chmod(mode)
                yield file
                file.flush()
                os.fsync(file.fileno())
            new.replace(target)
        finally:
            # After an error or Ctrl-C; where all went well it has its name by now.
            with contextlib.suppress(OSError):
                new.unlink()
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror or error}", path=path) from error


def _status(path: Path) -> os.stat_result | None:
    """Return the status of a file that is to be replaced, None where there is none."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "Not a regular file")
    return found

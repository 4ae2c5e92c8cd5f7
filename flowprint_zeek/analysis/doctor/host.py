"""The host that a set-up is on, as its checks see it."""

from __future__ import annotations

import os
import pwd
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PREFIXES = ("/opt/zeek", "/usr/local/zeek", "/opt/zeek-lts", "/usr/local", "/usr", "/opt/bro")

_FOLDERS = (
    *("/opt/zeek/logs/current", "/usr/local/zeek/logs/current", "/opt/zeek-lts/logs/current"),
    *("/opt/zeek/spool/zeek", "/var/log/zeek/current", "/var/log/zeek", "/nsm/zeek/logs/current"),
    *("/usr/local/zeek/spool/zeek", "/var/spool/zeek", "/var/log/bro/current"),
)


@dataclass(frozen=True, slots=True)
class Host:
    """What checks ask of the host.

    Attributes
    ----------
    now : callable
        Returns the time, s since the epoch.
    access : callable
        Tells whether this user may use a path as `os.R_OK` and the like say.
    space : callable
        Returns what a file system has left, as `os.statvfs`.
    proc : Path
        Where the kernel tells of itself.
    search : str
        Folders of programs, as in the variable PATH.
    prefixes : tuple of Path
        Where Zeek is installed, should it not be found there.
    folders : tuple of Path
        Where sensors write their logs, to name them to people.
    user : int
        Number of the user.
    """

    now: Callable[[], float] = time.time
    access: Callable[[Path, int], bool] = os.access
    space: Callable[[Path], os.statvfs_result] = os.statvfs
    proc: Path = Path("/proc")
    search: str = field(default_factory=lambda: os.environ.get("PATH", os.defpath))
    prefixes: tuple[Path, ...] = tuple(map(Path, _PREFIXES))
    folders: tuple[Path, ...] = tuple(map(Path, _FOLDERS))
    user: int = field(default_factory=os.geteuid)

    def text(self, name: str) -> str:
        """Return what a file below `proc` says, "" where there is none."""
        try:
            return (self.proc / name).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""


def user_name(number: int) -> str:
    """Return what a user is called."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


# Other than those of Path, these fail nowhere, such as below a folder that may not be entered.


def is_there(path: Path) -> bool:
    """Tell whether there is something at a path, as far as this user may know."""
    try:
        path.stat()
    except (OSError, ValueError):
        return False
    return True


def is_folder(path: Path) -> bool:
    """Tell whether there is a folder at a path, as far as this user may know."""
    return is_there(path) and path.is_dir()


def existing(path: Path) -> Path:
    """Return a path, or the nearest folder above it that is there."""
    return next(filter(is_there, (path, *path.parents)), Path("/"))


def barred_by(path: Path) -> Path | None:
    """Return the folder that this user may not enter on the way to a path, None for none."""
    try:
        path.stat()
    except PermissionError:
        return existing(path)
    except (OSError, ValueError):
        return None
    return None

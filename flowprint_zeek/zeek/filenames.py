"""The names of logs: what Zeek, its tools and those who keep its logs call them; what is there."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek.columns import INTERIM

if TYPE_CHECKING:
    from pathlib import Path

_TIME = r"\d[\d:._T+-]*Z?"
_NAME = re.compile(
    rf"""(?:json_streaming_)?(?P<kind>[A-Za-z0-9]+(?:_[A-Za-z0-9]+)*?)
    (?:\([^)]*\))?                                # tags in parentheses
    (?:[.-]logger(?:-?\d+)?)?
    (?:
        [._-]{_TIME}(?:[A-Za-z][\w-]*)?           # rotation or archive, and maybe a logger
      | __.+                                      # zeek-archiver's queue
    )?
    \.(?:log|txt|tsv|csv|json|jsonl|ndjson)
    (?:\.(?:json|jsonl|ndjson|tsv|csv|txt|labeled|labelled))?
    (?:[.-]{_TIME})?                              # rotation by logrotate
    (?:\.gz)?""",
    re.VERBOSE,
)
_INTERIM = re.compile(rf"(?<![A-Za-z0-9])(?P<kind>{'|'.join(sorted(INTERIM))})(?![A-Za-z0-9])")


def kind_of_name(filename: str) -> str | None:
    """Return the kind of log that a file's name tells, None where it tells none.

    Interim logs are told wherever their name stands in it: their rows tell another kind, and
    would count twice.

    >>> kind_of_name("conn.15:00:00-16:00:00.log.gz"), kind_of_name("site1.open_conn.zeek")
    ('conn', 'open_conn')
    >>> kind_of_name("conn-summary.log") is None
    True
    """
    match = _INTERIM.search(filename) or _NAME.fullmatch(filename)
    return None if match is None else match["kind"]


def is_folder(path: Path) -> bool:
    """Tell whether there is a folder; what may not be looked at is none."""
    return os.path.isdir(path)  # noqa: PTH112  Path.is_dir raises there


def exists(place: Path) -> bool:
    """Tell whether there is anything at a place.

    Raises
    ------
    LogError
        It may not be looked at.
    """
    try:
        return place.exists()
    except OSError as error:
        raise LogError(f"cannot be read: {error.strerror}", path=place) from error

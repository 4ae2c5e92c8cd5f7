"""The set-up that is looked at: settings, host, and the logs that the settings lead to."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from flowprint_zeek.analysis.doctor.host import is_folder
from flowprint_zeek.analysis.doctor.recent import Part, last_part, lines_of, rows_of
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.errors import LogError
from flowprint_zeek.stream.live import FOLLOWED
from flowprint_zeek.stream.replay import key_of, prepared
from flowprint_zeek.zeek.filenames import kind_of_name
from flowprint_zeek.zeek.files import is_named_like
from flowprint_zeek.zeek.identity import look
from flowprint_zeek.zeek.join import COLUMNS
from flowprint_zeek.zeek.places import Places, directories_of, matches
from flowprint_zeek.zeek.reader import ReadStats, no_rows
from flowprint_zeek.zeek.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from flowprint_zeek.analysis.doctor.host import Host
    from flowprint_zeek.config import Config
    from flowprint_zeek.core.arrays import Ints
    from flowprint_zeek.zeek.files import LogFile
    from flowprint_zeek.zeek.places import Place

KINDS = tuple(dict.fromkeys((*FOLLOWED, "flowprint_ack")))
"""Kinds of logs that are looked at."""

ARCHIVED = 7_200.0
"""Seconds within which what was archived is looked at: a log may have been rotated just now."""

_FOLDERS = 5
"""Folders of archives that are looked into, those that changed last."""

_MOST_FILES = 100
"""Files of one name that are looked into, the newest."""

_MOST_ROWS = 5_000

_DENIED = "cannot be read"

_LAST = 1 << 18
"""Bytes at the end of a log that tell how it is."""


@dataclass(frozen=True, slots=True)
class Found:
    """A file that is a log, or is named like one.

    Attributes
    ----------
    path : Path
        Where it is.
    kind : str
        What it logs.
    changed : float
        When it was written last, s since the epoch.
    log : LogFile or None
        The log; None where it has no row or cannot be read.
    wrong : str
        Why it cannot be read, "" where it can be.
    archived : bool
        Whether it was found in an archive only.
    """

    path: Path
    kind: str
    changed: float
    log: LogFile | None
    wrong: str = ""
    archived: bool = False

    @property
    def denied(self) -> bool:
        """Whether this user may not read it."""
        return self.wrong.startswith(_DENIED)


@dataclass(frozen=True, slots=True)
class Last:
    """The last rows of a log.

    Attributes
    ----------
    found : Found
        The log.
    part : Part
        What of it they are.
    rows : DataFrame
        The columns that are needed of the kind.
    stats : ReadStats
        How many were good and damaged.
    times : numpy.ndarray
        Times in them, µs, of connections of their ends; none of a large archive, of which these
        are the first rows.
    """

    found: Found
    part: Part
    rows: pd.DataFrame
    stats: ReadStats
    times: Ints

    @property
    def newest(self) -> float | None:
        """Largest time in them, s since the epoch, None without any."""
        return int(self.times.max()) / SECOND if self.times.size else None

    def newest_by(self, horizon: float) -> float | None:
        """Return the largest time up to one, s since the epoch; if all are larger, of all."""
        past = self.times[self.times <= round(horizon * SECOND)]
        return int(past.max()) / SECOND if past.size else self.newest

    def lines(self) -> list[bytes]:
        """Return them as they stand in the file."""
        return lines_of(self.part)


class Scene:
    """What checks look at.

    Parameters
    ----------
    config : Config
        Settings.
    host : Host
        The host.
    zeek : str or None
        The program Zeek as it was named; None looks for it.
    """

    def __init__(self, config: Config, host: Host, zeek: str | None = None) -> None:
        self.config = config
        self.host = host
        self.zeek = zeek
        self._last: dict[str, Last | None] = {}

    @cached_property
    def logs(self) -> list[Found]:
        """Logs of the places in run.logs and what was archived lately, the newest first."""
        watched = _listed(self.config.run.logs)
        known = {place.path for place in watched}
        since = (self.host.now() - ARCHIVED) * 1e9
        folders = [str(one) for one in archived_folders(self.config.run.archives)[:_FOLDERS]]
        archived = [
            replace(place, archived=True)
            for place in _listed(folders)
            if place.status.modified >= since and place.path not in known
        ]
        by_name: dict[str, list[Place]] = {}
        for place in sorted((*watched, *archived), key=lambda one: -one.status.modified):
            by_name.setdefault(kind_of_name(place.path.name) or "", []).append(place)
        newest = (place for held in by_name.values() for place in held[:_MOST_FILES])
        found = [one for place in newest for one in self._looked_into(place)]
        return sorted(found, key=attrgetter("changed"), reverse=True)

    def _looked_into(self, place: Place) -> Iterator[Found]:
        path, changed = place.path, place.status.modified / 1e9
        named = kind_of_name(path.name)
        told = is_named_like(path.name, KINDS) or place.named
        kind = named if named in KINDS else "conn"
        try:
            if not self.host.access(path, os.R_OK):
                raise PermissionError
            sight = look(path, KINDS)
        except OSError as error:
            if told:
                why = f"{_DENIED}: {error.strerror or 'Permission denied'}"
                yield Found(path, kind, changed, None, why, place.archived)
            return
        except LogError as error:
            if told:
                yield Found(path, kind, changed, None, error.message, place.archived)
            return
        for log in sight.logs.values():
            yield Found(path, log.kind, changed, log, archived=place.archived)
        if not sight.logs and not sight.digest and told:
            yield Found(path, kind, changed, None, archived=place.archived)

    @cached_property
    def folders(self) -> list[Path]:
        """Folders in which the places in run.logs change, as far as this user may see them."""
        found: list[Path] = []
        for place in self.config.run.logs:
            with suppress(OSError):
                found += directories_of([place])
        return list(dict.fromkeys(found))

    def of(self, *kinds: str) -> list[Found]:
        """Return the logs of kinds that have rows, the newest first, those in archives last."""
        logs = [one for one in self.logs if one.kind in kinds and one.log is not None]
        return sorted(logs, key=attrgetter("archived"))

    def last(self, kind: str) -> Last | None:
        """Return the last rows of the newest log of a kind; None where there is none to read."""
        if kind not in self._last:
            self._last[kind] = next(filter(None, map(_last, self.of(kind)[:3])), None)
        return self._last[kind]

    def newest_connections(self) -> Last | None:
        """Return the last rows of conn.log or flowprint_conn.log, whichever was written last."""
        both = [one for kind in ("conn", "flowprint_conn") if (one := self.last(kind)) is not None]
        return max(both, key=lambda one: one.found.changed, default=None)


def _listed(places: Sequence[str]) -> list[Place]:
    """Return the files at places that may be logs, as the daemon lists them."""
    none: tuple[str, ...] = ()
    return Places(places, none, KINDS, since=None, settle=0.0, standing=Standing()).scan()[0]


def archived_folders(places: Sequence[str]) -> list[Path]:
    """Return folders of archives and those inside them, those that changed last first."""
    roots = {one for place in places for one in (Path(place), *matches(place)) if is_folder(one)}
    inside: dict[Path, float] = {}
    for root in roots:
        with suppress(OSError), os.scandir(root) as entries:
            inside[root] = root.stat().st_mtime
            folders = [one for one in entries if one.is_dir(follow_symlinks=False)]
            inside |= {Path(one.path): one.stat().st_mtime for one in folders}
    return sorted(inside, key=lambda one: -inside[one])


def _last(found: Found) -> Last | None:
    """Return the last rows of a log; None where it went away."""
    if found.log is None:
        return None
    columns, stats = COLUMNS.get(found.kind, ("ts",)), ReadStats()
    try:
        part = last_part(found.log, _LAST)
        frames = list(rows_of(part, columns, stats))
    except (OSError, LogError):
        return None
    rows = pd.concat(frames, ignore_index=True) if frames else no_rows(found.kind, columns)
    timed = prepared(rows, found.kind)
    times = ints(timed[key_of(found.kind)])
    return Last(found, part, rows.tail(_MOST_ROWS), stats, times if part.ends else times[:0])

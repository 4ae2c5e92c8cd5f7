"""What an operator of a site feels: false notices, new apps found and after how long.

A notice, or a fingerprint that was judged unseen, is of the app that most of its flows are of.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.network import HOUR
from flowprint_zeek.analysis.truth import SiteTruth, Use, read_truth
from flowprint_zeek.core.elements import shown
from flowprint_zeek.core.flows import microseconds
from flowprint_zeek.core.novelty import UNSEEN_SITE
from flowprint_zeek.known import KnownApps, Site
from flowprint_zeek.stream.notices import UNSEEN_APP, Row
from flowprint_zeek.stream.phases import Learning
from flowprint_zeek.stream.pipeline import Pipeline
from flowprint_zeek.stream.replay import KINDS, Source, replay
from flowprint_zeek.zeek.files import find_logs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from flowprint_zeek.config import Config
    from flowprint_zeek.stream.explained import Why

SETTINGS: dict[str, object] = {"log.rows": "all", "notice.max_per_day": 100_000}
"""Settings that an evaluation needs: every verdict, and no notice withheld."""

_MINUTE = HOUR / 60
THOUSAND_DAYS = 24_000
"""Device-hours in 1,000 device-days."""


@dataclass(slots=True)
class Rows:
    """A sink that keeps what it is given.

    Attributes
    ----------
    notices, verdicts : list of Row
        Rows of notice.log and flowprint.log.
    """

    notices: list[Row] = field(default_factory=list)
    verdicts: list[Row] = field(default_factory=list)

    def notice(self, row: Row, _why: Why | None = None) -> None:
        """Keep a row of notice.log."""
        self.notices.append(row)

    def verdict(self, row: Row) -> None:
        """Keep a row of flowprint.log."""
        self.verdicts.append(row)


@dataclass(frozen=True, slots=True)
class Planted:
    """A planted app, at the site or on one device, and when it was found.

    Attributes
    ----------
    app, device : str
        The app; the device, "" for the site.
    first : int
        First use there, µs.
    found : int or None
        Log time at which it was found, µs; None if it never was.
    sessions : int or None
        Sessions there that had begun by then, or all of them if it was never found; None where
        the truth does not tell.
    """

    app: str
    device: str
    first: int
    found: int | None
    sessions: int | None

    @property
    def minutes(self) -> float | None:
        """Minutes from first use until it was found."""
        return None if self.found is None else (self.found - self.first) / _MINUTE


@dataclass(frozen=True, slots=True)
class FalseAlarm:
    """A notice or an unseen fingerprint of something that is no planted app.

    Attributes
    ----------
    ts : int
        Log time, µs.
    device, label : str
        Device, and what most of the flows are of.
    novel : tuple of str
        What was new, as far as the row lists it, as people read it.
    """

    ts: int
    device: str
    label: str
    novel: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SiteResult:
    """What one setting does on a site.

    Attributes
    ----------
    devices : int
        Devices with a fingerprint while it detects.
    hours : float
        Time of detection.
    apps : list of Planted
        Planted apps; one is found when a notice is of it.
    pairs : list of Planted
        Planted apps by device; one is found when a fingerprint of the device that is mostly of
        the app is judged unseen.
    notices : list of FalseAlarm
        Notices of something else.
    flagged : list of FalseAlarm
        Fingerprints of something else that were judged unseen.
    fingerprints : int
        Fingerprints judged.
    """

    devices: int
    hours: float
    apps: list[Planted]
    pairs: list[Planted]
    notices: list[FalseAlarm]
    flagged: list[FalseAlarm]
    fingerprints: int

    @property
    def device_hours(self) -> float:
        """Devices times hours."""
        return self.devices * self.hours

    def to_dict(self) -> dict[str, object]:
        """Return the figures as JSON holds them; None where nothing can be said."""
        return {
            "devices": self.devices,
            "hours": self.hours,
            "fingerprints": self.fingerprints,
            "apps": found(self.apps),
            "apps_by_device": found(self.pairs),
            "false_notices": self._rates(self.notices),
            "false_fingerprints": self._rates(self.flagged),
        }

    def _rates(self, alarms: Sequence[FalseAlarm]) -> dict[str, object]:
        rate = len(alarms) / self.device_hours if self.device_hours else None
        return {
            "number": len(alarms),
            "per_device_hour": rate,
            "per_1000_device_days": None if rate is None else rate * THOUSAND_DAYS,
            "by_label": dict(Counter(alarm.label for alarm in alarms).most_common()),
            "novel": dict(causes(alarms, 10)),
        }


def found(planted: Sequence[Planted]) -> dict[str, object]:
    """Return how many planted apps were found, and how long that took where they were."""
    minutes = [one.minutes for one in planted if one.minutes is not None]
    sessions = [
        one.sessions for one in planted if one.found is not None and one.sessions is not None
    ]
    return {
        "planted": len(planted),
        "found": len(minutes),
        "share": len(minutes) / len(planted) if planted else None,
        "median_minutes": median(minutes) if minutes else None,
        "median_sessions": median(sessions) if sessions else None,
    }


def causes(alarms: Iterable[FalseAlarm], limit: int) -> list[tuple[str, int]]:
    """Return what was new in most false alarms, with their number; ties by name."""
    counts = Counter(name for alarm in alarms for name in set(alarm.novel))
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:limit]


def evaluate_site(folder: Path, config: Config) -> SiteResult:
    """Learn a simulated or composed site, detect, and hold what is told against its truth.

    Batches before the first that holds some of the detection period are learned.

    Parameters
    ----------
    folder : Path
        Logs with ``labels.tsv``, ``planted.tsv`` and ``periods.tsv``.
    config : Config
        Settings; all verdicts are needed, and notices over the daily limit count as not raised:
        see `SETTINGS`.

    Raises
    ------
    LogError
        The truth or the logs cannot be read.
    """
    truth = read_truth(folder)
    batch = microseconds(config.fingerprint.batch)
    rows = Rows()
    learning = Learning(until=truth.detect_from // batch * batch)
    site = Site(KnownApps(config.model.max_fingerprints))
    source = Source(find_logs([folder], KINDS), config.stream.chunk_rows)
    replay(source, Pipeline(config, site, learning, rows))
    return held_against(rows, truth)


def held_against(rows: Rows, truth: SiteTruth) -> SiteResult:
    """Return what rows say, held against the truth."""
    told = [(row, truth.label(uids_of(row))) for row in rows.notices if row["note"] == UNSEEN_APP]
    unseen = [
        (row, truth.label(_texts(row["uids"])))
        for row in rows.verdicts
        if row["verdict"] == UNSEEN_SITE
    ]
    apps = list(dict.fromkeys(use.app for use in truth.uses))
    uses = {app: [use for use in truth.uses if use.app == app] for app in apps}
    return SiteResult(
        devices=len({row["device"] for row in rows.verdicts}),
        hours=(truth.end - truth.detect_from) / HOUR,
        apps=[_planted("", uses[app], told, lambda _row, _use: True) for app in apps],
        pairs=[_planted(use.addresses[0], [use], unseen, _is_of) for use in truth.uses],
        notices=[
            FalseAlarm(_ts(row), str(row["src"]), label, _listed(row, "novel", "|"))
            for row, label in told
            if label not in uses
        ],
        flagged=[
            FalseAlarm(_ts(row), str(row["device"]), label, _shown(row["novel"]))
            for row, label in unseen
            if label not in uses
        ],
        fingerprints=len(rows.verdicts),
    )


def _planted(
    device: str,
    uses: Sequence[Use],
    told: Iterable[tuple[Row, str]],
    fits: Callable[[Row, Use], bool],
) -> Planted:
    """Return an app beside the first row that is of it and fits a use."""
    app, first = uses[0].app, min(use.first for use in uses)
    times = [
        _ts(row) for row, label in told if label == app and any(fits(row, use) for use in uses)
    ]
    at = min(times, default=None)
    starts = [start for use in uses for start in use.starts]
    begun = sum(at is None or start < at for start in starts) if starts else None
    return Planted(app, device, first, at, begun)


def _is_of(row: Row, use: Use) -> bool:
    return row["device"] in use.addresses


def _ts(row: Row) -> int:
    return int(str(row["ts"]))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(str, value)) if isinstance(value, tuple) else ()


def _shown(value: object) -> tuple[str, ...]:
    return tuple(map(shown, _texts(value)))


def uids_of(row: Row) -> tuple[str, ...]:
    """Return the flows of a notice: those to what is new, at least the one it points to."""
    listed = _listed(row, "uids", ",")
    return listed or (str(row["uid"]),)


def _listed(row: Row, key: str, separator: str) -> tuple[str, ...]:
    """Return a list in ``sub`` without what stands for those left out, such as ``+3``."""
    for part in str(row["sub"]).split(" "):
        name, _, items = part.partition("=")
        if name == key:
            return tuple(item for item in items.split(separator) if not item.startswith("+"))
    return ()

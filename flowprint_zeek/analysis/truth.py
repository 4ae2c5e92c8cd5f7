"""The truth of simulated and composed sites, and notices of a simulated network beside it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.labelled import read_labels
from flowprint_zeek.analysis.network import DAY
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.errors import LogError
from flowprint_zeek.stream.notices import UNSEEN_APP, Row

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from flowprint_zeek.analysis.simulate import Simulated


@dataclass(frozen=True, slots=True)
class PlantedApp:
    """A planted app and the notice that found it.

    Attributes
    ----------
    app : str
        Its name.
    devices : tuple of str
        Devices that used it.
    sessions, flows : int
        How much it was used.
    first : int
        First use, µs.
    found : int or None
        Log time of its first notice, µs.
    """

    app: str
    devices: tuple[str, ...]
    sessions: int
    flows: int
    first: int
    found: int | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Notices beside the truth.

    Attributes
    ----------
    planted : list of PlantedApp
        Every planted app, by first use.
    false : list of (row, str)
        Notices of something else, with the label of the flow they point to.
    device_days : float
        Devices times days in which apps could be found.
    """

    planted: list[PlantedApp]
    false: list[tuple[Row, str]]
    device_days: float

    def to_dict(self) -> dict[str, object]:
        """Return the figures as JSON holds them."""
        found = sum(app.found is not None for app in self.planted)
        return {
            "simulated": True,
            "planted": len(self.planted),
            "found": found,
            "found_share": found / len(self.planted) if self.planted else None,
            "false_notices": len(self.false),
            "false_per_device_day": len(self.false) / self.device_days,
            "false_by_label": _counted([label for _, label in self.false]),
        }


def compare(notices: Sequence[Row], simulated: Simulated) -> Comparison:
    """Hold notices against the truth.

    A notice is of the app whose flow it points to: its ``uid`` is a flow to a novel element.
    """
    label = dict(zip(simulated.labels["uid"], simulated.labels["label"], strict=True))
    names = set(simulated.planted["app"])
    found: dict[str, int] = {}
    false = []
    for row in notices:
        if row["note"] != UNSEEN_APP:
            continue
        of = label[str(row["uid"])]
        if of in names:
            found.setdefault(of, int(str(row["ts"])))
        else:
            false.append((row, of))
    network = simulated.network
    days = (network.end - network.unseen_start) / DAY
    return Comparison(_planted(simulated, found), false, network.devices * days)


def _planted(simulated: Simulated, found: dict[str, int]) -> list[PlantedApp]:
    apps = [
        PlantedApp(
            str(name),
            tuple(sorted(part["device"])),
            int(part["sessions"].sum()),
            int(part["flows"].sum()),
            int(part["first"].min()),
            found.get(str(name)),
        )
        for name, part in simulated.planted.groupby("app")
    ]
    return sorted(apps, key=lambda app: (app.first, app.app))


def _counted(labels: list[str]) -> dict[str, int]:
    return {label: labels.count(label) for label in sorted(set(labels))}


# The truth beside logs

NO_LABEL = "?"
"""Label of connections that the truth does not know."""


@dataclass(frozen=True, slots=True)
class Use:
    """A planted app on a device.

    Attributes
    ----------
    app : str
        Its name.
    addresses : tuple of str
        Addresses of the device meanwhile.
    first : int
        First use, µs.
    starts : tuple of int
        Start of each session, µs; empty where the truth does not tell.
    """

    app: str
    addresses: tuple[str, ...]
    first: int
    starts: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SiteTruth:
    """What is known about the logs of a site.

    Attributes
    ----------
    labels : dict of str to str
        Label of each connection by uid.
    uses : list of Use
        Planted apps on devices.
    start, detect_from, end : int
        First moment, moment before which no planted app is used, and end, µs.
    """

    labels: dict[str, str]
    uses: list[Use]
    start: int
    detect_from: int
    end: int

    def label(self, uids: Sequence[str]) -> str:
        """Return the label that most of some connections have, ties to the earliest."""
        counts = Counter(self.labels.get(uid, NO_LABEL) for uid in uids)
        return max(counts, key=counts.__getitem__, default=NO_LABEL)


def read_truth(folder: Path) -> SiteTruth:
    """Read ``labels.tsv``, ``planted.tsv`` and ``periods.tsv`` of a simulated or composed site.

    Raises
    ------
    LogError
        One of them is missing or is not what `flowprint_zeek.analysis.archive` writes.
    """
    labels = read_labels(folder / "labels.tsv")
    return SiteTruth(labels, _uses(folder / "planted.tsv"), *_edges(folder / "periods.tsv"))


def _uses(path: Path) -> list[Use]:
    uses = []
    for row in _table(path, "app", "device", "first"):
        addresses = tuple((row.get("addresses") or row["device"]).split(","))
        starts = tuple(_time(text, path) for text in row.get("starts", "").split(",") if text)
        uses.append(Use(row["app"], addresses, _time(row["first"], path), starts))
    return uses


def _edges(path: Path) -> tuple[int, int, int]:
    periods = {row["period"]: row for row in _table(path, "period", "start", "end")}
    if not {"learning", "detection"} <= periods.keys():
        raise LogError("does not tell of learning and detection", path=path)
    start, detect_from = (_time(periods[name]["start"], path) for name in ("learning", "detection"))
    return start, detect_from, _time(periods["detection"]["end"], path)


def _table(path: Path, *columns: str) -> list[dict[str, str]]:
    try:
        header, *lines = path.read_text(encoding="utf-8").splitlines() or [""]
    except OSError as error:
        raise LogError(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise LogError("is not UTF-8", path=path) from error
    names = header.split("\t")
    if not set(columns) <= set(names):
        raise LogError(f"must have the columns {', '.join(columns)}", path=path, line=1)
    rows = []
    for number, line in enumerate(lines, start=2):
        values = line.split("\t")
        if len(values) != len(names):
            raise LogError(f"must have {len(names)} columns", path=path, line=number)
        rows.append(dict(zip(names, values, strict=True)))
    return rows


def _time(text: str, path: Path) -> int:
    try:
        return int(Decimal(text) * SECOND)
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise LogError(f"{text[:40]!r} is no time in seconds", path=path) from error

"""Notices of a simulated network held against its truth. All figures are *simulated*."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.network import DAY
from flowprint_zeek.stream.notices import UNSEEN_APP, Row

if TYPE_CHECKING:
    from collections.abc import Sequence

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

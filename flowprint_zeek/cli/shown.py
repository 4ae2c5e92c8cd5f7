"""Apps and elements as rows of tables and of JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from flowprint_zeek.core.elements import is_endpoint, shown
from flowprint_zeek.core.flows import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowprint_zeek.known import KnownApps
    from flowprint_zeek.seen import SeenElements


def time_text(time: int | None) -> str | None:
    """Return a log time, µs, to the minute, None where it is unknown."""
    if not time:
        return None
    return datetime.fromtimestamp(time / SECOND, UTC).strftime("%Y-%m-%d %H:%MZ")


def few(elements: Iterable[str], most: int = 3) -> str:
    """Return the first elements in words, names before the others, and how many more there are."""
    named = sorted(elements, key=lambda one: (is_endpoint(one), one))
    more = f" +{len(named) - most}" if len(named) > most else ""
    return ", ".join(map(shown, named[:most])) + more


def element_rows(elements: Iterable[str], seen: SeenElements) -> list[dict[str, Any]]:
    """Return what a site has seen of elements; times in µs, 0 where unknown."""
    rows = []
    for element in elements:
        first, last, sightings = seen.sighting(element) or (0, 0, 0)
        rows.append(
            {
                "element": element,
                "first": first,
                "last": last,
                "sightings": sightings,
                "devices": seen.n_devices(element),
            }
        )
    return rows


def app_rows(known: KnownApps, seen: SeenElements, *, rare: bool) -> list[dict[str, Any]]:
    """Return known apps, the last seen first, or with `rare` the one with the rarest element.

    ``sightings`` and ``devices`` are those of its rarest element: where malware was learned, they
    are few.
    """
    rows = []
    for key, app in known:
        held = [seen.sighting(element) or (0, 0, 0) for element in app.elements]
        rows.append(
            {
                "id": key,
                "label": app.label,
                "first": app.first,
                "last": app.last,
                "devices": min((seen.n_devices(one) for one in app.elements), default=0),
                "flows": app.n_flows,
                "batches": app.n_batches,
                "sightings": min((row[2] for row in held), default=0),
                "elements": list(app.elements),
            }
        )
    if rare:
        return sorted(rows, key=lambda row: (row["sightings"], row["devices"], row["id"]))
    return sorted(rows, key=lambda row: (-row["last"], row["id"]))

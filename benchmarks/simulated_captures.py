"""Captures of single apps cut out of a simulated network, and a manifest of them.

What an app did on a device in a day is a capture: its connections and what other logs tell of them.
Packets and bytes of a simulated connection are drawn by its kind, not by its app, so that whatever
tells apps apart by these must fail here.

Usage: python benchmarks/simulated_captures.py OUT [SEED [APPS [DEVICES [DAYS]]]]

By default seed 1, 40 apps, 12 devices and 3 days. ``flowprint-zeek evaluate OUT/manifest.tsv``
takes what it writes.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.archive import columns_of
from flowprint_zeek.analysis.network import DAY
from flowprint_zeek.analysis.simulate import Network, Simulated, simulate
from flowprint_zeek.zeek.writer import write_frame

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

_KINDS = ("conn", "ssl", "dns", "http")


def captures(simulated: Simulated) -> Iterator[tuple[str, str, str, set[str]]]:
    """Yield a name, the app, the device and the connections of each capture."""
    apps = {*simulated.known["app"], *simulated.planted["app"]}
    conn = simulated.conn[["ts", "uid", "id.orig_h"]].merge(simulated.labels, on="uid")
    conn = conn[conn["label"].isin(apps)]
    day = (conn["ts"] - simulated.network.start) // DAY
    for (app, device, number), part in conn.groupby(["label", "id.orig_h", day]):
        name = f"{app}_{device}_{number}".replace(":", ".")
        yield name, str(app), str(device), set(part["uid"])


def write(simulated: Simulated, out: Path) -> int:
    """Write captures and ``manifest.tsv``; return how many."""
    columns = columns_of(simulated)
    start, end = simulated.network.start, simulated.network.end
    lines = ["path\tlabel\tdevice"]
    for name, app, device, uids in captures(simulated):
        folder = out / name
        folder.mkdir(parents=True)
        for kind in _KINDS:
            rows: pd.DataFrame = getattr(simulated, kind)
            own = rows[rows["uid"].isin(uids)]
            if len(own):
                path = folder / f"{kind}.log"
                write_frame(path, kind, columns[kind], own, opened=start, closed=end)
        lines.append(f"{name}\t{app}\t{device}")
    (out / "manifest.tsv").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return len(lines) - 1


def main(arguments: list[str]) -> int:
    """Simulate a network and write its captures."""
    seed, apps, devices, days = (
        int(arguments[at]) if len(arguments) > at else default
        for at, default in ((1, 1), (2, 40), (3, 12), (4, 3))
    )
    network = Network(seed=seed, apps=apps, devices=devices, days=days, unseen_apps=0)
    simulated = simulate(network)
    print(f"{write(simulated, Path(arguments[0]))} captures of {apps} simulated apps")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

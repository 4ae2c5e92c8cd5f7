"""A daemon beside a busy sensor: the rate it sustains, its memory and its state. *Simulated*.

A process writes conn.log and ssl.log faster than real time, rotates them every hour of log time and
stays at most a quarter of an hour of log time ahead of the daemon. One simulated hour is written
again and again with other uids, and for several groups of devices, so nothing but leaks can make
memory grow after the first hours. The first hour is learned.

Usage: python benchmarks/soak.py [HOURS [RATE [DEVICES [SEED [CROWD]]]]] [--json FILE]

By default 24 hours of 2,000 connections a second from about 11,000 devices. CROWD is how many
simulated devices share each address, for rates that a simulated device does not reach; default 1.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.analysis.archive import columns_of
from flowprint_zeek.analysis.network import HOUR, Network
from flowprint_zeek.analysis.simulate import simulate
from flowprint_zeek.config import load
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.stream.daemon import Daemon
from flowprint_zeek.zeek.writer import write_frame

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.sharedctypes import Synchronized

    import pandas as pd

    from flowprint_zeek.core.arrays import Ints
    from flowprint_zeek.zeek.columns import Columns

SECOND = 1_000_000
SLICE = 10 * SECOND
AHEAD = 900 * SECOND
ACTIVITY = 5
"""How active people, apps and systems are: five times what `flowprint-zeek simulate` has, about 0.2
connections a second and device."""

BUSIEST = 12
"""Hour of the day that is taken."""

HEADINGS = (
    *("hour", "rows", "rows a second", "rows a CPU second", "times real time"),
    *("memory MB", "state MB", "notices"),
)

_FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Table:
    """One log of one group in one hour.

    Attributes
    ----------
    kind : str
        Its kind.
    header : bytes
        Its header.
    ts, end : ndarray
        Time of each row, and the time that it is written at, µs after the hour's start.
    uids, hosts, rests : list of str
        Uid, device and the other fields of each row.
    """

    kind: str
    header: bytes
    ts: Ints
    end: Ints
    uids: list[str]
    hosts: list[str]
    rests: list[str]


def table(
    kind: str, columns: Columns, rows: pd.DataFrame, end: Ints, start: int, folder: Path
) -> Table:
    """Return rows of a simulated log as they are written again and again."""
    order = np.argsort(end, kind="stable")
    path = folder / f"{kind}.log"
    write_frame(path, kind, columns, rows.iloc[order], opened=start, closed=start)
    lines = path.read_text().splitlines()
    path.unlink()
    fields = [line.split("\t", 3) for line in lines if not line.startswith("#")]
    kept = [line for line in lines if line[0] == "#" and not line.startswith("#close")]
    header = "".join(f"{line}\n" for line in kept)
    return Table(
        kind,
        header.encode(),
        ints(rows["ts"])[order] - start,
        end[order] - start,
        *([row[at] for row in fields] for at in (1, 2, 3)),
    )


_NETWORKS = 236
"""Networks 10.20.0.0/16 and those after it."""

Places = list[dict[str, str]]
"""The addresses that the devices of an hour have, each time that it is written."""


def hour(
    rate: int, devices: int, seed: int, folder: Path, crowd: int = 1
) -> tuple[list[Table], Places, int]:
    """Return the logs of a simulated hour, the addresses for each writing, and its start."""
    network = Network(
        seed=seed,
        devices=devices,
        days=(BUSIEST + 1) / 24,
        apps=60,
        servers=devices // 20,
        things=devices // 5,
        browsers=devices // 4,
        unseen_apps=0,
        activity=ACTIVITY,
    )
    simulated = simulate(network)
    start = network.start + BUSIEST * HOUR
    conn, ssl = simulated.conn, simulated.ssl
    end = ints(conn["ts"]) + np.maximum(ints(conn["duration"]), 0)
    inside = (end >= start) & (end < start + HOUR)
    conn, end = conn[inside], end[inside]
    ssl = ssl[ssl["uid"].isin(conn["uid"])]
    told = np.maximum(ints(ssl["ts"]), start)
    groups = max(1, round(rate * 3600 / len(conn)))
    columns = columns_of(simulated)
    tables = [
        table(kind, columns[kind], rows, times, start, folder)
        for kind, rows, times in (("conn", conn, end), ("ssl", ssl, told))
    ]
    return tables, places(tables[0].hosts, groups, crowd), start


def places(hosts: list[str], groups: int, crowd: int) -> Places:
    """Return the addresses of each group; on each are so many devices, of as many groups."""
    known = sorted(set(hosts))
    networks = -(-groups // crowd)
    if networks > _NETWORKS:
        raise ValueError(f"{networks} networks of devices, of which there are {_NETWORKS}")
    found = []
    for group in range(groups):
        other, network = divmod(group, networks)
        shift = other * (len(known) // crowd) % len(known)
        found.append(
            {
                host: place.replace("10.20.", f"10.{20 + network}.", 1)
                for host, place in zip(known, known[shift:] + known[:shift], strict=True)
            }
        )
    return found


def lines(rows: Table, low: int, high: int, turn: int, groups: Places, start: int) -> bytes:
    """Return some rows of all groups in an hour."""
    base = start + turn * HOUR
    times = [f"{at / SECOND:.6f}" for at in (rows.ts[low:high] + base).tolist()]
    parts = []
    for group, place in enumerate(groups):
        parts += [
            f"{ts}\t{uid}{turn:x}.{group:x}\t{place[host]}\t{rest}\n"
            for ts, uid, host, rest in zip(
                times, rows.uids[low:high], rows.hosts[low:high], rows.rests[low:high], strict=True
            )
        ]
    return "".join(parts).encode()


def sensor(
    tables: list[Table],
    folder: Path,
    hours: int,
    groups: Places,
    start: int,
    reached: Synchronized[int],
) -> None:
    """Write the logs, hour by hour, never far ahead of the daemon."""
    for turn in range(hours):
        files = {
            rows.kind: (folder / f"{rows.kind}.log").open("wb", buffering=0) for rows in tables
        }
        for rows in tables:
            files[rows.kind].write(rows.header)
        for begin in range(0, HOUR, SLICE):
            while start + turn * HOUR + begin > reached.value + AHEAD:
                time.sleep(0.01)
            for rows in reversed(tables):
                low, high = np.searchsorted(rows.end, (begin, begin + SLICE)).tolist()
                files[rows.kind].write(lines(rows, low, high, turn, groups, start))
        for kind, file in files.items():
            file.close()
            Path(file.name).rename(folder / f"{kind}.{turn:04d}.log")
            (folder / f"{kind}.{turn - 2:04d}.log").unlink(missing_ok=True)


@dataclass(frozen=True)
class Hour:
    """What an hour of log time took."""

    hour: int
    rows: int
    seconds: float
    cpu: float
    memory_mb: float
    state_mb: float
    notices: int


def memory() -> float:
    """Return the resident memory of this process, MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def follow(
    site: Path, hours: int, start: int, reached: Synchronized[int], say: Callable[[str], None]
) -> list[Hour]:
    """Run a daemon over what the sensor writes, and return what each hour took."""
    overrides = {
        "run.logs": (str(site / "current"),),
        "run.archives": (),
        "run.state": str(site / "state.sqlite"),
        "run.output": str(site / "out"),
        "run.learn_for": "1h",
        "run.shadow_for": "0",
    }
    daemon = Daemon(load(None, environ={}, overrides=overrides))
    done: list[Hour] = []
    rows = 0
    wall, cpu = time.monotonic(), time.process_time()
    while len(done) < hours:
        if not daemon.poll():
            time.sleep(0.05)
        reached.value = max(start, daemon.live.watermark)
        if daemon.live.watermark < start + (len(done) + 1) * HOUR - 2 * SLICE:
            continue
        now, used, read = time.monotonic(), time.process_time(), daemon.stats.rows.total()
        state = sum(file.stat().st_size for file in site.glob("state.sqlite*")) / 1e6
        done.append(
            Hour(
                len(done) + 1,
                read - rows,
                now - wall,
                used - cpu,
                memory(),
                state,
                daemon.pipeline.detector.notices,
            )
        )
        say(row(done[-1]))
        rows, wall, cpu = read, now, used
    daemon.close()
    return done


def row(one: Hour) -> str:
    """Return an hour as a row of the table."""
    return (
        f"| {one.hour} | {one.rows:,} | {one.rows / one.seconds:,.0f} | {one.rows / one.cpu:,.0f} "
        f"| {3600 / one.seconds:.1f} | {one.memory_mb:.0f} | {one.state_mb:.0f} | {one.notices} |"
    )


def soaked(
    hours: int, rate: int, devices: int, seed: int, say: Callable[[str], None], crowd: int = 1
) -> tuple[float, list[Hour]]:
    """Return the connections a second that a daemon was given, and what each hour took."""
    with tempfile.TemporaryDirectory() as name:
        site = Path(name)
        (site / "current").mkdir()
        tables, groups, start = hour(rate, devices, seed, site, crowd)
        conns = len(groups) * len(tables[0].uids)
        n_devices = len({address for group in groups for address in group.values()})
        say(f"{conns / 3600:,.0f} connections a second of {n_devices:,} devices, simulated")
        say(f"| {' | '.join(HEADINGS)} |\n|{' ---: |' * len(HEADINGS)}")
        reached = _FORK.Value("q", start)
        writer = _FORK.Process(
            target=sensor,
            args=(tables, site / "current", hours, groups, start, reached),
            daemon=True,
        )
        writer.start()
        done = follow(site, hours, start, reached, say)
        writer.join()
    return conns / 3600, done


def main(arguments: list[str]) -> None:
    """Run the benchmark and print its table."""
    out = Path(arguments.pop(arguments.index("--json") + 1)) if "--json" in arguments else None
    numbers = [int(one) for one in arguments if one != "--json"]
    hours, rate, devices, seed, crowd = (numbers + [24, 2_000, 500, 1, 1][len(numbers) :])[:5]
    given, done = soaked(hours, rate, devices, seed, partial(print, flush=True), crowd)
    if out is not None:
        result: dict[str, Any] = {"connections_a_second": given, "cores": os.cpu_count()}
        out.write_text(json.dumps(result | {"hours": [asdict(one) for one in done]}, indent=1))


if __name__ == "__main__":
    main(sys.argv[1:])

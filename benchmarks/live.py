"""A daemon beside a sensor in real time: how late notices are, and what idling costs. *Simulated*.

Usage: python -m benchmarks.live [--rate 200] [--devices 50] [--crowd 1] [--seed S] [--batch 20]
                                 [--learned 2] [--batches 4] [--idle 60] [--hours 2] [--json FILE|-]

This process writes conn.log and ssl.log of a simulated busy hour (`benchmarks.soak`) as time goes
by, second for second, while ``flowprint-zeek run`` follows them in a process of its own. Batches
are short, and each has a planted app of its own. Latency is counted from the moment at which the
first row that closes a batch can be read (its end is later than the batch's, its lateness and the
disorder), until the time of the files in which the batch's verdicts and the notice of its app
stand; that is as exact as the file system's clock, some milliseconds. Before that moment lie the
batch itself, lateness and disorder, which are settings.

Then nothing is written for ``--idle`` seconds, and what the daemon costs meanwhile is told. At last
the daemon of `benchmarks.soak` follows ``--hours`` hours of log time faster than real time, of
which the first is learned: what one core sustains is connections for a core-second of the last
hour. 0 leaves that out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks import soak
from benchmarks.memory import most_of
from benchmarks.realtime import LATENESS, SECOND, Pace, Sensor, name_of
from benchmarks.report import environment, markdown, short, versions
from benchmarks.speed import count
from flowprint_zeek.stream.outputs import NOTICES, VERDICTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

WRITES = 0.2
"""Seconds between two writes of the sensor."""
LOOKS = 0.01
"""Seconds between two looks at what the daemon wrote."""
GRACE = 30.0
"""Seconds that are waited for the last batch, at least; else as long as it is."""
SETTLED = 5.0
"""Seconds from the last row until the daemon is idle."""


def settings(site: Path, pace: Pace) -> dict[str, dict[str, Any]]:
    """Return the settings of the daemon, by section."""
    return {
        "fingerprint": {"batch": pace.batch, "window": max(pace.batch / 10, 1)},
        "stream": {"lateness": LATENESS, "disorder": pace.delay - LATENESS},
        "notice": {"max_per_day": 1_000_000},
        "log": {"rows": "all"},
        "run": {
            "logs": [str(site / "current")],
            "archives": [],
            "state": str(site / "state.sqlite"),
            "output": str(site / "out"),
            "learn_for": pace.learned * pace.batch,
            "shadow_for": 0,
        },
    }


def changed(path: Path) -> float:
    """Return when a file was last written, seconds since the epoch."""
    return path.stat().st_mtime_ns / 1e9


class Watch:
    """Sees when the lines of each batch were written.

    Parameters
    ----------
    folder : Path
        Where the daemon writes.
    pace : Pace
        Batches.
    when : callable
        Returns when a file was last written, seconds since the epoch.

    Attributes
    ----------
    verdicts, notices : dict of int to float
        When flowprint.log had lines of each batch, and notice.log that of its app.
    """

    def __init__(self, folder: Path, pace: Pace, when: Callable[[Path], float] = changed) -> None:
        self.verdicts: dict[int, float] = {}
        self.notices: dict[int, float] = {}
        self._folder, self._pace, self._when = folder, pace, when
        self._read = {NOTICES: 0, VERDICTS: 0}

    def look(self, expected: range) -> None:
        """Look whether there are new lines."""
        for line, at in self._new(VERDICTS):
            begin = round(json.loads(line)["batch_start"])
            self.verdicts.setdefault(begin // self._pace.batch, at)
        for line, at in self._new(NOTICES):
            for number in expected:
                if name_of(number).encode() in line:
                    self.notices.setdefault(number, at)

    def _new(self, name: str) -> list[tuple[bytes, float]]:
        path = self._folder / name
        if not path.exists() or path.stat().st_size == self._read[name]:
            return []
        at = self._when(path)
        with path.open("rb") as file:
            file.seek(self._read[name])
            lines = file.read().splitlines(keepends=True)
        whole = [line for line in lines if line.endswith(b"\n")]
        self._read[name] += sum(map(len, whole))
        return [(line, at) for line in whole]


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch that was judged.

    Attributes
    ----------
    number : int
        Its number since the epoch.
    verdicts, notice : float or None
        Seconds from its end being readable until its verdicts and its notice were written; None
        where they were not.
    """

    number: int
    verdicts: float | None
    notice: float | None


def batches(expected: range, sensor: Sensor, watch: Watch) -> list[Batch]:
    """Return the latencies of batches."""
    return [
        Batch(number, *(_after(sensor, seen, number) for seen in (watch.verdicts, watch.notices)))
        for number in expected
    ]


def _after(sensor: Sensor, seen: Mapping[int, float], number: int) -> float | None:
    if number not in seen or number not in sensor.readable:
        return None
    return seen[number] - sensor.readable[number]


def cpu(process: int) -> float:
    """Return the core-seconds of a process so far, all of its threads, on Linux."""
    # The clock of a process as clock_getcpuclockid(3) makes it: nanoseconds, where /proc has ticks.
    return time.clock_gettime((~process << 3) | 2)


@dataclass(frozen=True, slots=True)
class Result:
    """What a daemon did in real time.

    Attributes
    ----------
    rate : float
        Rows of all logs a second.
    busy : float
        Core-seconds a second while there were rows.
    idle : float or None
        The same while there were none.
    peak : float or None
        Most MB that it held; None where the system does not tell.
    batches : list of Batch
        The batches that were judged.
    """

    rate: float
    busy: float
    idle: float | None
    peak: float | None
    batches: list[Batch]


def lived(rate: int, devices: int, seed: int, pace: Pace, idle: float, crowd: int = 1) -> Result:
    """Let a daemon follow a sensor in real time."""
    with tempfile.TemporaryDirectory(prefix="live") as name:
        site = Path(name)
        (site / "current").mkdir()
        hour, groups, _ = soak.hour(rate, devices, seed, site, crowd)
        config = site / "config.yaml"
        config.write_text(yaml.safe_dump(settings(site, pace)))
        command = [sys.executable, "-m", "flowprint_zeek", "run", "--config", str(config), "-q"]
        with subprocess.Popen(command) as daemon:  # noqa: S603 - our own command
            try:
                return _lived(hour, groups, site, pace, idle, daemon.pid)
            finally:
                daemon.terminate()


def _lived(
    hour: Sequence[soak.Table],
    groups: soak.Places,
    site: Path,
    pace: Pace,
    idle: float,
    daemon: int,
) -> Result:
    begin = int(time.time() * SECOND)
    sensor, watch = Sensor(hour, groups, site / "current", begin, pace), Watch(site / "out", pace)
    expected = pace.judged(begin)
    warm, used, written = begin / SECOND + pace.batch, cpu(daemon), 0
    due = begin / SECOND
    until = pace.closes(expected[-1]) / SECOND + max(GRACE, pace.batch)
    while not _complete(expected, watch) and time.time() < until:
        now = time.time()
        if now >= due:
            sensor.write(int(now * SECOND))
            due = now + WRITES
        if written == 0 and now >= warm:  # the start is not among what it costs
            warm, used, written = now, cpu(daemon), sensor.rows
        watch.look(expected)
        time.sleep(LOOKS)
    seconds = time.time() - warm
    rate, busy = (sensor.rows - written) / seconds, (cpu(daemon) - used) / seconds
    sensor.close()
    quiet = _idle(daemon, idle) if idle else None
    return Result(rate, busy, quiet, most_of(daemon), batches(expected, sensor, watch))


def _complete(expected: range, watch: Watch) -> bool:
    return expected[-1] in watch.verdicts and expected[-1] in watch.notices


def _idle(daemon: int, seconds: float) -> float:
    """Return the core-seconds a second of a daemon that gets no rows."""
    time.sleep(SETTLED)
    used, begun = cpu(daemon), time.time()
    time.sleep(seconds)
    return (cpu(daemon) - used) / (time.time() - begun)


def table(result: Result, pace: Pace) -> str:
    """Return latencies as a Markdown table, below a line of versions, and what the daemon costs."""
    header = ("batch", "verdicts after, ms", "notice after, ms")
    cells = [
        [str(number), *map(_milliseconds, (one.verdicts, one.notice))]
        for number, one in enumerate(result.batches, start=1)
    ]
    told = [one.notice for one in result.batches if one.notice is not None]
    middle = _milliseconds(statistics.median(told) if told else None)
    idle = "" if result.idle is None else f", {result.idle:.2%} of one while there is none"
    memory = "" if result.peak is None else f" and {result.peak:.0f} MB at most"
    about = (
        f"{short(result.rate)} rows a second, *simulated*, batches of {pace.batch} s: a notice "
        f"{middle} ms after its batch could close, in the median. The daemon takes "
        f"{result.busy:.1%} of a core{idle}{memory}."
    )
    return "\n".join([versions(), "", about, "", *markdown(header, cells), ""])


def _milliseconds(seconds: float | None) -> str:
    return "none" if seconds is None else f"{1000 * seconds:.0f}"


def sustained(given: float, hours: Sequence[soak.Hour]) -> dict[str, float]:
    """Return what the last hour says that a core sustains."""
    last = hours[-1]
    conns = 3600 * given
    return {
        "connections_a_core_second": conns / last.cpu,
        "rows_a_core_second": last.rows / last.cpu,
        "connections_a_second": conns / last.seconds,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print tables or JSON, and return 1 where a notice is missing."""
    given = _parser().parse_args(arguments)
    pace = Pace(given.batch, given.learned, given.batches)
    result = lived(given.rate, given.devices, given.seed, pace, given.idle, given.crowd)
    held: dict[str, float] = {}
    if given.hours:
        say = partial(print, file=sys.stderr, flush=True)
        of = (given.hours, given.rate, given.devices, given.seed, say, given.crowd)
        held = sustained(*soak.soaked(*of))
    parameters = {key: value for key, value in vars(given).items() if key != "json"}
    found = {
        "parameters": parameters,
        "environment": environment(),
        "simulated": True,
        "live": asdict(result),
        "sustained": held or None,
    }
    text = json.dumps(found, indent=2)
    if given.json not in (None, "-"):
        Path(given.json).write_text(text + "\n", encoding="utf-8")
    print(text if given.json == "-" else table(result, pace))
    if held and given.json != "-":
        each = ", ".join(f"{short(value)} {key.replace('_', ' ')}" for key, value in held.items())
        print(f"Sustained, faster than real time: {each}.")
    return 0 if all(one.notice is not None for one in result.batches) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.live",
        description="How late the notices of a daemon are, and what idling costs.",
    )
    parser.add_argument("--rate", type=count, default=200, help="connections a second; default 200")
    parser.add_argument("--devices", type=count, default=50, help="simulated ones; default 50")
    parser.add_argument("--crowd", type=count, default=1, help="of them on one address; default 1")
    parser.add_argument("--seed", type=int, default=1, help="of the simulator; default 1")
    parser.add_argument("--batch", type=count, default=20, help="its width, s; default 20")
    parser.add_argument("--learned", type=count, default=2, help="batches learned; default 2")
    parser.add_argument("--batches", type=count, default=4, help="batches judged; default 4")
    parser.add_argument("--idle", type=float, default=60, help="seconds without rows; default 60")
    parser.add_argument("--hours", type=int, default=2, help="of log time, sustained; default 2")
    parser.add_argument("--json", metavar="FILE", help="write JSON; - for stdout, without tables")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""Kill -9 of a daemon that runs, again and again: nothing may be lost, nothing may come twice.

``python -m tests.stream.crashes 300 1`` kills 300 daemons with seed 1 and prints what it counted.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.network import Network
from flowprint_zeek.analysis.simulate import simulate
from flowprint_zeek.stream.daemon import Daemon
from flowprint_zeek.stream.outputs import NOTICES, VERDICTS
from flowprint_zeek.stream.sinks import Sinks
from flowprint_zeek.stream.state import State
from flowprint_zeek.zeek.append import AppendedLog
from tests.stream.sensor import Sensor
from tests.stream.small import MIDNIGHT
from tests.stream.test_live import Running, replayed, settings, written

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowprint_zeek.config import Config

AIMS = ("committed", "appended", "committing", "starting", "anywhere", "anywhere")
"""Where daemons are killed in turn: between commit and write, between write and forgetting, inside
a transaction, while starting, and twice at any time."""

_FORK = multiprocessing.get_context("fork")
_SLOWEST = 60.0
"""Seconds after which a daemon that did not come where it was aimed at is killed there."""


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _after(times: int, function: Callable[..., object]) -> Callable[..., object]:
    """Return a function that kills the process after it was called so many times."""
    left = [times]

    def deadly(*arguments: object, **named: object) -> object:
        result = function(*arguments, **named)
        left[0] -= 1
        if left[0] <= 0:
            _die()
        return result

    return deadly


def _aim(aim: str, times: int) -> None:
    patches: dict[str, tuple[type, str, Callable[..., object]]] = {
        "committed": (State, "commit", _after(times, State.commit)),
        "appended": (AppendedLog, "append", _after(times, AppendedLog.append)),
        "committing": (State, "_transaction", _torn(times, State._transaction)),
        "starting": (Sinks, "write", _after(1, Sinks.write)),
    }
    if aim in patches:
        setattr(*patches[aim])


def _torn(times: int, transaction: Callable[..., object]) -> Callable[..., object]:
    """Return a transaction in which the process dies before it is whole."""
    left = [times]

    def begun(state: State) -> object:
        left[0] -= 1
        if left[0] <= 0:
            state._db.set_progress_handler(_die, 20)
        return transaction(state)

    return begun


def _live(config: Config, aim: str, times: int) -> None:
    """Be a daemon until killed."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _aim(aim, times)
    daemon = Daemon(config)
    while True:
        if not daemon.poll():
            time.sleep(0.002)


@dataclass
class Reader:
    """A SIEM's agent that follows a log: what it read once stays read."""

    path: Path
    data: bytearray = field(default_factory=bytearray)

    def read(self) -> None:
        if self.path.exists():
            with self.path.open("rb") as file:
                file.seek(len(self.data))
                self.data += file.read()


def crash(source: Path, folder: Path, kills: int, seed: int) -> Counter[str]:
    """Kill so many daemons that follow a sensor, compare with a replay, and return the kills.

    Raises
    ------
    AssertionError
        A line was lost, doubled or changed.
    """
    config = settings(folder)
    expected = replayed(source, folder / "replayed", config)
    chance = random.Random(seed)  # noqa: S311  a seeded choice, no secret
    sensor = Sensor(source, folder, seed)
    readers = [Reader(folder / "out" / name) for name in (NOTICES, VERDICTS)]
    done: Counter[str] = Counter()
    while done.total() < kills and not sensor.done:
        aim = AIMS[done.total() % len(AIMS)]
        daemon = _FORK.Process(target=_live, args=(config, aim, chance.randint(1, 3)))
        daemon.start()
        patience = time.monotonic() + (chance.random() * 0.4 if aim == "anywhere" else _SLOWEST)
        while daemon.is_alive() and time.monotonic() < patience and not sensor.done:
            sensor.step()
            for reader in readers:
                reader.read()
            daemon.join(0.002)
        daemon.kill()
        daemon.join()
        done[aim] += 1
    sensor.finish()
    Running(config).end()
    for reader in readers:
        reader.read()
    assert written(folder / "out") == expected
    assert {reader.path.name: bytes(reader.data) for reader in readers} == expected
    return done


def logs(folder: Path, kills: int) -> Path:
    """Write simulated logs that last for about so many kills, and return their folder."""
    network = Network(
        seed=3, devices=4, apps=6, days=0.2 + kills * 0.016, start=MIDNIGHT, unseen_apps=3
    )
    write(simulate(network), folder, rotate=None)
    return folder


def main(kills: int, seed: int) -> None:
    """Run it and print what was killed where."""
    with tempfile.TemporaryDirectory() as name:
        source = logs(Path(name) / "logs", kills)
        done = crash(source, Path(name) / "site", kills, seed)
        lines = {
            log: (Path(name) / "site" / "out" / log).read_bytes().count(b"\n")
            for log in (NOTICES, VERDICTS)
        }
    print(f"{done.total()} kills, {dict(done)}; nothing lost, nothing twice in {lines}")  # noqa: T201


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))

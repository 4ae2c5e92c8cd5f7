"""Zeek and the daemon, ended again and again while one hands findings to the other.

``python -m tests.zeek_scripts.handback kill 200 1`` kills 200 times with seed 1, half of them Zeek
right when it writes notice.log; ``term`` ends both as a service manager does. It prints what it
counted.
"""

from __future__ import annotations

import json
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from flowprint_zeek.errors import LogError
from flowprint_zeek.stream.outputs import NOTICES
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.join import COLUMNS
from flowprint_zeek.zeek.reader import ReadStats, read_chunks
from tests.stream.crashes import logs
from tests.stream.sensor import Sensor
from tests.stream.test_live import settings

SCRIPTS = Path(__file__).parents[2] / "zeek_scripts"
SITE = """
redef exit_only_after_terminate = T;
redef FlowPrint::outbox = "{outbox}";
redef FlowPrint::ack_delay = 3sec;
redef Notice::not_suppressed_types += {{ FlowPrint::Unseen_App }};
"""

_LONGEST = 8.0
"""Seconds after which at the latest something is ended."""

_PATIENCE = 90.0
_ID = re.compile(r"\bid=([0-9a-f]{16})\b")


def key_of(note: str, message: str, sub: str) -> str:
    """Return what tells a notice from others: its id, or what it says where it has none."""
    found = _ID.search(sub)
    return found[1] if found else f"{note} {message}"


@dataclass
class LiveZeek:
    """A Zeek that reads no packets, only the outbox, and a reader of its notice.log."""

    folder: Path
    outbox: Path
    process: subprocess.Popen[bytes] | None = None
    notices: Counter[str] = field(default_factory=Counter)

    def start(self) -> None:
        self.folder.mkdir(exist_ok=True)
        site = self.folder / "site.zeek"
        site.write_text(SITE.format(outbox=self.outbox), "utf-8")
        command = ["zeek", "-b", str(SCRIPTS), str(site)]
        with (self.folder / "said").open("ab") as said:
            self.process = subprocess.Popen(command, cwd=self.folder, stdout=said, stderr=said)

    def end(self, number: signal.Signals) -> None:
        """End it, and read what it left before the next one truncates it."""
        assert self.process is not None
        self.process.send_signal(number)
        self.process.wait(60)
        # Killed early, it leaves none, or half a header.
        with suppress(LogError):
            for log in find_logs([self.folder / NOTICES], ["notice"]):
                for chunk in read_chunks(log, ("ts", "note", "msg", "sub"), stats=ReadStats()):
                    self.notices.update(map(key_of, chunk["note"], chunk["msg"], chunk["sub"]))
        (self.folder / NOTICES).unlink(missing_ok=True)

    @property
    def written(self) -> int:
        """Bytes of its notice.log."""
        path = self.folder / NOTICES
        return path.stat().st_size if path.exists() else 0


@dataclass
class Handing:
    """A sensor with its daemon, and a Zeek that raises what that finds."""

    source: Path
    folder: Path
    seed: int

    def __post_init__(self) -> None:
        (self.folder / "handed").mkdir(parents=True)
        self.chance = random.Random(self.seed)  # noqa: S311  a seeded choice, no secret
        self.zeek = LiveZeek(self.folder / "zeek", self.folder / "handed" / "outbox.tsv")
        self.sensor = Sensor(self.source, self.folder, self.seed)
        self.daemon: subprocess.Popen[bytes] | None = None
        config = settings(
            self.folder,
            run__logs=(str(self.folder / "current"), str(self.folder / "zeek")),
            run__notices="both",
            run__outbox=str(self.zeek.outbox),
            # So that there are many, each with its own id.
            notice__repeat_after="0",
            notice__max_per_day=1_000_000,
        )
        self.config = self.folder / "config.yaml"
        self.config.write_text(yaml.safe_dump(config.to_dict()), "utf-8")

    def start_daemon(self) -> None:
        command = [sys.executable, "-m", "flowprint_zeek", "run", "--config", str(self.config)]
        with (self.folder / "said").open("ab") as said:
            self.daemon = subprocess.Popen(command, stdout=said, stderr=said)

    def end_daemon(self, number: signal.Signals) -> None:
        assert self.daemon is not None
        self.daemon.send_signal(number)
        self.daemon.wait(60)

    def until(self, share: float, patience: float, *, written: bool) -> None:
        """Let the sensor write a share of its logs, and some time pass.

        With `written` it ends as soon as Zeek has written a notice.
        """
        before, begun = self.zeek.written, time.monotonic()
        while time.monotonic() - begun < patience:
            if self.sensor.now < self.first + share * self.span and not self.sensor.done:
                self.sensor.step()
            else:
                time.sleep(0.0005)
            if written and self.zeek.written != before:
                return

    def run(self, ends: int, number: signal.Signals) -> Counter[str]:
        """End one or the other so many times, and return how often each."""
        self.first = self.sensor.now
        self.span = _last(self.source) - self.first
        done: Counter[str] = Counter()
        aims = ("written", "zeek", "written", "daemon")
        self.zeek.start()
        self.start_daemon()
        while done.total() < ends:
            aim = aims[done.total() % len(aims)]
            share = (done.total() + 1) / (ends + 1)
            patience = self.chance.random() * _LONGEST
            if aim == "written":
                self.until(share, _LONGEST, written=True)
                time.sleep(self.chance.choice((0.0, 0.0, 0.001, 0.01)))
            else:
                self.until(share, patience, written=False)
            self._end(aim, number)
            done[aim] += 1
        self._finish()
        return done

    def _end(self, aim: str, number: signal.Signals) -> None:
        # Now and then both are down at once, and come up in any order.
        both = self.chance.random() < 0.2
        ended = [aim == "daemon" or both, aim != "daemon" or both]
        if ended[0]:
            self.end_daemon(number)
        if ended[1]:
            self.zeek.end(number)
        starts = [
            start
            for start, down in zip((self.start_daemon, self.zeek.start), ended, strict=True)
            if down
        ]
        for start in self.chance.sample(starts, len(starts)):
            start()
            time.sleep(self.chance.random() * 2 if both else 0)

    def _finish(self) -> None:
        self.sensor.finish()
        begun = time.monotonic()
        while self.waiting or time.monotonic() - begun < 10:
            assert time.monotonic() - begun < _PATIENCE, self.waiting
            time.sleep(0.1)
        self.end_daemon(signal.SIGTERM)
        self.zeek.end(signal.SIGTERM)

    @property
    def waiting(self) -> list[str]:
        """Findings in the outbox."""
        lines = self.zeek.outbox.read_text("utf-8").splitlines()
        return [line.split("\t")[0] for line in lines if not line.startswith("#")]

    @property
    def found(self) -> Counter[str]:
        """What the daemon found, by its own notice.log."""
        lines = (self.folder / "out" / NOTICES).read_text("utf-8").splitlines()
        rows = map(json.loads, lines)
        return Counter(key_of(row["note"], row["msg"], row["sub"]) for row in rows)


def _last(source: Path) -> int:
    """Return the last time in the conn.log of a folder, µs."""
    (log,) = find_logs([source], ["conn"])
    return max(
        int(chunk["ts"].max()) for chunk in read_chunks(log, COLUMNS["conn"], stats=ReadStats())
    )


def hand(folder: Path, ends: int, seed: int, number: signal.Signals) -> tuple[Handing, str]:
    """Have findings handed over while either side is ended, and return what was counted.

    Raises
    ------
    AssertionError
        A finding was lost, or, where nobody was killed, raised twice.
    """
    handing = Handing(logs(folder / "logs", ends), folder / "site", seed)
    done = handing.run(ends, number)
    found, raised = handing.found, handing.zeek.notices
    assert found, "there is nothing to hand over"
    assert set(found.values()) == {1}
    assert raised.keys() == found.keys(), (found - raised, raised - found)
    twice = {one: count for one, count in raised.items() if count > 1}
    if number != signal.SIGKILL:
        assert not twice
    more = sum(twice.values()) - len(twice)
    said = f"{done.total()} ends by {number.name} {dict(done)}: {len(found)} findings, none lost, "
    return handing, f"{said}{more} notices more of {len(twice)} of them"


def main(how: str, ends: int, seed: int) -> None:
    """Run it and print what was counted."""
    number = {"kill": signal.SIGKILL, "term": signal.SIGTERM}[how]
    with tempfile.TemporaryDirectory() as name:
        print(hand(Path(name), ends, seed, number)[1])  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

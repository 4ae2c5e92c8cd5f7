"""What the daemon writes is what a replay of the same logs writes, whatever happens to the logs."""

from __future__ import annotations

import gzip
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.network import Network
from flowprint_zeek.analysis.simulate import simulate
from flowprint_zeek.config import Config, load
from flowprint_zeek.known import KnownApps, Site
from flowprint_zeek.stream.configured import learning_of
from flowprint_zeek.stream.daemon import Clocks, Daemon
from flowprint_zeek.stream.outputs import NOTICES, VERDICTS, Outputs
from flowprint_zeek.stream.pipeline import Pipeline
from flowprint_zeek.stream.replay import KINDS, Source, replay
from flowprint_zeek.zeek.files import find_logs
from tests.stream.sensor import LAG, Sensor
from tests.stream.small import MIDNIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.stream.sensor import Rotation

NETWORK = Network(seed=3, devices=4, apps=6, days=0.3, start=MIDNIGHT, unseen_apps=2)


def settings(folder: Path, **given: object) -> Config:
    overrides = {
        "log.rows": "all",
        "notice.format": "json",
        "run.logs": (str(folder / "current"),),
        "run.archives": (str(folder / "archive"),),
        "run.state": str(folder / "state.sqlite"),
        "run.output": str(folder / "out"),
        "run.learn_for": "3h",
        "run.shadow_for": "0",
        "run.keep": "36500d",
    }
    keys = {name.replace("__", "."): value for name, value in given.items()}
    return load(None, environ={}, overrides=overrides | keys)


@dataclass
class Running:
    """A daemon that may go down and come up, with clocks that are set by hand."""

    config: Config
    monotonic: float = 0.0
    daemon: Daemon | None = field(default=None)

    def poll(self) -> None:
        """Let it look at the logs until there is nothing new, starting it if it is down."""
        if self.daemon is None:
            self.daemon = Daemon(self.config, Clocks(monotonic=lambda: self.monotonic))
        self.monotonic += 0.01
        while self.daemon.poll():
            pass

    def stop(self) -> None:
        if self.daemon is not None:
            self.daemon.close()
            self.daemon = None

    def end(self) -> None:
        """Let conn.log be silent until all batches are closed."""
        self.poll()
        self.monotonic += 86_400
        self.poll()
        self.stop()


def replayed(folder: Path, out: Path, config: Config) -> dict[str, bytes]:
    """Return what a replay of complete logs writes."""
    outputs = Outputs(out, as_json=True, opened=0)
    with outputs:
        pipeline = Pipeline(config, Site(KnownApps(100_000)), learning_of(config), outputs)
        replay(Source(find_logs([folder], KINDS)), pipeline)
    return written(out)


def written(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in (NOTICES, VERDICTS)}


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("simulated")
    write(simulate(NETWORK), folder, rotate=None)
    return folder


@pytest.mark.parametrize("rotation", ["none", "plain", "zeekctl"])
@pytest.mark.parametrize("seed", range(3))
def test_live_equals_replay(simulated: Path, tmp_path: Path, rotation: Rotation, seed: int) -> None:
    """Rows out of order, flushes that end anywhere, rotation, restarts: the same bytes."""
    config = settings(tmp_path)
    expected = replayed(simulated, tmp_path / "replayed", config)
    assert expected[NOTICES].count(b"Unseen_App") >= 2
    assert followed(simulated, tmp_path, config, rotation, seed) > 5
    assert written(tmp_path / "out") == expected


def followed(
    source: Path,
    folder: Path,
    config: Config,
    rotation: Rotation,
    seed: int,
    lag: int | Mapping[str, int] = LAG,
) -> int:
    """Let a daemon that restarts now and then follow a sensor to its end; return the restarts."""
    sensor, running = Sensor(source, folder, seed, rotation, lag), Running(config)
    chance = random.Random(seed)  # noqa: S311  a seeded chance, no secret
    restarts = 0
    while not sensor.done:
        sensor.step()
        if chance.random() < 0.8:
            running.poll()
        if chance.random() < 0.02:
            running.stop()
            restarts += 1
            for _ in range(chance.choice((0, 5, 300))):
                if not sensor.done:
                    sensor.step()
    running.end()
    return restarts


@pytest.mark.parametrize("rotation", ["plain", "zeekctl"])
def test_live_equals_replay_on_real_logs(
    shared_data: Path, tmp_path: Path, rotation: Rotation
) -> None:
    """The same with the logs of a real network: http, dns and x509 too, a proxy, browsers."""
    source = tmp_path / "source"
    source.mkdir()
    for kind in ("conn", "ssl", "http", "dns", "x509"):
        parts = sorted((shared_data / "zeek-logs" / "proxy_rolling_tsv_gz").glob(f"{kind}.*.gz"))
        first, *others = (gzip.decompress(part.read_bytes()) for part in parts)
        rows = [line for part in others for line in part.splitlines(keepends=True)]
        kept = [line for line in rows if not line.startswith(b"#")]
        (source / f"{kind}.log").write_bytes(first + b"".join(kept))
    config = settings(tmp_path, run__learn_for="30m")
    expected = replayed(source, tmp_path / "replayed", config)
    assert expected[VERDICTS].count(b"\n") > 20
    assert followed(source, tmp_path, config, rotation, seed=1)
    assert written(tmp_path / "out") == expected

"""The daemon: the engine of a replay over the logs of a sensor that runs."""

from __future__ import annotations

import logging
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from flowprint_zeek import store
from flowprint_zeek.core.flows import microseconds
from flowprint_zeek.errors import ConfigError, OutputError, StateError
from flowprint_zeek.stream.kept import from_sections, sections
from flowprint_zeek.stream.live import FOLLOWED, Live
from flowprint_zeek.stream.phases import LEARN, Learning
from flowprint_zeek.stream.pipeline import Pipeline
from flowprint_zeek.stream.sinks import Sinks
from flowprint_zeek.stream.state import Commit, State
from flowprint_zeek.zeek.follow import Follower
from flowprint_zeek.zeek.join import COLUMNS
from flowprint_zeek.zeek.reader import ReadStats

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowprint_zeek.config import Config
    from flowprint_zeek.zeek.writer import Format

_logger = logging.getLogger(__name__)

PARAMETERS = "parameters"
"""Section of the state with the settings that what was learned depends on."""

_COMMITTING = 0.1
"""Share of the time that commits may take while the daemon catches up."""

_MARGIN = 7_200.0
"""How much older than the last commit archived logs may be that are looked at, seconds."""

_PRUNED = 3_600.0


@dataclass(frozen=True, slots=True)
class Clocks:
    """Where a daemon has its times from, in seconds."""

    wall: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic


class Daemon:
    """Follows logs, learns and judges their batches, and writes each finding once.

    Parameters
    ----------
    config : Config
        Settings.
    clocks : Clocks
        Clocks.

    Raises
    ------
    StateError, OutputError, ModelError, ConfigError
        The state, the outputs, the model of the first start or the settings cannot be used.
    """

    def __init__(self, config: Config, clocks: Clocks | None = None) -> None:
        self.config = config
        self.clocks = clocks or Clocks()
        self.stats = ReadStats()
        form: Format = "tsv" if config.notice.format == "tsv" else "json"
        self.sinks = Sinks(Path(config.run.output), form)
        self.state = State(Path(config.run.state))
        try:
            self.pipeline = self._pipeline()
            self.follower, self.live = self._followed()
        except BaseException:
            self.state.close()
            raise
        self._due = False
        self._committed = self.clocks.monotonic()
        self._cost = 0.0
        self._pruned: float | None = None
        self._last_row = self.clocks.monotonic()

    def _pipeline(self) -> Pipeline:
        """Return the pipeline as the state left it, or a new one."""
        config = self.config
        held = self.state.sections()
        model = None
        if not held and config.run.model:
            model = store.read(Path(config.run.model))
        site = (store.Model() if model is None else model).site(config.model.max_fingerprints)
        certificate = None if model is None else store.certificate_of(model)
        pipeline = Pipeline(config, site, learning_of(config), self.sinks, certificate=certificate)
        if held:
            self._check(held.pop(PARAMETERS, b""))
            try:
                pipeline.restore(from_sections(held))
            except ValueError as error:
                said = f"is damaged ({error}): move it away to learn anew, or put a copy of it back"
                raise StateError(said, path=self.state.path) from error
        if not len(pipeline.site.known) and config.run.mode not in {"auto", LEARN}:
            raise ConfigError(
                f"run.mode is {config.run.mode} and nothing is known: set run.model to a model, or "
                "run.mode to auto or learn"
            )
        return pipeline

    def _check(self, held: bytes) -> None:
        """Raise StateError where what was learned is of other parameters."""
        learned = msgspec.msgpack.decode(held, type=dict[str, object]) if held else {}
        for key, value in parameters_of(self.config).items():
            if learned.get(key, value) != value:
                said = f"was learned with {key} {learned[key]}, the settings say {value}"
                hint = "set it back, or move the file away to learn anew"
                raise StateError(f"{said}: {hint}", path=self.state.path)

    def _followed(self) -> tuple[Follower, Live]:
        run, resumed = self.config.run, self.state.logs()
        last = self.state.last_commit()
        since = None
        if last is not None:
            since = max(last - _MARGIN, self.clocks.wall() - run.catch_up)
        follower = Follower(
            run.logs,
            run.archives,
            {kind: COLUMNS[kind] for kind in FOLLOWED},
            positions={identity: one.position for identity, one in resumed.items()},
            stats=self.stats,
            clock=self.clocks.wall,
            since=since,
        )
        live = Live(
            follower,
            self.pipeline,
            resumed,
            skew=microseconds(run.skew),
            clock=lambda: microseconds(self.clocks.wall()),
        )
        return follower, live

    def poll(self, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Look at the logs once, take what they have, and tell whether there was anything.

        Parameters
        ----------
        stopped : callable
            Tells whether to leave off, between two batches.
        """
        if self._due and not self._commit():
            return False
        self.live.look()
        self._tell()
        any_rows = False
        while not stopped():
            before = self.pipeline.first_open
            if not self.live.step():
                break
            any_rows = True
            self._due |= self.pipeline.first_open != before
            spent = self.clocks.monotonic() - self._committed
            if self._due and self._cost <= spent * _COMMITTING and not self._commit():
                return True
        if any_rows:
            self._last_row = self.clocks.monotonic()
        else:
            self._wait_out()
        if self._due:
            self._commit()
        else:
            self.sinks.write(self.state)
        return any_rows

    def _wait_out(self) -> None:
        """Close by the clock what no row closes, once conn.log was silent for long."""
        silence = self.clocks.monotonic() - self._last_row
        if silence >= self.config.stream.idle and self.live.watermark > 0:
            before = self.pipeline.first_open
            self.live.pass_time(microseconds(silence))
            self._due |= self.pipeline.first_open != before

    def _commit(self) -> bool:
        """Commit what was done and write what is due; False where the state cannot be written."""
        begun = self.clocks.monotonic()
        held = sections(self.pipeline.state())
        held[PARAMETERS] = msgspec.msgpack.encode(parameters_of(self.config))
        wall = self.clocks.wall()
        commit = Commit(held, self.live.positions(), self.sinks.lines, self.sinks.notices, wall)
        try:
            self.state.commit(commit)
            if self._pruned is None or wall - self._pruned >= _PRUNED:
                self.state.prune(wall, self.config.run.keep)
                self._pruned = wall
        except OutputError as error:
            if not self._failing:
                _logger.warning("%s; nothing is read until it can be", error)
            self._failing = True
            return False
        self._failing = False
        self._due = False
        self.sinks.committed()
        self.live.committed()
        self.sinks.write(self.state)
        self._committed = self.clocks.monotonic()
        self._cost = self._committed - begun
        return True

    _failing = False

    def _tell(self) -> None:
        """Log what the logs have wrong, each once."""
        for problem in (*self.follower.take_problems(), *self.stats.problems):
            _logger.warning("%s", problem)
        self.stats.problems.clear()

    def close(self) -> None:
        """Leave off: what open batches have is read again at the next start."""
        try:
            if self._due:
                self._commit()
        finally:
            self.follower.close()
            self.sinks.close()
            self.state.close()


def learning_of(config: Config) -> Learning:
    """Return what is done with batches, as settings say."""
    run = config.run
    if run.mode != "auto":
        return Learning(always=run.mode)
    return Learning(duration=microseconds(run.learn_for), shadow=microseconds(run.shadow_for))


def parameters_of(config: Config) -> dict[str, object]:
    """Return the settings that what was learned depends on."""
    chosen = {f"fingerprint.{key}": value for key, value in asdict(config.fingerprint).items()}
    del chosen["fingerprint.clique_budget"]
    return chosen | {"device.key": config.device.key}

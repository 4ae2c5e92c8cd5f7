"""The daemon: the engine of a replay over the logs of a sensor that runs."""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek import store
from flowprint_zeek.core.flows import microseconds
from flowprint_zeek.errors import ConfigError, ModelError, OutputError, StateError, UsageError
from flowprint_zeek.stream.backlog import Backlog
from flowprint_zeek.stream.commits import Commit, Handed
from flowprint_zeek.stream.configured import basis_of, check_outputs, learning_of
from flowprint_zeek.stream.handback import ACK_COLUMNS, ACKS, Handback
from flowprint_zeek.stream.kept import basis, basis_section, from_sections, sections
from flowprint_zeek.stream.live import FOLLOWED, Live
from flowprint_zeek.stream.outputs import NOTICES, VERDICTS
from flowprint_zeek.stream.phases import LEARN
from flowprint_zeek.stream.pipeline import Pipeline
from flowprint_zeek.stream.reporter import Moment, Parts, Reporter
from flowprint_zeek.stream.requests import REFUSED, ForgetDevice, Import, carry_out, decoded
from flowprint_zeek.stream.requests import encoded as packed
from flowprint_zeek.stream.sinks import Sinks
from flowprint_zeek.stream.state import State
from flowprint_zeek.stream.status import encoded
from flowprint_zeek.zeek.follow import Follower
from flowprint_zeek.zeek.join import COLUMNS
from flowprint_zeek.zeek.reader import ReadStats

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flowprint_zeek.config import Config
    from flowprint_zeek.stream.status import Status
    from flowprint_zeek.zeek.writer import Format

_logger = logging.getLogger(__name__)

_COMMITTING = 0.1
"""Share of the time that commits may take while the daemon catches up."""

_PRUNED = 3_600.0

_TOLD = 3_600.0
"""Seconds after which rows that are left out are told of again."""


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
        self._begun = self._ahead = self.clocks.wall() - self.clocks.monotonic()
        self.stats = ReadStats()
        check_outputs(config)
        form: Format = "tsv" if config.notice.format == "tsv" else "json"
        self.sinks = Sinks(Path(config.run.output), form, config.run.notices)
        self.state = State(Path(config.run.state))
        try:
            self._check_due(form)
            self.pipeline = self._pipeline()
            self.follower, self.live = self._followed()
            self.handback = self._handback()
        except BaseException:
            self.state.close()
            raise
        self._due = self._failing = False
        self._answers: dict[int, str] = {}
        self._forgotten: set[str] = set()
        self._committed = self.clocks.monotonic()
        self._cost = 0.0
        self._pruned: float | None = None
        self._last_row = self.clocks.monotonic()
        self._backlog = Backlog(config.run.behind)
        self._future, self._future_told = 0, -_TOLD
        self.latest: Status | None = None
        self._reporter = self._made_reporter()

    def _check_due(self, form: Format) -> None:
        """Raise StateError where lines of another format wait to be written."""
        for name in (NOTICES, VERDICTS):
            for _, line in self.state.unwritten(name)[:1]:
                held = "json" if line.data.startswith(b"{") else "tsv"
                if held != form:
                    said = f"holds lines of {name} that are not written yet as {held}"
                    hint = f"set notice.format to {held} until they are"
                    raise StateError(f"{said}: {hint}", path=self.state.path)

    def _pipeline(self) -> Pipeline:
        """Return the pipeline as the state left it, or a new one."""
        config = self.config
        held = self.state.sections()
        model = store.Model() if held else self._model()
        site, certificate = model.site(config.model.max_fingerprints), store.certificate_of(model)
        pipeline = Pipeline(config, site, learning_of(config), self.sinks, certificate=certificate)
        if held:
            try:
                if said := self._misfit(basis(held)):
                    hint = "set it back, or move the file away to learn anew"
                    raise StateError(f"was learned with {said}: {hint}", path=self.state.path)
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

    def _model(self) -> store.Model:
        """Return the model to start from, an empty one where none is set."""
        path = self.config.run.model
        if not path:
            return store.Model()
        model = store.read(Path(path))
        made = {f"fingerprint.{key}": each for key, each in asdict(model.parameters).items()}
        if said := self._misfit(made):
            raise ModelError(f"was made with {said}", path=path)
        try:
            packed(Import(model.apps, [], {}))
        except ValueError as error:
            raise ModelError(f"the state has no form for it: {error}", path=path) from error
        return model

    def _misfit(self, learned: Mapping[str, object]) -> str:
        """Return which of some parameters the settings say otherwise, "" for none."""
        for key, value in basis_of(self.config).items():
            if learned.get(key, value) != value:
                return f"{key} {learned[key]}, the settings say {value}"
        return ""

    def _followed(self) -> tuple[Follower, Live]:
        run, resumed = self.config.run, self.state.logs()
        wall = self.clocks.wall()
        follower = Follower(
            run.logs,
            run.archives,
            {kind: COLUMNS[kind] for kind in FOLLOWED} | {ACKS: ACK_COLUMNS},
            positions={identity: one.position for identity, one in resumed.items()},
            stats=self.stats,
            clock=self.clocks.monotonic,
            # What was archived before the first start is none of its business.
            since=max(wall - run.catch_up, self.state.begun(wall)),
        )
        live = Live(
            follower,
            self.pipeline,
            resumed,
            skew=microseconds(run.skew),
            clock=lambda: microseconds(self._latest()),
        )
        return follower, live

    def _handback(self) -> Handback:
        return Handback(
            self.config.run.outbox,
            self.state,
            self.follower,
            self.clocks.wall,
            self.clocks.monotonic,
            used=self.config.run.notices != "log",
        )

    def _latest(self) -> float:
        """Return the latest time that it may be, s: a clock that is set back changes nothing."""
        monotonic = self.clocks.monotonic()
        self._ahead = max(self._ahead, self.clocks.wall() - monotonic)
        return monotonic + self._ahead

    def _age(self) -> float:
        """Return how long ago the newest row that was read was written, seconds."""
        return self.clocks.monotonic() + self._begun - self.live.watermark / 1e6

    def poll(self, stopped: Callable[[], bool] = lambda: False) -> bool:
        """Look at the logs once, take what they have, and tell whether there was anything.

        Parameters
        ----------
        stopped : callable
            Tells whether to leave off, between two batches.
        """
        if self._due and not self.commit():
            self._report()
            return False
        self.serve()
        self.live.look()
        # A state that cannot be written is told of by the next commit.
        with suppress(OutputError):
            self.handback.tend()
        self._tell()
        self._report()
        any_rows = False
        while not stopped():
            before = self.pipeline.first_open
            if not self.live.step():
                if any_rows:
                    self._backlog.done(self._age())
                break
            if any_rows:
                self._backlog.reading(self._age())
            any_rows, self._last_row = True, self.clocks.monotonic()
            self._due |= self.pipeline.first_open != before
            spent = self.clocks.monotonic() - self._committed
            if self._due and self._cost <= spent * _COMMITTING:
                if not self.commit():
                    return True
                self.serve()
            self._report()
        if not any_rows:
            self._wait_out()
        if self._due:
            self.commit()
        else:
            self.sinks.write(self.state)
        self._report()
        return any_rows

    def serve(self) -> None:
        """Carry out what people asked for; it is answered with the next commit."""
        try:
            requests = self.state.requests()
        except OutputError:
            # The next commit fails too, and says so.
            return
        for number, asked in requests:
            if number in self._answers:
                continue
            try:
                request = decoded(asked)
                answer = carry_out(request, self.pipeline)
                if isinstance(request, ForgetDevice):
                    self._forgotten.add(request.device)
            except (UsageError, ValueError) as error:
                answer = f"{REFUSED}{error}"
            self._answers[number] = answer
            self._due = True

    def _wait_out(self) -> None:
        """Close by the clock what no row closes, once conn.log was silent for long."""
        if not self.live.watching:
            # Rows may be written where they cannot be read.
            self._last_row = self.clocks.monotonic()
        silence = self.clocks.monotonic() - self._last_row
        if silence >= self.config.stream.idle and self.live.watermark > 0:
            before = self.pipeline.first_open
            self.live.pass_time(microseconds(silence))
            self._due |= self.pipeline.first_open != before

    def commit(self) -> bool:
        """Commit what was done and write what is due; False where the state cannot be written."""
        begun = self.clocks.monotonic()
        held = sections(self.pipeline.state()) | basis_section(basis_of(self.config))
        wall = self.clocks.wall()
        handed = [Handed(one, wall, row) for one, row in self.sinks.handed]
        commit = Commit(
            held,
            self.live.positions(),
            self.sinks.lines,
            self.sinks.notices,
            wall,
            dict(self._answers),
            self._forgotten,
            handed,
        )
        try:
            self.state.commit(commit)
        except OutputError as error:
            if not self._failing:
                _logger.warning("%s; nothing is read until it can be", error)
            self._failing = True
            return False
        self._failing = False
        self._due = False
        self._answers.clear()
        self._forgotten.clear()
        self.handback.add(handed)
        self.sinks.committed()
        self.live.committed()
        self.sinks.write(self.state)
        self._prune(wall)
        self._reporter.outdated()
        self._committed = self.clocks.monotonic()
        self._cost = self._committed - begun
        return True

    def _prune(self, wall: float) -> None:
        now = self.clocks.monotonic()
        if self._pruned is None or now - self._pruned >= _PRUNED:
            # Where that fails the next commit does too, and says so.
            with suppress(OutputError):
                self.state.prune(wall, self.config.run.keep)
                self.handback.prune(self.config.run.keep)
                self._pruned = now

    def _tell(self) -> None:
        """Log what the logs have wrong, each once."""
        for problem in (*self.follower.take_problems(), *self.stats.problems):
            _logger.warning("%s", problem)
        self.stats.problems.clear()
        now, more = self.clocks.monotonic(), self.live.future - self._future
        if more and now - self._future_told >= _TOLD:
            text = "%d rows end more than %g s ahead of this host's clock: left out"
            _logger.warning(text, more, self.config.run.skew)
            self._future, self._future_told = self.live.future, now

    def _made_reporter(self) -> Reporter:
        parts = Parts(
            self.config,
            self.pipeline,
            self.live,
            self.follower,
            self.sinks,
            self.handback,
            self.state,
            self.stats,
        )
        return Reporter(parts, self.clocks.wall(), self.clocks.monotonic())

    def status(self) -> Status:
        """Return what the daemon does now."""
        wall, monotonic = self.clocks.wall(), self.clocks.monotonic()
        silence = monotonic - self._last_row
        return self._reporter.status(
            Moment(wall, monotonic, silence, self._backlog.behind, self._failing, self._cost)
        )

    def _report(self) -> None:
        """Tell the status, where it is time, to whoever looks at the state."""
        now = self.clocks.monotonic()
        if not self._reporter.due(now):
            return
        self.latest = self.status()
        self._reporter.told(now)
        # Nothing depends on it.
        with suppress(OutputError, StateError):
            self.state.keep_status(encoded(self.latest))

    def close(self) -> None:
        """Leave off: what open batches have is read again at the next start."""
        # What was not committed may be half a batch: nothing is but at the end of one.
        self.follower.close()
        self.sinks.close()
        self.state.close()

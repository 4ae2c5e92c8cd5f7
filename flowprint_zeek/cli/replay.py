"""``replay``: run archived logs through the whole pipeline."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from flowprint_zeek import store
from flowprint_zeek.cli import embedded, options
from flowprint_zeek.cli.capture import found
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.matching import fits_logs, with_parameters
from flowprint_zeek.cli.replaying import learning, nothing_known, replayed
from flowprint_zeek.errors import LogError, OutputError, UsageError
from flowprint_zeek.stream.apart import replay_apart
from flowprint_zeek.stream.configured import parameters_of
from flowprint_zeek.stream.outputs import NOTICES, VERDICTS, Outputs
from flowprint_zeek.stream.phases import Learning
from flowprint_zeek.stream.pipeline import Pipeline
from flowprint_zeek.stream.replay import KINDS, Source, Span, replay
from flowprint_zeek.stream.report import report, warnings

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config
    from flowprint_zeek.stream.notices import Row
    from flowprint_zeek.zeek.files import LogFile


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    begun = time.monotonic()
    learned = _learning(args)
    config = options.settings(args)
    model = None if args.model is None else store.read(args.model)
    if model is not None:
        config = with_parameters(config, model, args, args.model)
        fits_logs(model, args.model)
    logs = found(args.logs, KINDS)
    _apart(logs, args.output)
    source = Source(logs, config.stream.chunk_rows, Span(*options.times(args)))
    done = run(source, config, model, learned, args.output, terminal, args.workers)
    for warning in warnings(source, done.pipeline):
        terminal.warn(warning)
    if not len(done.pipeline.site.known):
        raise LogError(nothing_known(done.pipeline, source.span))
    result = done.result
    result["seconds"] = round(time.monotonic() - begun, 3)
    if args.json:
        terminal.json({"parameters": config.to_dict()} | result)
    else:
        show(result, args.output, terminal)
    return Exit.OK


def _learning(args: Namespace) -> Learning:
    chosen = learning(args)
    if args.model is None and chosen == Learning():
        raise UsageError(
            "nothing is known: give --model FILE, or --learn-until TIME or --learn-for DURATION"
        )
    return chosen


def _apart(logs: list[LogFile], output: Path) -> None:
    """Raise OutputError where the results would replace logs of the sensor."""
    if output.resolve() in {log.path.resolve().parent for log in logs}:
        raise OutputError("holds logs that are read: name a folder of its own", path=output)
    notices = output / NOTICES
    if notices.exists() and not (output / VERDICTS).exists():
        said = f"is not of a replay, which has a {VERDICTS} beside it: name another folder"
        raise OutputError(said, path=notices)


@dataclass(frozen=True, slots=True)
class Done:
    """A finished replay: its pipeline, its rows of notice.log, and its figures."""

    pipeline: Pipeline
    notices: list[Row]
    result: dict[str, object]


def run(
    source: Source,
    config: Config,
    model: store.Model | None,
    learning: Learning,
    output: Path,
    terminal: Terminal,
    workers: int = 1,
) -> Done:
    """Replay logs into a directory, with one or two processes."""
    site = (store.Model() if model is None else model).site(config.model.max_fingerprints)
    near, opened = embedded.in_notices(config, site), source.first_time()
    with Outputs(output, as_json=config.notice.format == "json", opened=opened) as outputs:
        certificate = None if model is None else store.certificate_of(model)
        pipeline = Pipeline(config, site, learning, outputs, certificate=certificate)
        pipeline.detector.near = near
        try:
            way = replay if workers == 1 else partial(replay_apart, config)
            replayed(source, pipeline, terminal, "replay", way)
        finally:
            outputs.closed = max(pipeline.last_closed, opened)
        if len(site.known):
            outputs.model(
                store.Model(
                    parameters_of(config),
                    config.detect.threshold,
                    pipeline.certificate or "sha256",
                    [app for _, app in site.known],
                    site.seen,
                    site.browsers,
                )
            )
    return Done(pipeline, outputs.notices, report(source, pipeline))


def show(result: dict[str, object], output: Path, terminal: Terminal) -> None:
    """Write the figures for people."""
    rows = []
    for key, value in result.items():
        if isinstance(value, dict):
            parts = [f"{name} {'-' if part is None else part}" for name, part in value.items()]
            text = ", ".join(parts) or "-"
        else:
            text = str(value)
        rows.append((key.replace("_", " "), text))
    terminal.table(f"Replay into {output}", ("", ""), rows)
    terminal.line(f"Notices: {output / NOTICES}")

"""Running logs through a pipeline, as ``replay`` and the forecast of ``calibrate`` do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowprint_zeek.core.flows import microseconds
from flowprint_zeek.errors import UsageError
from flowprint_zeek.stream.phases import Learning
from flowprint_zeek.stream.replay import Span, replay
from flowprint_zeek.stream.report import no_flows
from flowprint_zeek.zeek.join import CONNECTIONS

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable
    from pathlib import Path

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.stream.pipeline import Pipeline
    from flowprint_zeek.stream.replay import Source
    from flowprint_zeek.zeek.files import LogFile


def learning(args: Namespace) -> Learning:
    """Return what the options of `options.add_learning` say.

    Raises
    ------
    UsageError
        They contradict each other.
    """
    if args.learn_until is not None and args.learn_for is not None:
        raise UsageError("--learn-until and --learn-for contradict each other: give one")
    duration = None if args.learn_for is None else microseconds(args.learn_for)
    return Learning(args.learn_until, duration)


def replayed(
    source: Source,
    pipeline: Pipeline,
    terminal: Terminal,
    title: str,
    run: Callable[[Source, Pipeline], None] = replay,
) -> None:
    """Replay logs, with progress by log of connections."""
    conn = [log for log in source.logs if log.kind in CONNECTIONS]
    done: set[Path] = set()
    with terminal.progress(title, total=len(conn)) as advance:

        def on_chunk(log: LogFile, _rows: int) -> None:
            if log.kind in CONNECTIONS and log.path not in done:
                done.add(log.path)
                advance()

        source.on_chunk = on_chunk
        run(source, pipeline)


def nothing_known(pipeline: Pipeline, span: Span) -> str:
    """Return why nothing is known after a replay."""
    counts = pipeline.counts
    if not counts.flows:
        cut = "" if span == Span() else "; --since and --until leave out other rows"
        return f"{no_flows(pipeline.gathered.dropped)}{cut}"
    batches = f"{counts.learned} of {counts.batches} batches learned"
    return f"nothing is known: no fingerprint in {batches}; learn longer"

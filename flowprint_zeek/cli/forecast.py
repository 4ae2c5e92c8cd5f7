"""``calibrate`` on the logs of a site without labels: a forecast of its notices."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from flowprint_zeek.cli import options
from flowprint_zeek.cli.capture import found
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.replaying import learning, nothing_known, replayed
from flowprint_zeek.core.flows import microseconds
from flowprint_zeek.errors import LogError
from flowprint_zeek.known import KnownApps, Site
from flowprint_zeek.stream.forecast import THRESHOLDS, Expected, Forecast, lowest
from flowprint_zeek.stream.pipeline import Pipeline
from flowprint_zeek.stream.replay import KINDS, Source, Span
from flowprint_zeek.stream.report import report, warnings

if TYPE_CHECKING:
    from argparse import Namespace

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config
    from flowprint_zeek.stream.explained import Why
    from flowprint_zeek.stream.notices import Row
    from flowprint_zeek.stream.phases import Learning

TOP = 5
"""Causes of each kind that are told."""


class _Nowhere:
    """A sink that keeps nothing."""

    def notice(self, row: Row, _why: Why | None = None) -> None:
        """Take a row of notice.log."""

    def verdict(self, row: Row) -> None:
        """Take a row of flowprint.log."""


def wanted(args: Namespace) -> bool:
    """Tell whether a forecast is asked for."""
    return args.learn_until is not None or args.learn_for is not None


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    learned = learning(args)
    config = options.settings(args)
    logs = found(args.inputs, KINDS)
    source = Source(logs, config.stream.chunk_rows, Span(*options.times(args)))
    forecast, pipeline = _watched(source, config, learned, terminal)
    for warning in warnings(source, pipeline):
        terminal.warn(warning)
    _check(pipeline, forecast, source.span)
    if forecast.days < 1:
        terminal.warn(f"{forecast.days * 24:.1f} hours were watched: notices a day are a guess")
    if forecast.dropped:
        terminal.warn(f"{forecast.dropped} fingerprints were too many to keep: more is to come")
    rule, notices = pipeline.detector.rule, pipeline.pending.rule
    max_age = microseconds(config.model.max_age)
    expected = [forecast.at(one, rule, notices, max_age) for one in THRESHOLDS]
    chosen = lowest(expected, config.notice.max_per_day)
    if args.json:
        told = _as_json(config, forecast, expected, chosen)
        terminal.json(told | {"replay": report(source, pipeline)})
    else:
        _show(config, forecast, expected, chosen, terminal)
    return Exit.OK


def _watched(
    source: Source, config: Config, learning: Learning, terminal: Terminal
) -> tuple[Forecast, Pipeline]:
    """Learn the first part of logs and record the rest at the lowest threshold."""
    config = replace(config, detect=replace(config.detect, min_score=THRESHOLDS[0]))
    site = Site(KnownApps(config.model.max_fingerprints))
    pipeline = Pipeline(config, site, learning, _Nowhere())
    forecast = pipeline.detector.forecast = Forecast()
    replayed(source, pipeline, terminal, "watch")
    return forecast, pipeline


def _check(pipeline: Pipeline, forecast: Forecast, span: Span) -> None:
    """Raise LogError if nothing was learned, or nothing watched."""
    if not pipeline.counts.flows or not len(pipeline.site.known):
        raise LogError(nothing_known(pipeline, span))
    if not forecast.days:
        raise LogError("all batches were learned: nothing is left to watch; learn less")


def _as_json(
    config: Config, forecast: Forecast, expected: list[Expected], chosen: Expected | None
) -> dict[str, object]:
    return {
        "parameters": config.to_dict(),
        "days": forecast.days,
        "candidates": len(forecast),
        "candidates_dropped": forecast.dropped,
        "thresholds": [
            {
                "min_score": one.threshold,
                "notices": one.notices,
                "per_day": one.per_day,
                "worst_day": one.worst,
                "apps": one.apps,
                "causes": one.top(TOP),
            }
            for one in expected
        ],
        "min_score": None if chosen is None else chosen.threshold,
    }


def _show(
    config: Config,
    forecast: Forecast,
    expected: list[Expected],
    chosen: Expected | None,
    terminal: Terminal,
) -> None:
    rows = [
        [
            f"{one.threshold:g}",
            one.notices,
            f"{one.per_day:.1f}",
            f"{one.worst:.1f}",
            one.apps,
            "chosen" if one is chosen else "",
        ]
        for one in expected
    ]
    columns = ("detect.min_score", "notices", "a day", "on the worst day", "apps", "")
    terminal.table(f"Notices in {forecast.days:.2f} days", columns, rows)
    most = config.notice.max_per_day
    if chosen is None:
        terminal.line(f"No threshold stays under {most} notices on every day: learn longer")
    else:
        terminal.line(f"The lowest that stays under {most} a day: {chosen.threshold:g}")
    told = expected[-1] if chosen is None else chosen
    for name, counts in told.top(TOP).items():
        terminal.table(f"Notices by {name}, at {told.threshold:g}", ("", ""), counts.items())

"""``flow2vec fit`` and ``flow2vec search``: what trains on logs."""

from __future__ import annotations

import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.flow2vec import modelfile
from flowprint_zeek.analysis.flow2vec.corpus import Limits, collect
from flowprint_zeek.analysis.flow2vec.embedding import Settings
from flowprint_zeek.analysis.flow2vec.reading import CONN, NAMING, Reading
from flowprint_zeek.analysis.flow2vec.search import grid, search
from flowprint_zeek.analysis.flow2vec.sentences import Cut
from flowprint_zeek.analysis.flow2vec.tokens import Scheme
from flowprint_zeek.analysis.flow2vec.training import available, train
from flowprint_zeek.analysis.labelled import read_labels
from flowprint_zeek.cli import options
from flowprint_zeek.cli.arguments.fitting import COUNTS, GRID, TRAINED, option
from flowprint_zeek.cli.capture import found
from flowprint_zeek.core.flows import microseconds, seconds
from flowprint_zeek.errors import LogError, OutputError, UsageError
from flowprint_zeek.stream.replay import Span
from flowprint_zeek.stream.report import foreign, no_flows

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from flowprint_zeek.analysis.flow2vec.corpus import Corpus
    from flowprint_zeek.analysis.flow2vec.embedding import Embedding
    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.zeek.files import LogFile

_DEFAULT = Settings()

_FIXED = ("scheme", "cut", "everyone", "size", "seed")
"""What a model that is trained on decides."""


def fit(args: Namespace, terminal: Terminal) -> None:
    """Train a model on logs."""
    begun = time.monotonic()
    available()
    check_output(args.output)
    before = None if args.model is None else modelfile.read(args.model)
    settings = _settings(args, before)
    with _corpus(args, settings, terminal, before) as (corpus, reading):
        total = corpus.n_sentences * settings.epochs
        with terminal.progress("train", total=total) as advance:
            model = train(corpus, settings, before, workers=args.workers, advance=advance)
        modelfile.write(args.output, model)
        result = _told(corpus, reading) | {
            "tokens": len(model.tokens),
            "new_tokens": len(model.tokens) - (0 if before is None else len(before.tokens)),
            "labelled_tokens": len(model.labels),
            "trainings": model.trainings,
            "seconds": round(time.monotonic() - begun, 3),
        }
    result = {"output": str(args.output)} | result
    if args.json:
        terminal.json({"parameters": parameters(settings)} | result)
        return
    rows = [(key.replace("_", " "), value) for key, value in result.items() if key != "dropped"]
    terminal.table(f"Model {args.output}", ("", ""), rows)


def searched(args: Namespace, terminal: Terminal) -> None:
    """Try settings on logs."""
    available()
    base = _settings(args, None, dict.fromkeys(TRAINED))
    given = {name: getattr(args, name) or GRID[name] for name in TRAINED}
    tries = grid(base, {name: _whole_numbers(name, values) for name, values in given.items()})
    with _corpus(args, base, terminal, None) as (corpus, reading):
        with terminal.progress("train and test", total=len(tries)) as advance:
            tried = search(corpus, tries, advance)
        result = _told(corpus, reading)
    rows = [
        {name: getattr(one.settings, name) for name in TRAINED}
        | {"score": one.score, "error": one.error}
        for one in tried
    ]
    if args.json:
        terminal.json({"parameters": parameters(base)} | result | {"tried": rows})
        return
    terminal.table(
        f"Pairs of one sentence nearer than drawn ones ({corpus.n_sentences} sentences, the last "
        "fifth tested)",
        (*TRAINED, "score", "error"),
        [[*(row[name] for name in TRAINED), row["score"], row["error"]] for row in rows],
    )
    best = " ".join(f"{option(name)} {rows[0][name]:g}" for name in TRAINED)
    terminal.line(f"Best: {best}")


def _whole_numbers(name: str, values: tuple[float, ...]) -> list[float]:
    return [value if name == "sample" else int(value) for value in values]


def parameters(settings: Settings) -> dict[str, object]:
    """Return settings as JSON has them."""
    cut = settings.cut
    said = {field.name: getattr(settings, field.name) for field in fields(settings)}
    return {
        "tokens": ",".join(settings.scheme.fields),
        "sentence": seconds(cut.span) if cut.flows is None else None,
        "sentence_flows": cut.flows,
        "together": cut.together,
    } | {name: value for name, value in said.items() if name not in {"scheme", "cut"}}


def _settings(
    args: Namespace, before: Embedding | None, without: dict[str, None] | None = None
) -> Settings:
    """Return what the options say; what a model that is trained on decides, they must not."""
    given = {
        name: value
        for name in (TRAINED | COUNTS).keys() - (without or {}).keys()
        if (value := getattr(args, name)) is not None
    }
    if args.sentence is not None and args.sentence_flows is not None:
        raise UsageError("--sentence and --sentence-flows contradict each other: give one")
    if args.tokens is not None:
        given["scheme"] = Scheme.parse(args.tokens)
    if args.sentence is not None or args.sentence_flows is not None or args.together:
        span = _DEFAULT.cut.span if args.sentence is None else microseconds(args.sentence)
        given["cut"] = Cut(span, args.sentence_flows, args.together)
    if args.everyone:
        given["everyone"] = True
    if before is None:
        return replace(_DEFAULT, **given)
    for name in _FIXED:
        if name in given and given[name] != getattr(before.settings, name):
            has = asdict(before.settings)[name]
            raise UsageError(
                f"--model {args.model} was fitted with other {name} ({has}): leave the option out"
            )
    return replace(before.settings, **given)


def check_output(path: Path) -> None:
    """Raise OutputError at once where nothing could be written after hours."""
    if path.is_dir() or not path.absolute().parent.is_dir():
        said = "is a folder" if path.is_dir() else "cannot be written: no such folder"
        raise OutputError(said, path=path)


@contextmanager
def _corpus(
    args: Namespace, settings: Settings, terminal: Terminal, before: Embedding | None
) -> Iterator[tuple[Corpus, Reading]]:
    """Read the logs into a folder that goes with the block."""
    config = options.settings(args)
    span = Span(*options.times(args))
    labels = None if args.labels is None else read_labels(args.labels)
    logs = found(args.logs, (CONN, *NAMING) if settings.scheme.named else (CONN,))
    reading = Reading(
        logs, config, everyone=settings.everyone, named=settings.scheme.named, span=span
    )
    reading.labels = labels
    also = () if before is None else before.places
    limits = Limits(settings.min_count, also, args.max_tokens)
    with tempfile.TemporaryDirectory(prefix="flow2vec-") as folder:
        with _progress(reading, terminal):
            corpus = collect(reading, settings.scheme, settings.cut, Path(folder), limits)
        for warning in _warnings(args, corpus, reading):
            terminal.warn(warning)
        if not corpus.n_flows:
            cut = "" if span == Span() else "; --since and --until leave out other rows"
            raise LogError(f"{no_flows(reading.dropped)}{cut}; or give --everyone")
        yield corpus, reading


@contextmanager
def _progress(reading: Reading, terminal: Terminal) -> Iterator[None]:
    """Show how many logs of connections are begun."""
    begun: set[Path] = set()
    conn = [log for log in reading.logs if log.kind == CONN]
    with terminal.progress("read", total=len(conn)) as advance:

        def on_chunk(log: LogFile, _rows: int) -> None:
            if log.kind == CONN and log.path not in begun:
                begun.add(log.path)
                advance()

        reading.on_chunk = on_chunk
        yield


def _warnings(args: Namespace, corpus: Corpus, reading: Reading) -> Iterator[str]:
    yield from reading.stats.problems
    if corpus.n_flows:
        yield from foreign(reading.dropped, corpus.n_flows)
    if corpus.overdue:
        yield (
            f"{corpus.overdue} flows came after their window had closed and are left out; if logs "
            "are not in the order of connection end, raise stream.disorder"
        )
    if corpus.pruned:
        yield f"{corpus.pruned} flows of rare tokens were let go: there are over --max-tokens"
    if args.labels is not None and not corpus.labels:
        yield f"{args.labels}: no uid in it is that of a flow"


def _told(corpus: Corpus, reading: Reading) -> dict[str, object]:
    return {
        "rows_read": reading.stats.rows[CONN],
        "rows_damaged": reading.stats.damaged[CONN],
        "flows": corpus.n_flows,
        "flows_overdue": corpus.overdue,
        "flows_duplicate": corpus.twice,
        "flows_pruned": corpus.pruned,
        "dropped": dict(sorted(reading.dropped.reasons.items())),
        "words": corpus.n_words,
        "sentences": corpus.n_sentences,
    }

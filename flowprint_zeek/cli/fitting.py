"""``flow2vec fit`` and ``flow2vec search``: what trains on logs."""

from __future__ import annotations

import tempfile
import time
from argparse import ArgumentTypeError
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from flowprint_zeek.analysis.flow2vec import modelfile
from flowprint_zeek.analysis.flow2vec.corpus import Limits, collect
from flowprint_zeek.analysis.flow2vec.embedding import Settings
from flowprint_zeek.analysis.flow2vec.reading import CONN, NAMING, Reading
from flowprint_zeek.analysis.flow2vec.search import grid, search
from flowprint_zeek.analysis.flow2vec.sentences import LONGEST, Cut
from flowprint_zeek.analysis.flow2vec.tokens import FIELDS, PRESETS, Scheme
from flowprint_zeek.analysis.flow2vec.training import available, train
from flowprint_zeek.analysis.flow2vec.vocabulary import MOST
from flowprint_zeek.analysis.labelled import read_labels
from flowprint_zeek.cli import options
from flowprint_zeek.cli.capture import found
from flowprint_zeek.core.flows import microseconds, seconds
from flowprint_zeek.errors import LogError, OutputError, UsageError
from flowprint_zeek.kinds import RefusedError, duration, integer, number
from flowprint_zeek.stream.replay import Span
from flowprint_zeek.stream.report import foreign, no_flows

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _ArgumentGroup
    from collections.abc import Callable, Iterator

    from flowprint_zeek.analysis.flow2vec.corpus import Corpus
    from flowprint_zeek.analysis.flow2vec.embedding import Embedding
    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.kinds import Kind
    from flowprint_zeek.zeek.files import LogFile

T = TypeVar("T")

_DEFAULT = Settings()

_MOST_SIZE = 4_096


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return what reads a whole number of an option."""
    if most is None:
        return _reads(integer(least))
    kind = number(f"a whole number from {least} to {most}", lambda value: least <= value <= most)

    def read(text: str) -> int:
        value = _reads(kind)(text)
        if value != int(value):
            raise ArgumentTypeError(f"{text!r} is not {kind.allowed}")
        return int(value)

    return read


def _reads(kind: Kind[T]) -> Callable[[str], T]:
    def read(text: str) -> T:
        try:
            return kind.parse(text)
        except RefusedError as error:
            raise ArgumentTypeError(f"{text!r} is not {kind.allowed}") from error

    return read


_TRAINED: dict[str, tuple[Callable[[str], Any], str]] = {
    "size": (whole(1, _MOST_SIZE), "length of a vector"),
    "window": (whole(1, LONGEST), "flows on either side that are a flow's neighbours"),
    "negative": (whole(1, 100), "tokens drawn against each neighbour"),
    "sample": (
        _reads(number("a number from 0 to below 1", lambda value: 0 <= value < 1)),
        "share of all flows over which flows of a token are skipped at random, 0 for never",
    ),
}
"""What training goes by and search tries, how it is read and what it is."""

_COUNTS: dict[str, tuple[Callable[[str], Any], str]] = {
    "epochs": (whole(1, 10_000), "times that the sentences are gone through"),
    "min_count": (whole(1), "flows that a token has at least"),
    "seed": (whole(0), "seed of all chance"),
}

_FIXED = ("scheme", "cut", "everyone", "size", "seed")
"""What a model that is trained on decides."""


def add_fit(parser: ArgumentParser) -> None:
    """Add the options of ``fit``."""
    options.add_logs(parser)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="MODEL", help="where the model goes"
    )
    parser.add_argument(
        "--model",
        type=Path,
        metavar="MODEL",
        help="go on from this model: its tokens stay, new ones come to them",
    )
    _add_corpus(parser)
    group = parser.add_argument_group("training")
    for name, (read, text) in (_TRAINED | _COUNTS).items():
        _add_number(group, name, read, text)
    group.add_argument(
        "--workers",
        type=whole(1, 64),
        default=1,
        metavar="N",
        help="threads; default 1, and with more, vectors differ from run to run",
    )
    options.add_config(parser)
    options.add_json(parser)


def add_search(parser: ArgumentParser) -> None:
    """Add the options of ``search``."""
    options.add_logs(parser)
    _add_corpus(parser)
    group = parser.add_argument_group("what is tried, every combination")
    for name, (read, text) in _TRAINED.items():
        default = " ".join(f"{value:g}" for value in _GRID[name])
        group.add_argument(
            _option(name), type=read, nargs="+", metavar="N", help=f"{text}; default {default}"
        )
    group = parser.add_argument_group("training")
    for name, (read, text) in _COUNTS.items():
        _add_number(group, name, read, text)
    options.add_config(parser)
    options.add_json(parser)


_GRID: dict[str, tuple[float, ...]] = {
    "size": (32, 64),
    "window": (5, 10, 20),
    "negative": (5,),
    "sample": (0.001, 0.0001),
}


def _add_number(group: _ArgumentGroup, name: str, read: Callable[[str], Any], text: str) -> None:
    default = f"{getattr(_DEFAULT, name):g}"
    group.add_argument(_option(name), type=read, metavar="N", help=f"{text}; default {default}")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _add_corpus(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("tokens and sentences")
    presets = ", ".join(f"{name} ({','.join(held)})" for name, held in PRESETS.items())
    group.add_argument(
        "--tokens",
        metavar="FIELDS",
        help=f"what a flow's token is: {presets}, or some of {', '.join(FIELDS)}, joined by "
        "commas; default destination",
    )
    group.add_argument(
        "--sentence",
        type=_reads(duration(zero=False)),
        metavar="DURATION",
        help="a sentence is what a device does in so long; default 60s",
    )
    group.add_argument(
        "--sentence-flows",
        type=whole(2, LONGEST),
        metavar="N",
        help="a sentence is so many flows of a device instead",
    )
    _add_flows(group)


def _add_flows(group: _ArgumentGroup) -> None:
    group.add_argument(
        "--together", action="store_true", help="sentences of all devices, not of each"
    )
    group.add_argument(
        "--everyone",
        action="store_true",
        help="every connection counts, of whatever host and protocol, answered or not",
    )
    group.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="TSV of uid and label; default: the column label of the logs, where they have it",
    )
    group.add_argument(
        "--max-tokens",
        type=whole(2),
        default=MOST,
        metavar="N",
        help=f"tokens held in memory; the rarest are let go beyond; default {MOST}",
    )


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
    base = _settings(args, None, dict.fromkeys(_TRAINED))
    given = {name: getattr(args, name) or _GRID[name] for name in _TRAINED}
    tries = grid(base, {name: _whole_numbers(name, values) for name, values in given.items()})
    with _corpus(args, base, terminal, None) as (corpus, reading):
        with terminal.progress("train and test", total=len(tries)) as advance:
            tried = search(corpus, tries, advance)
        result = _told(corpus, reading)
    rows = [
        {name: getattr(one.settings, name) for name in _TRAINED}
        | {"score": one.score, "error": one.error}
        for one in tried
    ]
    if args.json:
        terminal.json({"parameters": parameters(base)} | result | {"tried": rows})
        return
    terminal.table(
        f"Pairs of one sentence nearer than drawn ones ({corpus.n_sentences} sentences, the last "
        "fifth tested)",
        (*_TRAINED, "score", "error"),
        [[*(row[name] for name in _TRAINED), row["score"], row["error"]] for row in rows],
    )
    best = " ".join(f"{_option(name)} {rows[0][name]:g}" for name in _TRAINED)
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
        for name in (_TRAINED | _COUNTS).keys() - (without or {}).keys()
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

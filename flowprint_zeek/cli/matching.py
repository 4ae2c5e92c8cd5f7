"""What ``recognize`` and ``detect`` share: training files, what is tested, and the results."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek import store
from flowprint_zeek.analysis.labelled import known_apps
from flowprint_zeek.cli import options
from flowprint_zeek.core.elements import CERTIFICATE, fingerprint_id
from flowprint_zeek.core.matching import NO_MATCH
from flowprint_zeek.core.sets import Sets
from flowprint_zeek.errors import ModelError
from flowprint_zeek.known import KnownApp, KnownApps
from flowprint_zeek.stream.capture import KINDS, read_capture
from flowprint_zeek.stream.replay import Span
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.reader import ReadStats

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Sequence

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config

LOGS_CERTIFICATE = "sha256"
"""What certificates are told apart by in Zeek's logs."""

_COMPARED = (*(key.partition(".")[2] for key in options.PARAMETERS),)


@dataclass(frozen=True, slots=True)
class Match:
    """One tested fingerprint and the known app most similar to it.

    Attributes
    ----------
    fingerprint : str
        Id.
    label : str, int or None
        Label of the known app; None without one.
    similarity : float
        Jaccard similarity to it.
    n_flows : int
        Flows of the tested fingerprint.
    source : str
        Where it comes from, as it was given.
    """

    fingerprint: str
    label: str | int | None
    similarity: float
    n_flows: int
    source: str

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON holds it."""
        return {key: getattr(self, key) for key in self.__slots__}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of training and testing."""
    parser.add_argument(
        "-t", "--train", type=Path, nargs="+", required=True, metavar="FILE", help="known apps"
    )
    parser.add_argument(
        "-e",
        "--test",
        nargs="+",
        required=True,
        metavar="FILE|LOGS",
        help="fingerprints as JSON, or Zeek logs (each argument a capture of its own)",
    )
    options.add_times(parser)
    options.add_parameters(parser)
    options.add_config(parser)
    options.add_json(parser)


def trained(args: Namespace) -> store.Model:
    """Return the training files as one model.

    Raises
    ------
    ModelError
        They, or they and the options, contradict each other.
    """
    models = [(path, store.read(path)) for path in args.train]
    path, first = models[0]
    for other_path, other in models[1:]:
        agree(first, path, other, other_path)
    for name in _COMPARED:
        given, said = getattr(args, f"fingerprint.{name}"), getattr(first.parameters, name)
        if given is not None and str(said) != str(type(said)(given)):
            raise ModelError(f"was made with {name} {said}, not {given}", path=path)
    return replace(first, apps=[app for _, model in models for app in model.apps])


def agree(one: store.Model, path: Path, other: store.Model, other_path: Path) -> None:
    """Raise ModelError if two files were made in different ways."""
    for name in _COMPARED:
        left, right = getattr(one.parameters, name), getattr(other.parameters, name)
        if left != right:
            raise ModelError(f"was made with {name} {right}, {path} with {left}", path=other_path)
    kinds = {model.certificate for model in (one, other) if has_certificates(model.apps)}
    if len(kinds) > 1:
        raise ModelError(
            f"tells certificates apart by {other.certificate}, {path} by {one.certificate}",
            path=other_path,
        )


def has_certificates(apps: Sequence[KnownApp]) -> bool:
    """Tell whether any fingerprint holds a certificate."""
    return any(element.startswith(CERTIFICATE) for app in apps for element in app.elements)


def matches(args: Namespace, model: store.Model, terminal: Terminal) -> list[Match]:
    """Return the match of every tested fingerprint, in the order of the arguments."""
    config = with_parameters(options.settings(args), model)
    known = KnownApps(max(len(model.apps), 1))
    for app in model.apps:
        known.put(app)
    index, ids = known.index()
    found: list[Match] = []
    with terminal.progress("match", total=len(args.test)) as advance:
        for given in args.test:
            apps = tested(given, args, config, model, terminal)
            code: dict[str, int] = {}
            sets = Sets.from_iterables(
                [[code.setdefault(e, len(code)) for e in app.elements] for app in apps]
            )
            number, similarity = index.best(list(code), sets)
            for app, at, alike in zip(apps, number.tolist(), similarity.tolist(), strict=True):
                label = None if at == NO_MATCH else known[ids[at]].label
                identity = fingerprint_id(app.elements)
                found.append(Match(identity, label, alike, app.n_flows, given))
            advance()
    return found


def with_parameters(config: Config, model: store.Model) -> Config:
    """Return settings with the parameters of a model."""
    chosen = {name: getattr(model.parameters, name) for name in (*_COMPARED, "activity")}
    return replace(config, fingerprint=replace(config.fingerprint, **chosen))


def tested(
    given: str, args: Namespace, config: Config, model: store.Model, terminal: Terminal
) -> list[KnownApp]:
    """Return the fingerprints of a fingerprint file or of logs."""
    path = Path(given)
    if path.is_file() and store.is_model(path):
        other = store.read(path)
        agree(model, args.train[0], other, path)
        return sorted(other.apps, key=lambda app: fingerprint_id(app.elements))
    if model.certificate != LOGS_CERTIFICATE and has_certificates(model.apps):
        raise ModelError(
            f"tells certificates apart by {model.certificate}, Zeek's logs by {LOGS_CERTIFICATE}",
            path=args.train[0],
        )
    stats = ReadStats()
    span = Span(*options.times(args))
    flows, _ = read_capture(find_logs([given], KINDS), config, span=span, stats=stats)
    for problem in stats.problems:
        terminal.note(f"warning: {problem}")
    return known_apps(flows, model.parameters)[0]


def majority(found: Sequence[Match]) -> dict[str, str | int | None]:
    """Return for each source the label of most of its flows, ties to the lowest."""
    flows: dict[str, Counter[str | int | None]] = {}
    for match in found:
        flows.setdefault(match.source, Counter())[match.label] += match.n_flows
    return {
        source: min(counts, key=lambda label: (-counts[label], str(label)))
        for source, counts in flows.items()
    }


def parameters(model: store.Model) -> dict[str, object]:
    """Return the parameters of a model as JSON holds them."""
    return {name: getattr(model.parameters, name) for name in _COMPARED} | {
        "threshold": model.threshold,
        "certificate": model.certificate,
        "known": len(model.apps),
    }

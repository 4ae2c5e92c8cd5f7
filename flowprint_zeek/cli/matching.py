"""What ``recognize`` and ``detect`` share: training files, what is tested, and the results."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek import store
from flowprint_zeek.analysis.labelled import known_apps
from flowprint_zeek.cli import options
from flowprint_zeek.cli.capture import captured
from flowprint_zeek.core.elements import CERTIFICATE_KINDS, certificate_kinds, fingerprint_id
from flowprint_zeek.core.matching import NO_MATCH
from flowprint_zeek.core.sets import Sets
from flowprint_zeek.errors import LogError, ModelError, UsageError
from flowprint_zeek.known import KnownApp, KnownApps
from flowprint_zeek.zeek.files import log_at

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config

LOGS_CERTIFICATES = CERTIFICATE_KINDS[:-1]
"""What certificates may be told apart by in logs, by the version of Zeek."""

_PARAMETERS = (*(key.partition(".")[2] for key in options.PARAMETERS), "activity")


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


def trained(args: Namespace, *, threshold: bool) -> store.Model:
    """Return the training files as one model.

    Parameters
    ----------
    args : Namespace
        Options.
    threshold : bool
        Whether their threshold is used: then they must agree on it too.

    Raises
    ------
    ModelError
        They, or they and the options, contradict each other.
    """
    config = options.settings(args)
    models = [(path, store.read(path)) for path in args.train]
    store.agreed((str(path), _said(model, threshold=threshold)) for path, model in models)
    path, first = models[0]
    with_parameters(config, first, args, path)
    return replace(first, apps=[app for _, model in models for app in model.apps])


def _said(model: store.Model, *, threshold: bool = False) -> dict[str, object]:
    facts = store.said(model, parameters=True)
    return {key: value for key, value in facts.items() if threshold or key != "threshold"}


def with_parameters(config: Config, model: store.Model, args: Namespace, path: Path) -> Config:
    """Return settings with a model's parameters.

    Raises
    ------
    ModelError
        An option says otherwise.
    """
    for key in options.PARAMETERS:
        name = key.partition(".")[2]
        given, known = getattr(args, key), getattr(model.parameters, name)
        if given is not None and getattr(config.fingerprint, name) != known:
            was = f"{known:g}" if isinstance(known, float) else known
            raise ModelError(f"was made with {name} {was}, not {given}", path=path)
    chosen = {name: getattr(model.parameters, name) for name in _PARAMETERS}
    return replace(config, fingerprint=replace(config.fingerprint, **chosen))


def fits_logs(model: store.Model, path: Path) -> None:
    """Raise ModelError if a model's certificates are of a kind that no log of Zeek has."""
    known = store.certificate_of(model)
    if known is not None and known not in LOGS_CERTIFICATES:
        raise _misfit(known, LOGS_CERTIFICATES, path)


def _fits(model: store.Model, path: Path, apps: Sequence[KnownApp]) -> None:
    """Raise ModelError if a model's certificates are of another kind than those of apps."""
    known = store.certificate_of(model)
    kinds = certificate_kinds(element for app in apps for element in app.elements)
    foreign = [kind for kind in kinds if kind != known]
    if known is not None and foreign:
        raise _misfit(known, foreign, path)


def _misfit(known: str, kinds: Sequence[str], path: Path) -> ModelError:
    said = " or ".join(kinds)
    return ModelError(f"tells certificates apart by {known}, Zeek's logs by {said}", path=path)


def matches(args: Namespace, model: store.Model, terminal: Terminal) -> list[Match]:
    """Return the match of every tested fingerprint, by argument and then by fingerprint."""
    config = with_parameters(options.settings(args), model, args, args.train[0])
    known = KnownApps(max(len(model.apps), 1))
    for app in model.apps:
        known.put(app)
    found: list[Match] = []
    with terminal.progress("match", total=len(args.test)) as advance:
        for given in args.test:
            apps = tested(given, args, config, model, terminal)
            code: dict[str, int] = {}
            sets = Sets.from_iterables(
                [[code.setdefault(e, len(code)) for e in app.elements] for app in apps]
            )
            nearest, number, similarity = known.nearest(list(code), sets)
            for app, at, alike in zip(apps, number.tolist(), similarity.tolist(), strict=True):
                label = None if at == NO_MATCH else nearest[at].label
                identity = fingerprint_id(app.elements)
                found.append(Match(identity, label, alike, app.n_flows, given))
            advance()
    return found


def tested(
    given: str, args: Namespace, config: Config, model: store.Model, terminal: Terminal
) -> list[KnownApp]:
    """Return the fingerprints of a fingerprint file or of logs, by id."""
    path = Path(given)
    if path.is_file() and store.is_model(path):
        if options.times(args) != (None, None):
            raise UsageError(f"--since and --until cut logs; {given} holds fingerprints")
        apps = _fingerprints(path, args.train[0], model)
    else:
        if path.is_file():
            _need_log(path)
        fits_logs(model, args.train[0])
        apps = known_apps(captured([given], args, config, terminal), model.parameters)[0]
        _fits(model, args.train[0], apps)
    return sorted(apps, key=lambda app: fingerprint_id(app.elements))


def _need_log(path: Path) -> None:
    try:
        log_at(path)
    except LogError as error:
        raise LogError("is neither a fingerprint file nor a Zeek log", path=path) from error


def _fingerprints(path: Path, trained_by: Path, model: store.Model) -> list[KnownApp]:
    other = store.read(path)
    store.agreed([(str(trained_by), _said(model)), (str(path), _said(other))])
    return other.apps


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
    return {name: getattr(model.parameters, name) for name in _PARAMETERS} | {
        "threshold": model.threshold,
        "certificate": model.certificate,
        "known": len(model.apps),
    }

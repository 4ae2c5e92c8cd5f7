"""Fingerprint files: our JSON, which is upstream's with more in it, read and written.

Upstream (``flowprint`` 1.0.5) writes parameters and ``fingerprints``, a list of fingerprint and
label. Ours adds ``format`` (an integer version), ``scheme``, ``certificate`` (what certificates
are told apart by: ``sha256`` in Zeek's logs, ``serial`` upstream), names and counts, and what the
site and its devices have seen. Upstream loads ours and ignores what it does not know.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowprint_zeek.core import elements as el
from flowprint_zeek.core.batch import ACTIVITIES
from flowprint_zeek.core.destinations import SCHEMES
from flowprint_zeek.core.fingerprint import Fingerprint, Parameters
from flowprint_zeek.errors import ModelError, OutputError
from flowprint_zeek.known import KnownApp, SeenElements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FORMAT = 1
"""Version of the format that is written, and the only one that is read beside upstream's."""

CERTIFICATE_KINDS = ("sha256", "serial")

_SHARED = ("batch", "window", "correlation", "similarity")


@dataclass(slots=True)
class Model:
    """What a fingerprint file holds.

    Parameters
    ----------
    parameters : Parameters
        Parameters that the fingerprints were made with.
    threshold : float
        Similarity below which a fingerprint is unseen.
    certificate : {"sha256", "serial"}
        What certificates are told apart by.
    apps : list of KnownApp
        Fingerprints with labels and counts.
    seen : SeenElements or None
        What the site has seen; None where nothing says, as in upstream's files.
    """

    parameters: Parameters = field(default_factory=Parameters)
    threshold: float = 0.1
    certificate: str = "sha256"
    apps: list[KnownApp] = field(default_factory=list)
    seen: SeenElements | None = None


def write(path: Path, model: Model) -> None:
    """Write a model, whole or not at all, the same bytes for the same model.

    Raises
    ------
    OutputError
        The file cannot be written; an old one is as it was.
    """
    new = path.with_name(f".{path.name}.new")
    try:
        with new.open("w", encoding="ascii") as file:
            file.writelines(_lines(model))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        new.unlink(missing_ok=True)
        raise OutputError(f"cannot be written: {error.strerror}", path=path) from error


def _lines(model: Model) -> Iterator[str]:
    """Yield a JSON object with one fingerprint, element or device a line."""
    parameters = model.parameters
    head = {"format": FORMAT} | {key: getattr(parameters, key) for key in _SHARED}
    head |= {"threshold": model.threshold, "scheme": parameters.scheme}
    head |= {"activity": parameters.activity, "certificate": model.certificate}
    yield f"{json.dumps(head)[:-1]}, "
    apps = sorted(model.apps, key=lambda app: el.fingerprint_id(app.elements))
    yield from _array("fingerprints", (json.dumps([_written(app), app.label]) for app in apps))
    if model.seen is not None:
        rows = list(model.seen)
        number = {element: at for at, (element, _, _) in enumerate(rows)}
        devices = ([name, [number[e] for e in held]] for name, held in model.seen.devices())
        yield ', "seen": {'
        yield from _array("elements", map(json.dumps, rows))
        yield ", "
        yield from _array("devices", map(json.dumps, devices))
        yield "}"
    yield "}\n"


def _array(key: str, items: Iterator[str]) -> Iterator[str]:
    yield f'"{key}": ['
    for at, item in enumerate(items):
        yield f"{',' if at else ''}\n{item}"
    yield "\n]"


def _written(app: KnownApp) -> dict[str, object]:
    fingerprint = Fingerprint(app.elements, app.n_flows)
    return {
        "certificates": fingerprint.certificates,
        "destinations": fingerprint.destinations,
        "names": fingerprint.names,
        "n_flows": app.n_flows,
        "n_batches": app.n_batches,
        "labels": dict(sorted(app.labels.items())),
        "first": app.first,
        "last": app.last,
    }


def read(path: Path) -> Model:
    """Read a model of ours or of upstream's.

    Raises
    ------
    ModelError
        The file cannot be read, is damaged, is no model, or has a format that is not known.
    """
    document = _document(path)
    version = document.get("format")
    if version is not None and version != FORMAT:
        known = f"this release reads format {FORMAT} and upstream's files"
        raise ModelError(f"has format {version!r}; {known}", path=path)
    try:
        return _model(document)
    except _DamagedError as error:
        raise ModelError(f"is damaged: {error}", path=path) from error


def is_model(path: Path) -> bool:
    """Tell whether a file looks like a model rather than a log: a JSON object of parameters."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    return head.lstrip().startswith(b"{") and b'"batch"' in head and b'"window"' in head


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise ModelError("is no fingerprint file: not UTF-8", path=path) from error
    except json.JSONDecodeError as error:
        raise ModelError(f"is damaged: {error.msg}", path=path, line=error.lineno) from error
    if not isinstance(document, dict) or "fingerprints" not in document:
        raise ModelError('is no fingerprint file: it has no "fingerprints"', path=path)
    return document


class _DamagedError(Exception):
    """A value that is not what it should be; the message names its key."""


def _value(holder: dict[str, Any], key: str, kind: type | tuple[type, ...], default: Any) -> Any:  # noqa: ANN401
    value = holder.get(key, default)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise _DamagedError(f"{key} is {value!r}")
    return value


def _model(document: dict[str, Any]) -> Model:
    def number(key: str, default: float) -> float:
        return float(_value(document, key, (int, float), default))

    defaults = Parameters()
    parameters = Parameters(
        batch=number("batch", defaults.batch),
        window=number("window", defaults.window),
        correlation=number("correlation", defaults.correlation),
        similarity=number("similarity", defaults.similarity),
        scheme=_one_of(document, "scheme", SCHEMES, "paper"),
        activity=_one_of(document, "activity", ACTIVITIES, "interval"),
    )
    if parameters.batch_micros <= 0 or parameters.window_micros <= 0:
        raise _DamagedError("batch and window must be over 0")
    return Model(
        parameters=parameters,
        threshold=number("threshold", 0.1),
        certificate=_one_of(document, "certificate", CERTIFICATE_KINDS, "serial"),
        apps=[_app(pair) for pair in _value(document, "fingerprints", list, [])],
        seen=_seen(document["seen"]) if "seen" in document else None,
    )


def _one_of(document: dict[str, Any], key: str, allowed: tuple[str, ...], default: str) -> str:
    value: str = _value(document, key, str, default)
    if value not in allowed:
        raise _DamagedError(f"{key} is {value!r}; known are {', '.join(allowed)}")
    return value


def _app(pair: Any) -> KnownApp:  # noqa: ANN401
    if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], dict):
        raise _DamagedError(f"fingerprints holds {str(pair)[:80]}")
    holder, label = pair
    n_flows = int(_value(holder, "n_flows", int, 0))
    elements = [
        *_each(holder, "destinations", _endpoint),
        *_each(holder, "certificates", lambda value: f"{el.CERTIFICATE}{_text(value)}"),
        *_each(holder, "names", lambda value: f"{el.NAME}{el.normalise_name(_text(value))}"),
    ]
    labels = Counter({str(k): int(v) for k, v in _value(holder, "labels", dict, {}).items()})
    # Upstream's label of a fingerprint that was fitted without labels is the number 1.
    if not labels and isinstance(label, str):
        labels = Counter({label: max(n_flows, 1)})
    return KnownApp(
        el.in_order(set(elements)),
        n_flows,
        int(_value(holder, "n_batches", int, 0)),
        labels,
        int(_value(holder, "first", int, 0)),
        int(_value(holder, "last", int, 0)),
    )


def _each(holder: dict[str, Any], key: str, convert: Callable[[Any], str]) -> Iterator[str]:
    for value in _value(holder, key, list, []):
        # In memory upstream's sets hold None for "no certificate"; it is no element.
        if value is not None:
            yield convert(value)


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _DamagedError(f"an element is {str(value)[:80]!r}")
    return str(value)


def _endpoint(value: object) -> str:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
        raise _DamagedError(f"destinations holds {str(value)[:80]}")
    if not isinstance(value[1], int) or not 0 <= value[1] < 1 << 16:
        raise _DamagedError(f"destinations holds the port {str(value[1])[:80]}")
    return el.endpoint(value[0], value[1])


def _seen(section: Any) -> SeenElements:  # noqa: ANN401
    if not isinstance(section, dict):
        raise _DamagedError("seen is no object")
    seen = SeenElements()
    try:
        rows = [(str(e), int(first), int(last)) for e, first, last in section["elements"]]
        for row in rows:
            seen.put(*row)
        for name, held in section["devices"]:
            seen.put_device(str(name), [rows[int(at)][0] for at in held])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise _DamagedError(f"seen: {error}") from error
    return seen

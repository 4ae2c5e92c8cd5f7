"""Fingerprint files: our JSON, which is upstream's with more in it, read and written.

Upstream (``flowprint`` 1.0.5) writes parameters and ``fingerprints``, a list of fingerprint and
label. Ours adds ``format`` (an integer version), ``scheme``, ``certificate`` (what certificates
are told apart by: ``sha256`` in Zeek's logs, ``serial`` upstream), names and counts, and what the
site and its devices have seen. Upstream loads ours and ignores what it does not know.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from flowprint_zeek.core import elements as el
from flowprint_zeek.core.batch import ACTIVITIES
from flowprint_zeek.core.destinations import SCHEMES
from flowprint_zeek.core.fingerprint import Fingerprint, Parameters
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.errors import ModelError, OutputError
from flowprint_zeek.kinds import LONGEST
from flowprint_zeek.known import KnownApp, SeenElements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from flowprint_zeek.known import Label

FORMAT = 1
"""Version of the format that is written, and the only one that is read beside upstream's."""

CERTIFICATE_KINDS = ("sha256", "serial")

PARAMETERS = ("batch", "window", "correlation", "similarity", "threshold", "scheme", "activity")
"""Keys of the parameters in a file."""

_LARGEST = 1e15
_PAIRS = ([str, int], [int, int])
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
    stated : frozenset of str
        Keys that a file was read with; parameters beside them are defaults.
    """

    parameters: Parameters = field(default_factory=Parameters)
    threshold: float = 0.1
    certificate: str = "sha256"
    apps: list[KnownApp] = field(default_factory=list)
    seen: SeenElements | None = None
    stated: frozenset[str] = frozenset()


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
        raise OutputError(f"cannot be written: {error.strerror}", path=path) from error
    finally:
        # After an error or Ctrl-C; where all went well it has its name by now.
        with contextlib.suppress(OSError):
            new.unlink()


def _lines(model: Model) -> Iterator[str]:
    """Yield a JSON object with one fingerprint, element or device a line."""
    parameters = model.parameters
    head = {"format": FORMAT} | {key: getattr(parameters, key) for key in _SHARED}
    head |= {"threshold": model.threshold, "scheme": parameters.scheme}
    head |= {"activity": parameters.activity, "certificate": model.certificate}
    yield f"{json.dumps(head)[:-1]}, "
    apps = sorted(model.apps, key=lambda app: el.fingerprint_id(app.elements))
    yield from _array("fingerprints", (json.dumps([_written(app), app.majority]) for app in apps))
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
        "labels": [[label, app.labels[label]] for label in sorted(app.labels, key=_label_key)],
        "first": app.first,
        "last": app.last,
    }


def _label_key(label: Label) -> tuple[bool, Label]:
    return isinstance(label, str), label


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
    except (_DamagedError, UnicodeError) as error:
        raise ModelError(f"is damaged: {error}", path=path) from error


def is_model(path: Path) -> bool:
    """Tell whether a file looks like a model rather than a log: a JSON object of parameters."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    return head.lstrip().startswith(b"{") and b'"batch"' in head and b'"window"' in head


def has_certificates(model: Model) -> bool:
    """Tell whether a fingerprint of a model has a certificate."""
    return any(e.startswith(el.CERTIFICATE) for app in model.apps for e in app.elements)


def said(model: Model, *, parameters: bool) -> dict[str, object]:
    """Return what a file says that others must not contradict."""
    facts: dict[str, object] = {"scheme": model.parameters.scheme}
    if has_certificates(model):
        facts["certificate"] = model.certificate
    if parameters:
        values = {"threshold": model.threshold} | asdict(model.parameters)
        facts |= {key: values[key] for key in PARAMETERS if key in model.stated}
    return facts


def agreed(sources: Iterable[tuple[str, dict[str, object]]]) -> dict[str, object]:
    """Unite what several sources say; a contradiction is an error that names both."""
    united: dict[str, tuple[str, object]] = {}
    for source, values in sources:
        for key, value in values.items():
            other, known = united.setdefault(key, (source, value))
            if known != value:
                raise ModelError(f"{key} is {value!r}, but {known!r} in {other}", path=source)
    return {key: value for key, (_, value) in united.items()}


def _document(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise ModelError("is no fingerprint file: not UTF-8", path=path) from error
    except json.JSONDecodeError as error:
        raise ModelError(f"is damaged: {error.msg}", path=path, line=error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"is damaged: {error}", path=path) from error
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


def _number(document: dict[str, Any], key: str, default: float) -> float:
    value: float = _value(document, key, (int, float), default)
    if not abs(value) <= _LARGEST:
        raise _DamagedError(f"{key} is {value!r}")
    return float(value)


def _model(document: dict[str, Any]) -> Model:
    defaults = Parameters()
    parameters = Parameters(
        batch=_number(document, "batch", defaults.batch),
        window=_number(document, "window", defaults.window),
        correlation=_number(document, "correlation", defaults.correlation),
        similarity=_number(document, "similarity", defaults.similarity),
        scheme=_one_of(document, "scheme", SCHEMES, "paper"),
        activity=_one_of(document, "activity", ACTIVITIES, "ends"),
    )
    for width in (parameters.batch, parameters.window):
        if round(width * SECOND) <= 0 or width > LONGEST:
            raise _DamagedError("batch and window must be over 0, up to 36500 days")
    pairs = _value(document, "fingerprints", list, [])
    unlabelled = _unlabelled(document, pairs)
    return Model(
        parameters=parameters,
        threshold=_number(document, "threshold", 0.1),
        certificate=_one_of(document, "certificate", CERTIFICATE_KINDS, "serial"),
        apps=[_app(pair, unlabelled) for pair in pairs],
        seen=_seen(document["seen"]) if "seen" in document else None,
        stated=frozenset(document),
    )


def _unlabelled(document: dict[str, Any], pairs: list[Any]) -> Label | None:
    """Return the label that stands for none.

    Upstream's of a fingerprint that was fitted without labels is the number 1, unless other
    numbers say that the labels are numbers.
    """
    last = [pair[-1] for pair in pairs if isinstance(pair, list) and pair]
    numbered = any(isinstance(label, int) and label != 1 for label in last)
    return None if "format" in document or numbered else 1


def _one_of(document: dict[str, Any], key: str, allowed: tuple[str, ...], default: str) -> str:
    value: str = _value(document, key, str, default)
    if value not in allowed:
        raise _DamagedError(f"{key} is {value!r}; known are {', '.join(allowed)}")
    return value


def _app(pair: Any, unlabelled: Label | None) -> KnownApp:  # noqa: ANN401
    if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[0], dict):
        raise _DamagedError(f"fingerprints holds {str(pair)[:80]}")
    holder, label = pair
    n_flows = _count(holder, "n_flows")
    elements = [
        *_each(holder, "destinations", _endpoint),
        *_each(holder, "certificates", lambda value: f"{el.CERTIFICATE}{_plain(value)}"),
        *_each(holder, "names", lambda value: f"{el.NAME}{el.normalise_name(_text(value))}"),
    ]
    if "labels" in holder:
        labels = _labels(_value(holder, "labels", list, []))
    elif label is None or label == unlabelled:
        labels = Counter()
    else:
        labels = _labels([[label, max(n_flows, 1)]])
    return KnownApp(
        el.in_order(set(elements)),
        n_flows,
        _count(holder, "n_batches"),
        labels,
        int(_value(holder, "first", int, 0)),
        int(_value(holder, "last", int, 0)),
    )


def _types(row: object) -> list[type]:
    """Return the types of what a list holds, none of anything else."""
    return [type(part) for part in row] if isinstance(row, list) else []


def _count(holder: dict[str, Any], key: str) -> int:
    value: int = _value(holder, key, int, 0)
    if value < 0:
        raise _DamagedError(f"{key} is {value}")
    return value


def _labels(pairs: list[Any]) -> Counter[Label]:
    labels: Counter[Label] = Counter()
    for pair in pairs:
        if _types(pair) not in _PAIRS or pair[1] < 1:
            raise _DamagedError(f"labels holds {str(pair)[:80]}")
        labels[pair[0]] += pair[1]
    return labels


def _each(holder: dict[str, Any], key: str, convert: Callable[[Any], str]) -> Iterator[str]:
    for value in _value(holder, key, list, []):
        # In memory upstream's sets hold None for "no certificate"; it is no element.
        if value is not None:
            yield convert(value)


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _DamagedError(f"an element is {str(value)[:80]!r}")
    return str(value)


def _plain(value: object) -> str:
    text = _text(value)
    if not (text.isascii() and text.isprintable()):
        raise _DamagedError(f"an element is {text[:80]!r}")
    return text


def _endpoint(value: object) -> str:
    if not isinstance(value, list) or len(value) != 2 or not isinstance(value[0], str):
        raise _DamagedError(f"destinations holds {str(value)[:80]}")
    if type(value[1]) is not int or not 0 <= value[1] < 1 << 16:
        raise _DamagedError(f"destinations holds the port {str(value[1])[:80]}")
    return el.endpoint(_plain(value[0]), value[1])


def _seen(section: Any) -> SeenElements:  # noqa: ANN401
    if not isinstance(section, dict):
        raise _DamagedError("seen is no object")
    seen = SeenElements()
    rows = _value(section, "elements", list, None)
    for row in rows:
        if _types(row) != [str, int, int]:
            raise _DamagedError(f"elements of seen holds {str(row)[:80]}")
        seen.put(*row)
    for pair in _value(section, "devices", list, None):
        numbers = pair[1] if _types(pair) == [str, list] else [None]
        if any(type(at) is not int or not 0 <= at < len(rows) for at in numbers):
            raise _DamagedError(f"devices of seen holds {str(pair)[:80]}")
        seen.put_device(pair[0], [rows[at][0] for at in numbers])
    return seen

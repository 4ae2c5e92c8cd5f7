"""Fingerprint files: our JSON, which is upstream's with more in it, read and written.

Upstream (``flowprint`` 1.0.5) writes parameters and ``fingerprints``, a list of fingerprint and
label. Ours adds ``format`` (an integer version), ``scheme``, ``certificate`` (what certificates
are told apart by: ``sha256`` in Zeek's logs, ``serial`` upstream …), names and counts, what the
site and its devices have seen, and calibrated thresholds. Upstream loads ours and ignores what it
does not know.
"""

from __future__ import annotations

import gc
import json
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from reprlib import repr as short
from typing import TYPE_CHECKING, Any, TypeVar

from flowprint_zeek.aside import replacing
from flowprint_zeek.browsers import Browsers
from flowprint_zeek.calibrated import Calibrated
from flowprint_zeek.core import elements as el
from flowprint_zeek.core.batch import ACTIVITIES
from flowprint_zeek.core.destinations import SCHEMES
from flowprint_zeek.core.fingerprint import Fingerprint, Parameters
from flowprint_zeek.errors import ModelError
from flowprint_zeek.kinds import LONGEST, Kind, RefusedError, choice, number
from flowprint_zeek.known import KnownApp, KnownApps, Site
from flowprint_zeek.stored import apps_of, held, seen_of, unlabelled_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from flowprint_zeek.known import Label
    from flowprint_zeek.seen import SeenElements

FORMAT = 1
"""Version of the format that is written, and the only one that is read beside upstream's."""

_SPAN = number("a number of seconds over 0, up to 36500 days", lambda v: 1e-6 <= v <= LONGEST)
PARAMETERS: dict[str, Kind[Any]] = {
    "batch": _SPAN,
    "window": _SPAN,
    "correlation": number("a number up to 1, 0 or less to join all", lambda v: v <= 1),
    "similarity": number("a number up to 1, 0 or less to merge all", lambda v: v <= 1),
    "threshold": number("a number from 0 to 1", lambda v: 0 <= v <= 1),
    "scheme": choice(*SCHEMES),
    "activity": choice(*ACTIVITIES),
}
"""Parameters in a file, and what they may be."""

_CERTIFICATE = choice(*el.CERTIFICATE_KINDS)
_SHARED = ("batch", "window", "correlation", "similarity")
_LARGEST = 1 << 62
_T = TypeVar("_T")


@dataclass(slots=True)
class Model:
    """What a fingerprint file holds.

    Parameters
    ----------
    parameters : Parameters
        Parameters that the fingerprints were made with.
    threshold : float
        Similarity below which a fingerprint is unseen.
    certificate : str
        What certificates are told apart by, of `flowprint_zeek.core.elements.CERTIFICATE_KINDS`.
    apps : list of KnownApp
        Fingerprints with labels and counts.
    seen : SeenElements or None
        What the site has seen; None where nothing says, as in upstream's files.
    browsers : Browsers or None
        Which clients of devices are browsers; None where nothing says.
    stated : frozenset of str
        Keys that a file was read with; parameters beside them are defaults.
    calibrated : dict
        Calibrated thresholds by method.
    """

    parameters: Parameters = field(default_factory=Parameters)
    threshold: float = 0.1
    certificate: str = "sha256"
    apps: list[KnownApp] = field(default_factory=list)
    seen: SeenElements | None = None
    browsers: Browsers | None = None
    stated: frozenset[str] = frozenset()
    calibrated: dict[str, Calibrated] = field(default_factory=dict)

    def site(self, max_fingerprints: int) -> Site:
        """Return what the model knows; elements of its apps count as seen where it says no more."""
        site = Site(KnownApps(max_fingerprints))
        for app in self.apps:
            site.known.put(app)
        site.known.prune()
        if self.browsers is not None:
            site.browsers = self.browsers
        if self.seen is not None:
            site.seen = self.seen
            return site
        for app in self.apps:
            for element in app.elements:
                site.seen.put(element, app.first, app.last, max(app.n_batches, 1))
        return site


def write(path: Path, model: Model) -> None:
    """Write a model, whole or not at all, the same bytes for the same model.

    Raises
    ------
    OutputError
        The file cannot be written; an old one is as it was. See `replacing`.
    """
    with replacing(path) as file:
        file.writelines(line.encode("ascii") for line in _lines(model))


def _lines(model: Model) -> Iterator[str]:
    """Yield a JSON object with one fingerprint, element or device a line."""
    parameters = model.parameters
    head = {"format": FORMAT} | {key: getattr(parameters, key) for key in _SHARED}
    head |= {"threshold": model.threshold, "scheme": parameters.scheme}
    head |= {"activity": parameters.activity, "certificate": model.certificate}
    if model.calibrated:
        head["calibrated"] = {
            key: model.calibrated[key].to_dict() for key in sorted(model.calibrated)
        }
    yield f"{json.dumps(head)[:-1]}, "
    apps = sorted(model.apps, key=lambda app: el.fingerprint_id(app.elements))
    yield from _array("fingerprints", (json.dumps([_written(app), app.majority]) for app in apps))
    if model.seen is not None:
        rows = list(model.seen)
        number = {row[0]: at for at, row in enumerate(rows)}
        devices = ([name, [number[e] for e in held]] for name, held in model.seen.devices())
        yield ', "seen": {'
        yield from _array("elements", map(json.dumps, rows))
        yield ", "
        yield from _array("devices", map(json.dumps, devices))
        times = ([model.seen.last_on(name, e) for e in held] for name, held in model.seen.devices())
        yield ", "
        yield from _array("last", map(json.dumps, times))
        yield "}"
    if model.browsers is not None:
        yield f', "browsers": {json.dumps(model.browsers.to_dict())}'
    yield "}\n"


def _array(key: str, items: Iterator[str]) -> Iterator[str]:
    yield f'"{key}": ['
    for at, item in enumerate(items):
        yield f"{',' if at else ''}\n{item}"
    yield "\n]"


def _written(app: KnownApp) -> dict[str, object]:
    return Fingerprint(app.elements, app.n_flows).to_dict() | {
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
    with _no_collection():
        return _read(path)


def _read(path: Path) -> Model:
    document = _document(path)
    version = document.get("format", FORMAT)
    if type(version) is not int or version != FORMAT:
        known = f"this release reads format {FORMAT} and upstream's files"
        raise ModelError(f"has format {short(version)}; {known}", path=path)
    try:
        return _model(document)
    except ValueError as error:
        raise ModelError(f"is damaged: {error}", path=path) from error


def is_model(path: Path) -> bool:
    """Tell whether a file looks like a model rather than a log: a JSON object of fingerprints."""
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError:
        return False
    return head.lstrip().startswith(b"{") and b'"fingerprints"' in head


def has_certificates(model: Model) -> bool:
    """Tell whether a fingerprint of a model has a certificate."""
    return any(e.startswith(el.CERTIFICATE) for app in model.apps for e in app.elements)


def certificate_of(model: Model) -> str | None:
    """Return what the certificates of a model are told apart by, None where it has none."""
    return model.certificate if has_certificates(model) else None


def said(model: Model, *, parameters: bool) -> dict[str, object]:
    """Return what a file says that others must not contradict."""
    facts: dict[str, object] = {"scheme": model.parameters.scheme}
    if (certificate := certificate_of(model)) is not None:
        facts["certificate"] = certificate
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


def checked(kind: Kind[_T], key: str, value: object) -> _T:
    """Return a value as its kind has it.

    Raises
    ------
    ValueError
        It is not allowed; the message names the key, the value and what is allowed.
    """
    try:
        return kind.read(value)
    except RefusedError as error:
        raise ValueError(f"{key} is {short(value)}; it must be {kind.allowed}") from error


@contextmanager
def _no_collection() -> Iterator[None]:
    """Let the garbage collector rest: it would walk all that is read, again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _document(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise ModelError("is no fingerprint file: not UTF-8", path=path) from error
    start = len(text) - len(text.lstrip())
    if not text.startswith("{", start):
        raise ModelError("is no fingerprint file: not a JSON object", path=path)
    try:
        document, end = json.JSONDecoder().raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise ModelError(f"is damaged: {error.msg}", path=path, line=error.lineno) from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"is damaged: {error}", path=path) from error
    if "fingerprints" not in document:
        raise ModelError('is no fingerprint file: it has no "fingerprints"', path=path)
    if text[end:].strip():
        raise ModelError("is damaged: more follows its end", path=path)
    held: dict[str, Any] = document
    return held


def _model(document: dict[str, Any]) -> Model:
    values = {
        key: checked(kind, key, document[key])
        for key, kind in PARAMETERS.items()
        if key in document
    }
    threshold = values.pop("threshold", 0.1)
    pairs = held(document, "fingerprints", list, [])
    return Model(
        parameters=Parameters(**values),
        threshold=threshold,
        certificate=checked(_CERTIFICATE, "certificate", document.get("certificate", "serial")),
        apps=apps_of(pairs, unlabelled_of(document, pairs)),
        seen=_seen(held(document, "seen", dict, None)) if "seen" in document else None,
        browsers=Browsers.from_dict(document["browsers"]) if "browsers" in document else None,
        stated=frozenset(document),
        calibrated={
            key: Calibrated.from_dict(key, one)
            for key, one in held(document, "calibrated", dict, {}).items()
        },
    )


def _seen(section: dict[str, Any]) -> SeenElements:
    """Return what a file says that the site and its devices have seen, and when the devices did."""
    seen = seen_of(section)
    if "last" not in section:
        return seen
    devices, elements = section["devices"], section["elements"]
    times = held(section, "last", list, None)
    if len(times) != len(devices):
        raise ValueError(f"last of seen holds {len(times)} devices, not {len(devices)}")
    for (device, numbers), row in zip(devices, times, strict=True):
        if type(row) is not list or len(row) != len(numbers):
            raise ValueError(f"last of seen holds {short(row)}")
        for at, last in zip(numbers, row, strict=True):
            if type(last) is not int or abs(last) >= _LARGEST:
                raise ValueError(f"last of seen holds {short(row)}")
            seen.put_device(device, [elements[at][0]], last)
    return seen

"""What a person asks of a daemon: to know, dismiss, forget or take in apps.

A request is put into the state, carried out between two batches, and answered there.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from flowprint_zeek.core.elements import in_order
from flowprint_zeek.errors import UsageError
from flowprint_zeek.known import KnownApp

if TYPE_CHECKING:
    from flowprint_zeek.known import Label as Naming
    from flowprint_zeek.stream.pending import PendingApp
    from flowprint_zeek.stream.pipeline import Pipeline

REFUSED = "refused: "
"""What the answer to a request begins with that could not be carried out."""

PENDING = "p"
"""What the id of a pending app begins with, before its number; ids of known apps have 16 digits."""


class Label(msgspec.Struct, tag=True, frozen=True):
    """Give apps, pending or known, a label; a pending one is known from then on."""

    apps: list[str]
    label: str


class Dismiss(msgspec.Struct, tag=True, frozen=True):
    """Take pending apps, names or devices for nothing new, for so many µs or for good."""

    apps: list[str] = []
    names: list[str] = []
    devices: list[str] = []
    reason: str = ""
    span: int | None = None


class Allow(msgspec.Struct, tag=True, frozen=True):
    """Take dismissals back, by their numbers."""

    dismissals: list[int]


class Forget(msgspec.Struct, tag=True, frozen=True):
    """Forget apps, and what the site saw of them only: seen again they are new."""

    apps: list[str]


class ForgetDevice(msgspec.Struct, tag=True, frozen=True):
    """Forget all that is known of a device."""

    device: str


class Import(msgspec.Struct, tag=True, frozen=True):
    """Take in what another site knows."""

    apps: list[KnownApp]
    sightings: list[tuple[str, int, int, int]]
    certificate: str


Request = Label | Dismiss | Allow | Forget | ForgetDevice | Import


def encoded(request: Request) -> bytes:
    """Return a request as the state holds it."""
    return msgspec.msgpack.encode(request)


def decoded(data: bytes) -> Request:
    """Return the request that the state holds.

    Raises
    ------
    ValueError
        It is something else.
    """
    request: Request = msgspec.msgpack.decode(data, type=Request, dec_hook=_counter)
    return request


def _counter(kind: type[object], value: object) -> object:
    return Counter(value) if kind is not None else value  # type: ignore[call-overload]  # a dict


def carry_out(request: Request, pipeline: Pipeline) -> str:
    """Do what a request asks, all of it or nothing, and return what was done.

    Raises
    ------
    UsageError
        Something that it names is not there.
    """
    match request:
        case Label(apps=apps, label=label):
            _labelled(apps, label, pipeline)
            return f"{label}: {len(apps)} known"
        case Dismiss():
            return f"dismissal {_dismissed(request, pipeline)}"
        case Allow(dismissals=numbers):
            held = {one.number for one in pipeline.site.dismissals}
            _refuse([str(n) for n in numbers if n not in held], "dismissal")
            for number in numbers:
                pipeline.site.dismissals.remove(number)
            return f"{len(numbers)} taken back"
        case Forget(apps=apps):
            return f"{len(apps)} forgotten, {_forgotten(apps, pipeline)} elements with them"
        case ForgetDevice(device=device):
            pipeline.forget_device(device)
            return f"{device} is forgotten"
        case Import():
            return _imported(request, pipeline)


def pending_of(name: str, pipeline: Pipeline) -> PendingApp | None:
    """Return the pending app that an id is of, None if of none."""
    number = name.removeprefix(PENDING)
    if name == number or not number.isdecimal():
        return None
    return pipeline.pending.get(int(number))


def _refuse(unknown: list[str], what: str) -> None:
    if unknown:
        raise UsageError(f"no {what} {', '.join(unknown)}: see apps list")


def _found(apps: list[str], pipeline: Pipeline, *, known: bool) -> list[PendingApp | str]:
    """Return the pending apps, and the ids of the known ones, that ids are of."""
    found: list[PendingApp | str] = []
    unknown = []
    for name in dict.fromkeys(apps):
        app = pending_of(name, pipeline)
        if app is not None:
            found.append(app)
        elif known and name in pipeline.site.known:
            found.append(name)
        else:
            unknown.append(name)
    _refuse(unknown, "app" if known else "pending app")
    return found


def _labelled(apps: list[str], label: str, pipeline: Pipeline) -> None:
    site = pipeline.site
    for app in _found(apps, pipeline, known=True):
        if isinstance(app, str):
            site.known.label(app, label)
            continue
        elements = in_order(set(app.core))
        count = max(app.n_flows, 1)
        labels: Counter[Naming] = Counter({label: count})
        site.known.put(KnownApp(elements, count, app.n_batches, labels, app.first, app.last))
        for element in elements:
            site.seen.put(element, app.first, app.last, app.core[element])
        for device in sorted(app.devices):
            site.seen.put_device(device, elements, app.last)
        pipeline.pending.remove(app.number)


def _dismissed(request: Dismiss, pipeline: Pipeline) -> int:
    apps = _found(request.apps, pipeline, known=False)
    pending = [app for app in apps if not isinstance(app, str)]
    now = pipeline.last_closed
    made = pipeline.site.dismissals.add(
        elements=in_order({element for app in pending for element in app.core}),
        names=request.names,
        devices=request.devices,
        reason=request.reason,
        made=now,
        until=None if request.span is None else now + request.span,
    )
    for app in pending:
        pipeline.pending.remove(app.number)
    return made.number


def _forgotten(apps: list[str], pipeline: Pipeline) -> int:
    site = pipeline.site
    elements: set[str] = set()
    for app in _found(apps, pipeline, known=True):
        if isinstance(app, str):
            elements.update(site.known.forget(app).elements)
        else:
            pipeline.pending.remove(app.number)
    for _, known in site.known:
        elements.difference_update(known.elements)
    site.seen.forget(sorted(elements))
    return len(elements)


def _imported(request: Import, pipeline: Pipeline) -> str:
    site = pipeline.site
    if request.apps and pipeline.certificate not in (None, request.certificate):
        raise UsageError(
            f"the model tells certificates apart by {request.certificate}, this site by "
            f"{pipeline.certificate}"
        )
    before = len(site.known)
    for app in request.apps:
        site.known.put(app)
        for element in app.elements:
            if not site.seen.on_site(element):
                site.seen.put(element, app.first, app.last, max(app.n_batches, 1))
    for row in request.sightings:
        site.seen.put(*row)
    site.known.prune()
    return f"{len(site.known) - before} more known apps, {len(site.known)} in all"

"""What a person asks of a daemon: to know, dismiss, forget or take in apps.

A request is put into the state, carried out between two batches, and answered there.
"""

from __future__ import annotations

import re
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from flowprint_zeek.core.elements import fingerprint_id, in_order
from flowprint_zeek.errors import UsageError
from flowprint_zeek.known import KnownApp
from flowprint_zeek.stored import is_element
from flowprint_zeek.stream.kept import made

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowprint_zeek.stream.pending import PendingApp
    from flowprint_zeek.stream.pipeline import Pipeline

REFUSED = "refused: "
"""What the answer to a request begins with that could not be carried out."""

PENDING = "p"
"""What the id of a pending app begins with, before its number; ids of known apps have 16 digits."""

_LARGEST = 1 << 62
_Time = Annotated[int, msgspec.Meta(gt=-_LARGEST, lt=_LARGEST)]
_Count = Annotated[int, msgspec.Meta(ge=1, lt=_LARGEST)]
_Span = Annotated[int, msgspec.Meta(gt=0, lt=_LARGEST)]

_PENDING = re.compile(rf"{PENDING}(0|[1-9][0-9]{{0,17}})")


class Label(msgspec.Struct, tag=True, frozen=True):
    """Give apps, pending or known, a label; a pending one is known from then on."""

    apps: list[str]
    label: str


class Dismiss(msgspec.Struct, tag=True, frozen=True):
    """Take pending apps, names, devices or groups for nothing new, for so many µs or for good."""

    apps: list[str] = []
    names: list[str] = []
    devices: list[str] = []
    reason: str = ""
    span: _Span | None = None
    groups: list[str] = []


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
    """Take in what another site knows.

    Attributes
    ----------
    apps : list of KnownApp
        Known apps.
    sightings : list of (str, int, int, int)
        Elements seen there, see `SeenElements`.
    said : dict
        Parameters that they were made with, see `store.said`, as far as the model tells.
    """

    apps: list[KnownApp]
    sightings: list[tuple[str, _Time, _Time, _Count]]
    said: dict[str, Any]


Request = Label | Dismiss | Allow | Forget | ForgetDevice | Import


def encoded(request: Request) -> bytes:
    """Return a request as the state holds it.

    Raises
    ------
    ValueError
        The state has no form for a text or a number in it.
    """
    try:
        return msgspec.msgpack.encode(request)
    except OverflowError as error:
        raise ValueError(str(error)) from error


def decoded(data: bytes) -> Request:
    """Return the request that the state holds.

    Raises
    ------
    ValueError
        It is something else.
    """
    request: Request = msgspec.msgpack.decode(data, type=Request, dec_hook=made)
    return request


def carry_out(request: Request, pipeline: Pipeline) -> str:
    """Do what a request asks, all of it or nothing, and return what was done.

    Raises
    ------
    UsageError
        Something that it names is not there, or does not fit.
    """
    match request:
        case Label(apps=apps, label=label):
            done = f"labelled {label}: {_labelled(apps, label, pipeline)}"
        case Dismiss():
            done = f"dismissal {_dismissed(request, pipeline)}"
        case Allow(dismissals=numbers):
            done = f"taken back: {_allowed(numbers, pipeline)}"
        case Forget(apps=apps):
            done = f"forgotten: {_forgotten(apps, pipeline)}"
        case ForgetDevice(device=device):
            if not _is_known(device, pipeline):
                raise UsageError(f"nothing is known of a device {device}")
            pipeline.forget_device(device)
            done = f"forgotten: device {device}"
        case Import():
            done = _imported(request, pipeline)
    if also := _settled(pipeline):
        done += f"; pending no more: {', '.join(also)}"
    return done


def pending_of(name: str, pipeline: Pipeline) -> PendingApp | None:
    """Return the pending app that an id is of, None if of none."""
    found = _PENDING.fullmatch(name)
    return None if found is None else pipeline.pending.get(int(found[1]))


def _refuse(unknown: Sequence[object], what: str) -> None:
    if unknown:
        raise UsageError(f"no {what} {', '.join(map(str, unknown))}: see apps list")


def _found(apps: list[str], pipeline: Pipeline, *, known: bool) -> dict[str, PendingApp | None]:
    """Return the pending apps that ids are of, None for those of known apps."""
    found = {name: pending_of(name, pipeline) for name in apps}
    unknown = [
        name
        for name, app in found.items()
        if app is None and not (known and name in pipeline.site.known)
    ]
    _refuse(unknown, "app" if known else "pending app")
    return found


def _labelled(apps: list[str], label: str, pipeline: Pipeline) -> str:
    found = _found(apps, pipeline, known=True)
    for name, app in found.items():
        key = name if app is None else _made_known(app, pipeline)
        pipeline.site.known.label(key, label)
    pipeline.site.known.prune()
    return ", ".join(found)


def _made_known(app: PendingApp, pipeline: Pipeline) -> str:
    """Let a pending app be known, as learning would have made it, and return its id."""
    site, elements = pipeline.site, in_order({*app.core, *app.beside})
    count = max(app.n_flows, 1)
    site.known.put(KnownApp(elements, count, app.n_batches, first=app.first, last=app.last))
    for element in in_order(app.core):
        site.seen.put(element, app.first, app.last, app.core[element])
    for device in sorted(app.devices):
        site.seen.put_device(device, in_order(app.core), app.last)
    pipeline.pending.remove(app.number)
    return fingerprint_id(elements)


def _dismissed(request: Dismiss, pipeline: Pipeline) -> str:
    apps = [app for app in _found(request.apps, pipeline, known=False).values() if app is not None]
    now = pipeline.last_closed
    if request.span is not None and not now:
        raise UsageError("no batch has closed yet: there is no log time to count a duration from")
    if not (apps or request.names or request.devices or request.groups):
        raise UsageError("nothing is named that could be dismissed")
    made = pipeline.site.dismissals.add(
        elements=in_order({element for app in apps for element in app.core}),
        names=request.names,
        devices=request.devices,
        groups=request.groups,
        reason=request.reason,
        made=now,
        until=None if request.span is None else now + request.span,
    )
    for app in apps:
        pipeline.pending.remove(app.number)
    there = pipeline.hosts.names.groups()
    unknown = [group for group in request.groups if group not in there]
    hint = f"; in no line of device.names yet: {', '.join(unknown)}" if unknown else ""
    return f"{made.number}{hint}"


def _allowed(numbers: list[int], pipeline: Pipeline) -> str:
    chosen = dict.fromkeys(numbers)
    held = {one.number for one in pipeline.site.dismissals}
    _refuse([number for number in chosen if number not in held], "dismissal")
    for number in chosen:
        pipeline.site.dismissals.remove(number)
    return ", ".join(map(str, chosen))


def _forgotten(apps: list[str], pipeline: Pipeline) -> str:
    site = pipeline.site
    elements: set[str] = set()
    found = _found(apps, pipeline, known=True)
    for name, app in found.items():
        if app is None:
            elements.update(site.known.forget(name).elements)
        else:
            pipeline.pending.remove(app.number)
            pipeline.detector.forget(app.core)
    for _, known in site.known:
        elements.difference_update(known.elements)
    site.seen.forget(sorted(elements))
    pipeline.detector.forget(elements)
    return f"{', '.join(found)}, {len(elements)} elements with them"


def _is_known(device: str, pipeline: Pipeline) -> bool:
    """Tell whether anything is known of a device."""
    site = pipeline.site
    known = site.seen.has_device(device) or site.browsers.has_device(device)
    return known or device in pipeline.counts.devices


def _settled(pipeline: Pipeline) -> list[str]:
    """Forget pending apps of which nothing is new any more, and return their ids."""
    seen, dismissals = pipeline.site.seen, pipeline.site.dismissals
    groups_of = pipeline.hosts.groups_of
    by_novelty = pipeline.detector.rule.by == "novelty"
    settled = [
        app
        for app in pipeline.pending
        if all(dismissals.cover_device(device, groups_of) for device in app.devices)
        or all(dismissals.cover(one) or (by_novelty and seen.on_site(one)) for one in app.core)
    ]
    for app in settled:
        pipeline.pending.remove(app.number)
    return [f"{PENDING}{app.number}" for app in settled]


def _imported(request: Import, pipeline: Pipeline) -> str:
    _check_fit(request, pipeline)
    site, now = pipeline.site, pipeline.last_closed
    pipeline.certificate = pipeline.certificate or str(request.said.get("certificate", "")) or None
    before, forgotten = len(site.known), site.known.forgotten
    # Counted as seen now: an old model would be forgotten on the next day.
    for app in request.apps:
        elements = in_order(set(app.elements))
        times = (now, now) if now else (app.first, app.last)
        site.known.put(replace(app, elements=elements, first=times[0], last=times[1]))
    for element, first, last, count in request.sightings:
        site.seen.put(element, now or first, now or last, count)
    more = len(site.known) - before
    site.known.prune()
    gone = site.known.forgotten - forgotten
    room = f", {gone} had to go (model.max_fingerprints)" if gone else ""
    return f"known apps: {more} more{room}, {len(site.known)} in all"


def _check_fit(request: Import, pipeline: Pipeline) -> None:
    """Raise UsageError where a model cannot be taken in."""
    here = asdict(pipeline.parameters) | {"certificate": pipeline.certificate}
    for key, said in request.said.items():
        if here.get(key) not in (None, said):
            raise UsageError(f"the model was made with {key} {said}, this site with {here[key]}")
    elements = {one for app in request.apps for one in app.elements}
    if strange := sorted(
        one for one in elements.union(row[0] for row in request.sightings) if not is_element(one)
    ):
        raise UsageError(f"the model holds {strange[0]!r}, which is no element")
    if not all(map(_is_sound, request.apps)):
        raise UsageError("the model holds an app without elements, or with counts that cannot be")


def _is_sound(app: KnownApp) -> bool:
    counts = (app.n_flows, app.n_batches, *app.labels.values())
    times = (abs(app.first), abs(app.last))
    return app.elements != () and min(counts) >= 0 and max(*counts, *times) < _LARGEST

r"""What is written of a finding: rows of notice.log and flowprint.log.

Everything in a row that comes from traffic is hostile. Names are printable ASCII already; the
characters that separate the parts of ``sub`` and ``msg`` are escaped in them as ``\xNN``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flowprint_zeek.core.elements import digest, is_endpoint, shown
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.stream.pending import DAY

if TYPE_CHECKING:
    from flowprint_zeek.stream.counts import Day
    from flowprint_zeek.stream.hosts import Host
    from flowprint_zeek.stream.pending import PendingApp

FORMAT = 1
"""Version of what a notice id is made of."""

MAX_SUB = 1000
"""Most bytes of ``sub``."""

UNSEEN_APP = "FlowPrint::Unseen_App"
DIGEST = "FlowPrint::Digest"
STATUS = "FlowPrint::Status"

Row = dict[str, object]
"""Values of notice.log by column, and ``identifier``, which Zeek suppresses notices by."""

Near = Mapping[str, Sequence[str]]
"""What lies near what is new, by the key that ``sub`` has it under."""

_SEPARATORS = " |,='\"\\"
_IN_BRACKETS = _SEPARATORS + "()"
_IN_QUOTES = "|'\\"
_LISTED = 3
_LONGEST = 100
_UNITS = ("", "k", "M", "G", "T")


@dataclass(frozen=True, slots=True)
class Finding:
    """One fingerprint with what is known of it when its batch closes.

    Attributes
    ----------
    closed, batch_start, batch : int
        Log time of closing, and the batch's start and width, µs.
    device : str
        Device.
    host : Host
        Its name and groups.
    elements, novel, shared : sequence of str
        All elements, those of the novel core, and the others, in canonical order.
    score, similarity : float
        Score of novelty, and similarity to the nearest known app.
    nearest : str
        Label or id of the nearest known app, "" for none.
    n_bytes : int
        Bytes of the flows assigned.
    uids : sequence of str
        Their uids, by start.
    certificates : sequence of str
        Subjects, or fingerprints where the subject is not known, of the flows to novel elements.
    pivot : mapping
        ``uid``, ``orig_h``, ``orig_p``, ``resp_h``, ``resp_p``, ``proto`` of a flow to the rarest
        novel element.
    """

    closed: int
    batch_start: int
    batch: int
    device: str
    host: Host
    elements: Sequence[str]
    novel: Sequence[str]
    shared: Sequence[str]
    score: float
    nearest: str
    similarity: float
    n_bytes: int
    uids: Sequence[str]
    certificates: Sequence[str]
    pivot: Row

    @property
    def notice_id(self) -> str:
        """Id of a notice of this finding; it holds no model version, so labelling changes none."""
        return digest((FORMAT, self.device, self.batch_start, self.batch, *self.elements))


def row_id(row: Row) -> str:
    """Return the id of a row without one of its own, as a digest or a heartbeat."""
    return digest((FORMAT, row["note"], row["ts"], row["msg"]))


def unseen_notice(
    finding: Finding, app: PendingApp, since: int | None, near: Near | None = None
) -> Row:
    """Return the notice of an unseen app.

    Parameters
    ----------
    finding : Finding
        The fingerprint that shows it.
    app : PendingApp
        The pending app that it is.
    since : int or None
        First time of anything the site has seen, µs.
    near : mapping of str to sequence of str, default none
        What else ``sub`` lists, by key: what lies near.
    """
    pivot = finding.pivot
    said = _message(finding, app, since), _sub(finding, near or {})
    return _notice(UNSEEN_APP, finding.closed, *said) | {
        "uid": pivot["uid"],
        "id.orig_h": pivot["orig_h"],
        "id.orig_p": pivot["orig_p"],
        "id.resp_h": pivot["resp_h"],
        "id.resp_p": pivot["resp_p"],
        "proto": pivot["proto"],
        "src": pivot["orig_h"],
        "dst": pivot["resp_h"],
        "p": pivot["resp_p"],
        "n": len(app.devices),
    }


def digest_notice(apps: Sequence[PendingApp], day: int, now: int, limit: int) -> Row:
    """Return the notice that stands for those withheld on a day (µs at its start)."""
    listed = [
        f"{_names(sorted(app.core), 1)} on {_count(len(app.devices), 'device')}" for app in apps
    ]
    more = len(apps) - _LISTED
    tail = f"; and {more} more" if more > 0 else ""
    message = (
        f"{_count(len(apps), 'more new app')} on {_date(day)}, beyond {limit} notices a day: "
        f"{'; '.join(listed[:_LISTED])}{tail}"
    )
    return _notice(DIGEST, now, message, f"withheld={len(apps)}") | {
        "n": len(apps),
        "identifier": _date(day),
    }


def status_notice(day: Day, now: int, phase: str | None) -> Row:
    """Return the heartbeat of a day, in whose last batch `phase` was done."""
    counts = {
        "devices": len(day.devices),
        "batches": day.batches,
        "flows": day.flows,
        "unseen": day.unseen,
        "notices": day.notices,
        "degraded": day.degraded,
        "held": day.held.total(),
    }
    message = (
        f"{_date(day.start)}: {_count(day.batches, 'batch', 'batches')}, "
        f"{_count(len(day.devices), 'device')}, {_count(day.flows, 'flow')}, "
        f"{_count(day.unseen, 'unseen fingerprint')}, {_count(day.notices, 'notice')}"
    )
    if day.degraded:
        message += f"; {_count(day.degraded, 'degraded batch', 'degraded batches')}"
    if day.held:
        top = sorted(day.held.items(), key=lambda one: (-one[1], one[0]))[:_LISTED]
        causes = ", ".join(f"{_cut(escaped(cause))} ({count})" for cause, count in top)
        message += f"; {_count(day.held.total(), 'notice')} held back, most of {causes}"
    parts = " ".join(f"{key}={value}" for key, value in counts.items())
    row = _notice(STATUS, now, message, f"mode={phase} {parts}")
    return row | {"identifier": _date(day.start)}


def _notice(note: str, now: int, message: str, sub: str) -> Row:
    return {
        "ts": now,
        "note": note,
        "msg": message,
        "sub": sub,
        "actions": ("Notice::ACTION_LOG",),
        "suppress_for": 3600 * SECOND,
    }


def _message(finding: Finding, app: PendingApp, since: int | None) -> str:
    days = 0 if since is None else (finding.batch_start - since) // DAY
    age = f"in {_count(days, 'day')}" if days else "before"
    today = app.first // DAY == finding.closed // DAY
    form = "%H:%MZ" if today else "%Y-%m-%d %H:%MZ"
    begun = datetime.fromtimestamp(app.first / SECOND, UTC).strftime(form)
    return (
        f"New app on {finding.device}{_called(finding.host)}: {_names(finding.novel, _LISTED)}, "
        f"not seen at this site {age}; "
        f"{_count(app.n_flows, 'flow')} in {_count(app.n_batches, 'batch', 'batches')} "
        f"since {begun}; {_count(len(app.devices), 'device')} so far"
    )


def _called(host: Host) -> str:
    """Return name and groups in brackets, `` (lt-4711 of sales, floor-3)``; "" without any."""
    parts = [_in_brackets(host.name)] if host.name else []
    if host.groups:
        more = f" and {len(host.groups) - _LISTED} more" if len(host.groups) > _LISTED else ""
        parts.append(f"of {', '.join(map(_in_brackets, host.groups[:_LISTED]))}{more}")
    return f" ({' '.join(parts)})" if parts else ""


def _in_brackets(text: str) -> str:
    return _cut(escaped(text, _IN_BRACKETS))


def _sub(finding: Finding, near: Near) -> str:
    label = _cut(escaped(finding.nearest))
    nearest = f"{label}:{finding.similarity:.2f}" if label else "-"
    head = f"id={finding.notice_id} score={finding.score:.2f} nearest={nearest}"
    tail = f"bytes={_short(finding.n_bytes)}"
    lists = [
        ("novel", "|", [escaped(shown(element)) for element in finding.novel]),
        ("uids", ",", [escaped(uid) for uid in finding.uids]),
        ("shared", "|", [escaped(shown(element)) for element in finding.shared]),
        ("cert", "|", [f"'{escaped(one, _IN_QUOTES)}'" for one in finding.certificates]),
        *((key, "|", list(map(escaped, items))) for key, items in near.items()),
    ]
    room = MAX_SUB - len(head) - len(tail) - 1
    parts = {}
    for at, (key, separator, items) in enumerate(lists):
        # Each list may use its share of what is left; what it does not need the next one gets.
        parts[key] = _listed(key, separator, items, room // (len(lists) - at))
        room -= len(parts[key])
    last = "".join(parts[key] for key in near)
    return "".join(
        (head, parts["novel"], parts["shared"], parts["cert"], last, f" {tail}", parts["uids"])
    )


def _listed(key: str, separator: str, items: Sequence[str], room: int) -> str:
    """Return `` key=a|b|+2`` within so many bytes, "" without items."""
    if not items:
        return ""
    # Each item needs a byte at least, so no more than `room` are tried.
    for kept in range(min(len(items), room), -1, -1):
        rest = [f"+{len(items) - kept}"] if kept < len(items) else []
        text = f" {key}={separator.join([*items[:kept], *rest])}"
        if len(text) <= room:
            return text
    return ""


def escaped(text: str, separators: str = _SEPARATORS) -> str:
    r"""Return text from traffic with separators and unprintable characters as ``\xNN``."""
    raw = text.encode("utf-8", "surrogateescape")
    return "".join(
        chr(b) if 32 <= b < 127 and chr(b) not in separators else f"\\x{b:02x}" for b in raw
    )


def _cut(text: str) -> str:
    r"""Return escaped text at a length that a sentence bears, without half an escape."""
    if len(text) <= _LONGEST:
        return text
    return re.sub(r"\\(x.?)?$", "", text[: _LONGEST - 3]) + "..."


def _names(elements: Sequence[str], limit: int) -> str:
    # Names tell people more than addresses.
    first = sorted(elements, key=is_endpoint)[:limit]
    names = [_cut(escaped(shown(element))) for element in first]
    more = f" and {len(elements) - limit} more" if len(elements) > limit else ""
    return f"{', '.join(names)}{more}"


def _count(number: int, noun: str, plural: str | None = None) -> str:
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def _date(day: int) -> str:
    return datetime.fromtimestamp(day / SECOND, UTC).strftime("%Y-%m-%d")


def _short(number: float) -> str:
    """Return a number with at most three digits and a unit.

    >>> _short(999), _short(1_900_000)
    ('999', '1.9M')
    """
    unit = 0
    while number >= 999.5 and unit < len(_UNITS) - 1:
        number /= 1000
        unit += 1
    return (
        f"{number:.1f}{_UNITS[unit]}" if unit and number < 99.5 else f"{number:.0f}{_UNITS[unit]}"
    )

"""Composed sites: real captures and logs laid over each other on one timeline, with the truth.

Phones run captures of apps again and again, each at its own times, and one app appears on them
only in the second part of the time. A background, such as a browsing user's logs, runs once over
all of it, beside the phones or on each of them. What single connections say stays as it was
recorded; only times, uids and the device's address change.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis import choices
from flowprint_zeek.analysis.archive import Log, Truth
from flowprint_zeek.analysis.network import LIMITS, MONDAY
from flowprint_zeek.analysis.overlay import ADDRESSES, Copy, overlay
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.errors import UsageError
from flowprint_zeek.zeek.columns import as_frame, objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.random import Generator

    from flowprint_zeek.analysis.recordings import Recording

Browser = choices.Browser

MINUTE = 60 * SECOND

LEAST_RUNS, MOST_RUNS = 2, 4
"""How often a phone runs the unseen app."""

MAX_PHONES = 10_000


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to compose a site.

    Parameters
    ----------
    seed : int
        Equal recordings and recipes give equal sites.
    phones : int
        Phones. A phone runs the captures of one of the recorded devices, phone `i` those of device
        `i` modulo their number; of an app that this device has no capture of, those of all.
    learn, detect : int
        Time in which the unseen app does not run, and the time after it, µs.
    gap : int
        Mean time between two starts of a known app on a phone, µs; whatever still runs goes on, so
        that apps overlap.
    unseen : str
        App that runs in the second part only; "" for one that the seed draws.
    background : str
        Label of recordings that are a background.
    browser : 'on', 'beside' or 'none'
        Whether the background's device is on every phone, stays a device of its own, or is left
        out together with all other hosts of the background. On phones it is shifted by another
        time each.
    shift : int
        Most that a background is shifted on a phone, µs.
    start : int
        First moment, µs.
    strip_certificates : bool
        Leave certificates out, as TLS 1.3 hides them.

    Raises
    ------
    UsageError
        A value is out of range.
    """

    seed: int = 1
    phones: int = choices.PHONES
    learn: int = 30 * MINUTE
    detect: int = 30 * MINUTE
    gap: int = 2 * MINUTE
    unseen: str = ""
    background: str = choices.BACKGROUND
    browser: Browser = choices.BROWSER
    shift: int = 5 * MINUTE
    start: int = MONDAY
    strip_certificates: bool = False

    def __post_init__(self) -> None:
        least = {"learn": SECOND, "detect": SECOND, "gap": SECOND, "shift": 0, "seed": 0}
        for name, low in least.items():
            if getattr(self, name) < low:
                raise UsageError(f"{name} must be at least {'1s' if low == SECOND else low}")
        if not 0 <= self.start <= LIMITS["start"][1]:
            raise UsageError("start must be from 1970-01-01 to 2100-01-01")
        if not 1 <= self.phones <= MAX_PHONES:
            raise UsageError(f"phones must be from 1 to {MAX_PHONES}, not {self.phones}")

    @property
    def detect_from(self) -> int:
        """Moment from which on the unseen app runs, µs."""
        return self.start + self.learn

    @property
    def end(self) -> int:
        """End, µs."""
        return self.detect_from + self.detect


@dataclass(frozen=True, slots=True)
class Session:
    """One run of a capture on a phone."""

    phone: str
    recording: Recording
    start: int

    @property
    def end(self) -> int:
        """End of its last connection, µs."""
        return self.start + self.recording.end - self.recording.start


@dataclass(frozen=True, slots=True)
class Composed:
    """A composed site.

    Parameters
    ----------
    recipe : Recipe
        How it was made.
    unseen : str
        App that runs in the second part only.
    phones : list of str
        Addresses of the phones.
    sessions : list of Session
        Every run of a capture.
    logs : list of Log
        conn, ssl, x509, http, dns and quic, as far as they have rows.
    truth : Truth
        Label of each connection. ``planted`` has a row for each phone: ``app``, ``device``,
        ``first``, ``sessions``, ``flows``, and ``starts`` and ``ends`` of the sessions.
    """

    recipe: Recipe
    unseen: str
    phones: list[str]
    sessions: list[Session]
    logs: list[Log]
    truth: Truth


def compose(recordings: Sequence[Recording], recipe: Recipe) -> Composed:
    """Compose a site.

    Raises
    ------
    UsageError
        There are not two apps, the unseen app is none of them, a browser is wanted and there is no
        background, or a capture is longer than the time it has to run in.
    """
    captures = [one for one in recordings if one.label != recipe.background]
    background = [one for one in recordings if one.label == recipe.background]
    if not background and recipe.browser != "none":
        raise UsageError(
            f"no recording is labelled {recipe.background!r}, the background: name its label, or "
            "browser none to do without"
        )
    unseen = _unseen(captures, recipe)
    phones = _addresses(recordings, recipe.phones)
    sessions = [
        session
        for at, phone in enumerate(phones)
        for session in _sessions(_pool(captures, at), phone, at, unseen, recipe)
    ]
    copies = [*map(_run, sessions), *_background(background, phones, recipe)]
    span = recipe.start, recipe.end
    logs, labels = overlay(copies, span, recipe.seed, strip=recipe.strip_certificates)
    planted = _planted(session for session in sessions if session.recording.label == unseen)
    truth = Truth(labels, planted, recipe.start, recipe.detect_from, recipe.end)
    return Composed(recipe, unseen, phones, sessions, logs, truth)


# What runs when


def _unseen(captures: Sequence[Recording], recipe: Recipe) -> str:
    apps = sorted({one.label for one in captures})
    if len(apps) < 2:
        raise UsageError(f"a site needs captures of two apps at least, not {len(apps)}")
    if recipe.unseen and recipe.unseen not in apps:
        raise UsageError(f"no recording is labelled {recipe.unseen!r}, the unseen app")
    drawn = apps[int(np.random.default_rng(recipe.seed).integers(len(apps)))]
    return recipe.unseen or drawn


def _addresses(recordings: Sequence[Recording], phones: int) -> list[str]:
    """Return private addresses of a network that no recording has."""
    seen = {
        address.rpartition(".")[0].rpartition(".")[0]
        for one in recordings
        for name in ADDRESSES
        for address in one.logs["conn"][name].unique().tolist()
    }
    network = next(f"10.{at}" for at in count(99) if f"10.{at}" not in seen)
    return [f"{network}.{at // 200}.{at % 200 + 10}" for at in range(phones)]


def _pool(captures: Sequence[Recording], at: int) -> dict[str, list[Recording]]:
    """Return the captures that a phone runs, by app."""
    devices = sorted({one.device for one in captures})
    device = devices[at % len(devices)]
    pool = {}
    for app in sorted({one.label for one in captures}):
        of_app = [one for one in captures if one.label == app]
        pool[app] = [one for one in of_app if one.device == device] or of_app
    return pool


def _sessions(
    pool: Mapping[str, Sequence[Recording]], phone: str, at: int, unseen: str, recipe: Recipe
) -> Iterator[Session]:
    """Yield the sessions of a phone."""
    rng = np.random.default_rng([recipe.seed, at])
    known = [app for app in pool if app != unseen]
    # Every known app runs on some phone while the site learns.
    for app in known[at :: recipe.phones]:
        capture = _drawn(rng, pool[app])
        yield Session(phone, capture, _moment(rng, recipe.start, recipe.detect_from, capture))
    time = recipe.start + rng.exponential(recipe.gap)
    while time < recipe.end:
        app = known[int(rng.integers(len(known)))]
        session = Session(phone, _drawn(rng, pool[app]), int(time))
        if session.end <= recipe.end:
            yield session
        time += rng.exponential(recipe.gap)
    for _ in range(int(rng.integers(LEAST_RUNS, MOST_RUNS + 1))):
        capture = _drawn(rng, pool[unseen])
        yield Session(phone, capture, _moment(rng, recipe.detect_from, recipe.end, capture))


def _drawn(rng: Generator, choices: Sequence[Recording]) -> Recording:
    return choices[int(rng.integers(len(choices)))]


def _moment(rng: Generator, low: int, high: int, capture: Recording) -> int:
    latest = high - (capture.end - capture.start)
    if latest < low:
        minutes = (capture.end - capture.start) / MINUTE
        raise UsageError(
            f"learn and detect must be longer than a capture of {capture.label} of {minutes:.1f}"
            " minutes"
        )
    return int(rng.integers(low, latest + 1))


def _run(session: Session) -> Copy:
    recording = session.recording
    return Copy(recording, recording.own, session.start - recording.start, session.phone)


def _background(
    recordings: Sequence[Recording], phones: Sequence[str], recipe: Recipe
) -> Iterator[Copy]:
    if recipe.browser == "none":
        return
    shifts = [_busiest(one, recipe) for one in recordings]
    for one, shift in zip(recordings, shifts, strict=True):
        on_phones = recipe.browser == "on"
        yield Copy(one, ~one.own if on_phones else np.ones_like(one.own), shift)
    for at, phone in enumerate(phones if recipe.browser == "on" else ()):
        later = int(np.random.default_rng([recipe.seed, at, 1]).integers(recipe.shift + 1))
        user = at % len(recordings)
        one = recordings[user]
        yield Copy(one, one.own, shifts[user] + later, phone)


def _busiest(one: Recording, recipe: Recipe) -> int:
    """Return the shift that brings the busiest time of a recording's device into the site's."""
    times = np.sort(ints(one.logs["conn"]["ts"])[one.own])
    until = np.searchsorted(times, times + (recipe.end - recipe.start))
    return recipe.start - int(times[np.argmax(until - np.arange(times.size))])


def _planted(sessions: Iterable[Session]) -> pd.DataFrame:
    """Return when each phone runs the unseen app."""
    runs: dict[str, list[Session]] = {}
    for session in sorted(sessions, key=lambda session: (session.phone, session.start)):
        runs.setdefault(session.phone, []).append(session)
    columns = {
        "app": objects([run[0].recording.label for run in runs.values()]),
        "device": objects(list(runs)),
        "first": ints([run[0].start for run in runs.values()]),
        "sessions": ints([len(run) for run in runs.values()]),
        "flows": ints([sum(one.recording.own.sum() for one in run) for run in runs.values()]),
        "starts": objects([tuple(one.start for one in run) for run in runs.values()]),
        "ends": objects([tuple(one.end for one in run) for run in runs.values()]),
    }
    return as_frame(columns, len(runs))

"""A small site on which people decide: what it knows, and batches one at a time."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, cast

from flowprint_zeek.stream.requests import PENDING, Forget, Request, carry_out
from tests.stream.small import MIDNIGHT, SECOND, feed, moved, pipeline, session, until

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowprint_zeek.stream.notices import Row
    from flowprint_zeek.stream.pipeline import Pipeline
    from tests.stream.small import Conn, Found

WIDTH = 300
LEARNED = 3
"""Batches that are learned."""
DEVICE = "10.0.0.1"
OTHER = "10.0.0.2"


class Decided:
    """A pipeline that learned what apps two devices use, and what was made of it since."""

    def __init__(self, *apps: str, **settings: object) -> None:
        made = pipeline(until(LEARNED * WIDTH), site=None, **{"log__rows": "all"} | settings)
        self.line: Pipeline = made[0]
        self.found: Found = made[1]
        self.batch = 0
        for _ in range(LEARNED):
            self.use(*(apps or ("mail",)), devices=(DEVICE, OTHER))

    def use(self, *apps: str, devices: Sequence[str] = (DEVICE,)) -> list[Row]:
        """Let devices use at most two apps in the next batch, and return the verdicts on it."""
        start = self.batch * WIDTH + 10.0
        used = [
            moved(session(app, start + 140 * at), device)
            for at, app in enumerate(apps)
            for device in devices
        ]
        return self.see(*chain.from_iterable(used))

    def see(self, *connections: Conn) -> list[Row]:
        """Let the next batch have connections, close it, and return the verdicts on it."""
        told = len(self.found.verdicts)
        feed(self.line, connections)
        self.batch += 1
        self.line.advance(MIDNIGHT + (self.batch + 1) * WIDTH * SECOND)
        return self.found.verdicts[told:]

    def verdicts(self, *apps: str, devices: Sequence[str] = (DEVICE,)) -> list[object]:
        """Let devices use apps in the next batch, and return what is said, by device, then app."""
        said = {
            (row["device"], app): row["verdict"]
            for row in self.use(*apps, devices=devices)
            for app in apps
            if any(uid.startswith(f"C{app}{DEVICE}") for uid in cast("list[str]", row["uids"]))
        }
        return [said[device, app] for device in devices for app in apps]

    def skip(self, seconds: int) -> None:
        """Let log time pass without a row."""
        self.batch += seconds // WIDTH

    def notices(self) -> list[Row]:
        """Return the notices of unseen apps since the last time."""
        found = self.found.noted("Unseen_App")
        self.found.notices.clear()
        return found

    def pending(self) -> list[str]:
        """Return the ids of pending apps."""
        return [f"{PENDING}{app.number}" for app in self.line.pending]

    def known(self, name: str) -> str:
        """Return the id of the known app that has a name."""
        found = [key for key, app in self.line.site.known if f"name:{name}" in app.elements]
        assert len(found) == 1
        return found[0]

    def do(self, request: Request) -> str:
        """Carry a request out."""
        return carry_out(request, self.line)

    def forget(self, *apps: str) -> str:
        return self.do(Forget(list(apps)))


def noticed() -> Decided:
    """Return a site that knows mail and was told of an unseen game, pending app p1."""
    site = Decided()
    assert site.verdicts("mail", "game") == ["known", "unseen_site"]
    assert len(site.notices()) == 1
    return site

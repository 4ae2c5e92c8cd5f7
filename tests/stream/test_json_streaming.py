"""Logs of Zeek's package json-streaming-logs, which are renamed again and again when rotated."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.stream.daemons import LAST, Site, ends_as, small
from tests.stream.small import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.stream.small import Conn

KEPT = 4
"""Rotated files that are kept of each log; the package's own."""


@dataclass
class Streaming(Site):
    """A site whose sensor writes ``json_streaming_conn.log`` and ``json_streaming_ssl.log``.

    Attributes
    ----------
    both : bool
        Whether it writes conn.log and ssl.log too.
    """

    both: bool = False

    def append(self, *connections: Conn, kinds: Iterable[str] = ("ssl", "conn")) -> None:
        """Write connections in JSON, with times in ISO 8601."""
        for kind in kinds:
            rows = [_json(kind, row) for row in self._rows(kind, connections)]
            with self.path(kind).open("a") as file:
                file.writelines(rows)
        if self.both:
            super().append(*connections, kinds=kinds)

    def path(self, kind: str, number: int = 0) -> Path:
        """Return where a log is, or the so-many-th before it."""
        return self.current / f"json_streaming_{kind}{f'.{number}' if number else ''}.log"

    def rotate(self) -> None:
        """Rename each log and those before it, and delete the last."""
        for kind in ("ssl", "conn"):
            self.path(kind, KEPT).unlink(missing_ok=True)
            for number in reversed(range(KEPT)):
                if self.path(kind, number).exists():
                    self.path(kind, number).rename(self.path(kind, number + 1))


def _json(kind: str, row: dict[str, object]) -> str:
    ts, duration = row["ts"], row.get("duration")
    assert isinstance(ts, int)
    told = row | {"_path": kind, "ts": datetime.fromtimestamp(ts / SECOND, UTC).isoformat()}
    if isinstance(duration, int):
        told["duration"] = duration / SECOND
    return json.dumps(told, separators=(",", ":")) + "\n"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Streaming]:
    """Return a site whose daemon ends with the test."""
    made = Streaming(tmp_path, small(tmp_path))
    yield made
    made.stop()


def test_rotation_under_a_running_daemon(
    site: Streaming, replay: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """Each log is read once through all of its names, and what is deleted was read before."""
    for until in range(300, int(LAST), 300):
        site.follow(until)
        site.rotate()
    assert ends_as(site, replay)
    assert site.path("conn", KEPT).exists()
    assert caplog.messages == []


def test_rotations_while_it_is_down(site: Streaming, replay: dict[str, bytes]) -> None:
    """What was written meanwhile is read as long as it is kept."""
    site.follow(1_000)
    site.stop()
    for until in range(1_300, 1_300 + KEPT * 300, 300):
        site.write(until)
        site.rotate()
    site.write(2_600)
    site.poll()
    assert ends_as(site, replay)


def test_rotated_logs_are_let_go(site: Streaming) -> None:
    """They do not grow, under whatever number they are first seen."""
    for until in range(300, 300 * KEPT, 300):
        site.write(until)
        site.rotate()
    site.write(1_500)
    site.poll()
    site.poll(11)
    site.poll(11)
    assert [log.log.path for log in site.running.follower.logs("conn")] == [site.path("conn")]


def test_the_same_rows_in_both_forms(site: Streaming, replay: dict[str, bytes]) -> None:
    """Where conn.log is written beside it every row comes twice, and counts once."""
    n_rows, site.both = len(site.left), True
    site.follow()
    site.poll(1_200)
    assert site.running.pipeline.counts.rows_duplicate == n_rows
    assert ends_as(site, replay)

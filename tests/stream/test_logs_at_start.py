"""Logs that became other ones while the daemon was down."""

from __future__ import annotations

import pytest

from tests.stream.daemons import LAST, Site, ends_as, expected, story
from tests.stream.small import MIDNIGHT, SECOND

QUIET = 1_700.0
"""Seconds after which no connection is under way."""


def down(site: Site, *, silent: bool) -> None:
    """Let the sensor write until it is quiet, maybe until the clock has closed all, and stop."""
    site.follow(QUIET)
    if silent:
        site.poll(360.0)
    site.stop()


def truncate(site: Site) -> int:
    """Truncate the logs as Zeek does when it starts, and return the bytes of conn.log before."""
    size = (site.current / "conn.log").stat().st_size
    for path in site.current.iterdir():
        with path.open("r+b") as file:
            file.truncate()
    return size


@pytest.mark.parametrize("size", ["empty", "shorter", "equal", "longer"])
def test_logs_that_are_truncated_while_it_is_down(
    site: Site, replay: dict[str, bytes], size: str
) -> None:
    """What is written anew is read from its beginning, however long it is at the next start."""
    down(site, silent=True)
    before = truncate(site)
    if size != "empty":
        site.write(LAST if size == "longer" else QUIET + 300)
    conn = site.current / "conn.log"
    if size == "equal":
        with conn.open("ab") as file:
            file.write(b"\n" * (before - conn.stat().st_size))
    now = conn.stat().st_size
    assert (now > before) - (now < before) == {"equal": 0, "longer": 1}.get(size, -1)
    assert (now == 0) is (size == "empty")
    site.poll()
    assert ends_as(site, replay)


def test_rows_of_open_batches_go_with_a_truncation(site: Site) -> None:
    """Those of the batches that closed were taken; of the others nobody has them any more."""
    down(site, silent=False)
    first_open = MIDNIGHT + 1_200 * SECOND
    kept = [one for one in story() if not first_open <= one.ts < MIDNIGHT + QUIET * SECOND]
    truncate(site)
    site.end()
    assert site.outputs() == expected(site.folder, kept)

"""A sensor whose clock was wrong when it began."""

from __future__ import annotations

import pytest

from tests.stream.daemons import Site, ends_as, expected, story
from tests.stream.small import Conn, session

STALE = -20 * 86_400.0
"""Seconds from the story to what the clock showed."""


def begun() -> list[Conn]:
    """Return the story, with rows weeks older before it."""
    return [*session("mail", STALE), *story()]


@pytest.mark.parametrize("restarts", [False, True])
def test_rows_of_a_clock_that_was_not_set_do_not_end_learning(site: Site, restarts: bool) -> None:
    """The time up to the others is not learned; what is raised is what is unseen after that."""
    site.left = begun()
    site.follow(120.0)
    if restarts:
        site.stop()
    site.follow(700.0)
    assert site.running.pipeline.phase == "learn"
    assert ends_as(site, expected(site.folder, begun()))

"""What the tests of the daemon's faults start from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.stream.daemons import Site, expected, small
from tests.stream.outboxes import outbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a site whose daemon ends with the test."""
    made = Site(tmp_path, small(tmp_path))
    yield made
    made.stop()


@pytest.fixture(scope="module")
def replay(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Return what a replay of the story writes."""
    return expected(tmp_path_factory.mktemp("expected"))


@pytest.fixture
def handing(tmp_path: Path) -> Iterator[Site]:
    """Return a site whose notices go to Zeek."""
    (tmp_path / "handed").mkdir()
    made = Site(tmp_path, small(tmp_path, run__notices="zeek", run__outbox=str(outbox(tmp_path))))
    yield made
    made.stop()

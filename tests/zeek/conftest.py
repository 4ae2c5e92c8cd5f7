"""Fixtures for tests of logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.zeek.sites import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a site whose files are closed in the end."""
    made = Site(tmp_path)
    yield made
    made.follower.close()

"""A set-up that is well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.simulate import simulate
from tests.analysis.doctor.setups import NETWORK, Setup, well

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def simulated_logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the logs of a small network."""
    folder = tmp_path_factory.mktemp("doctor") / "logs"
    write(simulate(NETWORK), folder, rotate=None)
    return folder


@pytest.fixture
def setup(tmp_path: Path, simulated_logs: Path) -> Setup:
    """Return a set-up that is well, with logs that were written just now."""
    return well(tmp_path, simulated_logs)

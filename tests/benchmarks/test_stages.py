"""Where the time of a function goes."""

from __future__ import annotations

from types import ModuleType

import pytest

from benchmarks.engine import engine
from benchmarks.generators import at_random
from benchmarks.stages import REST, shares
from flowprint_zeek.core import fingerprint as module


def functions() -> dict[str, object]:
    """Return what the names in the module of the engine mean."""
    assert isinstance(module, ModuleType)
    return dict(vars(module))


def test_shares_of_the_engine() -> None:
    """The stages of the engine make up its time, and it is left as it was."""
    before = functions()
    run = engine(lambda: at_random(100, 1), 100).prepare()

    found = shares(module.fingerprint, run)

    assert {"cut", "encode", "network_destinations", "edges", "memberships", REST} <= set(found)
    assert 1 == pytest.approx(sum(found.values()))
    assert before == functions()

"""Peak memory of a case."""

from __future__ import annotations

from benchmarks.memory import peak


def test_peak_in_a_process_of_its_own() -> None:
    """A run holds at least as much as its input."""
    found = peak("linear-batch", 100, 1)

    assert ["input", "peak"] == sorted(found)
    assert 0 < found["input"] <= found["peak"]

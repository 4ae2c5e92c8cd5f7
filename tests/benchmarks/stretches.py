"""A stretch of busy hours that takes no time, and runs that are in no process of their own."""

from __future__ import annotations

from importlib import import_module

from benchmarks.apart import Run
from benchmarks.busy import Stretch

SMALL = Stretch(3000, 12)


def inside(module: str, function: str, *arguments: object) -> Run:
    """Run a function as `benchmarks.apart.apart` does, but here; it costs what it never costs."""
    answer = getattr(import_module(module), function)(*arguments)
    return Run(seconds=2, wall=3, imports=1, peak=100, answer=answer)

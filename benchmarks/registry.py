"""Which modules have cases. A module is registered by its name in `MODULES`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.harness import Case

MODULES = ("engine", "cliques", "matching", "reading")
"""Modules of this package with ``CASES``, a tuple of `benchmarks.harness.Case`."""


def cases() -> dict[str, tuple[Case, ...]]:
    """Return the cases of each module.

    Raises
    ------
    ImportError
        What they compare with is not installed.
    """
    return {name: import_module(f"benchmarks.{name}").CASES for name in MODULES}

"""How long a command takes that has little to do."""

from __future__ import annotations

from benchmarks import startup

TOLD = """\
import time: self [us] | cumulative | imported package
import time:       100 |        100 |   zlib
import time:      2000 |       2100 |   pandas.core
import time:       500 |       2600 | pandas
a warning
"""


def test_imports_by_package() -> None:
    """What each module takes itself is its package's, the most first."""
    modules, packages = startup.imports(TOLD)

    assert 3 == modules
    assert [("pandas", 0.0025), ("zlib", 0.0001)] == list(packages.items())


def test_commands_take_longer_than_none() -> None:
    """A command is told beside an interpreter that does nothing, with its imports."""
    nothing, version = startup.measured(
        {"nothing": ["-c", "pass"], "--version": ["-m", "flowprint_zeek", "--version"]}, 1
    )

    assert 1 == nothing.ratio
    assert version.wall / nothing.wall == version.ratio
    assert "flowprint_zeek" in version.imports
    assert 0 < version.share < 1
    assert "flowprint_zeek" in startup.table([nothing, version])

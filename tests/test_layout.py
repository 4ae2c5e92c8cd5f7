"""The layout that the design promises, read from the sources themselves."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "flowprint_zeek"

LAYERS = [
    {"errors", "garbage", "kinds"},
    {"aside", "processes", "settings"},
    {"config"},
    {"core"},
    {"seen", "browsers", "dismissals", "calibrated"},
    {"known"},
    {"stored"},
    {"store"},
    {"generator"},
    {"zeek", "model"},
    {"stream"},
    {"analysis"},
    {"cli"},
    {"__main__", ""},
]
"""Parts of the package from the bottom up; a part imports what lies below it. "" is the package."""

RANK = {part: rank for rank, parts in enumerate(LAYERS) for part in parts}

ALLOWED = {
    "errors": set[str](),
    "kinds": set[str](),
    "settings": {"kinds"},
    "config": {"errors", "kinds", "settings"},
    "core": {"core", "errors"},
}
"""Parts that may import less than what lies below them."""

IMPURE = {
    *("asyncio", "configparser", "datetime", "gzip", "io", "json", "logging", "multiprocessing"),
    *("os", "pathlib", "pickle", "random", "rich", "shutil", "socket", "sqlite3", "subprocess"),
    *("sys", "tempfile", "threading", "time", "warnings", "watchdog", "yaml", "zat"),
}
"""What core does without: clocks, files, logs, configuration, chance."""

ENDINGS = {"print", "input", "exit", "quit", "SystemExit"}
STREAMS = {("sys", "exit"), ("sys", "stdout"), ("sys", "stderr"), ("os", "_exit")}

VAGUE = {"utils", "util", "helpers", "helper", "common", "misc"}

LONGEST = 400


def part_of(module: str) -> str:
    """Return the part of the package that a dotted module belongs to."""
    return module.split(".")[1] if "." in module else ""


def imports(source: str, module: str, *, is_package: bool = False) -> Iterator[str]:
    """Yield the dotted names a module imports, also inside functions and for type checking."""
    package = module if is_package else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = ""
            if node.level:
                start = ".".join(package.split(".")[: len(package.split(".")) - node.level + 1])
            base = ".".join(filter(None, [start, node.module]))
            yield from (f"{base}.{alias.name}" for alias in node.names)


def upward(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """Return the imports of a module that its part may not have."""
    part = part_of(module)
    wrong = []
    for name in imports(source, module, is_package=is_package):
        if name.split(".")[0] != PACKAGE:
            if part == "core" and name.split(".")[0] in IMPURE:
                wrong.append(name)
        elif name != f"{PACKAGE}.__version__":
            target = part_of(name)
            target = target if target in RANK else ""
            below = target == part or RANK[target] < RANK[part]
            if not (below and target in ALLOWED.get(part, RANK)):
                wrong.append(name)
    return wrong


def endings(source: str) -> list[str]:
    """Return where a source prints, exits or writes to the standard streams."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and node.id in ENDINGS:
            found.append(f"{node.lineno}: {node.id}")
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            if (node.value.id, node.attr) in STREAMS:
                found.append(f"{node.lineno}: {node.value.id}.{node.attr}")
        elif isinstance(node, ast.ImportFrom):
            names = {(node.module, alias.name) for alias in node.names}
            found += [f"{node.lineno}: {module}.{name}" for module, name in sorted(names & STREAMS)]
    return found


def modules() -> Iterator[tuple[Path, str]]:
    """Yield the files of the package and their dotted names."""
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield path, ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def sources() -> list[Path]:
    """Return every source file of the repository."""
    folders = (ROOT / name for name in (PACKAGE, "tests", "benchmarks", "zeek_scripts"))
    return sorted(
        p for folder in folders for p in folder.rglob("*") if p.suffix in {".py", ".zeek"}
    )


MODULES = list(modules())
NAMES = [name for _, name in MODULES]


@pytest.mark.parametrize(("path", "module"), MODULES, ids=NAMES)
def test_imports_point_downwards(path: Path, module: str) -> None:
    """A module imports only what lies below it, and core nothing impure."""
    assert part_of(module) in RANK, "a part that the layout does not know"
    source = path.read_text(encoding="utf-8")
    assert upward(source, module, is_package=path.stem == "__init__") == []


COUNTEREXAMPLES = [
    ("core.batch", "from flowprint_zeek.zeek.reader import read"),
    ("core.batch", "from flowprint_zeek import config"),
    ("core.batch", "from ..config import Config"),
    ("core.batch", "from .. import store"),
    ("core.batch", "import os.path"),
    ("core.batch", "def f():\n    from time import time"),
    ("core.batch", "import json as j"),
    ("errors", "import flowprint_zeek.core.flows"),
    ("config", "from flowprint_zeek.core import flows"),
    ("config", "from . import store"),
    ("kinds", "from flowprint_zeek.errors import ConfigError"),
    ("store", "from flowprint_zeek.model import FlowPrint"),
    ("generator", "from flowprint_zeek.model import FlowPrint"),
    ("zeek.reader", "from flowprint_zeek.model import FlowPrint"),
    ("model", "from flowprint_zeek.zeek import reader"),
    ("zeek.reader", "if TYPE_CHECKING:\n    from flowprint_zeek.stream.batcher import Batcher"),
    ("stream.batcher", "import flowprint_zeek.cli.terminal"),
    ("analysis.report", "from flowprint_zeek.cli.terminal import Terminal"),
    ("analysis.report", "from flowprint_zeek import FlowPrint"),
]


@pytest.mark.parametrize(("module", "source"), COUNTEREXAMPLES)
def test_the_check_of_imports_catches(module: str, source: str) -> None:
    """Each way to import upwards, or into core what is impure, is caught."""
    assert len(upward(source, f"{PACKAGE}.{module}")) == 1


PROPER = [
    ("core.batch", "from flowprint_zeek.core.flows import Flow\nimport numpy as np"),
    ("core.batch", "from . import flows\nfrom ..errors import FlowPrintError"),
    ("config", "from flowprint_zeek.errors import ConfigError\nfrom pathlib import Path"),
    ("model", "from flowprint_zeek.store import load\nimport json"),
    ("cli.main", "from flowprint_zeek import __version__\nfrom flowprint_zeek.stream import state"),
    ("__main__", "from flowprint_zeek.cli.main import run"),
]


@pytest.mark.parametrize(("module", "source"), PROPER)
def test_the_check_of_imports_lets_pass(module: str, source: str) -> None:
    """Imports of the same part and of parts below are not caught."""
    assert upward(source, f"{PACKAGE}.{module}") == []


def test_a_package_resolves_its_own_relative_imports() -> None:
    """In an __init__ one dot is the package itself."""
    assert upward("from .flows import Flow", f"{PACKAGE}.core", is_package=True) == []
    assert upward("from .cli import main", f"{PACKAGE}.core", is_package=True) == []
    assert upward("from ..cli import main", f"{PACKAGE}.core", is_package=True) != []


@pytest.mark.parametrize(("path", "module"), MODULES, ids=NAMES)
def test_only_the_command_line_prints_or_exits(path: Path, module: str) -> None:
    """Outside cli nothing prints, exits or touches the standard streams."""
    if part_of(module) != "cli":
        assert endings(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        "print('x')",
        "import sys\nsys.exit(1)",
        "from sys import exit",
        "raise SystemExit(2)",
        "import sys\nsys.stderr.write('x')",
        "import os\nos._exit(1)",
    ],
)
def test_the_check_of_printing_catches(source: str) -> None:
    """Each way to print or exit is caught."""
    assert len(endings(source)) == 1


def test_the_check_of_printing_lets_pass() -> None:
    """Words in texts, and methods of the same name, are no prints."""
    assert endings('"""print(1)"""\nframe.print()\nhandler.exit()') == []


def test_no_module_has_a_name_that_says_nothing() -> None:
    """No module is a drawer for what found no place."""
    assert [path for path in sources() if path.stem in VAGUE] == []


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_files_are_short(path: Path) -> None:
    """No source file is longer than can be read at one sitting."""
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST


def test_the_readme_gives_the_command_of_continuous_integration() -> None:
    """README.md has the line that .ci/run runs."""
    command = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()[-1]
    assert command.startswith("python3 -m venv .venv && ")
    assert command in (ROOT / "README.md").read_text(encoding="utf-8")

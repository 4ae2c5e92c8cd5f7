"""The Zeek scripts parse, are formatted as the field does it, and their captures are ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.zeek_scripts import scenes, tls

HERE = Path(__file__).parent
PACKAGE = HERE.parents[1] / "zeek_scripts"
SCRIPTS = sorted([*PACKAGE.glob("*.zeek"), *HERE.glob("[cS]*/*.zeek")])
PROGRAMS = Path(sys.executable).parent


def test_there_are_scripts() -> None:
    """Those of the package, and the tests of them."""
    assert {each.parent.name for each in SCRIPTS} == {"zeek_scripts", "cases", "Scripts"}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_parses(path: Path) -> None:
    """Without an error of Zeek's grammar."""
    done = subprocess.run(
        [PROGRAMS / "zeek-script", "parse", path], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_script_is_formatted(path: Path) -> None:
    """As zeek-format has it."""
    text = path.read_bytes()
    done = subprocess.run([PROGRAMS / "zeek-format"], input=text, capture_output=True, check=True)
    assert text == done.stdout


def test_the_captures_are_made_here(tmp_path: Path) -> None:
    """What Zeek reads in the tests is what the scenes write."""
    scenes.write(tmp_path)
    made = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert made == {path.name: path.read_bytes() for path in scenes.TRACES.iterdir()}


def test_no_baseline_is_left_over() -> None:
    """Every baseline is one of a test."""
    cases = {f"cases.{path.stem}" for path in HERE.glob("cases/*.zeek")}
    assert {path.name for path in HERE.glob("Baseline/*")} <= cases


def test_the_client_is_the_known_one() -> None:
    """What Zeek made of the ClientHello is what JA4's own description has."""
    rows = (HERE / "Baseline" / "cases.tls" / "output").read_text(encoding="utf-8")
    assert f"ja4:{tls.CLIENT}" in rows

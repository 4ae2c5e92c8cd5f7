"""Which Zeek there is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flowprint_zeek.analysis.doctor.program import check_program
from flowprint_zeek.analysis.doctor.scene import Scene
from tests.analysis.doctor.setups import Setup, of


@pytest.mark.parametrize("version", ["8.0.10", "8.1.0-dev.12", "9.0"])
def test_a_zeek_that_is_new_enough(setup: Setup, version: str) -> None:
    """It is found where it is mostly installed."""
    setup.zeek(version)
    program = setup.folder / "zeek" / "bin" / "zeek"
    assert of(check_program(setup.scene()), "ok") == {"zeek": f"{program} is Zeek {version}; "}


def test_an_old_zeek(setup: Setup) -> None:
    """Its logs are read, but the Zeek package needs a newer one; without it notices wait."""
    setup.zeek("4.0.0")
    found = of(check_program(setup.scene()), "note")["zeek"]
    assert "is Zeek 4.0.0: stock logs are read, but the Zeek package needs 8.0" in found
    assert "install Zeek 8.0 or later" in found
    setup.given["run.notices"] = "zeek"
    assert of(check_program(setup.scene()), "problem")["zeek"] == found


def test_the_path_goes_first(setup: Setup) -> None:
    """What the shell would start is looked at."""
    setup.zeek("7.0.1")
    program = setup.write(setup.folder / "bin" / "zeek", "#!/bin/sh\necho zeek version 8.0.1\n")
    program.chmod(0o755)
    setup.has(search=str(program.parent))
    assert of(check_program(setup.scene()), "ok") == {"zeek": f"{program} is Zeek 8.0.1; "}


def test_no_zeek(setup: Setup) -> None:
    """It may run on another host, so it is a note."""
    found = of(check_program(setup.scene()), "note")["zeek"]
    assert f"not in {setup.folder}/zeek/bin" in found
    assert "--zeek PROGRAM" in found


def test_a_zeek_that_was_named_and_is_not_there(setup: Setup) -> None:
    """That is a problem."""
    scene = Scene(setup.config, setup.host, "./absent")
    assert of(check_program(scene), "problem") == {
        "zeek": "there is no program ./absent; name Zeek with --zeek PROGRAM"
    }


@pytest.mark.parametrize("script", ["#!/bin/sh\necho hello\n", "#!/bin/sh\nexit 3\n", "no script"])
def test_what_is_no_zeek(setup: Setup, script: str) -> None:
    """What it says is shown."""
    program = setup.write(setup.folder / "other", script)
    program.chmod(0o755)
    scene = Scene(setup.config, replace(setup.host, prefixes=()), str(program))
    assert "--version says no version (" in of(check_program(scene), "problem")["zeek"]

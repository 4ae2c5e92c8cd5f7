"""All checks together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.doctor.examine import CHECKS
from flowprint_zeek.analysis.doctor.finding import LEVELS
from flowprint_zeek.errors import LogError
from tests.analysis.doctor.setups import Setup, install, of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flowprint_zeek.analysis.doctor.finding import Finding
    from flowprint_zeek.analysis.doctor.scene import Scene


def test_a_set_up_that_is_well_has_no_problem(setup: Setup) -> None:
    """Nothing has to be done, and each part that was looked at says so."""
    install(setup.zeek())
    found = setup.found()
    assert of(found, "problem") == {}
    well = of(found, "ok")
    named = {"zeek", "logs", "log.conn", "columns", "damage", "growth", "clock", "reading"}
    assert named | {"writing", "events", "disk", "networks", "coverage"} <= well.keys()
    assert all(one.do == "" for one in found if one.level == "ok")
    assert all(one.do for one in found if one.level != "ok")
    assert "has a device" in well["networks"] or "have a device" in well["networks"]


def test_the_most_urgent_comes_first(setup: Setup) -> None:
    """Problems before notes before what is well."""
    setup.log("ssl").unlink()
    levels = [one.level for one in setup.found()]
    assert levels == sorted(levels, key=LEVELS.index)
    assert set(levels) == set(LEVELS)


def test_nothing_is_changed(setup: Setup) -> None:
    """No file is made, changed or removed, and what is not there is not made."""
    setup.given["run.state"] = str(setup.folder / "none" / "state.sqlite")
    setup.given["run.output"] = str(setup.folder / "none" / "out")
    before = contents(setup.folder)
    setup.found()
    assert contents(setup.folder) == before


def contents(folder: Path) -> dict[str, tuple[float, bytes]]:
    """Return all files with their times."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime, path.read_bytes()) for path in files}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (LogError("is torn", path="conn.log"), "conn.log: is torn; put right what it names"),
        (ZeroDivisionError("by zero"), "this could not be checked: ZeroDivisionError: by zero"),
    ],
)
def test_a_check_that_fails_is_a_finding(
    setup: Setup, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    """It is a problem of its name, and the others go on."""

    def failing(_scene: Scene) -> Iterator[Finding]:
        raise error
        yield

    monkeypatch.setitem(CHECKS, "columns", failing)
    found = setup.found()
    assert of(found, "problem")["columns"].startswith(said)
    assert {"growth", "disk", "coverage"} <= of(found, "ok").keys()


def test_real_logs_of_a_site(setup: Setup, shared_data: Path) -> None:
    """An hour of a real network is read, named and counted as a replay of it would."""
    setup.given["run.logs"] = str(shared_data / "zeek-logs" / "proxy_rolling_tsv_gz")
    found = setup.found()
    assert "conn, dns, http, ssl, x509" in of(found, "ok")["logs"]
    assert "complete logs only" in of(found, "note")["logs"]
    assert "81% of the connections" in of(found, "ok")["networks"]
    assert "certificate 10%, server name 40%" in of(found, "problem")["coverage"]

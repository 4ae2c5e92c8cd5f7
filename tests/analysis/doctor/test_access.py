"""Rights of this user."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.doctor.access import check_reading, check_user, check_writing
from tests.analysis.doctor.setups import Setup, of

if TYPE_CHECKING:
    import pytest


def denied(*paths: Path, mode: int = os.R_OK | os.W_OK) -> object:
    """Return what denies some paths."""
    return lambda path, wanted: not (wanted & mode and Path(path) in paths)


def test_a_user_who_may_do_all_that_is_needed(setup: Setup) -> None:
    """It says so, and whose rights these are."""
    setup.has(user=os.geteuid() or 65_534)
    assert "may read all 5 logs" in of(check_reading(setup.scene()), "ok")["reading"]
    assert str(setup.folder / "out") in of(check_writing(setup.scene()), "ok")["writing"]
    assert "rights are looked at as" in of(check_user(setup.scene()), "ok")["user"]


def test_a_log_that_may_not_be_read(setup: Setup) -> None:
    """The file and what lets it be read are named, and the log is not taken for there."""
    setup.has(access=denied(setup.log("ssl")))
    found = of(check_reading(setup.scene()), "problem")["reading"]
    assert f"may not read {setup.log('ssl')}" in found
    assert "run `setfacl" in found or "run `usermod" in found
    assert setup.scene().of("ssl") == []


def test_a_folder_that_may_not_be_listed(setup: Setup) -> None:
    """The folder is named."""
    setup.has(access=denied(setup.current))
    assert f"may not list {setup.current}" in of(check_reading(setup.scene()), "problem")["reading"]


def test_what_is_in_a_folder_that_may_not_be_entered(
    setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is named, and every check goes on."""
    real = Path.stat

    def stat(self: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if setup.current in self.parents or self.is_relative_to(setup.folder / "state" / "inner"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(self, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", stat)
    inner = setup.current / "inner"
    setup.given |= {"run.logs": str(inner), "run.state": str(setup.folder / "state/inner/state")}
    found = setup.found()
    assert f"may not look into {setup.current}, where {inner} is" in of(found, "problem")["reading"]
    assert "which this user may not look into" in of(found, "problem")["logs"]
    assert "cannot be read: Permission denied" in str(found)
    assert "could not be checked" not in str(found)


def test_outputs_that_may_not_be_written(setup: Setup) -> None:
    """Each folder by its setting."""
    setup.has(access=denied(setup.folder / "state", setup.folder / "out"))
    found = of(check_writing(setup.scene()), "problem")
    assert found.keys() == {"writing.state", "writing.output"}
    assert f"may not write to {setup.folder}/state; run `install -d -o " in found["writing.state"]


def test_outputs_that_are_no_folder(setup: Setup) -> None:
    """A file is in the way."""
    setup.given["run.output"] = str(setup.write(setup.folder / "file", "x"))
    found = of(check_writing(setup.scene()), "problem")
    assert f"run.output: {setup.folder}/file is no folder" in found["writing.output"]


def test_a_state_that_may_not_be_written(setup: Setup) -> None:
    """Its folder may be, and the file not."""
    state = setup.write(Path(setup.config.run.state), b"")
    setup.has(access=denied(state))
    assert "run `chown " in of(check_writing(setup.scene()), "problem")["writing.state"]


def test_outputs_among_the_logs(setup: Setup) -> None:
    """What the daemon writes would be read as logs of Zeek."""
    setup.given["run.output"] = str(setup.current)
    found = of(check_writing(setup.scene()), "problem")["writing.apart"]
    assert f"run.output is in {setup.current}, which is among run.logs" in found


def test_the_folder_of_the_outbox(setup: Setup) -> None:
    """The daemon does not make it."""
    setup.given |= {"run.notices": "zeek", "run.outbox": str(setup.folder / "spool" / "o.tsv")}
    found = of(check_writing(setup.scene()), "problem")["writing.outbox"]
    assert f"the folder {setup.folder}/spool is not there; run `install -d" in found
    assert "let Zeek write there" in found


def test_the_state_of_another_user(setup: Setup) -> None:
    """What counts are the rights of the daemon's user."""
    setup.write(Path(setup.config.run.state), b"")
    setup.has(user=os.geteuid() + 1)
    found = of(check_user(setup.scene()), "note")["user"]
    assert "run `runuser -u " in found


def test_root_without_a_state(setup: Setup) -> None:
    """Root's rights say little."""
    setup.has(user=0)
    assert "as root, who may do everything" in of(check_user(setup.scene()), "note")["user"]

"""``doctor``: what of a set-up is not as it is needed."""

from __future__ import annotations

import signal
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.doctor.examine import CHECKS
from flowprint_zeek.analysis.simulate import simulate
from flowprint_zeek.cli.exits import Exit
from tests.analysis.doctor.setups import NETWORK, Setup, well

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flowprint_zeek.analysis.doctor.finding import Finding
    from flowprint_zeek.analysis.doctor.scene import Scene
    from tests.cli.conftest import Cli, Outcome


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the logs of a small network."""
    folder = tmp_path_factory.mktemp("doctor") / "logs"
    write(simulate(NETWORK), folder, rotate=None)
    return folder


@pytest.fixture
def setup(tmp_path: Path, written: Path, monkeypatch: pytest.MonkeyPatch) -> Setup:
    """Return a set-up that is well, on a host of its own."""
    made = well(tmp_path, written)
    monkeypatch.setattr("flowprint_zeek.cli.doctor.Host", lambda: made.host)
    return made


def doctor(cli: Cli, setup: Setup, *more: str) -> Outcome:
    """Run the command on a set-up."""
    run = setup.config.run
    places = ("--logs", *run.logs, "--archives", *run.archives)
    return cli("doctor", *places, "--state", run.state, "--output", run.output, *more)


def test_what_is_said_of_a_set_up_that_is_well(cli: Cli, setup: Setup) -> None:
    """How much was found comes first; each finding is a line, with one more on what to do."""
    done = doctor(cli, setup)
    assert (done.code, done.err) == (Exit.OK, "")
    first, *lines = done.out.splitlines()
    assert first.startswith("no problems, ")
    assert first.endswith(" well")
    assert "ok: columns: all columns that matter are in conn, dns, http, ssl, x509" in lines
    helped = [above for above, line in pairwise(lines) if line.startswith("    do: ")]
    assert helped == [line for line in lines if line.startswith("note: ")]


def test_problems_come_first(cli: Cli, setup: Setup) -> None:
    """With what to do about them; the code is that of success."""
    setup.log("ssl").unlink()
    done = doctor(cli, setup)
    assert done.code == Exit.OK
    lines = done.out.splitlines()
    assert lines[0].startswith("1 problem, ")
    assert lines[1].startswith("problem: log.ssl: no ssl.log: ")
    assert lines[2].startswith("    do: remove `Log::disable_stream(SSL::LOG)`")


def test_as_json(cli: Cli, setup: Setup) -> None:
    """The settings, every finding, and the number of problems."""
    setup.log("ssl").unlink()
    done = doctor(cli, setup, "--json").json
    assert list(done) == ["parameters", "findings", "problems"]
    assert done["problems"] == 1
    assert list(done["findings"][0]) == ["check", "level", "found", "do"]
    assert done["findings"][0]["check"] == "log.ssl"
    assert done["parameters"]["run"]["logs"] == [str(setup.current)]


@pytest.mark.parametrize("more", [(), ("--json",)])
def test_strict(cli: Cli, setup: Setup, more: tuple[str, ...]) -> None:
    """A problem is a code of its own, and what was found is said all the same."""
    assert doctor(cli, setup, "--strict", *more).code == Exit.OK
    setup.log("conn").unlink()
    done = doctor(cli, setup, "--strict", *more)
    assert (done.code, done.err) == (Exit.PROBLEMS, "")
    assert "no conn.log in " in done.out


def test_zeek_may_be_named(cli: Cli, setup: Setup) -> None:
    """It is the one that is asked for its version."""
    setup.zeek("4.0.0")
    program = setup.folder / "zeek" / "bin" / "zeek"
    assert f"note: zeek: {program} is Zeek 4.0.0" in doctor(cli, setup, "--zeek", str(program)).out


def test_names_of_files_do_not_steer_the_terminal(cli: Cli, setup: Setup) -> None:
    """They are shown with escapes."""
    setup.log("conn").rename(setup.current / "conn.\x1b[31m.log")
    assert "conn.\\x1b[31m.log" in doctor(cli, setup).out


def test_ctrl_c(cli: Cli, setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends at once, with one line."""

    def interrupted(_scene: Scene) -> Iterator[Finding]:
        signal.raise_signal(signal.SIGINT)
        yield from ()

    monkeypatch.setitem(CHECKS, "columns", interrupted)
    done = doctor(cli, setup)
    assert (done.code, done.out, done.err) == (
        Exit.INTERRUPTED,
        "",
        "flowprint-zeek: interrupted\n",
    )


def test_the_traceback_of_a_check_that_fails(
    cli: Cli, setup: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With -vv it is on stderr; else one line says what failed."""

    def failing(_scene: Scene) -> Iterator[Finding]:
        raise ZeroDivisionError("by zero")
        yield

    monkeypatch.setitem(CHECKS, "columns", failing)
    done = doctor(cli, setup)
    assert "problem: columns: this could not be checked: ZeroDivisionError: by zero" in done.out
    assert done.err == ""
    assert "Traceback (most recent call last):" in doctor(cli, setup, "-vv").err


@pytest.mark.parametrize("logs", ["/nowhere/at/all", "/dev/null", "/proc/1/*", "\udcff*["])
def test_garbage(cli: Cli, tmp_path: Path, logs: str) -> None:
    """Whatever the settings name, there are findings."""
    places = ("--logs", logs, "--archives", logs, "--state", "/dev/null", "--output", "/dev/null")
    done = cli("doctor", *places, "--json").json
    assert done["problems"] > 0
    assert "could not be checked" not in str(done["findings"])
    assert list(tmp_path.iterdir()) == []

"""The frame of the command line, with a command that does what a test wants."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek import __version__, errors
from flowprint_zeek.cli import main as frame
from flowprint_zeek.cli.exits import TABLE, Exit, code_of
from flowprint_zeek.cli.main import COMMANDS, main
from flowprint_zeek.config import SETTINGS
from tests.cli.conftest import FakeStream

if TYPE_CHECKING:
    import argparse

    from flowprint_zeek.cli.terminal import Terminal
    from tests.cli.conftest import Execute, Fake

ROOT = Path(__file__).resolve().parents[2]


def raising(error: BaseException) -> Execute:
    def execute(_args: argparse.Namespace, _terminal: Terminal) -> int:
        raise error

    return execute


# Exit codes


def test_a_command_gives_its_code(fake: Fake) -> None:
    """The code of a command is the code of the program."""
    fake(lambda _args, _terminal: 0)
    assert main(["fake"]) == Exit.OK


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.UsageError("x"), Exit.USAGE),
        (errors.ConfigError("x"), Exit.CONFIG),
        (errors.LogError("x"), Exit.LOGS),
        (errors.ModelError("x"), Exit.MODEL),
        (errors.OutputError("x"), Exit.OUTPUT),
    ],
)
def test_an_error_is_one_line_and_its_code(
    fake: Fake, capsys: pytest.CaptureFixture[str], error: errors.FlowPrintError, code: Exit
) -> None:
    """Every error raised on purpose is one line on stderr and exits with its class's code."""
    fake(raising(error))
    assert main(["fake"]) == code
    assert capsys.readouterr() == ("", "flowprint-zeek: error: x\n")


def test_every_error_class_has_its_own_code() -> None:
    """No two classes of errors share a code, and none is unexpected."""
    classes = errors.FlowPrintError.__subclasses__()
    codes = {code_of(each("x")) for each in classes}
    assert len(codes) == len(classes)
    assert Exit.UNEXPECTED not in codes


def test_every_code_is_in_the_table() -> None:
    """The table that the help shows has all codes."""
    assert list(TABLE) == list(Exit)


def test_an_error_cannot_steer_the_terminal(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters of an error's text are shown, not sent."""
    fake(raising(errors.LogError("bad\x1b[2J\nname", path="a.log", line=3)))
    main(["fake"])
    assert capsys.readouterr().err == "flowprint-zeek: error: a.log:3: bad\\x1b[2J\\x0aname\n"


def test_ctrl_c_interrupts(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C says so in one line and exits with 130."""
    fake(raising(KeyboardInterrupt()))
    assert main(["fake"]) == 130
    assert capsys.readouterr().err == "flowprint-zeek: interrupted\n"


def test_an_unexpected_error_is_one_line(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    """A bug shows its type and how to see more, and exits with 1."""
    fake(raising(ZeroDivisionError("by\nzero")))
    assert main(["fake"]) == 1
    assert capsys.readouterr().err == (
        "flowprint-zeek: error: unexpected ZeroDivisionError: by\\x0azero "
        "(run with -vv for the traceback)\n"
    )


@pytest.mark.parametrize("flags", [["-vv"], ["-v", "-v"], ["-v", "--verbose"]])
def test_verbose_twice_shows_the_traceback(
    fake: Fake, capsys: pytest.CaptureFixture[str], flags: list[str]
) -> None:
    """With -vv the traceback comes before the line."""
    fake(raising(ZeroDivisionError("x")))
    main(["fake", *flags])
    assert capsys.readouterr().err.startswith("Traceback (most recent call last):\n")


def test_a_command_that_cannot_be_imported_is_unexpected(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A broken installation is one line, and a traceback with -vv."""
    monkeypatch.setitem(COMMANDS, "absent", "is not there")
    assert main(["absent"]) == Exit.UNEXPECTED
    assert "ModuleNotFoundError" in capsys.readouterr().err
    main(["absent", "-vv"])
    assert "Traceback" in capsys.readouterr().err


def test_a_command_whose_imports_fail_is_unexpected(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is missing for a command is told once its arguments are right, in the same way."""
    fake(lambda _args, _terminal: 0)
    monkeypatch.setitem(sys.modules, "flowprint_zeek.cli.fake", None)
    assert main(["fake", "--help"]) == Exit.OK
    capsys.readouterr()
    assert main(["fake"]) == Exit.UNEXPECTED
    assert "ModuleNotFoundError" in capsys.readouterr().err
    main(["fake", "-v", "-v"])
    assert "Traceback" in capsys.readouterr().err


# A reader that stops, a disk that is full


def test_a_reader_that_stops_ends_the_run_quietly(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """When the reader of stdout has gone, nothing is said and all is well."""
    monkeypatch.setattr(sys, "stdout", FakeStream(BrokenPipeError()))

    def execute(_args: argparse.Namespace, terminal: Terminal) -> int:
        terminal.line("x")
        return Exit.LOGS

    fake(execute)
    assert main(["fake"]) == Exit.OK
    assert capsys.readouterr().err == ""


def test_another_broken_pipe_is_not_hidden(fake: Fake) -> None:
    """A pipe that breaks elsewhere, as to a worker process, is an error."""
    fake(raising(BrokenPipeError()))
    assert main(["fake"]) == Exit.UNEXPECTED


def test_a_full_disk_behind_stdout_is_an_output_error(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Results that cannot be written exit with the code of output."""
    monkeypatch.setattr(sys, "stdout", FakeStream(OSError(28, "No space left on device")))
    fake(lambda _args, _terminal: 0)
    assert main(["fake"]) == Exit.OUTPUT
    assert "stdout cannot be written: No space left on device" in capsys.readouterr().err


def test_a_real_pipe_that_is_closed_leaves_stderr_empty() -> None:
    """The interpreter says nothing of a closed pipe when it ends."""
    with subprocess.Popen(
        [sys.executable, "-m", "flowprint_zeek", "--help"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == Exit.OK


# Help and usage


def test_help_names_every_command_code_and_variable(capsys: pytest.CaptureFixture[str]) -> None:
    """The global help has every command, exit code and variable."""
    assert main(["--help"]) == Exit.OK
    text = capsys.readouterr().out
    wanted = [f"\n  {code.value:<4} {row.meaning}\n" for code, row in TABLE.items()]
    wanted += [f"\n  {setting.variable} " for setting in SETTINGS.values()]
    assert [part for part in wanted if part not in text] == []
    # Where a long name's summary stands depends on the Python version.
    assert [name for name in COMMANDS if not re.search(rf"\n    {name}\s", text)] == []


def test_help_imports_no_command() -> None:
    """The global help comes without pandas, NumPy or SciPy."""
    code = (
        "import sys; from flowprint_zeek.cli.main import main; main(['--help']);"
        "sys.exit(bool({'numpy', 'pandas', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_its_module(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Each command is a module of its name, and one of its name, help and options."""
    assert importlib.import_module(f"flowprint_zeek.cli.arguments.{name}").NAME == name
    assert callable(importlib.import_module(f"flowprint_zeek.cli.{name}").execute)
    assert main([name, "--help"]) == Exit.OK
    assert f"usage: flowprint-zeek {name} " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "named"),
    [
        ([], "COMMAND"),
        (["nonsense"], "'nonsense'"),
        (["fake", "--nonsense"], "--nonsense"),
        (["fake", "--jso"], "--jso"),
        (["fake", "-b"], "expected one argument"),
        (["fake", "--since", "yesterday"], "'yesterday' is no time"),
    ],
)
def test_wrong_usage_is_one_line(
    fake: Fake, capsys: pytest.CaptureFixture[str], argv: list[str], named: str
) -> None:
    """Wrong options are one line that names them and the help, and exit with 2."""
    fake(lambda _args, _terminal: 0)
    assert main(argv) == Exit.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("flowprint-zeek: error: ")
    assert err.endswith("--help)\n")
    assert named in err
    assert err.count("\n") == 1


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    """--version says what pyproject.toml says."""
    assert main(["--version"]) == Exit.OK
    assert capsys.readouterr().out == f"flowprint-zeek {__version__}\n"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert project["version"] == __version__


def test_run_exits_with_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    """The installed command exits with what main returns."""
    monkeypatch.setattr(frame, "main", lambda: Exit.MODEL)
    with pytest.raises(SystemExit) as caught:
        frame.run()
    assert caught.value.code == Exit.MODEL

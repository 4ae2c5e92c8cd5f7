"""What the command line writes, and where to."""

from __future__ import annotations

import json
import logging
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.main import main
from flowprint_zeek.cli.terminal import Terminal, escaped
from flowprint_zeek.errors import LogError
from tests.cli.conftest import FakeStream

if TYPE_CHECKING:
    import argparse

    from tests.cli.conftest import Fake

HOSTILE = "[red]a[/red]\x1b[31m\nb\u202e\udcff :smile:"
HARMLESS = "[red]a[/red]\\x1b[31m\\x0ab\\u202e\\xff :smile:"


@given(st.text())
def test_what_is_escaped_is_printable(text: str) -> None:
    """Nothing that could steer a terminal is left, and printable text is left alone."""
    assert escaped(text).isprintable()
    assert not text.isprintable() or escaped(text) == text


def test_a_table_is_plain_where_stdout_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Columns are parted by spaces, numbers stand right, nothing is folded or coloured."""
    rows = [("x" * 200, 7, None), ("y", 12_345, True)]
    Terminal().table("apps", ["name", "flows", "new"], rows)
    title, header, first, second = capsys.readouterr().out.splitlines()
    assert title == "apps"
    assert header.split() == ["name", "flows", "new"]
    assert first.split() == ["x" * 200, "7", "-"]
    assert second.split() == ["y", "12345", "yes"]
    assert first.index("7") + 1 == second.index("12345") + 5


@pytest.mark.parametrize("tty", [False, True])
def test_a_table_shows_values_literally(tty: bool) -> None:
    """Markup, emoji codes and control characters of a value do nothing."""
    out = FakeStream(tty=tty)
    Terminal(stdout=out).table(HOSTILE, [HOSTILE], [[HOSTILE]])
    assert out.getvalue().count(HARMLESS) == 3


def test_floats_of_a_table_are_short(capsys: pytest.CaptureFixture[str]) -> None:
    """A float has at most four decimals, and no exponent for its size."""
    Terminal().table("", ["v"], [[0.1 + 0.2], [1_234_567.0], [np.float64(1 / 3)], [np.int64(5)]])
    assert capsys.readouterr().out.split() == ["v", "0.3", "1234567.0", "0.3333", "5"]


def test_an_empty_table_has_its_header(capsys: pytest.CaptureFixture[str]) -> None:
    """A table without rows shows its title and columns."""
    Terminal().table("apps", ["name", "flows"], [])
    assert capsys.readouterr().out.split() == ["apps", "name", "flows"]


def test_a_line_is_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """A line of a result stays one line."""
    Terminal().line(HOSTILE)
    assert capsys.readouterr().out == HARMLESS + "\n"


def test_json_is_ascii_in_the_order_given(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON keeps the order of keys, takes NumPy values and paths, and ends its line."""
    value = {"b": np.int64(1), "a": [np.float64(0.5), "é\x1b"], "p": PurePosixPath("x/y")}
    Terminal().json(value | {"c": np.array([1, 2])})
    text = capsys.readouterr().out
    assert text.isascii()
    assert text.endswith("}\n")
    assert list(json.loads(text).items()) == [
        ("b", 1),
        ("a", [0.5, "é\x1b"]),
        ("p", "x/y"),
        ("c", [1, 2]),
    ]


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), object()])
def test_what_json_has_no_form_for_is_an_error(value: object) -> None:
    """A set has no order, NaN is no JSON: neither is written."""
    out = FakeStream()
    with pytest.raises((TypeError, ValueError)):
        Terminal(stdout=out).json([value])
    assert out.getvalue() == ""


def test_text_that_stdout_cannot_encode_is_shown_in_ascii() -> None:
    """A terminal without Unicode gets escapes, not an error."""
    out = FakeStream()
    out.encoding = "ascii"
    Terminal(stdout=out).line("é")
    assert out.getvalue() == "\\xe9\n"


def test_notes_go_to_stderr_unless_quiet(capsys: pytest.CaptureFixture[str]) -> None:
    """A note is one line on stderr; --quiet drops it."""
    Terminal().note("a\nb")
    Terminal(quiet=True).note("c")
    assert capsys.readouterr() == ("", "a\\x0ab\n")


def test_streams_that_were_never_open_stop_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process may be started with stdout and stderr closed: what it says goes nowhere."""
    monkeypatch.setattr("sys.stdout", None)
    monkeypatch.setattr("sys.stderr", None)
    terminal = Terminal()
    terminal.table("", ("a",), [(1,)])
    terminal.warn("a")
    terminal.discard()


def test_a_stderr_that_is_gone_stops_nothing() -> None:
    """Where nobody listens to stderr, notes are dropped."""
    Terminal(stderr=FakeStream(BrokenPipeError())).note("x")


@pytest.mark.parametrize(("tty", "quiet"), [(False, False), (True, True)])
def test_no_progress_without_a_terminal_or_when_quiet(tty: bool, quiet: bool) -> None:
    """Nothing is drawn into a file or for somebody who asked for silence."""
    err = FakeStream(tty=tty)
    with Terminal(stderr=err, quiet=quiet).progress("reading", 2) as advance:
        advance()
    assert err.getvalue() == ""


@pytest.mark.parametrize("total", [None, 2])
def test_progress_is_drawn_on_a_terminal(total: float | None) -> None:
    """A terminal sees how far a file is, its name escaped, and notes meanwhile."""
    out, err = FakeStream(), FakeStream(tty=True)
    terminal = Terminal(stdout=out, stderr=err)
    with terminal.progress("[b]conn\x1b.log", total) as advance:
        advance()
        advance(1)
        terminal.note("[i]half")
    terminal.note("after")
    assert out.getvalue() == ""
    assert "[b]conn\\x1b.log" in err.getvalue()
    assert "[i]half\n" in err.getvalue()
    assert err.getvalue().endswith("after\n")


@pytest.mark.parametrize(
    ("flags", "levels"),
    [
        ([], ["warning", "error"]),
        (["-v"], ["info", "warning", "error"]),
        (["-vv"], ["debug", "info", "warning", "error"]),
        (["-q"], ["error"]),
    ],
)
def test_the_log_goes_to_stderr(
    fake: Fake, capsys: pytest.CaptureFixture[str], flags: list[str], levels: list[str]
) -> None:
    """-v and -q choose what of the package's log is shown, one escaped line each."""

    def execute(_args: argparse.Namespace, _terminal: Terminal) -> int:
        log = logging.getLogger("flowprint_zeek.zeek.reader")
        for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR):
            log.log(level, "saw %s", "a\nb")
        return Exit.OK

    fake(execute)
    main(["fake", *flags])
    expected = [f"flowprint-zeek: {level}: saw a\\x0ab" for level in levels]
    assert capsys.readouterr().err.splitlines() == expected


def test_the_log_is_let_go(fake: Fake) -> None:
    """A run leaves no handler and no level behind."""

    def execute(_args: argparse.Namespace, _terminal: Terminal) -> int:
        raise LogError("x")

    fake(execute)
    logger = logging.getLogger("flowprint_zeek")
    before = (list(logger.handlers), logger.level)
    main(["fake", "-vv"])
    assert (list(logger.handlers), logger.level) == before


def raise_hostile() -> None:
    raise ValueError(HOSTILE)


def test_a_logged_error_shows_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    """A traceback follows the line it belongs to, escaped line by line."""
    with Terminal().logging():
        try:
            raise_hostile()
        except ValueError:
            logging.getLogger("flowprint_zeek").exception("failed")
    lines = capsys.readouterr().err.splitlines()
    assert lines[:2] == ["flowprint-zeek: error: failed", "Traceback (most recent call last):"]
    assert lines[-2:] == ["ValueError: [red]a[/red]\\x1b[31m", "b\\u202e\\xff :smile:"]

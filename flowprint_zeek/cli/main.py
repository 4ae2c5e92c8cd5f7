"""The command line: parses the arguments, runs one command, turns every end into an exit code."""

from __future__ import annotations

import gc
import importlib
import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import TYPE_CHECKING, NoReturn, Protocol, cast

from flowprint_zeek import __version__
from flowprint_zeek.cli import options
from flowprint_zeek.cli.exits import TABLE, Exit, code_of
from flowprint_zeek.cli.terminal import PROGRAM, ReaderGoneError, Terminal
from flowprint_zeek.config import SETTINGS
from flowprint_zeek.errors import FlowPrintError, UsageError
from flowprint_zeek.garbage import little_garbage

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence


class Arguments(Protocol):
    """What a command's module of arguments offers."""

    NAME: str
    HELP: str

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the command's options."""


class Command(Protocol):
    """What a command's module offers."""

    def execute(self, args: Namespace, terminal: Terminal) -> int:
        """Run the command and return its exit code."""


COMMANDS = {
    "demo": "simulate a small network, learn it, and find the unseen apps planted in a day",
    "simulate": "write logs of simulated devices and apps, with the truth",
    "fingerprint": "make fingerprints of logs",
    "pcap": "run Zeek over packet captures, and make fingerprints of its logs",
    "recognize": "name the known app of each fingerprint",
    "detect": "tell which fingerprints are of unseen apps",
    "run": "follow the logs of a running Zeek, and write notices of unseen apps",
    "status": "tell what the daemon does now, and what it needs",
    "doctor": "tell whether Zeek, its logs and this host are as needed, and what to change",
    "apps": "show, label, dismiss, forget, import and export what a daemon has learned",
    "explain": "tell what a notice rests on, and where to look further",
    "replay": "run archived logs through the whole pipeline, to notices",
    "evaluate": "measure on labelled captures how well apps are recognised and unseen ones found",
    "tune": "search for the parameters that tell labelled captures apart best",
    "calibrate": "find the threshold for a wanted false rate, or forecast a site's notices",
    "browser": "train the paper's browser detector, and tell which flows are a browser's by it",
    "flow2vec": "embed flows as words: similar ones, clusters, a picture",
}
"""Commands and what the global help says of them.

Each is the module of its name beside this one, imported only when it runs: NumPy, pandas and SciPy
take longer to import than the help to read. What it takes is the module of its name in `arguments`.
"""


class Parser(ArgumentParser):
    """A parser that reports a wrong option as every other error is reported."""

    def error(self, message: str) -> NoReturn:
        """Raise UsageError."""
        raise UsageError(f"{message} (see {self.prog} --help)")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; default: those of the process.

    Returns
    -------
    int
        Exit code, one of `exits.Exit`.
    """
    arguments = sys.argv[1:] if argv is None else list(argv)
    # What fails before the arguments are parsed, an import, has a traceback too.
    terminal = Terminal(verbosity=2 if "-vv" in arguments else 0)
    try:
        code = _execute(arguments, terminal)
        terminal.flush()
    except ReaderGoneError:
        terminal.discard()
        return Exit.OK
    except FlowPrintError as error:
        terminal.error(error)
        return code_of(error)
    except KeyboardInterrupt:
        terminal.interrupted()
        return Exit.INTERRUPTED
    except Exception as error:  # noqa: BLE001  # a person at a terminal gets a line, not a traceback
        terminal.unexpected(error)
        return Exit.UNEXPECTED
    return code


def run() -> NoReturn:
    """Run the command line and exit: the entry point of the installed command."""
    sys.exit(main())


def _execute(arguments: list[str], terminal: Terminal) -> int:
    name = next((each for each in arguments if not each.startswith("-")), "")
    chosen = _arguments(name) if name in COMMANDS else None
    try:
        args, unknown = _parser(chosen).parse_known_args(arguments)
    except SystemExit:  # --help and --version
        return Exit.OK
    if unknown:
        # argparse itself would name the help of the program, not the command's.
        help_of = PROGRAM if chosen is None else f"{PROGRAM} {chosen.NAME}"
        raise UsageError(f"unknown arguments: {' '.join(unknown)} (see {help_of} --help)")
    if chosen is None:
        raise UsageError(f"no command (see {PROGRAM} --help)")
    terminal.verbosity, terminal.quiet = args.verbose, args.quiet
    command = _command(chosen.NAME)
    with terminal.logging():
        return command.execute(args, terminal)


def _arguments(name: str) -> Arguments:
    return cast("Arguments", importlib.import_module(f"flowprint_zeek.cli.arguments.{name}"))


def _command(name: str) -> Command:
    # Modules are no garbage, and looking for some among them takes a tenth of the time.
    gc.disable()
    try:
        return cast("Command", importlib.import_module(f"flowprint_zeek.cli.{name}"))
    finally:
        little_garbage()
        gc.enable()


def _parser(chosen: Arguments | None) -> ArgumentParser:
    """Return the parser of all commands, with the options of the chosen one."""
    parser = Parser(
        prog=PROGRAM,
        description="Fingerprint the apps of an encrypted network from Zeek logs.",
        epilog=_epilog(),
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, summary in COMMANDS.items():
        each = commands.add_parser(name, help=summary, description=summary, allow_abbrev=False)
        if chosen is not None and name == chosen.NAME:
            each.description = chosen.HELP
            chosen.add_arguments(each)
            options.add_presentation(each)
    return parser


def _epilog() -> str:
    codes = [f"  {code.value:<4} {row.meaning}" for code, row in TABLE.items()]
    variables = [f"  {each.variable:<38} {options.default_of(each)}" for each in SETTINGS.values()]
    return "\n".join(
        [
            "exit codes:",
            *codes,
            "",
            "environment, over the file of --config and under the options, with defaults:",
            *variables,
        ]
    )

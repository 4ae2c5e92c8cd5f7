"""Options that commands share, and what their texts mean.

A setting's option is named after its key: ``add_setting(group, "notice.max_per_day")`` adds
``--max-per-day``. Only options that were given override the file and the environment.
"""

from __future__ import annotations

import os
import re
from argparse import ArgumentTypeError, BooleanOptionalAction
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek import kinds
from flowprint_zeek.config import SETTINGS, Config, Setting, load
from flowprint_zeek.errors import UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace, _ArgumentGroup
    from collections.abc import Mapping

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_DATE = r"(19|20)[0-9]{6}"
"""A date without dashes, which as seconds would lie in 1970."""

PARAMETERS = {
    "fingerprint.batch": "-b",
    "fingerprint.window": "-w",
    "fingerprint.correlation": "-c",
    "fingerprint.similarity": "-s",
    "fingerprint.scheme": None,
}
"""The method's parameters by key, with the short options of the published package."""


def add_actions(
    parser: ArgumentParser, actions: Mapping[str, str], text: str
) -> dict[str, ArgumentParser]:
    """Add the actions of a command, and return their parsers.

    Parameters
    ----------
    parser : ArgumentParser
        Parser of the command.
    actions : mapping of str to str
        What each does.
    text : str
        What all of them are for.
    """
    added = parser.add_subparsers(dest="action", metavar="ACTION", required=True, help=text)
    return {
        name: added.add_parser(name, help=does, description=does, allow_abbrev=False)
        for name, does in actions.items()
    }


def add_presentation(parser: ArgumentParser) -> None:
    """Add -v and -q."""
    group = parser.add_argument_group("log")
    group.add_argument(
        "-v",
        "--verbose",
        action="count",
        default=0,
        help="log what is done to stderr; -vv logs everything and shows tracebacks",
    )
    group.add_argument(
        "-q", "--quiet", action="store_true", help="log errors only, show no progress"
    )


def add_config(parser: ArgumentParser) -> None:
    """Add --config."""
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help="settings, as in the shipped config.yaml"
    )


def add_json(parser: ArgumentParser) -> None:
    """Add --json."""
    parser.add_argument("--json", action="store_true", help="write the results as JSON to stdout")


def add_parameters(parser: ArgumentParser, *, default: str | None = None) -> None:
    """Add the method's parameters: -b, -w, -c, -s and --scheme.

    Parameters
    ----------
    parser : ArgumentParser
        What gets the options.
    default : str, optional
        What the help says of their defaults, ``{default}`` for the setting's.
    """
    group = parser.add_argument_group("parameters")
    for key, short in PARAMETERS.items():
        add_setting(group, key, *([] if short is None else [short]), default=default)


def add_setting(
    parser: ArgumentParser | _ArgumentGroup, key: str, *short: str, default: str | None = None
) -> None:
    """Add the option of a setting.

    Parameters
    ----------
    parser : ArgumentParser or argument group
        What gets the option.
    key : str
        Key of the setting, such as ``notice.max_per_day``.
    *short : str
        Short options.
    default : str, optional
        What the help says of the default, ``{default}`` for the setting's.
    """
    setting = SETTINGS[key]
    said = "default {default}" if default is None else default
    text = f"{setting.doc}; setting {key}, {said.format(default=default_of(setting))}"
    if isinstance(setting.default, bool):
        parser.add_argument(
            *short, setting.option, dest=key, action=BooleanOptionalAction, help=text
        )
    else:
        parser.add_argument(
            *short, setting.option, dest=key, metavar=setting.kind.metavar, help=text
        )


def default_of(setting: Setting) -> str:
    """Return the default of a setting as a person writes it."""
    value = setting.default
    if isinstance(value, tuple):
        return ",".join(map(str, value)) or "(empty)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and setting.kind.metavar == "DURATION":
        return f"{value / 3600:g}h" if value and value % 3600 == 0 else f"{value:g}s"
    return f"{value:g}" if isinstance(value, float) else str(value)


def settings(args: Namespace) -> Config:
    """Return the settings of a run: defaults, --config, the environment, the options given.

    Raises
    ------
    ConfigError
        If the file cannot be read, a key is unknown, or a value is not allowed.
    """
    given = {key: value for key, value in vars(args).items() if key in SETTINGS}
    overrides = {key: value for key, value in given.items() if value is not None}
    return load(getattr(args, "config", None), environ=os.environ, overrides=overrides)


def add_logs(parser: ArgumentParser, *, required: bool = True) -> None:
    """Add LOGS, --since and --until."""
    parser.add_argument(
        "logs",
        nargs="+" if required else "*",
        metavar="LOGS",
        help="Zeek logs (TSV, JSON) or binetflow, also .gz: files, globs, directories, in any mix",
    )
    add_times(parser)


def add_learning(group: _ArgumentGroup, *, others: str = "") -> None:
    """Add the options that say what is learned; `replaying.learning` returns it."""
    group.add_argument(
        "--learn-until",
        type=instant,
        metavar="TIME",
        help=f"learn batches that start before{others}",
    )
    group.add_argument(
        "--learn-for",
        type=duration,
        metavar="DURATION",
        help="learn so long from the first batch on, such as 24h",
    )


def add_times(parser: ArgumentParser) -> None:
    """Add --since and --until; `times` checks and returns them."""
    form = "ISO time, UTC where it names no zone, or seconds since the epoch"
    parser.add_argument(
        "--since",
        type=instant,
        metavar="TIME",
        help=f"only connections that end then or later; {form}",
    )
    parser.add_argument(
        "--until", type=instant, metavar="TIME", help="only connections that end before"
    )


def times(args: Namespace) -> tuple[int | None, int | None]:
    """Return --since and --until in microseconds since the epoch, None where not given.

    Raises
    ------
    UsageError
        If nothing can lie between them.
    """
    since: int | None = args.since
    until: int | None = args.until
    if since is not None and until is not None and since >= until:
        raise UsageError("--since must be before --until")
    return since, until


def instant(text: str) -> int:
    """Return a time in microseconds since the epoch.

    Parameters
    ----------
    text : str
        ISO time such as ``2026-01-31``, ``2026-01-31T13:40Z`` or ``2026-01-31 13:40:00.5+01:00``,
        UTC where it names no zone; or seconds since the epoch. ``20260131`` is a date.

    Raises
    ------
    ArgumentTypeError
        If it is neither.

    Examples
    --------
    >>> instant("1970-01-01T00:00:02"), instant("2.000001")
    (2000000, 2000001)
    """
    given = text.strip()
    if re.fullmatch(r"-?[0-9]{1,12}(\.[0-9]*)?", given) and not re.fullmatch(_DATE, given):
        return int(Decimal(given) * 1_000_000)
    try:
        moment = datetime.fromisoformat(given)
    except ValueError as error:
        raise ArgumentTypeError(
            f"{text!r} is no time: write 2026-01-31T13:40Z or seconds since the epoch"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - EPOCH) // MICROSECOND


def duration(text: str) -> float:
    """Return a duration in seconds: a number of seconds, or ``90s``, ``5m``, ``24h``, ``30d``.

    Raises
    ------
    ArgumentTypeError
        If the text is none.
    """
    kind = kinds.duration()
    try:
        return kind.parse(text)
    except kinds.RefusedError as error:
        raise ArgumentTypeError(f"{text!r} is not {kind.allowed}") from error


def share(text: str) -> float:
    """Return a share, 0 to 1.

    Raises
    ------
    ArgumentTypeError
        If the text is none.

    Examples
    --------
    >>> share("0.05")
    0.05
    """
    kind = kinds.number("a number from 0 to 1", lambda value: 0 <= value <= 1)
    try:
        return kind.parse(text)
    except kinds.RefusedError as error:
        raise ArgumentTypeError(f"{text!r} is not {kind.allowed}") from error

"""``simulate``: write logs of a simulated network or of a composed site, with the truth."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flowprint_zeek.analysis.archive import LEAST_ROTATION, write, write_logs
from flowprint_zeek.analysis.simulate import Network, Simulated, simulate
from flowprint_zeek.cli import compose
from flowprint_zeek.cli.arguments.simulate import COUNTS, SHARES
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from flowprint_zeek.cli.terminal import Terminal


def network(args: Namespace) -> Network:
    """Return the network of the options that were given."""
    names = (*COUNTS, *SHARES, "start")
    given = {name: value for name in names if (value := getattr(args, name)) is not None}
    return made(**given, client_fingerprints=not args.no_client_fingerprints)


def made(**given: Any) -> Network:  # noqa: ANN401  parameters of Network
    """Return the network of some parameters.

    Raises
    ------
    UsageError
        A value is out of range; its option is named.
    """
    try:
        return Network(**given)
    except UsageError as error:
        raise UsageError(_as_options(error.message)) from error


def _as_options(message: str) -> str:
    """Return a message about a network in which its parameters are the options' names."""
    name, space, rest = message.partition(" ")
    if name == "start":
        return "--start must be from 1970-01-01 to 2100-01-01"
    return f"--{name.replace('_', '-')}{space}{rest}"


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    if args.rotate and args.rotate < LEAST_ROTATION:
        raise UsageError(f"--rotate must be 0 or at least {LEAST_ROTATION}s, not {args.rotate:g}s")
    compose.check(args, {*COUNTS, *SHARES, "no_client_fingerprints", "exported"} - {"seed"})
    form = {
        "format": args.format,
        "rotate": args.rotate if args.rotate > 0 else None,
        "compress": args.gzip,
    }
    with terminal.progress("simulate", total=2) as advance:
        if args.compose is None:
            simulated = simulate(network(args))
            advance()
            files = write(simulated, args.output, exported=bool(args.exported), **form)
            title, parameters, result = (
                "Simulated network",
                _parameters(simulated),
                sizes(simulated),
            )
        else:
            site = compose.composed(args, terminal)
            advance()
            files = write_logs(site.logs, site.truth, args.output, **form)
            title, parameters, result = (
                "Composed site",
                compose.parameters(site),
                compose.sizes(site),
            )
        advance()
    result = {"output": str(args.output), "files": len(files)} | result
    if args.json:
        terminal.json({"parameters": parameters} | result)
    else:
        rows = [(key.replace("_", " "), value) for key, value in result.items()]
        terminal.table(title, ("", ""), rows)
    return Exit.OK


def _parameters(simulated: Simulated) -> dict[str, object]:
    return asdict(simulated.network) | {"start": simulated.network.start / SECOND}


def sizes(simulated: Simulated) -> dict[str, object]:
    """Return how much was simulated."""
    return {
        "simulated": True,
        "conn_rows": len(simulated.conn),
        "ssl_rows": len(simulated.ssl),
        "x509_rows": len(simulated.x509),
        "dns_rows": len(simulated.dns),
        "http_rows": len(simulated.http),
        "devices": simulated.network.devices,
        "planted_apps": int(simulated.planted["app"].nunique()),
    }

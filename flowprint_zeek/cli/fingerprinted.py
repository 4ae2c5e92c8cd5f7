"""What is made of a flow table: files of fingerprints, parts for testing, flows to keep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowprint_zeek import store
from flowprint_zeek.analysis.labelled import known_apps, split
from flowprint_zeek.cli.arguments.fingerprinted import SEED
from flowprint_zeek.core.elements import certificate_kinds
from flowprint_zeek.errors import LogError, UsageError
from flowprint_zeek.stream.configured import parameters_of
from flowprint_zeek.stream.prepared import write_flows

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    import pandas as pd

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config


def check(args: Namespace) -> None:
    """Check the options of `arguments.fingerprinted`.

    Raises
    ------
    UsageError
        One is wrong, or needs another.
    """
    if args.label == "":
        raise UsageError("--label must not be empty")
    if args.split is not None and not 0 < args.split < 1:
        raise UsageError(f"--split must be between 0 and 1, not {args.split:g}")
    if args.split is not None and args.output is None:
        raise UsageError("--split needs --output FILE")
    for option, value in (("--random", args.random), ("--split-by", args.split_by)):
        if value is not None and args.split is None:
            raise UsageError(f"{option} needs --split SHARE")


@dataclass(frozen=True, slots=True)
class Written:
    """What was written of a flow table.

    Attributes
    ----------
    flows : int
        Rows of the table.
    outputs : list of dict
        What each file of fingerprints has.
    kept : Path or None
        Where the flows themselves are.
    """

    flows: int
    outputs: list[dict[str, object]]
    kept: Path | None

    def to_dict(self) -> dict[str, object]:
        """Return the same for JSON."""
        result: dict[str, object] = {"flows": self.flows, "outputs": self.outputs}
        return result if self.kept is None else result | {"written": self.kept}


def write(flows: pd.DataFrame, args: Namespace, config: Config) -> Written:
    """Write what the options ask for of a flow table.

    Raises
    ------
    LogError
        Its flows tell certificates apart by different things.
    OutputError
        A file cannot be written.
    """
    if args.write is not None:
        write_flows(args.write, flows)
    outputs = []
    for name, part in _parts(args, config, flows):
        path = _named(args.output, name)
        outputs.append(_fingerprint(part, path, config))
    return Written(len(flows), outputs, args.write)


def show(written: Written, terminal: Terminal) -> None:
    """Show a person what was written."""
    columns = ("file", "flows", "fingerprints", "unassigned", "labels")
    rows = [[_cell(output[column]) for column in columns] for output in written.outputs]
    if rows:
        terminal.table("Fingerprints", columns, rows)
    if written.kept is not None:
        terminal.line(f"{written.flows} flows kept in {written.kept}")


def _cell(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items()) or None
    return value


def _parts(args: Namespace, config: Config, flows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    if args.output is None:
        return []
    if args.split is None:
        return [("", flows)]
    batch = parameters_of(config).batch_micros
    seed = SEED if args.random is None else args.random
    test = split(flows, batch, args.split, seed, by_flow=args.split_by == "flow")
    return [
        ("train", flows[~test].reset_index(drop=True)),
        ("test", flows[test].reset_index(drop=True)),
    ]


def _named(path: Path, part: str) -> Path:
    if not part:
        return path
    return path.with_name(f"{path.stem}.{part}{path.suffix or '.json'}")


def _fingerprint(flows: pd.DataFrame, path: Path, config: Config) -> dict[str, object]:
    parameters = parameters_of(config)
    apps, found = known_apps(flows, parameters)
    kinds = certificate_kinds(element for app in apps for element in app.elements)
    if len(kinds) > 1:
        raise LogError(f"flows tell certificates apart by {kinds[0]} and by {kinds[1]}")
    certificate = kinds[0] if kinds else "sha256"
    store.write(path, store.Model(parameters, config.detect.threshold, certificate, apps))
    labels = [app.label for app in apps if app.label is not None]
    return {
        "file": str(path),
        "flows": len(flows),
        "fingerprints": len(apps),
        "unassigned": int((found.of_slice < 0).sum()),
        "bounded_batches": found.bounded,
        "labels": {str(label): labels.count(label) for label in sorted(set(labels), key=str)},
    }

"""Labelled captures: their flows, and the fingerprints that evaluation trains and tests on."""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flowprint_zeek.analysis.items import Items, Votes
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.devices import is_mac
from flowprint_zeek.core.fingerprint import fingerprint
from flowprint_zeek.errors import LogError
from flowprint_zeek.stream.capture import KINDS, read_capture
from flowprint_zeek.stream.report import foreign, no_flows
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.reader import ReadStats

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flowprint_zeek.analysis.manifest import Row
    from flowprint_zeek.config import Config
    from flowprint_zeek.core.arrays import Bools, Ints
    from flowprint_zeek.core.fingerprint import Fingerprints, Parameters
    from flowprint_zeek.stream.replay import Span

_KEPT = (
    *("device", "uid", "start", "end", "proto", "orig_h", "orig_p", "resp_h", "resp_p"),
    *("certificate", "name", "named_by", "proxied"),
)


@dataclass(frozen=True, slots=True)
class Captures:
    """The flows of captures, each a device of its own.

    Attributes
    ----------
    rows : list of Row
        The captures.
    devices : list of str
        Device of each, as its log names it; "" for a capture without flows.
    flows : DataFrame
        Flow table; ``device`` is the number of the capture.
    labels : list of str
        Names of apps, sorted.
    warnings : list of str
        What a person should know about the logs.
    """

    rows: list[Row]
    devices: list[str]
    flows: pd.DataFrame
    labels: list[str]
    warnings: list[str]

    @property
    def group(self) -> Ints:
        """Number of the capture of each flow."""
        return ints(self.flows["device"].to_numpy(dtype=object).astype(np.int64))

    @property
    def label(self) -> Ints:
        """Number of the label of each capture."""
        number = {label: at for at, label in enumerate(self.labels)}
        return ints([number[row.label] for row in self.rows])


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the flows of captures: an array each of shape (n_captures,).

    Attributes
    ----------
    flows : ndarray
        All.
    unassigned : ndarray
        Those in no fingerprint.
    left_out : ndarray
        Those of fingerprints with too few flows.
    fingerprints, fingerprints_left_out : ndarray
        Fingerprints that count, and those with too few flows.
    """

    flows: Ints
    unassigned: Ints
    left_out: Ints
    fingerprints: Ints
    fingerprints_left_out: Ints


def read_captures(
    manifest: Path,
    rows: Sequence[Row],
    config: Config,
    span: Span,
    *,
    certificates: bool,
    advance: Callable[[], None],
) -> Captures:
    """Read the captures of a manifest.

    Parameters
    ----------
    manifest : Path
        Where errors happen.
    rows : sequence of Row
        Its captures.
    config : Config
        Settings of devices and logs.
    span : Span
        Part of the log time to take.
    certificates : bool
        Whether to keep certificates, and names that only a certificate gave.
    advance : callable
        Called after each capture.

    Raises
    ------
    LogError
        A capture is no log, has no flow of its device, or is listed twice; or none has any flow.
    """
    parts, devices = [], []
    met: dict[tuple[Path, str], int] = {}
    warnings: dict[str, list[str]] = {}
    for number, row in enumerate(rows):
        try:
            flows, said = _read(row, config, span)
        except LogError as error:
            raise LogError(str(error), path=manifest, line=row.line) from error
        device = str(flows["device"].iloc[0]) if len(flows) else ""
        key = Path(row.path).resolve(), device
        if met.setdefault(key, row.line) != row.line:
            twice = f"lists the capture of line {met[key]} again"
            raise LogError(twice, path=manifest, line=row.line)
        devices.append(device)
        if device:
            kept = flows if certificates else _stripped(flows)
            parts.append(kept.assign(device=str(number)))
        for warning in said:
            warnings.setdefault(warning, []).append(row.path)
        advance()
    if not parts:
        raise LogError("no capture has a flow of a local device", path=manifest)
    table = pd.concat(parts, ignore_index=True)
    said = [_told(text, paths) for text, paths in warnings.items()]
    return Captures(list(rows), devices, table, sorted({row.label for row in rows}), said)


def _read(row: Row, config: Config, span: Span) -> tuple[pd.DataFrame, list[str]]:
    """Return the flows of a capture's device, with its name in the log, and warnings."""
    if row.device and not is_mac(row.device):
        # Whatever network it is in: the manifest says that it is a device.
        host = str(ipaddress.ip_network(row.device))
        networks = (*config.device.local_networks, host)
        config = replace(config, device=replace(config.device, local_networks=networks))
    stats = ReadStats()
    flows, dropped = read_capture(find_logs([row.path], KINDS), config, span=span, stats=stats)
    problems = list(stats.problems)
    if flows.empty:
        return _kept(flows), [*problems, no_flows(dropped)]
    problems += foreign(dropped, len(flows))
    # Behind "/" the same address with or without a VLAN is one device.
    names = flows["device"].str.rpartition("/")[2]
    device = row.device or _busiest(names)
    own = flows[(names == device).to_numpy()]
    if own.empty:
        others = ", ".join(sorted(set(names))[:3])
        raise LogError(f"has no flow of the device {device}; there are those of {others}")
    return _kept(own).assign(device=device), problems


def _kept(flows: pd.DataFrame) -> pd.DataFrame:
    return flows[[*_KEPT, "windows"] if "windows" in flows else list(_KEPT)]


def _busiest(names: pd.Series[str]) -> str:
    counts = Counter(names.tolist())
    return min(counts, key=lambda name: (-counts[name], name))


def _stripped(flows: pd.DataFrame) -> pd.DataFrame:
    """Return flows without certificates and the names that only these gave."""
    name = flows["name"].where(flows["named_by"] != 0, "")
    return flows.assign(certificate="", name=name)


def _told(warning: str, paths: list[str]) -> str:
    more = len(paths) - 1
    where = paths[0] if not more else f"{paths[0]} and {more} more"
    return f"{where}: {warning}"


def labelled_items(
    captures: Captures, parameters: Parameters, *, min_flows: int
) -> tuple[Items, Counts]:
    """Fingerprint captures, each as a device of its own.

    Parameters
    ----------
    captures : Captures
        Captures.
    parameters : Parameters
        Parameters.
    min_flows : int
        Fewest flows of a fingerprint that counts.

    Returns
    -------
    items : Items
        Fingerprints with the label of their capture.
    counts : Counts
        What became of the flows.
    """
    found = fingerprint(captures.flows, parameters)
    group = ints([int(name) for name in found.devices])[found.device]
    every = Items(
        found.words.vocabulary,
        found.sets,
        captures.label[group],
        captures.labels,
        found.n_flows,
        group,
        _votes(found),
    )
    kept = found.n_flows >= min_flows
    return every.where(kept), _counts(captures, found, group, kept)


def _votes(found: Fingerprints) -> Votes:
    used = found.of_slice >= 0
    return Votes.of_slices(found.slices.flow[used], found.of_slice[used], found.size)


def _counts(captures: Captures, found: Fingerprints, group: Ints, kept: Bools) -> Counts:
    size, of_flow = len(captures.rows), captures.group
    assigned, counted = np.zeros((2, of_flow.size), dtype=np.bool_)
    used = found.of_slice >= 0
    flow, number = found.slices.flow[used], found.of_slice[used]
    assigned[flow] = True
    counted[flow[kept[number]]] = True
    return Counts(
        flows=np.bincount(of_flow, minlength=size),
        unassigned=np.bincount(of_flow[~assigned], minlength=size),
        left_out=np.bincount(of_flow[assigned & ~counted], minlength=size),
        fingerprints=np.bincount(group[kept], minlength=size),
        fingerprints_left_out=np.bincount(group[~kept], minlength=size),
    )

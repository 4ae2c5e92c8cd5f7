"""Labelled fingerprints of captures, for training and testing."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flowprint_zeek.core.arrays import Ints, ints, unique_pairs
from flowprint_zeek.core.fingerprint import Fingerprints, Parameters, fingerprint
from flowprint_zeek.errors import LogError
from flowprint_zeek.known import KnownApp, KnownApps

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.core.arrays import Bools


def read_labels(path: Path) -> dict[str, str]:
    """Read the labels of connections: TSV with the header ``uid<TAB>label``.

    Raises
    ------
    LogError
        The file cannot be read or a line is no uid and label.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise LogError(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise LogError("is not UTF-8", path=path) from error
    if not lines or lines[0].split("\t") != ["uid", "label"]:
        raise LogError("must start with the header uid<TAB>label", path=path, line=1)
    labels: dict[str, str] = {}
    for number, line in enumerate(lines[1:], start=2):
        uid, tab, label = line.partition("\t")
        if not tab or not uid or not label:
            raise LogError(f"is no uid and label: {line[:80]!r}", path=path, line=number)
        labels[uid] = label
    return labels


def split(flows: pd.DataFrame, batch: int, share: float, seed: int, *, by_flow: bool) -> Bools:
    """Choose flows for testing.

    Parameters
    ----------
    flows : DataFrame
        Flow table.
    batch : int
        Width of a batch, µs.
    share : float
        Share of batches, or of flows, to choose.
    seed : int
        Seed of the choice.
    by_flow : bool
        Choose single flows as upstream does, which tears fingerprints apart; by default whole
        batches by the flows' starts.

    Returns
    -------
    ndarray of bool, shape (n_flows,)
        True for testing.
    """
    rows = np.arange(len(flows))
    _, unit = (
        (rows, rows) if by_flow else np.unique(ints(flows["start"]) // batch, return_inverse=True)
    )
    n_units = int(unit.max()) + 1 if unit.size else 0
    chosen = np.random.default_rng(seed).permutation(n_units)[: round(share * n_units)]
    result: Bools = np.isin(unit, chosen)
    return result


def known_apps(flows: pd.DataFrame, parameters: Parameters) -> tuple[list[KnownApp], Fingerprints]:
    """Return the distinct fingerprints of flows, by id, with the flows of each label.

    A fingerprint that several devices have is one, and its counts are added up.

    Parameters
    ----------
    flows : DataFrame
        Flow table; with a column ``label`` ("" for none) fingerprints are labelled.
    parameters : Parameters
        Parameters.
    """
    found = fingerprint(flows, parameters)
    labels = _labels(flows, found)
    start = (found.batch * parameters.batch_micros).tolist()
    last = np.zeros(found.size, dtype=np.int64)
    used = found.of_slice >= 0
    np.maximum.at(last, found.of_slice[used], found.slices.batch[used])
    batches = unique_pairs(found.of_slice[used], found.slices.batch[used])[0]
    n_batches = np.bincount(batches, minlength=found.size).tolist()
    ends = (last * parameters.batch_micros).tolist()
    distinct = KnownApps(max(found.size, 1))
    for at, (elements, n_flows) in enumerate(
        zip(found.elements(), found.n_flows.tolist(), strict=True)
    ):
        distinct.put(KnownApp(elements, n_flows, n_batches[at], labels[at], start[at], ends[at]))
    return [app for _, app in distinct], found


def _labels(flows: pd.DataFrame, found: Fingerprints) -> list[Counter[str | int]]:
    """Return the flows of each fingerprint by label."""
    counted: list[Counter[str | int]] = [Counter() for _ in range(found.size)]
    if "label" not in flows.columns:
        return counted
    codes, names = pd.factorize(flows["label"].fillna("").to_numpy(dtype=object))
    used = found.of_slice >= 0
    owner, flow = unique_pairs(found.of_slice[used], found.slices.flow[used])
    pairs: Ints = owner * len(names) + codes[flow]
    keys, counts = np.unique(pairs, return_counts=True)
    for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
        label = str(names[key % len(names)])
        if label:
            counted[key // len(names)][label] = count
    return counted

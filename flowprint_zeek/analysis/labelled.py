"""Labelled fingerprints of captures, for training and testing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.fingerprint import Fingerprints, Parameters, fingerprint
from flowprint_zeek.errors import LogError
from flowprint_zeek.known import KnownApp, KnownApps, labelled, learned

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

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
    given = flows["label"].where(flows["label"] != "") if "label" in flows.columns else None
    codes, labels = labelled(given, len(flows))
    distinct = KnownApps(max(found.size, 1))
    for app in learned(found, codes, labels, origin=0, batch=parameters.batch_micros):
        distinct.put(app)
    return [app for _, app in distinct], found

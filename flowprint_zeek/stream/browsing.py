"""Which slices of a batch are a browser's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flowprint_zeek.core.arrays import Bools, Ints, distinct, ints
from flowprint_zeek.core.domains import registered_domain
from flowprint_zeek.core.flows import factorized

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowprint_zeek.browsers import Browsers


def browsing(slices: pd.DataFrame, browsers: Browsers, now: int) -> Bools:
    """Tell which slices are of browsers, and note what each client reached.

    A flow that shows no client, such as one over plain HTTP, is a browser's where the device's
    browsers reached its registered domain and no app did in the batch.

    Parameters
    ----------
    slices : DataFrame
        Flow table of one batch with ``client``, in canonical order.
    browsers : Browsers
        Clients so far; it learns from the batch.
    now : int
        Start of the batch, µs.

    Returns
    -------
    ndarray of bool, shape (n_slices,)
    """
    if not len(slices):
        return np.zeros(0, dtype=np.bool_)
    client, clients = factorized(slices["client"])
    device, devices = factorized(slices["device"])
    domain, domains = _domains(slices)
    shown = np.array([one != "" for one in clients], dtype=np.bool_)[client]
    pair = device * len(clients) + client
    number, met = pd.factorize(pair[shown])
    named = _named(number, met, devices, clients, browsers)
    for at in distinct((pair * len(domains) + domain)[shown & (domain > 0)]).tolist():
        browsers.reached(*named[at // len(domains)], domains[at % len(domains)], now)
    of_browser = [one in browsers or browsers.is_companion(*one) for one in named.values()]
    result = shown.copy()
    result[shown] = np.array(of_browser, dtype=np.bool_)[number]
    place = device * len(domains) + domain
    quiet = distinct(place[~shown & (domain > 0)])
    quiet = quiet[~np.isin(quiet, place[shown & ~result])]
    browsed = [
        at
        for at in quiet.tolist()
        if browsers.browsed(devices[at // len(domains)], domains[at % len(domains)])
    ]
    found: Bools = result | (~shown & np.isin(place, browsed))
    return found


def _named(
    number: Ints, met: Ints, devices: Sequence[str], clients: Sequence[str], browsers: Browsers
) -> dict[int, tuple[str, str]]:
    """Return the device of each pair met, and what its client is counted as.

    Parameters
    ----------
    number : ndarray
        The place of each slice's pair in `met`.
    met : ndarray
        Numbers of pairs of a device and a client, in order of appearance.
    devices, clients : sequence of str
        What these are.
    browsers : Browsers
        Clients so far.
    """
    named = {}
    for at, count in zip(met.tolist(), np.bincount(number).tolist(), strict=True):
        device, client = devices[at // len(clients)], clients[at % len(clients)]
        named[at] = device, browsers.named(device, client, count)
    return named


def _domains(slices: pd.DataFrame) -> tuple[Ints, list[str]]:
    """Return the number of each slice's registered domain, and the domains; 0 is none."""
    code, names = factorized(slices["name"])
    number = {"": 0}
    of_name = [
        number.setdefault(registered_domain(name) if name else "", len(number)) for name in names
    ]
    return ints(of_name)[code], list(number)

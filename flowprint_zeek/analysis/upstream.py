"""Upstream, the published package ``flowprint`` 1.0.5, as one of the methods.

It is fed the flows of captures as they are and makes its own fingerprints. In memory these hold
``None`` for *no certificate*, as if it were one; its saved JSON loses it, so its answers change.
Which of equally similar fingerprints it takes depends on the hash seed of the process.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.analysis.items import Items
from flowprint_zeek.analysis.methods import Judged
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.elements import CERTIFICATE, endpoint, split_endpoint
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

    import pandas as pd

    from flowprint_zeek.analysis.captures import Captures
    from flowprint_zeek.core.fingerprint import Parameters

NONE = "none"
"""What stands for upstream's None among elements."""


def package() -> tuple[ModuleType, ModuleType]:
    """Return upstream's modules ``flowprint`` and ``flows``.

    Raises
    ------
    UsageError
        It is not installed.
    """
    try:
        return import_module("flowprint.flowprint"), import_module("flowprint.flows")
    except (ImportError, ValueError) as error:
        # Upstream turns an ImportError into a ValueError.
        raise UsageError(
            f"--baselines needs upstream: pip install 'flowprint-zeek[upstream]' ({error})"
        ) from error


def upstream_items(
    captures: Captures,
    parameters: Parameters,
    *,
    min_flows: int,
    advance: Callable[[], None],
) -> tuple[Items, int]:
    """Fingerprint captures with upstream, each on its own.

    Parameters
    ----------
    captures : Captures
        Captures; the first and the last packet of each flow are known.
    parameters : Parameters
        Those that upstream has too.
    min_flows : int
        Fewest flows of a fingerprint that counts.
    advance : callable
        Called after each capture.

    Returns
    -------
    items : Items
        Fingerprints, with `NONE` where upstream has None.
    unassigned : int
        Flows to which it gave an empty fingerprint.
    """
    made = package()[0].FlowPrint(
        parameters.batch, parameters.window, parameters.correlation, parameters.similarity
    )
    rows: list[tuple[list[str], str, int, int]] = []
    unassigned = 0
    for number, row in enumerate(captures.rows):
        flows = captures.flows[captures.group == number]
        found = Counter(made.fingerprint(_samples(flows))) if len(flows) else Counter[Any]()
        for fingerprint, n_flows in found.items():
            if not fingerprint:
                unassigned += n_flows
            elif n_flows >= min_flows:
                rows.append((sorted(map(_element, fingerprint)), row.label, n_flows, number))
        advance()
    # The order of a Counter of theirs changes with the hash seed.
    return Items.of(sorted(rows, key=lambda row: (row[3], row[0])), captures.labels), unassigned


def _samples(flows: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.object_]]:
    """Return flows as upstream has them; the lower port is the destination's."""
    flow = package()[1].Flow
    result = np.empty(len(flows), dtype=object)
    source = zip(flows["orig_h"].tolist(), flows["orig_p"].tolist(), strict=True)
    destination = zip(flows["resp_h"].tolist(), flows["resp_p"].tolist(), strict=True)
    times = zip(flows["start"].tolist(), flows["end"].tolist(), strict=True)
    rows = zip(source, destination, flows["certificate"].tolist(), times, strict=True)
    for at, (one, other, certificate, between) in enumerate(rows):
        made = flow()
        low, high = (one, other) if one[1] < other[1] else (other, one)
        (made.src, made.sport), (made.dst, made.dport) = high, low
        made.certificate = certificate or None
        made.timestamps = [micros / SECOND for micros in between]
        result[at] = made
    return result


def _element(one: tuple[str, int] | str | None) -> str:
    if one is None:
        return NONE
    return endpoint(*one) if isinstance(one, tuple) else f"{CERTIFICATE}{one}"


class Upstream:
    """Upstream's own matching of fingerprints that it made.

    Parameters
    ----------
    saved : bool
        Save and load what is learned and what is tested, as its command line does.
    similarity : float, default=0.1
        Similarity below which a fingerprint is unseen.
    """

    def __init__(self, *, saved: bool, similarity: float = 0.1) -> None:
        self.name = "upstream, saved" if saved else "upstream, in memory"
        self.threshold = float(np.nextafter(1 - similarity, 2))
        self._saved = saved
        self._package = package()[0]

    def fit(self, train: Items) -> None:
        """Learn labelled fingerprints, and nothing of before."""
        counts: dict[Any, Counter[int]] = {}
        for made, label, n_flows in zip(
            self._made(train), train.label.tolist(), train.n_flows.tolist(), strict=True
        ):
            counts.setdefault(made, Counter())[label] += n_flows
        self._model = self._package.FlowPrint()
        self._model.fingerprints = {
            made: count.most_common(1)[0][0] for made, count in counts.items()
        }
        if self._saved:
            with tempfile.TemporaryDirectory() as folder:
                path = str(Path(folder) / "model.json")
                self._model.save(path)
                self._model.fingerprints = {}
                self._model.load(path)

    def judge(self, test: Items) -> Judged:
        """Name fingerprints, as upstream does also where none is similar, and compare them."""
        samples = list(self._made(test))
        nothing = self._package.Fingerprint()
        if self._saved:
            samples = [nothing.from_dict(one.to_dict()) for one in samples]
        nearest = self._model.predict(samples, default=nothing)
        similar = [one.compare(other) for one, other in zip(samples, nearest, strict=True)]
        # A loaded model has a set of labels for each.
        named = [
            min(one) if isinstance(one, set) else one for one in self._model.recognize(samples)
        ]
        return Judged(ints(named), 1 - np.array(similar))

    def _made(self, items: Items) -> Iterator[Any]:
        """Yield items as upstream's fingerprints."""
        nothing = self._package.Fingerprint()
        for codes, n_flows in zip(items.sets.lists(), items.n_flows.tolist(), strict=True):
            words = [items.vocabulary[code] for code in codes]
            yield nothing.from_dict(
                {
                    "certificates": [_certificate(word) for word in words if _is_other(word)],
                    "destinations": [split_endpoint(word) for word in words if not _is_other(word)],
                    "n_flows": n_flows,
                }
            )


def _is_other(word: str) -> bool:
    return word == NONE or word.startswith(CERTIFICATE)


def _certificate(word: str) -> str | None:
    return None if word == NONE else word.removeprefix(CERTIFICATE)

"""Late slices: parts of long connections whose batches closed before their row came.

They change nothing that was written. They are matched against the elements that the device's
fingerprints of that batch held, and counted, so that an operator sees what stock logs hide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowprint_zeek.core.destinations import encode

if TYPE_CHECKING:
    import pandas as pd

    from flowprint_zeek.core.fingerprint import Fingerprints
    from flowprint_zeek.stream.batcher import Timing


@dataclass(frozen=True, slots=True)
class LateState:
    """What `LateSlices` hold: devices and elements by batch, and the counts."""

    held: dict[int, list[tuple[str, str]]]
    matched: int
    unmatched: int


class LateSlices:
    """Remembers the elements of closed batches and matches late slices against them.

    Parameters
    ----------
    scheme : str
        Element scheme.
    timing : Timing
        How long closed batches are remembered.

    Attributes
    ----------
    matched, unmatched : int
        Late slices whose element was, or was not, in a fingerprint of their device and batch.
    """

    def __init__(self, scheme: str, timing: Timing) -> None:
        self.scheme = scheme
        self.matched = 0
        self.unmatched = 0
        self._kept = -(-timing.late_keep // timing.batch) + 1
        self._held: dict[int, dict[tuple[str, str], None]] = {}

    def state(self) -> LateState:
        """Return what they hold, to go on from."""
        held = {number: list(pairs) for number, pairs in self._held.items()}
        return LateState(held, self.matched, self.unmatched)

    def restore(self, state: LateState) -> None:
        """Hold what `state` returned."""
        self._held = {number: dict.fromkeys(pairs) for number, pairs in state.held.items()}
        self.matched, self.unmatched = state.matched, state.unmatched

    def forget_device(self, device: str) -> None:
        """Forget what a device reached."""
        for number, pairs in self._held.items():
            self._held[number] = {pair: None for pair in pairs if pair[0] != device}

    def remember(self, number: int, found: Fingerprints) -> None:
        """Keep the elements of a batch's fingerprints, and forget old batches."""
        words, devices = found.words.vocabulary, found.devices
        owners = found.device[found.sets.owner].tolist()
        # In the order of fingerprints, so that a state does not depend on how rows were read.
        self._held[number] = {
            (devices[device], words[code]): None
            for device, code in zip(owners, found.sets.element.tolist(), strict=True)
        }
        for old in [kept for kept in self._held if kept < number - self._kept]:
            del self._held[old]

    def match(self, late: pd.DataFrame) -> None:
        """Match late slices (flow table with ``batch``) whose row ends in the batch that closes."""
        if late.empty:
            return
        words = encode(late, self.scheme)
        matched = sum(
            (device, words.vocabulary[code]) in self._held.get(batch, ())
            for batch, device, code in zip(
                late["batch"].tolist(), late["device"].tolist(), words.primary.tolist(), strict=True
            )
        )
        self.matched += matched
        self.unmatched += len(late) - matched

    def forgotten(self, number: int) -> None:
        """Count late slices that are too old to be matched."""
        self.unmatched += number

"""One closed batch as learning and detection see it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.elements import digest

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from flowprint_zeek.core.arrays import Bools, Ints
    from flowprint_zeek.core.fingerprint import Fingerprints

BROWSER_PART = 1
"""Part of a device's flows that are browsers'."""


@dataclass(frozen=True)
class BatchView:
    """A closed batch: its slices, joined, and its fingerprints.

    Attributes
    ----------
    start, end : int
        The batch, µs.
    closed : int
        Log time at which it closed, µs.
    slices : DataFrame
        Flow table of the slices.
    found : Fingerprints
        Their fingerprints; row numbers are those of `slices`.
    described : callable
        Returns how people read a certificate.
    proxies : frozenset of str
        Endpoints of explicit proxies, as elements.
    shared : frozenset of str
        Devices that others speak through.
    degraded : str
        Why what it shows is not trusted, "" where it is.
    """

    start: int
    end: int
    closed: int
    slices: pd.DataFrame
    found: Fingerprints
    described: Callable[[str], str]
    proxies: frozenset[str] = frozenset()
    shared: frozenset[str] = frozenset()
    degraded: str = ""

    @cached_property
    def elements(self) -> list[tuple[str, ...]]:
        """Elements of each fingerprint."""
        return self.found.elements()

    @cached_property
    def browser(self) -> Bools:
        """Whether each fingerprint is of a browser's flows."""
        browser: Bools = self.found.parts[self.found.device] == BROWSER_PART
        return browser

    @cached_property
    def offsets(self) -> list[int]:
        """Where each fingerprint starts in the pairs of `found.sets`."""
        offsets: list[int] = self.found.sets.offsets.tolist()
        return offsets

    @cached_property
    def ids(self) -> list[str]:
        """Id of each fingerprint."""
        return [digest(elements) for elements in self.elements]

    @cached_property
    def order(self) -> list[int]:
        """Fingerprints by device and id: the order of everything that is written."""
        return sorted(range(self.found.size), key=lambda at: (self.device(at), self.ids[at]))

    @cached_property
    def _rows(self) -> tuple[Ints, list[int]]:
        """Rows of all fingerprints one after another, each one's sorted, and where each starts."""
        of_slice, row = self.found.of_slice, self.found.slices.flow
        order = np.lexsort((row, of_slice))
        edges = np.searchsorted(of_slice[order], np.arange(self.found.size + 1))
        return row[order], edges.tolist()

    @cached_property
    def _copy(self) -> pd.DataFrame:
        """The slices in few pieces, of which rows are taken much faster."""
        return self.slices.copy()

    @cached_property
    def _uids(self) -> list[str]:
        """The uids of all fingerprints one after another, as `_rows`."""
        uids: list[str] = self.slices["uid"].to_numpy(dtype=object)[self._rows[0]].tolist()
        return uids

    @cached_property
    def _device_of(self) -> list[str]:
        return [self.found.devices[number] for number in self.found.device.tolist()]

    def _rows_of(self, at: int) -> Ints:
        rows, edges = self._rows
        return rows[edges[at] : edges[at + 1]]

    def device(self, at: int) -> str:
        """Return the device of a fingerprint."""
        return self._device_of[at]

    def rows(self, at: int) -> pd.DataFrame:
        """Return the slices assigned to a fingerprint, by start and uid."""
        return self._copy.iloc[self._rows_of(at)]

    def uids(self, at: int) -> list[str]:
        """Return the uids of the slices that `rows` returns."""
        _, edges = self._rows
        return self._uids[edges[at] : edges[at + 1]]

    def row_elements(self, at: int) -> list[list[str]]:
        """Return the elements of each slice that `rows` returns: one, or two that it ties."""
        chosen, words = self._rows_of(at), self.found.words
        pairs = zip(words.primary[chosen].tolist(), words.secondary[chosen].tolist(), strict=True)
        return [[words.vocabulary[code] for code in pair if code >= 0] for pair in pairs]

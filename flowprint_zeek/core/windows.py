"""Exact activity as text: in which windows a flow had packets.

``30000000:0,3,4`` stands for windows of 30 s, counted from the one in which the flow starts: it had
packets in that, in the third and in the fourth after it. Few texts differ, so what is done with
them is done once for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flowprint_zeek.core.arrays import Ints, expand, ints

if TYPE_CHECKING:
    from collections.abc import Iterable

_DIGITS = 15
_LONGEST = 1 << 53
"""Time between the first and the last window of a flow, µs, at most."""


def windows_text(width: int, numbers: Iterable[int]) -> str:
    """Return windows as text.

    Parameters
    ----------
    width : int
        Width of a window, µs.
    numbers : iterable of int
        The windows with packets, counted from that of the flow's start, rising from 0.
    """
    return f"{width}:{','.join(map(str, numbers))}"


def numbers_of(text: str) -> tuple[int, list[int]]:
    """Return the width, µs, and the numbers of the windows that a text holds.

    Raises
    ------
    ValueError
        It holds something else.

    Examples
    --------
    >>> numbers_of("30000000:0,3,4")
    (30000000, [0, 3, 4])
    """
    width, _, rest = text.partition(":")
    parts = rest.split(",")
    if not all(part.isdecimal() and len(part) <= _DIGITS for part in (width, *parts)):
        raise ValueError(f"{text[:80]!r} holds no windows")
    numbers = list(map(int, parts))
    if not int(width) or numbers != sorted({0, *numbers}) or numbers[-1] * int(width) > _LONGEST:
        raise ValueError(f"{text[:80]!r} holds no windows that rise from 0")
    return int(width), numbers


class Windows:
    """The windows of flows.

    Parameters
    ----------
    start : ndarray of shape (n_flows,)
        When each flow starts, µs.
    texts : Series
        Its windows as text; "", or anything missing, where they are not known.

    Attributes
    ----------
    size : ndarray of shape (n_flows,)
        Windows of each flow, 0 where they are not known.
    step : int
        Widest steps, µs, that all of these windows are made of; 0 where there are none. Only
        windows and batches that begin with a step can be made of them.

    Raises
    ------
    ValueError
        A text holds something else.
    """

    def __init__(self, start: Ints, texts: pd.Series[str]) -> None:
        codes, distinct = pd.factorize(texts.to_numpy(dtype=object))
        known = [numbers_of(text) if text else (0, []) for text in distinct]
        # What is missing has the code -1, which is the last of them.
        known.append((0, []))
        self.start = start
        self._code = ints(codes)
        self._width = ints([width for width, _ in known])
        self._size = ints([len(numbers) for _, numbers in known])
        self._first = np.cumsum(self._size) - self._size
        self._number = ints([number for _, numbers in known for number in numbers])
        self.size = self._size[self._code]
        self.step = int(np.gcd.reduce(self._width))

    def times(self, rows: Ints) -> Ints:
        """Return when the windows of some flows begin, µs, one flow after another.

        The first begins when its flow does.
        """
        code = self._code[rows]
        place, of_flow = expand(self._size[code])
        code = code[place]
        number = self._number[self._first[code] + of_flow]
        start, width = self.start[rows][place], self._width[code]
        return ints(np.maximum((start // width + number) * width, start))

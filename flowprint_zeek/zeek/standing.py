"""Problems that last, each told once until it goes away."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable


class Standing:
    """What is wrong now, and what of it nobody was told yet."""

    def __init__(self) -> None:
        self._texts: dict[Hashable, str] = {}
        self._untold: list[str] = []

    def tell(self, about: Hashable, text: str) -> None:
        """Tell what is wrong with something, unless the same was told of it last."""
        if self._texts.get(about) != text:
            self._texts[about] = text
            self._untold.append(text)

    def clear(self, about: Hashable) -> None:
        """Take in that nothing is wrong with something any more."""
        self._texts.pop(about, None)

    @property
    def texts(self) -> list[str]:
        """What is wrong now, told or not."""
        return list(self._texts.values())

    def take(self) -> list[str]:
        """Return what was told since the last time."""
        untold, self._untold = self._untold, []
        return untold

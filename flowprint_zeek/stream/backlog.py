"""Falling behind is told, once."""

from __future__ import annotations

import logging

_logger = logging.getLogger(__name__)


class Backlog:
    """Tells once that rows are read long after they were written, and once that no more.

    Parameters
    ----------
    most : float
        How long after, seconds. A sensor whose clock is behind is not late for that.
    """

    def __init__(self, most: float) -> None:
        self._most = most
        self._usual = 0.0
        self._told = False

    def reading(self, age: float) -> None:
        """Take in that rows of some age, seconds, were read and that there are more."""
        if not self._told and age - self._usual > self._most:
            text = "behind: reading what was written %.1f h ago; nothing is left out"
            _logger.warning(text, age / 3600)
            self._told = True

    @property
    def behind(self) -> bool:
        """Whether that was told and holds."""
        return self._told

    def done(self, age: float) -> None:
        """Take in that all was read, the newest row of some age, seconds."""
        if self._told:
            _logger.warning("has caught up with the logs")
        self._told, self._usual = False, age

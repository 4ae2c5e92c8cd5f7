"""What is done with a batch: it is learned, judged in silence, or judged."""

from __future__ import annotations

from dataclasses import dataclass

LEARN = "learn"
SHADOW = "shadow"
DETECT = "detect"
MODES = (LEARN, SHADOW, DETECT)

LONGEST_SILENCE = 86_400_000_000
"""Log time without a row that does not count as learning, µs: a sensor that was off, or rows of a
clock that was not set yet."""


@dataclass(frozen=True, slots=True)
class Learning:
    """Until when batches are learned instead of judged.

    Parameters
    ----------
    until : int or None
        Log time, µs: a batch that starts before it is learned.
    duration : int or None
        The same, counted from the start of the first batch, without silences; see `begun`.
    shadow : int, default 0
        For how long after that batches are judged without a notice, µs.
    always : {"learn", "shadow", "detect"} or None, default None
        What is done with every batch, whatever the others say.
    """

    until: int | None = None
    duration: int | None = None
    shadow: int = 0
    always: str | None = None

    def phase(self, batch_start: int, first_start: int) -> str:
        """Return what is done with a batch: one of `MODES`."""
        if self.always is not None:
            return self.always
        end = self._end(first_start)
        end = batch_start if end is None else end
        if batch_start < end:
            return LEARN
        return SHADOW if batch_start < end + self.shadow else DETECT

    def span(self, phase: str | None, first_start: int) -> tuple[int, int] | None:
        """Return from when to when a phase lasts, µs of log time; None for one without end."""
        end = self._end(first_start)
        if self.always is not None or end is None or phase not in {LEARN, SHADOW}:
            return None
        return (first_start, end) if phase == LEARN else (end, end + self.shadow)

    def begun(self, first_start: int, silence: int) -> int:
        """Return from when on learning counts after a silence: all three are µs of log time.

        One of `LONGEST_SILENCE`, or as long as learning itself, is left out of the duration.
        """
        longest = LONGEST_SILENCE
        if self.duration is not None:
            longest = min(longest, self.duration)
        return first_start if silence < longest else first_start + silence

    def _end(self, first_start: int) -> int | None:
        ends = [first_start + self.duration] if self.duration is not None else []
        ends += [self.until] if self.until is not None else []
        return max(ends, default=None)

"""When Python looks for garbage."""

import gc

_THRESHOLDS = 100_000, 50, 1_000


def little_garbage() -> None:
    """Look for garbage seldom, and never among what is there now.

    Rows that wait are many and refer to nothing, and modules are no garbage.
    """
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)

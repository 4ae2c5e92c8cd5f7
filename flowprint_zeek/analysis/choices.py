"""Words and numbers that options of commands offer, or take where none is given.

What uses them has its own modules. They stand apart, and import nothing, so that a command tells
its help and refuses a wrong option without NumPy.
"""

from __future__ import annotations

from typing import Literal

METHODS = RESEMBLANCE, JACCARD = ("resemblance", "jaccard")
"""Methods that an evaluation can be about, the default first."""

LEVELS = ("flow", "fingerprint", "capture")
"""What figures of an evaluation are about."""

FOLDS = 10
"""Folds of cross-validation by default."""

FALSE_RATE = 0.05
"""False rate that a calibration is for by default."""

MINIMA = (1, 10, 100, 500, 1000)
"""Fewest flows of the apps that a part of Table IV is about."""

CONFIDENCE = 0.7
"""Share of the trees' votes below which AppScanner gives a flow no label, as in the paper."""

KINDS = RECOGNITION, UNSEEN = ("recognition", "unseen")
"""Kinds of figures of a result."""

SCORES = {
    "f1_macro": (RECOGNITION, "f1_macro"),
    "f1": (RECOGNITION, "f1"),
    "accuracy": (RECOGNITION, "accuracy"),
    "unseen_f1": (UNSEEN, "f1"),
    "unseen_best_f1": (UNSEEN, "best_f1"),
    "unseen_average_precision": (UNSEEN, "average_precision"),
    "unseen_roc_auc": (UNSEEN, "roc_auc"),
}
"""What parameters can be searched for, the default first: the kind of figures and the figure."""

SCORE = next(iter(SCORES))

FOREST_SEED = 42
"""Seed of the forest of the browser detector, upstream's."""

Browser = Literal["on", "beside", "none"]
"""Where the device of a composed site's background is; see `compose.Recipe`."""

PHONES = 4
BACKGROUND = "browsing"
BROWSER: Browser = "beside"
"""What a site is composed of by default."""

"""Figures, against values computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score  # type: ignore[import-untyped] # it has no type hints

from flowprint_zeek.analysis.scores import RECOGNITION, UNSEEN, Named, Sweep, interval, mean
from flowprint_zeek.core.arrays import ints

NONE = -1


def named(*rows: tuple[int, int, float]) -> Named:
    """Return counts of true label, found label and weight."""
    truth, found, weight = zip(*rows, strict=True)
    return Named.of(ints(truth), ints(found), np.array(weight, dtype=float))


def sweep(*rows: tuple[bool, float, float]) -> Sweep:
    """Return counts of rows of unseen, score and weight."""
    unseen, score, weight = zip(*rows, strict=True)
    return Sweep.of(np.array(unseen), np.array(score), np.array(weight, dtype=float))


class TestNamed:
    def test_by_hand(self) -> None:
        """Two apps, 6 and 2 flows; of the first 4 are right, of the second 1."""
        figures = named((0, 0, 4), (0, 1, 2), (1, 1, 1), (1, NONE, 1)).figures()
        precision, recall = (4 / 4, 1 / 3), (4 / 6, 1 / 2)
        f1 = [2 * p * r / (p + r) for p, r in zip(precision, recall, strict=True)]
        weighted = [(6 * a + 2 * b) / 8 for a, b in (precision, recall, f1)]
        macro = [(a + b) / 2 for a, b in (precision, recall, f1)]
        assert [*weighted, 5 / 8, *macro] == pytest.approx([figures[name] for name in RECOGNITION])

    def test_an_app_that_is_only_found_is_none_of_the_mean(self) -> None:
        """The mean over apps is that of apps that are true; others lower the recall of those."""
        figures = named((0, 0, 1), (0, 5, 1)).figures()
        assert (figures["precision_macro"], figures["recall_macro"]) == (1, 0.5)

    def test_an_app_that_is_never_found_has_no_precision(self) -> None:
        """Its precision counts as 0, without a warning."""
        assert named((0, 0, 1), (1, NONE, 1)).figures()["precision_macro"] == 0.5

    def test_nothing_has_no_figures(self) -> None:
        """Without flows nothing is defined."""
        assert Named.together([]).figures() == dict.fromkeys(RECOGNITION)

    def test_counts_add_up(self) -> None:
        """The same pair of several counts is one row."""
        both = Named.together([named((0, 0, 1), (0, 1, 2)), named((0, 1, 3))])
        assert (both.truth.tolist(), both.found.tolist()) == ([0, 0], [0, 1])
        assert both.weight.tolist() == [1, 5]


class TestSweep:
    ROWS = (
        (True, 0.9, 2.0),
        (True, 0.5, 1.0),
        (True, 0.2, 1.0),
        (False, 0.5, 3.0),
        (False, 0.1, 5.0),
    )

    def test_at_the_threshold_by_hand(self) -> None:
        """A score equal to the threshold counts as unseen."""
        figures = sweep(*self.ROWS).figures(0.5)
        assert (figures["precision"], figures["recall"]) == (3 / 6, 3 / 4)
        assert figures["f1"] == pytest.approx(0.6)

    def test_the_best_threshold_by_hand(self) -> None:
        """F1 is 2·2/(2·2+2) from 0.9, 6/10 from 0.5, 8/11 from 0.2, 8/16 from 0.1."""
        figures = sweep(*self.ROWS).figures(2.0)
        assert figures["best_f1"] == pytest.approx(8 / 11)
        assert figures["best_threshold"] == 0.2

    def test_weights_are_repetitions(self) -> None:
        """Average precision and ROC AUC are those of every flow written out."""
        truth, score = zip(*((t, s) for t, s, w in self.ROWS for _ in range(int(w))), strict=True)
        figures = sweep(*self.ROWS).figures(0.5)
        assert figures["average_precision"] == pytest.approx(average_precision_score(truth, score))
        assert figures["roc_auc"] == pytest.approx(roc_auc_score(truth, score))

    def test_none_flagged_has_no_precision(self) -> None:
        """Precision is not defined, F1 is 0."""
        figures = sweep(*self.ROWS).figures(2.0)
        assert (figures["precision"], figures["recall"], figures["f1"]) == (None, 0, 0)

    def test_without_unseen_only_precision_may_be_defined(self) -> None:
        """Without anything to find, nothing but false alarms can be counted."""
        figures = sweep((False, 0.5, 1)).figures(0.5)
        assert figures == dict.fromkeys(UNSEEN) | {"precision": 0}

    def test_without_known_there_is_no_roc(self) -> None:
        """Without false alarms there is a precision, but no area."""
        figures = sweep((True, 0.5, 1)).figures(0.5)
        assert (figures["precision"], figures["average_precision"], figures["roc_auc"]) == (
            1,
            1,
            None,
        )

    def test_nothing_has_no_figures(self) -> None:
        """Without flows nothing is defined."""
        assert Sweep.together([]).figures(0.5) == dict.fromkeys(UNSEEN)
        assert Sweep.together([]).recall_at(0.05) is None

    def test_recall_at_a_false_rate_by_hand(self) -> None:
        """A threshold that flags exactly the rate is allowed; equal scores are not parted."""
        found = sweep(*self.ROWS)
        assert found.recall_at(0.0) == 2 / 4
        assert found.recall_at(2 / 8) == 2 / 4
        assert found.recall_at(3 / 8) == 1
        assert found.recall_at(1.0) == 1


class TestIntervals:
    def test_by_hand(self) -> None:
        """Student's t with one degree of freedom is 12.706 for 95 %."""
        low, high = interval([0.4, None, 0.6]) or (0, 0)
        assert (high + low) / 2 == pytest.approx(0.5)
        assert (high - low) / 2 == pytest.approx(12.7062 * 0.1, rel=1e-5)

    def test_means_are_of_what_is_defined(self) -> None:
        """Repetitions without a value do not count."""
        assert (mean([None, 1.0, 0.0]), mean([None])) == (0.5, None)

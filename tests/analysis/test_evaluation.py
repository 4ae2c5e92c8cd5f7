"""Evaluation of methods on labelled fingerprints, against values computed by hand."""

from __future__ import annotations

import numpy as np

from flowprint_zeek.analysis.comparison import Result
from flowprint_zeek.analysis.curve import curve, sizes
from flowprint_zeek.analysis.curve import n_trainings as n_curve_trainings
from flowprint_zeek.analysis.evaluation import Contender, Levels, evaluate, n_trainings
from flowprint_zeek.analysis.items import Items, Votes
from flowprint_zeek.analysis.methods import Judged, PlainJaccard
from flowprint_zeek.analysis.rounds import Plan, Wanted, planned
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.matching import NO_MATCH

LABELS = ["chat", "game", "mail"]
OWN = {app: [f"name:{n}.{app}" for n in range(4)] for app in LABELS}
SHARED = "name:push"


class Script:
    """A method that says what it is told, and keeps what it was given."""

    name = "script"
    threshold = 0.5

    def __init__(self, label: dict[str, int], score: dict[str, float]) -> None:
        self.label = label
        self.score = score
        self.trained: list[list[int]] = []

    def fit(self, train: Items) -> None:
        """Keep the labels."""
        self.trained.append(sorted(set(train.label.tolist())))

    def judge(self, test: Items) -> Judged:
        """Say what is told of the first element."""
        words = [test.vocabulary[one[0]] for one in test.sets.lists()]
        return Judged(
            ints([self.label.get(word, NO_MATCH) for word in words]),
            np.array([self.score.get(word, 0.0) for word in words]),
        )


class Ticks:
    """Counts calls."""

    n = 0

    def __call__(self) -> None:
        self.n += 1


def three_apps() -> tuple[Items, Plan]:
    """Return a training and a test capture of each app, the latter of 3, 2 and 1 flows."""
    rows = [(OWN[app], app, 5, at) for at, app in enumerate(LABELS)]
    rows += [([*OWN[app][1:], SHARED], app, 3 - at, 3 + at) for at, app in enumerate(LABELS)]
    items = Items.of(rows)
    return items, planned(ints([0, 1, 2] * 2), ["train"] * 3 + ["test"] * 3, 6, Wanted())


def figures(contender: Contender, plan: Plan) -> Result:
    """Return what a method does."""
    return Result.of(contender, evaluate(contender, plan, lambda: None))


class TestLevels:
    def test_a_flow_has_the_label_of_most_of_its_slices(self) -> None:
        """Two slices with one label outweigh an earlier one, also of different fingerprints."""
        items = Items.of([(["a"], "mail", 1, 0), (["b"], "mail", 1, 0), (["c"], "mail", 1, 0)])
        votes = Votes.of_slices(ints([0, 0, 0, 1, 1]), ints([0, 1, 2, 1, 0]), 3)
        items = Items(*(vars(items) | {"votes": votes}).values())
        found = Levels(items).found(Judged(ints([7, 8, 8]), np.array([0.1, 0.2, 0.3])))
        label, score = found["flow"]
        # A tie goes to the earliest slice, of labels and of fingerprints.
        assert (label.tolist(), score.tolist()) == ([8, 8], [0.1, 0.2])

    def test_a_capture_has_the_label_and_the_mean_score_of_its_flows(self) -> None:
        """Flows count, not fingerprints; a tie goes to the lowest label, and none comes last."""
        items = Items.of(
            [
                (["a"], "mail", 3, 0),
                (["b"], "mail", 1, 0),
                (["c"], "mail", 1, 0),
                (["a"], "mail", 2, 4),
                (["b"], "mail", 2, 4),
                (["a"], "mail", 1, 9),
                (["b"], "mail", 1, 9),
            ]
        )
        label = ints([0, 1, 1, 2, 1, NO_MATCH, 1])
        score = np.array([1.0, 0.0, 0.5, 0.3, 0.3, 0.3, 0.1])
        levels = Levels(items)
        found = levels.found(Judged(label, score))["capture"]
        assert found[0].tolist() == [0, 1, 1]
        assert found[1].tolist() == [3.5 / 5, 0.3, 0.2]
        assert levels.weight["capture"].tolist() == [1, 1, 1]


class TestProtocol:
    def test_leaving_one_out_by_hand(self) -> None:
        """Each round one app is positive, the two others negative; rounds are pooled."""
        items, plan = three_apps()
        # Of chat's 3 flows all look unseen, of game's 2 as well, of mail's 1 none.
        score = {OWN["chat"][1]: 0.9, OWN["game"][1]: 0.9}
        label = {OWN[app][1]: at for at, app in enumerate(LABELS)} | {OWN["game"][1]: 0}
        method = Script(label, score)
        result = figures(Contender(method, items), plan)
        assert method.trained == [[0, 1, 2], [1, 2], [0, 2], [0, 1]]
        unseen = result.means("unseen")["flow"]
        assert (unseen["precision"], unseen["recall"]) == (5 / 15, 5 / 6)
        assert result.tested()["flow"] == {"named": 6, "unseen": 6, "known": 12}
        assert result.means("unseen")["capture"]["recall"] == 2 / 3
        recognition = result.means("recognition")
        assert recognition["flow"]["accuracy"] == 4 / 6
        assert recognition["fingerprint"]["accuracy"] == 2 / 3

    def test_an_app_that_training_lacks_is_unseen(self) -> None:
        """It counts as unseen, and not for recognition, in which it could not be right."""
        items, _ = three_apps()
        split = ["train", "train", "test", "test", "test", "test"]
        plan = planned(ints([0, 1, 2] * 2), split, 6, Wanted())
        result = figures(Contender(PlainJaccard(0.5), items), plan)
        assert result.tested()["flow"] == {"named": 5, "unseen": 6, "known": 5}
        assert result.means("recognition")["flow"]["accuracy"] == 1
        assert result.means("unseen")["flow"]["f1"] == 1

    def test_a_single_capture_is_never_known_when_it_is_tested(self) -> None:
        """In cross-validation its app is always positive, and never named."""
        items = Items.of(
            [(OWN[app], app, 1, at) for at, app in enumerate(("chat", "chat", "mail"))]
        )
        plan = planned(ints([0, 0, 1]), [""] * 3, 3, Wanted(folds=3))
        result = figures(Contender(PlainJaccard(), items), plan)
        assert result.tested()["flow"]["named"] == 2
        assert result.means("unseen")["flow"]["recall"] == 1

    def test_plain_jaccard_names_and_finds(self) -> None:
        """Apps of their own names are all named; left out, they share only a push service."""
        items, plan = three_apps()
        result = figures(Contender(PlainJaccard(), items), plan)
        assert result.means("recognition")["flow"]["f1"] == 1
        assert result.means("unseen")["flow"]["f1"] == 1

    def test_nothing_to_train_on_is_no_figure(self) -> None:
        """With one app, leaving it out leaves nothing: no value, no error."""
        items = Items.of([(OWN["chat"], "chat", 1, 0), (OWN["chat"], "chat", 1, 1)])
        plan = planned(ints([0, 0]), ["train", "test"], 2, Wanted())
        result = figures(Contender(PlainJaccard(), items), plan)
        assert result.means("unseen")["flow"]["f1"] is None
        assert result.means("recognition")["flow"]["accuracy"] == 1

    def test_progress_is_told_of_each_training(self) -> None:
        """As often as was said before."""
        items, plan = three_apps()
        ticks = Ticks()
        evaluate(Contender(PlainJaccard(), items), plan, ticks)
        assert ticks.n == n_trainings(plan) == 4


class TestRepetitions:
    def test_figures_are_means_with_intervals(self) -> None:
        """Draws differ, so does what is found; a gain is paired by draw."""
        items, _ = three_apps()
        wanted = Wanted(unseen_apps=1, repetitions=6)
        plan = planned(ints([0, 1, 2] * 2), ["train"] * 3 + ["test"] * 3, 6, wanted)
        drawn = [int(one.rounds[0].without[0]) for one in plan.repetitions]
        assert len(set(drawn)) > 1
        score = {OWN[LABELS[drawn[0]]][1]: 0.9}
        result = figures(Contender(Script({}, score), items), plan)
        recall = result.values["unseen"]["flow"]["recall"]
        assert recall == [1.0 if app == drawn[0] else 0.0 for app in drawn]
        told = result.to_dict(result)
        assert "gain" not in told
        gain = result.to_dict(figures(Contender(Script({}, score), items), plan))["gain"]
        assert isinstance(gain, dict)
        assert gain["unseen"]["flow"]["recall"] == {"mean": 0.0, "interval": [0.0, 0.0]}

    def test_one_repetition_has_no_interval(self) -> None:
        """One value has no spread."""
        told = figures(Contender(Script({}, {}), three_apps()[0]), three_apps()[1]).to_dict(None)
        intervals = told["intervals"]
        assert isinstance(intervals, dict)
        assert intervals["unseen"]["flow"]["f1"] is None

    def test_a_method_that_names_nothing_has_no_recognition(self) -> None:
        """No figure is shown as if it were bad at what it does not do."""
        items, plan = three_apps()
        result = figures(Contender(Script({}, {}), items, names=False), plan)
        assert set(result.means("recognition")["flow"].values()) == {None}


class TestCurve:
    def test_the_more_is_known_the_less_is_unseen(self) -> None:
        """Left out apps are found with one known app as with two; the training grows."""
        items, plan = three_apps()
        method = Script({}, {OWN["chat"][1]: 0.9, OWN["game"][1]: 0.9, OWN["mail"][1]: 0.9})
        ticks = Ticks()
        points = curve(Contender(method, items), plan, ticks)
        assert [point.known for point in points] == sizes(plan) == [1, 2]
        assert [len(one) for one in method.trained] == [1] * 3 + [2] * 3
        assert ticks.n == n_curve_trainings(plan) == 6
        # All look alike, so none may be flagged.
        assert [point.recall["flow"] for point in points] == [0, 0]

    def test_only_known_and_unseen_apps_are_tested(self) -> None:
        """What is neither does not count as unseen: plain Jaccard finds all, and flags no other."""
        items, plan = three_apps()
        points = curve(Contender(PlainJaccard(), items), plan, lambda: None)
        assert [point.recall["flow"] for point in points] == [1, 1]

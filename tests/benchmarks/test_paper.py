"""The paper's other experiments, on small captures."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks import paper
from benchmarks.paper import CHANGED, Data, changed, halved, plan_of
from flowprint_zeek.analysis.rounds import Fold
from tests.analysis.tuning.small import APPS, RUNS, START, captures, recorded

if TYPE_CHECKING:
    from pathlib import Path


def data() -> Data:
    """Return captures of three apps, by two seeds."""
    return Data(captures(), START, [0, 1])


def test_half_of_the_captures_of_each_app_train() -> None:
    """The odd one too; the others are tested, and seeds differ."""
    label = np.repeat([0, 1, 2], [4, 3, 1])
    fold = halved(label, 0)
    assert np.bincount(label[fold.train]).tolist() == [2, 2, 1]
    assert (fold.train ^ fold.test).all()
    assert any((halved(label, seed).train != fold.train).any() for seed in (1, 2, 3))


@pytest.mark.parametrize(("n_apps", "held_back"), [(3, [1, 1, 1]), (40, [10])])
def test_many_apps_are_drawn_and_few_left_out(n_apps: int, held_back: list[int]) -> None:
    """Apps are named with none held back."""
    label = np.repeat(np.arange(n_apps), 2)
    plan = plan_of(label, [halved(label, 0)], [0])
    first, *others = plan.repetitions[0].rounds
    assert (first.without.size, first.names, first.detects) == (0, True, False)
    assert [one.without.size for one in others] == held_back
    assert not any(one.names for one in others)


def test_more_captures_train_up_to_all() -> None:
    """A row for each number that there is."""
    assert [row["captures"] for row in paper.training(data())] == [1, 2]


def test_more_apps_up_to_all() -> None:
    """A row for each number, with both methods."""
    rows = list(paper.apps(data()))
    assert [row["apps"] for row in rows] == [2, len(APPS)]
    assert {*rows[0]} == {"apps", "unassigned", "jaccard", "resemblance"}


def test_what_changed_altogether_is_no_longer_recognised() -> None:
    """Nothing changed is as good as without; with everything changed nothing is named."""
    first, *_, last = (row["jaccard"] for row in paper.updates(data()))
    assert first["F1"] > 0.9
    assert last["F1"] == 0
    assert last["known flagged"] == 1


def test_what_all_apps_share_hides_them() -> None:
    """The more they share, the fewer unseen ones are found."""
    first, *_, last = (row["resemblance"] for row in paper.homogeneous(data()))
    assert last["unseen F1"] < first["unseen F1"]


def of_units(shared: bool, share: float) -> tuple[list[str], list[str]]:
    """Return the names of chat's and game's flows when a share is changed."""
    held = captures()
    flows = changed(held, share, 0, np.ones(len(held.flows), dtype=np.bool_), shared=shared)
    label = held.label[held.group]
    names = flows["name"].to_numpy(dtype=object)
    return sorted(set(names[label == 0])), sorted(set(names[label == 1]))


def test_destinations_change_by_share() -> None:
    """Of six names three are other ones; unless shared, those of each app are its own."""
    chat, game = of_units(shared=False, share=0.5)
    assert len(chat) == len(game) == 6
    assert [sum("changed" in name for name in names) for names in (chat, game)] == [3, 3]
    assert not set(chat) & set(game)
    chat, game = of_units(shared=True, share=0.5)
    assert len(set(chat) & set(game)) == 3


def test_only_chosen_flows_change() -> None:
    """Name, address and certificate of the others stay, and so do the captures themselves."""
    held = captures()
    before = held.flows.copy()
    fold = Fold(held.label == 0, held.label == 1)
    flows = changed(held, 1.0, 0, fold.test[held.group], shared=False)
    other = flows[list(CHANGED)] != before[list(CHANGED)]
    assert other["name"].tolist() == fold.test[held.group].tolist()
    assert other["resp_h"].tolist() == fold.test[held.group].tolist()
    assert held.flows.equals(before)


def test_fingerprints_of_apps_are_counted() -> None:
    """Each distinct one once, in half of the captures and in all."""
    half, whole = paper.fingerprints(data())
    assert (half["apps"], whole["apps"]) == (3, 3)
    assert half["mean"] <= whole["mean"] <= RUNS
    assert 0 < whole["of several apps"] < 1


def test_every_stage_is_timed() -> None:
    """Reading, fingerprinting and its parts, and what each method learns and names."""
    rows = list(paper.stages(data(), lambda: None))
    names = [row["stage"] for row in rows]
    assert names[:2] == ["read logs", "fingerprint"]
    assert names[-4:] == [
        *("jaccard: learn", "jaccard: name, detect"),
        *("resemblance: learn", "resemblance: name, detect"),
    ]
    assert {"fingerprint: cut", "fingerprint: memberships", "fingerprint: rest"} <= set(names)


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_table_is_printed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    form: list[str],
) -> None:
    """As Markdown with what it is of, or as JSON."""
    manifest = recorded(tmp_path)
    argv = ["paper", "fingerprints", str(manifest), "--scheme", "names", "--seeds", "0-1", *form]
    monkeypatch.setattr(sys, "argv", argv)
    paper.main()
    out = capsys.readouterr().out
    if form:
        assert [row["apps"] for row in json.loads(out)["rows"]] == [3, 3]
    else:
        first, _, header, *_ = out.splitlines()
        assert first == "fingerprints: 12 captures of 3 apps, 156 flows, scheme names, seeds 0-1"
        assert header.startswith("|")

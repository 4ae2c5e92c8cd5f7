"""Table IV: what counts, for methods that name fingerprints and for AppScanner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from flowprint_zeek.analysis.appscanner import LENGTHS, TOTALS
from flowprint_zeek.analysis.baselines import NewDomain
from flowprint_zeek.analysis.captures import Captures, labelled_items
from flowprint_zeek.analysis.choices import MINIMA
from flowprint_zeek.analysis.evaluation import Contender
from flowprint_zeek.analysis.methods import PlainJaccard
from flowprint_zeek.analysis.rounds import Plan, Wanted, planned
from flowprint_zeek.analysis.table_iv import (
    FROM_LENGTHS,
    FROM_TOTALS,
    Line,
    flow_features,
    n_trainings,
    table_iv,
)
from flowprint_zeek.core.fingerprint import Parameters
from flowprint_zeek.errors import LogError
from tests.analysis.test_captures import captured, logs
from tests.analysis.test_lengths import capture, packet
from tests.stream.small import Conn, session

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.analysis.items import Items
    from flowprint_zeek.core.arrays import Floats

SPLIT = ("train", "test")
FLOWS = {"mail": 12, "chat": 8}


@pytest.fixture
def captures(tmp_path: Path) -> Captures:
    """Return two captures of each of two apps; a test capture of mail has two lonely flows."""
    lines = []
    for at, split in enumerate(SPLIT):
        for app, n in FLOWS.items():
            logs(tmp_path, f"{app}{at}", *session(app, at, flows=n))
            lines.append(f"{app}{at}\t{app}\t{split}")
    logs(tmp_path, "lonely", Conn("C1", 0), Conn("C2", 5))
    return captured(tmp_path, [*lines, "lonely\tmail\ttest"])


def items_of(captures: Captures) -> Items:
    return labelled_items(captures, Parameters(scheme="names"), min_flows=1)[0]


def plan_of(captures: Captures, **wanted: object) -> Plan:
    split = [row.split for row in captures.rows]
    return planned(captures.label, split, 9, Wanted(**wanted))  # type: ignore[arg-type] # a test's own words


def clear(captures: Captures) -> Floats:
    """Return a feature that tells the app of every flow."""
    return captures.label[captures.group][:, None].astype(np.float64)


def made(captures: Captures, plan: Plan, features: dict[str, Floats]) -> list[Line]:
    """Return the table; the promised number of trainings is held."""
    contenders = [Contender(PlainJaccard(), items_of(captures))]
    done: list[int] = []
    lines = table_iv(contenders, features, captures, plan, lambda: done.append(1))
    assert len(done) == n_trainings(captures, plan, len(contenders) + len(features))
    return lines


def test_every_minimum_has_a_line_of_each_method(captures: Captures) -> None:
    """Apps with fewer flows in all are left out."""
    lines = made(captures, plan_of(captures), {"clear": clear(captures)})
    assert [(line.min_flows, line.method) for line in lines] == [
        (least, method) for least in MINIMA for method in ("jaccard", "clear")
    ]
    assert [line.apps for line in lines[::2]] == [2, 2, 0, 0, 0]
    assert [line.flows for line in lines[::2]] == [42, 42, 0, 0, 0]
    assert lines[-1].values["f1"] == lines[-1].values["labelled"] == [None]


def test_flows_without_a_fingerprint_are_wrong(captures: Captures) -> None:
    """They are tested for all methods, and a method of fingerprints gives them no label."""
    plain, scanner, *_ = made(captures, plan_of(captures), {"clear": clear(captures)})
    assert plain.values["labelled"] == plain.values["recall"] == [pytest.approx(20 / 22)]
    assert plain.values["precision"] == [1]
    assert scanner.values["accuracy"] == scanner.values["labelled"] == [1]


def test_what_appscanner_is_not_sure_of_is_wrong(captures: Captures) -> None:
    """A feature that tells nothing: hardly a label, and as little recall."""
    _, scanner, *_ = made(captures, plan_of(captures), {"same": np.zeros((42, 1))})
    assert scanner.values["recall"] == scanner.values["labelled"] == [0]


def test_apps_that_no_training_has_are_left_out(tmp_path: Path) -> None:
    """An app that is only tested counts for nobody, and nobody for it."""
    for name in ("mail0", "mail1", "game1"):
        logs(tmp_path, name, *session(name[:4], 0))
    lines = ["mail0\tmail\ttrain", "mail1\tmail\ttest", "game1\tgame\ttest"]
    found = captured(tmp_path, lines)
    plain, scanner, *_ = made(found, plan_of(found), {"clear": clear(found)})
    assert plain.values["accuracy"] == scanner.values["accuracy"] == [1]


def test_repetitions_have_values_of_their_own(tmp_path: Path) -> None:
    """Folds are dealt anew for each, and AppScanner's seed is that of the repetition."""
    lines = []
    for at in range(4):
        for app in FLOWS:
            logs(tmp_path, f"{app}{at}", *session(app, at))
            lines.append(f"{app}{at}\t{app}")
    found = captured(tmp_path, lines)
    plan = plan_of(found, folds=2, repetitions=3)
    random = {"random": np.random.default_rng(1).normal(size=(64, 2))}
    first, second = made(found, plan, random), made(found, plan, random)
    assert first == second
    assert len(set(first[1].values["recall"])) > 1
    assert first[1].to_dict()["intervals"]["recall"][0] < first[1].to_dict()["recall"]  # type: ignore[index] # a dict of lists


def test_methods_that_name_nothing_are_left_out(captures: Captures) -> None:
    """A new domain says that an app is new, and not which it is."""
    silent = Contender(NewDomain(), items_of(captures), names=False)
    features = {"clear": clear(captures)}
    lines = table_iv([silent], features, captures, plan_of(captures), lambda: None)
    assert {line.method for line in lines} == {"clear"}


def test_features_are_those_of_the_logs(captures: Captures) -> None:
    """Without packets AppScanner has totals only, a row for each flow."""
    features = flow_features(captures, lambda: None)
    assert list(features) == [FROM_TOTALS]
    assert features[FROM_TOTALS].shape == (42, len(TOTALS))


def test_packets_tell_lengths(tmp_path: Path) -> None:
    """Where the manifest names packets there are both; packets of no flow are not counted."""
    logs(tmp_path, "a", Conn("C1", 0), Conn("C2", 5, address="203.0.113.2"))
    ours, theirs = ("10.0.0.1", 40_000), ("203.0.113.2", 443)
    capture(tmp_path / "a.pcap", [(1, packet(ours, theirs, 60)), (2, packet(theirs, ours, 0))])
    found = captured(tmp_path, ["a\tmail\t\t\ta.pcap"])
    features = flow_features(found, lambda: None)
    assert list(features) == [FROM_LENGTHS, FROM_TOTALS]
    first, second = features[FROM_LENGTHS]
    assert not first.any()
    assert second[LENGTHS.index("outgoing_mean")] == 100
    assert second[LENGTHS.index("both_number")] == 2


def test_packets_that_are_not_there_are_told(tmp_path: Path) -> None:
    """The error names the file."""
    logs(tmp_path, "a", Conn("C1", 0))
    with pytest.raises(LogError, match=r"absent\.pcap: cannot be read"):
        flow_features(captured(tmp_path, ["a\tmail\t\t\tabsent.pcap"]), lambda: None)

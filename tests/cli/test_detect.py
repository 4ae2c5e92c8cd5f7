"""``detect``: fingerprints of unseen apps, as the paper finds them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowprint_zeek import store

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.analysis.simulate import Simulated
    from tests.cli.conftest import Cli


@pytest.fixture
def halves(cli: Cli, logs: Path, simulated: Simulated, tmp_path: Path) -> tuple[Path, Path]:
    """Return fingerprints of before and after the planted apps came."""
    noon = simulated.network.unseen_start / 1e6
    early, late = tmp_path / "early.json", tmp_path / "late.json"
    cli.ok("fingerprint", logs, "--until", noon, "-o", early)
    cli.ok("fingerprint", logs, "--since", noon, "-o", late)
    return early, late


def test_unseen_is_what_is_below_the_threshold(cli: Cli, halves: tuple[Path, Path]) -> None:
    """Every tested fingerprint has a row, by id; those below the threshold are unseen."""
    early, late = halves
    told = cli("detect", "-t", early, "-e", late, "--threshold", 0.25, "--json").json
    results = told["results"]
    assert told["parameters"]["threshold"] == 0.25
    assert len(results) == len(store.read(late).apps)
    assert [each["fingerprint"] for each in results] == sorted(e["fingerprint"] for e in results)
    assert [each["unseen"] for each in results] == [each["similarity"] < 0.25 for each in results]
    assert {each["unseen"] for each in results} == {True, False}


@pytest.mark.parametrize("threshold", [0, 1])
def test_the_ends_are_thresholds_too(cli: Cli, halves: tuple[Path, Path], threshold: int) -> None:
    """At 0 nothing is unseen, not even a stranger; at 1 all that is not the same."""
    told = cli("detect", "-t", halves[0], "-e", halves[1], "--threshold", threshold, "--json").json
    assert told["parameters"]["threshold"] == threshold
    unseen = [each for each in told["results"] if each["unseen"]]
    assert len(unseen) == sum(each["similarity"] < threshold for each in told["results"])
    assert bool(unseen) == bool(threshold)
    assert min(each["similarity"] for each in told["results"]) == 0


def test_the_default_is_the_training_files(
    cli: Cli, halves: tuple[Path, Path], tmp_path: Path
) -> None:
    """Without --threshold that of the training file holds."""
    model = store.read(halves[0])
    model.threshold = 0.625
    store.write(tmp_path / "other.json", model)
    told = cli("detect", "-t", tmp_path / "other.json", "-e", halves[1], "--json").json
    assert told["parameters"]["threshold"] == 0.625
    argv = ("-e", halves[1], "--threshold", 0.625, "--json")
    assert cli("detect", "-t", halves[0], *argv).json["results"] == told["results"]


def test_files_of_two_thresholds_need_one(
    cli: Cli, halves: tuple[Path, Path], tmp_path: Path
) -> None:
    """Training files that differ in the threshold only are fine where --threshold says which."""
    model = store.read(halves[0])
    model.threshold = 0.625
    store.write(tmp_path / "other.json", model)
    argv = ("-t", halves[0], tmp_path / "other.json", "-e", halves[1])
    assert "threshold is 0.625, but 0.1 in" in cli("detect", *argv).err
    cli.ok("detect", *argv, "--threshold", 0.1)
    cli.ok("recognize", *argv)


def test_logs_are_fingerprinted_first(cli: Cli, labelled: Path, logs: Path) -> None:
    """Nothing in the logs that were learned is unseen."""
    told = cli("detect", "-t", labelled, "-e", logs, "--json").json
    assert [each["unseen"] for each in told["results"]] == [False] * len(store.read(labelled).apps)
    assert {each["source"] for each in told["results"]} == {str(logs)}


def test_the_table_ends_with_how_many(cli: Cli, halves: tuple[Path, Path]) -> None:
    """People get a line a fingerprint and the number of unseen ones."""
    lines = cli.ok("detect", "-t", halves[0], "-e", halves[1]).out.splitlines()
    n_apps = len(store.read(halves[1]).apps)
    assert lines[0] == "Unseen below 0.1"
    assert lines[1].split()[-2:] == ["similarity", "unseen"]
    unseen = sum(line.endswith("yes") for line in lines)
    assert lines[-1] == f"{unseen} of {n_apps} fingerprints are of unseen apps"
    assert len(lines) == n_apps + 3

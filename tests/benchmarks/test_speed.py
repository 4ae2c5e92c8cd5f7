"""The command of the baseline table."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from benchmarks import speed
from benchmarks.harness import Case, Contender, Pair
from benchmarks.registry import cases

if TYPE_CHECKING:
    from pathlib import Path

TINY = ["--sizes", "50", "--rounds", "1"]


def toy(name: str, agreement: float, *sizes: int) -> Case:
    """Return a case whose answers agree in a share."""
    both = Contender("sum", lambda: lambda: sum(range(1000)), 1)
    return Case(name, "sums", "sum", sizes, lambda *_: Pair(both, both, lambda *_: agreement))


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cases that take no time, in place of the registered ones."""
    known = {
        "one": (toy("good", 1, 10, 1_000_000), toy("bad", 0.5, 1)),
        "two": (toy("big", 1, 99_000),),
    }
    monkeypatch.setattr(speed, "cases", lambda: known)


def test_json_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    """With a dash for a file, stdout is one JSON object."""
    assert 0 == speed.main(["--cases", "sessions", *TINY, "--seed", "3", "--json", "-"])

    found = json.loads(capsys.readouterr().out)
    asked = {"cases": ["sessions"], "sizes": [50], "rounds": 1, "seed": 3, "quick": False}
    assert asked == found["parameters"]
    assert [("sessions", 50)] == [(row["case"], row["size"]) for row in found["rows"]]


@pytest.mark.usefixtures("toys")
def test_tables_and_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Tables go to stdout, progress to stderr, JSON to the file."""
    file = tmp_path / "speed.json"

    assert 0 == speed.main(["--cases", "good", "--rounds", "1", "--json", str(file)])

    out, err = capsys.readouterr()
    assert "**good**: sums." in out
    assert 2 == len(err.splitlines())
    assert [10, 1_000_000] == [row["size"] for row in json.loads(file.read_text())["rows"]]


@pytest.mark.usefixtures("toys")
def test_exit_code_where_answers_differ(capsys: pytest.CaptureFixture[str]) -> None:
    """Answers that differ more than they may are an exit code of their own."""
    assert 1 == speed.main(["--cases", "bad", "--rounds", "1"])
    assert "ANSWERS DIFFER" in capsys.readouterr().out


@pytest.mark.usefixtures("toys")
def test_stages_only_where_there_are_any(capsys: pytest.CaptureFixture[str]) -> None:
    """A case without stages has none."""
    assert 0 == speed.main(["--cases", "big", "--rounds", "1", "--stages"])
    assert "stage" not in capsys.readouterr().out


@pytest.mark.usefixtures("toys")
@pytest.mark.parametrize(
    ("names", "chosen"),
    [
        ([], ["good", "bad", "big"]),
        (["one"], ["good", "bad"]),
        (["big", "one", "good"], ["big", "good", "bad"]),
    ],
)
def test_cases_by_name_and_by_module(names: list[str], chosen: list[str]) -> None:
    """A name is that of a case or of a module; none is all, and none comes twice."""
    assert chosen == [case.name for case in speed.choose(names)]


def test_an_unknown_case(capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown name is a usage error that says which there are."""
    with pytest.raises(SystemExit) as ended:
        speed.main(["--cases", "nothing"])
    assert 2 == ended.value.code
    assert "no case 'nothing'; there are engine, " in capsys.readouterr().err


@pytest.mark.parametrize(("text", "value"), [("300", 300), ("30k", 30_000), ("1M", 1_000_000)])
def test_counts(text: str, value: int) -> None:
    """Counts may have a unit."""
    assert value == speed.count(text)


@pytest.mark.parametrize("text", ["0", "-1k", "", "k", "3x"])
def test_what_is_no_count(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Anything else is a usage error."""
    with pytest.raises(SystemExit):
        speed.main([f"--rounds={text}"])
    assert "argument --rounds" in capsys.readouterr().err


def test_quick_sizes() -> None:
    """Quick is every small size, or the smallest."""
    assert (10, 20) == speed.sizes(toy("a", 1, 10, 20, 100_000), quick=True)
    assert (99_000,) == speed.sizes(toy("b", 1, 99_000, 100_000), quick=True)


def test_registered_cases_can_be_told_apart() -> None:
    """No two cases have one name, and a case that lets answers differ says why."""
    every = [case for own in cases().values() for case in own]
    names = [case.name for case in every]

    assert sorted(set(names)) == sorted(names)
    assert [] == [case.name for case in every if case.least < 1 and not case.why]

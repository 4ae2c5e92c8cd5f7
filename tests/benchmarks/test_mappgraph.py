"""The measure of 49 mobile apps, on a table of few that are made up."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from benchmarks import mappgraph
from flowprint_zeek.analysis.items import Items
from flowprint_zeek.analysis.methods import PlainJaccard, Resemblance

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.analysis.methods import Method

APPS = [f"app{at:02d}" for at in range(14)]
SHARED = ("198.51.100.7", 443)


def rows_of(number: int, window: int) -> list[tuple[object, ...]]:
    """Return the nodes of a window: two of the app, one that changes, and one that all have."""
    own = [(f"10.{number}.0.{at}", 443) for at in (1, 2)]
    nodes = [*own, (f"10.{number}.{window + 1}.1", 80), SHARED]
    return [(APPS[number], window, ip, port) for ip, port in nodes]


@pytest.fixture
def nodes(tmp_path: Path) -> Path:
    """Windows of apps, five each but one, in no order and with a node twice."""
    counts = [2 if at == 3 else 5 for at in range(len(APPS))]
    rows = [
        row for at, n in enumerate(counts) for window in range(n) for row in rows_of(at, window)
    ]
    rows = [*rows[::-1], rows[0]]
    path = tmp_path / "nodes.tsv"
    lines = ["app\tgraph_id\tip\tport", *("\t".join(map(str, row)) for row in rows)]
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def windows(nodes: Path) -> mappgraph.Windows:
    return mappgraph.read(nodes)


class TestRead:
    def test_a_window_is_a_fingerprint(self, windows: mappgraph.Windows) -> None:
        """Windows come by app and graph, each with its distinct endpoints."""
        items = windows.items
        assert APPS == items.labels
        assert 13 * 5 + 2 == items.size
        held = {items.vocabulary[code] for code in items.sets.lists()[5]}
        assert {"10.1.0.1:443", "10.1.0.2:443", "10.1.1.1:80", "198.51.100.7:443"} == held
        assert [1] * 5 == items.label[5:10].tolist()

    def test_the_first_half_of_an_app_trains(self, windows: mappgraph.Windows) -> None:
        """Of five windows the first two, of two the first."""
        first, fourth = windows.trains[:5], windows.trains[15:17]
        assert [True, True, False, False, False] == first.tolist()
        assert [True, False] == fourth.tolist()


class TestDraw:
    @pytest.mark.parametrize("seed", [0, 7])
    def test_ten_unseen_apps(self, windows: mappgraph.Windows, seed: int) -> None:
        """A seed draws the same names as NumPy's generator; all others are known."""
        unseen, known = mappgraph.draw(windows, seed, 39)
        names = np.random.default_rng(seed).choice(sorted(APPS), 10, replace=False)
        assert sorted(names.tolist()) == [APPS[at] for at in unseen]
        assert sorted(set(range(14)) - set(unseen)) == known

    def test_fewer_known_apps(self, windows: mappgraph.Windows) -> None:
        """Fewer are drawn of those that are not unseen, which stay the same."""
        unseen, known = mappgraph.draw(windows, 1, 39)
        fewer = mappgraph.draw(windows, 1, 2)
        assert (unseen, 2) == (fewer[0], len(set(fewer[1])))
        assert set(fewer[1]) < set(known)


def told(windows: mappgraph.Windows, method: Method) -> dict[str, float]:
    """Return the figures of a method that knows four apps, by name."""
    found = mappgraph.figures(windows, method, *mappgraph.draw(windows, 0, 39))
    return dict(zip(mappgraph.FIGURES, found.tolist(), strict=True))


class TestFigures:
    def test_apps_of_their_own(self, windows: mappgraph.Windows) -> None:
        """Apps that share only one address are all named, and unseen ones all found."""
        assert {1.0} == set(told(windows, PlainJaccard(0.2)).values())

    def test_the_threshold_counts(self, windows: mappgraph.Windows) -> None:
        """Where nothing is called unseen F1 is 0 at the threshold, and best at a better one."""
        found = told(windows, PlainJaccard(0.1))
        assert (0.0, 1.0) == (found["F1 at threshold"], found["best F1"])

    def test_what_is_tested_does_not_train(self) -> None:
        """Windows of the second half that are like another app's first half are misnamed."""
        rows = [("a", "x"), ("a", "y"), ("b", "y"), ("b", "z"), ("c", "u"), ("c", "v")]
        items = Items.of(([f"cert:{one}"], label, 1, 0) for label, one in rows)
        windows = mappgraph.Windows(items, np.arange(len(rows)) % 2 == 0)
        found = mappgraph.figures(windows, PlainJaccard(), [2], [0, 1])
        assert 0.0 == found[mappgraph.FIGURES.index("accuracy")]

    def test_nothing_to_tell_apart(self, windows: mappgraph.Windows) -> None:
        """Where unseen apps look as known ones do, none is found at few false ones."""
        label = windows.items.label
        known = sorted(set(label.tolist()))
        found = mappgraph.figures(windows, Resemblance(), known[:3], known)
        assert 0.0 == found[mappgraph.FIGURES.index("recall at 5 % false")]

    def test_by_seed_and_method(self, windows: mappgraph.Windows) -> None:
        """Each method has a row of figures a seed."""
        found = mappgraph.measure(windows, [0, 1, 2], 2)
        shape = (3, len(mappgraph.FIGURES))
        assert {"jaccard": shape, "resemblance": shape} == {n: r.shape for n, r in found.items()}
        unseen, known = mappgraph.draw(windows, 2, 2)
        last = mappgraph.figures(windows, Resemblance(), unseen, known)
        assert last.tolist() == found["resemblance"][2].tolist()


class TestPaired:
    def test_means_and_half_widths(self) -> None:
        """The interval is that of the mean, from the spread between seeds."""
        mean, width = mappgraph.paired(np.array([[1.0, 5.0], [3.0, 5.0]]))
        assert [2.0, 5.0] == mean.tolist()
        assert pytest.approx([1.96, 0.0]) == width.tolist()

    def test_one_seed_has_no_interval(self) -> None:
        """One seed says nothing about others."""
        mean, width = mappgraph.paired(np.array([[1.0]]))
        assert ([1.0], True) == (mean.tolist(), bool(np.isnan(width).all()))


class TestMain:
    @pytest.fixture(autouse=True)
    def few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(mappgraph, "KNOWN", (2, 4))

    def test_json(
        self, nodes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """All figures by number of known apps, method and seed."""
        monkeypatch.setattr(sys, "argv", ["mappgraph", str(nodes), "--seeds", "3-4", "--json"])
        mappgraph.main()
        told = json.loads(capsys.readouterr().out)
        found = mappgraph.measure(mappgraph.read(nodes), [3, 4], 2)
        assert ["2", "4"] == list(told)
        assert {name: rows.tolist() for name, rows in found.items()} == told["2"]

    def test_tables(
        self, nodes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A row of figures a method, and its recall by number of known apps."""
        monkeypatch.setattr(sys, "argv", ["mappgraph", str(nodes), "--seeds", "0-1"])
        mappgraph.main()
        out = capsys.readouterr().out
        assert out.startswith("10 unseen apps, 4 known, seeds 0 to 1\n")
        table, recall = out.split("\n\n")
        assert "recall of unseen apps at 5% false, by known apps" == recall.splitlines()[0]
        assert "1.000 (+0.000 ± 0.000)" in table.splitlines()[2]
        assert ["jaccard", "2:", "1.000", "4:", "1.000"] == recall.splitlines()[1].split()

    def test_one_seed(
        self, nodes: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A single seed is measured too."""
        monkeypatch.setattr(sys, "argv", ["mappgraph", str(nodes), "--seeds", "5"])
        mappgraph.main()
        assert "seeds 5 to 5" in capsys.readouterr().out

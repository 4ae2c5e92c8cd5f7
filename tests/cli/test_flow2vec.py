"""``flow2vec``: fit, similar, cluster, plot and search, as they are typed."""

from __future__ import annotations

import json
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.flow2vec import modelfile
from flowprint_zeek.cli import flow2vec
from flowprint_zeek.cli.arguments import flow2vec as arguments
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.main import Parser, main
from flowprint_zeek.cli.terminal import Terminal
from tests.analysis.flow2vec.small import conn, token, two_apps, written
from tests.cli.conftest import FakeStream

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

QUICK = ("--size", 8, "--epochs", 40, "--sample", 0)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Write the log of two apps."""
    return written(tmp_path / "conn.log", two_apps())


@pytest.fixture(scope="session")
def fitted(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Fit it; return the content of the file."""
    folder = tmp_path_factory.mktemp("fitted")
    given = ("fit", written(folder / "conn.log", two_apps()), "-o", folder / "m", *QUICK)
    assert main(["flow2vec", *map(str, given)]) == 0
    return (folder / "m").read_bytes()


@pytest.fixture
def model(fitted: bytes, log: Path) -> Path:
    """Return a copy of the model, beside the log."""
    path = log.with_name("flows.npz")
    path.write_bytes(fitted)
    return path


@pytest.fixture(scope="session")
def elements(logs: Path) -> Path:
    """Fit the simulated network by elements, with the truth as labels."""
    path = logs.parent / "elements.npz"
    given = ["flow2vec", "fit", logs, "--tokens", "element", "--labels", logs / "labels.tsv"]
    assert main([str(each) for each in (*given, "-o", path)]) == 0
    return path


# fit


def test_fit_writes_a_model(cli: Cli, log: Path, tmp_path: Path) -> None:
    """What was read and made is told, and every parameter."""
    done = cli.ok("flow2vec", "fit", log, "-o", tmp_path / "m", *QUICK, "--json").json
    assert done.pop("seconds") >= 0
    assert done == {
        "parameters": {
            "tokens": "dst,dport,proto",
            "sentence": 60.0,
            "sentence_flows": None,
            "together": False,
            "everyone": False,
            "size": 8,
            "window": 10,
            "negative": 5,
            "sample": 0.0,
            "epochs": 40,
            "min_count": 2,
            "seed": 1,
        },
        "output": str(tmp_path / "m"),
        "rows_read": 900,
        "rows_damaged": 0,
        "flows": 900,
        "flows_overdue": 0,
        "flows_duplicate": 0,
        "flows_pruned": 0,
        "dropped": {},
        "words": 900,
        "sentences": 180,
        "tokens": 9,
        "new_tokens": 9,
        "labelled_tokens": 9,
        "trainings": 1,
    }
    assert modelfile.read(tmp_path / "m").tokens[0] == token(99)


def test_fit_twice_is_the_same_file(cli: Cli, log: Path, model: Path, tmp_path: Path) -> None:
    """Equal logs, options and seeds give equal bytes; a table says what was done."""
    done = cli.ok("flow2vec", "fit", log, "-o", tmp_path / "again", *QUICK)
    assert (tmp_path / "again").read_bytes() == model.read_bytes()
    assert ["sentences", "180"] in [line.split() for line in done.out.splitlines()]


def test_fit_goes_on_with_new_logs(cli: Cli, model: Path, tmp_path: Path) -> None:
    """New tokens come to the old ones, with the settings of the model."""
    rows = [conn(at, 1, 200 + at % 2) for at in range(9)]
    new = written(tmp_path / "conn.new.log", rows)
    done = cli.ok("flow2vec", "fit", new, "--model", model, "-o", model, "--json").json
    assert (done["tokens"], done["new_tokens"], done["trainings"]) == (11, 2, 2)
    assert done["parameters"]["size"] == 8


@pytest.mark.parametrize(
    "given", [("--tokens", "flow"), ("--size", 9), ("--sentence", "5m"), ("--seed", 2)]
)
def test_what_a_model_decides_cannot_be_changed(
    cli: Cli, log: Path, model: Path, given: tuple[object, ...]
) -> None:
    """Tokens, sentences, size and seed are those of the model that is trained on."""
    before = model.read_bytes()
    done = cli("flow2vec", "fit", log, "--model", model, "-o", model, *given)
    assert done.code == Exit.USAGE
    assert f"--model {model} was fitted with other" in done.err
    assert model.read_bytes() == before


def test_a_damaged_model_stays_as_it_is(cli: Cli, log: Path, model: Path) -> None:
    """What cannot be read is not trained on, and not overwritten."""
    model.write_bytes(model.read_bytes()[:-40])
    before = model.read_bytes()
    done = cli("flow2vec", "fit", log, "--model", model, "-o", model)
    assert (done.code, model.read_bytes()) == (Exit.MODEL, before)
    assert f"{model}: is no flow2vec model, or damaged" in done.err


def test_binetflow_and_zeek_logs_mix(cli: Cli, tmp_path: Path, log: Path) -> None:
    """As everywhere: any mix of files, globs and directories."""
    (tmp_path / "x.binetflow").write_text(
        "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,TotPkts,TotBytes,SrcBytes\n"
        + "2023/11/14 22:14:00.000000,1.0,tcp,10.0.0.1,5,->,192.0.2.1,443,CON,2,9,4\n" * 2
    )
    given = (log, tmp_path / "*.binetflow")
    done = cli.ok("flow2vec", "fit", *given, "-o", tmp_path / "m", *QUICK, "--json")
    assert done.json["rows_read"] == 902


def test_foreign_networks_are_told(cli: Cli, tmp_path: Path) -> None:
    """Where no host is local, the prefixes are named, and what takes every connection."""
    rows = [row | {"id.orig_h": "203.0.113.9"} for row in two_apps(minutes=3)]
    log = written(tmp_path / "conn.log", rows)
    done = cli("flow2vec", "fit", log, "-o", tmp_path / "m")
    assert done.code == Exit.LOGS
    assert "203.0.113.0/24" in done.err
    assert done.err.endswith("or give --everyone\n")
    cli.ok("flow2vec", "fit", log, "-o", tmp_path / "m", "--everyone", *QUICK)


def test_what_is_left_out_is_warned_of(cli: Cli, tmp_path: Path) -> None:
    """Damaged rows, late ones, labels of no flow, and more tokens than may be held."""
    rows = [*two_apps(), *(conn(3600 + at, 1, at % 200) for at in range(400)), conn(1, 1, 1)]
    log = written(tmp_path / "conn.log", rows)
    log.write_bytes(log.read_bytes() + b'{"ts": 1\n')
    (tmp_path / "labels").write_text("uid\tlabel\nC1\tx\n")
    given = ("--labels", tmp_path / "labels", "--max-tokens", 12, *QUICK)
    done = cli.ok("flow2vec", "fit", log, "-o", tmp_path / "m", *given)
    for said in (
        "conn.log:1302: ",
        "1 flows came after their window",
        "flows of rare tokens were let go",
        "labels: no uid in it is that of a flow",
    ):
        assert said in done.err


# similar


def test_similar_names_what_a_device_does_together(cli: Cli, model: Path) -> None:
    """The other tokens of the app come first, with flows and labels."""
    done = cli.ok("flow2vec", "similar", model, token(1), "-n", 3, "--json").json
    assert {row["token"] for row in done["similar"]} == {token(2), token(3), token(4)}
    assert {(row["flows"], row["label"]) for row in done["similar"]} == {(90, "chess")}
    table = cli.ok("flow2vec", "similar", model, token(1), token(2)).out
    assert f"Nearest to {token(1)} {token(2)}" in table
    assert table.index(token(3)) < table.index(token(11))


def test_an_unknown_token_is_one_error(cli: Cli, model: Path) -> None:
    """The text is named, escaped for the terminal."""
    done = cli("flow2vec", "similar", model, "\x1b[31m")
    assert (done.code, done.err.count("\n")) == (Exit.USAGE, 1)
    assert "\x1b" not in done.err


def test_similar_names_known_apps(cli: Cli, elements: Path, labelled: Path) -> None:
    """With fingerprints at hand the known apps nearest to elements are told, their own first."""
    held = modelfile.read(elements)
    app = next(one for one in held.tokens if held.label(one) not in {"", "dns", "background"})
    given = ("flow2vec", "similar", elements, app, "name:new.example", "--known", labelled)
    done = cli.ok(*given, "-n", 2, "--json").json
    assert done["apps"][0]["label"] == held.label(app)
    assert done["without_vector"] == ["name:new.example"]
    assert "Without a vector: name:new.example" in cli.ok(*given).out


def test_known_apps_need_a_vector_and_elements(
    cli: Cli, elements: Path, model: Path, labelled: Path
) -> None:
    """Where no element has one, and where tokens are something else, that is the error."""
    done = cli("flow2vec", "similar", elements, "name:new.example", "--known", labelled)
    assert done.err.endswith("no vector for any of name:new.example\n")
    done = cli("flow2vec", "similar", model, token(1), "--known", labelled)
    assert done.code == Exit.MODEL
    assert f"{model}: has tokens of dst,dport,proto" in done.err


# cluster


def test_clusters_are_apps(cli: Cli, model: Path, tmp_path: Path) -> None:
    """Three clusters: two apps and what both use; every token's is in the table that is written."""
    path = tmp_path / "clusters.tsv"
    done = cli.ok("flow2vec", "cluster", model, "-k", 3, "-o", path, "--json").json
    assert sorted(len(one["tokens"]) for one in done["clusters"]) == [1, 4, 4]
    assert done["clusters"][0]["labels"] in ({"chess": 4}, {"mail": 4})
    rows = [line.split("\t") for line in path.read_text().splitlines()]
    assert rows[0] == ["token", "cluster", "cosine", "flows", "label"]
    assert Counter(row[1] for row in rows[1:]) == {"0": 4, "1": 4, "2": 1}


def test_clusters_are_shown(cli: Cli, model: Path, elements: Path) -> None:
    """A table of the largest, with what most of their tokens are; a fifth by default."""
    assert "1 clusters of 9 tokens" in cli.ok("flow2vec", "cluster", model).out
    out = cli.ok("flow2vec", "cluster", elements, "-k", 60).out
    assert "more with --all" in out
    assert len(cli.ok("flow2vec", "cluster", elements, "-k", 60, "--all").out) > len(out)
    out = cli.ok("flow2vec", "cluster", model, "--silhouette").out
    assert "Mean silhouette by k" in out


# plot


def test_plot_writes_a_page_and_a_picture(cli: Cli, elements: Path, tmp_path: Path) -> None:
    """One page with every token, and a PNG."""
    given = ("-o", tmp_path / "x.html", "--png", tmp_path / "x.png")
    done = cli.ok("flow2vec", "plot", elements, *given, "--json").json
    assert sum(one["tokens"] for one in done["groups"]) == done["tokens"]
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")
    text = (tmp_path / "x.html").read_text(encoding="utf-8")
    assert all(json.dumps(one) in text for one in modelfile.read(elements).tokens)
    out = cli.ok("flow2vec", "plot", elements, *given, "--colours", "cluster", "--most", 50).out
    assert out == f"plot: {tmp_path / 'x.html'}\nplot: {tmp_path / 'x.png'}\n"


# search


def test_search_tries_every_combination(cli: Cli, log: Path) -> None:
    """The best first, and what to give fit."""
    grid = ("--size", 4, 8, "--window", 2, 5, "--negative", 5, "--sample", 0, "--epochs", 3)
    done = cli.ok("flow2vec", "search", log, *grid, "--json").json
    tried = {(row["size"], row["window"]) for row in done["tried"]}
    assert tried == {(4, 2), (4, 5), (8, 2), (8, 5)}
    scores = [row["score"] for row in done["tried"]]
    assert scores == sorted(scores, reverse=True)
    best = done["tried"][0]
    out = cli.ok("flow2vec", "search", log, *grid).out
    said = f"Best: --size {best['size']} --window {best['window']} --negative 5 --sample 0"
    assert out.splitlines()[-1] == said


# Wrong input

FIT = ("fit", "LOG", "-o", "OUT")
WRONG: list[tuple[tuple[str, ...], Exit, str]] = [
    ((), Exit.USAGE, "ACTION"),
    (("fit", "LOG"), Exit.USAGE, "-o/--output"),
    ((*FIT, "--tokens", "dst,label"), Exit.USAGE, "not 'label'"),
    ((*FIT, "--sentence", "0"), Exit.USAGE, "--sentence: '0' is not a duration over 0"),
    ((*FIT, "--sentence", "5m", "--sentence-flows", "9"), Exit.USAGE, "contradict each other"),
    ((*FIT, "--sentence-flows", "1"), Exit.USAGE, "from 2 to 10000"),
    ((*FIT, "--size", "0"), Exit.USAGE, "--size: '0' is not a whole number from 1 to 4096"),
    ((*FIT, "--size", "8.5"), Exit.USAGE, "'8.5' is not a whole number"),
    ((*FIT, "--negative", "0"), Exit.USAGE, "--negative"),
    ((*FIT, "--sample", "-1"), Exit.USAGE, "--sample"),
    ((*FIT, "--sample", "nan"), Exit.USAGE, "--sample"),
    ((*FIT, "--epochs", "x"), Exit.USAGE, "--epochs: 'x' is not"),
    ((*FIT, "--workers", "0"), Exit.USAGE, "--workers"),
    ((*FIT, "--max-tokens", "1"), Exit.USAGE, "--max-tokens"),
    ((*FIT, "--since", "2", "--until", "1"), Exit.USAGE, "--since must be before --until"),
    ((*FIT, "--until", "1"), Exit.LOGS, "--since and --until leave out other rows"),
    ((*FIT, "--labels", "NONE"), Exit.LOGS, "none: cannot be read"),
    ((*FIT, "--model", "NONE"), Exit.MODEL, "none: cannot be read"),
    ((*FIT, "--model", "LOG"), Exit.MODEL, "conn.log: is no flow2vec model"),
    ((*FIT, "--min-count", "9999"), Exit.LOGS, "nothing to learn from 900 flows"),
    (("fit", "NONE", "-o", "OUT"), Exit.LOGS, "none: no such file"),
    (("fit", "LOG", "-o", "FOLDER"), Exit.OUTPUT, "is a folder"),
    (("fit", "LOG", "-o", "NONE/x"), Exit.OUTPUT, "no such folder"),
    (("similar", "NONE", "x"), Exit.MODEL, "none: cannot be read"),
    (("similar", "MODEL", "x", "-n", "0"), Exit.USAGE, "-n: '0'"),
    (("similar", "MODEL", "x", "--known", "LOG"), Exit.MODEL, "conn.log"),
    (("cluster", "MODEL", "-k", "10"), Exit.USAGE, "-k must be at most 9"),
    (("cluster", "MODEL", "-k", "2", "--silhouette"), Exit.USAGE, "not allowed with"),
    (("cluster", "MODEL", "-o", "NONE/x"), Exit.OUTPUT, "cannot be written"),
    (("plot", "MODEL"), Exit.USAGE, "-o/--output"),
    (("plot", "MODEL", "-o", "NONE/x"), Exit.OUTPUT, "no such folder"),
    (("plot", "MODEL", "-o", "OUT", "--png", "FOLDER"), Exit.OUTPUT, "is a folder"),
    (("plot", "MODEL", "-o", "OUT", "--most", "3"), Exit.USAGE, "--most"),
    (("search", "LOG", "--window"), Exit.USAGE, "--window: expected at least one"),
    (("search", "LOG", "--sentence-flows", "10000"), Exit.LOGS, "too few sentences"),
]


@pytest.mark.parametrize(("given", "code", "said"), WRONG, ids=lambda one: str(one)[:60])
def test_wrong_input_is_one_clear_error(
    cli: Cli, tmp_path: Path, model: Path, given: tuple[str, ...], code: Exit, said: str
) -> None:
    """One line that names the file, the option or the value; nothing is written."""
    places = {
        "LOG": tmp_path / "conn.log",
        "MODEL": model,
        "OUT": tmp_path / "out",
        "NONE": tmp_path / "none",
        "NONE/x": tmp_path / "none" / "x",
        "FOLDER": tmp_path,
    }
    before = sorted(tmp_path.iterdir())
    done = cli("flow2vec", *(places.get(one, one) for one in given))
    assert (done.code, done.out) == (code, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_what_is_missing_is_said_before_logs_are_read(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without gensim fit and search say what to install."""
    monkeypatch.setitem(sys.modules, "gensim.models.word2vec", None)
    for given in (("fit", tmp_path / "none", "-o", tmp_path / "m"), ("search", tmp_path / "none")):
        done = cli("flow2vec", *given)
        assert done.code == Exit.USAGE
        assert "pip install 'flowprint-zeek[flow2vec]'" in done.err


# Progress


def test_progress_is_shown_on_a_terminal(log: Path, tmp_path: Path) -> None:
    """Reading, training and t-SNE are named while they last."""
    parser = Parser()
    arguments.add_arguments(parser)
    err = FakeStream(tty=True)
    terminal = Terminal(stdout=FakeStream(), stderr=err)
    given = ["fit", log, "-o", tmp_path / "m", *QUICK]
    flow2vec.execute(parser.parse_args([str(one) for one in given]), terminal)
    given = ["plot", tmp_path / "m", "-o", tmp_path / "x.html"]
    flow2vec.execute(parser.parse_args([str(one) for one in given]), terminal)
    assert all(word in err.getvalue() for word in ("read", "train", "t-SNE"))

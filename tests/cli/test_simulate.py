"""``simulate``: logs with the truth beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.reader import ReadStats, read_chunks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

SMALL = ("--devices", 2, "--apps", 3, "--days", 0.05, "--browsers", 0, "--unseen-apps", 1)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def rows(folder: Path) -> dict[str, list[list[object]]]:
    """Return the rows of every log by kind, with what they are told apart by."""
    found: dict[str, list[list[object]]] = {}
    for log in find_logs([folder], ["conn", "ssl", "x509"]):
        columns = ("ts", "fingerprint" if log.kind == "x509" else "uid")
        for chunk in read_chunks(log, columns, stats=ReadStats()):
            found.setdefault(log.kind, []).extend(chunk.to_numpy().tolist())
    return found


def test_logs_lie_beside_their_truth(cli: Cli, tmp_path: Path) -> None:
    """Every connection has a label, under a header; the folder that was named holds it all."""
    cli.ok("simulate", tmp_path / "out", *SMALL)
    header, *lines = (tmp_path / "out" / "labels.tsv").read_text().splitlines()
    assert header == "uid\tlabel"
    assert [line.split("\t")[0] for line in lines] == [
        uid for _, uid in rows(tmp_path / "out")["conn"]
    ]
    assert (tmp_path / "out" / "planted.tsv").read_text().startswith("app\tdevice\tfirst\t")


def test_equal_seeds_give_equal_bytes(cli: Cli, tmp_path: Path) -> None:
    """Two runs with a seed write the same files, a run with another seed does not."""
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        cli.ok("simulate", tmp_path / name, *SMALL, "--seed", seed, "--gzip")
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a") != contents(tmp_path / "c")


@pytest.mark.parametrize(
    "form",
    [
        ("--format", "json"),
        ("--gzip",),
        ("--rotate", "10m"),
        ("--format", "json", "--gzip", "--rotate", "90s"),
    ],
    ids=" ".join,
)
def test_every_form_holds_the_same_rows(cli: Cli, tmp_path: Path, form: tuple[str, ...]) -> None:
    """Format, compression and rotation change no row."""
    cli.ok("simulate", tmp_path / "plain", *SMALL, "--rotate", 0)
    cli.ok("simulate", tmp_path / "other", *SMALL, *form)
    assert rows(tmp_path / "plain") == rows(tmp_path / "other")


@pytest.mark.parametrize("form", [(), ("--gzip",)])
def test_without_rotation_each_log_is_one_file(
    cli: Cli, tmp_path: Path, form: tuple[str, ...]
) -> None:
    """--rotate 0 gives the names that Zeek gives logs it still writes."""
    cli.ok("simulate", tmp_path / "out", *SMALL, "--rotate", 0, *form)
    ending = ".log.gz" if form else ".log"
    names = {f"{kind}{ending}" for kind in ("conn", "ssl", "x509")}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names | {
        "labels.tsv",
        "planted.tsv",
    }


def test_json_tells_what_was_simulated(cli: Cli, tmp_path: Path) -> None:
    """--json has the network's parameters, the sizes, and that all of it is simulated."""
    told = cli("simulate", tmp_path / "out", *SMALL, "--start", "2026-05-01", "--json").json
    assert told["simulated"] is True
    assert told["parameters"]["devices"] == told["devices"] == 2
    assert told["parameters"]["start"] == 1_777_593_600
    assert told["output"] == str(tmp_path / "out")
    assert told["files"] == len(contents(tmp_path / "out"))
    found = rows(tmp_path / "out")
    assert {kind: told[f"{kind}_rows"] for kind in found} == {
        kind: len(each) for kind, each in found.items()
    }


def test_the_table_has_the_same_figures(cli: Cli, tmp_path: Path) -> None:
    """Without --json people get the figures, a line each and no empty header."""
    title, *lines = cli.ok("simulate", tmp_path / "out", *SMALL).out.splitlines()
    assert title == "Simulated network"
    assert [line.split("  ")[0].strip() for line in lines] == [
        "output",
        "files",
        "simulated",
        "conn rows",
        "ssl rows",
        "x509 rows",
        "devices",
        "planted apps",
    ]

"""``simulate``: logs with the truth beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.simulate import Network, simulate
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.zeek.columns import SSL_LOG
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.reader import ReadStats, read_chunks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

LOGS = ("conn", "ssl", "x509", "dns", "http")
SMALL = ("--devices", 2, "--apps", 3, "--days", 0.05, "--browsers", 0, "--unseen-apps", 1)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def rows(folder: Path) -> dict[str, list[list[object]]]:
    """Return the rows of every log by kind, with what they are told apart by."""
    found: dict[str, list[list[object]]] = {}
    for log in find_logs([folder], LOGS):
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
    names = {f"{kind}{ending}" for kind in LOGS}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names | {
        "labels.tsv",
        "planted.tsv",
        "periods.tsv",
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
        "dns rows",
        "http rows",
        "devices",
        "planted apps",
    ]


def test_logs_of_the_zeek_package_are_written_where_asked_for(cli: Cli, tmp_path: Path) -> None:
    """They are read like those of a sensor, and stock logs stay as they are."""
    small = ("simulate", "--devices", 2, "--days", 0.1, "--rotate", 0, "--quiet")
    cli.ok(*small, tmp_path / "plain")
    cli.ok(*small, tmp_path / "more", "--exported")
    names = {path.name for path in (tmp_path / "plain").iterdir()}
    more = {path.name for path in (tmp_path / "more").iterdir()}
    assert more - names == {"flowprint_conn.log", "flowprint_ssl.log"}
    for name in names:
        assert (tmp_path / "plain" / name).read_bytes() == (tmp_path / "more" / name).read_bytes()


def test_client_fingerprints_can_be_left_out(cli: Cli, tmp_path: Path) -> None:
    """With --no-client-fingerprints ssl.log has the columns of a stock Zeek, else also ja4."""
    fields = {}
    for name, option in (("stock", ("--no-client-fingerprints",)), ("full", ())):
        cli.ok("simulate", tmp_path / name, *SMALL, *option, "--rotate", 0)
        lines = (tmp_path / name / "ssl.log").read_text().splitlines()
        (fields[name],) = [line.split("\t")[1:] for line in lines if line.startswith("#fields")]
    assert fields["stock"] == [name for name, _ in SSL_LOG]
    assert fields["full"] == [*fields["stock"], "ja4"]


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Return a manifest of two small captures and a background."""
    lines = []
    for seed, label in enumerate(("chess", "mail", "browsing")):
        small = Network(seed=seed, devices=1, apps=1, days=0.05, servers=0, browsers=0)
        write(simulate(small), tmp_path / label)
        lines.append(f"{label}\t{label}\n")
    path = tmp_path / "manifest.tsv"
    path.write_text("".join(lines))
    return path


LONG = ("--learn", "2h", "--detect", "2h", "--gap", "1h")


def test_recordings_are_composed(cli: Cli, tmp_path: Path, manifest: Path) -> None:
    """--compose writes a site of a manifest with its truth, and tells the app that is unseen."""
    command = ("simulate", "--compose", manifest, tmp_path / "out", *LONG, "--unseen", "mail")
    told = cli(*command, "--json").json
    assert told["simulated"] is False
    assert told["unseen_app"] == told["parameters"]["unseen"] == "mail"
    assert told["parameters"]["learn"] == 7200
    assert told["files"] == len(contents(tmp_path / "out"))
    assert (tmp_path / "out" / "planted.tsv").read_text().count("\nmail\t") == 4
    table = cli.ok("simulate", "--compose", manifest, tmp_path / "again", *LONG)
    assert table.out.startswith("Composed site\n")


def test_composed_sites_equal_by_seed(cli: Cli, tmp_path: Path, manifest: Path) -> None:
    """Two runs with a seed write the same files, a run with another seed does not."""
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        cli.ok("simulate", tmp_path / name, "--compose", manifest, *LONG, "--seed", seed)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a") != contents(tmp_path / "c")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--phones", 2), "--phones needs --compose"),
        (("--strip-certificates",), "--strip-certificates needs --compose"),
        (("--compose", "x.tsv", "--devices", 2), "--devices does not go with --compose"),
        (("--compose", "x.tsv", "--exported"), "--exported does not go with --compose"),
        (("--compose", "x.tsv", "--phones", 0), "--phones must be from 1 to 10000, not 0"),
    ],
)
def test_options_of_a_network_and_of_a_composed_site_do_not_mix(
    cli: Cli, tmp_path: Path, arguments: tuple[object, ...], message: str
) -> None:
    """The option that does not fit is named."""
    done = cli("simulate", tmp_path / "out", *arguments)
    assert done.code == Exit.USAGE
    assert message in done.err

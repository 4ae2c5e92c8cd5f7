"""``evaluate --table-iv``: apps recognised by flow beside AppScanner."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.choices import MINIMA
from flowprint_zeek.analysis.table_iv import FIGURES, FROM_LENGTHS, FROM_TOTALS
from flowprint_zeek.cli.exits import Exit
from tests.cli.test_evaluate import fingerprints
from tests.stream.small import conn_log, session

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Write two captures of each of two apps, and a manifest."""
    lines = []
    for run, split in enumerate(("train", "test")):
        for app in ("chat", "mail"):
            name = f"{app}{run}"
            (tmp_path / name).mkdir()
            conn_log(tmp_path / name, *session(app, run, flows=9))
            lines.append(f"{name}\t{app}\t{split}")
    path = tmp_path / "manifest.tsv"
    path.write_text("\n".join(lines))
    return path


def test_json_has_a_line_for_each_method_and_minimum(cli: Cli, manifest: Path) -> None:
    """With the figures of recognition, the share that got a label, and intervals."""
    told = cli("evaluate", manifest, "--table-iv", "--json").json["table_iv"]
    assert [(one["min_flows"], one["method"]) for one in told] == [
        (least, method) for least in MINIMA for method in ("resemblance", FROM_TOTALS)
    ]
    assert all(set(FIGURES) <= set(one) and set(FIGURES) == set(one["intervals"]) for one in told)
    assert [told[0][name] for name in ("apps", "flows", "f1", "labelled")] == [2, 36, 1, 1]


def test_people_get_a_table(cli: Cli, manifest: Path) -> None:
    """Minima of the same apps share a line, and those of no app have one."""
    lines = cli.ok("evaluate", manifest, "--table-iv").out.splitlines()
    at = lines.index(
        "Table IV: known apps recognised by flow (AppScanner of totals of conn.log, no lengths)"
    )
    cells = [
        [cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines[at + 2 :]
    ]
    assert [row[0] for row in cells] == [
        *("≥ 1 and ≥ 10", "≥ 1 and ≥ 10", "≥ 100 and ≥ 500 and ≥ 1000")
    ]
    assert cells[0][3:] == ["resemblance", "1.000", "1.000", "1.000", "1.000", "1.000"]
    assert cells[1][3] == FROM_TOTALS


def test_without_the_option_there_is_none(cli: Cli, manifest: Path) -> None:
    """An evaluation trains no forest unless it is asked to."""
    assert cli("evaluate", manifest, "--json").json["table_iv"] == []


def test_baselines_stand_in_the_table(cli: Cli, manifest: Path) -> None:
    """Those that name apps: not new domains."""
    told = cli("evaluate", manifest, "--table-iv", "--baselines", "--json").json["table_iv"]
    assert [one["method"] for one in told[:5]] == [
        *("resemblance", "jaccard", "upstream, in memory", "upstream, saved", FROM_TOTALS)
    ]


def test_real_packets_tell_lengths(cli: Cli, shared_data: Path, tmp_path: Path) -> None:
    """Four apps of one device: FlowPrint names their flows, AppScanner those it is sure of."""
    path = tmp_path / "manifest.tsv"
    packets = shared_data / "pcaps" / "android71"
    lines = [
        f"{run}\t{run.name.partition('_')[0]}\t{packets}/android71_{run.name}.pcap"
        for run in sorted((shared_data / "apps" / "android71").glob("*_cache0[01]"))
    ]
    path.write_text("\n".join(["path\tlabel\tpackets", *lines]))
    done = cli("evaluate", path, "--table-iv", "--method", "jaccard", "--folds", 2, "--json")
    plain, lengths, totals = done.json["table_iv"][:3]
    assert plain["apps"] == 4
    assert plain["flows"] > 150
    assert (lengths["method"], totals["method"]) == (FROM_LENGTHS, FROM_TOTALS)
    assert plain["f1"] >= 0.99
    for one in (lengths, totals):
        assert 0.2 < one["recall"] <= one["labelled"] < 0.95
        assert one["precision"] > 0.6
        assert one["recall"] == one["accuracy"]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("--fingerprints -t a.json -e a.json --table-iv", Exit.USAGE, "--table-iv needs captures"),
        ("--site x --table-iv", Exit.USAGE, "--table-iv does not go with --site"),
        ("text.tsv --table-iv", Exit.LOGS, "text.pcap: is no packet capture"),
        ("absent.tsv --table-iv", Exit.LOGS, "absent.pcap: cannot be read"),
    ],
)
def test_wrong_input_is_one_line(
    cli: Cli,
    manifest: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: str,
    code: Exit,
    message: str,
) -> None:
    """The option or the file is named."""
    folder = manifest.parent
    fingerprints(folder / "a.json", {"mail": 3, "chat": 2})
    (folder / "text.pcap").write_text("hello, I am no capture of packets")
    for name in ("text", "absent"):
        rows = [f"{row}\t\t{name}.pcap" for row in manifest.read_text().splitlines()]
        (folder / f"{name}.tsv").write_text("\n".join(rows))
    monkeypatch.chdir(folder)
    done = cli("evaluate", *arguments.split())
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert done.err.count("\n") == 1

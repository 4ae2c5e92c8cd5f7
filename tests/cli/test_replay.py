"""``replay``: archived logs through the whole pipeline."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek import store
from flowprint_zeek.analysis.archive import write
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.main import main
from flowprint_zeek.cli.options import instant
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.stream.notices import UNSEEN_APP
from flowprint_zeek.zeek.files import LogFile
from flowprint_zeek.zeek.reader import ReadStats, read_chunks

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from flowprint_zeek.analysis.simulate import Simulated
    from tests.cli.conftest import Cli

SIX = "2026-03-02 06:00"
"""When planted apps begin to be used."""

FILES = ("flowprint.log", "model.json", "notice.log")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def notices(folder: Path) -> list[str]:
    """Return the kinds of the notices."""
    log = LogFile(folder / "notice.log", "notice", "tsv")
    chunks: list[pd.DataFrame] = list(read_chunks(log, ["note"], stats=ReadStats()))
    return [note for chunk in chunks for note in chunk["note"]]


@pytest.fixture(scope="session")
def watched(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Learn the first half and look for apps in the second; return the folder and the figures."""
    folder = tmp_path_factory.mktemp("watched") / "deep" / "out"
    argv = ["replay", str(logs), "--learn-until", SIX, "-o", str(folder), "--json"]
    with redirect_stdout(StringIO()) as told:
        assert main(argv) == 0
    return folder, json.loads(told.getvalue())


def test_json_has_the_documented_figures(
    watched: tuple[Path, dict[str, Any]], logs: Path, simulated: Simulated
) -> None:
    """--json has the settings and every figure, in a stable order."""
    _, told = watched
    assert list(told) == [
        "parameters",
        "files",
        "rows_read",
        "rows_damaged",
        "rows_duplicate",
        "rows_dropped",
        "flows",
        "devices",
        "batches",
        "batches_learned",
        "batches_degraded",
        "fingerprints",
        "unseen",
        "pending_apps",
        "notices",
        "unassigned",
        "late_slices",
        "overdue",
        "bounded_batches",
        "tls_rows_dropped",
        "name_rows_dropped",
        "coverage",
        "known",
        "seconds",
    ]
    assert told["files"] == len(list(logs.glob("*.log")))
    kinds = ("conn", "dns", "http", "ssl", "x509")
    assert told["rows_read"] == {kind: len(getattr(simulated, kind)) for kind in kinds}
    assert told["rows_damaged"] == dict.fromkeys(kinds, 0)
    assert told["rows_duplicate"] == told["overdue"] == told["tls_rows_dropped"] == 0
    assert told["flows"] + sum(told["rows_dropped"].values()) == len(simulated.conn)
    assert told["devices"] == simulated.network.devices
    assert 0 < told["batches_learned"] < told["batches"]
    assert set(told["late_slices"]) == {"matched", "unmatched"}
    coverage = told["coverage"]
    assert list(coverage) == ["certificate", "server_name", "http_host", "dns_name", "none"]
    assert all(0 < part < 1 for part in coverage.values())
    assert told["seconds"] > 0
    assert told["parameters"]["fingerprint"]["scheme"] == "names"


def test_the_folder_gets_three_files(watched: tuple[Path, dict[str, Any]]) -> None:
    """The folder is made, also its parents, and holds both logs and the model, nothing else."""
    folder, told = watched
    assert sorted(contents(folder)) == list(FILES)
    assert notices(folder).count(UNSEEN_APP) > 0
    assert len(notices(folder)) == told["notices"]
    assert len(store.read(folder / "model.json").apps) == told["known"]["fingerprints"]


def test_learning_for_a_time_is_learning_until(
    cli: Cli, logs: Path, watched: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """--learn-for counts from the first batch that has flows; chunks change nothing."""
    first = min(app.first for app in store.read(watched[0] / "model.json").apps)
    lasts = instant(SIX) - first
    argv = ("--learn-for", lasts / SECOND, "--chunk-rows", 300)
    cli.ok("replay", logs, *argv, "-o", tmp_path / "out")
    assert contents(tmp_path / "out") == contents(watched[0])


def test_every_form_of_logs_gives_the_same_notices(
    cli: Cli, simulated: Simulated, watched: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """Compressed JSON in one file a log, named by a pattern, gives the bytes that TSV gives."""
    write(simulated, tmp_path / "logs", format="json", rotate=None, compress=True)
    pattern = tmp_path / "logs" / "*.gz"
    cli.ok("replay", pattern, "--learn-until", SIX, "-o", tmp_path / "out")
    assert contents(tmp_path / "out") == contents(watched[0])


def test_a_log_that_is_given_twice_counts_once(
    cli: Cli, logs: Path, watched: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """Rows of a copied file are duplicates, and change no result."""
    copied = sorted(logs.glob("conn.*"))[3]
    shutil.copy(copied, tmp_path / "conn.copy.log")
    argv = ("--learn-until", SIX, "-o", tmp_path / "out", "--json")
    told = cli("replay", logs, tmp_path / "conn.copy.log", *argv).json
    assert told["rows_duplicate"] > 0
    assert told["flows"] == watched[1]["flows"]
    assert (tmp_path / "out" / "notice.log").read_bytes() == contents(watched[0])["notice.log"]


def test_what_was_learned_is_not_unseen(
    cli: Cli, logs: Path, learned: Path, tmp_path: Path
) -> None:
    """A second replay with the model of a first that learned all of it finds nothing."""
    told = cli("replay", logs, "--model", learned / "model.json", "-o", tmp_path, "--json").json
    assert told["unseen"] == 0
    assert told["batches_learned"] == 0
    assert UNSEEN_APP not in notices(tmp_path)
    assert told["known"] == {
        "fingerprints": len(store.read(learned / "model.json").apps),
        "elements": told["known"]["elements"],
    }


def test_a_model_brings_its_parameters(cli: Cli, logs: Path, tmp_path: Path) -> None:
    """--model sets the parameters that its fingerprints were made with; repeating them is fine."""
    short = (logs, "--until", "2026-03-02T02:00Z")
    cli.ok("fingerprint", *short, "-b", "10m", "-w", "1m", "-o", tmp_path / "model.json")
    argv = ("replay", *short, "--model", tmp_path / "model.json", "-o", tmp_path / "out")
    told = cli(*argv, "-b", "600s", "--json").json
    assert told["parameters"]["fingerprint"]["batch"] == 600
    assert told["parameters"]["fingerprint"]["window"] == 60
    assert store.read(tmp_path / "out" / "model.json").parameters.batch == 600


def test_json_notices_are_what_siems_take(cli: Cli, logs: Path, tmp_path: Path) -> None:
    """notice.format json: an object a line, times as numbers of seconds, nothing null."""
    config = tmp_path / "config.yaml"
    config.write_text("notice: {format: json}\n")
    argv = ("--learn-until", SIX, "--config", config, "-o", tmp_path / "out")
    cli.ok("replay", logs, *argv)
    lines = (tmp_path / "out" / "notice.log").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert {row["note"] for row in rows} >= {UNSEEN_APP}
    for row in rows:
        assert isinstance(row["ts"], float)
        assert None not in row.values()
    verdicts = (tmp_path / "out" / "flowprint.log").read_text().splitlines()
    assert all(isinstance(json.loads(line)["ts"], float) for line in verdicts)


def test_the_table_has_the_figures(
    cli: Cli, logs: Path, watched: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """Without --json people get all figures, where the notices are, a warning of short learning."""
    done = cli.ok("replay", logs, "--learn-until", SIX, "-o", tmp_path / "out")
    title, *lines, where = done.out.splitlines()
    assert title == f"Replay into {tmp_path / 'out'}"
    assert where == f"Notices: {tmp_path / 'out' / 'notice.log'}"
    names = [line.split("  ")[0].strip() for line in lines]
    assert names == [key.replace("_", " ") for key in watched[1] if key != "parameters"]
    assert done.err.startswith("flowprint-zeek: warning: learned only ")
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "nothing is known: no fingerprint in 0 of "),
        (("--since", "2030-01-01"), "no connection is a flow of a local device (no rows); --since"),
    ],
)
def test_a_replay_without_sense_says_why(
    cli: Cli, logs: Path, tmp_path: Path, options: tuple[str, ...], said: str
) -> None:
    """Learning that covers no batch, and a span without rows, are one error each."""
    (tmp_path / "model.json").write_text("a good model")
    done = cli("replay", logs, *options, "--learn-until", "2026-01-01", "-o", tmp_path)
    assert done.code == Exit.LOGS
    assert done.err.startswith(f"flowprint-zeek: error: {said}")
    assert done.err.count("\n") == 1
    assert sorted(contents(tmp_path)) == list(FILES)
    assert (tmp_path / "model.json").read_text() == "a good model"


def test_networks_that_are_missing_are_named(cli: Cli, logs: Path, tmp_path: Path) -> None:
    """Where few connections have a device, the prefixes to add are named."""
    foreign = (tmp_path / "conn.log", tmp_path / "out")
    text = min(logs.glob("conn.*")).read_text()
    foreign[0].write_text(
        text.replace("\t10.20.0.", "\t198.51.100.").replace("\tT\tF\t", "\tF\tF\t")
    )
    done = cli("replay", foreign[0], "--learn-for", "1h", "-o", foreign[1])
    assert "add them to device.local_networks: 198.51.100.0/24 (" in done.err
    failed = cli("fingerprint", foreign[0], "-o", tmp_path / "a.json")
    assert "add them to device.local_networks: 198.51.100.0/24 (" in failed.err


def test_all_rows_are_more_than_changes(
    cli: Cli, logs: Path, watched: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """--rows all writes every judged fingerprint to flowprint.log."""
    cli.ok("replay", logs, "--learn-until", SIX, "--rows", "all", "-o", tmp_path)
    every = (tmp_path / "flowprint.log").read_bytes().splitlines()
    changes = contents(watched[0])["flowprint.log"].splitlines()
    assert len(every) > len(changes)
    assert (tmp_path / "notice.log").read_bytes() == contents(watched[0])["notice.log"]


def test_learning_little_is_told_as_it_is(cli: Cli, logs: Path, tmp_path: Path) -> None:
    """One learned batch is one batch, whatever it held."""
    span = ("--until", "2026-03-02T01:00Z", "--learn-for", "1s")
    done = cli.ok("replay", logs, *span, "-o", tmp_path)
    told = (
        r"flowprint-zeek: warning: learned only \d+ fingerprints? in 1 batch: expect notices .*\n"
    )
    assert re.fullmatch(told, done.err)

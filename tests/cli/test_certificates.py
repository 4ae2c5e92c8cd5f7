"""What certificates are told apart by, in logs of another Zeek and in models."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek import store
from flowprint_zeek.cli.exits import Exit
from tests.stream.small import MIDNIGHT, SECOND, Conn, conn_log

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

SHA = "0f" * 32
TOLD: dict[str, dict[str, object]] = {
    "sha256": {"cert_chain_fps": [SHA]},
    "md5": {"cert_hash": "9c01"},
    "none": {},
}


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    """Write logs of the same three flows, in which certificates are told in different ways."""
    for kind, told in TOLD.items():
        folder = tmp_path / kind
        folder.mkdir()
        conn_log(folder, *(Conn(f"C{n}", n, address=f"203.0.113.{n}") for n in range(3)))
        row = {"ts": MIDNIGHT // SECOND, "uid": "C1", **told}
        (folder / "ssl.log").write_text(f"{json.dumps(row)}\n")
    return tmp_path


@pytest.fixture
def models(cli: Cli, logs: Path) -> Path:
    """Make a model of each."""
    for kind in TOLD:
        cli.ok("fingerprint", logs / kind, "--scheme", "paper", "-o", logs / f"{kind}.json")
    return logs


def test_a_model_says_what_tells_certificates_apart(models: Path) -> None:
    """As the logs do; without certificates SHA-256, as today's Zeek."""
    kinds = {kind: store.read(models / f"{kind}.json").certificate for kind in TOLD}
    assert kinds == {"sha256": "sha256", "md5": "md5", "none": "sha256"}


@pytest.mark.parametrize("command", ["recognize", "detect"])
@pytest.mark.parametrize(("known", "tested"), [("sha256", "md5"), ("md5", "sha256")])
def test_a_model_of_another_kind_than_the_logs_is_an_error(
    cli: Cli, models: Path, command: str, known: str, tested: str
) -> None:
    """It names both, and the model."""
    done = cli(command, "-t", models / f"{known}.json", "-e", models / tested)
    assert done.code == Exit.MODEL
    said = f"{known}.json: tells certificates apart by {known}, Zeek's logs by {tested}"
    assert said in done.err


@pytest.mark.parametrize(("known", "tested"), [("sha256", "md5"), ("md5", "sha256")])
def test_a_replay_of_another_kind_than_its_model_is_an_error(
    cli: Cli, models: Path, known: str, tested: str
) -> None:
    """It names both."""
    out = models / "out"
    done = cli("replay", models / tested, "--model", models / f"{known}.json", "-o", out)
    assert done.code == Exit.MODEL
    assert f"tell certificates apart by {known}, Zeek's logs by {tested}" in done.err


@pytest.mark.parametrize(("known", "tested"), [("md5", "md5"), ("md5", "none"), ("none", "md5")])
def test_a_replay_keeps_what_tells_certificates_apart(
    cli: Cli, models: Path, known: str, tested: str
) -> None:
    """In the model that it writes."""
    out = models / "out"
    learn = ("--learn-for", "1h", "--model", models / f"{known}.json")
    cli.ok("replay", models / tested, *learn, "-o", out)
    assert store.read(out / "model.json").certificate == "md5"


def test_flows_of_two_kinds_are_no_model(cli: Cli, logs: Path) -> None:
    """Fingerprints of logs of two Zeeks together are an error that names both kinds."""
    pytest.importorskip("pyarrow")
    for kind in ("md5", "sha256"):
        cli.ok("fingerprint", logs / kind, "--write", logs / f"{kind}.parquet")
    kept = [logs / f"{kind}.parquet" for kind in ("md5", "sha256")]
    done = cli("fingerprint", "-r", *kept, "--scheme", "paper", "-o", logs / "a.json")
    assert done.code == Exit.LOGS
    assert "flows tell certificates apart by md5 and by sha256" in done.err


@pytest.mark.parametrize("command", ["fingerprint", "recognize", "detect", "replay"])
def test_every_command_takes_logs_of_argus(cli: Cli, models: Path, command: str) -> None:
    """As flows without certificates, which is said once."""
    flow = "2026/01/01 00:00:0{},1,tcp,10.0.0.1,4000,   ->,203.0.113.{},443,CON,0,0,9,900,300"
    fields = "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts"
    lines = [f"{fields},TotBytes,SrcBytes", *(flow.format(n, n) for n in range(3)), ""]
    path = models / "capture.csv"
    path.write_text("\n".join(lines))
    known, out = models / "none.json", models / "out"
    arguments = {
        "fingerprint": (path, "--scheme", "paper", "-o", out),
        "replay": (path, "--model", known, "-o", out),
    }.get(command, ("-t", known, "-e", path))
    done = cli.ok(command, *arguments, "--json")
    assert done.err.count("no ssl log") == 1
    if command in {"recognize", "detect"}:
        assert [one["similarity"] for one in done.json["results"]] == [1.0]
    else:
        assert done.json["flows"] == 3 if command == "replay" else done.json["outputs"]

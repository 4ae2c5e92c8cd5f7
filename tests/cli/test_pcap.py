"""``pcap``: Zeek over packet captures, then fingerprints."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek import store
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.stream.prepared import read_flows
from tests.zeek.fake_zeek import capture, fake_zeek

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

ROOT = Path(__file__).resolve().parents[2]

COPYING = "import shutil\nshutil.copytree({logs!r}, '.', dirs_exist_ok=True)"

WRITING = """
def conn(host, uid):
    ends = {"id.orig_h": host, "id.orig_p": 4000, "id.resp_h": "198.51.100.1", "id.resp_p": 443}
    facts = {"proto": "tcp", "duration": 2.0, "conn_state": "SF", "history": "ShADadFf"}
    row = {"ts": 1767225600.5, "uid": uid} | ends | facts
    with open("conn.log", "a") as log:
        log.write(json.dumps(row) + "\\n")
"""
"""Gives a fake Zeek a function that writes a row of conn.log."""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the only folder that temporary files go to."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def captures(tmp_path: Path, *names: str) -> list[Path]:
    return [capture(tmp_path / name) for name in names or ("a.pcap",)]


def copying(tmp_path: Path, logs: Path) -> Path:
    """Return a Zeek that writes the simulated logs, whatever the capture."""
    return fake_zeek(tmp_path / "bin", COPYING.format(logs=str(logs))).program


# Fingerprints


def test_captures_become_the_fingerprints_of_their_logs(
    cli: Cli, logs: Path, temporary: Path, tmp_path: Path
) -> None:
    """The file is that of the command fingerprint; the logs are gone."""
    zeek = copying(tmp_path, logs)
    options = ("--label", "x", "-w", 60, "--until", "2026-03-02T06:00Z")
    out = cli.ok("pcap", *captures(tmp_path), "--zeek", zeek, "-o", tmp_path / "a.json", *options)
    assert cli.ok("fingerprint", logs, "-o", tmp_path / "b.json", *options).out == out.out.replace(
        "a.json", "b.json"
    )
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert list(temporary.iterdir()) == []


def test_the_flows_of_captures_add_up(cli: Cli, tmp_path: Path) -> None:
    """Connections of two captures are two, also where both have the same row."""
    body = WRITING + "conn('10.0.0.1', 'C1')\nif capture.stem == 'b': conn('10.0.0.2', 'C2')"
    zeek = fake_zeek(tmp_path / "bin", body).program
    files = captures(tmp_path, "a.pcap", "b.pcap")
    told = cli("pcap", *files, "--zeek", zeek, "-o", tmp_path / "x.json", "--json").json
    assert told["flows"] == 3
    assert list(told) == ["parameters", "flows", "outputs"]


def test_a_split_and_prepared_flows_are_written(cli: Cli, logs: Path, tmp_path: Path) -> None:
    """With --split and --write as of fingerprint."""
    pytest.importorskip("pyarrow")
    zeek, kept = copying(tmp_path, logs), tmp_path / "flows.parquet"
    argv = ("--zeek", zeek, "-o", tmp_path / "x.json", "--split", 0.5, "--write", kept)
    told = cli("pcap", *captures(tmp_path), *argv, "--json").json
    assert {Path(each["file"]).name for each in told["outputs"]} == {"x.train.json", "x.test.json"}
    assert told["written"] == str(kept)
    assert len(read_flows(kept)) == told["flows"]


def test_zeek_is_told_the_settings(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows, batches, local networks, and what of connections is needed."""
    fake = fake_zeek(tmp_path / "bin", WRITING + "conn('192.0.2.1', 'C1')")
    monkeypatch.setenv("FLOWPRINT_DEVICE_LOCAL_NETWORKS", "192.0.2.0/24")
    monkeypatch.setenv("FLOWPRINT_DEVICE_INBOUND", "true")
    monkeypatch.setenv("FLOWPRINT_DEVICE_KEY", "mac")
    argv = ("--zeek", fake.program, "-o", tmp_path / "x.json", "-b", 600, "-w", 60)
    cli.ok("pcap", *captures(tmp_path), *argv)
    code = fake.calls[0]["argv"][4]
    assert "redef FlowPrint::window = 60.000000sec;" in code
    assert "redef FlowPrint::batch = 600.000000sec;" in code
    assert "redef Site::local_nets = { 192.0.2.0/24 };" in code
    assert "redef FlowPrint::hosts = ALL_HOSTS;" in code
    assert "redef FlowPrint::link_layer = T;" in code


def test_by_file_a_capture_is_a_device(cli: Cli, tmp_path: Path) -> None:
    """Called by its name, whatever and however many addresses it has."""
    pytest.importorskip("pyarrow")
    body = WRITING + "conn('203.0.113.1', 'C1')\nconn('2001:db8::1', 'C2')"
    fake = fake_zeek(tmp_path / "bin", body)
    files, kept = captures(tmp_path, "my.phone.pcap", "tablet.pcapng"), tmp_path / "flows.parquet"
    cli.ok("pcap", *files, "--zeek", fake.program, "--by-file", "--write", kept)
    assert read_flows(kept)["device"].tolist() == ["my.phone", "my.phone", "tablet", "tablet"]
    assert "redef Site::local_nets = { 0.0.0.0/0, [::]/0 };" in fake.calls[0]["argv"][4]


def test_without_by_file_devices_are_local(cli: Cli, tmp_path: Path) -> None:
    """Where no host is local the error says how many rows there are of which network."""
    fake = fake_zeek(tmp_path / "bin", WRITING + "conn('203.0.113.1', 'C1')")
    files = captures(tmp_path, "a.pcap", "b.pcap")
    done = cli("pcap", *files, "--zeek", fake.program, "-o", tmp_path / "x.json")
    assert done.code == Exit.LOGS
    assert f"error: {files[0]}, {files[1]}: no connection is a flow of a local device" in done.err
    assert "203.0.113.0/24 (2 rows)" in done.err


# Logs


def test_logs_alone_are_kept(cli: Cli, tmp_path: Path) -> None:
    """One folder a capture, without fingerprints; nothing else is left there."""
    body = "Path('conn.log').write_text(capture.stem)"
    zeek, kept = fake_zeek(tmp_path / "bin", body).program, tmp_path / "new" / "kept"
    files = captures(tmp_path, "a.pcap", "b.pcapng")
    out = cli.ok("pcap", *files, "--zeek", zeek, "--logs", kept).out
    assert {path.name for path in kept.iterdir()} == {"a", "b"}
    assert (kept / "b" / "conn.log").read_text() == "b"
    title, header, *rows = out.splitlines()
    assert (title, header.split()) == ("Logs", ["capture", "logs"])
    assert [row.split() for row in rows] == [
        [str(files[0]), str(kept / "a")],
        [str(files[1]), str(kept / "b")],
    ]


def test_logs_are_kept_beside_fingerprints(cli: Cli, logs: Path, tmp_path: Path) -> None:
    """What is made of them is told in the same object."""
    zeek, kept = copying(tmp_path, logs), tmp_path / "kept"
    (file,) = captures(tmp_path)
    argv = ("--zeek", zeek, "--logs", kept, "-o", tmp_path / "x.json", "--json")
    told = cli("pcap", file, *argv).json
    assert list(told) == ["parameters", "captures", "flows", "outputs"]
    assert told["captures"] == [{"capture": str(file), "logs": str(kept / "a")}]
    assert {path.name for path in (kept / "a").iterdir()} == {path.name for path in logs.iterdir()}
    assert store.read(tmp_path / "x.json").apps


def test_kept_logs_are_not_overwritten(cli: Cli, tmp_path: Path) -> None:
    """A folder of a capture's name that is there already is an error before Zeek runs."""
    fake, kept = fake_zeek(tmp_path / "bin"), tmp_path / "kept"
    (kept / "b").mkdir(parents=True)
    files = captures(tmp_path, "a.pcap", "b.pcap")
    done = cli("pcap", *files, "--zeek", fake.program, "--logs", kept)
    assert done.code == Exit.OUTPUT
    assert done.err == (
        f"flowprint-zeek: error: {kept}/b: is there already, and is not overwritten\n"
    )
    assert not fake.started


def test_a_place_for_logs_that_cannot_be_is_told(cli: Cli, tmp_path: Path) -> None:
    """A file where the folder should be."""
    place = captures(tmp_path, "kept")[0]
    zeek = fake_zeek(tmp_path / "bin").program
    done = cli("pcap", *captures(tmp_path), "--zeek", zeek, "--logs", place)
    assert (done.code, done.err.count("\n")) == (Exit.OUTPUT, 1)
    assert f"{place}: cannot be written: File exists" in done.err


# Wrong input


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "give --output FILE, --write FILE to keep the flows, or --logs DIR"),
        (["--logs", "kept", "--label", "x"], "need --output FILE or --write FILE"),
        (["--logs", "kept", "--since", "0"], "need --output FILE or --write FILE"),
        (["--logs", "kept", "--split", "0.5"], "--split needs --output FILE"),
        (["-o", "x.json", "--label", ""], "--label must not be empty"),
        (["-o", "x.json", "--since", "9", "--until", "8"], "--since must be before --until"),
    ],
)
def test_wrong_options_are_told(cli: Cli, tmp_path: Path, argv: list[str], said: str) -> None:
    """Before Zeek runs."""
    fake = fake_zeek(tmp_path / "bin")
    done = cli("pcap", *captures(tmp_path), "--zeek", fake.program, *argv)
    assert done.code == Exit.USAGE
    assert said in done.err
    assert not fake.started


@pytest.mark.parametrize("option", [("--by-file", "-o", "x.json"), ("--logs", "kept")])
def test_captures_of_one_name_are_told(
    cli: Cli, tmp_path: Path, option: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the name is that of a device or of a folder."""
    monkeypatch.chdir(tmp_path)
    files = captures(tmp_path, "a.pcap", "a.pcapng")
    done = cli("pcap", *files, "--zeek", fake_zeek(tmp_path / "bin").program, *option)
    assert done.code == Exit.USAGE
    assert f"{option[0]}: {files[0]} and {files[1]} have the same name" in done.err


def test_captures_of_one_name_are_read_otherwise(cli: Cli, tmp_path: Path) -> None:
    """Their names are no matter then."""
    zeek = fake_zeek(tmp_path / "bin", WRITING + "conn('10.0.0.1', 'C1')").program
    files = captures(tmp_path, "a.pcap", "a.pcapng")
    told = cli("pcap", *files, "--zeek", zeek, "-o", tmp_path / "x.json", "--json").json
    assert told["flows"] == 2


def test_a_capture_that_is_given_twice_is_told(cli: Cli, tmp_path: Path) -> None:
    """Also by another name."""
    (file,) = captures(tmp_path)
    (tmp_path / "b.pcap").symlink_to(file)
    done = cli("pcap", file, tmp_path / "b.pcap", "-o", tmp_path / "x.json")
    assert done.code == Exit.USAGE
    assert done.err.endswith(f"error: {tmp_path}/b.pcap is given twice\n")


def test_what_is_no_capture_is_told_before_zeek_runs(cli: Cli, tmp_path: Path) -> None:
    """Also where others are."""
    fake, wrong = fake_zeek(tmp_path / "bin"), tmp_path / "wrong.pcap"
    wrong.write_bytes(b"\x1f\x8b")
    argv = ("--zeek", fake.program, "-o", tmp_path / "x.json")
    done = cli("pcap", *captures(tmp_path), wrong, *argv)
    assert done.code == Exit.LOGS
    assert done.err.startswith(f"flowprint-zeek: error: {wrong}: is compressed by gzip")
    assert not fake.started


def test_without_zeek_is_said_how_to_get_it(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In one line, with a code of its own."""
    monkeypatch.setenv("PATH", str(tmp_path))
    done = cli("pcap", *captures(tmp_path), "-o", tmp_path / "x.json")
    assert done.code == Exit.ZEEK
    assert "https://zeek.org/get-zeek/" in done.err
    assert done.err.count("\n") == 1


def test_a_zeek_that_fails_leaves_nothing(cli: Cli, temporary: Path, tmp_path: Path) -> None:
    """But whole logs of captures before it."""
    body = WRITING + "conn('10.0.0.1', 'C1')\nif capture.stem == 'b': sys.exit('fatal error: no')"
    zeek, kept = fake_zeek(tmp_path / "bin", body).program, tmp_path / "kept"
    files = captures(tmp_path, "a.pcap", "b.pcap")
    done = cli("pcap", *files, "--zeek", zeek, "--logs", kept, "-o", tmp_path / "x.json")
    assert done.code == Exit.ZEEK
    assert (
        done.err == f"flowprint-zeek: error: {files[1]}: Zeek ended with code 1: fatal error: no\n"
    )
    assert [path.name for path in kept.iterdir()] == ["a"]
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "x.json").exists()


# Warnings


def test_of_what_zeek_says_a_few_lines_are_told(cli: Cli, logs: Path, tmp_path: Path) -> None:
    """Each with the capture, and how many more there are."""
    saying = "\nsys.stderr.write('one\\ntwo\\nthree\\nfour\\nfive\\n')"
    zeek = fake_zeek(tmp_path / "bin", COPYING.format(logs=str(logs)) + saying).program
    (file,) = captures(tmp_path)
    done = cli.ok("pcap", file, "--zeek", zeek, "-o", tmp_path / "x.json")
    warning = f"flowprint-zeek: warning: {file}: Zeek says"
    assert done.err.splitlines() == [
        f"{warning}: one",
        f"{warning}: two",
        f"{warning}: three",
        f"{warning} 2 lines more",
    ]


def test_a_capture_without_connections_is_told(cli: Cli, tmp_path: Path) -> None:
    """What captures lack alike is one line."""
    body = WRITING + "if capture.stem not in 'bc': conn('10.0.0.1', 'C1')"
    zeek = fake_zeek(tmp_path / "bin", body).program
    a, b, c, d = captures(tmp_path, "a.pcap", "b.pcap", "c.pcap", "d.pcap")
    done = cli.ok("pcap", a, b, c, d, "--zeek", zeek, "-o", tmp_path / "x.json")
    first, second = done.err.splitlines()
    assert first.startswith(f"flowprint-zeek: warning: {a}, {d}: no ssl log: ")
    assert second == f"flowprint-zeek: warning: {b}, {c}: has no connection"


def test_captures_without_any_connection_are_an_error(cli: Cli, tmp_path: Path) -> None:
    """There is nothing to fingerprint."""
    zeek = fake_zeek(tmp_path / "bin").program
    done = cli("pcap", *captures(tmp_path), "--zeek", zeek, "-o", tmp_path / "x.json")
    assert done.code == Exit.LOGS
    assert "no connection is a flow of a local device (no rows)" in done.err


# Ctrl-C

WAITING = """
Path("conn.log").touch()
(home / "ready").write_text(str(os.getpid()))
import signal
while True: signal.pause()
"""


@pytest.mark.parametrize("kept", [False, True])
def test_ctrl_c_leaves_nothing(temporary: Path, tmp_path: Path, *, kept: bool) -> None:
    """Neither Zeek nor its logs, wherever they were to be kept."""
    fake = fake_zeek(tmp_path / "bin", WAITING)
    ready = tmp_path / "bin" / "ready"
    os.mkfifo(ready)
    options = ["--logs", str(tmp_path / "kept")] if kept else ["-o", str(tmp_path / "x.json")]
    (file,) = captures(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-m", "flowprint_zeek", "pcap", file, "--zeek", fake.program, *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temporary)},
    ) as process:
        zeek = int(ready.read_text())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate()
    assert (process.returncode, out) == (Exit.INTERRUPTED, b"")
    assert err == b"flowprint-zeek: interrupted\n"
    with pytest.raises(ProcessLookupError):
        os.kill(zeek, 0)
    assert list(temporary.iterdir()) == []
    assert not (tmp_path / "x.json").exists()
    assert list((tmp_path / "kept").rglob("*")) == []


# With Zeek


@pytest.fixture
def real(shared_data: Path) -> list[Path]:
    """Return real captures, each of one app on one phone, where Zeek is."""
    if shutil.which("zeek") is None:
        pytest.skip("no zeek on PATH")
    found = sorted((shared_data / "pcaps").rglob("*.pcap"))
    if not found:
        pytest.skip("no captures in the shared data")
    return found[:2]


def test_real_captures_become_fingerprints(cli: Cli, real: list[Path], tmp_path: Path) -> None:
    """The scripts write their log of each, and there are fingerprints of it."""
    kept = tmp_path / "kept"
    argv = ("--by-file", "--logs", kept, "-o", tmp_path / "a.json", "--json")
    told = cli("pcap", *real, *argv).json
    assert told["flows"] > 0
    assert told["outputs"][0]["fingerprints"] > 0
    assert {path.name for path in kept.iterdir()} == {path.stem for path in real}
    assert all((kept / path.stem / "flowprint_conn.log").is_file() for path in real)

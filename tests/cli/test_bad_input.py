"""Bad input: one line that names what is wrong, the right exit code, and nothing else."""

from __future__ import annotations

import gzip
import json
import shlex
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.main import main

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


def log_of(logs: Path, kind: str) -> bytes:
    """Return one log of a kind, of an hour with much traffic."""
    return max((path.read_bytes() for path in logs.glob(f"{kind}.*")), key=len)


def upstream_of(model: Path, path: Path) -> None:
    """Write a model as upstream does, with serial numbers for certificates."""
    document = json.loads(model.read_text())
    destinations = [["192.0.2.1", 443]]
    pairs = [
        [{"certificates": [number, None], "destinations": destinations, "n_flows": 1}, "app"]
        for number in range(1, 4)
    ]
    shared = {key: document[key] for key in ("batch", "window", "correlation", "similarity")}
    path.write_text(json.dumps(shared | {"threshold": 0.1, "fingerprints": pairs}))


@pytest.fixture(scope="session")
def bench(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with good and bad files of every kind."""
    folder = tmp_path_factory.mktemp("bench")
    for name in ("logs", "only_ssl", "no_ssl", "empty", "sensor"):
        (folder / name).mkdir()
    conn, ssl = log_of(logs, "conn"), log_of(logs, "ssl")
    for name, content in (
        ("logs/conn.log", conn),
        ("logs/ssl.log", ssl),
        ("only_ssl/ssl.log", ssl),
        ("no_ssl/conn.log", conn),
        ("sensor/notice.log", b"#path\tnotice\n"),
        ("empty.log", b""),
        ("header.log", conn[: conn.index(b"\n", conn.index(b"#types")) + 1]),
        ("text.log", b"hello\n"),
        ("phone.pcap", bytes.fromhex("d4c3b2a1") + bytes(20)),
        ("headless.log", conn.splitlines()[-2] + b"\n"),
        ("conn.cut.log.gz", gzip.compress(conn)[: len(gzip.compress(conn)) // 2]),
        ("foreign.json", b'{"a": 1}\n'),
        ("list.json", b"[1, 2]\n"),
        ("no_header.tsv", b"Cabc\tapp\n"),
        ("bad_line.tsv", b"uid\tlabel\nCabc\tapp\nCdef\n"),
        ("latin.tsv", b"uid\tlabel\nCabc\t\xe9\n"),
    ):
        (folder / name).write_bytes(content)
    for name, options in (("names", []), ("paper", ["--scheme", "paper"]), ("ten", ["-b", "10m"])):
        argv = ["fingerprint", str(folder / "logs"), "-o", str(folder / f"{name}.json"), *options]
        assert main([*argv, "--label", "app"]) == Exit.OK
    model = (folder / "names.json").read_text()
    (folder / "cut.json").write_text(model[: len(model) // 2])
    (folder / "newer.json").write_text(model.replace('"format": 1', '"format": 99', 1))
    upstream_of(folder / "paper.json", folder / "serial.json")
    return folder


@pytest.fixture
def _at_bench(bench: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(bench)


LEARN = "--learn-for 1h -o text.log/out"
"""Options of a replay that fails before it writes: nothing can be written there."""

WRONG = {
    # Logs
    f"replay absent.log {LEARN}": (Exit.LOGS, "absent.log: no such file or directory"),
    "fingerprint absent -o a.json": (Exit.LOGS, "absent: no such file or directory"),
    "detect -t names.json -e absent": (Exit.LOGS, "absent: "),
    f"replay empty {LEARN}": (Exit.LOGS, "empty: no Zeek log of kind conn"),
    "fingerprint empty -o a.json": (Exit.LOGS, "empty: no Zeek log of kind conn"),
    "recognize -t names.json -e empty": (Exit.LOGS, "empty: no Zeek log of kind conn"),
    f"replay 'logs/dns*' {LEARN}": (Exit.LOGS, "logs/dns*: no Zeek log of kind conn"),
    f"replay text.log {LEARN}": (Exit.LOGS, "text.log: is no Zeek log"),
    "fingerprint text.log -o a.json": (Exit.LOGS, "text.log: is no Zeek log"),
    "fingerprint headless.log -o a.json": (Exit.LOGS, "headless.log: is no Zeek log"),
    "fingerprint empty.log -o a.json": (Exit.LOGS, "empty.log: "),
    "fingerprint header.log -o a.json": (Exit.LOGS, "header.log: "),
    "recognize -t names.json -e text.log": (
        Exit.LOGS,
        "text.log: is neither a fingerprint file nor a Zeek log",
    ),
    "recognize -t names.json -e foreign.json": (
        Exit.LOGS,
        "foreign.json: is neither a fingerprint file nor a Zeek log",
    ),
    f"replay only_ssl {LEARN}": (Exit.LOGS, "only_ssl: no conn or flowprint_conn log"),
    "fingerprint only_ssl -o a.json": (Exit.LOGS, "only_ssl: no conn or flowprint_conn log"),
    "detect -t names.json -e only_ssl": (Exit.LOGS, "only_ssl: no conn or flowprint_conn log"),
    "fingerprint logs -o a.json --since 2030-01-01": (
        Exit.LOGS,
        "logs: no connection is a flow of a local device (no rows)",
    ),
    # States
    "apps list --state absent.sqlite": (Exit.STATE, "absent.sqlite: there is no state"),
    "explain --state text.log": (Exit.STATE, "text.log: is damaged (file is not a database)"),
    "status --state absent.sqlite": (Exit.STATE, "absent.sqlite: there is no state"),
    # Models
    "replay logs -o text.log/out --model absent.json": (
        Exit.MODEL,
        "absent.json: cannot be read: No such file or directory",
    ),
    "replay logs -o text.log/out --model cut.json": (Exit.MODEL, "cut.json:"),
    "recognize -t cut.json -e logs": (Exit.MODEL, "cut.json:"),
    "recognize -t names.json -e cut.json": (Exit.MODEL, "cut.json:"),
    "replay logs -o text.log/out --model newer.json": (Exit.MODEL, "newer.json: has format 99"),
    "recognize -t names.json newer.json -e logs": (Exit.MODEL, "newer.json: has format 99"),
    "detect -t names.json -e newer.json": (Exit.MODEL, "newer.json: has format 99"),
    "replay logs -o text.log/out --model foreign.json": (
        Exit.MODEL,
        "foreign.json: is no fingerprint file",
    ),
    "recognize -t list.json -e logs": (Exit.MODEL, "list.json: is no fingerprint file"),
    "recognize -t text.log -e logs": (Exit.MODEL, "text.log:"),
    "recognize -t empty -e logs": (Exit.MODEL, "empty: cannot be read: Is a directory"),
    "replay logs -o text.log/out --model serial.json": (
        Exit.MODEL,
        "serial.json: tells certificates apart by serial, Zeek's logs by sha256",
    ),
    "recognize -t serial.json -e logs": (
        Exit.MODEL,
        "serial.json: tells certificates apart by serial, Zeek's logs by sha256",
    ),
    "recognize -t paper.json -e serial.json": (
        Exit.MODEL,
        "serial.json: certificate is 'serial', but 'sha256' in paper.json",
    ),
    "detect -t paper.json serial.json -e logs": (
        Exit.MODEL,
        "serial.json: certificate is 'serial', but 'sha256' in paper.json",
    ),
    "replay logs -o text.log/out --model paper.json --scheme names": (
        Exit.MODEL,
        "paper.json: was made with scheme paper, not names",
    ),
    "recognize -t paper.json -e logs --scheme names": (
        Exit.MODEL,
        "paper.json: was made with scheme paper, not names",
    ),
    "detect -t names.json -e logs -b 6m": (
        Exit.MODEL,
        "names.json: was made with batch 300, not 6m",
    ),
    "recognize -t names.json paper.json -e logs": (
        Exit.MODEL,
        "paper.json: scheme is 'paper', but 'names' in names.json",
    ),
    "recognize -t names.json ten.json -e logs": (
        Exit.MODEL,
        "ten.json: batch is 600.0, but 300.0 in names.json",
    ),
    "recognize -t names.json -e ten.json": (
        Exit.MODEL,
        "ten.json: batch is 600.0, but 300.0 in names.json",
    ),
    # Options that contradict each other, or lack something
    f"replay logs {LEARN} --learn-until 2026-03-03": (
        Exit.USAGE,
        "--learn-until and --learn-for contradict each other",
    ),
    "replay logs -o text.log/out": (Exit.USAGE, "nothing is known: give --model FILE"),
    f"replay logs {LEARN} --since 2026-03-03 --until 2026-03-02": (
        Exit.USAGE,
        "--since must be before --until",
    ),
    "fingerprint logs -o a.json --since 2 --until 2": (
        Exit.USAGE,
        "--since must be before --until",
    ),
    "detect -t names.json -e logs --since 2 --until 1": (
        Exit.USAGE,
        "--since must be before --until",
    ),
    "detect -t names.json -e names.json --since 2": (Exit.USAGE, "--since"),
    "fingerprint logs -o a.json --label a --labels b": (
        Exit.USAGE,
        "--label and --labels contradict each other",
    ),
    "fingerprint logs -o a.json --label ''": (Exit.USAGE, "--label must not be empty"),
    "fingerprint logs -o a.json --read b": (Exit.USAGE, "give either LOGS or --read"),
    "fingerprint -o a.json": (Exit.USAGE, "give either LOGS or --read"),
    "fingerprint logs": (Exit.USAGE, "give --output FILE"),
    "fingerprint --read b -o a.json --since 2": (Exit.USAGE, "--since"),
    "fingerprint logs --write a --split 0.5": (Exit.USAGE, "--split needs --output"),
    "fingerprint logs -o a.json --split-by flow": (Exit.USAGE, "--split-by needs --split"),
    "fingerprint logs -o a.json -a 0": (Exit.USAGE, "--random needs --split"),
    # Values
    f"replay logs {LEARN} -b 0": (Exit.CONFIG, "--batch: fingerprint.batch must be"),
    "fingerprint logs -o a.json -w 0": (Exit.CONFIG, "--window: fingerprint.window must be"),
    "detect -t names.json -e logs -c x": (Exit.CONFIG, "--correlation: fingerprint.correlation"),
    "recognize -t names.json -e logs -b x": (Exit.CONFIG, "--batch: fingerprint.batch must be"),
    f"replay logs {LEARN} --min-score 2": (Exit.CONFIG, "--min-score: detect.min_score must be"),
    "detect -t names.json -e logs --threshold 2": (
        Exit.USAGE,
        "--threshold must be from 0 to 1, not 2",
    ),
    "detect -t names.json -e logs --threshold nan": (Exit.USAGE, "not nan"),
    "fingerprint logs -o a.json --split 1.5": (
        Exit.USAGE,
        "--split must be between 0 and 1, not 1.5",
    ),
    "replay logs -o text.log/out --learn-for soon": (Exit.USAGE, "--learn-for: 'soon'"),
    f"replay logs {LEARN} --since noon": (Exit.USAGE, "--since: 'noon' is no time"),
    f"replay logs {LEARN} --nonsense": (Exit.USAGE, "unknown arguments: --nonsense (see"),
    f"replay logs {LEARN} --config absent.yaml": (Exit.CONFIG, "absent.yaml: "),
    "doctor --config absent.yaml": (Exit.CONFIG, "absent.yaml: "),
    "doctor --logs": (Exit.USAGE, "--logs: expected one argument"),
    "simulate out --devices 0": (Exit.USAGE, "--devices must be from 1 to 100000, not 0"),
    "simulate out --unseen-from 5": (Exit.USAGE, "--unseen-from must be from 0 to 1.99, not 5.0"),
    "simulate out --servers 12": (Exit.USAGE, "--servers must be fewer than devices (12)"),
    "simulate out --rotate 5": (Exit.USAGE, "--rotate must be 0 or at least 60s, not 5s"),
    "simulate out --start 9999999999": (Exit.USAGE, "--start must be from 1970-01-01"),
    "demo --seed=-1": (Exit.USAGE, "--seed must be from 0"),
    # Labels
    "fingerprint logs -o a.json --labels absent.tsv": (Exit.LOGS, "absent.tsv: cannot be read"),
    "fingerprint logs -o a.json --labels no_header.tsv": (
        Exit.LOGS,
        "no_header.tsv:1: must start with the header uid<TAB>label",
    ),
    "fingerprint logs -o a.json --labels bad_line.tsv": (
        Exit.LOGS,
        "bad_line.tsv:3: is no uid and label: 'Cdef'",
    ),
    "fingerprint logs -o a.json --labels latin.tsv": (Exit.LOGS, "latin.tsv: is not UTF-8"),
    # Outputs
    f"replay logs {LEARN}": (Exit.OUTPUT, "text.log/out: cannot be made: Not a directory"),
    "replay logs --learn-for 1h -o text.log": (Exit.OUTPUT, "text.log: cannot be made"),
    "replay logs --learn-for 1h -o logs": (Exit.OUTPUT, "logs: holds logs that are read"),
    "replay logs --learn-for 1h -o sensor": (
        Exit.OUTPUT,
        "sensor/notice.log: is not of a replay, which has a flowprint.log beside it",
    ),
    "pcap text.log -o found.json": (Exit.LOGS, "text.log: is no capture"),
    "pcap phone.pcap --zeek ./absent -o found.json": (Exit.ZEEK, "no program './absent'"),
    "pcap phone.pcap": (Exit.USAGE, "give --output FILE"),
    "fingerprint logs -o text.log/a.json": (
        Exit.OUTPUT,
        "text.log/a.json: cannot be written: Not a directory",
    ),
    "fingerprint logs -o empty": (Exit.OUTPUT, "empty: cannot be written: Is a directory"),
    "simulate text.log/out --days 0.05": (Exit.OUTPUT, "text.log/out: cannot be made"),
    "simulate logs --days 0.05": (Exit.OUTPUT, "logs: holds logs already, such as conn.log"),
    "demo -o logs": (Exit.OUTPUT, "logs: exists already: name a folder to make"),
}
"""Command lines, their exit codes, and a piece of the line that they write."""


@pytest.mark.usefixtures("_at_bench")
@pytest.mark.parametrize("line", WRONG)
def test_wrong_input_is_one_line(cli: Cli, bench: Path, line: str) -> None:
    """The line names what is wrong; stdout is empty, no traceback is shown, no file is made."""
    code, named = WRONG[line]
    before = sorted(bench.rglob("*"))
    done = cli(*shlex.split(line))
    assert (done.code, done.out) == (code, "")
    assert done.err.startswith("flowprint-zeek: error: ")
    assert named in done.err
    assert done.err.count("\n") == 1
    assert sorted(bench.rglob("*")) == before


def test_every_class_of_error_is_met() -> None:
    """The table has a row for each code that wrong input can lead to."""
    codes = {code for code, _ in WRONG.values()}
    assert codes == set(Exit) - {Exit.OK, Exit.UNEXPECTED, Exit.PROBLEMS, Exit.INTERRUPTED}


# Damage that stops nothing


@pytest.mark.usefixtures("_at_bench")
@pytest.mark.parametrize(
    "line",
    [
        "replay conn.cut.log.gz logs/ssl.log --model names.json -o {out} --json",
        "fingerprint conn.cut.log.gz logs/ssl.log -o {out}.json --json",
    ],
)
def test_a_log_that_ends_early_is_read_up_to_there(cli: Cli, tmp_path: Path, line: str) -> None:
    """A cut archive is warned of by name, and what stands before the cut counts."""
    done = cli(*shlex.split(line.format(out=tmp_path / "out")))
    assert done.json["flows"] > 20
    *cut, ends = done.err.splitlines()
    assert ends == (
        "flowprint-zeek: warning: conn.cut.log.gz: compressed data ends early; read up to there"
    )
    assert all("conn.cut.log.gz:" in each and "(cut short)" in each for each in cut)
    if "rows_read" in done.json:
        assert done.json["rows_read"]["conn"] > 20
        assert done.json["rows_damaged"]["conn"] == len(cut) <= 1


@pytest.mark.usefixtures("_at_bench")
@pytest.mark.parametrize(
    "line",
    [
        "replay no_ssl --model names.json -o {out}",
        "fingerprint no_ssl -o {out}",
        "recognize -t names.json -e no_ssl",
        "detect -t names.json -e no_ssl",
    ],
)
def test_logs_without_tls_are_warned_of(cli: Cli, tmp_path: Path, line: str) -> None:
    """Without an ssl log there is one warning, and results."""
    done = cli.ok(*shlex.split(line.format(out=tmp_path / "out")))
    assert done.err == (
        "flowprint-zeek: warning: no ssl log: no server names and no certificates, only addresses\n"
    )
    assert done.out


@pytest.mark.usefixtures("_at_bench")
def test_a_failed_replay_leaves_the_old_results(cli: Cli, tmp_path: Path) -> None:
    """Logs that cannot be replayed replace nothing that an earlier run wrote."""
    cli.ok("replay", "logs", "--learn-for", "1h", "-o", tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for wrong in ("only_ssl", "absent", "text.log"):
        assert cli("replay", wrong, "--learn-for", "1h", "-o", tmp_path).code == Exit.LOGS
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before

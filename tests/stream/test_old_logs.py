"""Logs of Zeek before 4.1 and of Bro: the same bytes however they are read, and real ones."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from flowprint_zeek.analysis.network import Network
from flowprint_zeek.analysis.simulate import simulate
from flowprint_zeek.cli.main import main
from flowprint_zeek.stream.replay import KINDS, Source, replay
from flowprint_zeek.zeek.certificates import issued
from flowprint_zeek.zeek.columns import CONN_LOG, SSL_LOG, as_frame, objects
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.writer import write_frame
from tests.stream.small import ALWAYS, MIDNIGHT, pipeline

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from flowprint_zeek.stream.pipeline import Pipeline
    from flowprint_zeek.zeek.columns import Columns
    from flowprint_zeek.zeek.writer import Format

NETWORK = Network(
    seed=3, devices=4, apps=6, days=0.25, start=MIDNIGHT, unseen_apps=2, tls13_share=0.2
)
OLD_SSL: Columns = (*SSL_LOG[:15], ("cert_chain_fuids", "vector[string]"))
OLD_X509: Columns = (
    *[("ts", "time"), ("id", "string"), ("certificate.serial", "string")],
    *[("certificate.subject", "string"), ("certificate.issuer", "string")],
)
OUTPUTS = ("notice.log", "flowprint.log", "model.json")


@pytest.fixture(scope="module")
def old() -> dict[str, pd.DataFrame]:
    """Simulate a network and log it as Zeek 4.0 would: each file has a row in x509.log."""
    simulated = simulate(NETWORK)
    told = simulated.x509.drop_duplicates("fingerprint").set_index("fingerprint")
    leaves = simulated.ssl["cert_chain_fps"].tolist()
    chains = [tuple(f"F{row}-{at}" for at in range(len(leaf))) for row, leaf in enumerate(leaves)]
    prints = [one for chain in leaves for one in chain]
    x509 = {
        "ts": np.repeat(simulated.ssl["ts"].to_numpy(), list(map(len, chains))) + 7000,
        "id": objects([fuid for chain in chains for fuid in chain]),
        **{name: told.loc[prints, name].to_numpy() for name, _ in OLD_X509[2:]},
    }
    return {
        "conn": simulated.conn,
        "ssl": simulated.ssl.assign(cert_chain_fuids=objects(chains)),
        "x509": as_frame(x509, len(prints)),
    }


def write(
    logs: dict[str, pd.DataFrame],
    folder: Path,
    hands: int = 1,
    *,
    written: Format = "tsv",
    ssl: Columns = OLD_SSL,
) -> list[Path]:
    """Deal the rows of each log to several files."""
    folder.mkdir()
    paths = []
    for kind, columns in (("x509", OLD_X509), ("ssl", ssl), ("conn", CONN_LOG)):
        for hand in range(hands):
            path = folder / f"{kind}.00:00:00-12:00:00-logger-{hand}.log"
            part = logs[kind].iloc[hand::hands]
            write_frame(path, kind, columns, part, format=written, opened=MIDNIGHT, closed=MIDNIGHT)
            paths.append(path)
    return paths


def outputs(logs: Sequence[Path], out: Path, *options: str) -> dict[str, bytes]:
    learn = ["--learn-for", "3h", "--rows", "all", "--scheme", "paper"]
    assert main(["replay", *map(str, logs), "-o", str(out), "-q", *learn, *options]) == 0
    return {name: (out / name).read_bytes() for name in OUTPUTS}


def replayed(folder: Path) -> Pipeline:
    line, _ = pipeline(ALWAYS, fingerprint__scheme="paper")
    replay(Source(find_logs([folder], KINDS)), line)
    return line


def certificates(line: Pipeline) -> set[str]:
    words = (element for element, *_ in line.site.seen)
    return {word.removeprefix("cert:") for word in words if word.startswith("cert:")}


# Simulated


def test_the_same_bytes_however_old_logs_are_read(
    old: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    """Chunks, several loggers, formats and the order of files change nothing."""
    whole = write(old, tmp_path / "whole")
    dealt = write(old, tmp_path / "dealt", 3)
    in_json = write(old, tmp_path / "json", 2, written="json")
    expected = outputs(whole, tmp_path / "out")
    assert expected["model.json"].count(b'"issuer_serial:') > 20
    assert b'"certificate": "issuer_serial"' in expected["model.json"]
    assert expected["flowprint.log"].count(b"unseen_site") >= 2
    assert outputs(whole[::-1], tmp_path / "1", "--chunk-rows", "7") == expected
    assert outputs(dealt, tmp_path / "2") == expected
    assert outputs(dealt[::-1], tmp_path / "3", "--chunk-rows", "100") == expected
    assert outputs(in_json, tmp_path / "4") == expected


def test_old_logs_tell_as_much_as_todays(old: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    """Every certificate that today's ssl.log names is found by its file."""
    write(old, tmp_path / "old")
    write(old, tmp_path / "new", ssl=SSL_LOG)
    ours, todays = replayed(tmp_path / "old"), replayed(tmp_path / "new")
    assert ours.counts == todays.counts
    assert ours.counts.with_certificate > 500
    assert len(certificates(ours)) == len(certificates(todays))
    assert (ours.certificate, todays.certificate) == ("issuer_serial", "sha256")


# Real


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Return the rows of a plain log by the simplest means."""
    lines = path.read_text().splitlines()
    if lines[0].startswith("{"):
        return [json.loads(line) for line in lines]
    fields = next(line.split("\t")[1:] for line in lines if line.startswith("#fields"))
    return [dict(zip(fields, line.split("\t"), strict=True)) for line in lines if line[0] != "#"]


def test_bros_certificates_are_found(shared_data: Path) -> None:
    """Each connection with a hash in ssl.log has it: 36, all of them flows."""
    folder = shared_data / "zeek-logs" / "bro_old_tsv"
    hashes = {row["uid"]: row["cert_hash"] for row in rows_of(folder / "ssl.log")}
    told = {uid: one for uid, one in hashes.items() if one != "-"}
    line = replayed(folder)
    assert line.counts.with_certificate == len(told) == 36
    assert certificates(line) == {f"md5:{one}" for one in told.values()}


def test_certificates_of_a_real_zeek_are_found_by_file(shared_data: Path) -> None:
    """Each of 154 leaves has a row in x509.log; by issuer and serial number there are fewer."""
    folder = shared_data / "zeek-logs" / "json_relative_ts"
    told = {row["id"]: row for row in rows_of(folder / "x509.log")}
    chains = [row.get("cert_chain_fuids") for row in rows_of(folder / "ssl.log")]
    leaves = [told[chain[0]] for chain in chains if chain]
    line = replayed(folder)
    assert line.counts.with_certificate == len(leaves) == 154
    pairs = {(row["certificate.issuer"], row["certificate.serial"]) for row in leaves}
    assert certificates(line) == {issued(*pair) for pair in pairs}
    assert len(pairs) > 40

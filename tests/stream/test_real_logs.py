"""Replay of a real network's logs: one browsing user behind a proxy, two hours of a day.

Nobody labelled these logs. What is asserted is what a plain reading of the rows gives, what a
person reads in the notices, and that an app planted into them is found.
"""

from __future__ import annotations

import gzip
import ipaddress
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.known import KnownApps, Site
from flowprint_zeek.stream.outputs import Outputs
from flowprint_zeek.stream.phases import Learning
from flowprint_zeek.stream.replay import KINDS, Source, replay
from flowprint_zeek.zeek.columns import CONN_LOG, SSL_LOG
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.writer import write_frame
from tests.stream.small import ALWAYS, BATCH, NOTHING, SECOND, Found, frame, pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flowprint_zeek.stream.notices import Row
    from flowprint_zeek.stream.pipeline import Pipeline

LEARNED_UNTIL = 1_714_422_600 * SECOND
"""2024-04-29T20:30Z."""
PLANTED_AT = LEARNED_UNTIL + 975 * SECOND
"""20:46:15Z: the user is between two sites, another begins in the same batch."""
PLANTED = [f"n{number}.planted.example" for number in range(4)]
LEARNING = Learning(until=LEARNED_UNTIL)


@pytest.fixture(scope="module")
def logs(shared_data: Path) -> Path:
    folder = shared_data / "zeek-logs" / "proxy_rolling_tsv_gz"
    if not folder.is_dir():
        pytest.skip("the rotated logs of a proxy are not there")
    return folder


def replayed(
    folder: Path, learning: Learning = LEARNING, site: Site | None = None, **settings: object
) -> tuple[Pipeline, Found]:
    """Return a finished replay under the settings that the numbers below were read with."""
    read_with = {"log__rows": "all", "fingerprint__activity": "ends", "detect__min_score": 0.7}
    line, found = pipeline(learning, site=site, **(read_with | settings))
    replay(Source(find_logs([folder], KINDS)), line)
    return line, found


@pytest.fixture(scope="module")
def detected(logs: Path) -> tuple[Pipeline, Found]:
    return replayed(logs)


# Counted by hand


def raw(folder: Path, kind: str = "conn") -> Iterator[dict[str, str]]:
    """Yield the rows of the logs of a kind, with plain Python."""
    for path in sorted(folder.glob(f"{kind}*.gz")):
        fields: list[str] = []
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            if line.startswith("#fields"):
                fields = line.split("\t")[1:]
            elif not line.startswith("#"):
                yield dict(zip(fields, line.split("\t"), strict=True))


def is_flow(row: dict[str, str]) -> bool:
    """Tell whether a row is a flow of a device, by the words of the design."""
    return (
        row["proto"] in {"tcp", "udp"}
        and row["resp_pkts"] != "0"
        and row["conn_state"] != "REJ"
        and "^" not in row["history"]
        and not ipaddress.ip_address(row["id.resp_h"]).is_multicast
        and (row["local_orig"] == "T" or ipaddress.ip_address(row["id.orig_h"]).is_private)
    )


def micros(text: str) -> int:
    whole, _, part = text.partition(".")
    return int(whole) * SECOND + int(part.ljust(6, "0"))


def batches(row: dict[str, str]) -> list[int]:
    """Return the batches of a row that end at most a minute before it, and the one it ends in."""
    start = micros(row["ts"])
    end = start + (0 if row["duration"] == "-" else micros(row["duration"]))
    last = end // BATCH
    return [k for k in range(start // BATCH, last + 1) if (k + 1) * BATCH >= end - 60 * SECOND]


def test_flows_devices_and_batches_are_those_of_the_rows(
    logs: Path, detected: tuple[Pipeline, Found]
) -> None:
    """A plain count over the raw rows gives the same flows, devices and batches."""
    counts = detected[0].counts
    flows = [row for row in raw(logs) if is_flow(row)]
    assert len(flows) == counts.flows == 5125
    assert {row["id.orig_h"] for row in flows} == counts.devices == {"10.0.0.111", "10.0.0.238"}
    assert len({number for row in flows for number in batches(row)}) == counts.batches == 18
    starts = {number * BATCH for row in flows for number in batches(row)}
    assert sum(start < LEARNED_UNTIL for start in starts) == counts.learned == 12


def test_no_row_is_overdue_or_damaged(logs: Path, detected: tuple[Pipeline, Found]) -> None:
    """The rows of a real sensor lie within the disorder, and none is dropped for its form."""
    assert detected[0].gathered.overdue == 0
    source = Source(find_logs([logs], KINDS))
    replay(source, pipeline(NOTHING)[0])
    rows = {"conn": 7550, "ssl": 2736, "x509": 114, "http": 2368, "dns": 3209}
    assert source.stats.rows == rows
    assert not source.stats.damaged


def lookups(folder: Path) -> dict[tuple[str, str], int]:
    """Return when each host was first told of each address."""
    first: dict[tuple[str, str], int] = {}
    for row in raw(folder, "dns"):
        for address in row["answers"].split(","):
            key = row["id.orig_h"], address
            first[key] = min(first.get(key, 1 << 62), micros(row["ts"]))
    return first


def test_names_are_those_that_a_plain_reading_of_the_logs_gives(
    logs: Path, detected: tuple[Pipeline, Found]
) -> None:
    """As many flows have a server name, an HTTP host, a name of their own lookup, and none."""
    flows = [row for row in raw(logs) if is_flow(row)]
    ssl = list(raw(logs, "ssl"))
    named = {row["uid"] for row in ssl if row["server_name"] != "-"}
    certified = {row["uid"] for row in ssl if row["cert_chain_fps"] not in {"-", "(empty)"}}
    # No host there is an address.
    http = {row["uid"] for row in raw(logs, "http") if row["host"] != "-"}
    first = lookups(logs)
    pairs = {row["uid"]: (row["id.orig_h"], row["id.resp_h"]) for row in flows}
    dns = {
        row["uid"] for row in flows if first.get(pairs[row["uid"]], 1 << 62) <= micros(row["ts"])
    }
    counts = detected[0].counts
    found = [counts.with_server_name, counts.with_http_host, counts.with_dns_name]
    assert found == [len(one & pairs.keys()) for one in (named, http, dns)]
    assert counts.with_neither == len(pairs.keys() - (named | certified | http | dns))
    assert detected[0].proxies == {"10.0.0.238:3128"}


# Notices


def test_browsing_raises_nothing(detected: tuple[Pipeline, Found]) -> None:
    """One person browses, and what is new to this network are web sites, which come and go."""
    assert detected[1].noted("Unseen_App") == []
    browsers = {client for _, client, _ in detected[0].site.browsers}
    assert any("Firefox" in client for client in browsers)
    assert any(client.startswith("ja3:") for client in browsers)


def test_what_notices_call_new_is_in_no_earlier_row(logs: Path) -> None:
    """No server name, or first HTTP host, of a connection that was learned is told as novel.

    Browsers are not told apart here, so there are notices.
    """
    flows = [row for row in raw(logs) if is_flow(row)]
    learned = {row["uid"] for row in flows if min(batches(row)) * BATCH < LEARNED_UNTIL}
    known = {row["server_name"] for row in raw(logs, "ssl") if row["uid"] in learned}
    hosts: dict[str, str] = {}
    for row in sorted(raw(logs, "http"), key=lambda row: micros(row["ts"])):
        hosts.setdefault(row["uid"], row["host"].partition(":")[0])
    known |= {host for uid, host in hosts.items() if uid in learned}
    notices = replayed(logs, browser__apart=False)[1].noted("Unseen_App")
    assert len(notices) > 0
    for notice in notices:
        (novel,) = [part for part in str(notice["sub"]).split(" ") if part.startswith("novel=")]
        assert not known & set(novel.removeprefix("novel=").split("|"))


def test_nothing_is_unseen_after_everything_was_learned(logs: Path) -> None:
    """A second replay of what was learned finds it all known."""
    site = Site(KnownApps(100_000))
    replayed(logs, ALWAYS, site)
    line, found = replayed(logs, NOTHING, site)
    assert line.detector.unseen == 0
    assert set(found.said("verdict")) == {"known"}
    assert found.notices == []


# A planted app


@pytest.fixture(scope="module")
def planted(logs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the logs and add one of each kind: eight flows of an app to its own names."""
    folder = tmp_path_factory.mktemp("planted")
    for path in logs.iterdir():
        if path.name.startswith(KINDS):
            shutil.copy(path, folder)
    rows = [
        {
            "ts": PLANTED_AT + number * 15 * SECOND,
            "uid": f"Cplanted{number}",
            "id.orig_h": "10.0.0.111",
            "id.orig_p": 50_000 + number,
            "id.resp_h": f"198.51.100.{number % 4}",
            "id.resp_p": 443,
            "proto": "tcp",
            "service": "ssl",
            "duration": 40 * SECOND,
            "orig_bytes": 900,
            "resp_bytes": 9000,
            "conn_state": "SF",
            "local_orig": 1,
            "history": "ShADadFf",
            "orig_pkts": 9,
            "resp_pkts": 9,
            "version": "TLSv13",
            "server_name": PLANTED[number % 4],
            "established": 1,
        }
        for number in range(8)
    ]
    for kind, columns in (("conn", CONN_LOG), ("ssl", SSL_LOG)):
        table = frame(kind, [name for name, _ in columns], rows)
        path = folder / f"{kind}.16:46:15-16:49:00.log"
        write_frame(path, kind, columns, table, opened=PLANTED_AT, closed=PLANTED_AT)
    return folder


def test_a_planted_app_raises_one_more_notice(
    planted: Path, detected: tuple[Pipeline, Found]
) -> None:
    """The notice names what was planted and nothing else; all other notices stay."""
    _, found = replayed(planted)
    before = detected[1].noted("Unseen_App")
    (new,) = [row for row in found.noted("Unseen_App") if row not in before]
    assert len(found.noted("Unseen_App")) == len(before) + 1
    assert f" novel={'|'.join(PLANTED)} " in str(new["sub"])
    assert str(new["msg"]).startswith(f"New app on 10.0.0.111: {', '.join(PLANTED[:3])} and 1 more")
    assert (new["uid"], new["id.resp_h"]) == ("Cplanted0", "198.51.100.0")


def test_zeek_cut_reads_the_notice(planted: Path, tmp_path: Path) -> None:
    """Zeek's own tool finds the fields of the planted app's notice."""
    tool = shutil.which("zeek-cut") or shutil.which("bro-cut")
    if tool is None:
        pytest.skip("neither zeek-cut nor bro-cut is installed")
    _, found = replayed(planted)
    rows: list[Row] = found.noted("Unseen_App")
    with Outputs(tmp_path, as_json=False, opened=LEARNED_UNTIL) as outputs:
        for row in rows:
            outputs.notice(row)
    names = ["note", "uid", "id.resp_h", "sub"]
    log = (tmp_path / "notice.log").read_bytes()
    cut = subprocess.run([tool, *names], input=log, capture_output=True, check=True)
    lines = [line.split("\t") for line in cut.stdout.decode().splitlines()]
    assert len(lines) == len(rows) == 1
    (line,) = lines
    assert PLANTED[0] in line[3]
    assert line[:3] == ["FlowPrint::Unseen_App", "Cplanted0", "198.51.100.0"]

"""What the Zeek scripts tell beside the packets themselves, and what they cost.

Usage: python -m benchmarks.exported exact PCAPS REFERENCES
       python -m benchmarks.exported fingerprints PCAPS REFERENCES
       python -m benchmarks.exported row PCAPS FILE [TIMES]
       python -m benchmarks.exported cost CAPTURE [ROUNDS]
       python -m benchmarks.exported crowd FOLDER [CONNECTIONS]

``exact`` compares the windows in flowprint_conn.log with the times of the packets. ``fingerprints``
compares fingerprints of flowprint_conn.log, of stock logs, and of the published package. ``cost``
runs Zeek in turn with and without the scripts. ``row`` lays captures in a row, so many times, and
makes one capture of them: a small one costs nothing but Zeek's start. ``crowd`` writes a capture of
connections that are all alive at once, with its reference.

REFERENCES holds captures as JSON: ``flows`` with ``src``, ``sport``, ``dst``, ``dport`` and
``timestamps`` (seconds) of every packet, and ``fingerprint``, the index in ``fingerprints``, sets
that the published package made.
"""

from __future__ import annotations

import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from ipaddress import ip_network
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.config import Config
from flowprint_zeek.core.elements import endpoint, is_endpoint
from flowprint_zeek.core.fingerprint import Parameters, fingerprint
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.stream.capture import read_capture
from flowprint_zeek.stream.replay import Span
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.ownlogs import FLOWPRINT_CONN_LOG
from flowprint_zeek.zeek.reader import ReadStats, read_chunks
from flowprint_zeek.zeek.sensor import Sensor, Settings, find_program, find_scripts
from tests.zeek_scripts.packets import Capture, Udp

if TYPE_CHECKING:
    from collections.abc import Iterator

WINDOW, BATCH = 30, 300
SHARE = 0.5
"""Of the windows in which a connection of the crowd is active."""
PRIVATE = tuple(map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")))
Ends = frozenset[tuple[str, int]]
Windows = dict[Ends, set[int]]

SOURCES = {
    "flowprint_conn.log": frozenset({"flowprint_conn", "flowprint_ssl"}),
    "conn.log and ssl.log": frozenset({"conn", "ssl"}),
}


def sensor() -> Sensor:
    """Return the installed Zeek with the scripts."""
    return Sensor(find_program(), find_scripts(), Settings(WINDOW, BATCH, PRIVATE))


def exported(folder: Path) -> Windows:
    """Return the windows, counted from the epoch, in which connections were active."""
    found: Windows = defaultdict(set)
    columns = [name for name, _ in FLOWPRINT_CONN_LOG]
    for log in find_logs([str(folder)], {"flowprint_conn"}):
        for chunk in read_chunks(log, columns, stats=ReadStats()):
            for row in chunk.itertuples(index=False):
                values: dict[str, Any] = dict(zip(columns, row, strict=True))
                first = values["batch_start"] // (WINDOW * SECOND)
                found[_ends(values)].update(first + int(one) for one in values["windows"])
    return found


def _ends(row: dict[str, Any]) -> Ends:
    orig, resp = (row["id.orig_h"], row["id.orig_p"]), (row["id.resp_h"], row["id.resp_p"])
    return frozenset({orig, resp})


def _ends_of(flow: dict[str, Any]) -> Ends:
    return frozenset({(flow["src"], flow["sport"]), (flow["dst"], flow["dport"])})


def packets(reference: dict[str, Any]) -> Windows:
    """Return the windows in which there were packets."""
    found: Windows = defaultdict(set)
    for flow in reference["flows"]:
        found[_ends_of(flow)].update(int(time // WINDOW) for time in flow["timestamps"])
    return found


def both(captures: Path, references: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield captures with what the reference says of them."""
    for path in sorted(captures.glob("*.pcap")):
        for one in references.glob(f"*{path.stem}.json"):
            yield path, json.loads(one.read_text(encoding="utf-8"))


def exact(captures: Path, references: Path) -> None:
    """Print how far windows are those of the packets."""
    counts: Counter[str] = Counter()
    for path, reference in both(captures, references):
        with tempfile.TemporaryDirectory() as folder:
            sensor().read(path, Path(folder))
            told, seen = exported(Path(folder)), packets(reference)
        counts["captures"] += 1
        counts["flows of the reference"] += len(seen)
        counts["only in the reference"] += len(seen.keys() - told.keys())
        counts["only exported"] += len(told.keys() - seen.keys())
        for ends in seen.keys() & told.keys():
            counts["in both"] += 1
            counts["equal windows"] += seen[ends] == told[ends]
            counts["windows with packets"] += len(seen[ends])
            counts["windows missing"] += len(seen[ends] - told[ends])
            counts["windows too many"] += len(told[ends] - seen[ends])
        for one in seen.keys() ^ told.keys():
            print("only one:", path.stem, sorted(one))
    for name, count in counts.items():
        print(f"{name:<24} {count}")


def fingerprints(captures: Path, references: Path) -> None:
    """Print how alike fingerprints of one flow are, by where its activity comes from."""
    alike: dict[str, list[float]] = defaultdict(list)
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for path, reference in both(captures, references):
        theirs = published(reference)
        counts["published package"]["fingerprints"] += len(reference["fingerprints"])
        counts["published package"]["flows"] += len(theirs)
        with tempfile.TemporaryDirectory() as folder:
            sensor().read(path, Path(folder))
            for source, first in product(SOURCES, (False, True)):
                name = f"{source}, batches from the {'first window' if first else 'epoch'}"
                ours, number = made(Path(folder), SOURCES[source], first=first)
                counts[name]["fingerprints"] += number
                counts[name]["flows"] += len(ours)
                alike[name] += [jaccard(ours[at], theirs[at]) for at in ours.keys() & theirs.keys()]
    print("| from | flows | fingerprints | flows in both | equal | mean similarity |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, count in counts.items():
        each = alike.get(name, [1.0])
        equal = sum(one == 1 for one in each) / len(each)
        both_in = len(alike[name]) if name in alike else count["flows"]
        print(
            f"| {name} | {count['flows']} | {count['fingerprints']} | {both_in} | {equal:.3f} "
            f"| {statistics.mean(each):.3f} |"
        )


def published(reference: dict[str, Any]) -> dict[Ends, frozenset[str]]:
    """Return the endpoints of the fingerprint that the published package gave each flow."""
    sets = [
        frozenset(endpoint(*one) for one in each["destinations"])
        for each in reference["fingerprints"]
    ]
    return {_ends_of(flow): sets[flow["fingerprint"]] for flow in reference["flows"]}


def made(
    folder: Path, kinds: frozenset[str], *, first: bool
) -> tuple[dict[Ends, frozenset[str]], int]:
    """Return the endpoints of each flow's fingerprint, and how many fingerprints there are."""
    logs = find_logs([folder], kinds)
    flows, _ = read_capture(logs, Config(), span=Span(), stats=ReadStats())
    # Windows are told from the epoch on: the first packet's window begins the first batch.
    begin = int(flows["start"].min()) // (WINDOW * SECOND) * WINDOW * SECOND
    found = fingerprint(flows, Parameters(), origin=begin if first else 0)
    sets = [frozenset(filter(is_endpoint, one)) for one in found.elements()]
    columns = [flows[name].tolist() for name in ("orig_h", "orig_p", "resp_h", "resp_p")]
    rows = zip(*columns, found.of_flow().tolist(), strict=True)
    return {
        frozenset({(orig, orig_p), (resp, resp_p)}): sets[at]
        for orig, orig_p, resp, resp_p, at in rows
        if at >= 0
    }, found.size


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the similarity of two sets."""
    return len(one & other) / max(len(one | other), 1)


def seconds(argv: list[str]) -> float:
    """Return the CPU seconds of a program."""
    with tempfile.TemporaryDirectory() as folder:
        before = os.times()
        subprocess.run(argv, cwd=folder, check=True, capture_output=True)  # noqa: S603  Zeek
        after = os.times()
    return sum(after[2:4]) - sum(before[2:4])


def cost(capture: Path, rounds: int) -> None:
    """Print CPU seconds of Zeek with and without the scripts, in turn."""
    stock = [str(find_program()), "-C", "-r", str(capture.absolute())]
    with_scripts = [*stock, str(find_scripts())]
    spent: dict[str, list[float]] = {"stock": [], "with the scripts": []}
    for _ in range(rounds):
        spent["stock"].append(seconds(stock))
        spent["with the scripts"].append(seconds(with_scripts))
    for name, each in spent.items():
        print(f"{name:<18} {min(each):7.2f} {statistics.median(each):7.2f} {max(each):7.2f} s")
    pairs = zip(spent["with the scripts"], spent["stock"], strict=True)
    print(
        f"ratio of each pair, median: {statistics.median(one / other for one, other in pairs):.3f}"
    )


def row(captures: Path, path: Path, times: int) -> None:
    """Write captures one after another, an hour apart, all of them so many times."""
    begin, whole = 1_767_225_600.0, Capture()
    for one in sorted(captures.glob("*.pcap")) * times:
        frames = list(frames_of(one.read_bytes()))
        whole.frames += [(begin + time - frames[0][0], frame) for time, frame in frames]
        begin += 3600
    whole.write(path)


def frames_of(data: bytes) -> Iterator[tuple[float, bytes]]:
    """Yield the times and frames of a capture with microseconds, low bytes first."""
    at = 24
    while at < len(data):
        seconds, micros, size, _ = struct.unpack_from("<IIII", data, at)
        at += 16 + size
        yield seconds + micros / 1_000_000, data[at - size : at]


def crowd(folder: Path, connections: int) -> None:
    """Write a capture of connections that live for five minutes, active in half of the windows."""
    capture, flows, begin = Capture(), [], 1_767_225_600
    chance = np.random.default_rng(1)
    active = chance.random((connections, BATCH // WINDOW)) < SHARE
    moment = chance.random(active.shape) * (WINDOW - 1)
    for number in range(connections):
        client = f"10.{number // 62_500}.{number // 250 % 250}.{number % 250 + 1}"
        server = f"9.9.{number // 50_000}.{number % 250 + 1}"
        udp = Udp(capture, client, 1024 + number % 60_000, server, 5000)
        times = []
        for window in np.flatnonzero(active[number]).tolist():
            at = begin + window * WINDOW + float(moment[number, window])
            times += [at, at + 0.01, at + 0.5]
        for place, at in enumerate(times):
            udp.send(at, from_orig=place % 3 != 1)
        ends = {"src": client, "sport": udp.orig_p, "dst": server, "dport": udp.resp_p}
        flows.append(ends | {"timestamps": times})
    folder.mkdir(parents=True, exist_ok=True)
    capture.write(folder / "crowd.pcap")
    text = json.dumps({"flows": [flow for flow in flows if flow["timestamps"]]})
    (folder / "crowd.json").write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Do what the first argument says."""
    match arguments:
        case ["exact", captures, references]:
            exact(Path(captures), Path(references))
        case ["fingerprints", captures, references]:
            fingerprints(Path(captures), Path(references))
        case ["cost", capture, *rest]:
            cost(Path(capture), int(rest[0]) if rest else 5)
        case ["row", captures, path, *rest]:
            row(Path(captures), Path(path), int(rest[0]) if rest else 10)
        case ["crowd", folder, *rest]:
            crowd(Path(folder), int(rest[0]) if rest else 50_000)
        case _:
            print(__doc__)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""A set-up that is well, and what breaks it."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from flowprint_zeek.analysis.doctor.examine import examine
from flowprint_zeek.analysis.doctor.host import Host
from flowprint_zeek.analysis.doctor.scene import Scene
from flowprint_zeek.analysis.simulate import Network
from flowprint_zeek.config import load

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from pathlib import Path

    from flowprint_zeek.analysis.doctor.finding import Finding
    from flowprint_zeek.config import Config

NETWORK = Network(seed=3, devices=6, apps=8, days=0.05, unseen_apps=0, browsers=2)
"""An hour of a few hosts."""

NOW = NETWORK.end / 1e6 + 5.0
"""When the set-up is looked at: logs were written five seconds ago."""

ROOM = 1 << 30


def space(free: int = 50 * ROOM, files: int = 1_000) -> Callable[[Path], os.statvfs_result]:
    """Return what file systems of 100 GiB have left."""
    fields = (1, 1, 100 * ROOM, free, free, 1_000_000, files, files, 0, 255)
    return lambda _path: os.statvfs_result(fields)


@dataclass
class Setup:
    """A sensor's folders, the host, and the settings of a daemon beside them.

    Parameters
    ----------
    folder : Path
        Where all of it is.
    given : dict
        Settings that are not the usual ones, by their keys.
    """

    folder: Path
    given: dict[str, Any] = field(default_factory=dict)
    host: Host = field(default_factory=Host)

    def __post_init__(self) -> None:
        for name in ("archive", "state", "out", "proc/self", "proc/sys/fs/inotify"):
            (self.folder / name).mkdir(parents=True)
        self.host = Host(
            now=lambda: NOW,
            access=lambda _path, _mode: True,
            space=space(),
            proc=self.folder / "proc",
            search="",
            prefixes=(self.folder / "zeek",),
            folders=(),
        )
        self.inotify(max_user_watches=65_536, max_user_instances=512, max_queued_events=16_384)
        self.mounted("36 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw")

    @property
    def current(self) -> Path:
        return self.folder / "current"

    @property
    def config(self) -> Config:
        usual = {
            "run.logs": str(self.current),
            "run.archives": str(self.folder / "archive"),
            "run.state": str(self.folder / "state" / "state.sqlite"),
            "run.output": str(self.folder / "out"),
        }
        return load(None, environ={}, overrides=usual | self.given)

    def has(self, **given: Any) -> None:
        """Let the host be otherwise."""
        self.host = replace(self.host, **given)

    def inotify(self, **limits: int) -> None:
        for name, limit in limits.items():
            (self.folder / "proc/sys/fs/inotify" / name).write_text(f"{limit}\n")

    def mounted(self, *lines: str) -> None:
        (self.folder / "proc/self/mountinfo").write_text("".join(f"{one}\n" for one in lines))

    def log(self, kind: str) -> Path:
        return self.current / f"{kind}.log"

    def write(self, path: Path, text: str | bytes, age: float = 5.0) -> Path:
        """Write a file as if some seconds ago."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        aged(path, age)
        return path

    def edit(
        self,
        kind: str,
        change: Callable[[dict[str, str]], dict[str, str]] = lambda row: row,
        *,
        without: Collection[str] = (),
    ) -> None:
        """Change the rows of a log, or leave columns out."""
        path = self.log(kind)
        head, names, rows = parsed(path)
        kept = [name for name in names if name not in without]
        types = dict(zip(names, next(one for one in head if one[0] == "#types")[1:], strict=True))
        lines = [one for one in head if one[0] not in {"#fields", "#types"}]
        lines += [["#fields", *kept], ["#types", *(types[name] for name in kept)]]
        lines += [[row[name] for name in kept] for row in map(change, rows)]
        self.write(path, "".join("\t".join(one) + "\n" for one in lines))

    def as_json(self, kind: str, times: Callable[[str], object] = float) -> None:
        """Write a log as JSON lines."""
        _, _, rows = parsed(self.log(kind))
        lines = [json.dumps(_json_row(row, times)) for row in rows]
        self.write(self.log(kind), "".join(f"{line}\n" for line in lines))

    def zeek(self, version: str = "8.0.10", local: str = "") -> Path:
        """Install a Zeek of a version; return the folder of its site's scripts."""
        site = self.folder / "zeek" / "share" / "zeek" / "site"
        program = self.write(
            self.folder / "zeek" / "bin" / "zeek", f"#!/bin/sh\necho zeek version {version}\n"
        )
        program.chmod(0o755)
        self.write(site / "local.zeek", f"@load misc/loaded-scripts\n# @load packages\n{local}\n")
        return site

    def found(self) -> list[Finding]:
        """Return what all checks find."""
        return examine(self.config, self.host)

    def scene(self) -> Scene:
        return Scene(self.config, self.host)


def well(folder: Path, logs: Path) -> Setup:
    """Return a set-up that is well, with copies of the logs of `NETWORK`."""
    made = Setup(folder)
    made.current.mkdir()
    for path in logs.glob("*.log"):
        shutil.copy(path, made.current)
        aged(made.current / path.name)
    return made


def install(site: Path, name: str = "packages/flowprint_zeek") -> None:
    """Install the FlowPrint scripts in a site's folder, by default as zkg does."""
    folder = site / name
    folder.mkdir(parents=True)
    (folder / "main.zeek").write_text("module FlowPrint;\n")
    if folder.parent.name == "packages":
        (folder.parent / "packages.zeek").write_text(f"@load ./{folder.name}\n")


def aged(path: Path, age: float = 5.0) -> None:
    """Let a file be written some seconds ago."""
    os.utime(path, (NOW - age, NOW - age))


def parsed(path: Path) -> tuple[list[list[str]], list[str], list[dict[str, str]]]:
    """Return the header lines, the column names and the rows of a TSV log."""
    lines = [line.split("\t") for line in path.read_text().splitlines()]
    head = [line for line in lines if line[0].startswith("#") and line[0] != "#close"]
    names = next(line for line in head if line[0] == "#fields")[1:]
    rows = [dict(zip(names, line, strict=True)) for line in lines if line[0][0] != "#"]
    return head, names, rows


def _json_row(row: dict[str, str], times: Callable[[str], object]) -> dict[str, object]:
    texts = {"uid", "proto", "history", "server_name", "id.orig_h", "id.resp_h", "conn_state"}
    made: dict[str, object] = {}
    for name, value in row.items():
        if value == "-":
            continue
        if name in texts or name == "ja4":
            made[name] = value
        elif name == "ts":
            made[name] = times(value)
        elif name in {"local_orig", "local_resp"}:
            made[name] = value == "T"
        elif name == "duration":
            made[name] = float(value)
        elif name.endswith(("_p", "_bytes", "_pkts")):
            made[name] = int(value)
        elif name == "cert_chain_fps":
            made[name] = value.split(",")
    return made


def of(found: Iterator[Finding] | list[Finding], level: str) -> dict[str, str]:
    """Return what was found of a level and what to do about it, in one text, by check."""
    return {one.check: f"{one.found}; {one.do}" for one in found if one.level == level}

"""Whether logs are where the settings say, and which ones."""

from __future__ import annotations

import glob
import os
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.doctor.finding import listed, note, ok, problem
from flowprint_zeek.analysis.doctor.host import barred_by, is_folder, is_there
from flowprint_zeek.zeek.filenames import kind_of_name
from flowprint_zeek.zeek.join import CONNECTIONS
from flowprint_zeek.zeek.places import matches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowprint_zeek.analysis.doctor.finding import Finding
    from flowprint_zeek.analysis.doctor.scene import Found, Scene

_STOCK = {
    "ssl": (
        "server names and certificates are not known, only addresses",
        "remove `Log::disable_stream(SSL::LOG)` from local.zeek, or add its folder to run.logs",
    ),
    "http": (
        "hosts of unencrypted requests and explicit proxies are not known",
        "let Zeek write it (stock scripts do once there is HTTP), or add its folder to run.logs",
    ),
    "dns": (
        "addresses are not named by the lookups of devices",
        "let Zeek write it (stock scripts do once there is DNS), or add its folder to run.logs",
    ),
    "quic": (
        "names of QUIC are known from ssl.log only",
        "nothing, where there is no QUIC; else use Zeek 6.1 or later",
    ),
    "dhcp": (
        "notices name devices by address only",
        "let Zeek see DHCP, or name devices in the file of device.names",
    ),
    "capture_loss": (
        "lost packets are not noticed: they look like missing apps",
        "put `@load misc/capture-loss` into local.zeek and run `zeekctl deploy`",
    ),
}
"""Logs that are missed where they are not there: why, and what to do."""

_CONN = "conn.log"


def check_places(scene: Scene) -> Iterator[Finding]:
    """Tell what is at each place of run.logs and run.archives."""
    for text in scene.config.run.logs:
        yield _place(scene, text)
    for text in scene.config.run.archives:
        if barred_by(Path(text)) is None and not any(map(is_folder, (Path(text), *matches(text)))):
            yield note(
                "archives",
                f"run.archives: {text} is no folder: what is rotated while the daemon is down is "
                "not read",
                "set run.archives to the folder where rotated logs go",
            )
    watched = [one for one in scene.of("conn", "flowprint_conn") if not one.archived]
    if watched and all(one.path.suffix == ".gz" for one in watched):
        yield note(
            "logs",
            f"run.logs has complete logs only, such as {watched[0].path}: batches close when the "
            "next one comes",
            f"add the folder in which Zeek's conn.log grows to run.logs{_elsewhere(scene)}",
        )


def _place(scene: Scene, text: str) -> Finding:
    path, link = Path(text), ""
    do = f"set run.logs to the folder where Zeek writes{_elsewhere(scene)}"
    if folder := barred_by(path):
        said = f"run.logs: {text} is in {folder}, which this user may not look into"
        return problem("logs", said, "run doctor as the user of the daemon, or let this one look")
    if path.is_symlink():
        link = f" (a link to {path.readlink()})"
    if not is_there(path):
        if link:
            said = f"run.logs: {text} is a link to {path.readlink()}, which is not there"
            return problem("logs", said, f"start Zeek (`zeekctl deploy`), or {do}")
        if glob.has_magic(text):
            if matches(text):
                return _held(scene, text, "", do)
            return problem("logs", f"run.logs: the pattern {text} matches nothing", do)
        if kind_of_name(path.name) is None or not is_folder(path.parent):
            return problem("logs", f"run.logs: {text} is not there", do)
        return note("logs", f"run.logs: {text} has not been begun", f"start Zeek, or {do}")
    if is_folder(path) and os.access(path, os.R_OK) and not any(path.iterdir()):
        return problem("logs", f"run.logs: {text}{link} is an empty folder", f"start Zeek, or {do}")
    return _held(scene, text, link, do)


def _held(scene: Scene, text: str, link: str, do: str) -> Finding:
    """Tell which logs are at a place."""
    inside = [one for one in scene.logs if not one.archived and _is_at(one.path, text)]
    kinds = sorted({one.kind for one in inside})
    if not kinds:
        return problem("logs", f"run.logs: {text}{link} has no log that is read", do)
    return ok("logs", f"run.logs: {text}{link} has {', '.join(kinds)}")


def _is_at(path: Path, text: str) -> bool:
    if glob.has_magic(text) and not is_there(Path(text)):
        return any(one in (path, path.parent) for one in matches(text))
    return Path(text) in (path, path.parent)


def _elsewhere(scene: Scene) -> str:
    """Return where on this host a conn.log is, as the end of a sentence."""
    known = {Path(one) for one in scene.config.run.logs}
    found = [one for one in scene.host.folders if one not in known and is_there(one / _CONN)]
    return f": there is a conn.log in {found[0]}" if found else ""


def check_kinds(scene: Scene) -> Iterator[Finding]:
    """Tell which logs there are, in which format, and which are missed."""
    kinds = {one.kind for one in scene.logs if one.log is not None}
    there = {one.kind: one for one in scene.logs if not one.archived and one.kind not in kinds}
    for found in scene.logs:
        if found.wrong and not found.archived and not found.denied:
            yield problem(f"log.{found.kind}", f"{found.path} {found.wrong}", _mended(found.wrong))
    places = scene.config.run.logs
    if not kinds & set(CONNECTIONS) and "conn" not in there and not any(map(_barred, places)):
        yield problem(
            "log.conn",
            f"no conn.log in {listed(list(places))}",
            f"start Zeek, or add the folder of its conn.log to run.logs{_elsewhere(scene)}",
        )
    for kind, empty in there.items():
        if not empty.wrong:
            do = "wait for traffic; if there is some, look in reporter.log"
            yield note(f"log.{kind}", f"{empty.path} has no row yet", do)
    if kinds:
        yield from _missed(kinds | there.keys())
    for kind in sorted(kinds):
        yield ok(f"log.{kind}", _described(scene.of(kind)))


def _barred(text: str) -> bool:
    return barred_by(Path(text)) is not None


def _missed(there: set[str]) -> Iterator[Finding]:
    """Tell which logs would tell more."""
    own = bool(there & {"flowprint_conn", "flowprint_ssl"})
    for kind, (why, do) in _STOCK.items():
        if kind in there or (kind == "ssl" and own):
            continue
        yield (problem if kind == "ssl" else note)(f"log.{kind}", f"no {kind}.log: {why}", do)


def _mended(wrong: str) -> str:
    """Return what to do about a file that is no log."""
    if "without a header" in wrong:
        return (
            "let Zeek write the header (remove `redef LogAscii::include_meta = F;`) or JSON "
            "(`redef LogAscii::use_json = T;`)"
        )
    if "compressed by" in wrong:
        return "compress logs by gzip, or do not compress those that grow"
    return "take the file out of run.logs, or let Zeek write it as TSV or JSON"


def _described(found: list[Found]) -> str:
    """Return where logs of a kind are, and their format."""
    first = found[0]
    form = "" if first.log is None else first.log.format.upper()
    more = f" and {len(found) - 1} more" if len(found) > 1 else ""
    return f"{first.kind}.log: {form}, {first.path}{more}"

"""Whether Zeek runs the scripts of the Zeek package, and if not, which step is missing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.doctor.finding import Finding, note, ok, problem, span
from flowprint_zeek.analysis.doctor.host import is_folder
from flowprint_zeek.analysis.doctor.program import program_of
from flowprint_zeek.analysis.doctor.scene import archived_folders
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.errors import LogError
from flowprint_zeek.stream.configured import parameters_of
from flowprint_zeek.zeek.blocks import Blocks
from flowprint_zeek.zeek.exported import Widths, fits
from flowprint_zeek.zeek.filenames import kind_of_name
from flowprint_zeek.zeek.places import matches

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowprint_zeek.analysis.doctor.scene import Last, Scene

_DAYS = 40
"""Folders of an archive that are looked through for what scripts Zeek loaded, the newest."""

_MOST = 1 << 22

_SCRIPT = re.compile(
    rb"(?:^|[/\\ \t\"])(?:\./)*(?:flowprint|flowprint[-_]zeek|zeek_scripts)"
    rb"(?:/\.)*/(?:main|activity|client|notices|__load__)\.zeek",
    re.MULTILINE | re.IGNORECASE,
)
_MODULE = "module FlowPrint;"
_LOAD = re.compile(r"^\s*@load\s+(\S+)", re.MULTILINE)

LOADED = "loaded_scripts.log"


@dataclass(frozen=True, slots=True)
class Site:
    """The folder of a Zeek's own scripts.

    Attributes
    ----------
    folder : Path
        Where it is.
    loads : frozenset of str
        What its local.zeek loads.
    installed : str
        What of that would load the FlowPrint scripts, "" where they are not installed.
    name : str
        The folder that they are in.
    listed : bool
        Whether a package that is installed is among those that ``@load packages`` loads.
    """

    folder: Path
    loads: frozenset[str]
    installed: str = ""
    name: str = ""
    listed: bool = True

    @property
    def local(self) -> Path:
        """The script that Zeek runs."""
        return self.folder / "local.zeek"

    @property
    def loaded(self) -> bool:
        """Whether it loads the FlowPrint scripts."""
        names = {name.removeprefix("./").rstrip("/") for name in self.loads}
        return self.installed in names or f"site/{self.installed}" in names


def check_scripts(scene: Scene) -> Iterator[Finding]:
    """Tell whether flowprint_conn.log grows, and else what keeps it from it."""
    last, conn = scene.last("flowprint_conn"), scene.last("conn")
    if last is None or last.newest is None:
        yield _absent(scene, conn)
        return
    path, widths = last.found.path, Widths.of(parameters_of(scene.config))
    wrong = last.rows[~fits(last.rows, widths)]
    if len(wrong):
        yield _misfit(path, wrong["batch"].iloc[-1], wrong["window"].iloc[-1], widths)
    slack = widths.batch / SECOND * 2 + 600
    if conn is not None and conn.newest is not None and conn.newest - last.newest > slack:
        behind = span(conn.newest - last.newest)
        yield _optional(
            scene,
            f"{path} has had no row for {behind} in which conn.log had some: the scripts of the "
            "Zeek package are not loaded any more",
            "look for its error in reporter.log, and run `zeekctl deploy`",
        )
    elif not len(wrong):
        yield ok("scripts", f"the Zeek package is loaded: {path}")


def _misfit(path: Path, batch: int, window: int, widths: Widths) -> Finding:
    ours = f"{widths.batch / SECOND:g}sec"
    return problem(
        "scripts",
        f"{path} has batches of {batch / SECOND:g} s and windows of {window / SECOND:g} s, which "
        f"fingerprint.batch and fingerprint.window cannot be made of: its rows are left out",
        f"put `redef FlowPrint::batch = {ours};` and `redef FlowPrint::window = "
        f"{widths.window / SECOND:g}sec;` into local.zeek and run `zeekctl deploy`",
    )


def _optional(scene: Scene, found: str, do: str) -> Finding:
    """Return that the scripts do not work: without them all but notices in Zeek works."""
    needed = scene.config.run.notices != "log"
    return (problem if needed else note)("scripts", found, do)


def _absent(scene: Scene, conn: Last | None) -> Finding:
    """Tell why there is no flowprint_conn.log."""
    told = next(_loaded_scripts(scene), None)
    if told is not None and _names_scripts(told):
        return _loaded(scene, told, conn)
    site = site_of(scene)
    if site is not None:
        found, do = _step(site, told)
    else:
        where = f"there is no {LOADED}" if told is None else f"{told} does not name them"
        found = f"the scripts of the Zeek package seem not to be loaded: {where}"
        do = "install the package where Zeek runs, as docs/zeek.md says"
    return _optional(scene, f"no flowprint_conn.log: {found}", do)


def _step(site: Site, told: Path | None) -> tuple[str, str]:
    """Return which step to the scripts is missing, and what to do."""
    if not site.installed:
        return (
            f"the Zeek package is not installed in {site.folder}",
            f"run `zkg install URL-OF-FLOWPRINT-ZEEK`, and put `@load packages` into {site.local}",
        )
    unloaded = "the Zeek package is installed, but not loaded"
    if not site.listed:
        return (
            f"{unloaded}: {site.folder}/packages/packages.zeek does not name it",
            f"run `zkg load {site.name}` and `zeekctl deploy`",
        )
    if not site.loaded:
        return (
            f"{unloaded}: {site.local} lacks `@load {site.installed}`",
            f"put `@load {site.installed}` into {site.local} and run `zeekctl deploy`",
        )
    if told is None:
        return (
            f"{site.local} loads the Zeek package, but no {LOADED} tells whether Zeek did",
            f"run `zeekctl deploy`; `@load misc/loaded-scripts` in {site.local} writes {LOADED}",
        )
    return (
        f"{site.local} loads the Zeek package, but {told} does not name it",
        "run `zeekctl deploy`: Zeek was not restarted since, or runs other scripts",
    )


def _loaded(scene: Scene, told: Path, conn: Last | None) -> Finding:
    """Tell why Zeek loads the scripts and there is no log of them."""
    said = f"{told} names the scripts of the Zeek package, but there is no flowprint_conn.log"
    if conn is not None and len(conn.rows) and not (ints(conn.rows["local_orig"]) == 1).any():
        return _optional(
            scene,
            f"{said}: none of the last {len(conn.rows)} connections was opened by a host of "
            "Site::local_nets, and FlowPrint::hosts is LOCAL_HOSTS",
            "put your networks into zeekctl's networks.cfg, or into local.zeek as `redef "
            f"Site::local_nets += {{ {_networks(conn)} }};`, and run `zeekctl deploy`",
        )
    return _optional(
        scene,
        f"{said} in run.logs",
        "if local.zeek sets FlowPrint::log_dir, add that folder to run.logs; if Zeek has just "
        "started, wait for the end of a batch; else look for errors in reporter.log",
    )


def _networks(conn: Last) -> str:
    """Return the networks that most connections come from, as Zeek writes them."""
    hosts = conn.rows["id.orig_h"]
    v4 = hosts[~hosts.str.contains(":", regex=False)]
    prefixes = (v4.str.rpartition(".")[0] + ".0/24").value_counts()
    named = [str(one) for one in prefixes.index[:3] if one != ".0/24"]
    return ", ".join(named) or "192.0.2.0/24"


# Where scripts are told of


def _loaded_scripts(scene: Scene) -> Iterator[Path]:
    """Yield the logs of what Zeek has loaded, the newest first."""
    for place in scene.config.run.logs:
        path = Path(place)
        folders = [path] if is_folder(path) else [path.parent, *_folders(place)]
        yield from _loaded_in(folders)
    yield from _loaded_in(archived_folders(scene.config.run.archives)[:_DAYS])


def _folders(pattern: str) -> list[Path]:
    return [path for path in matches(pattern) if is_folder(path)]


def _loaded_in(folders: list[Path]) -> Iterator[Path]:
    for folder in folders:
        try:
            found = [one for one in folder.iterdir() if kind_of_name(one.name) == LOADED[:-4]]
            yield from sorted(found, key=lambda one: one.stat().st_mtime, reverse=True)
        except OSError:
            continue


def _names_scripts(path: Path) -> bool:
    read = 0
    try:
        for block in Blocks(path).lines():
            if _SCRIPT.search(block):
                return True
            read += len(block)
            if read > _MOST:
                break
    except LogError:
        pass
    return False


def site_of(scene: Scene) -> Site | None:
    """Return the folder of the scripts of the Zeek that is found, None without one."""
    program = program_of(scene)
    if program is None:
        return None
    prefixes = dict.fromkeys((program.parents[1], program.resolve().parents[1]))
    names = ("zeek", "bro")
    folders = (prefix / "share" / name / "site" for prefix in prefixes for name in names)
    folder = next((one for one in folders if is_folder(one)), None)
    if folder is None:
        return None
    loads = frozenset(_LOAD.findall(_text(folder / "local.zeek")))
    if name := _with_scripts(folder):
        return Site(folder, loads, name, name)
    packages = folder / "packages"
    if name := _with_scripts(packages):
        listed = {
            one.removeprefix("./") for one in _LOAD.findall(_text(packages / "packages.zeek"))
        }
        return Site(folder, loads, "packages", name, name in listed)
    return Site(folder, loads)


def _with_scripts(folder: Path) -> str:
    """Return the name of a folder inside that holds the FlowPrint scripts, "" for none."""
    try:
        inside = sorted(folder.iterdir())
    except OSError:
        return ""
    return next((one.name for one in inside if _MODULE in _text(one / "main.zeek")), "")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""

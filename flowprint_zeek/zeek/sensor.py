"""Zeek itself, run over packet captures with the scripts of this project."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import signal
import stat
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import IPv6Network
from pathlib import Path
from typing import IO, TYPE_CHECKING

from flowprint_zeek.errors import LogError, ZeekError

if TYPE_CHECKING:
    from flowprint_zeek.core.devices import Network

_logger = logging.getLogger(__name__)

PROGRAM = "zeek"
SCRIPTS = "zeek_scripts"

_PACKAGE = Path(__file__).resolve().parents[1]

_PCAP = {bytes.fromhex(each) for each in ("a1b2c3d4", "a1b23c4d", "a1b2cd34")}
"""First bytes of a pcap: microseconds, nanoseconds, and a form of Linux's; also byte by byte
turned round."""

_PCAPNG = bytes.fromhex("0a0d0d0a")
_ORDER = bytes.fromhex("1a2b3c4d")
_GZIP = b"\x1f\x8b"

_UNWANTED = {
    "ZEEK_LOG_SUFFIX",  # logs would have other names
    "ZEEK_SEED_FILE",  # connections of all captures would have the same uids
}

_SAID = 1 << 16
_LAST = 3
_PATIENCE = 10.0
"""How long Zeek has to end when it is told to, seconds."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What the scripts are told.

    Parameters
    ----------
    window, batch : float
        Widths of windows and batches, seconds.
    networks : tuple of network
        Networks whose hosts are local; no others are.
    inbound : bool
        Tell also of connections that others open.
    link_layer : bool
        Tell link-layer addresses and VLANs.
    """

    window: float
    batch: float
    networks: tuple[Network, ...]
    inbound: bool = False
    link_layer: bool = False

    @property
    def code(self) -> str:
        """The same in Zeek's language."""
        lines = [
            f"redef FlowPrint::window = {self.window:f}sec;",
            f"redef FlowPrint::batch = {self.batch:f}sec;",
            f"redef Site::local_nets = {{ {', '.join(map(_written, self.networks))} }};",
            "redef Site::private_address_space_is_local = F;",
        ]
        if self.inbound:
            lines.append("redef FlowPrint::hosts = ALL_HOSTS;")
        if self.link_layer:
            lines.append("redef FlowPrint::link_layer = T;")
        return "\n".join(lines)


def _written(network: Network) -> str:
    address = f"[{network.network_address}]" if isinstance(network, IPv6Network) else None
    return f"{address or network.network_address}/{network.prefixlen}"


def find_program(name: str = PROGRAM) -> Path:
    """Return where Zeek is: a name is looked up on PATH.

    Raises
    ------
    ZeekError
        There is no such program.
    """
    found = shutil.which(name)
    if found is None:
        raise ZeekError(
            f"no program {name!r}: install Zeek (https://zeek.org/get-zeek/; packages put it in "
            "/opt/zeek/bin; the container image is zeek/zeek), or name it with --zeek PROGRAM"
        )
    # Zeek is started in another directory.
    return Path(found).absolute()


def find_scripts(package: Path = _PACKAGE) -> Path:
    """Return where the scripts are: in an installed package, or beside it in a checkout.

    Raises
    ------
    ZeekError
        They are not there.
    """
    places = [package / SCRIPTS, package.parent / SCRIPTS]
    for place in places:
        if (place / "__load__.zeek").is_file():
            return place
    raise ZeekError("the scripts for Zeek are missing: install flowprint-zeek anew", path=places[0])


def check_capture(path: Path) -> None:
    """Check that a file begins as a packet capture.

    Raises
    ------
    LogError
        It cannot be read, or is no pcap or pcapng.
    """
    try:
        # A pipe would not give what was read of it to Zeek again.
        regular = stat.S_ISREG(path.stat().st_mode)
        head = _head(path) if regular else b""
    except OSError as error:
        raise LogError(f"cannot be read: {error.strerror}", path=path) from error
    if not regular:
        raise LogError("is no file: Zeek reads captures from files", path=path)
    if head.startswith(_GZIP):
        raise LogError("is compressed by gzip, which Zeek does not read: unpack it", path=path)
    if not _is_capture(head):
        raise LogError("is no capture: it begins neither as pcap nor as pcapng", path=path)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(12)


def _is_capture(head: bytes) -> bool:
    magic, order = head[:4], head[8:12]
    if magic == _PCAPNG:
        return _ORDER in (order, order[::-1])
    return magic in _PCAP or magic[::-1] in _PCAP


@dataclass(frozen=True, slots=True)
class Sensor:
    """A Zeek that reads captures.

    Parameters
    ----------
    program, scripts : Path
        Where both are, absolute.
    settings : Settings
        What the scripts are told.
    """

    program: Path
    scripts: Path
    settings: Settings

    def read(self, capture: Path, folder: Path) -> list[str]:
        """Run Zeek over a capture; it writes its logs to a folder.

        However this ends, Zeek has ended too.

        Returns
        -------
        list of str
            Lines that Zeek wrote to stderr, the last 64 KiB of them: warnings.

        Raises
        ------
        ZeekError
            Zeek cannot be started, or fails.
        """
        with tempfile.TemporaryFile() as stderr:
            code = self._run(capture.absolute(), folder, stderr)
            said = _lines(stderr)
        if code:
            how = (
                f"with code {code}" if code > 0 else f"by signal {signal.strsignal(-code) or -code}"
            )
            reasons = "; ".join(said[-_LAST:]) or "it says nothing"
            raise ZeekError(f"Zeek ended {how}: {reasons}", path=capture)
        return said

    def _run(self, capture: Path, folder: Path, stderr: IO[bytes]) -> int:
        # Where the network card makes checksums, those of sent packets are wrong (-C).
        argv = [str(self.program), "-C", "-r", _source(capture), "-e", self.settings.code]
        argv.append(str(self.scripts))
        _logger.info("%s", shlex.join(argv))
        environment = {name: value for name, value in os.environ.items() if name not in _UNWANTED}
        null = subprocess.DEVNULL
        try:
            process = subprocess.Popen(  # noqa: S603  # what the operator names, without a shell
                argv, cwd=folder, env=environment, stdin=null, stdout=null, stderr=stderr
            )
        except OSError as error:
            why = f"cannot be started: {error.strerror}"
            raise ZeekError(why, path=self.program) from error
        try:
            return process.wait()
        finally:
            _end(process)


def _source(capture: Path) -> str:
    """Return a capture as Zeek's option takes it."""
    # What stands before "::" would be the kind of the source.
    return f"pcap::{capture}" if "::" in str(capture) else str(capture)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End Zeek where it runs: not every Ctrl-C goes to it, too."""
    process.terminate()
    try:
        with suppress(subprocess.TimeoutExpired):
            process.wait(_PATIENCE)
    finally:
        process.kill()
        process.wait()


def _lines(file: IO[bytes]) -> list[str]:
    """Return the last lines of a file, blank ones left out."""
    start = max(0, file.seek(0, os.SEEK_END) - _SAID)
    file.seek(start)
    lines = file.read().decode("utf-8", "replace").splitlines()
    # The first may be cut.
    return [line.strip() for line in lines[start > 0 :] if line.strip()]

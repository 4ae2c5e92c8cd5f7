"""Zeek, run over packet captures."""

from __future__ import annotations

import os
import signal
import subprocess
import tomllib
from ipaddress import ip_network
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.errors import LogError, ZeekError
from flowprint_zeek.zeek import sensor
from flowprint_zeek.zeek.sensor import (
    Sensor,
    Settings,
    check_capture,
    find_program,
    find_scripts,
)
from tests.zeek.fake_zeek import capture, fake_zeek

if TYPE_CHECKING:
    from tests.zeek.fake_zeek import FakeZeek

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = Settings(30.0, 300.0, (ip_network("10.0.0.0/8"), ip_network("fe80::/10")))


def read(tmp_path: Path, fake: FakeZeek, *, name: str = "a.pcap") -> list[str]:
    """Run a fake over a capture, in the folder `logs`."""
    folder = tmp_path / "logs"
    folder.mkdir()
    scripts = tmp_path / "scripts"
    return Sensor(fake.program, scripts, SETTINGS).read(capture(tmp_path / name), folder)


# What there is


def test_zeek_is_looked_up_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its place is absolute, also where PATH names a relative one."""
    fake = fake_zeek(tmp_path / "bin")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "bin")
    assert find_program() == fake.program


def test_zeek_may_be_named_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative one is that of the working directory."""
    fake = fake_zeek(tmp_path / "bin")
    monkeypatch.chdir(tmp_path)
    assert find_program("bin/zeek") == fake.program


def test_without_zeek_is_said_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names packages, the image and the option."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ZeekError) as raised:
        find_program()
    assert str(raised.value) == (
        "no program 'zeek': install Zeek (https://zeek.org/get-zeek/; packages put it in "
        "/opt/zeek/bin; the container image is zeek/zeek), or name it with --zeek PROGRAM"
    )


@pytest.mark.parametrize("place", ["package", "."])
def test_scripts_are_in_the_package_or_beside_it(tmp_path: Path, place: str) -> None:
    """As an installed wheel and a checkout have them."""
    scripts = tmp_path / place / "zeek_scripts"
    scripts.mkdir(parents=True)
    (scripts / "__load__.zeek").touch()
    assert find_scripts(tmp_path / "package") == scripts


def test_missing_scripts_are_told(tmp_path: Path) -> None:
    """A broken installation is an error that says where they should be."""
    with pytest.raises(ZeekError, match=f"^{tmp_path}/zeek_scripts: .* install .* anew$"):
        find_scripts(tmp_path)


def test_the_scripts_of_this_package_are_found() -> None:
    """Wherever the package is."""
    assert (find_scripts() / "main.zeek").is_file()


def test_wheels_have_the_scripts() -> None:
    """In the package itself; source distributions have the folder a wheel takes them from."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    targets = project["tool"]["hatch"]["build"]["targets"]
    assert targets["wheel"]["force-include"] == {"zeek_scripts": "flowprint_zeek/zeek_scripts"}
    assert "zeek_scripts" in targets["sdist"]["include"]


# Captures


@pytest.mark.parametrize(
    "head",
    [
        "a1b2c3d4",
        "d4c3b2a1",
        "a1b23c4d",
        "4d3cb2a1",
        "34cdb2a1",
        "0a0d0d0a 1c000000 4d3c2b1a",
        "0a0d0d0a 0000001c 1a2b3c4d",
    ],
)
def test_captures_are_known_by_how_they_begin(tmp_path: Path, head: str) -> None:
    """Both formats, both byte orders, microseconds and nanoseconds."""
    path = tmp_path / "a"
    path.write_bytes(bytes.fromhex(head) + bytes(20))
    check_capture(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no capture: it begins neither as pcap nor as pcapng"),
        (b"\xd4\xc3\xb2", "is no capture"),
        (b"#separator \\x09\n", "is no capture"),
        (bytes.fromhex("0a0d0d0a 1c000000 00000000"), "is no capture"),
        (b"\x1f\x8b\x08\x00", "is compressed by gzip, which Zeek does not read: unpack it"),
    ],
)
def test_what_is_no_capture_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    """With its name, and how to make one of it."""
    path = tmp_path / "a.pcap"
    path.write_bytes(content)
    with pytest.raises(LogError, match=f"^{path}: {said}"):
        check_capture(path)


@pytest.mark.parametrize(
    ("name", "said"),
    [("none", "cannot be read: No such file or directory"), ("", "is no file"), ("pipe", "is no")],
)
def test_what_is_no_file_is_refused(tmp_path: Path, name: str, said: str) -> None:
    """What is not there, a directory and a pipe; the pipe is not opened."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(LogError, match=said):
        check_capture(tmp_path / name)


# Running


def test_settings_are_written_in_the_language_of_zeek() -> None:
    """Times have a unit, IPv6 networks brackets; nothing else is local."""
    assert SETTINGS.code.splitlines() == [
        "redef FlowPrint::window = 30.000000sec;",
        "redef FlowPrint::batch = 300.000000sec;",
        "redef Site::local_nets = { 10.0.0.0/8, [fe80::]/10 };",
        "redef Site::private_address_space_is_local = F;",
    ]


def test_settings_that_ask_for_more_are_told() -> None:
    """Connections of others and link-layer addresses are left out otherwise."""
    code = Settings(0.1, 1.0, (), inbound=True, link_layer=True).code
    assert code.splitlines()[-2:] == [
        "redef FlowPrint::hosts = ALL_HOSTS;",
        "redef FlowPrint::link_layer = T;",
    ]
    assert "redef FlowPrint::window = 0.100000sec;" in code


def test_zeek_reads_the_capture_with_the_scripts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By absolute paths, in the folder of the logs."""
    fake = fake_zeek(tmp_path / "bin", "Path('conn.log').touch()")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()
    capture(tmp_path / "-e a.pcap")
    zeek = Sensor(fake.program, tmp_path / "scripts", SETTINGS)
    assert zeek.read(Path("-e a.pcap"), Path("logs")) == []
    (call,) = fake.calls
    scripts = f"{tmp_path}/scripts"
    assert call["argv"] == ["-C", "-r", f"{tmp_path}/-e a.pcap", "-e", SETTINGS.code, scripts]
    assert call["cwd"] == f"{tmp_path}/logs"
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["conn.log"]


def test_a_capture_may_be_named_after_an_ipv6_address(tmp_path: Path) -> None:
    """Zeek would take what stands before two colons for the kind of the source."""
    fake = fake_zeek(tmp_path / "bin")
    read(tmp_path, fake, name="fe80::1.pcap")
    assert fake.calls[0]["argv"][2] == f"pcap::{tmp_path}/fe80::1.pcap"


def test_zeek_gets_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """But for what would give logs other names, or connections of several captures one uid."""
    for name in ("ZEEKPATH", "ZEEK_LOG_SUFFIX", "ZEEK_SEED_FILE"):
        monkeypatch.setenv(name, "x")
    fake = fake_zeek(tmp_path / "bin")
    read(tmp_path, fake)
    given = {name for name in fake.calls[0]["environment"] if name.startswith("ZEEK")}
    assert given == {"ZEEKPATH"}


def test_what_zeek_says_is_returned(tmp_path: Path) -> None:
    """The lines of its stderr, not its stdout, without blank ones."""
    body = "print('out'); sys.stderr.write('one\\n\\n  two\\n')"
    assert read(tmp_path, fake_zeek(tmp_path / "bin", body)) == ["one", "two"]


def test_of_much_that_zeek_says_the_end_is_returned(tmp_path: Path) -> None:
    """What it says grows no memory, and no line is cut."""
    body = "sys.stderr.write(''.join(f'line {n:06}\\n' for n in range(100_000)))"
    said = read(tmp_path, fake_zeek(tmp_path / "bin", body))
    assert said[-1] == "line 099999"
    assert said[0] == f"line {100_000 - len(said):06}"
    assert len(said) == (1 << 16) // len("line 000000\n")


# Failing


def test_when_zeek_fails_its_last_words_are_told(tmp_path: Path) -> None:
    """With the capture and the code, in one line."""
    body = "sys.stderr.write('a\\nb\\nc\\nd\\n'); sys.exit(3)"
    with pytest.raises(ZeekError) as raised:
        read(tmp_path, fake_zeek(tmp_path / "bin", body))
    assert str(raised.value) == f"{tmp_path}/a.pcap: Zeek ended with code 3: b; c; d"


def test_when_zeek_is_killed_the_signal_is_told(tmp_path: Path) -> None:
    """As where memory ran out."""
    body = "import signal; os.kill(os.getpid(), signal.SIGKILL)"
    with pytest.raises(ZeekError, match=r"Zeek ended by signal Killed: it says nothing$"):
        read(tmp_path, fake_zeek(tmp_path / "bin", body))


def test_a_program_that_cannot_be_started_is_told(tmp_path: Path) -> None:
    """Such as one for other machines."""
    fake = fake_zeek(tmp_path / "bin")
    fake.program.write_bytes(b"\x7fELF nonsense")
    with pytest.raises(ZeekError, match=f"^{fake.program}: cannot be started: Exec format error$"):
        read(tmp_path, fake)


@pytest.mark.parametrize("deaf", [False, True])
def test_ctrl_c_ends_zeek(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, deaf: bool) -> None:
    """Also a Zeek that did not get it, and one that does not listen."""
    os.mkfifo(tmp_path / "ready")
    body = "import signal\n"
    if deaf:
        body += "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        monkeypatch.setattr(sensor, "_PATIENCE", 0.0)
    body += "(home.parent / 'ready').write_text(str(os.getpid()))\nwhile True: signal.pause()"
    pids: list[int] = []

    class Interrupted(subprocess.Popen[bytes]):
        """Is interrupted once it is waited for."""

        def wait(self, timeout: float | None = None) -> int:
            if not pids:
                pids.append(int((tmp_path / "ready").read_text()))
                signal.raise_signal(signal.SIGINT)
            return super().wait(timeout)

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    with pytest.raises(KeyboardInterrupt):
        read(tmp_path, fake_zeek(tmp_path / "bin", body))
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)

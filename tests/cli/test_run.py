"""run: what it checks, what signals do to it, and that a real process loses nothing."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.simulate import simulate
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.stream.live import Live
from flowprint_zeek.stream.state import State
from flowprint_zeek.zeek.watch import Hints
from tests.stream.daemons import Site, expected, small
from tests.stream.sensor import Sensor
from tests.stream.test_live import NETWORK, Running, replayed, settings, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flowprint_zeek.config import Config
    from tests.cli.conftest import Cli

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 60.0
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
INTERRUPTED = "flowprint-zeek: interrupted\n"


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Set the handlers of signals back."""
    before = [signal.getsignal(number) for number in SIGNALS]
    yield
    for number, handler in zip(SIGNALS, before, strict=True):
        signal.signal(number, handler)


def said(config: Config, folder: Path, **changed: object) -> Path:
    """Write settings to a file, changed at section__key."""
    content = config.to_dict()
    for key, value in changed.items():
        section, _, name = key.partition("__")
        content[section][name] = value
    path = folder / "settings.yaml"
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a site with all of its logs written and no daemon."""
    made = Site(tmp_path, small(tmp_path, run__events="none"))
    yield made
    made.stop()


def ends_as_replay(site: Site, folder: Path) -> bool:
    site.end()
    return site.outputs() == expected(folder)


# Checks


def test_check_tells_what_is_found(cli: Cli, site: Site) -> None:
    """And ends; nothing is read or written."""
    site.write()
    done = cli.ok("run", "--config", said(site.config, site.folder), "--check")
    logs = ", ".join(f"{site.current}/{kind}.log" for kind in ("conn", "ssl"))
    assert done.out == (
        f"conn and ssl logs found: {logs}\n"
        f"state: {site.config.run.state}; notices: {site.config.run.output}\n"
    )
    assert not site.out.exists()
    with closing(State(Path(site.config.run.state))) as state:
        assert state.sections() == {}


@pytest.mark.parametrize(
    ("notices", "said_of"), [("zeek", "{outbox}"), ("both", "{out} and {outbox}")]
)
def test_check_tells_where_notices_go(cli: Cli, site: Site, notices: str, said_of: str) -> None:
    """To Zeek through the outbox, or to both."""
    (site.folder / "handed").mkdir()
    outbox = site.folder / "handed" / "outbox.tsv"
    path = said(site.config, site.folder, run__notices=notices, run__outbox=str(outbox))
    done = cli.ok("run", "--config", path, "--check")
    assert done.out.endswith(f"notices: {said_of.format(out=site.out, outbox=outbox)}\n")


def test_check_of_an_outbox_without_a_folder(cli: Cli, site: Site) -> None:
    """One line, and the code of its class."""
    outbox = site.folder / "nowhere" / "outbox.tsv"
    path = said(site.config, site.folder, run__notices="zeek", run__outbox=str(outbox))
    done = cli("run", "--config", path, "--check")
    assert (done.code, done.out) == (Exit.OUTPUT, "")
    assert f"{outbox}: cannot be written: No such file or directory" in done.err


def test_check_as_json(cli: Cli, site: Site) -> None:
    """With all settings, the logs, and what is wrong with places."""
    path = said(site.config, site.folder, run__archives=[str(site.folder / "none")])
    done = cli.ok("run", "--config", path, "--check", "--json").json
    assert done["parameters"]["run"]["logs"] == [str(site.current)]
    assert done["logs"] == []
    assert done["problems"] == [f"{site.folder}/none: no such directory"]


def test_check_of_a_damaged_state(cli: Cli, site: Site) -> None:
    """One line, and the code of its class."""
    Path(site.config.run.state).write_bytes(b"no database" * 500)
    done = cli("run", "--config", said(site.config, site.folder), "--check")
    assert done.code == Exit.STATE
    assert done.err.count("\n") == 1
    assert f"error: {site.config.run.state}: is damaged (file is not a database)" in done.err


def test_check_of_a_wrong_key(cli: Cli, site: Site) -> None:
    """It is named with its line."""
    path = site.folder / "wrong.yaml"
    path.write_text("run:\n  log: [/opt/zeek]\n")
    done = cli("run", "--config", path, "--check")
    assert done.code == Exit.CONFIG
    assert f"{path}:2: unknown key run.log" in done.err


def test_check_of_a_mode_without_anything_known(cli: Cli, site: Site) -> None:
    """The option counts as the setting does."""
    done = cli("run", "--config", said(site.config, site.folder), "--mode", "detect", "--check")
    assert done.code == Exit.CONFIG
    assert "run.mode is detect and nothing is known" in done.err


# Signals, each at a certain moment


@pytest.fixture
def at_step(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what lets signals come when so many batches of the logs were read."""

    def arrange(**moments: Callable[[], None]) -> None:
        steps = [0]
        real = Live.step

        def step(live: Live) -> bool:
            steps[0] += 1
            moments.get(f"at_{steps[0]}", lambda: None)()
            return real(live)

        monkeypatch.setattr(Live, "step", step)

    return arrange


@pytest.fixture
def at_rest(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what lets things happen when the daemon waits for more, one after the other."""

    def arrange(*moments: Callable[[], None]) -> None:
        left = list(moments)
        monkeypatch.setattr(Hints, "wait", lambda _hints, _seconds: left.pop(0)())

    return arrange


def sends(number: int) -> Callable[[], None]:
    return lambda: signal.raise_signal(number)


@pytest.mark.parametrize(
    ("number", "code", "err"),
    [(signal.SIGTERM, Exit.OK, ""), (signal.SIGINT, Exit.INTERRUPTED, INTERRUPTED)],
)
def test_an_end_in_the_middle_of_catching_up(
    cli: Cli, site: Site, tmp_path: Path, at_step: Any, number: int, code: int, err: str
) -> None:
    """It leaves off after the batch at hand, and the next start goes on."""
    site.write()
    at_step(at_5=sends(number))
    done = cli("run", "--config", said(site.config, site.folder))
    assert done.code == code
    following = f"following {site.current}; notices in {site.out}\n"
    assert done.err.startswith(following)
    assert done.err.endswith(err or "\n")
    with closing(State(Path(site.config.run.state))) as state:
        assert len(state.logs()) == 2
    assert site.running.pipeline.counts.batches == 3
    assert ends_as_replay(site, tmp_path)


def test_a_second_ctrl_c_does_not_wait(cli: Cli, site: Site, tmp_path: Path, at_step: Any) -> None:
    """It may come in the middle of a batch; what was not committed is done again."""
    site.write()

    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        pytest.fail("went on after the second")

    at_step(at_6=twice)
    done = cli("run", "--config", said(site.config, site.folder))
    assert (done.code, done.err.splitlines()[-1]) == (Exit.INTERRUPTED, INTERRUPTED.strip())
    assert ends_as_replay(site, tmp_path)


def test_settings_are_read_again_while_it_catches_up(
    cli: Cli, site: Site, tmp_path: Path, at_step: Any, at_rest: Any
) -> None:
    """What open batches had is read again, and nothing comes twice."""
    site.write()
    at_step(at_4=sends(signal.SIGHUP), at_9=sends(signal.SIGHUP))
    at_rest(sends(signal.SIGTERM))
    done = cli.ok("run", "--config", said(site.config, site.folder))
    assert done.err.count("settings read again\n") == 2
    assert ends_as_replay(site, tmp_path)


def test_settings_that_were_changed_count_from_then_on(cli: Cli, site: Site, at_rest: Any) -> None:
    """Here it is to learn on: nothing is judged, and what was learned is kept."""
    site.write(600)

    def changed() -> None:
        said(site.config, site.folder, run__learn_for="30d")
        signal.raise_signal(signal.SIGHUP)

    at_rest(changed, site.write, sends(signal.SIGTERM))
    cli.ok("run", "--config", said(site.config, site.folder))
    assert not site.out.exists()
    assert site.running.pipeline.counts.learned == site.running.pipeline.counts.batches == 10


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"run__scan": "soon"}, "run.scan must be"),
        ({"fingerprint__scheme": "paper"}, "was learned with fingerprint.scheme names, the sett"),
        ({"run__output": "/dev/null"}, "/dev/null/notice.log: cannot be written: Not a directory"),
        ({"run__state": "/dev/null/state"}, "/dev/null/state: cannot be opened"),
    ],
)
def test_settings_that_cannot_be_used_change_nothing(
    cli: Cli, site: Site, tmp_path: Path, at_step: Any, at_rest: Any, wrong: Any, told: str
) -> None:
    """It says what is wrong with them and goes on as before."""
    site.write()

    def spoilt() -> None:
        said(site.config, site.folder, **wrong)
        signal.raise_signal(signal.SIGHUP)

    at_step(at_5=spoilt)
    at_rest(sends(signal.SIGHUP), sends(signal.SIGTERM))
    done = cli.ok("run", "--config", said(site.config, site.folder))
    assert done.err.count(told) == 2
    assert done.err.count("warning: the settings stay as they were\n") == 2
    assert "settings read again" not in done.err
    assert ends_as_replay(site, tmp_path)


def test_an_end_while_settings_are_read(
    cli: Cli, site: Site, at_rest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM just behind SIGHUP is not lost."""
    site.write(1_000)
    real = State.close

    def closed(state: State) -> None:
        real(state)
        signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr(State, "close", closed)
    at_rest(sends(signal.SIGHUP))
    cli.ok("run", "--config", said(site.config, site.folder))


# A process


@contextmanager
def process(path: Path, err: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the daemon, which must not outlive the test."""
    argv = [sys.executable, "-m", "flowprint_zeek", "run", "--config", str(path)]
    with err.open("ab") as file, subprocess.Popen(argv, cwd=ROOT, stderr=file) as running:
        try:
            yield running
        finally:
            running.kill()


def wait_for(condition: Callable[[], bool], meanwhile: Callable[[], None]) -> None:
    """Wait until something is so, and do something meanwhile."""
    until = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < until, "waited in vain"
        meanwhile()
        time.sleep(0.005)


def read(state: Path) -> int:
    """Return how much of the logs the state says was read; 0 before its first commit."""
    try:
        with closing(sqlite3.connect(f"file:{state}?mode=ro", uri=True)) as db:
            total: float = db.execute("SELECT total(offset + taken) FROM log").fetchone()[0]
    except sqlite3.OperationalError:
        return 0
    return round(total)


def test_a_process_that_is_ended_and_killed_again_and_again(tmp_path: Path) -> None:
    """A sensor writes and rotates meanwhile: both logs become those of a replay."""
    source = tmp_path / "source"
    write(simulate(NETWORK), source, rotate=None)
    config = settings(tmp_path, run__scan="0.05")
    path, err, state = said(config, tmp_path), tmp_path / "err", Path(config.run.state)
    sensor = Sensor(source, tmp_path, seed=5)
    codes: list[int] = []
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGKILL):
        with process(path, err) as running:
            wait_for(lambda: err.read_bytes().count(b"following") > len(codes), lambda: None)
            for _ in range(2):
                before = read(state)
                wait_for(lambda: read(state) != before, sensor.step)  # noqa: B023  called at once
            running.send_signal(number)
            codes.append(running.wait(DEADLINE))
        for _ in range(60):
            sensor.step()
    assert codes == [Exit.OK, -signal.SIGKILL, Exit.INTERRUPTED, -signal.SIGKILL]
    assert not sensor.done
    sensor.finish()
    Running(config).end()
    assert written(tmp_path / "out") == replayed(source, tmp_path / "replayed", config)
    assert "Traceback" not in err.read_text()

"""run as a service: what its manager is told, and the metrics that it serves meanwhile."""

from __future__ import annotations

import signal
import socket
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.zeek.watch import Hints
from tests.cli.test_notify import Manager
from tests.cli.test_run import handlers, process, said, sends, wait_for
from tests.stream.daemons import Site, small
from tests.stream.test_metrics import scraped, values

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.cli.conftest import Cli

__all__ = ["handlers"]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a site with all of its logs written and no daemon."""
    made = Site(tmp_path, small(tmp_path, run__events="none"))
    made.write()
    yield made
    made.stop()


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    """Return a service manager that listens to this process."""
    with closing(Manager(str(tmp_path / "notify"))) as listening:
        monkeypatch.setenv("NOTIFY_SOCKET", listening.environ["NOTIFY_SOCKET"])
        yield listening


@pytest.fixture
def at_rest(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return what lets things happen when the daemon waits for more, one after the other."""

    def arrange(*moments: Callable[[], object]) -> None:
        left = list(moments)
        monkeypatch.setattr(Hints, "wait", lambda _hints, _seconds: left.pop(0)())

    return arrange


def free_port() -> int:
    """Return a port that nobody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


def test_the_manager_is_told_of_a_life(
    cli: Cli, site: Site, manager: Manager, at_rest: Any
) -> None:
    """Ready, what it does, that it lives, reads its settings again, and ends."""
    at_rest(sends(signal.SIGHUP), sends(signal.SIGTERM))
    cli.ok("run", "--config", said(site.config, site.folder))
    told = manager.told()
    states = [each.partition("\n")[0] for each in told if not each.startswith(("STA", "WATCH"))]
    assert states == ["READY=1", "RELOADING=1", "READY=1", "STOPPING=1"]
    assert told.index("WATCHDOG=1") == 1
    (status, *_) = [each for each in told if each.startswith("STATUS=")]
    assert status.startswith("STATUS=detecting; newest row ")


def test_the_manager_is_told_while_the_state_cannot_be_written(
    cli: Cli, site: Site, manager: Manager, at_rest: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restart by its watchdog would help nobody."""
    monkeypatch.setattr("flowprint_zeek.stream.daemon.Daemon.commit", lambda _daemon: False)
    monkeypatch.setattr("flowprint_zeek.cli.notify._ALIVE", 0.0)
    counts: list[int] = []

    def counted() -> None:
        counts.append(manager.told().count("WATCHDOG=1"))

    at_rest(counted, counted, counted, sends(signal.SIGTERM))
    cli.ok("run", "--config", said(site.config, site.folder))
    assert all(counts)


def test_a_start_that_fails_is_never_ready(cli: Cli, site: Site, manager: Manager) -> None:
    """The manager sees the exit code."""
    Path(site.config.run.state).write_bytes(b"no database" * 500)
    done = cli("run", "--config", said(site.config, site.folder))
    assert done.code == Exit.STATE
    assert manager.told() == []


def test_metrics_are_served_until_the_end(cli: Cli, site: Site, at_rest: Any) -> None:
    """Also after settings were read again, on another port then."""
    first, second = free_port(), free_port()
    path = said(site.config, site.folder, run__metrics=f"127.0.0.1:{first}")
    batches: list[float] = []

    def look(port: int) -> None:
        batches.append(values(scraped(port), "batches")[""])

    def changed() -> None:
        look(first)
        said(site.config, site.folder, run__metrics=f"127.0.0.1:{second}")
        signal.raise_signal(signal.SIGHUP)

    def ended() -> None:
        look(second)
        signal.raise_signal(signal.SIGTERM)

    at_rest(changed, ended)
    cli.ok("run", "--config", path)
    # The second daemon finds nothing that is new.
    assert batches[0] > batches[1] == 0
    for port in (first, second):
        with pytest.raises(OSError, match="refused"):
            scraped(port)


def test_a_port_in_use(cli: Cli, site: Site) -> None:
    """It is one error at the start, and with --check."""
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        for check in ([], ["--check"]):
            path = said(site.config, site.folder)
            done = cli("run", "--config", path, "--metrics", address, *check)
            assert (done.code, done.err.count("\n")) == (Exit.CONFIG, 1)
            assert f"run.metrics: {address} cannot be listened on: Address already" in done.err


def test_a_port_that_is_in_use_when_settings_are_read_again(
    cli: Cli, site: Site, at_rest: Any
) -> None:
    """The daemon goes on as before."""
    port = free_port()
    path = said(site.config, site.folder, run__metrics=f"127.0.0.1:{port}")
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        taken = f"127.0.0.1:{other.getsockname()[1]}"

        def changed() -> None:
            said(site.config, site.folder, run__metrics=taken)
            signal.raise_signal(signal.SIGHUP)

        def ended() -> None:
            assert scraped(port)
            signal.raise_signal(signal.SIGTERM)

        at_rest(changed, ended)
        done = cli.ok("run", "--config", path)
    assert f"run.metrics: {taken} cannot be listened on" in done.err
    assert "the settings stay as they were" in done.err


def test_without_prometheus_client(cli: Cli, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install; nobody needs it who has no metrics."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.delitem(sys.modules, "flowprint_zeek.stream.metrics", raising=False)
    path = said(site.config, site.folder)
    done = cli("run", "--config", path, "--metrics", "127.0.0.1:9790", "--check")
    assert (done.code, done.err.count("\n")) == (Exit.CONFIG, 1)
    assert "pip install 'flowprint-zeek[metrics]'" in done.err
    cli.ok("run", "--config", path, "--check")


def test_status_of_a_process(cli: Cli, site: Site) -> None:
    """What one process tells another one sees, and when it has ended."""
    path = said(site.config, site.folder)
    with process(path, site.folder / "err") as running:
        wait_for(lambda: _batches(cli, path) > 0, lambda: None)
        assert cli.ok("status", "--config", path, "--json", "--max-age", "1h").json["running"]
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == Exit.OK
    assert not cli.ok("status", "--config", path, "--json").json["running"]


def _batches(cli: Cli, path: Path) -> int:
    """Return how many batches the status has; 0 before there is one."""
    done = cli("status", "--config", path, "--json")
    if done.code != Exit.OK or done.json["status"] is None:
        return 0
    return int(done.json["status"]["done"]["batches"])

"""Metrics of a daemon, scraped over HTTP as Prometheus does it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from http.client import HTTPConnection
from typing import TYPE_CHECKING

import pytest
from prometheus_client.parser import text_string_to_metric_families

from flowprint_zeek import __version__
from flowprint_zeek.errors import ConfigError
from flowprint_zeek.stream.metrics import COUNTERS, GAUGES, MetricsServer, StatusCollector
from tests.stream.daemons import START, Site

if TYPE_CHECKING:
    from prometheus_client import Metric

    from flowprint_zeek.stream.status import Status

ANY_PORT = "127.0.0.1:0"


def scraped(port: int, host: str = "127.0.0.1") -> dict[str, Metric]:
    """Return the metrics that are served, by name."""
    with closing(HTTPConnection(host, port, timeout=30)) as connection:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    return {family.name: family for family in text_string_to_metric_families(text)}


def values(families: dict[str, Metric], name: str) -> dict[str, float]:
    """Return the values of a metric by that of its label, "" without one."""
    samples = families[f"flowprint_{name}"].samples
    return {"".join(sample.labels.values()): sample.value for sample in samples}


def served(site: Site, wall: float | None = None) -> dict[str, Metric]:
    """Return what is served of a site's daemon."""
    daemon = site.running
    now = START + 1_800 if wall is None else wall
    collector = StatusCollector(daemon.status(), lambda: daemon.latest, lambda: now)
    site.follow(1_800)
    site.poll(11)
    with closing(MetricsServer(ANY_PORT, collector)) as server:
        return scraped(server.port)


def test_every_figure_is_there(site: Site) -> None:
    """With its type and what it is; nothing else but the process's own."""
    families = served(site)
    own = {name: family for name, family in families.items() if not name.startswith("process_")}
    counters = {f"flowprint_{metric.name}": "counter" for metric in COUNTERS}
    gauges = {f"flowprint_{metric.name}": "gauge" for metric in GAUGES}
    assert {name: family.type for name, family in own.items()} == (
        counters | gauges | {"flowprint_daemon_info": "gauge"}
    )
    assert all(family.documentation for family in own.values())
    assert families["process_resident_memory_bytes"].samples[0].value > 0


def test_figures_are_those_of_the_status(site: Site) -> None:
    """Also those with a label."""
    families = served(site)
    status = site.running.latest
    assert status is not None
    assert values(families, "rows_read") == status.reading.rows
    assert values(families, "flows") == {"": status.done.flows}
    assert values(families, "notices") == {"": status.done.notices}
    assert values(families, "known_apps") == {"": status.kept.known}
    assert values(families, "coverage_ratio") == status.done.coverage
    assert values(families, "phase") == {"learn": 0, "shadow": 0, "detect": 1}
    assert values(families, "start_timestamp_seconds") == {"": START}
    (info,) = families["flowprint_daemon_info"].samples
    assert info.labels == {"version": __version__, "mode": "auto"}


def test_counters_have_the_ending_that_prometheus_wants(site: Site) -> None:
    """``_total``, and gauges have not."""
    names = {sample.name for family in served(site).values() for sample in family.samples}
    assert {f"flowprint_{metric.name}_total" for metric in COUNTERS} - names == {
        "flowprint_rows_damaged_total",
        "flowprint_rows_dropped_total",
    }
    assert not [metric.name for metric in GAUGES if metric.name.endswith("_total")]


def test_counters_begin_at_zero(site: Site) -> None:
    """What was counted before a restart is no rate."""
    site.follow(1_200)
    site.poll(11)
    site.stop()
    families = served(site)
    status = site.running.latest
    assert status is not None
    assert 0 < values(families, "batches")[""] < status.done.batches


def test_lag_grows_while_nothing_is_told(site: Site) -> None:
    """Also where the daemon hangs an alert fires."""
    families = served(site, wall=START + 90_000)
    assert values(families, "lag_seconds")[""] == pytest.approx(
        START + 90_000 - values(families, "newest_row_timestamp_seconds")[""]
    )


def test_before_the_first_status_there_is_nothing(site: Site) -> None:
    """But the process's own."""
    collector = StatusCollector(site.running.status(), lambda: None)
    with closing(MetricsServer(ANY_PORT, collector)) as server:
        assert all(name.startswith("process_") for name in scraped(server.port))


def test_what_is_not_known_is_left_out(site: Site) -> None:
    """A gauge of nothing is not zero."""
    site.poll()
    status = site.running.status()
    families = scrape_of(status)
    assert values(families, "lag_seconds") == {}
    assert values(families, "phase_progress_ratio") == {}
    assert values(families, "coverage_ratio") == {}
    assert values(families, "pending_apps") == {"": 0}


def test_names_in_labels_are_escaped(site: Site) -> None:
    """Whatever they hold."""
    status = site.running.status()
    strange = replace(status, reading=replace(status.reading, dropped={'a"b\nc\\': 3}))
    assert values(scrape_of(strange, status), "rows_dropped") == {'a"b\nc\\': 3}


def scrape_of(status: Status, begun: Status | None = None) -> dict[str, Metric]:
    collector = StatusCollector(begun or status, lambda: status)
    with closing(MetricsServer(ANY_PORT, collector)) as server:
        return scraped(server.port)


def test_other_loopbacks(site: Site) -> None:
    """A host may be a name; an address of IPv6 has brackets."""
    collector = StatusCollector(site.running.status(), lambda: None)
    with closing(MetricsServer("localhost:0", collector)) as server:
        assert scraped(server.port, "localhost")


def test_a_port_in_use_is_an_error(site: Site) -> None:
    """One line with the setting; once it is free it may be had."""
    collector = StatusCollector(site.running.status(), lambda: None)
    with closing(MetricsServer(ANY_PORT, collector)) as server:
        address = f"127.0.0.1:{server.port}"
        said = f"run.metrics: {address} cannot be listened on: Address already in use"
        with pytest.raises(ConfigError, match=said):
            MetricsServer(address, collector)
    MetricsServer(address, collector).close()


def test_an_address_of_another_host_is_an_error(site: Site) -> None:
    """It says so."""
    collector = StatusCollector(site.running.status(), lambda: None)
    with pytest.raises(ConfigError, match=r"run.metrics: 192.0.2.1:9790 cannot be listened on: "):
        MetricsServer("192.0.2.1:9790", collector)


def test_a_server_that_was_closed_is_gone(site: Site) -> None:
    """Nothing answers, and no thread is left."""
    collector = StatusCollector(site.running.status(), lambda: None)
    server = MetricsServer(ANY_PORT, collector)
    assert scraped(server.port)
    server.close()
    assert not server._thread.is_alive()
    with pytest.raises(OSError, match="refused"):
        scraped(server.port)

"""What a daemon does, as metrics for Prometheus.

Needs prometheus-client, the extra ``metrics``. Counters begin at zero when the daemon starts, as
rates need it; what was counted of all time stands in the status.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily
from prometheus_client.registry import Collector

from flowprint_zeek.errors import ConfigError
from flowprint_zeek.stream.phases import MODES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.core import Metric as Family

    from flowprint_zeek.stream.status import Status

Values = float | Mapping[str, float | None] | None

PREFIX = "flowprint_"


class Metric(NamedTuple):
    """A metric: its name without `PREFIX`, what it is, its values by the values of a label."""

    name: str
    said: str
    of: Callable[[Status], Values]
    label: str = ""


COUNTERS = (
    Metric("rows_read", "Good rows read, by kind of log.", lambda s: s.reading.rows, "log"),
    Metric("rows_damaged", "Damaged rows, by kind of log.", lambda s: s.reading.damaged, "log"),
    Metric("rows_dropped", "Rows that became no flow.", lambda s: s.reading.dropped, "reason"),
    Metric("rows_overdue", "Rows after their batch had closed.", lambda s: s.reading.overdue),
    Metric("rows_future", "Rows left out: they end later than can be.", lambda s: s.reading.future),
    Metric("flows", "Flows of devices.", lambda s: s.done.flows),
    Metric("batches", "Batches closed.", lambda s: s.done.batches),
    Metric("batches_learned", "Batches learned.", lambda s: s.done.learned),
    Metric("batches_degraded", "Batches not trusted.", lambda s: s.done.degraded),
    Metric("fingerprints", "Fingerprints made.", lambda s: s.done.fingerprints),
    Metric("unseen_fingerprints", "Unseen fingerprints.", lambda s: s.done.unseen),
    Metric("notices", "Notices of unseen apps.", lambda s: s.done.notices),
)


def _phases(status: Status) -> dict[str, float | None]:
    return {mode: float(mode == status.phase) for mode in MODES}


def _progress(status: Status) -> float | None:
    return None if status.progress is None else status.progress.share


GAUGES = (
    Metric("start_timestamp_seconds", "When the daemon started.", lambda s: s.started),
    Metric("status_timestamp_seconds", "When these figures were made.", lambda s: s.written),
    Metric("newest_row_timestamp_seconds", "Newest row, log time.", lambda s: s.reading.newest),
    Metric("last_batch_timestamp_seconds", "Last batch, log time.", lambda s: s.done.closed),
    Metric("lag_seconds", "Age of the newest row read.", lambda s: s.reading.lag),
    Metric("phase", "1 for what is done now.", _phases, "phase"),
    Metric("phase_progress_ratio", "Share of the phase that passed.", _progress),
    Metric("logs_followed", "Logs that are followed.", lambda s: s.reading.n_logs),
    Metric("unread_bytes", "Bytes of logs that wait to be read.", lambda s: s.reading.unread),
    Metric("devices", "Devices ever seen.", lambda s: s.done.devices),
    Metric("known_apps", "Known apps.", lambda s: s.kept.known),
    Metric("seen_elements", "Elements that the site has seen.", lambda s: s.kept.elements),
    Metric("pending_apps", "Apps that wait for a person.", lambda s: s.kept.pending),
    Metric("notices_today", "Notices of the day in log time.", lambda s: s.done.notices_today),
    Metric("notices_held_today", "Notices held back in shadow.", lambda s: s.done.held_today),
    Metric("unwritten_lines", "Lines not written yet.", lambda s: s.kept.unwritten, "log"),
    Metric("handed_notices", "Notices that Zeek is to raise.", lambda s: s.kept.handed),
    Metric("coverage_ratio", "Share of flows named by it.", lambda s: s.done.coverage, "source"),
    Metric("state_bytes", "Size of the state.", lambda s: s.kept.state_bytes),
    Metric("commit_seconds", "What the last commit took.", lambda s: s.kept.commit_seconds),
    Metric("problems", "Things that are wrong with logs now.", lambda s: len(s.problems)),
    Metric("attention", "Things that need a person now.", lambda s: len(s.attention)),
)


class StatusCollector(Collector):
    """Turns the last status of a daemon into metrics.

    Parameters
    ----------
    begun : Status
        The daemon's status when it started.
    latest : callable
        Returns its last status, None before the first.
    wall : callable
        Returns the time, s since the epoch.
    """

    def __init__(
        self,
        begun: Status,
        latest: Callable[[], Status | None],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._begun, self._latest, self._wall = begun, latest, wall

    def collect(self) -> Iterator[Family]:
        """Yield the metrics."""
        status = self._latest()
        if status is None:
            return
        if status.reading.lag is not None:
            # It grows while a daemon that hangs tells nothing.
            lag = status.reading.lag + max(0.0, self._wall() - status.written)
            status = replace(status, reading=replace(status.reading, lag=lag))
        info = {"version": status.version, "mode": status.mode}
        yield InfoMetricFamily(PREFIX + "daemon", "The daemon.", value=info)
        for metric in COUNTERS:
            yield _family(CounterMetricFamily, metric, status, metric.of(self._begun))
        for metric in GAUGES:
            yield _family(GaugeMetricFamily, metric, status)


def _family(
    kind: type[CounterMetricFamily | GaugeMetricFamily],
    metric: Metric,
    status: Status,
    begun: Values = None,
) -> Family:
    """Return a metric with its values, counted from those at the beginning."""
    labels = [metric.label] if metric.label else []
    family = kind(PREFIX + metric.name, metric.said, labels=labels)
    before = _by_label(begun)
    for label, value in _by_label(metric.of(status)).items():
        family.add_metric(label, value - before.get(label, 0.0))
    return family


def _by_label(values: Values) -> dict[tuple[str, ...], float]:
    """Return the values that are known, by their label."""
    if isinstance(values, Mapping):
        return {(label,): value for label, value in values.items() if value is not None}
    return {} if values is None else {(): values}


class MetricsServer:
    """Serves the metrics of a daemon over HTTP, in threads of its own.

    Parameters
    ----------
    address : str
        Setting ``run.metrics``: host and port; port 0 is any that is free.
    collector : StatusCollector
        Where they come from.

    Raises
    ------
    ConfigError
        The address cannot be listened on.

    Attributes
    ----------
    port : int
        The port.
    """

    def __init__(self, address: str, collector: StatusCollector) -> None:
        host, _, port = address.rpartition(":")
        registry = CollectorRegistry()
        registry.register(collector)
        # Memory, processor time and open files.
        ProcessCollector(registry=registry)
        try:
            self._server, self._thread = start_http_server(int(port), host.strip("[]"), registry)
        except OSError as error:
            said = f"run.metrics: {address} cannot be listened on: {error.strerror}"
            raise ConfigError(said) from error
        self.port = self._server.server_port

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

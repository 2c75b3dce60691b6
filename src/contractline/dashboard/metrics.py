"""The state of the pipeline as metrics, for a Prometheus that scrapes the live page.

The text is OpenMetrics, or Prometheus' own where the scraper asks for it:
https://prometheus.io/docs/specs/om/open_metrics_spec/.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass

from prometheus_client import CollectorRegistry
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from contractline.clients.clickhouse import Warehouse
from contractline.dashboard.hub import Hub
from contractline.errors import ContractlineError
from contractline.status import Section, look
from contractline.status.facts import Sources

_PREFIX = "contractline"

_DELAYS = """
SELECT
    stream,
    quantilesTDigestMerge(0.5, 0.95, 0.99)(delays) AS milliseconds,
    max(promised_ms) AS promised
FROM ingestion.arrivals
WHERE minute >= now() - INTERVAL 5 MINUTE
GROUP BY stream
ORDER BY stream"""

_QUANTILES = ("0.5", "0.95", "0.99")


@dataclass(frozen=True, slots=True)
class _Gauge:
    """A fact of the status that is a number.

    Attributes:
        section: the part of the status.
        fact: the name of the fact there.
        label: what the things of the section are called.
        name: the metric, with its unit at the end.
        words: what it means.
    """

    section: str
    fact: str
    label: str
    name: str
    words: str


_GAUGES = (
    _Gauge("streams", "lag", "stream", "stream_lag_messages", "Messages not read by ClickHouse."),
    _Gauge("streams", "behind", "stream", "stream_behind_seconds", "Age of the oldest of them."),
    _Gauge(
        "streams",
        "rows/s",
        "stream",
        "stream_rows_per_second",
        "Messages a second, over the last minute.",
    ),
    _Gauge("streams", "open errors", "stream", "stream_open_errors", "Open dead letters."),
    _Gauge(
        "streams",
        "quality",
        "stream",
        "stream_quality_failures",
        "Quality rules that did not hold, or could not be measured, the last time.",
    ),
    _Gauge(
        "connectors",
        "WAL kept",
        "connector",
        "connector_wal_kept_bytes",
        "How much of its log PostgreSQL keeps for the replication slot.",
    ),
    _Gauge(
        "connectors",
        "slots used",
        "connector",
        "replication_slots_used",
        "Replication slots of the connector's PostgreSQL that are used.",
    ),
    _Gauge(
        "refreshable views",
        "refreshed",
        "view",
        "view_refreshed_seconds",
        "How long ago a refreshable view of ClickHouse was refreshed.",
    ),
)
_LABELS = {gauge.section: gauge.label for gauge in _GAUGES}


class Metrics:
    """The metrics of a pipeline and of the page that serves them.

    Args:
        sources: gives what the status asks.
        hub: what the page did.
    """

    def __init__(self, sources: Callable[[], Sources], hub: Hub) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(_Pipeline(sources, hub))
        self._turn = threading.Lock()

    def text(self, accept: str) -> tuple[bytes, str]:
        """Return all metrics as they are now, and their content type.

        Args:
            accept: the header of the scraper's request.
        """
        encode, content_type = choose_encoder(accept)
        with self._turn:  # every scraper asks all services
            return encode(self._registry), content_type


class _Pipeline(Collector):
    def __init__(self, sources: Callable[[], Sources], hub: Hub) -> None:
        self._sources = sources
        self._hub = hub

    def collect(self) -> Iterator[Metric]:
        sources = self._sources()
        sections = {section.name: section for section in look(sources)}
        for gauge in _GAUGES:
            yield _measured(sections[gauge.section], gauge)
        yield _flowing(sections)
        yield _untold(sections)
        yield from _delays(sources)
        counters = self._hub.counters
        yield GaugeMetricFamily(
            f"{_PREFIX}_page_readers", "Browsers that look at the page.", self._hub.readers
        )
        yield CounterMetricFamily(
            f"{_PREFIX}_page_queries", "Questions that the page asked.", counters.queries
        )
        yield CounterMetricFamily(
            f"{_PREFIX}_page_events", "Answers that the page pushed.", counters.events
        )


def _measured(section: Section, gauge: _Gauge) -> Metric:
    metric = GaugeMetricFamily(f"{_PREFIX}_{gauge.name}", gauge.words, labels=[gauge.label])
    for name, facts in section.facts.items():
        for fact in facts:
            if fact.name == gauge.fact and isinstance(fact.value, int | float):
                metric.add_metric([name], fact.value)
    return metric


def _flowing(sections: dict[str, Section]) -> Metric:
    """Return whether each stream, connector and view flows: what `contractline status` exits by."""
    words = "1 where nothing keeps it from flowing, 0 where `contractline status` names a problem."
    metric = GaugeMetricFamily(f"{_PREFIX}_flows", words, labels=["kind", "name"])
    for section in sections.values():
        for name in section.facts:
            if label := _LABELS.get(section.name):
                metric.add_metric([label, name], 0 if section.of(name) else 1)
    return metric


def _untold(sections: dict[str, Section]) -> Metric:
    metric = GaugeMetricFamily(
        f"{_PREFIX}_untold",
        "Services that did not say what they were asked for this part of the status.",
        labels=["section"],
    )
    for section in sections.values():
        metric.add_metric([section.name], len(section.untold))
    return metric


def _delays(sources: Sources) -> Iterator[Metric]:
    delay = GaugeMetricFamily(
        f"{_PREFIX}_stream_delay_seconds",
        "From the record to its row, of the last 5 minutes.",
        labels=["stream", "quantile"],
    )
    promised = GaugeMetricFamily(
        f"{_PREFIX}_stream_latency_sla_seconds",
        "The latency that the contract promises.",
        labels=["stream"],
    )
    try:
        with closing(Warehouse(sources.endpoints)) as warehouse:
            rows = warehouse.rows(_DELAYS)
    except ContractlineError:
        rows = []  # the status has said so
    for stream, milliseconds, promised_ms in rows:
        for quantile, value in zip(_QUANTILES, milliseconds, strict=True):
            delay.add_metric([stream, quantile], value / 1000)
        promised.add_metric([stream], promised_ms / 1000)
    yield delay
    yield promised

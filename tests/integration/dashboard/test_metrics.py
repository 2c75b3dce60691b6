"""What a Prometheus that scrapes the page is told, read by its client's own parsers."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client import parser as prometheus_parser
from prometheus_client.openmetrics import parser as openmetrics_parser

from contractline.contracts.load import load_contracts
from tests.fixtures.stack import REPOSITORY, RunningStack
from tests.integration.dashboard.lab import Page, commit, send

MONITORING = REPOSITORY / "monitoring"
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
openmetrics: Any = openmetrics_parser.text_string_to_metric_families
prometheus: Any = prometheus_parser.text_string_to_metric_families
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


def scraped(page: Page, accept: str = OPENMETRICS) -> Samples:
    answer = httpx.get(f"{page.url}/metrics", headers={"accept": accept}, timeout=60)
    assert answer.status_code == 200, answer.text
    is_open = answer.headers["content-type"].startswith("application/openmetrics-text")
    assert is_open == (accept == OPENMETRICS)
    parse = openmetrics if is_open else prometheus
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in parse(answer.text)
        for sample in family.samples
    }


def at(samples: Samples, metric: str, /, **labels: str) -> float:
    return samples[f"contractline_{metric}", frozenset(labels.items())]


def once_arrived(page: Page) -> Samples:
    """Return what is told once the commits' delay is measured and none of them waits."""
    delay = (
        "contractline_stream_delay_seconds",
        frozenset({("stream", "commits"), ("quantile", "0.99")}),
    )
    end = time.monotonic() + 60
    while True:
        found = scraped(page)
        if delay in found and at(found, "stream_lag_messages", stream="commits") == 0:
            return found
        assert time.monotonic() < end, found


def test_a_stream_is_told_as_numbers(applied: RunningStack, served: Page):
    send(applied, commit("page/metrics", "counted"))
    found = once_arrived(served)
    assert at(found, "stream_open_errors", stream="commits") == 0
    assert at(found, "flows", kind="stream", name="commits") == 1
    assert 0 < at(found, "stream_delay_seconds", stream="commits", quantile="0.5") < 60
    contract = next(c for c in load_contracts(applied.project) if c.name == "commits")
    assert (
        at(found, "stream_latency_sla_seconds", stream="commits")
        == contract.latency.total_seconds()
    )
    assert at(found, "view_refreshed_seconds", view="reporting.kept_credits_feed") < 60
    assert at(found, "untold", section="streams") == 0
    assert at(found, "page_queries_total") >= 0


def test_prometheus_own_format_is_given_to_who_asks_for_it(served: Page):
    assert at(scraped(served, "text/plain"), "flows", kind="stream", name="commits") == 1


def test_a_service_that_is_away_is_told(applied: RunningStack):
    page = Page(applied, environment={"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    page.start()
    try:
        found = scraped(page)
    finally:
        page.stop()
    assert at(found, "untold", section="streams") == 1
    assert ("contractline_stream_lag_messages", frozenset({("stream", "commits")})) not in found


def test_a_password_is_asked_for_here_too(applied: RunningStack):
    page = Page(applied, environment={"CONTRACTLINE_DASHBOARD_PASSWORD": "secret"})
    page.start()
    try:
        assert httpx.get(f"{page.url}/metrics").status_code == 401
        assert httpx.get(f"{page.url}/metrics", auth=("any", "secret"), timeout=60).is_success
    finally:
        page.stop()


def named(text: str) -> set[str]:
    return set(re.findall(r"contractline_\w+", text))


@pytest.mark.parametrize("file", ["rules.yaml", "grafana.json"])
def test_what_alerts_and_panels_ask_for_is_there(served: Page, applied: RunningStack, file: str):
    text = (MONITORING / file).read_text()
    answer = httpx.get(f"{served.url}/metrics", headers={"accept": OPENMETRICS}, timeout=60).text
    families = {family.name for family in openmetrics(answer)}
    counters = {
        f"{family.name}_total" for family in openmetrics(answer) if family.type == "counter"
    }
    assert named(text)
    assert named(text) <= families | counters


def test_the_files_are_what_their_readers_take() -> None:
    rules = yaml.safe_load((MONITORING / "rules.yaml").read_text())
    alerts = [rule for group in rules["groups"] for rule in group["rules"]]
    assert all(set(one) == {"alert", "expr", "for", "labels", "annotations"} for one in alerts)
    assert all(one["annotations"]["description"] for one in alerts)
    board: Mapping[str, list[dict[str, object]]] = json.loads(
        Path(MONITORING / "grafana.json").read_text()
    )
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])

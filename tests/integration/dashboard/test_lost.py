"""What the page says while something is away, and that it comes back by itself."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.fixtures.stack import RunningStack
from tests.integration.dashboard.lab import Page, commit, send

PATIENCE_MS = 60_000


@pytest.fixture
def own(applied: RunningStack) -> Iterator[Page]:
    page = Page(applied)
    page.start()
    yield page
    page.stop()


def test_a_lost_connection(browser: Browser, applied: RunningStack, own: Page):
    send(applied, commit("page/lost", "before"))
    tab = browser.new_page()
    tab.goto(f"{own.url}/d/activity?repository=page%2Flost")
    feed = tab.locator("[data-question=latest_commits] .headline")
    expect(feed).to_have_text(["before"], timeout=PATIENCE_MS)
    own.stop(kills=True)
    expect(tab.locator("#status-text")).to_have_text(
        "Connection lost, trying again", timeout=PATIENCE_MS
    )
    expect(tab.locator("#status-age")).to_contain_text("data as of")
    expect(feed).to_have_text(["before"])
    send(applied, commit("page/lost", "meanwhile"))
    own.start()
    expect(feed).to_have_text(["meanwhile", "before"], timeout=PATIENCE_MS)
    expect(tab.locator("#status-text")).to_have_text("Live")
    tab.close()


def test_clickhouse_away(browser: Browser, applied: RunningStack, own: Page):
    send(applied, commit("page/away", "before"))
    tab = browser.new_page()
    tab.goto(f"{own.url}/d/activity?repository=page%2Faway")
    feed = tab.locator("[data-question=latest_commits] .headline")
    expect(feed).to_have_text(["before"], timeout=PATIENCE_MS)
    applied.stop("clickhouse")
    try:
        expect(tab.locator("#status-text")).to_have_text("ClickHouse is away", timeout=PATIENCE_MS)
        expect(tab.locator("#status-age")).to_contain_text("old")
        expect(feed).to_have_text(["before"])
        assert httpx.get(f"{own.url}/q/commits_now.json", timeout=30).status_code == 503
        tab.goto(f"{own.url}/pipeline")
        expect(tab.locator(".service.bad")).to_contain_text(["ClickHouse"], timeout=PATIENCE_MS)
        tab.go_back()
        send(applied, commit("page/away", "meanwhile"))
    finally:
        applied.start("clickhouse")
    expect(feed).to_have_text(["meanwhile", "before"], timeout=PATIENCE_MS)
    expect(tab.locator("#status-text")).to_have_text("Live")
    tab.close()


def test_what_lies_before_clickhouse_is_away(browser: Browser, applied: RunningStack, own: Page):
    send(applied, commit("page/before", "before"))
    tab = browser.new_page()
    tab.goto(f"{own.url}/d/activity?repository=page%2Fbefore")
    feed = tab.locator("[data-question=latest_commits] .headline")
    expect(feed).to_have_text(["before"], timeout=PATIENCE_MS)
    for service, name in (("postgres", "PostgreSQL"), ("kafka", "Kafka")):
        applied.stop(service)
        try:
            expect(tab.locator("#status-text")).to_contain_text(name, timeout=PATIENCE_MS)
            expect(tab.locator("#status-text")).to_contain_text("nothing new arrives from there")
            expect(feed).to_have_text(["before"])
        finally:
            applied.start(service)
        expect(tab.locator("#status-text")).to_have_text("Live", timeout=2 * PATIENCE_MS)
    send(applied, commit("page/before", "afterwards"))
    expect(feed).to_have_text(["afterwards", "before"], timeout=PATIENCE_MS)
    tab.close()


def test_a_password_lets_in(browser: Browser, applied: RunningStack):
    page = Page(applied, environment={"CONTRACTLINE_DASHBOARD_PASSWORD": "pässword"})
    page.start()
    try:
        assert httpx.get(f"{page.url}/d/activity").status_code == 401
        context = browser.new_context(http_credentials={"username": "any", "password": "pässword"})
        tab = context.new_page()
        tab.goto(f"{page.url}/d/activity")
        expect(tab.locator("#status-text")).to_have_text("Live", timeout=PATIENCE_MS)
        context.close()
    finally:
        assert page.stop() == 0


def test_a_taken_port_is_told(applied: RunningStack, own: Page):
    other = Page(applied, port=own.port)
    with pytest.raises(AssertionError):
        other.start()
    assert other.stop() == 2

"""The live page in a real browser: pushed updates, filters, hostile data, lost services, axe."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit
from xml.etree import ElementTree

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, expect
from playwright.sync_api import Page as Tab

from contractline.clients.clickhouse import Warehouse
from contractline.contracts.load import load_contracts
from contractline.contracts.quality import Bound, QualityRule
from contractline.quality.kept import keep
from contractline.quality.measure import Result, State
from tests.fixtures.stack import RunningStack
from tests.integration.dashboard.lab import Page, commit, send

AXE = Path(__file__).parents[2] / "data" / "axe" / "axe.min.js"
PATIENCE_MS = 30_000
HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>\u202etxt.exe'


@pytest.fixture
def open_tab(browser: Browser, served: Page) -> Iterator[Callable[..., Tab]]:
    """Open a path of the page; what the browser complains of fails the test."""
    complaints: list[str] = []
    contexts = []

    def note(message: ConsoleMessage) -> None:
        # A lost connection is told by the browser itself, and by the page.
        if message.type == "error" and "net::ERR" not in message.text:
            complaints.append(message.text)

    def opened(path: str, **more: Any) -> Tab:
        context = browser.new_context(**more)
        contexts.append(context)
        tab = context.new_page()
        tab.set_default_timeout(PATIENCE_MS)
        tab.on("console", note)
        tab.on("pageerror", lambda problem: complaints.append(str(problem)))
        tab.goto(f"{served.url}{path}")
        return tab

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def panel(tab: Tab, question: str) -> Any:
    return tab.locator(f"[data-question={question}]")


def headlines(tab: Tab) -> Any:
    return panel(tab, "latest_commits").locator(".headline")


def test_a_commit_comes_to_the_screen_by_itself(
    open_tab: Callable[..., Tab], applied: RunningStack
):
    send(applied, commit("page/live", "The first one"))
    tab = open_tab("/d/activity?repository=page%2Flive")
    expect(headlines(tab)).to_have_text(["The first one"], timeout=PATIENCE_MS)
    kept = headlines(tab).first.element_handle()
    chart = panel(tab, "commits_per_minute").locator("canvas").first.element_handle()
    tab.evaluate("window.isSamePage = true")
    send(applied, commit("page/live", "The second one"))
    expect(headlines(tab)).to_have_text(["The second one", "The first one"], timeout=PATIENCE_MS)
    expect(panel(tab, "commits_now").locator(".value").nth(2)).to_have_text("2 commits")
    # Nothing was loaded or made anew: the page, the known row, the chart's canvas.
    assert tab.evaluate("window.isSamePage")
    assert kept.evaluate("one => one.isConnected && one.textContent") == "The first one"
    assert chart.evaluate("one => one.isConnected")


def test_filters_are_in_the_address_and_the_back_button_works(
    open_tab: Callable[..., Tab], applied: RunningStack
):
    send(applied, commit("page/red", "red"), commit("page/green", "green"))
    tab = open_tab("/d/activity?repository=page%2Fred&repository=page%2Fgreen")
    expect(headlines(tab)).to_have_count(2, timeout=PATIENCE_MS)
    tab.get_by_role("button", name="Repository:").click()
    tab.get_by_role("checkbox", name="page/green").uncheck()
    tab.keyboard.press("Escape")
    expect(headlines(tab)).to_have_text(["red"], timeout=PATIENCE_MS)
    assert parse_qs(urlsplit(tab.url).query) == {"repository": ["page/red"]}
    tab.get_by_label("Period").select_option("7d")
    expect(tab).to_have_url(re.compile(r"period=7d"))
    tab.go_back()
    tab.go_back()
    expect(headlines(tab)).to_have_count(2, timeout=PATIENCE_MS)
    tab.go_forward()
    expect(headlines(tab)).to_have_text(["red"], timeout=PATIENCE_MS)
    tab.get_by_role("button", name="Clear filters").click()
    expect(tab).to_have_url(re.compile(r"/d/activity$"))


def test_tabs_and_dashboards_by_keyboard(open_tab: Callable[..., Tab]):
    tab = open_tab("/d/activity?period=30d")
    tab.get_by_role("tab", name="Now").focus()
    tab.keyboard.press("ArrowRight")
    expect(tab.get_by_role("tab", name="Over time")).to_be_focused()
    expect(panel(tab, "hour_by_weekday")).to_be_visible()
    tab.get_by_role("link", name="People").press("Enter")
    expect(tab.get_by_role("heading", level=1)).to_have_text("People")
    assert "period=30d" in tab.url


def test_hostile_data_is_inert(open_tab: Callable[..., Tab], applied: RunningStack, served: Page):
    where = "page/hostile<b>"
    send(
        applied,
        commit(where, HOSTILE, author=f"={HOSTILE}", author_email="=1+1@example.org"),
        commit(where, "long " * 150_000, author="long"),
    )
    with closing(Warehouse(applied.endpoints)) as warehouse:
        # More than Kafka takes; it may have come another way.
        warehouse.run(
            "INSERT INTO github.commits (repository, commit_id, author, commit_message,"
            f" committed_at, produced_at, version) VALUES ('{where}', 'huge', 'huge',"
            " repeat(repeat('huge ', 1000), 2000), now64(6), now64(6), 1)"
        )
    tab = open_tab("/d/activity?repository=page%2Fhostile%3Cb%3E")
    expect(headlines(tab)).to_have_count(3, timeout=PATIENCE_MS)
    texts = headlines(tab).all_text_contents()
    (shown,) = (text for text in texts if text.startswith("<img src=x onerror="))
    assert "\u202e" not in shown
    assert all(len(text) <= 200 for text in texts)
    expect(panel(tab, "commits_by_repository").locator("canvas").first).to_be_visible()
    panel(tab, "commits_by_repository").locator("canvas").first.hover()
    tab.goto(f"{served.url}/d/people?tab=1&repository=page%2Fhostile%3Cb%3E")
    unmatched = panel(tab, "unmatched_authors")
    expect(unmatched.locator("tbody tr")).to_have_count(3, timeout=PATIENCE_MS)
    panel(tab, "commits_by_person").get_by_role("button", name=re.compile("table")).click()
    expect(panel(tab, "commits_by_person").locator("tbody tr")).to_have_count(3)
    assert tab.evaluate("window.hacked") is None
    assert tab.evaluate("document.querySelectorAll('main img, main script').length") == 0
    url = f"{served.url}/q/unmatched_authors.csv"
    answer = httpx.get(url, params={"repository": where}, timeout=60)
    rows = list(csv.reader(answer.text.splitlines()))
    assert {row[0][:2] for row in rows[1:]} == {"'=", "lo", "hu"}


def test_a_question_is_a_picture_elsewhere(
    open_tab: Callable[..., Tab], served: Page, applied: RunningStack
):
    repository = "page/picture <&>"
    send(applied, commit(repository, "drawn"))
    tab = open_tab(f"/d/activity?repository={quote(repository)}")
    expect(headlines(tab)).to_have_text(["drawn"], timeout=PATIENCE_MS)
    address = f"{served.url}/q/commits_by_repository.svg"
    given = {"repository": repository, "width": "500", "height": "300"}
    drawn = {
        theme: httpx.get(address, params={**given, "theme": theme}, timeout=60)
        for theme in ("light", "dark")
    }
    for answer in drawn.values():
        assert answer.headers["content-type"] == "image/svg+xml"
        root = ElementTree.fromstring(answer.text)
        assert (root.get("width"), root.get("height")) == ("500", "300")
        assert repository in "".join(root.itertext())
    assert drawn["light"].text != drawn["dark"].text
    # A browser takes it from another page.
    tab.evaluate(
        """source => new Promise((loaded, failed) => {
            const image = new Image();
            [image.onload, image.onerror] = [loaded, failed];
            image.src = source;
        })""",
        f"{address}?width=500",
    )
    assert httpx.get(address, params={"width": "wide"}).status_code == 400
    no_picture = httpx.get(f"{served.url}/q/latest_commits.svg", timeout=60)
    assert (no_picture.status_code, "has no picture" in no_picture.text) == (404, True)

    command = (sys.executable, "-m", "contractline", "--project", str(applied.project.root))
    told = subprocess.run(
        [*command, "ask", "commits_by_repository", "--repository", repository, "--format", "svg"],
        capture_output=True,
        text=True,
        env=applied.environment,
    )
    assert told.returncode == 0, told.stderr
    assert repository in "".join(ElementTree.fromstring(told.stdout).itertext())


def test_wrong_addresses_are_told(open_tab: Callable[..., Tab], served: Page):
    assert httpx.get(f"{served.url}/d/nothing").status_code == 404
    assert httpx.get(f"{served.url}/q/nothing.json").status_code == 404
    refused = httpx.get(f"{served.url}/q/commits_per_day.json", params={"period": "9x"})
    assert refused.status_code == 400
    assert "is not a period" in refused.json()["error"]
    home = httpx.get(f"{served.url}/", follow_redirects=True)
    assert "contractline" in home.text
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", home.text)


def test_the_pipeline_tells_of_every_service(open_tab: Callable[..., Tab], applied: RunningStack):
    stored = [one for one in load_contracts(applied.project) if one.sink is not None]
    tab = open_tab("/pipeline")
    services = tab.locator(".service")
    expect(services).to_have_count(5, timeout=PATIENCE_MS)
    expect(tab.locator(".service.bad")).to_have_count(0, timeout=PATIENCE_MS)
    streams = tab.get_by_role("region", name="Streams, table")
    expect(streams.get_by_text("up to date")).to_have_count(len(stored), timeout=PATIENCE_MS)
    contracts = tab.get_by_role("region", name="Contracts, table")
    expect(contracts.get_by_text("registered", exact=True)).to_have_count(len(stored))


def test_the_pipeline_tells_of_quality_rules(
    open_tab: Callable[..., Tab], applied: RunningStack, served: Page
):
    rule = QualityRule("page_rule", Bound("mustBe", (0,)), unit="rows")
    with closing(Warehouse(applied.endpoints)) as warehouse:
        keep(warehouse, [Result("commits", rule, datetime.now(UTC), State.FAILS, 3)])
    try:
        tab = open_tab("/pipeline")
        row = tab.get_by_role("region", name="Quality, table").get_by_role("row", name="page_rule")
        expect(row).to_contain_text("fails", timeout=PATIENCE_MS)
        expect(row).to_contain_text("3 rows")
        expect(row).to_contain_text("= 0")
        metrics = httpx.get(f"{served.url}/metrics", timeout=60).text
        (line,) = re.findall(
            r'contractline_stream_quality_failures{stream="commits"} (\S+)', metrics
        )
        assert float(line) >= 1
    finally:
        with closing(Warehouse(applied.endpoints)) as warehouse:
            warehouse.run(
                "ALTER TABLE ingestion.quality_results DELETE WHERE rule = 'page_rule'"
                " SETTINGS mutations_sync = 1"
            )


@pytest.mark.parametrize(
    ("path", "theme"),
    [
        ("/d/activity", "light"),
        ("/d/people?tab=1", "dark"),
        ("/d/code", "light"),
        ("/pipeline", "light"),
        ("/pipeline", "dark"),
    ],
)
def test_nothing_keeps_people_from_using_it(open_tab: Callable[..., Tab], path: str, theme: str):
    tab = open_tab(path, color_scheme=theme, reduced_motion="reduce")
    expect(tab.locator(".skeleton")).to_have_count(0, timeout=PATIENCE_MS)
    tab.evaluate(AXE.read_text(encoding="utf-8"))
    found = tab.evaluate("axe.run(document, {resultTypes: ['violations']})")
    told = [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]
    assert told == []


@pytest.mark.parametrize("width", [390, 820, 1440])
def test_nothing_is_wider_than_the_screen(open_tab: Callable[..., Tab], width: int):
    tab = open_tab("/d/people?tab=1", viewport={"width": width, "height": 900})
    expect(tab.locator(".skeleton")).to_have_count(0, timeout=PATIENCE_MS)
    assert tab.evaluate("document.documentElement.scrollWidth") <= width


def test_many_readers_cost_what_one_does(
    open_tab: Callable[..., Tab], applied: RunningStack, served: Page
):
    path = "/d/activity?repository=page%2Fmany"
    send(applied, commit("page/many", "0"))
    tabs = [open_tab(path)]
    expect(headlines(tabs[0])).to_have_text(["0"], timeout=PATIENCE_MS)
    tabs += [open_tab(path) for _ in range(3)]
    for tab in tabs:
        expect(headlines(tab)).to_have_text(["0"], timeout=PATIENCE_MS)
    before = httpx.get(f"{served.url}/health").json()["queries"]
    send(applied, commit("page/many", "1"))
    for tab in tabs:
        expect(headlines(tab)).to_have_text(["1", "0"], timeout=PATIENCE_MS)
    asked = httpx.get(f"{served.url}/health").json()["queries"] - before
    # Five questions, each once or twice for the commit, and what refreshes by the clock.
    assert asked <= 25

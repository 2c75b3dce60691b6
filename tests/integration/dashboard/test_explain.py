"""A number on the page, followed down to its message in Kafka and back."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from typing import Any

import httpx
from playwright.sync_api import Browser, expect

from tests.fixtures.stack import RunningStack
from tests.integration.dashboard.lab import Page, commit, send

PATIENCE_MS = 60_000
WHERE = "page/explained"


def until(stack: RunningStack, url: str, *commits: dict[str, Any]) -> None:
    """Send commits, and wait until the page counts them."""
    send(stack, *commits)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = httpx.get(
            f"{url}/q/commits_by_repository.json", params={"repository": WHERE}, timeout=60
        ).json()
        if answer["rows"] == [[WHERE, len(commits)]]:
            return
        time.sleep(0.2)
    raise AssertionError(answer)


def test_from_a_bar_to_the_message_and_back(browser: Browser, applied: RunningStack, served: Page):
    plain = commit(WHERE, "plain")
    hostile = commit(WHERE, "<b>bold</b>", author="<script>window.hacked=1</script>")
    until(applied, served.url, plain, hostile)
    tab = browser.new_page()
    tab.set_default_timeout(PATIENCE_MS)
    tab.goto(f"{served.url}/d/activity?repository=page%2Fexplained")
    plot = tab.locator("[data-question=commits_by_repository] canvas").first
    expect(plot).to_be_visible(timeout=PATIENCE_MS)
    plot.click()
    dialog = tab.get_by_role("dialog", name="Commits by repository")
    expect(dialog.locator(".records > li")).to_have_count(2, timeout=PATIENCE_MS)
    expect(dialog.locator(".made")).to_have_text("Made of 2 commits.")
    expect(dialog.locator(".headline")).to_have_text(["<b>bold</b>", "plain"])
    expect(dialog.locator(".message").first).to_have_text(
        re.compile(r"Message commits_topic/\d+/\d+ · schema \d+, contract commits v\d+ · ")
    )
    expect(dialog.locator(".credit").last).to_have_text("Author Page Tester → nobody in the table")
    expect(dialog.locator(".hops").last).to_contain_text("in Kafka +")
    dialog.get_by_role("button", name="Where is commit").first.click()
    expect(dialog.locator(".back li").filter(has_text="Commits by repository")).to_have_text(
        [f"Commits by repository: repository {WHERE}, commits 2"], timeout=PATIENCE_MS
    )
    shared = tab.url
    assert "#explain=commits_by_repository" in shared
    tab.go_back()
    expect(dialog).to_be_hidden()
    assert tab.evaluate("window.hacked") is None
    tab.goto(shared)
    expect(dialog.locator(".records > li")).to_have_count(2, timeout=PATIENCE_MS)
    tab.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    tab.close()


def test_what_can_not_be_explained_is_told(served: Page):
    def asked(path: str) -> httpx.Response:
        return httpx.get(served.url + path, timeout=60)

    assert asked("/explain/nothing.json").status_code == 404
    missing = asked("/explain/commits_by_team.json?at.team_name=nobody")
    assert missing.status_code == 404
    assert "no row has team_name=nobody" in missing.json()["error"]
    unknown = asked("/counted/commits_by_team.json?commit=ffffffffffff")
    assert unknown.status_code == 404
    assert "no commit begins with" in unknown.json()["error"]


def test_the_command_tells_the_same(applied: RunningStack, served: Page):
    one = commit(WHERE, "by command", commit_id="c0ffee" * 6 + "c0ff")
    send(applied, one)
    command = (sys.executable, "-m", "contractline", "--project", str(applied.project.root))
    deadline = time.monotonic() + 60
    while True:
        back = subprocess.run(
            [*command, "explain", "--commit", "c0ffeec0ffee", "--repository", WHERE],
            capture_output=True,
            text=True,
            env=applied.environment,
        )
        if back.returncode == 0 or time.monotonic() > deadline:
            break
    assert back.returncode == 0, back.stderr
    assert f"commits_by_repository: repository {WHERE}, commits " in back.stdout
    down = subprocess.run(
        [*command, "explain", "commits_by_repository", "--bucket", WHERE, "--json"],
        capture_output=True,
        text=True,
        env=applied.environment,
        check=True,
    )
    record = json.loads(down.stdout)["records"][0]
    assert record["values"]["commit_id"] == one["commit_id"]
    assert record["message"]["contract"] == "commits"
    assert record["message"]["version"] >= 2
    assert [hop["name"] for hop in record["hops"]][-2:] == ["read by the producer", "in Kafka"]

"""Takes the pictures of docs/guides/reports.md from the running stack: `make screenshots`."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, expect, sync_playwright

FOLDER = Path(__file__).parent / "pictures"
PATIENCE_MS = 120_000
PICTURES = {
    # name: path, theme, width, height
    "activity": ("/d/activity", "light", 1440, 900),
    "people-dark": ("/d/people?period=365d", "dark", 1440, 900),
    "code-narrow": ("/d/code?period=365d", "light", 390, 844),
    "pipeline-dark": ("/pipeline", "dark", 1440, 720),
}


def main() -> int:
    """Take every picture; return the exit code."""
    told = subprocess.run(
        [sys.executable, "-m", "contractline", "status", "--json"], capture_output=True, text=True
    )
    page = json.loads(told.stdout)["services"]["dashboard"]
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None or page["state"] != "running":
        sys.stderr.write("error: the stack has to run (make demo), and chromium be installed\n")
        return 2
    FOLDER.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for name in PICTURES:
            take(browser, page["url"], name)
        browser.close()
    return 0


def take(browser: Browser, url: str, name: str) -> None:
    """Take one picture, once nothing on the page is loading any more."""
    path, theme, width, height = PICTURES[name]
    tab = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme=theme,  # type: ignore[arg-type]
        locale="en-GB",
        timezone_id="Europe/Berlin",
    )
    tab.goto(f"{url}{path}")
    tab.wait_for_selector(".panel")
    expect(tab.locator(".skeleton")).to_have_count(0, timeout=PATIENCE_MS)
    tab.wait_for_timeout(1_000)
    tab.screenshot(path=FOLDER / f"{name}.png")
    tab.close()


if __name__ == "__main__":
    sys.exit(main())

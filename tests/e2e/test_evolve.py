"""docs/guides/evolve-a-schema.md as its reader follows it, on a stack of its own."""

from __future__ import annotations

import ast
import re
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Checkout

GUIDE = Path(__file__).parents[2] / "docs/guides/evolve-a-schema.md"
SECONDS = 30
ENDS_WITH_1 = {"contractline check --against HEAD --prove", "contractline plan"}


@pytest.fixture(scope="module")
def followed(checkout: Checkout) -> dict[str, str]:
    """Follow the guide; what each command printed."""
    checkout.git("config", "user.name", "test")
    checkout.git("config", "user.email", "test@example.com")
    printed: dict[str, str] = {}
    text = GUIDE.read_text(encoding="utf-8")
    for kind, file, block in re.findall(r"^```(\w+)(?: (\S+))?\n(.*?)^```", text, re.M | re.S):
        if kind == "json":
            (checkout.root / file).write_text(block, encoding="utf-8")
        elif kind == "diff":
            (checkout.root / "change.diff").write_text(block, encoding="utf-8")
            checkout.git("apply", "change.diff")
        elif kind == "sh":
            for line in block.splitlines():
                printed[line] = run(checkout, line)
    return printed


def run(checkout: Checkout, line: str) -> str:
    expected = 1 if line in ENDS_WITH_1 else 0
    deadline = time.monotonic() + SECONDS
    while True:
        ran = checkout.shell(line)
        assert ran.returncode == expected, f"{line}\n{ran.stdout}\n{ran.stderr}"
        # The last command looks at what arrives a moment after it was sent.
        if "SELECT" not in line or "(3, " in ran.stdout or time.monotonic() > deadline:
            return ran.stdout


def said(followed: dict[str, str], start: str, number: int = 0) -> str:
    return [text for line, text in followed.items() if line.startswith(start)][number]


def test_avro_lets_the_change_through(followed):
    assert "may follow" in said(followed, "contractline compat")


def test_the_check_foresees_it_and_the_proof_sees_it(followed):
    text = said(followed, "contractline check --against")

    assert "SINK_NUMBER_FITS" in text
    assert "3000000000 would be read as -1294967296" in text
    assert "the tables read milliseconds = -2147483649 as 2147483647" in text


def test_the_change_made_right_passes(followed):
    text = said(followed, "contractline check --against", 1)

    assert text.startswith("<!-- contractline check -->\n## ✅")
    assert "- adds `branch`" in text
    assert re.search(r"builds: ok; records: \d+ of v1, \d+ of v2", text)


def test_both_versions_are_read(followed):
    assert ast.literal_eval(said(followed, "python -c")) == [
        (1, 41000, "main", None),
        (2, 77000, "main", None),
        (3, 2147483647, "stable", 3_000_000_000_000),
    ]

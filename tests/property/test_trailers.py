"""Co-authors of random messages, as git finds them and as we do."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producer.commit import message
from producer.trailers import co_authors

LINES = st.sampled_from(
    [
        "Co-authored-by: Ann <ann@x.org>",
        "CO-AUTHORED-BY:Bob <bob@x.org>  ",
        "co-authored-by : Zoë <z@x.org>",
        "Co-authored-by:",
        " folded <f@x.org>",
        "\tmore",
        "Signed-off-by: S <s@x.org>",
        "(cherry picked from commit 1234)",
        "Reviewed-by: R",
        "Fixes #12",
        "# a comment",
        "just words",
        "words: and more",
        "not a key: but a sentence",
        "---",
        "---------",
        "https://example.com/x",
        "",
        "",
        " ",
        "\r",
        "Co-authored-by: Windows <w@x.org>\r",
    ]
)
MESSAGES = st.lists(LINES, min_size=1, max_size=9).map("\n".join)


@pytest.fixture(scope="module")
def repository(tmp_path_factory) -> Path:
    path: Path = tmp_path_factory.mktemp("trailers")
    subprocess.run(["git", "init", "-q", "--bare", path], check=True)
    return path


def by_git(repository: Path, messages: list[str]) -> list[list[str]]:
    parts = []
    for number, text in enumerate(messages):
        data = text.encode()
        parts.append(
            b"commit refs/heads/m%d\ncommitter T <t@x> %d +0000\ndata %d\n%s\n"
            % (number, 1_700_000_000 + number, len(data), data)
        )
    subprocess.run(
        ["git", "-C", repository, "fast-import", "--quiet", "--force"],
        input=b"".join(parts),
        check=True,
    )
    shown = "%(trailers:key=Co-authored-by,valueonly,unfold,separator=%x0A)"
    refs = [f"refs/heads/m{number}" for number in range(len(messages))]
    out = subprocess.run(
        ["git", "-C", repository, "log", "--no-walk=unsorted", "-z", f"--format={shown}", *refs],
        check=True,
        capture_output=True,
    ).stdout.decode()
    return [[line for line in part.split("\n") if line] for part in out.split("\0")[: len(refs)]]


@settings(max_examples=15, deadline=None)
@given(st.lists(MESSAGES, min_size=1, max_size=100))
def test_co_authors_are_those_that_git_finds(repository, messages):
    found = [co_authors(message(text)) for text in messages]
    for text, ours, theirs in zip(messages, found, by_git(repository, messages), strict=True):
        assert ours == theirs, text

"""Whole runs of ``python -m producer`` against the running stack."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

import pytest

from producer.git import history
from producer.report import ReportLines
from producer.run import Run as InProcess
from producer.settings import load_settings
from producer.sources.invention import World
from tests.fixtures.stack import REPOSITORY, clean_environment
from tests.integration.producer.conftest import apply, own_topic
from tests.integration.producer.repositories import Repository, git, odd_repository

USERS = REPOSITORY / "connect" / "postgres" / "seed_users.csv"
FROM = ("--start", "2026-01-05")
"""Makes a seed's commits the same in every run, whenever it is."""


def invented(seed: int, number: int) -> set[tuple[str, str]]:
    start = datetime(2026, 1, 5, tzinfo=UTC)
    commits = islice(World(seed, 5, start, USERS).commits(), number)
    return {(c.repository, c.commit_id) for c in commits}


def adds_up(account: dict[str, int]) -> bool:
    return account["read"] == account["acknowledged"] + account["failed"] + account["refused"]


def long_history(path: Path, number: int) -> Repository:
    """Make a straight history quickly."""
    path.mkdir(parents=True)
    git(path, "init", "-q", "-b", "main")
    parts = []
    for n in range(number):
        content = "".join(f"{n} line {k}\n" for k in range(20))
        message = f"number {n}\n"
        parts.append(
            f"commit refs/heads/main\ncommitter T <t@x> {1_700_000_000 + n} +0000\n"
            f"data {len(message)}\n{message}\n"
            f"M 100644 inline file{n % 50}\ndata {len(content)}\n{content}\n"
        )
    git(path, "fast-import", "--quiet", given="".join(parts).encode())
    return Repository(path)


def test_fake_commits_arrive_and_a_second_run_doubles_nothing(produce, log):
    expected = invented(11, 3000)
    for _ in range(2):
        ended = produce("--source", "fake", *FROM, "--seed", "11", "--count", "3000").finish()
        assert ended.code == 0, ended.said
        assert (ended.account["read"], ended.account["acknowledged"]) == (3000, 3000)
        assert ended.account["version"] == 2
        assert ended.account["error"] is None
        identities = {m.identity for m in log.messages()}
        assert expected <= identities
    again = [m.value for m in log.messages() if m.identity in expected]
    for message in again:
        message.pop("produced_at")
    assert len({json.dumps(m, sort_keys=True) for m in again}) == 3000


def test_a_rate_is_kept_and_a_signal_ends_the_run_in_order(produce, log):
    run = produce("--source", "fake", *FROM, "--seed", "12", "--follow", "--rate", "300")
    run.wait_for_words("acknowledged", 20)
    began = time.monotonic()
    run.signal(signal.SIGTERM)
    ended = run.finish()

    account = ended.account
    assert time.monotonic() - began < 5
    assert ended.code == 0
    assert account["stopped"]
    assert account["failed"] == account["refused"] == 0
    assert adds_up(account)
    assert 200 < account["read"] / account["seconds"] < 310
    sent = invented(12, account["read"])
    assert sent <= {m.identity for m in log.messages()}


def test_a_history_arrives_and_a_second_run_sends_only_what_is_new(produce, log, tmp_path):
    odd = odd_repository(tmp_path / "odd")
    arguments = ("--source", "git", "--repository", str(odd.path), "--name", "run/odd")

    first = produce(*arguments).finish()
    assert first.code == 0, first.said
    everything = git(odd.path, "rev-list", "main").split()
    assert sorted(log.ids("run/odd")) == sorted(everything)
    assert log.cursor("run/odd") == odd.tip("main")
    assert first.account["cursors"][0]["position"] == odd.tip("main")
    by_git = git(odd.path, "log", "--numstat", "--diff-merges=first-parent", "--format=", "main")
    lines = [line.split("\t") for line in by_git.split("\n") if line]
    sums = [sum(int(line[n]) for line in lines if line[n] != "-") for n in (0, 1)]
    records = [m.value for m in log.messages(repository="run/odd")]
    assert [sum(r[n] for r in records) for n in ("additions", "deletions")] == sums

    assert produce(*arguments).finish().account["read"] == 0
    new = odd.commit("new\n")
    third = produce(*arguments).finish()
    assert third.account["read"] == 1
    assert log.cursor("run/odd") == new
    again = produce(*arguments, "--again").finish()
    assert again.account["read"] == len(everything) + 1
    assert len(set(log.ids("run/odd"))) == len(everything) + 1


def test_following_a_repository_and_an_interrupt_saves_the_cursor(produce, log, tmp_path):
    repo = Repository.make(tmp_path / "followed")
    first = repo.commit("first\n")
    run = produce("--source", "git", "--repository", str(repo.path), "--name", "run/f", "--follow")
    run.wait_for(lambda: log.cursor("run/f") == first, 20)
    second = repo.commit("second\n")
    began = time.monotonic()
    run.wait_for(lambda: second in log.ids("run/f"), 10)
    assert time.monotonic() - began < 4
    third = repo.commit("third\n")
    run.wait_for(lambda: third in log.ids("run/f"), 10)
    run.signal(signal.SIGINT)

    ended = run.finish()

    assert ended.code == 0
    assert ended.account["read"] == 3
    assert log.cursor("run/f") == third


def test_a_run_that_is_interrupted_says_so_and_the_next_goes_on(produce, log):
    arguments = ("--source", "fake", *FROM, "--seed", "13", "--count", "2000")
    run = produce(*arguments, "--rate", "200")
    run.wait_for_words("acknowledged", 20)
    run.signal(signal.SIGINT)

    ended = run.finish()

    assert ended.code == 130
    assert ended.account["interrupted"]
    assert adds_up(ended.account)
    assert ended.account["read"] < 2000
    assert produce(*arguments).finish().code == 0
    assert invented(13, 2000) <= {m.identity for m in log.messages()}


def test_a_killed_run_is_finished_by_the_next(produce, log, tmp_path):
    repo = long_history(tmp_path / "long", 20_000)
    arguments = ("--source", "git", "--repository", str(repo.path), "--name", "run/killed")
    for _ in range(3):
        before, written = len(set(log.ids("run/killed"))), log.written()
        run = produce(*arguments, "--workers", "1")
        run.wait_for(lambda written=written: log.written() > written + 100)
        run.signal(signal.SIGKILL)
        assert run.finish().code == -signal.SIGKILL
        cursor = log.cursor("run/killed")
        sent = set(log.ids("run/killed"))
        if cursor:
            assert set(git(repo.path, "rev-list", cursor).split()) <= sent
        assert len(sent) >= before

    ended = produce(*arguments).finish()

    assert ended.code == 0
    assert set(log.ids("run/killed")) == set(git(repo.path, "rev-list", "main").split())
    assert log.cursor("run/killed") == repo.tip("main")


def test_a_long_import_goes_on_from_its_last_cursor(ready, log, tmp_path, monkeypatch):
    """Cursors are saved on the way, so an end in the middle costs little."""
    monkeypatch.setattr(history, "STRETCH", 100)
    monkeypatch.setattr("producer.run.SAVE_EVERY_SECONDS", 0)
    for name, value in ready.environment.items():
        monkeypatch.setenv(name, value)
    repo = long_history(tmp_path / "resumed", 2000)
    settings = load_settings(
        [
            *("--source", "git", "--repository", str(repo.path), "--name", "run/resumed"),
            *("--project", str(ready.project.root)),
        ]
    )
    stop = threading.Event()

    class Impatient(ReportLines):
        def show(self, count):
            if count.read >= 700:
                stop.set()

    with Path(os.devnull).open("w") as nowhere:
        first = InProcess(settings, Impatient(nowhere), stop, threading.Event()).carry()
        rest = InProcess(
            settings, ReportLines(nowhere), threading.Event(), threading.Event()
        ).carry()

    assert first.stopped
    assert 700 <= first.read < 1500
    assert first.read + rest.read == 2000
    assert sorted(log.ids("run/resumed")) == sorted(git(repo.path, "rev-list", "main").split())


def test_a_refused_record_is_kept_aside_and_the_rest_arrives(produce, log, tmp_path):
    repo = Repository.make(tmp_path / "large")
    repo.commit("small\n")
    large = repo.commit("x" * 1_500_000)
    last = repo.commit("last\n")
    letters = tmp_path / "letters.jsonl"
    arguments = ("--source", "git", "--repository", str(repo.path), "--name", "run/large")

    ended = produce(*arguments, "--dead-letters", str(letters)).finish()

    assert ended.code == 1
    assert adds_up(ended.account)
    assert ended.account["refused"] == 1
    assert ended.account["dead_letters"] == str(letters)
    [letter] = map(json.loads, letters.read_text().splitlines())
    assert letter["path"] == "$.commit_message"
    assert letter["record"]["commit_id"] == large
    assert len(log.ids("run/large")) == 2
    assert log.cursor("run/large") == last


def test_an_unregistered_contract_names_the_command(produce, ready, own_project):
    apply(own_project, ready, "topics")
    ended = produce("--source", "fake", project=own_project).finish()
    assert ended.code == 2
    assert "make register-schemas" in ended.said
    assert ended.account["hint"].startswith("`make register-schemas`")
    assert ended.account["read"] == 0


def test_a_missing_topic_names_the_command(produce, ready, own_project):
    apply(own_project, ready, "schemas")
    ended = produce("--source", "fake", project=own_project).finish()
    assert ended.code == 2
    assert "contractline apply topics" in ended.said


def test_a_registry_that_is_away_at_the_start_is_waited_for(produce, ready):
    ready.stop("registry")
    try:
        run = produce("--source", "fake", *FROM, "--seed", "13", "--count", "10")
        run.wait_for_words("trying again in 1 s")
    finally:
        ready.start("registry")
    ended = run.finish()
    assert ended.code == 0
    assert ended.account["acknowledged"] == 10
    assert "Schema Registry" in ended.said


def test_a_broker_that_is_killed_on_the_way_costs_nothing(produce, ready, log):
    run = produce("--source", "fake", *FROM, "--seed", "14", "--count", "6000", "--rate", "1000")
    run.wait_for(lambda: {m.identity for m in log.messages()} & invented(14, 100), 30)
    ready.stop("kafka")
    time.sleep(4)
    ready.start("kafka")

    ended = run.finish()

    assert ended.code == 0, ended.said
    assert ended.account["acknowledged"] == 6000
    assert invented(14, 6000) <= {m.identity for m in log.messages()}


def test_a_second_signal_ends_at_once_and_says_what_was_left(produce, ready):
    run = produce("--source", "fake", *FROM, "--seed", "15", "--follow", "--rate", "500")
    run.wait_for_words("acknowledged", 20)
    ready.stop("kafka")
    try:
        time.sleep(1)
        run.signal(signal.SIGTERM)
        run.wait_for_words("stopping")
        run.signal(signal.SIGTERM)
        ended = run.finish()
    finally:
        ready.start("kafka")
    assert ended.code == 2
    assert adds_up(ended.account)
    assert ended.account["failed"] > 0
    assert "without acknowledgement" in ended.said


def test_without_a_stack_the_error_says_how_to_start_one(tmp_path, own_project):
    command = [sys.executable, "-m", "producer", "--source", "fake", "--project"]
    done = subprocess.run(
        [*command, str(own_project.root)],
        cwd=REPOSITORY,
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "contractline up" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_error_of_git_is_in_the_account_after_what_came_before(produce, log, tmp_path):
    repo = Repository.make(tmp_path / "broken")
    repo.write("a", b"1\n")
    repo.commit("one\n")
    blob = repo.files[b"a"][1]
    repo.write("a", b"2\n")
    repo.commit("two\n")
    (repo.path / ".git" / "objects" / blob[:2] / blob[2:]).unlink()

    arguments = ("--source", "git", "--repository", str(repo.path), "--name", "run/broken")
    ended = produce(*arguments).finish()

    assert ended.code == 2
    assert blob in ended.account["error"]
    assert log.cursor("run/broken") is None


def test_a_terminal_shows_a_bar_with_rate_and_lag(ready):
    main, other = pty.openpty()
    command = [sys.executable, "-m", "producer", "--source", "fake", *FROM, "--seed", "16"]
    process = subprocess.Popen(
        [*command, "--count", "3000", "--rate", "1500", "--project", str(ready.project.root)],
        cwd=REPOSITORY,
        env=ready.environment | {"TERM": "xterm-256color", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=other,
    )
    os.close(other)
    shown = b""
    while True:
        try:
            part = os.read(main, 4096)
        except OSError:  # the other end was closed
            break
        if not part:
            break
        shown += part
    os.close(main)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert b"of 3,000" in shown
    assert b"lag" in shown
    assert b"3,000 read = 3,000 acknowledged" in out


def test_own_topics_hold_only_what_their_contract_says(produce, ready, own_project, log, tmp_path):
    apply(own_project, ready, "topics", "schemas")
    ended = produce("--source", "fake", *FROM, "--count", "200", project=own_project).finish()
    assert ended.code == 0, ended.said
    messages = log.messages(own_topic(tmp_path))
    assert {m.identity for m in messages} == invented(1, 200)
    assert len({m.schema_id for m in messages}) == 1


@pytest.mark.parametrize("choice", ["--all", "--ref=main"])
def test_the_choice_of_refs_reaches_the_source(produce, log, tmp_path, choice):
    odd = odd_repository(tmp_path / "odd")
    name = f"run/refs{len(choice)}"
    ended = produce(
        "--source", "git", "--repository", str(odd.path), "--name", name, choice
    ).finish()
    assert ended.code == 0, ended.said
    revisions = ("--exclude=refs/replace/*", "--all") if choice == "--all" else ("main",)
    assert set(log.ids(name)) == set(git(odd.path, "rev-list", *revisions).split())

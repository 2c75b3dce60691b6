"""The README as its reader follows it: the demo, a look around, a new field, the demo again."""

from __future__ import annotations

import json
import re
from pathlib import Path

import clickhouse_connect
import psycopg
import pytest
from confluent_kafka.admin import AdminClient

from tests.e2e.conftest import Checkout

ROOT = Path(__file__).parents[2]
DIFFERS = {"contractline plan"}
"""Lines after which something is left to do, so that they exit with 1."""


def blocks(heading: str, language: str) -> list[str]:
    """Return the code blocks below a heading of the README."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = text.split(f"## {heading}\n")[1].split("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL)


def follow(checkout: Checkout, block: str, *, differs: bool = False) -> None:
    """Run the lines of a block one after another."""
    for line in block.splitlines():
        ran = checkout.shell(line)
        expected = 1 if differs and line in DIFFERS else 0
        assert ran.returncode == expected, f"{line}\n{ran.stdout}\n{ran.stderr}"


def endpoints(checkout: Checkout) -> dict[str, str]:
    values = checkout.shell("python -c 'import json, os; print(json.dumps(dict(os.environ)))'")
    found: dict[str, str] = json.loads(values.stdout)
    return found


def rows(checkout: Checkout, sql: str):
    client = clickhouse_connect.get_client(dsn=endpoints(checkout)["CLICKHOUSE_URL"])
    try:
        return client.query(sql).result_rows
    finally:
        client.close()


@pytest.fixture(scope="module")
def demo(checkout) -> str:
    ran = checkout.shell("make demo")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return str(ran.stdout)


def test_the_demo_shows_that_everything_arrived(demo):
    assert demo.count("complete") == 5
    assert "MISSING" not in demo
    assert "Open errors: 0" in demo
    assert re.search(r"acknowledged to visible: \d+ ms", demo)
    assert "Python-team" in demo
    assert "Developer" in demo


def test_what_the_demo_says_to_ask_is_answered(demo, checkout):
    (block,) = re.findall(r"Ask ClickHouse\n((?:  .*\n)+)", demo)
    setting, *questions = block.splitlines()
    assert len(questions) == 3
    for question in questions:
        ran = checkout.shell(f"{setting}\n{question}")
        assert ran.returncode == 0, ran.stderr
        assert "\t" in ran.stdout
        assert "Exception" not in ran.stdout


def test_readers_see_the_commits_that_git_counts(demo, checkout):
    expected = int(checkout.git("rev-list", "--count", "HEAD"))
    # By git, and then the same commits by GitHub's API: one row each, and the later record stays.
    sql = "SELECT count(), uniqExact(commit_id) FROM reporting.commits WHERE source = '{}'"
    assert rows(checkout, sql.format("github")) == [(expected, expected)]
    assert rows(checkout, sql.format("git")) == [(0, 0)]
    generated = "SELECT uniqExact(repository, commit_id) FROM github.commits WHERE source = 'fake' "
    assert rows(checkout, generated + "AND repository != 'contractline/canary'") == [(20_000,)]


def test_canaries_are_in_no_report(demo, checkout):
    canaries = "SELECT count() > 0 FROM {} WHERE repository = 'contractline/canary'"
    assert rows(checkout, canaries.format("github.commits")) == [(1,)]
    for view in ("commits", "commits_by_time", "commits_without_people", "contributions"):
        assert rows(checkout, canaries.format(f"reporting.{view}")) == [(0,)], view


def test_any_client_connects_by_the_printed_variables(demo, checkout):
    found = endpoints(checkout)
    with psycopg.connect(found["POSTGRES_DSN"]) as connection:
        people = connection.execute("SELECT count(*) FROM public.github_users").fetchall()
    assert rows(checkout, "SELECT count() FROM reporting.users") == people
    admin = AdminClient({"bootstrap.servers": found["KAFKA_BOOTSTRAP_SERVERS"]})
    assert "commits_topic" in admin.list_topics(timeout=10).topics


def test_looking_around(demo, checkout):
    (block,) = blocks("Look around", "sh")
    follow(checkout, block)


def test_adding_a_field(demo, checkout):
    (field,) = blocks("Add a field", "json")
    before_merge, after_merge = blocks("Add a field", "sh")
    schema_file = checkout.root / "contracts/commits/value.avsc"
    schema = json.loads(schema_file.read_text())
    schema["fields"].append(json.loads(field))
    schema_file.write_text(json.dumps(schema, indent=2) + "\n")
    follow(checkout, before_merge, differs=True)
    changed = checkout.git("status", "--porcelain")
    assert "contracts/commits/versions/value.v3.avsc" in changed
    assert "clickhouse_ddl/streams/commits.sql" in changed
    follow(checkout, after_merge)
    old = rows(checkout, "SELECT count() FROM github.commits WHERE branch IS NULL")
    assert old[0][0] > 20_000
    assert checkout.shell("contractline plan").returncode == 0


def test_the_demo_works_a_second_time(demo, checkout):
    ran = checkout.shell("make demo")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "the stack is already running" in ran.stdout
    assert ran.stdout.count("complete") == 5
    # What the first one sent does not count a second time.
    assert re.search(r"commits \(generated\) +20,000 sent +20,000 there  complete", ran.stdout)


def test_adding_a_stream(demo, checkout):
    with psycopg.connect(endpoints(checkout)["POSTGRES_DSN"], autocommit=True) as connection:
        connection.execute(
            "CREATE TABLE public.orders (id bigint PRIMARY KEY, customer text NOT NULL,"
            " total numeric(12,2), placed_at timestamptz NOT NULL DEFAULT now())"
        )
        connection.execute("INSERT INTO public.orders VALUES (1, 'Ada', 12.50)")
    (block,) = blocks("Add a stream", "sh")
    follow(checkout, block)
    assert checkout.shell("contractline plan").returncode == 0
    assert rows(checkout, "SELECT customer, toString(total) FROM streams.orders FINAL") == [
        ("Ada", "12.5")
    ]


@pytest.mark.timeout(1500)
def test_both_leave_a_tree_that_passes_the_checks(demo, checkout):
    """What `make check` runs; of the fast tests those that may look at the checkout's own contracts."""
    lint = checkout.shell("make lint", seconds=600)
    assert lint.returncode == 0, lint.stdout[-4000:] + lint.stderr[-2000:]
    folders = "tests/cases tests/gate tests/packaging tests/unit --ignore tests/unit/producer"
    ran = checkout.shell(f"python -m pytest -q {folders}", seconds=900)
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]

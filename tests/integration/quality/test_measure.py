"""Quality rules are measured on real tables, by an account that only reads."""

from __future__ import annotations

import json
import time
from contextlib import closing
from typing import Any

import pytest

from contractline.cli.quality import command
from contractline.clients.clickhouse import Warehouse
from contractline.contracts.load import load_contracts
from contractline.contracts.quality import Bound, QualityRule
from contractline.quality.kept import newest
from contractline.quality.measure import State, measure, rules_of
from contractline.status.facts import Sources
from contractline.status.quality import quality
from contractline.watch.part import PAUSE_SECONDS
from contractline.watch.quality import Quality
from tests.fixtures.stack import RunningStack
from tests.integration.tables.lab import Lab

ZERO = Bound("mustBe", (0,))


def measured(lab: Lab, *rules: QualityRule) -> list[tuple[State, float | None]]:
    results = measure(lab.warehouse, lab.contract("commits"), rules)
    return [(result.state, result.value) for result in results]


def test_rules_of_a_contract_hold_or_fail(commits: Lab) -> None:
    contract = commits.contract("commits")
    results = {r.rule.name: r for r in measure(commits.warehouse, contract, rules_of(contract))}
    assert results.pop("latency").state != State.UNKNOWN
    assert {name: (r.state, r.value) for name, r in results.items()} == {
        "commit_once": ("holds", 0),
        "lines_not_negative": ("fails", 1),
        "commit_id_is_hash": ("fails", 1),
        "committed_at_in_past": ("holds", 0),
    }


@pytest.mark.parametrize(
    ("metric", "field", "arguments", "unit", "value"),
    [
        ("rowCount", "", {}, "rows", 4),
        ("nullValues", "author_login", {}, "rows", 3),
        ("nullValues", "author_login", {}, "percent", 75),
        ("missingValues", "author", {"missingValues": [None, ""]}, "rows", 1),
        ("missingValues", "author_login", {"missingValues": [None]}, "rows", 3),
        ("missingValues", "author_login", {"missingValues": ["ann"]}, "rows", 4),
        ("invalidValues", "author_login", {"validValues": ["bob", "it's"]}, "rows", 1),
        ("invalidValues", "additions", {"validValues": [1]}, "rows", 1),
        ("invalidValues", "commit_id", {"pattern": "^[0-9a-f]+$"}, "percent", 25),
        ("duplicateValues", "source", {}, "rows", 1),
        ("duplicateValues", "source", {}, "percent", 25),
        ("duplicateValues", "", {"properties": ["author", "source"]}, "rows", 1),
        ("duplicateValues", "author_login", {}, "rows", 0),
    ],
)
def test_metrics_count_rows(
    commits: Lab, metric: str, field: str, arguments: dict[str, Any], unit: str, value: float
) -> None:
    rule = QualityRule("r", ZERO, field, metric, arguments=arguments, unit=unit)
    state = State.HOLDS if value == 0 else State.FAILS
    assert measured(commits, rule) == [(state, value)]


def test_a_query_reads_one_number_and_nothing_else(commits: Lab) -> None:
    table = f"{commits.prefix}.commits"
    queries = {
        "one": "SELECT max(additions) - 1 FROM {object}",
        "a truth": "SELECT count() > 9 FROM {object}",
        "nothing": "SELECT max(additions) FROM {object} WHERE commit_id = 'no such'",
        "two rows": "SELECT additions FROM {object}",
        "two columns": "SELECT 0, 0",
        "text": "SELECT 'x'",
        "no table": "SELECT count() FROM nowhere.orders",
        "writes": f"TRUNCATE TABLE {table}",
        "lifts its limits": "SELECT count() FROM {object} SETTINGS readonly = 0",
        "endless": "SELECT count() FROM numbers(1000000000000)",
    }
    rules = [QualityRule(name, ZERO, query=query) for name, query in queries.items()]
    began = time.monotonic()
    results = measure(commits.warehouse, commits.contract("commits"), rules)
    assert time.monotonic() - began < 60
    found = {result.rule.name: result for result in results}
    assert [name for name, r in found.items() if r.state == State.HOLDS] == ["one", "a truth"]
    assert all(r.state == State.UNKNOWN for r in results if r.rule.name not in ("one", "a truth"))
    assert all(r.problem for r in results if r.state == State.UNKNOWN)
    assert "readonly" in found["writes"].problem
    assert "rows" in found["endless"].problem
    assert commits.one(f"SELECT count() FROM {table} FINAL") == 4


def test_the_command_prints_results_and_exits_by_them(commits: Lab) -> None:
    name = f"{commits.prefix}_commits"
    shown = commits.invoke(command, name)
    assert shown.return_value == 1, shown.output
    (line,) = [one for one in shown.output.splitlines() if "commit_id_is_hash" in one]
    assert line.split()[1:] == [
        "commit_id_is_hash",
        "fails",
        "1",
        "=",
        "0",
        "rows",
        "conformity",
        "error",
    ]

    told = commits.invoke(command, name, "--format", "json")
    results = {one["rule"]: one for one in json.loads(told.output)["results"]}
    assert results["lines_not_negative"]["state"] == "fails"
    assert results["lines_not_negative"]["value"] == 1
    assert results["lines_not_negative"]["stream"] == name

    commits.warehouse.run(f"DROP TABLE {commits.prefix}.commits")
    gone = commits.invoke(command)
    assert gone.return_value == 2, gone.output
    assert "unknown" in gone.output
    assert f"{name}: commit_once: " in gone.output


def test_the_watch_keeps_results_by_schedule(commits: Lab) -> None:
    name = f"{commits.prefix}_commits"
    now, lines = [0.0], list[str]()
    part = Quality(commits.project, lines.append, lambda: now[0])
    kept = f"SELECT count() FROM ingestion.quality_results WHERE stream = '{name}'"

    part.look(commits.endpoints)
    assert commits.one(kept) == 5
    assert f"{name}: commit_id_is_hash is 1 rows, must be = 0" in lines[0]

    now[0] += PAUSE_SECONDS  # none of them is due: they run once an hour
    part.look(commits.endpoints)
    assert commits.one(kept) in (5, 10)  # 10 when the hour is full just now

    ours = {one.rule: one for one in newest(commits.warehouse) if one.stream == name}
    assert ours["commit_id_is_hash"].state == "fails"
    assert ours["commit_id_is_hash"].expected == "= 0"
    (fact,) = quality(Sources(commits.project, commits.endpoints))[name]
    assert fact.value in (2, 3)  # a busy machine may be late, too
    assert fact.shown.endswith(" of 5 hold")
    assert not fact.problem

    commits.warehouse.run(
        "INSERT INTO ingestion.quality_results"
        f" SELECT * REPLACE(at - INTERVAL 61 MINUTE AS at) FROM ingestion.quality_results"
        f" WHERE stream = '{name}' AND rule = 'commit_once'"
    )
    commits.warehouse.run(
        f"ALTER TABLE ingestion.quality_results DELETE WHERE stream = '{name}'"
        " AND rule = 'commit_once' AND at > now() - INTERVAL 30 MINUTE SETTINGS mutations_sync = 1"
    )
    now[0] += PAUSE_SECONDS
    before = commits.one(f"{kept} AND rule = 'commit_once'")
    part.look(commits.endpoints)
    assert commits.one(f"{kept} AND rule = 'commit_once'") == before + 1


def test_the_rules_of_the_repository_are_measured_by_the_account_that_reads(
    applied: RunningStack,
) -> None:
    with closing(Warehouse(applied.endpoints.for_reading())) as warehouse:
        assert warehouse.rows("SELECT currentUser()")[0][0] == "reader"
        results = [
            result
            for contract in load_contracts(applied.project)
            for result in measure(warehouse, contract, rules_of(contract))
        ]
    assert {result.stream for result in results} >= {"commits", "github_users"}
    assert [(r.stream, r.rule.name, r.problem) for r in results if r.problem] == []

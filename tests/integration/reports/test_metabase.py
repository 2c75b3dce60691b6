"""`apply reports`: the checkout's questions and dashboards in Metabase, by its REST API.

Metabase can't run here; tests/metabase_server says what stands in for it. ClickHouse is real, and
each card's SQL is run on it as Metabase would send it.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from contractline.clients.clickhouse import Warehouse
from contractline.contracts.load import load_contracts
from contractline.errors import ContractlineError, ServiceUnavailable
from contractline.metabase.cards import live_card, question_card
from contractline.metabase.native import native_query
from contractline.metabase.target import NAME, MetabaseReports
from contractline.plan import Change, Plan, Step
from contractline.project import Project
from contractline.reports.answer import ask
from contractline.reports.load import load_reports
from contractline.reports.render import Query, render
from contractline.reports.selection import selection_of
from contractline.settings import Endpoints
from contractline.targets import apply_all, targets_of
from tests.fixtures.stack import REPOSITORY, RunningStack, clean_environment, copy_project
from tests.metabase_server.native import expanded
from tests.metabase_server.running import running
from tests.metabase_server.state import State

USER, PASSWORD = "owner@example.com", "correct-horse-1"
"""The administrator, as the tests name it."""


@dataclass
class Instance:
    """An instance of Metabase, and the target that brings it to its declared state."""

    state: State
    endpoints: Endpoints
    project: Project

    @property
    def target(self) -> MetabaseReports:
        return MetabaseReports(self.project, (), self.endpoints)

    def plan(self) -> Plan:
        return self.target.plan()

    def apply(self) -> list[Step]:
        target = self.target
        return list(target.apply(target.plan()))

    def with_settings(self, **settings: str | None) -> Instance:
        return replace(self, endpoints=self.endpoints.model_copy(update=settings))

    def card(self, name: str) -> dict[str, Any]:
        return next(c for c in self.state.cards.values() if c["name"] == name)

    def dashboard(self, name: str) -> dict[str, Any]:
        return next(d for d in self.state.dashboards.values() if d["name"] == name)


@pytest.fixture(scope="module")
def tables(stack: RunningStack) -> RunningStack:
    """The stack with its tables and views."""
    outcomes = apply_all(
        stack.project, load_contracts(stack.project), stack.endpoints, ["topics", "tables"]
    )
    assert [o.exit_code for o in outcomes] == [0, 0]
    return stack


@pytest.fixture(scope="module")
def commits(tables: RunningStack) -> RunningStack:
    """The stack with commits in its tables."""
    outcomes = apply_all(
        tables.project, load_contracts(tables.project), tables.endpoints, ["schemas"]
    )
    assert [outcome.exit_code for outcome in outcomes] == [0]
    subprocess.run(
        [sys.executable, "-m", "producer", "--source", "fake", "--count", "2000"],
        check=True,
        env=tables.environment,
        cwd=REPOSITORY,
        capture_output=True,
    )
    warehouse = Warehouse(tables.endpoints)
    deadline = time.monotonic() + 30
    while warehouse.rows("SELECT count() FROM github.commits FINAL")[0][0] < 2000:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return tables


every_version = pytest.mark.parametrize("version", [57, 63, 65])
"""The forms that queries have had."""


@pytest.fixture
def version() -> int:
    """The major version of the instance, unless a test is about several."""
    return 63


@pytest.fixture
def instance(tables: RunningStack, tmp_path: Path, version: int) -> Iterator[Instance]:
    """An instance that nobody has set up."""
    state = State(version=version)
    with running(state) as address:
        settings = {
            "metabase_url": address,
            "metabase_user": USER,
            "metabase_password": PASSWORD,
        }
        endpoints = tables.endpoints.model_copy(update=settings)
        yield Instance(state, endpoints, copy_project(tmp_path / "project"))


@every_version
def test_from_an_empty_instance(instance: Instance, version: int):
    reports = load_reports(instance.project)
    steps = instance.apply()
    assert {step.change for step in steps} == {Change.CREATE}
    assert instance.state.users == {USER: PASSWORD}
    (database,) = instance.state.databases.values()
    assert database["details"]["dbname"] == "reporting"
    titles = {card["name"] for card in instance.state.cards.values()}
    assert {question.spec.title for question in reports.questions.values()} <= titles
    assert {d["name"] for d in instance.state.dashboards.values()} == {
        d.spec.title for d in reports.dashboards.values()
    }
    assert instance.plan() == Plan("reports")


def test_a_second_run_writes_nothing(instance: Instance):
    instance.apply()
    instance.state.requests.clear()
    assert instance.apply() == []
    written = {r for r in instance.state.requests if not r.startswith("GET")}
    assert written == {"POST /api/session", "DELETE /api/session"}


def test_filters_are_wired_to_every_card_that_has_them(instance: Instance):
    instance.apply()
    reports = load_reports(instance.project)
    by_title = {q.spec.title: q for q in reports.questions.values()}
    seen = 0
    for dashboard in instance.state.dashboards.values():
        names = {p["id"]: p["slug"] for p in dashboard["parameters"]}
        for dashcard in dashboard["dashcards"]:
            card = instance.state.cards[dashcard["card_id"]]
            tags = native_query(by_title[card["name"]], reports.filters).tags
            wired = {m["target"][1][1] for m in dashcard["parameter_mappings"]}
            assert wired == set(tags) & set(names.values())
            assert {names[m["parameter_id"]] for m in dashcard["parameter_mappings"]} == wired
            seen += 1
    assert seen == sum(len(d.spec.panels) for d in reports.dashboards.values())


def test_cards_do_not_overlap(instance: Instance):
    instance.apply()
    for dashboard in instance.state.dashboards.values():
        taken: set[tuple[int | None, int, int]] = set()
        for card in dashboard["dashcards"]:
            cells = {
                (card["dashboard_tab_id"], row, column)
                for row in range(card["row"], card["row"] + card["size_y"])
                for column in range(card["col"], card["col"] + card["size_x"])
            }
            assert not cells & taken
            assert card["col"] + card["size_x"] <= 24
            taken |= cells


@every_version
def test_a_change_by_hand_is_seen_and_taken_back(instance: Instance, version: int):
    instance.apply()
    card = next(c for c in instance.state.cards.values() if c["display"] == "row")
    sql = card["dataset_query"]["native"]["query"]
    card["dataset_query"]["native"]["query"] = "SELECT 1"
    (step,) = instance.plan().steps
    assert (step.change, step.subject) == (Change.ALTER, card["name"])
    assert "changed by hand" in step.summary
    assert "-SELECT 1" in step.detail
    instance.apply()
    assert card["dataset_query"]["native"]["query"] == sql
    assert instance.plan().is_clean


def test_a_change_by_hand_is_written_into_the_files(instance: Instance):
    instance.apply()
    question = load_reports(instance.project).question("commits_by_team")
    card = instance.card(question.spec.title)
    native = card["dataset_query"]["native"]
    native["query"] = native["query"].replace("ORDER BY commits DESC", "ORDER BY commits ASC")
    card["name"] = "Commits of the teams"
    (export,) = instance.target.exported()
    assert export.left == ()
    for file, text in export.files.items():
        file.write_text(text)
    again = load_reports(instance.project).question("commits_by_team")
    assert again.spec.title == "Commits of the teams"
    assert again.sql == question.sql.replace("ORDER BY commits DESC", "ORDER BY commits ASC")
    (step,) = instance.plan().steps
    assert step.summary == "change the note of what was applied"
    assert instance.target.exported() == []
    instance.apply()
    assert instance.plan().is_clean


def test_what_has_no_place_in_the_files_is_said(instance: Instance):
    instance.apply()
    question = load_reports(instance.project).question("commits_by_team")
    card = instance.card(question.spec.title)
    card["display"] = "pie"
    card["dataset_query"]["native"]["query"] = "SELECT 1 AS team_name, 2 AS commits"
    (export,) = instance.target.exported()
    assert export.files == {}
    assert export.left == (
        "the kind of chart",
        "the part of the query that reads the views and applies the filters",
    )


def test_a_change_in_the_checkout_is_no_change_by_hand(instance: Instance):
    instance.apply()
    reports = load_reports(instance.project)
    question = next(iter(reports.questions.values()))
    question.sql_file.write_text(question.sql.replace("FROM commits", "FROM commits -- other"))
    steps = [step for step in instance.plan().steps if step.subject == question.spec.title]
    assert all("by hand" not in step.summary for step in steps)


def test_what_people_made_themselves_stays(instance: Instance):
    instance.apply()
    own = dict(next(iter(instance.state.cards.values())))
    own |= {"id": instance.state.next_id(), "name": "Mine", "description": "My own."}
    instance.state.cards[own["id"]] = own
    assert instance.plan().is_clean


def test_a_question_that_is_gone_goes_into_the_trash(instance: Instance):
    instance.apply()
    reports = load_reports(instance.project)
    shown = {p.question for d in reports.dashboards.values() for p in d.spec.panels}
    name = next(name for name in reports.questions if name in shown)
    question = reports.questions[name]
    for dashboard in reports.dashboards.values():
        if any(panel.question == name for panel in dashboard.spec.panels):
            dashboard.file.unlink()
    question.file.unlink()
    question.sql_file.unlink()
    removed = [step for step in instance.plan().steps if step.change is Change.REMOVE]
    assert question.spec.title in {step.subject for step in removed}
    instance.apply()
    assert instance.card(question.spec.title)["archived"]
    assert instance.plan().is_clean


def test_after_a_break_the_rest_is_done(instance: Instance):
    target = instance.target
    total = len(target.plan().steps)
    for done in range(1, total, 4):
        steps = target.apply(target.plan())
        for _ in zip(range(done), steps, strict=False):
            pass
        steps.close()  # type: ignore[attr-defined]
    instance.apply()
    assert instance.plan().is_clean
    titles = [c["name"] for c in instance.state.cards.values() if not c["archived"]]
    assert len(titles) == len(set(titles))


def test_a_dashboard_that_was_left_empty_is_filled(instance: Instance):
    instance.apply()
    dashboard = next(iter(instance.state.dashboards.values()))
    dashcards = dashboard["dashcards"]
    dashboard |= {"dashcards": [], "tabs": [], "parameters": []}
    instance.apply()
    assert len(dashboard["dashcards"]) == len(dashcards)
    assert len(instance.state.dashboards) == len(load_reports(instance.project).dashboards)


def test_cards_that_stay_keep_their_ids(instance: Instance):
    instance.apply()
    dashboard = next(iter(instance.state.dashboards.values()))
    ids = [dashcard["id"] for dashcard in dashboard["dashcards"]]
    dashboard["dashcards"][0]["row"] += 40
    instance.apply()
    assert sorted(dashcard["id"] for dashcard in dashboard["dashcards"]) == sorted(ids)


def test_clickhouse_that_metabase_does_not_reach(instance: Instance):
    instance.apply()
    (database,) = instance.state.databases.values()
    database["details"]["password"] = "forgotten"
    plan = instance.plan()
    assert [f.rule for f in plan.refusals] == ["METABASE_CONNECTS"]
    instance.apply()
    assert instance.plan().is_clean


def test_an_api_key_does_too(instance: Instance):
    instance.apply()
    instance.state.api_keys.add("mb_key")
    keyed = instance.with_settings(
        metabase_user=None, metabase_password=None, metabase_api_key="mb_key"
    )
    assert keyed.plan().is_clean


def test_a_wrong_password_is_said(instance: Instance):
    instance.apply()
    with pytest.raises(ServiceUnavailable, match="credentials") as refused:
        instance.with_settings(metabase_password="wrong-2").plan()
    assert "METABASE_PASSWORD" in refused.value.hint


def test_a_password_that_metabase_does_not_take_is_said(instance: Instance):
    with pytest.raises(ServiceUnavailable, match="password is too common"):
        instance.with_settings(metabase_password="short").apply()


def test_without_an_administrator_the_setting_is_named(instance: Instance):
    with pytest.raises(ContractlineError, match="METABASE_USER"):
        instance.with_settings(metabase_user=None).plan()


def test_an_old_version_is_refused(instance: Instance):
    instance.state.version = 50
    with pytest.raises(ServiceUnavailable, match=r"v0\.50\.1 is too old"):
        instance.plan()


def test_metabase_away(instance: Instance):
    away = instance.with_settings(metabase_url="http://127.0.0.1:1")
    with pytest.raises(ServiceUnavailable, match="did not answer"):
        away.plan()


def test_without_metabase_it_is_no_target_of_the_installation(instance: Instance):
    assert targets_of(instance.endpoints)[-1] == "reports"
    without = instance.with_settings(metabase_url=None)
    assert "reports" not in targets_of(without.endpoints)
    with pytest.raises(ContractlineError, match="METABASE_URL: is not set"):
        without.plan()


@pytest.mark.parametrize(
    "given",
    [
        {"period": ["all"], "team": ["Java-team", "Python-team"]},
        {"period": ["7d"], "as_of": ["today"]},
    ],
    ids=str,
)
def test_a_card_gives_what_the_question_gives(commits: RunningStack, given: dict[str, list[str]]):
    reports = load_reports(commits.project)
    selection = selection_of(reports.filters, given)
    values = {name: chosen if len(chosen) > 1 else chosen[0] for name, chosen in given.items()}
    warehouse = Warehouse(commits.endpoints)
    for question in reports.questions.values():
        native = native_query(question, reports.filters)
        sql = expanded({"query": native.sql, "template-tags": native.tags}, values)
        answer = ask(warehouse, render(question, reports.filters, selection))
        card = ask(warehouse, Query(sql, {}))
        assert (card.columns, card.types) == (answer.columns, answer.types)
        if "now" in question.sql:  # what they answer depends on the moment
            assert len(card.rows) == len(answer.rows), question.name
        else:
            assert card.rows == answer.rows, question.name


@every_version
def test_the_form_that_is_compared_is_the_form_that_is_sent(instance: Instance, version: int):
    instance.apply()
    reports = load_reports(instance.project)
    (database,) = instance.state.databases.values()
    for question in reports.questions.values():
        declared = question_card(question, reports.filters, database["id"])
        assert live_card(instance.card(question.spec.title)) == declared


@every_version
def test_an_independent_client_reads_all_of_it(instance: Instance, tmp_path: Path, version: int):
    instance.apply()
    instance.state.api_keys.add("mb_key")
    client = Path(sys.executable).with_name("metabase-sync")
    variables = {
        "METABASE_URL": instance.endpoints.metabase_url or "",
        "METABASE_API_KEY": "mb_key",
    }

    def run(command: str) -> str:
        return subprocess.run(
            [client, command],
            check=True,
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env={**clean_environment(), **variables},
        ).stdout

    run("export")
    reports = load_reports(instance.project)
    written = {file.name for file in (tmp_path / "state").rglob("*.sql")}
    assert len(written) >= len(reports.questions)
    assert "nothing to do" in run("plan")


def test_the_collection_is_named_after_the_project(instance: Instance):
    instance.apply()
    (collection,) = instance.state.collections.values()
    assert collection["name"] == NAME

"""Questions as native queries: what Metabase makes of them, tag by tag."""

from __future__ import annotations

from pathlib import Path

import pytest

from contractline.metabase.native import Native, QuestionUntranslatable, native_query
from contractline.reports.load import LoadedQuestion, read_reports
from tests.fixtures.reports import BY_TEAM, FILTERS, write_reports
from tests.metabase_server.native import QueryInvalid, expanded

SQL = "SELECT team, count() AS commits FROM commits GROUP BY team"


def question(folder: Path, sql: str = SQL, more: str = "") -> LoadedQuestion:
    project = write_reports(
        folder, {"questions/by_team.yaml": BY_TEAM + more, "questions/by_team.sql": sql}
    )
    return read_reports(project).question("by_team")


def sent(native: Native, **values: object) -> str:
    """Return what Metabase would send, in one line."""
    legacy = {"query": native.sql, "template-tags": native.tags}
    return " ".join(expanded(legacy, values).split())


def test_a_filter_that_is_not_set_leaves_nothing(tmp_path):
    native = native_query(question(tmp_path), FILTERS)
    assert "AND (1 )" in sent(native)
    assert "team IN" not in sent(native)


@pytest.mark.parametrize(
    ("value", "list_of_it"),
    [("Java-team", "['Java-team']"), (["a", "b'c"], "['a', 'b\\'c']")],
)
def test_values_of_a_filter_are_a_list(tmp_path, value, list_of_it):
    native = native_query(question(tmp_path), FILTERS)
    assert f"AND (1 AND (team IN {list_of_it}))" in sent(native, team=value)


def test_a_switch_and_a_variant_have_their_defaults(tmp_path):
    text = sent(native_query(question(tmp_path), FILTERS))
    assert "('off' = 'on' OR (NOT is_bot))" in text
    assert "if('then' = 'then', team_at_commit, team) AS team" in text


def test_the_period_begins_so_long_ago(tmp_path):
    native = native_query(question(tmp_path), FILTERS)
    assert "['24h', '7d', '30d', '90d', '365d'], [86400, 604800, 2592000" in sent(native)
    assert "coalesce(toDateTime64('2026-01-01', 6, 'UTC'), multiIf(" in sent(
        native, since="2026-01-01"
    )
    assert "('all' = 'all' OR (committed_at >=" in sent(native, period="all")


def test_a_filter_that_does_not_apply_is_no_tag(tmp_path):
    native = native_query(question(tmp_path, more="without: [team, period]\n"), FILTERS)
    assert sorted(native.tags) == ["as_of", "bots"]


def test_a_parameter_of_the_question_has_its_type(tmp_path):
    more = "parameters:\n  - {name: top, type: UInt32, default: 5}\n"
    native = native_query(question(tmp_path, f"{SQL} LIMIT {{top:UInt32}}", more), FILTERS)
    assert native.tags["top"]["type"] == "number"
    assert sent(native, top=3).endswith("LIMIT 3")
    assert sent(native).endswith("LIMIT 5")


def test_a_tag_has_the_same_id_everywhere(tmp_path):
    one = native_query(question(tmp_path / "a"), FILTERS)
    other = native_query(question(tmp_path / "b", more="without: [period]\n"), FILTERS)
    assert one.tags["team"]["id"] == other.tags["team"]["id"]


@pytest.mark.parametrize("signs", ["[[1, 2], [3]]", "'{{team}}'", "a[b[1]]"])
def test_signs_that_metabase_reads_are_refused(tmp_path, signs):
    sql = f"SELECT team, length({signs}) AS commits FROM commits GROUP BY team"
    with pytest.raises(QuestionUntranslatable, match="by_team"):
        native_query(question(tmp_path, sql), FILTERS)


def test_without_a_default_a_value_is_wanted():
    with pytest.raises(QueryInvalid, match="pick a value"):
        expanded({"query": "SELECT {{x}}", "template-tags": {"x": {"type": "text"}}}, {})

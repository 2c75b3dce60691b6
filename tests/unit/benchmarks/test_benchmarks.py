"""What the benchmarks compare: variants of the generated DDL, rates and ratios."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.loading import steady_rate
from benchmarks.measure import interleave, percentile, ratios
from benchmarks.streams import variant
from contractline.clickhouse.sql import statements
from contractline.contracts.load import contract_named, load_contracts
from contractline.contracts.model import Contract
from contractline.project import Project


@pytest.fixture(scope="module")
def contract() -> Contract:
    return contract_named(load_contracts(Project(Path(__file__).parents[3])), "commits")


def settings(ddl: str) -> set[str]:
    return set(re.findall(r"(?:kafka|input|format)_\w+(?= = )", ddl))


def names(ddl: str) -> list[str]:
    return [statement.name for statement in statements(ddl)]


def test_a_variant_has_names_of_its_own(contract):
    ddl = variant(contract, "one", "elsewhere").ddl
    assert "bench.one" in names(ddl)
    assert not {"github.commits", "ingestion.commits"} & set(names(ddl))
    assert "kafka_topic_list = 'elsewhere'" in ddl
    assert "kafka_group_name = 'contractline_one'" in ddl


def test_default_flush_lacks_only_the_settings_of_the_flush(contract):
    ours = variant(contract, "one", "elsewhere")
    assert settings(ours.ddl) - settings(ours.with_default_flush().ddl) == {
        "kafka_flush_interval_ms",
        "kafka_poll_timeout_ms",
        "kafka_consumer_reschedule_ms",
    }
    assert names(ours.with_default_flush().ddl) == names(ours.ddl)


def test_json_lacks_only_what_avro_needs(contract):
    ours = variant(contract, "one", "elsewhere")
    assert settings(ours.ddl) - settings(ours.as_json().ddl) == {
        "format_avro_schema_registry_url",
        "input_format_avro_allow_missing_fields",
    }
    assert "kafka_format = 'JSONEachRow'" in ours.as_json().ddl


def test_direct_is_a_queue_a_table_and_one_view(contract):
    ddl = variant(contract, "one", "elsewhere").direct(["repository"]).ddl
    assert names(ddl) == ["bench", "bench.one", "ingestion.one_queue", "ingestion.one_feed"]
    assert "kafka_handle_error_mode" not in ddl


def test_two_consumers(contract):
    assert "kafka_num_consumers = 2" in variant(contract, "one", "elsewhere").with_consumers(2).ddl


def test_history_is_a_table_more(contract):
    assert "bench.one_history" in names(variant(contract, "one", "elsewhere", history=True).ddl)


def test_the_rate_leaves_out_the_start_and_the_block_that_waited():
    assert steady_rate([(100.0, 10), (101.0, 30), (102.0, 50), (109.0, 51)]) == 20


def test_one_block_has_no_rate():
    with pytest.raises(ValueError, match="one block"):
        steady_rate([(100.0, 10)])


def test_every_other_round_runs_in_the_opposite_order():
    ran: list[str] = []

    def candidate(name: str) -> Callable[[], float]:
        def run() -> float:
            ran.append(name)
            return float(len(ran))

        return run

    figures = interleave({"a": candidate("a"), "b": candidate("b")}, rounds=2)
    assert ran == ["a", "b", "b", "a"]
    assert figures == {"a": [1, 4], "b": [2, 3]}


def test_ratios_are_of_one_round_each():
    spread = ratios({"a": [1, 4, 9], "b": [1, 2, 3]}, "a", "b")
    assert (spread.median, spread.low, spread.high) == (2, 1, 3)


def test_percentile():
    assert percentile(range(100), 0.99) == 99
    assert percentile([5.0], 0.5) == 5


def test_every_table_of_figures_names_the_commit_that_it_was_measured_at():
    page = (Path(__file__).parents[3] / "docs" / "performance.md").read_text(encoding="utf-8")
    sections = [text for text in page.split("\n## ")[1:] if "`python -m benchmarks" in text]
    unnamed = [text.splitlines()[0] for text in sections if not re.search(MEASURED, text)]
    assert len(sections) >= 11
    assert unnamed == []


MEASURED = r"[Mm]easured at `[0-9a-f]{7,40}`"

"""What a check says of each reader of a change."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.fixtures.trees import tree

SEEN = 'timestamp-micros"}, "doc": "When, UTC."'


PERSON = '"type": ["null", "string"], "default": null, "doc": "Who'
SIZE = '"type": "int", "default": 0, "doc": "How large."'


def stream(checkout, name: str) -> dict[str, Any]:
    _, out, err = checkout.contractline("check", "--format", "json")
    assert out, err
    return next(one for one in json.loads(out)["streams"] if one["name"] == name)


def clicks(checkout) -> dict[str, Any]:
    return stream(checkout, "clicks")


def verdicts(checkout) -> dict[str, tuple[str, list[str]]]:
    said = clicks(checkout)["verdicts"]
    return {one["reader"]: (one["outcome"], one["reasons"]) for one in said}


@pytest.fixture
def sized(checkout):
    """A base at BACKWARD whose v2 adds a size, with the default 0."""
    checkout.edit("clicks/contract.odcs.yaml", ["FULL_TRANSITIVE", "BACKWARD"])
    checkout.edit("clicks/value.avsc", ['"fields": [', f'"fields": [{{"name": "size", {SIZE}}},'])
    released(checkout)
    checkout.commit("sizes")
    checkout.git("branch", "--force", "main")
    return checkout


def released(checkout) -> None:
    assert checkout.contractline("release", "clicks")[0] == 0
    checkout.generate()


def head(checkout) -> str:
    """Return what a comment says before it comes to the first stream."""
    _, out, _ = checkout.contractline("check", "--format", "markdown")
    return str(out.partition("###")[0])


def test_consumers_that_take_a_time_for_another_one_are_not_fine(checkout):
    checkout.edit("clicks/value.avsc", [SEEN, SEEN.replace("micros", "millis")])
    said = verdicts(checkout)
    assert said["older consumers"] == (
        "corrupts",
        [
            "a consumer that reads with v1 misreads new records: `seen_at`: long (timestamp-millis)"
            " is taken for long (timestamp-micros), and no error says so"
        ],
    )
    assert said["newer consumers"] == (
        "corrupts",
        [
            "a consumer that reads with the new schema misreads records of v1: `seen_at`:"
            " long (timestamp-micros) is taken for long (timestamp-millis), and no error says so"
        ],
    )


def test_consumers_that_cannot_read_at_all(checkout):
    checkout.edit("clicks/value.avsc", [PERSON, '"type": "string", "doc": "Who'])
    said = verdicts(checkout)
    assert said["older consumers"][0] == "ok"
    outcome, reasons = said["newer consumers"]
    assert outcome == "breaks"
    assert all("can't read records of v1: `person`" in one for one in reasons)


def test_another_key_lays_records_of_one_row_under_two_keys(checkout):
    checkout.edit("clicks/key.avsc", ['"name": "click"', '"name": "person"'])
    said = verdicts(checkout)
    for reader in ("older consumers", "newer consumers"):
        assert said[reader][0] == "breaks"
        assert "the key means something else" in said[reader][1][0]


def test_older_consumers_that_the_level_leaves_out_are_no_error_and_not_safe(sized):
    sized.edit("clicks/value.avsc", [SIZE, SIZE.replace("int", "long")])
    released(sized)

    assert "## ✅ Contracts: this change can be merged" in head(sized)
    assert "- ❌ `clicks`: records can't be read by older consumers\n" in head(sized)
    stream = clicks(sized)
    older, newer, sink = stream["verdicts"]
    assert (older["outcome"], older["promise"]) == ("breaks", "BACKWARD")
    assert (newer["outcome"], newer["promise"]) == (sink["outcome"], sink["promise"]) == ("ok", "")
    assert [step["action"] for step in stream["rollout"]] == [
        "update the consumers of Avro",
        "`contractline apply schemas`",
    ]


def test_a_level_that_looks_at_the_last_version_does_not_make_the_others_readable(sized):
    sized.edit("clicks/value.avsc", [SIZE, SIZE.replace(', "default": 0', "")])
    released(sized)

    assert "- ❌ `clicks`: records can't be read by newer consumers\n" in head(sized)
    _, newer, _ = clicks(sized)["verdicts"]
    assert (newer["outcome"], newer["promise"]) == ("breaks", "BACKWARD")
    assert "can't read records of v1: `size`" in newer["reasons"][0]


def test_a_column_that_a_person_has_to_change_comes_before_the_tables(sized):
    nullable = SIZE.replace('"int", "default": 0', '["null", "int"], "default": null')
    sized.edit("clicks/value.avsc", [SIZE, nullable])
    released(sized)
    steps = [
        "`contractline apply tables`",
        "update the consumers of Avro",
        "`contractline apply schemas`",
    ]

    assert [step["action"] for step in clicks(sized)["rollout"]] == steps

    own = ["current: shop.clicks\n", "current: shop.clicks\n      types: {size: Nullable(Int32)}\n"]
    sized.edit("clicks/contract.odcs.yaml", own)
    by_hand = "`ALTER TABLE shop.clicks MODIFY COLUMN size Nullable(Int32)`"
    assert [step["action"] for step in clicks(sized)["rollout"]] == [by_hand, *steps]


def test_tables_that_can_not_be_made_are_told_beside_those_that_are_there(sized):
    sized.edit("clicks/value.avsc", [SIZE, SIZE.replace('"int"', '["int", "string"]')])
    outcome, reasons = verdicts(sized)["ClickHouse"]
    assert outcome == "breaks"
    sized.git("checkout", "--", ".")
    sized.edit("clicks/value.avsc", [SIZE, SIZE.replace('"int"', '"boolean"').replace("0", "true")])
    outcome, reasons = verdicts(sized)["ClickHouse"]
    assert outcome == "ok"
    assert reasons[0] == "the tables as they are read its records as they are meant"
    assert reasons[1].startswith("but no tables can be made of the contract as it is: `size` is")


def test_a_doc_is_a_change_in_words(sized):
    sized.edit("clicks/value.avsc", ["How large.", "How large, in pixels."])
    assert clicks(sized)["difference"]["words"] == ["another doc of `size`"]


def test_what_one_command_mends_comes_last_of_the_errors(sized):
    sized.edit("clicks/value.avsc", [SIZE, SIZE.replace("How large.", "")])
    sized.edit("clicks/value.avsc", ['"fields": [', '"fields": [{"name": "x", "type": "string"},'])
    _, out, _ = sized.contractline("check", "--format", "markdown")
    rules = re.findall(r"\| ❌ \| `(\w+)`", out)
    assert set(rules) == {"FIELD_HAS_DOC", "VERSIONS_COMPATIBLE", "WORKING_SCHEMA_RELEASED"}
    assert rules[-1] == "WORKING_SCHEMA_RELEASED"


def test_a_new_table_is_published_before_the_connector_reads_it(checkout, tmp_path):
    everything = tree(tmp_path / "everything", {})
    (everything.contracts / "people").rename(checkout.root / "contracts" / "people")
    checkout.generate()

    assert [step["action"] for step in stream(checkout, "people")["rollout"]] == [
        f"`contractline apply {target}`"
        for target in ("topics", "tables", "schemas", "postgres", "connectors")
    ]

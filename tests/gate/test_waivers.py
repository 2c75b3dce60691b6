"""What a waiver excuses, for how long, and what it never does; from the command's own output."""

from __future__ import annotations

import json
import shutil
from typing import Any

import pytest
import yaml

from tests.gate.conftest import Checkout

FEWER = ["partitions: 3", "partitions: 2"]
DOC = "clicks/contract.odcs.yaml"
VALID = {
    "reason": "The topic is made anew.",
    "approver": "web",
    "expires": "2999-01-31",
    "migration": "Readers begin again.",
}
WIDE = ["version:\n        rank", "types: {number: Int32}\n      version:\n        rank"]
NUMBER = '{"name": "number", "type": "long", "default": 0, "doc": "Which of the day."}'


def waiver(checkout: Checkout, rule: str, *entries: dict[str, Any]) -> None:
    file = checkout.root / f"contracts/clicks/waivers/{rule}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(yaml.safe_dump([VALID | entry for entry in entries]))


def checked(checkout: Checkout, *arguments: str) -> tuple[int, list[str], list[str]]:
    """Return the exit code, and the rules of what is found and of what is waived."""
    code, out, err = checkout.contractline("check", "--format", "json", *arguments)
    assert err == ""
    report = json.loads(out)
    return code, [one["rule"] for one in report["findings"]], [w["rule"] for w in report["waived"]]


@pytest.mark.parametrize(
    "path", ["topic.partitions", "topic", "$.customProperties[0].value.partitions"]
)
def test_a_waiver_for_the_place(checkout, path):
    checkout.edit(DOC, FEWER)
    waiver(checkout, "PARTITIONS_ONLY_GROW", {"path": path})
    assert checked(checkout) == (0, [], ["PARTITIONS_ONLY_GROW"])


@pytest.mark.parametrize("path", ["partitions", "topic.partition", "clicks", "$", "topic.name"])
def test_a_waiver_for_another_place_is_unused_and_says_where(checkout, path):
    checkout.edit(DOC, FEWER)
    waiver(checkout, "PARTITIONS_ONLY_GROW", {"path": path})
    assert checked(checkout) == (1, ["PARTITIONS_ONLY_GROW", "WAIVER_USED"], [])
    assert "its `path` may be topic.partitions" in checkout.contractline("check")[1]


@pytest.mark.parametrize("path", ["person", "$.fields[2]"])
def test_a_waiver_for_a_field(checkout, path):
    checkout.edit(
        DOC, ["      - name: person\n        classification: pii\n", "      - name: shop\n"]
    )
    checkout.generate()
    waiver(checkout, "PERSONAL_DATA_KEPT", {"path": path})
    assert checked(checkout) == (0, [], ["PERSONAL_DATA_KEPT"])


PATH, QUERY = (f'{{"name": "{name}", "type": "string", "doc": "x"}}' for name in ("path", "query"))
INSIDE = (
    '{"name": "page", "doc": "x",'
    ' "type": {"type": "record", "name": "Page", "doc": "x", "fields": [%s]}}'
)


@pytest.mark.parametrize(
    ("before", "after", "meant", "others"),
    [
        (f"{PATH}, {QUERY}", PATH, ("query",), ("$", "path")),
        (INSIDE % f"{PATH}, {QUERY}", INSIDE % PATH, ("page.query", "page"), ("$", "page.path")),
    ],
)
def test_a_waiver_for_a_field_that_goes(checkout, before, after, meant, others):
    checkout.git("switch", "--quiet", "main")
    checkout.edit(DOC, ["FULL_TRANSITIVE", "FORWARD"])
    checkout.edit("clicks/value.avsc", ['"fields": [', f'"fields": [{before}, '])
    assert checkout.contractline("release", "clicks")[0] == 0
    checkout.generate()
    checkout.commit()
    checkout.edit("clicks/value.avsc", [before, after])
    for path in others:
        waiver(checkout, "VERSIONS_COMPATIBLE", {"path": path})
        assert checked(checkout)[2] == []
        assert f"its `path` may be {meant[0]}\n" in checkout.contractline("check")[1]
    for path in meant:
        waiver(checkout, "VERSIONS_COMPATIBLE", {"path": path, "migration": {"level": "NONE"}})
        assert checked(checkout) == (1, ["WORKING_SCHEMA_RELEASED"], ["VERSIONS_COMPATIBLE"])


def test_several_of_one_rule(checkout):
    checkout.edit(DOC, ["cleanup: compact", "cleanup: delete\n      retention: P1D"])
    checkout.edit(DOC, FEWER)
    waiver(checkout, "PARTITIONS_ONLY_GROW", {"path": "topic.partitions"}, {"path": "topic.name"})
    code, found, waived = checked(checkout)
    assert (code, waived) == (1, ["PARTITIONS_ONLY_GROW"])
    assert sorted(found) == ["CLEANUP_KEPT", "WAIVER_USED"]


def test_an_expired_one(checkout):
    checkout.edit(DOC, FEWER)
    waiver(checkout, "PARTITIONS_ONLY_GROW", {"path": "topic.partitions", "expires": "2020-01-31"})
    assert sorted(checked(checkout)[1]) == ["PARTITIONS_ONLY_GROW", "WAIVER_EXPIRED"]


def test_one_that_cant_be_read_excuses_nothing(checkout):
    checkout.edit(DOC, FEWER)
    waiver(checkout, "PARTITIONS_ONLY_GROW", {"path": "topic.partitions", "approver": ""})
    assert sorted(checked(checkout)[1]) == ["PARTITIONS_ONLY_GROW", "WAIVER_VALID"]


def test_once_merged_it_is_only_asked_to_go(checkout):
    checkout.edit(DOC, FEWER)
    waiver(checkout, "PARTITIONS_ONLY_GROW", {"path": "topic.partitions"})
    checkout.commit()
    assert checked(checkout, "--against", "HEAD") == (0, ["WAIVER_REMOVED_ONCE_MERGED"], [])
    checkout.edit(DOC, ["partitions: 2", "partitions: 1"])
    assert checked(checkout, "--against", "HEAD") == (0, [], ["PARTITIONS_ONLY_GROW"])


def test_without_a_base_nobody_can_tell_whether_it_is_used(checkout):
    waiver(checkout, "PARTITIONS_ONLY_GROW", {"path": "topic.partitions"})
    assert checkout.contractline("check", "contracts")[0] == 0
    shutil.rmtree(checkout.root / ".git")
    assert checked(checkout) == (0, [], [])


def test_a_waiver_of_a_generated_file_waits_where_none_is_looked_at(checkout):
    waiver(checkout, "TABLES_GENERATED", {"path": "$"})
    assert checkout.contractline("check", "contracts")[0] == 0
    assert checked(checkout)[1] == ["WAIVER_USED"]


def test_a_removed_contract(checkout):
    waiver(checkout, "CONTRACT_KEPT", {"path": "$"})
    clicks = checkout.root / "contracts/clicks"
    for file in clicks.iterdir():
        if file.name != "waivers":
            shutil.rmtree(file) if file.is_dir() else file.unlink()
    (checkout.root / "clickhouse_ddl/streams/clicks.sql").unlink()
    assert checked(checkout) == (0, [], ["CONTRACT_KEPT"])


def narrowed(checkout: Checkout) -> None:
    """Give a long field a column of 32 bits."""
    checkout.git("switch", "--quiet", "main")
    checkout.edit("clicks/value.avsc", ['"fields": [', f'"fields": [{NUMBER},'])
    assert checkout.contractline("release", "clicks")[0] == 0
    checkout.generate()
    checkout.commit()
    checkout.edit(DOC, WIDE)
    checkout.generate()


@pytest.mark.parametrize(
    "migration",
    ["Reports are mended by hand.", {"topic": "shop_clicks"}, {"table": "shop.clicks"}],
)
def test_silent_corruption_has_no_excuse(checkout, migration):
    narrowed(checkout)
    assert checked(checkout) == (1, ["COLUMN_TYPE_KEPT", "SINK_NUMBER_FITS"], [])
    waiver(checkout, "SINK_NUMBER_FITS", {"path": "number", "migration": migration})
    code, found, waived = checked(checkout)
    assert (code, waived) == (1, [])
    expected = ["COLUMN_TYPE_KEPT", "SINK_NUMBER_FITS", "WAIVER_OF_CORRUPTION_MOVES"]
    assert sorted(found) == expected


@pytest.mark.parametrize("migration", [{"topic": "shop_clicks_v2"}, {"table": "shop.clicks_v2"}])
def test_unless_the_data_moves(checkout, migration):
    narrowed(checkout)
    waiver(checkout, "SINK_NUMBER_FITS", {"path": "number", "migration": migration})
    assert checked(checkout) == (0, ["COLUMN_TYPE_KEPT"], ["SINK_NUMBER_FITS"])
    checkout.commit()
    assert checked(checkout, "--against", "HEAD") == (0, [], ["SINK_NUMBER_FITS"])


@pytest.mark.parametrize("output", ["text", "json", "github", "markdown", "sarif", "junit"])
def test_what_is_waived_stays_visible(checkout, output):
    checkout.edit(DOC, FEWER)
    waiver(checkout, "PARTITIONS_ONLY_GROW", {"path": "topic.partitions"})
    code, out, _ = checkout.contractline("check", "--format", output)
    assert code == 0
    assert "2999-01-31" in out
    assert "3 partitions become 2" in out


def test_a_release_minds_waivers(checkout):
    checkout.edit(
        "clicks/value.avsc",
        ['"fields": [', '"fields": [{"name": "page", "type": "string", "doc": "x"},'],
    )
    assert checkout.contractline("release", "clicks")[0] == 1
    waiver(checkout, "VERSIONS_COMPATIBLE", {"path": "page"})
    code, out, _ = checkout.contractline("release", "clicks")
    assert code == 1
    assert "WAIVER_CAN_BE_APPLIED" in out
    assert "they fit FORWARD_TRANSITIVE: `migration: {level: FORWARD_TRANSITIVE}`" in out
    waiver(checkout, "VERSIONS_COMPATIBLE", {"path": "page", "migration": {"level": "BACKWARD"}})
    assert "the versions do not fit BACKWARD" in checkout.contractline("release", "clicks")[1]
    for level in ("FORWARD", "NONE"):
        entry = {"path": "page", "migration": {"level": level}}
        waiver(checkout, "VERSIONS_COMPATIBLE", entry)
        assert checked(checkout)[1] == ["WORKING_SCHEMA_RELEASED"]
    assert checkout.contractline("release", "clicks")[0] == 0
    checkout.generate()
    assert checked(checkout)[2] == ["VERSIONS_COMPATIBLE"]

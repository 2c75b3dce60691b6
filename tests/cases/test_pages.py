"""The examples on the rules' pages, made to this repository's own contracts: each is what it says.

What stands in code under `Bad` is put into the contract, and the rule finds it; what stands under
`Good`, and it does not. What an example needs besides is in NEEDS.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from contractline.contracts.change import changes
from contractline.contracts.load import load_drafts
from contractline.project import Project
from contractline.rules.by_id import RULES
from contractline.rules.check import findings_of, findings_of_change
from contractline.rules.registry import RULES_OF_CHANGE
from tests.fixtures.snapshot import put_commits
from tests.fixtures.trees import record

ROOT = Path(__file__).parents[2]
OF_CHANGE = {rule.id for rule in RULES_OF_CHANGE}

OF_TABLE = {"EPOCH_ONLY_GROWS", "SOURCE_KEPT", "UNCONTRACTED_COLUMNS_KEPT"}
"""Rules beside CDC_… whose examples are of github_users; those of all others are of commits."""

TOPIC, SOURCE, SINK = "topic", "source", "clickhouse"
PLACES = {
    **dict.fromkeys(
        ("partitions", "replication", "cleanup", "retention", "minCompactionLag"), (TOPIC,)
    ),
    **dict.fromkeys(("table", "epoch", "uncontractedColumns"), (SOURCE,)),
    **dict.fromkeys(("current", "orderBy", "types"), (SINK,)),
    **dict.fromkeys(("rank", "latest"), (SINK, "version")),
}
"""In which custom property a name of an example stands; names that are not here, at the top."""

NEEDS: dict[str, list[dict[str, Any]]] = {
    "SINK_DATE_WIDE": [{"name": "born", "type": {"type": "int", "logicalType": "date"}}],
    "SINK_DECIMAL_SAME": [
        {
            "name": "price",
            "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
        }
    ],
    "SINK_DEFAULT_KEPT": [{"name": "state", "type": "string", "default": "open"}],
    "SINK_ENUM_IS_TEXT": [
        {"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["OPEN", "CLOSED"]}}
    ],
    "SINK_NUMBER_FITS": [{"name": "additions", "type": "long"}],
    "SINK_RECORD_FLAT": [
        {
            "name": "home",
            "type": {
                "type": "record",
                "name": "Home",
                "doc": "Where.",
                "fields": [
                    {"name": "city", "type": "string", "doc": "City."},
                    {"name": "street", "type": "string", "doc": "Street."},
                ],
            },
        }
    ],
    "SINK_TIME_SCALE_KEPT": [
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}}
    ],
    "SINK_TYPE_READABLE": [{"name": "flag", "type": "boolean"}],
}
"""Fields that an example speaks of and commits does not have."""

UNTRIED = {
    *("CONTRACT_READABLE", "PERSONAL_DATA_CLASSIFIED", "COMPACTION_NEEDS_KEY", "SCHEMA_IS_RECORD"),
    "DEFAULT_KEPT",
    *("KEY_FIELDS_IN_VALUE", "LOGICAL_TYPE_KNOWN", "CDC_METADATA_LAST", "CDC_COLUMN_APPENDED"),
    *(
        "CDC_TOPIC_NAMES_TABLE",
        "CDC_CAPTURE_MATCHES",
        "CDC_CAPTURE_CURRENT",
        "CDC_NULL_KEPT",
        "SYSTEM_HAS_NO_SINK",
    ),
    *("CDC_PROPERTY_FITS_FIELD", "HISTORY_NEEDS_CDC", "ROW_VERSION_NEEDS_PRODUCER"),
    *("DERIVED_COLUMN_FREE", "SINK_FIELD_NOT_RENAMED", "SINK_FIELD_STAYS", "SINK_UNION_SINGLE"),
    *("SINK_COLUMN_SINGLE", "SINK_TABLES_READ_ON", "SCHEMA_FILE_NAMED", "VERSIONS_CONTIGUOUS"),
    *("VERSIONS_DISTINCT", "VERSIONS_COMPATIBLE", "LOGICAL_TYPES_KEPT", "WORKING_SCHEMA_RELEASED"),
    *("RELEASED_VERSION_UNCHANGED", "RELEASED_VERSION_RECORDED", "RELEASED_VERSION_KEPT"),
    *("KEY_NEVER_CHANGES", "KEY_KEPT", "TOPIC_UNIQUE", "CONTRACT_ID_UNIQUE", "SOURCE_TABLE_UNIQUE"),
    *("SINK_TABLE_UNIQUE", "CONNECTOR_PREFIX_SINGLE", "CONTRACT_KEPT", "DERIVED_COLUMN_KEPT"),
    *("COLUMN_TYPE_KEPT", "PERSONAL_DATA_KEPT", "OWNER_KEPT", "TABLES_GENERATED"),
    *("WAIVER_VALID", "WAIVER_EXPIRED", "WAIVER_USED", "WAIVER_OF_CORRUPTION_MOVES"),
    *("WAIVER_REMOVED_ONCE_MERGED", "WAIVER_CAN_BE_APPLIED"),
}
"""Rules whose examples are told in words, or are of several files: their cases try them."""

TRIED = [rule for rule in RULES if rule.id not in UNTRIED]


def examples(page: str) -> dict[str, list[list[Any]]]:
    """Return what stands in code under Bad and Good: each as it is, and as it was where that is said."""
    match = re.search(r"^Bad:(.*?)(?:^|\s)Good:(.*)\Z", page.replace("``", "`"), re.S | re.M)
    assert match
    found: dict[str, list[list[Any]]] = {}
    for name, text in zip(("Bad", "Good"), match.groups(), strict=True):
        blocks = re.findall(r"\n((?:    .*\n?)+)", text)
        parts = text.split(" where it was ")
        found[name] = (
            [[parsed(one) for one in blocks]]
            if blocks
            else [[parsed(one) for one in re.findall(r"`([^`]+)`", part)] for part in parts]
        )
    return found


def parsed(code: str) -> Any:
    """Return code as the value that it is; a field that is cut off is a text."""
    return yaml.safe_load(code.replace(", …}", ', "type": "string"}'))


class Stream:
    """A copy of a contract of this repository, to which examples are put."""

    def __init__(self, root: Path, rule: str) -> None:
        shutil.copytree(ROOT / "contracts", root / "contracts")
        put_commits(root / "contracts")
        shutil.copytree(ROOT / "connect", root / "connect")
        (root / "clickhouse_ddl").mkdir()
        self.project = Project(root)
        is_of_table = rule.startswith("CDC_") or rule in OF_TABLE
        self.folder = root / "contracts" / ("github_users" if is_of_table else "commits")
        self.file = self.folder / "contract.odcs.yaml"
        self.document = yaml.safe_load(self.file.read_text(encoding="utf-8"))
        self.properties = {p["property"]: p for p in self.document["customProperties"]}
        for field in NEEDS.get(rule, ()):
            self.put_field({"doc": "What an example needs."} | field, is_new=True)

    def put(self, code: Any) -> None:
        """Put a piece of an example where it belongs."""
        if isinstance(code, dict) and "type" in code:
            self.put_field(code)
        elif isinstance(code, list):
            for item in (one for one in code if isinstance(one, dict)):
                self.put_item(item)
        elif isinstance(code, dict):
            for name, value in code.items():
                self.put_value(name, value)
        self.file.write_text(yaml.safe_dump(self.document, sort_keys=False), encoding="utf-8")

    def put_value(self, name: str, value: Any) -> None:
        if name in PLACES:
            place, *inner = PLACES[name]
            target = self.properties[place]["value"]
            for step in inner:
                target = target[step]
            target[name] = value
        elif name == "customProperties":
            self.properties[value[0]["property"]]["value"] = value[0]["value"]
        elif name in {"value", "unit"}:
            is_level = isinstance(value, str) and value.isupper()
            target = (
                self.properties["compatibility"] if is_level else self.document["slaProperties"][0]
            )
            target[name] = value
        elif name in {"physicalName", "quality"}:
            self.document["schema"][0][name] = value
        elif (name == "name" and "_" in value) or value == "commits":
            self.properties["topic"]["value"]["name"] = value
        elif name in {"classification", "description"} and isinstance(value, str):
            self.document["schema"][0]["properties"][-1][name] = value
        elif name != "default":
            self.document[name] = value
            if name == "name":
                self.document.pop("description")

    def put_item(self, item: dict[str, Any]) -> None:
        if "property" in item:
            self.document["customProperties"] = [
                one
                for one in self.document["customProperties"]
                if one["property"] != "compatibility"
            ]
            self.document["customProperties"].append(item)
            return
        columns = self.document["schema"][0]["properties"]
        kept = [one for one in columns if one["name"] != item["name"]]
        columns[:] = [*kept, dict(item)]

    def put_field(self, field: dict[str, Any], *, is_new: bool = False) -> None:
        """Put a field into every version, or into the newest alone."""
        versions = sorted(self.folder.glob("versions/value.v*.avsc"))
        for file in (self.folder / "value.avsc", *versions):
            schema = json.loads(file.read_text(encoding="utf-8"))
            names = [one["name"] for one in schema["fields"]]
            at = names.index(field["name"]) if field["name"] in names else len(names)
            schema["fields"][at : at + 1] = [] if is_new and file in versions[:-1] else [field]
            file.write_text(json.dumps(schema, indent=2), encoding="utf-8")
        record(self.folder / "versions")


def rules_found(rule: str, example: list[list[Any]], root: Path) -> Iterator[str]:
    """Yield the rules that find something in an example."""
    now, *before = example
    stream = Stream(root / "now", rule)
    for code in now:
        stream.put(code)
    drafts = load_drafts(stream.project)
    if rule not in OF_CHANGE:
        yield from (finding.rule for finding in findings_of(drafts))
        return
    then = Stream(root / "then", rule)
    for code in before[0]:
        then.put(code)
    yield from (one.rule for one in findings_of_change(changes(load_drafts(then.project), drafts)))


@pytest.mark.parametrize("rule", TRIED, ids=lambda rule: rule.id)
def test_a_bad_example_is_found_and_a_good_one_is_not(rule, tmp_path):
    told = examples(rule.page)
    assert rule.id in set(rules_found(rule.id, told["Bad"], tmp_path / "bad"))
    good = [told["Good"][0] or told["Bad"][-1], *told["Bad"][1:]]
    if good == told["Bad"]:
        return  # told in words
    assert rule.id not in set(rules_found(rule.id, good, tmp_path / "good"))


def test_what_is_not_tried_is_a_rule():
    assert {rule.id for rule in RULES} >= UNTRIED

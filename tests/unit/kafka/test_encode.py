from __future__ import annotations

import io
import json
import shutil
from datetime import date
from decimal import Decimal
from typing import Any

import fastavro
import pytest

from contractline.avro.depth import room_for_depth
from contractline.avro.schema import Schema
from contractline.clients.errors import NotRegistered, RegistryAway
from contractline.clients.wire import SchemaId, header
from contractline.contracts.load import load_contract
from contractline.kafka.encode import (
    Encoders,
    Following,
    RecordRefused,
    RecordWriter,
    StreamEncoder,
)
from producer.commit import commit_record
from tests.fixtures.deep import KINDS, deepest, deepest_count
from tests.fixtures.snapshot import COMMITS
from tests.unit.kafka.schemas import STRINGS, KnownRegistry, record

ID = SchemaId(9)


def written(schema: Schema, value: dict[str, Any]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema.definition), value)
    return out.getvalue()


def a_commit(**changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "repository": "a/b",
        "commit_id": "1" * 40,
        "author": "Ivan M",
        "author_email": "ivan.m@example.com",
        "committer": "Ivan M",
        "committer_email": "ivan.m@example.com",
        "text": "message\n",
        "authored": None,
        "committed": 1_700_000_000,
        "parents": ["2" * 40],
        "source": "fake",
        "produced_at": 5,
        "additions": 3,
        "co_authors": ["A <a@b>"],
    }
    return commit_record(**fields) | changes


def test_a_frame_is_the_header_and_what_fastavro_writes():
    contract = load_contract(COMMITS).contract
    assert contract is not None
    encode = RecordWriter.of(contract.value, ID)

    assert encode(a_commit()) == header(ID) + written(contract.value, a_commit())


def test_a_missing_field_gets_its_default():
    schema = record(name="string", tags=(STRINGS, ["x"]), level=(["null", "int"], None))

    assert RecordWriter.of(schema, ID)({"name": "n"}) == RecordWriter.of(schema, ID)(
        {"name": "n", "tags": ["x"], "level": None}
    )


def test_fields_of_later_versions_are_left_out():
    encode = RecordWriter.of(record(name="string"), ID, later=frozenset({"tags"}))

    assert encode({"name": "n", "tags": ["a"]}) == encode({"name": "n"})
    with pytest.raises(RecordRefused, match="does not hold"):
        encode({"name": "n", "tgas": ["a"]})


def test_a_key_takes_its_fields_from_the_record():
    encode = RecordWriter.of(record(repository="string", commit_id="string"), ID, is_key=True)

    assert encode(a_commit()) == encode({"repository": "a/b", "commit_id": "1" * 40})


@pytest.mark.parametrize(
    ("changes", "path", "value"),
    [
        ({"author": None}, "$.author", None),
        ({"commit_id": 7}, "$.commit_id", 7),
        ({"committed_at": 2**63}, "$.committed_at", 2**63),
        ({"committed_at": 1.5}, "$.committed_at", 1.5),
        ({"produced_at": True}, "$.produced_at", True),
        ({"authored_at": 2**63}, "$.authored_at", 2**63),
        ({"additions": "3"}, "$.additions", "3"),
        ({"parents": "abc"}, "$.parents", "abc"),
        ({"parents": ["a", None]}, "$.parents[1]", None),
        ({"commit_message": "\ud83d"}, "$.commit_message", "\ud83d"),
        ({"unheard_of": 1}, "$.unheard_of", 1),
    ],
)
def test_a_record_that_breaks_the_contract_is_refused_with_place_and_value(changes, path, value):
    contract = load_contract(COMMITS).contract
    assert contract is not None

    with pytest.raises(RecordRefused) as refusal:
        RecordWriter.of(contract.value, ID)(a_commit(**changes))

    assert refusal.value.mistake.path == path
    assert refusal.value.mistake.value == value


def test_a_missing_required_field_is_refused():
    contract = load_contract(COMMITS).contract
    assert contract is not None
    commit = a_commit()
    del commit["author"]

    with pytest.raises(RecordRefused, match=r"\$\.author: is required and missing"):
        RecordWriter.of(contract.value, ID)(commit)
    del commit["commit_id"]
    with pytest.raises(RecordRefused, match=r"\$\.commit_id: is required and missing"):
        RecordWriter.of(contract.keys[0].schema, ID, is_key=True)(commit)


def test_what_is_no_record_is_refused():
    with pytest.raises(RecordRefused):
        RecordWriter.of(record(name="string"), ID)(None)  # type: ignore[arg-type]


def test_an_int_is_checked_though_fastavro_does_not():
    with pytest.raises(RecordRefused, match="out of the range of an int"):
        RecordWriter.of(record(n="int"), ID)({"n": 2**31})


def encoders(later: frozenset[str] = frozenset()) -> Encoders:
    contract = load_contract(COMMITS).contract
    assert contract is not None
    value = RecordWriter.of(contract.value, ID, later=later)
    return Encoders.of(2, value, RecordWriter.of(contract.keys[0].schema, ID, is_key=True))


@pytest.mark.parametrize("later", [frozenset(), frozenset({"co_authors_"})])
def test_the_quick_way_writes_the_same(later):
    ways = encoders(later)
    record = a_commit()
    assert ways.fit([record])
    assert ways.quick(record) == ways.frame(record)


@pytest.mark.parametrize(
    "changes", [{"committed_at": 1.5}, {"produced_at": True}, {"parents": "abc"}]
)
def test_a_batch_with_what_fastavro_would_let_pass_does_not_fit(changes):
    assert not encoders().fit([a_commit(), a_commit(**changes)])


def test_a_batch_with_a_missing_field_is_looked_at_closer_and_written():
    without = a_commit()
    del without["co_authors"]
    assert not encoders().fit([without])
    assert encoders().frame(without) == encoders().frame(a_commit(co_authors=[]))
    with pytest.raises(RecordRefused, match=r"\$\.author"):
        encoders().quick(a_commit(author=None))


def test_an_empty_batch_fits():
    assert encoders().fit([])


@pytest.fixture
def contract(tmp_path):
    """The contract of commits, in a folder that a test may change."""
    shutil.copytree(COMMITS, tmp_path / "commits")
    found = load_contract(tmp_path / "commits").contract
    assert found is not None
    return found


@pytest.fixture
def registry(contract):
    known = KnownRegistry()
    known.register("commits_topic-key", contract.keys[0].schema)
    return known


def test_the_highest_registered_version_is_written(contract, registry):
    registry.register("commits_topic-value", contract.values[0].schema)
    encoder = StreamEncoder(contract, registry)
    assert encoder.current.version == 1
    first = encoder.current.value(a_commit())

    registry.register("commits_topic-value", contract.values[1].schema)
    assert encoder.refresh()
    assert encoder.current.version == 2
    assert encoder.current.value(a_commit()) != first
    assert not encoder.refresh()


def test_a_version_that_is_released_while_running_is_found(contract, registry):
    for version in contract.values:
        registry.register("commits_topic-value", version.schema)
    encoder = StreamEncoder(contract, registry)

    definition = dict(contract.value.definition)
    branch = {"name": "branch", "type": ["null", "string"], "default": None, "doc": "Branch."}
    definition["fields"] = [*definition["fields"], branch]
    newer = type(contract.value)(definition)
    (contract.folder / "versions" / "value.v3.avsc").write_text(newer.text)
    (contract.folder / "value.avsc").write_text(newer.text)
    assert not encoder.refresh()
    registry.register("commits_topic-value", newer)

    assert encoder.refresh()
    assert encoder.current.version == 3
    assert encoder.current.value(a_commit()) == header(SchemaId(4)) + written(newer, a_commit())


def test_a_contract_that_is_not_registered_names_the_command(contract, registry):
    with pytest.raises(NotRegistered) as problem:
        StreamEncoder(contract, registry)

    assert "commits_topic-value" in str(problem.value)
    assert "make register-schemas" in problem.value.hint


def test_following_says_what_changes_once(contract, registry):
    registry.register("commits_topic-value", contract.values[0].schema)
    encoder = StreamEncoder(contract, registry)
    said: list[str] = []
    following = Following([encoder], said.append)

    registry.register("commits_topic-value", contract.values[1].schema)
    following.look()
    following.look()

    assert said == ["commits v2 is registered: writing it from now on"]


def test_following_keeps_its_version_while_the_registry_is_away(contract, registry):
    class Away(KnownRegistry):
        def id_of(self, subject, schema):
            raise RegistryAway(self.url, "does not answer")

    registry.register("commits_topic-value", contract.values[0].schema)
    encoder = StreamEncoder(contract, registry)
    before = encoder.current
    encoder._registry = Away()
    said: list[str] = []
    following = Following([encoder], said.append)

    following.look()
    following.look()

    assert encoder.current is before
    assert len(said) == 1
    assert "v1 stays in use" in said[0]


def deep_value(kind: str, count: int, innermost: object) -> dict[str, Any]:
    """Return a record of tests.fixtures.deep with a value at its end."""
    value = innermost
    for at in range(count):
        match kind:
            case "arrays":
                value = [value]
            case "maps":
                value = {"key": value}
            case "lists of records" if at:
                value = {"f": [value]}
            case _:
                value = {"f": value}
    inner = {"f": value} if kind in ("arrays", "maps") else value
    assert isinstance(inner, dict)
    return {"id": 1, **inner}


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_is_encoded_as_deep_as_its_schema_goes(kind: str) -> None:
    count = deepest_count(kind)
    with room_for_depth():
        schema = Schema.parse(json.dumps(deepest(kind)))
        encode = RecordWriter.of(schema, ID)
        value = deep_value(kind, count, 7)
        assert encode(value) == header(ID) + written(schema, value)
        with pytest.raises(RecordRefused, match="seven"):
            encode(deep_value(kind, count, "seven"))


DATE = {"type": "int", "logicalType": "date"}
SMALL, LARGE = (
    {"type": "fixed", "name": f"D{size}", "size": size, "logicalType": "decimal"}
    | {"precision": 2 * size, "scale": 2}
    for size in (1, 4)
)
PLACE = {"type": "record", "name": "Place", "fields": [{"name": "city", "type": "string"}]}


@pytest.mark.parametrize(
    ("branches", "value", "expected"),
    [
        ([DATE, "string"], "hello", b"\x02\x0ahello"),
        # A text is a text, also where it looks like a date.
        ([DATE, "string"], "2020-01-01", b"\x02\x142020-01-01"),
        ([DATE, "string"], date(1970, 1, 2), b"\x00\x02"),
        ([DATE, "string"], 5, b"\x00\x0a"),
        ([{"type": "map", "values": DATE}, PLACE], {"city": "Riga"}, b"\x02\x08Riga"),
        ([{"type": "array", "items": DATE}, "null"], [date(1969, 12, 31)], b"\x00\x02\x01\x00"),
        ([SMALL, LARGE], Decimal("1234.56"), b"\x02\x00\x01\xe2\x40"),
        ([SMALL, LARGE], Decimal("0.56"), b"\x00\x38"),
    ],
)
def test_a_value_of_a_union_is_tried_in_each_branch(branches, value, expected):
    fields = [{"name": "u", "type": branches}]
    schema = Schema.parse(json.dumps({"type": "record", "name": "R", "fields": fields}))
    assert RecordWriter.of(schema, ID)({"u": value}) == header(ID) + expected


@pytest.mark.parametrize("value", ["hello", "2020-01-01", 1.5, None])
def test_what_is_not_a_date_is_refused_with_its_place(value):
    fields = [{"name": "day", "type": DATE}]
    schema = Schema.parse(json.dumps({"type": "record", "name": "R", "fields": fields}))
    with pytest.raises(RecordRefused, match=r"\$\.day: must be an int \(date\)"):
        RecordWriter.of(schema, ID)({"day": value})

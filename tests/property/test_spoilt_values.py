"""One value of a contract's files is odd: the check says what it finds, and never fails itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from contractline.cli import run
from contractline.clickhouse.ddl import stream_files
from contractline.contracts.load import load_contracts
from tests.fixtures.trees import record, tree

pytestmark = pytest.mark.property

ODD: tuple[Any, ...] = (
    None,
    "",
    " ",
    "nope",
    0,
    -1,
    1.5,
    True,
    [],
    {},
    [1],
    {"a": 1},
    "x" * 3000,
    10**40,
)
MONEY = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
STATE = {"type": "enum", "name": "State", "symbols": ["A", "B"], "default": "A"}
PAGE = {"name": "path", "type": "string", "default": "/", "doc": "Path."}
MORE: tuple[dict[str, Any], ...] = (
    {"name": "price", "type": MONEY, "default": "\u0001"},
    {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 4}, "default": "abcd"},
    {"name": "state", "type": ["null", STATE], "default": None},
    {"name": "counts", "type": {"type": "map", "values": "long"}, "default": {}},
    {"name": "page", "type": {"type": "record", "name": "Page", "doc": "A.", "fields": [PAGE]}},
    {"name": "born", "type": {"type": "int", "logicalType": "date"}, "aliases": ["day"]},
)
"""Fields of every kind, beside those of the contract."""

TYPES: tuple[Any, ...] = (
    "string",
    ["string"],
    {"type": "string", "avro.java.string": "String"},
    {"type": "string", "logicalType": "nope", "name": 1, "fields": [1], "items": 1, "symbols": 1},
    ["null", {"type": "string"}],
    [{"type": "string", "x": 1}, "null"],
    "null",
    ["null"],
    {"type": "array", "items": "string", "values": {}},
    {"type": "array", "items": ["string"], "fields": [1]},
    {"type": "map", "values": ["null", "string"], "items": [1]},
    {"type": "fixed", "name": "F", "size": 2, "fields": [1], "symbols": 1},
    ["null", {"type": "fixed", "name": "F", "size": 2, "items": 1}],
    {"type": "enum", "name": "F", "symbols": ["A"], "fields": [1], "size": "x"},
    {"type": "enum", "name": "F", "symbols": ["A", "B"], "default": "B", "values": 1},
    {"type": "record", "name": "F", "fields": [PAGE], "items": 1, "symbols": 1},
    ["null", {"type": "record", "name": "F", "namespace": "x", "fields": [PAGE], "values": 1}],
    {"type": "record", "name": "F", "fields": [], "aliases": ["G"]},
    {"type": "record", "name": "F", "fields": [{"name": "f", "type": ["null", "F"]}]},
    {"type": "bytes", "logicalType": "decimal"},
    {"type": "bytes", "logicalType": "decimal", "precision": 3, "scale": 9},
    {"type": "int", "logicalType": "timestamp-micros", "precision": []},
    ["int", "string"],
)
"""Spellings of types, many with words that mean nothing where they stand."""

VALUE, RELEASED = "contracts/clicks/value.avsc", "contracts/clicks/versions/value.v1.avsc"
FILES = (
    *(VALUE, "contracts/clicks/contract.odcs.yaml", "contracts/people/contract.odcs.yaml"),
    *("contracts/people/value.avsc", "contracts/people/key.avsc", "connect/captured/capture.json"),
)


@pytest.fixture(scope="module")
def checkouts(tmp_path_factory) -> tuple[Path, Path]:
    """A checkout that keeps every rule, and another that is spoilt."""
    roots = tuple(tmp_path_factory.mktemp(name) for name in ("whole", "spoilt"))
    for root in roots:
        project = tree(root, {"connect": None})
        for name in (VALUE, RELEASED):
            schema = json.loads((root / name).read_text())
            schema["fields"] += [{"doc": "What it is."} | field for field in MORE]
            (root / name).write_text(json.dumps(schema))
        record((root / RELEASED).parent)
        for file, text in stream_files(project, load_contracts(project)).items():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    return roots[0], roots[1]


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for name, one in inner:
        yield (*at, name)
        if isinstance(one, dict | list):
            yield from places(one, (*at, name))


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data(), name=st.sampled_from(FILES), odd=st.sampled_from(ODD))
@pytest.mark.parametrize("is_released", [False, True], ids=["working", "released"])
def test_an_odd_value_is_no_failure(checkouts, capsys, is_released, data, name, odd):
    whole, spoilt = checkouts
    text = (whole / name).read_text()
    value = yaml.safe_load(text)
    *steps, last = data.draw(st.sampled_from(list(places(value))))
    around = value
    for step in steps:
        around = around[step]
    around[last] = odd
    written = yaml.safe_dump(value) if name.endswith(".yaml") else json.dumps(value)
    files = [name, RELEASED] if is_released and name == VALUE else [name]
    try:
        for one in files:
            (spoilt / one).write_text(written)
        record((spoilt / RELEASED).parent)
        code = run(["--project", str(spoilt), "check", "--against", str(whole)])
        assert (code in (0, 1), capsys.readouterr().err) == (True, "")
    finally:
        for one in files:
            (spoilt / one).write_text((whole / one).read_text())


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(before=st.sampled_from(TYPES), after=st.sampled_from(TYPES))
def test_another_type_is_no_failure(checkouts, capsys, before, after):
    whole, spoilt = checkouts
    texts = {name: (whole / name).read_text() for name in (VALUE, RELEASED)}
    try:
        for root, name, type_ in (
            (whole, VALUE, before),
            (whole, RELEASED, before),
            (spoilt, VALUE, after),
            (spoilt, RELEASED, before),
        ):
            schema = json.loads(texts[name])
            schema["fields"].append({"name": "odd", "type": type_, "doc": "Odd."})
            (root / name).write_text(json.dumps(schema))
        for root in checkouts:
            record((root / RELEASED).parent)
        for arguments in (["check", "--against", str(whole)], ["diff", "clicks", "v1", "working"]):
            code = run(["--project", str(spoilt), *arguments])
            assert (code in (0, 1), capsys.readouterr().err) == (True, "")
    finally:
        for root in checkouts:
            for name, text in texts.items():
                (root / name).write_text(text)
            record((root / RELEASED).parent)

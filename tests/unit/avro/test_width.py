"""Schemas of thousands of fields, names, symbols and branches: what is asked of them takes no time.

The limits are ten times what a busy machine needs; what is quadratic takes longer than that.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from contractline.avro.compatibility import incompatibilities
from contractline.avro.diff import differences
from contractline.avro.fields import field_changes
from contractline.avro.meaning import reinterpretations
from contractline.avro.node import Node, types_along
from contractline.avro.schema import Schema

SECONDS = 10.0


def record(fields: list[dict[str, Any]], added: bool) -> Schema:
    more = [{"name": "added", "type": ["null", "int"], "default": None}] if added else []
    return Schema.parse(json.dumps({"type": "record", "name": "R", "fields": [*fields, *more]}))


def of_fields(*, added: bool) -> Schema:
    """5,000 fields; a named type among them, so that Apache's library is asked."""
    fields = [{"name": f"f{at}", "type": ["null", "long"], "default": None} for at in range(5_000)]
    size = {"type": "fixed", "name": "Size", "size": 4}
    return record([{"name": "size", "type": size}, *fields], added)


def of_names(*, added: bool) -> Schema:
    """3,000 records, each of them named once more."""
    inner = [{"name": "a", "type": "int"}]
    fields = [
        {"name": f"f{at}", "type": {"type": "record", "name": f"N{at}", "fields": inner}}
        for at in range(3_000)
    ]
    fields += [{"name": f"g{at}", "type": f"N{at}"} for at in range(3_000)]
    return record(fields, added)


def of_symbols(*, added: bool) -> Schema:
    symbols = [f"S{at}" for at in range(20_000 + added)]
    enum = {"type": "enum", "name": "E", "symbols": symbols, "default": "S0"}
    return record([{"name": "e", "type": enum}], added)


def of_branches(*, added: bool) -> Schema:
    inner = [{"name": "a", "type": "int"}]
    branches = [{"type": "record", "name": f"B{at}", "fields": inner} for at in range(200)]
    return record([{"name": "u", "type": ["null", *branches]}], added)


@contextmanager
def quickly() -> Iterator[None]:
    began = time.process_time()
    yield
    assert time.process_time() - began < SECONDS


@pytest.mark.parametrize("make", [of_fields, of_names, of_symbols, of_branches])
def test_two_versions_are_compared(make: Callable[..., Schema]) -> None:
    with quickly():
        old, new = make(added=False), make(added=True)
        assert incompatibilities(new, old) == incompatibilities(old, new) == ()
        assert reinterpretations(new, old) == ()
        assert [one.kind for one in field_changes(old, new)][-1] == "added"
        assert differences(old, new)[-1].startswith("adds `added`")


def test_symbols_that_nobody_can_read_are_not_all_listed() -> None:
    old, new = of_symbols(added=False), of_symbols(added=True)
    (told,) = (one for one in differences(new, old) if "symbol" in one)
    assert told == "`e`: removes the symbol S20000"
    bare = {"type": "enum", "name": "E", "symbols": ["S0"]}
    (cause,) = incompatibilities(record([{"name": "e", "type": bare}], added=False), old)
    assert "lacks `S1`, `S2`," in cause.reason
    assert "`S50` and 19,949 more and has no default" in cause.reason


def test_a_field_is_found_by_its_name() -> None:
    root = Node.root(of_names(added=False))
    with quickly():
        for at in range(3_000):
            first, second = types_along(root, (f"g{at}", "a"))
            assert (first.short_name, second.kind) == (f"N{at}", "int")

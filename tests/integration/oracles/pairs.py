"""Pairs of near schemas, made at random and the same in each run."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from contractline.avro.schema import Schema
from tests.property.avro_schemas import changed, records

Pair = tuple[Schema, Schema]


def drawn(count: int) -> list[Pair]:
    """Return so many pairs, the newer schema first."""
    found: list[Pair] = []

    @settings(max_examples=count, database=None, derandomize=True, deadline=None,
              phases=[Phase.generate])  # fmt: skip
    @given(st.data())
    def draw(data: st.DataObject) -> None:
        definition = data.draw(records())
        found.append((parsed(definition), parsed(data.draw(changed(definition)))))

    draw()
    return found


def parsed(definition: Any) -> Schema:
    return Schema.parse(json.dumps(definition))

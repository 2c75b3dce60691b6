"""What to do where a version may not follow another: each reason has its own way out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from contractline.avro.schema import Schema
from contractline.contracts.model import Compatibility
from contractline.gate.pair import judge

A = {"name": "a", "type": "int"}
KEPT = "keep the field as it was and add another beside it"


def record(*fields: dict[str, Any], name: str = "R") -> Schema:
    return Schema({"type": "record", "name": name, "fields": list(fields)}, str(Path("r.avsc")))


def state(*symbols: str) -> dict[str, Any]:
    return {"name": "e", "type": {"type": "enum", "name": "E", "symbols": list(symbols)}}


@pytest.mark.parametrize(
    ("reader", "writer", "level", "hint"),
    [
        (record(A, A | {"name": "b"}), record(A), "BACKWARD", "give it a default"),
        (record(A), record(A, A | {"name": "b"}), "FORWARD", "keep the field: its readers have no"),
        (record(A | {"type": "string"}), record(A), "BACKWARD", KEPT),
        (record(A | {"type": "long"}), record(A), "FORWARD", KEPT),
        (
            record(state("X")),
            record(state("X", "Y")),
            "BACKWARD",
            "keep the symbol, or give the en",
        ),
        (
            record(state("X", "Y")),
            record(state("X")),
            "FORWARD",
            "say it in another field: only an",
        ),
        (record(A, name="S"), record(A), "BACKWARD", "leave the record and its name as they we"),
    ],
)
def test_what_to_do(reader, writer, level, hint):
    (finding,) = judge(reader, writer, Compatibility(level), sink=False).findings
    assert finding.hint.startswith(hint)
    assert finding.hint.endswith(f" ({level})")

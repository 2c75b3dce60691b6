"""Rules about files that follow from the contracts. Pure: the texts are given."""

from __future__ import annotations

from collections.abc import Iterator

from contractline.finding import Position
from contractline.rules.rule import Violation


def tables_generated(wanted: str | None, present: str | None) -> Iterator[Violation]:
    """Each file of clickhouse_ddl/streams is what its contract gives.

    Why: it is what a review sees and what `contractline apply tables` brings to ClickHouse.

    Bad: `contractline release commits`, or another `orderBy`, and no more.
    Good: the same, and `contractline generate tables`.
    """
    hint = "`contractline generate tables` writes it"
    if wanted == present:
        return
    if wanted is None:
        yield Violation("no contract gives this file", "`contractline generate tables` removes it")
    elif present is None:
        yield Violation("the stream's SQL is missing", hint)
    else:
        lines = zip(wanted.splitlines(), present.splitlines(), strict=False)
        first = next((number for number, (a, b) in enumerate(lines, 1) if a != b), None)
        at = Position(first or min(wanted.count("\n"), present.count("\n")) + 1)
        yield Violation("the stream's SQL is not what the contract gives", hint, position=at)

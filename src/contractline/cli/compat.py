"""``contractline compat``: whether one schema may follow another, without any contract."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from math import isfinite
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import click

from contractline.contracts.model import Compatibility

if TYPE_CHECKING:
    from contractline.gate.pair import Judgement

_SHOWN = 500
"""Characters of an error; it may quote a line."""


@click.command()
@click.option(
    "--reader",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The newer schema.",
)
@click.option(
    "--writer",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The earlier schema, whose records exist.",
)
@click.option(
    "--level",
    type=click.Choice([level.value for level in Compatibility], case_sensitive=False),
    default=Compatibility.BACKWARD.value,
    show_default=True,
    help="Who must be able to read whom, as in Schema Registry.",
)
@click.option(
    "--no-sink",
    is_flag=True,
    help="Avro's resolution only: not what a value means, and not what ClickHouse does.",
)
@click.option(
    "--jsonl",
    type=click.File("rb"),
    metavar="FILE",
    help='Many pairs, one {"id", "reader", "writer"} a line; - reads standard input.',
)
def command(
    reader: Path | None, writer: Path | None, level: str, no_sink: bool, jsonl: IO[bytes] | None
) -> int:
    """Tell whether a reader's schema may follow a writer's.

    With --jsonl each line is answered by one {"id", "compatible", "findings"}; a line that can't
    be judged has `compatible` null and an `error`. Other names in a line are left alone. Where a
    message counts versions, v1 is the writer's schema and v2 the reader's. Exit code 0 when all are
    compatible, 1 when one is not, 2 when one could not be judged.
    """
    wanted, sink = Compatibility(level.upper()), not no_sink
    if jsonl is not None:
        if reader or writer:
            raise click.UsageError("--jsonl takes its schemas from the lines")
        return _lines(jsonl, wanted, sink=sink)
    if reader is None or writer is None:
        raise click.UsageError("name both, --reader and --writer, or a file of pairs by --jsonl")
    from contractline.avro.schema import Schema
    from contractline.cli._findings import show
    from contractline.gate.pair import judge

    judged = judge(Schema.read(reader), Schema.read(writer), wanted, sink=sink)
    show(judged.findings, Path.cwd())
    verb = "may" if judged.is_compatible else "may not"
    click.echo(f"{reader} {verb} follow {writer} ({wanted.value})")
    return 0 if judged.is_compatible else 1


def _lines(lines: IO[bytes], level: Compatibility, *, sink: bool) -> int:
    answers: Counter[bool | None] = Counter()
    for number, line in enumerate(lines, 1):
        if line.strip():
            answer = _answer(line, number, level, sink=sink)
            answers[answer["compatible"]] += 1
            click.echo(json.dumps(answer, default=_plain))
    return 2 if answers[None] else 1 if answers[False] else 0


def _answer(line: bytes, number: int, level: Compatibility, *, sink: bool) -> dict[str, Any]:
    from contractline.avro.jsonlines import record
    from contractline.avro.schema import Schema
    from contractline.errors import ContractlineError
    from contractline.gate.pair import judge

    known: Any = None
    try:
        given = record(line.strip(), number)
        known = given.get("id")
        if missing := [name for name in ("id", "reader", "writer") if name not in given]:
            return _unjudged(known, f"line {number}: `{missing[0]}` is missing")
        reader, writer = (Schema.parse(_text(given[part]), part) for part in ("reader", "writer"))
        judged = judge(reader, writer, level, sink=sink)
    except RecursionError:
        return _unjudged(known, f"line {number}: nested too deep")
    except ContractlineError as problem:
        return _unjudged(known, str(problem))
    return {"id": known, "compatible": judged.is_compatible, "findings": _values(judged)}


def _text(schema: Any) -> str:
    """Return a schema as text, which a line may hold as JSON or as a text of JSON."""
    return (
        schema
        if isinstance(schema, str) and schema[:1] in '{["'
        else json.dumps(schema, default=_plain)
    )


def _plain(value: Any) -> float | str:
    """Return a number that was read without loss, and what JSON has nothing for, as JSON holds it."""
    if isinstance(value, Decimal) and isfinite(number := float(value)):
        return number
    return str(value)


def _unjudged(known: Any, problem: str) -> dict[str, Any]:
    words = problem if len(problem) <= _SHOWN else f"{problem[: _SHOWN - 1]}…"
    return {"id": known, "compatible": None, "findings": [], "error": words}


def _values(judged: Judgement) -> list[dict[str, Any]]:
    from contractline.finding import values

    found = (values(finding, Path()) for finding in judged.findings)
    return [{key: one[key] for key in one if key not in _PLACE} for one in found]


_PLACE = {"subject", "file", "line", "column", "end_column"}
"""What a pair on a line does not have."""

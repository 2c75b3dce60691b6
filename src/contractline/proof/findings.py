"""What came of a proof, as findings and as a verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from contractline.contracts.draft import Draft
from contractline.finding import Effect, Finding, RuleId, Severity
from contractline.proof.shapes import Path
from contractline.proof.trial import Lost, ReadRefusal, TrialOutcome, ValueDifference

DIFFERS = RuleId("PROOF_DIFFERS")
"""A column holds another value than Avro's resolution gives."""

REFUSED = RuleId("PROOF_REFUSED")
"""The engine can't read a record."""

STOPPED = RuleId("PROOF_STOPPED")
"""A record was read, and a view or a table refuses its row: the stream would stand still."""

LOST = RuleId("PROOF_LOST")
"""A record gave no row, or several."""

TABLES = RuleId("PROOF_TABLES")
"""The contract has no tables, or the engine refuses them."""

_SHOWN_RECORD = 400
_SHOWN_VALUE = 60


def verdict_of(outcome: TrialOutcome) -> Effect:
    """Return the verdict on a stream."""
    if outcome.refusals:
        return Effect.BREAKS
    return Effect.CORRUPTS if outcome.differences or outcome.lost else Effect.OK


def findings_of(
    outcome: TrialOutcome, draft: Draft, tables: str, foreseen: Mapping[Path, Finding]
) -> Iterator[Finding]:
    """Yield what came of a stream's records.

    Args:
        outcome: the outcome.
        draft: the contract that is to change.
        tables: whose tables were used, in words, as the start of a sentence.
        foreseen: what the rules said, by field.
    """
    for refusal in outcome.refusals:
        field = refusal.fields[0] if refusal.fields else ()
        yield _explained(_refusal(refusal, draft, tables), field, foreseen)
    for difference in outcome.differences:
        yield _explained(_difference(difference, draft, tables), difference.column.field, foreseen)
    for lost in outcome.lost:
        yield _lost(lost, draft, tables)


def _explained(finding: Finding, field: Path, foreseen: Mapping[Path, Finding]) -> Finding:
    """Return a finding under the rule that foresaw it.

    That is the one about the field, or about the record around it; where no field is to blame, the
    only one that says anything.
    """
    of_record = (said for at, said in foreseen.items() if not field or at[:1] == field[:1])
    known = foreseen.get(field) or next(of_record, None)
    if known is None or (not field and len(foreseen) > 1):
        return finding
    return replace(finding, rule=known.rule, hint=known.hint)


def tables_refused(draft: Draft, problem: str) -> Finding:
    """Return the finding for tables that the engine does not make."""
    words = f"ClickHouse refuses the tables: {problem}"
    return Finding(TABLES, Severity.ERROR, draft.name, words, _MEND, draft.odcs_file)


def unmapped(draft: Draft, problem: str) -> Finding:
    """Return the finding for a contract that has no tables as it is now."""
    words = f"{problem}; so the tables as they are were tried"
    return Finding(TABLES, Severity.WARNING, draft.name, words, "", draft.file("value"))


_MEND = "change the contract's `clickhouse`, and try again"
_ERRORS = "its records would lie in ingestion.errors; keep the type as it was"
_STAYS = "keep the field as it was and add another beside it"
_TOTAL = "the stream would stand still for ever: use only functions that never fail"


def _difference(one: ValueDifference, draft: Draft, tables: str) -> Finding:
    name = ".".join(one.column.field)
    message = (
        f"{tables} read {name} = {one.expected} as {one.got}: column {one.column.name}"
        f" {one.column.type} of {one.table}, {_counted(one)}; record: {shown(one.record, name)}"
    )
    return _finding(DIFFERS, draft, message, _STAYS, name, Effect.CORRUPTS, one.expected, one.got)


def _refusal(one: ReadRefusal, draft: Draft, tables: str) -> Finding:
    field = ".".join(one.fields[0]) if one.fields else ""
    values = ", ".join(f"{'.'.join(at)} = {_value(_at(one.record, at))}" for at in one.fields)
    whom = "any record" if one.is_of_all or (one.is_view and not values) else values
    record = shown(one.record, field)
    if one.is_view:
        words = f"{tables} read records and then refuse {whom}: {one.reason}"
        return _finding(STOPPED, draft, f"{words}; record: {record}", _TOTAL, field, Effect.BREAKS)
    words = f"{tables} can't read {whom or 'some records'}: {one.reason}; {_counted(one)}"
    return _finding(REFUSED, draft, f"{words}; record: {record}", _ERRORS, field, Effect.BREAKS)


def _at(record: Any, field: Path) -> Any:
    for name in field:
        record = record[1] if isinstance(record, tuple) else record
        record = record.get(name) if isinstance(record, dict) else None
    return record


def _lost(one: Lost, draft: Draft, tables: str) -> Finding:
    words = f"{tables} give no single row in {one.table}: {_counted(one)}"
    return _finding(
        LOST,
        draft,
        f"{words}; record: {shown(one.record)}",
        "look at the view",
        "",
        Effect.CORRUPTS,
    )


def _counted(one: ValueDifference | ReadRefusal | Lost) -> str:
    return ", ".join(map(str, one.counts))


def _finding(
    rule: RuleId,
    draft: Draft,
    message: str,
    hint: str,
    field: str,
    effect: Effect,
    old: object = None,
    new: object = None,
) -> Finding:
    file = draft.file("value")
    names = [one["name"] for one in draft.value.fields]
    top = field.partition(".")[0]
    position = names.index(top) if top in names else None
    steps = () if position is None else ("fields", position)
    return Finding(
        rule,
        Severity.ERROR,
        draft.name,
        message,
        hint,
        file,
        draft.position(file, steps) if steps else None,
        f"$.fields[{position}]" if steps else "",
        old,
        new,
        field,
        effect,
    )


def shown(record: Mapping[str, Any], first: str = "") -> str:
    """Return a record as JSON, with long values and long records cut; one field comes first."""
    top = first.partition(".")[0]
    names = sorted(record, key=lambda name: name != top)
    text = json.dumps({name: _plain(record[name]) for name in names}, ensure_ascii=False)
    return text if len(text) <= _SHOWN_RECORD else f"{text[: _SHOWN_RECORD - 1]}…"


def _value(value: Any) -> str:
    text = json.dumps(_plain(value), ensure_ascii=False)
    return text if len(text) <= _SHOWN_VALUE else f"{text[: _SHOWN_VALUE - 1]}…"


def _plain(value: Any) -> Any:
    """Return a value as JSON holds it: bytes as Avro writes them in JSON, branches unwrapped."""
    if isinstance(value, tuple):
        return _plain(value[1])
    if isinstance(value, bytes):
        value = value[:_SHOWN_VALUE].decode("latin-1")
    if isinstance(value, str):
        return value if len(value) <= _SHOWN_VALUE else f"{value[: _SHOWN_VALUE - 1]}…"
    if isinstance(value, list):
        kept = [_plain(one) for one in value[:3]]
        return kept if len(value) <= len(kept) else [*kept, f"… {len(value)} in all"]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in list(value.items())[:5]}
    return value

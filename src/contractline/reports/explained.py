"""An explanation as JSON holds it, and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from contractline.kafka.place import MessagePlace
from contractline.reports.answer import QuestionAnswer
from contractline.reports.explain import Counted, Credit, ExplainedRecord, Explanation
from contractline.reports.formats import in_words
from contractline.reports.messages import MessageTold

_HOPS = {
    "authored_at": "authored",
    "committed_at": "committed",
    "changed_at": "changed in PostgreSQL",
    "produced_at": "read by the producer",
    "at": "in Kafka",
    "received_at": "in ClickHouse",
}
"""The times of a record on its way, in their order."""

_TOLD = frozenset({*_HOPS, "repository", "commit_id", "subject", "source"})


def explained(found: Explanation, told: Mapping[MessagePlace, MessageTold]) -> dict[str, Any]:
    """Return an explanation as JSON holds it."""
    return {
        "question": found.question.name,
        "title": found.question.spec.title,
        "measure": found.measure,
        "where": dict(found.at),
        "answer": _answer(found.answer),
        "rows": found.rows,
        "records": [record_values(one, told.get(one.place)) for one in found.records],
    }


def record_values(record: ExplainedRecord, told: MessageTold | None) -> dict[str, Any]:
    """Return a record with what is known of its message, as JSON holds it."""
    return {
        "relation": record.relation,
        "values": dict(record.values),
        "place": str(record.place),
        "credits": [asdict(one) for one in record.credits],
        "hops": [
            {"name": name, "at": _iso(at), "seconds": seconds}
            for name, at, seconds in hops(record, told)
        ],
        "message": None
        if told is None
        else {
            "bytes": told.bytes,
            "schema_id": told.schema_id,
            "contract": told.stream,
            "version": told.version,
        },
    }


def counted_values(record: ExplainedRecord, found: list[Counted]) -> dict[str, Any]:
    """Return where a commit is counted, as JSON holds it."""
    return {
        "commit": record_values(record, None),
        "counted": [
            {
                "question": one.question.name,
                "title": one.question.spec.title,
                "answer": _answer(one.answer),
            }
            for one in found
        ],
    }


def hops(
    record: ExplainedRecord, told: MessageTold | None
) -> list[tuple[str, datetime, float | None]]:
    """Return the times of a record on its way, each with the seconds since the one before."""
    times: dict[str, Any] = dict(record.values)
    if told is not None and told.at is not None:
        times["at"] = told.at.isoformat()
    found: list[tuple[str, datetime, float | None]] = []
    for column, name in _HOPS.items():
        text = times.get(column)
        if isinstance(text, str) and not text.startswith("1970-01-01T00:00:00"):
            at = datetime.fromisoformat(text)
            passed = (at - found[-1][1]).total_seconds() if found else None
            found.append((name, at, passed))
    return found


def lines(found: Explanation, told: Mapping[MessagePlace, MessageTold]) -> Iterator[str]:
    """Yield an explanation as lines for a terminal."""
    spec = found.question.spec
    yield f"{spec.title}"
    shown = {one.column: one for one in spec.shown}
    for row in found.answer.rows:
        cells = dict(zip(found.answer.columns, row, strict=True))
        parts = []
        for name, value in cells.items():
            one = shown.get(name)
            label = one.label if one else name.replace("_", " ")
            parts.append(f"{label} {in_words(value, one.unit if one else None)}")
        yield f"  {', '.join(parts)}"
    kinds = ", ".join(dict.fromkeys(record.relation.replace("_", " ") for record in found.records))
    measure = shown.get(found.measure)
    what = f"{measure.label}: " if measure else ""
    newest = f"; the newest {len(found.records)}" if len(found.records) < found.rows else ""
    yield f"{what}made of {found.rows:,} {kinds or 'rows'}{newest}"
    for record in found.records:
        yield ""
        yield from _record_lines(record, told.get(record.place))


def counted_lines(record: ExplainedRecord, found: list[Counted]) -> Iterator[str]:
    """Yield where a commit is counted as lines for a terminal."""
    yield from _record_lines(record, None)
    yield ""
    yield "counted in:" if found else "counted nowhere under these filters"
    for one in found:
        spec = one.question.spec
        units = {shown.column: shown.unit for shown in spec.shown}
        for row in one.answer.rows:
            cells = (
                f"{name.replace('_', ' ')} {in_words(value, units.get(name))}"
                for name, value in zip(one.answer.columns, row, strict=True)
            )
            yield f"  {one.question.name}: {', '.join(cells)}"


def _record_lines(record: ExplainedRecord, told: MessageTold | None) -> Iterator[str]:
    values = record.values
    if "commit_id" in values:
        head = f"{str(values['commit_id'])[:12]}  {values['repository']}  {values['subject']}"
        yield in_words(head)
    else:
        rest = (f"{k.replace('_', ' ')} {in_words(v)}" for k, v in values.items() if k not in _HOPS)
        yield ", ".join(rest)
    for credit in record.credits:
        yield f"  {_credit(credit)}"
    source = f", source {values['source']}" if "source" in values else ""
    yield f"  {record.place}{_message(told)}{source}"
    way = [
        f"{name} {at:%Y-%m-%d %H:%M:%S}" if passed is None else f"{name} {_passed(passed)}"
        for name, at, passed in hops(record, told)
    ]
    if way:
        yield f"  {', '.join(way)}"


def _credit(credit: Credit) -> str:
    who = credit.user_name or "nobody in the table"
    why = f"by {credit.matched_by}, {credit.certainty}" if credit.user_name else "no match"
    team = ", ".join(part for part in (credit.team, credit.position) if part)
    where = f"; then in {team}" if team else ""
    assumed = " (assumed)" if credit.is_assumed else ""
    share = f"; {credit.share:.0%} of the commit" if credit.share < 1 else ""
    bot = f"; a bot: {credit.bot}" if credit.bot else ""
    return in_words(f"{credit.role} {credit.name} → {who} ({why}){where}{assumed}{share}{bot}")


def _message(told: MessageTold | None) -> str:
    if told is None:
        return ""
    schema = f", schema {told.schema_id}" if told.schema_id is not None else ", no schema id"
    version = f" = {told.stream} v{told.version}" if told.version is not None else ""
    return f"{schema}{version}, {in_words(told.bytes, 'bytes')}"


def _passed(seconds: float) -> str:
    return f"{'+' if seconds >= 0 else '-'}{in_words(abs(seconds), 'seconds')}"


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _answer(answer: QuestionAnswer) -> dict[str, Any]:
    return {
        "columns": [
            {"name": name, "type": type_}
            for name, type_ in zip(answer.columns, answer.types, strict=True)
        ],
        "rows": [list(row) for row in answer.rows],
    }

"""What became of a captured table since its contract was released, and the contract that holds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from contractline.avro.compatibility import Compatibility, keep, strongest_level
from contractline.avro.schema import Schema
from contractline.clickhouse.columns import holds, value_type
from contractline.contracts.draft import Draft
from contractline.contracts.edit import with_compatibility, with_properties
from contractline.contracts.model import PostgresSource
from contractline.contracts.waivers import agreed_text
from contractline.debezium.types import ColumnDifference, PostgresColumn, differences, fields_of
from contractline.errors import ContractlineError
from contractline.scaffold.from_table import described_columns
from contractline.scaffold.table_sql import LiveColumn, LiveTable, is_made_from_table

WAIVER = "COMPATIBILITY_KEPT"
_MEANING = {
    Compatibility.BACKWARD_TRANSITIVE: "readers of earlier versions may fail on new records",
    Compatibility.FORWARD_TRANSITIVE: "readers of the new version may fail on old records",
    Compatibility.NONE: "readers of one version may fail on the records of another",
}


class NotCaptured(ContractlineError):
    """When a stream that shall follow a table is not one of PostgreSQL's."""

    def __init__(self, stream: str) -> None:
        super().__init__(
            f"{stream} is not a table of PostgreSQL",
            hint=f"edit contracts/{stream}/value.avsc, then `contractline release {stream}`",
        )


class KeyChanged(ContractlineError):
    """When a column of a stream's key is another one now."""

    def __init__(self, table: str, words: str) -> None:
        super().__init__(
            f"{words}, and it is in the key, which never changes",
            hint=f"take the change back in {table}; or `contractline new stream` with another name"
            " for the table as it is",
        )


@dataclass(frozen=True, slots=True)
class Evolution:
    """How a contract follows its table.

    Attributes:
        words: what differs, a line each.
        value: the working schema that holds the table as it is.
        document: the text of the contract's document.
        level: the compatibility level, where the contract has to promise less than now.
        waiver: the text of the waiver that agrees to it; empty without one.
        retyped: the columns that have another type.
    """

    words: tuple[str, ...]
    value: Schema
    document: str
    level: Compatibility | None = None
    waiver: str = ""
    retyped: tuple[str, ...] = ()


def source_of(draft: Draft) -> PostgresSource:
    """Return the table that a stream is read from.

    Raises:
        NotCaptured: it is not one.
    """
    source = draft.pipeline.source
    if not isinstance(source, PostgresSource):
        raise NotCaptured(draft.name)
    return source


def evolution(
    draft: Draft, table: LiveTable, captured: Schema, *, author: str, today: date
) -> Evolution:
    """Return how a contract follows its table.

    Args:
        draft: the contract.
        table: the table as it is.
        captured: what Debezium makes of it.
        author: who answers for the change.
        today: the day from which a waiver is counted.

    Raises:
        KeyChanged: a column of the key is another one.
        YamlInvalid: the document is written in a way that can't be edited.
    """
    before = draft.value
    kept = [field["name"] for field in captured.fields]
    value = Schema(captured.definition, str(draft.file("value")))
    found = differences(table.name, _columns(value), draft.name, _columns(before))
    keys = [field["name"] for field in draft.key.fields] if draft.key else []
    for one in found:
        if one.column in keys and one.kind in {"missing", "type", "null"}:
            raise KeyChanged(table.name, one.words)
    described = {one.name: one.property() for one in described_columns(table, value, keys)}
    held = draft.properties
    changed = {name: _changes(said, is_new=name not in held) for name, said in described.items()}
    types = {column.name: column.exactly for column in table.columns}
    described_as = {name: said.physicalType or "" for name, said in held.items() if name in types}
    outgrown = [
        name
        for name, kind in described_as.items()
        if value_type(kind) and not holds(kind, types[name])
    ]
    for name, kind in described_as.items():
        if name in changed and holds(kind, types[name]):
            # Fewer digits are no reason to take the column's away.
            changed[name].pop("physicalType", None)
    names = [[str(field["name"]) for field in _columns(schema)] for schema in (before, value)]
    for old, new in _paired(*names):
        if said := held.get(old):
            more = {"description": said.description, "classification": said.classification}
            changed[new] |= {name: text for name, text in more.items() if text}
    gone = [name for name in held if name not in kept]
    document = draft.document.text if draft.document else ""
    document = with_properties(document, {n: c for n, c in changed.items() if c}, gone)
    retyped = tuple(dict.fromkeys([*(o.column for o in found if o.kind == "type"), *outgrown]))
    told = {one.column for one in found}
    words = (
        *_words(found, table, before, value),
        *(
            f"other type: column `{name}` of {table.name} is {types[name]}, but"
            f" {described_as[name]} in {draft.name}"
            for name in outgrown
            if name not in told
        ),
    )
    evolved = Evolution(words, value, document, retyped=retyped)
    level = _level(draft, value)
    if level is None:
        return evolved
    return replace(
        evolved,
        document=with_compatibility(document, level.value),
        level=level,
        waiver=_waiver(evolved.words, level, author, today),
    )


def other_ways(table: str, column: str) -> Iterator[str]:
    """Yield what can be done where one topic can't hold both types of a column."""
    new = f"{column}_new"
    yield (
        f"a new field beside the old one: ALTER TABLE {table} RENAME COLUMN {column} TO {new}, then"
        f" this command again; ClickHouse keeps {column} with its old values"
    )
    yield (
        f"a new topic for the table as it is: `contractline new stream NAME --from postgres:{table}"
        " --own-connector`, and `contractline retire` for the old one (docs/guides/cdc.md)"
    )


def meaning(level: Compatibility) -> str:
    """Say what a level no longer promises."""
    return _MEANING[level]


def followed(
    sql: str, table: LiveTable, columns: Sequence[PostgresColumn], captured: Schema
) -> str:
    """Return the SQL that creates a table, brought to what the table is now.

    SQL that was made from a table is made anew; what people wrote stays, and what changed the table
    since comes behind it.

    Args:
        sql: the file of connect/postgres as it is.
        table: the table as it is.
        columns: its columns, as the catalogue has them.
        captured: what Debezium made of the file.
    """
    if is_made_from_table(sql):
        return table.text
    more = [one for one in _statements(table, columns, captured, sql) if one not in sql]
    return "\n".join([sql.rstrip("\n"), "", *more, ""]) if more else sql


def _statements(
    table: LiveTable, columns: Sequence[PostgresColumn], captured: Schema, sql: str
) -> Iterator[str]:
    alter = f"ALTER TABLE {table.name}"
    live = {column.name: column for column in table.columns}
    before = [str(field["name"]) for field in _columns(captured)]
    renamed = dict(_paired(before, [c.name for c in table.columns if not c.generated]))
    for old, new in renamed.items():
        yield f"{alter} RENAME COLUMN {old} TO {live[new].quoted};"
    fields = [dict(f) | {"name": renamed.get(f["name"], f["name"])} for f in _columns(captured)]
    found = differences(table.name, fields_of(columns), "", fields)
    for name in (one.column for one in found if one.kind == "missing"):
        yield f"{alter} DROP COLUMN {name};"
    changed: dict[str, set[str]] = {}
    for one in found:
        changed.setdefault(one.column, set()).add(one.kind)
    for column in table.columns:
        kinds = changed.get(column.name, set())
        if "extra" in kinds:
            yield f"{alter} ADD COLUMN {_definition(column)};"
        elif not (column.generated or column.identity):
            is_said = column.default.partition("::")[0] in sql
            kinds |= {"default"} if column.default and not is_said else set()
            yield from (f"{alter} ALTER COLUMN {c};" for c in _altered(column, kinds))


def _paired(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield which columns have another name now: the old one and the new one.

    PostgreSQL puts a new column behind all others, so that one in the place of a column that is
    gone is that column with another name.
    """
    ends = [*_in_place(old, new), (len(old), len(new))]
    i, j = 0, 0
    for end_i, end_j in ends:
        gone = [name for name in old[i:end_i] if name not in new]
        come = [name for name in new[j:end_j] if name not in old]
        is_last = (end_i, end_j) == ends[-1]
        if not is_last or (len(gone) == end_i - i == len(come) == end_j - j):
            yield from zip(gone, come, strict=False)
        i, j = end_i + 1, end_j + 1


def _in_place(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """Return the old and the new position of each column that kept its place.

    Before it there are no more new columns than columns that are gone; one that was dropped and
    added again stands behind.
    """
    found: list[tuple[int, int]] = []
    for i, name in enumerate(old):
        last_i, last_j = found[-1] if found else (-1, -1)
        j = new.index(name) if name in new else -1
        if j > last_j and j - last_j <= i - last_i:
            found.append((i, j))
    return found


def _columns(schema: Schema) -> list[Mapping[str, Any]]:
    return [field for field in schema.fields if not field["name"].startswith("__")]


def _words(
    found: Sequence[ColumnDifference], table: LiveTable, before: Schema, after: Schema
) -> Iterator[str]:
    types = {column.name: column.type for column in table.columns}
    old, new = ([str(f["name"]) for f in _columns(schema)] for schema in (before, after))
    renamed = dict(_paired(old, new))
    news = set(renamed.values())
    for one in found:
        if one.column in news or one.kind == "order":
            continue
        if one.column in renamed:
            yield f"renamed: `{one.column}` is `{renamed[one.column]}` now"
        elif one.kind == "extra":
            yield f"added: `{one.column}` ({types.get(one.column, '')})"
        elif one.kind == "missing":
            yield f"dropped: `{one.column}`"
        else:
            yield f"{_KINDS[one.kind]}: {one.words}"
    stayed = {old[i] for i, _ in _in_place(old, new)}
    for name in old:
        if name in new and name not in stayed:
            yield f"order: `{name}` stands behind the others now"


_KINDS = {"type": "other type", "null": "nullability", "default": "default"}


def _changes(said: Mapping[str, Any], *, is_new: bool) -> dict[str, Any]:
    """Return what the document must say of a column; only what follows from the table of an old one."""
    names = said.keys() - {"name"} if is_new else {"physicalType", "logicalType", "required"}
    return {name: value for name, value in said.items() if name in names}


def _level(draft: Draft, value: Schema) -> Compatibility | None:
    """Return the strongest level that all versions keep, where the contract's is too strong."""
    versions = [*(version.schema for version in draft.versions("value")), value]
    return None if keep(versions, draft.pipeline.compatibility) else strongest_level(versions)


def _waiver(words: Sequence[str], level: Compatibility, author: str, today: date) -> str:
    reason = f"The table has changed already ({'; '.join(words)}), and its records follow it."
    migration = f"At {level} {meaning(level)}: readers take the new version first."
    return agreed_text("compatibility", reason, author, migration, today)


def _definition(column: LiveColumn) -> str:
    parts = [column.quoted, column.type]
    if not column.nullable:
        parts.append("NOT NULL")
    if column.default:
        parts.append(f"DEFAULT {column.default}")
    return " ".join(parts)


def _altered(column: LiveColumn, kinds: Set[str]) -> Iterator[str]:
    """Yield what brings a column of the table to what it is now."""
    name = column.quoted
    if "type" in kinds:
        yield f"{name} DROP DEFAULT"
        yield f"{name} TYPE {column.type} USING {name}::text::{column.type}"
    if column.default and kinds & {"type", "default"}:
        yield f"{name} SET DEFAULT {column.default}"
    elif "default" in kinds:
        yield f"{name} DROP DEFAULT"
    if "null" in kinds:
        yield f"{name} {'DROP' if column.nullable else 'SET'} NOT NULL"

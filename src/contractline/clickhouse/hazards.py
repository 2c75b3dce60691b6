"""What the tables of a stream make of the records of each version, as the rules about it see it.

The rules of :mod:`contractline.rules.clickhouse_reads` each pick one reason out of these hazards.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from pathlib import Path

from contractline.avro.depth import is_deeper
from contractline.avro.node import Node, scanty_defaults, types_along
from contractline.avro.paths import Steps
from contractline.avro.schema import Schema
from contractline.clickhouse.avroconfluent import SCHEMA_LEVELS, Reason
from contractline.clickhouse.columns import Column, Mapped, default_sql, map_versions
from contractline.clickhouse.fidelity import default_lost, is_resolved, losses, takes_null
from contractline.clickhouse.flatten import ABSENT, Leaf, is_list, leaves_of, nullable, type_place
from contractline.clickhouse.types import Type, TypeMisspelt, parse
from contractline.clickhouse.unmappable import Unmappable
from contractline.contracts.change import StreamChange
from contractline.contracts.draft import Draft
from contractline.contracts.model import PostgresSource
from contractline.contracts.places import section
from contractline.finding import Effect

_CONTRACTS = 1000
"""Of how many contracts what was found is kept: rules, verdict and proof ask for the same."""


@dataclass(frozen=True, slots=True)
class Hazard:
    """One reason why a value is not read as it is meant, or has no column at all.

    Attributes:
        reason: the kind of reason.
        effect: what becomes of the records; ok where the field only has no column.
        field: the names of the field, outermost first.
        message: what happens, in figures.
        hint: what to do instead, where that is not the same for all of the reason.
        file: the file that holds the mistake.
        steps: the place in it.
    """

    reason: Reason | Unmappable
    effect: Effect
    field: tuple[str, ...]
    message: str
    hint: str
    file: Path
    steps: Steps


@dataclass(frozen=True)
class ReadVersion:
    """A schema whose records lie in the topic, or will.

    Attributes:
        label: its name in messages.
        schema: the schema.
        file: its file.
    """

    label: str
    schema: Schema
    file: Path

    @cached_property
    def root(self) -> Node:
        """The schema, ready to be walked through."""
        return Node.root(self.schema)


@lru_cache(maxsize=_CONTRACTS)
def hazards_of(draft: Draft) -> tuple[Hazard, ...]:
    """Return what goes wrong when a contract's tables read its records.

    Raises:
        PartUnread: a part of the contract could not be read.
    """
    if draft.pipeline.clickhouse is None:
        return ()
    mapped, versions = _mapped(draft), _versions(draft)
    refused = tuple(_refused(mapped, versions))
    return refused or tuple(_HazardSearch(draft, draft, mapped, versions, versions).hazards())


@lru_cache(maxsize=_CONTRACTS)
def hazards_at_base(change: StreamChange) -> tuple[Hazard, ...]:
    """Return what the tables of the base make of new versions, where the contract has none.

    Raises:
        PartUnread: a part of a contract could not be read.
    """
    before, after = change.before, change.after
    if before is None or after is None or not (is_refused(after) and has_tables(before)):
        return ()
    readers = _versions(before)
    known = {version.schema for version in readers}
    new = [version for version in _versions(after) if version.schema not in known]
    return tuple(_HazardSearch(before, after, _mapped(before), readers, new).hazards())


def has_tables(draft: Draft) -> bool:
    """Tell whether a contract can be mapped to tables."""
    return draft.pipeline.clickhouse is not None and not _mapped(draft).refusals


def is_refused(draft: Draft) -> bool:
    """Tell whether a contract that wants tables can't be mapped to any."""
    return draft.pipeline.clickhouse is not None and bool(_mapped(draft).refusals)


@lru_cache(maxsize=_CONTRACTS)
def _mapped(draft: Draft) -> Mapped:
    sink = draft.pipeline.clickhouse
    schemas = [version.schema for version in _versions(draft)]
    is_captured = isinstance(draft.pipeline.source, PostgresSource)
    types = sink.types if sink else {}
    return map_versions(schemas, draft.properties, types, is_captured=is_captured)


def _versions(draft: Draft) -> tuple[ReadVersion, ...]:
    """Return the released versions, and the working schema where it is not the newest of them."""
    released = [ReadVersion(f"v{v.number}", v.schema, v.file) for v in draft.versions("value")]
    working = ReadVersion("value.avsc", draft.value, draft.file("value"))
    if released and released[-1].schema == draft.value:
        return (*released[:-1], ReadVersion(released[-1].label, draft.value, draft.file("value")))
    return (*released, working)


def _refused(mapped: Mapped, versions: Sequence[ReadVersion]) -> Iterator[Hazard]:
    for one in mapped.refusals:
        field = ".".join(one.field)
        message = f"`{field}` {one.problem}"
        file = versions[one.version].file
        yield Hazard(one.kind, Effect.OK, one.field, message, one.hint, file, one.steps)


class _HazardSearch:
    """The columns of one contract, and the records that they read.

    Args:
        draft: whose columns.
        at: the contract that is to change.
        mapped: the columns.
        readers: the versions that they are made from.
        writers: the versions whose records are read.
    """

    def __init__(
        self,
        draft: Draft,
        at: Draft,
        mapped: Mapped,
        readers: Sequence[ReadVersion],
        writers: Sequence[ReadVersion],
    ) -> None:
        sink = draft.pipeline.clickhouse
        self._types: Mapping[str, str] = sink.types if sink else {}
        self._at = at
        self._columns = mapped.columns
        self._newest_first = list(zip(readers, mapped.leaves, strict=True))[::-1]
        self._writers = writers

    def hazards(self) -> Iterator[Hazard]:
        """Yield one hazard for each column, reason and effect: that of the newest version."""
        yield from self._deep_schemas()
        yield from self._scanty_defaults()
        for column in self._columns:
            try:
                type_ = parse(column.queue_type)
            except TypeMisspelt:
                continue
            found: dict[tuple[Reason, Effect], Hazard] = {}
            for version in self._that_differ(column):
                for reason, effect, words in self._of_column(column, type_, version):
                    file, steps = self._place(column)
                    message = f"column {column.name} {column.queue_type}: {words}"
                    hint = _hint_for_own_type(reason, column) if column.is_own else ""
                    hazard = Hazard(reason, effect, column.field, message, hint, file, steps)
                    found.setdefault((reason, effect), hazard)
            yield from found.values()

    def _that_differ(self, column: Column) -> Iterator[ReadVersion]:
        """Yield the versions, newest first, but those that write a column as a newer one does.

        Most versions add a field and leave the others: what was said of one is not said again.
        """
        is_plain = bool(self._reader(column)[0].schema.plain_fields)
        seen: set[str | None] = set()
        for version in reversed(self._writers):
            fields = version.schema.plain_fields
            if not (is_plain and fields):
                yield version
                continue
            written = fields.get(column.field[0])
            if written not in seen:
                seen.add(written)
                yield version

    def _deep_schemas(self) -> Iterator[Hazard]:
        """Yield a schema that nests deeper than the engine follows, the newest one."""
        for version in reversed(self._writers):
            if is_deeper(version.schema.definition, SCHEMA_LEVELS):
                words = (
                    f"no record of {version.label} would be read: its schema nests more than"
                    f" {SCHEMA_LEVELS} levels of JSON, and ClickHouse takes no such schema"
                )
                hint = "keep what lies deeper as text"
                yield Hazard(Reason.TYPE, Effect.BREAKS, (), words, hint, version.file, ("fields",))
                return

    def _scanty_defaults(self) -> Iterator[Hazard]:
        """Yield a default for which the engine takes no schema, of the newest version with any."""
        for version in reversed(self._writers):
            if version.schema.plain_fields:
                continue
            for name in scanty_defaults(version.root):
                words = (
                    f"no record of {version.label} would be read: the default of `{name}` leaves out"
                    " a field of its record, and ClickHouse takes no such schema"
                )
                hint = "write every field of the record into the default"
                own = (n for n, f in enumerate(version.schema.fields) if f["name"] == name)
                steps: Steps = next((("fields", n) for n in own), ())
                yield Hazard(Reason.TYPE, Effect.BREAKS, (name,), words, hint, version.file, steps)
                return

    def _of_column(
        self, column: Column, type_: Type, version: ReadVersion
    ) -> Iterator[tuple[Reason, Effect, str]]:
        newest, reader = self._reader(column)
        found = node_at(version.root, column.path.split("."))
        if found is None:
            yield from self._lacking(
                column, type_, reader, _name_there(column, newest, version), version
            )
            return
        whole, is_in_nullable = found
        branches = [branch for branch in whole.branches if branch.kind != "null"]
        node = branches[0] if len(branches) == 1 else whole
        is_nullable = is_in_nullable or len(branches) < len(whole.branches)
        for loss in losses(node, type_, reader.node, is_nullable=is_nullable):
            if not loss.is_refused:
                yield loss.reason, Effect.CORRUPTS, f"in {version.label} {loss.words}"
            elif loss.of_all:
                words = f"no record of {version.label} would be read: {loss.words}"
                yield loss.reason, Effect.BREAKS, words
            else:
                words = f"records of {version.label} would not be read where {loss.words}"
                yield loss.reason, Effect.BREAKS, words

    def _lacking(
        self, column: Column, type_: Type, reader: Leaf, there: str, version: ReadVersion
    ) -> Iterator[tuple[Reason, Effect, str]]:
        """Yield what a column makes of the records of a version in which it finds nothing."""
        if there:
            shown = column.default or ("NULL" if takes_null(type_) else "the default of its type")
            words = f"the value of `{there}` in {version.label} would be read as {shown}"
            yield Reason.RENAME, Effect.CORRUPTS, words
            return
        if column.is_read_again:
            return
        default = reader.default_in(version.root)
        if takes_null(type_):
            # Without a default Avro does not read such a record: nothing is meant.
            is_lost = bool(column.default) == (default is None) or column.default != default_sql(
                reader, default
            )
            if default is not ABSENT and is_lost:
                shown = column.default or "NULL"
                words = f"a record of {version.label} without it would be read as {shown}"
                yield Reason.DEFAULT, Effect.CORRUPTS, words
            return
        has_default = default is not ABSENT
        words = default_lost(reader.node, type_, default, has_default=has_default)
        if words:
            yield Reason.DEFAULT, Effect.CORRUPTS, f"in {version.label} {words}"

    def _reader(self, column: Column) -> tuple[ReadVersion, Leaf]:
        """Return the newest version that holds a field, and the field there."""
        return next(
            (version, leaves[column.field])
            for version, leaves in self._newest_first
            if column.field in leaves
        )

    def _place(self, column: Column) -> tuple[Path, Steps]:
        """Return where a column's mistake is: its type in the document, or the newest field."""
        name = ".".join(column.field)
        if column.is_own:
            sink = self._at.pipeline.clickhouse
            if sink and name in sink.types:
                return self._at.odcs_file, section(self._at, "clickhouse", "types", name)
        readers = [version for version, _ in self._newest_first]
        for version in (*reversed(self._writers), *readers):
            leaf = leaves_of(version.schema, self._types).of.get(column.field)
            if leaf is not None:
                return version.file, type_place(leaf.steps)
        return self._at.file("value"), ()


def _hint_for_own_type(reason: Reason, column: Column) -> str:
    """Return what to write as a column's type, where that can be told; empty otherwise."""
    if reason is Reason.DEFAULT:
        return (
            f"write `{'.'.join(column.field)}: {nullable(column.queue_type)}`, in which the view"
            " puts Avro's default in place of NULL; or remove the type"
        )
    if reason is Reason.RECORD and is_list(column.queue_type):
        return (
            "give the Tuple exactly the fields of the record, or keep them in a stream of their own"
        )
    return ""


def node_at(root: Node, path: Sequence[str]) -> tuple[Node, bool] | None:
    """Return the type that AvroConfluent finds under a column's name; None when there is none.

    A nullable record stands under its own name (``home.Place.city``). With it comes whether a
    record around the value may be null.
    """
    node, is_nullable = root, False
    for name in path:
        if node.kind == "union":
            records = [one for one in node.branches if one.kind == "record"]
            found = next((one for one in records if one.short_name == name), None)
            is_nullable = True
        else:
            field = node.field(name)
            found = node.of(field["type"]) if field else None
        if found is None:
            return None
        node = found
    return node, is_nullable


def _name_there(column: Column, newest: ReadVersion, version: ReadVersion) -> str:
    """Return the name by which Avro finds a field that ClickHouse does not; empty without one.

    An older one, or its own inside a record that has become nullable, or is not any more.
    """
    reader = list(types_along(newest.root, column.field))
    for names in product(*_names(newest.root, column.field)):
        writer = list(types_along(version.root, names))
        if len(writer) == len(reader) and all(map(is_resolved, writer, reader)):
            return ".".join(names)
    return ""


def _names(root: Node, field: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield for each name of a field the names by which a reader looks for it."""
    node = root
    for name in field:
        record = next(one for one in node.branches if one.kind == "record")
        found = record.names.fields_of(record.json)[name]
        yield (name, *found.get("aliases", ()))
        node = record.of(found["type"])

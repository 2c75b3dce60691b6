"""The proof of one stream: its records through its tables, and what came of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from contractline.avro.schema import Schema
from contractline.clickhouse.columns import Column, digits_of
from contractline.contracts.model import Contract, PostgresSource, Version
from contractline.proof import edges
from contractline.proof.compare import agrees
from contractline.proof.halving import narrowed
from contractline.proof.ids import Ids
from contractline.proof.meaning import words
from contractline.proof.oracle import Oracle
from contractline.proof.records import Made, Maker
from contractline.proof.sandbox import Frame, Sandbox, SandboxRefused, SandboxWriter, ViewFailed
from contractline.proof.shapes import Path, Shape


@dataclass(frozen=True, slots=True)
class ValueCount:
    """In how many records of a version something happened, and of how many."""

    version: str
    count: int
    of: int

    def __str__(self) -> str:
        return f"{self.count} of {self.of} records of {self.version}"


@dataclass(frozen=True, slots=True)
class ValueDifference:
    """A column that does not hold what it must.

    Attributes:
        column: the column.
        table: the table, as the contract names it.
        expected: what Avro's resolution gives, in words.
        got: what the table holds, in words.
        record: a record for which it does so.
        counts: how often it differs.
    """

    column: Column
    table: str
    expected: str
    got: str
    record: Mapping[str, Any]
    counts: tuple[ValueCount, ...]


@dataclass(frozen=True, slots=True)
class ReadRefusal:
    """Records that the engine can't read, or whose row a view or a table refuses.

    Attributes:
        reason: the engine's words.
        record: one of them.
        fields: the fields to blame; none where no single one is.
        is_of_all: whether it is their types that are to blame, whatever the values.
        counts: how many are refused.
        is_view: whether they were read, and a view or a table refused their rows.
    """

    reason: str
    record: Mapping[str, Any]
    fields: tuple[Path, ...]
    is_of_all: bool
    counts: tuple[ValueCount, ...]
    is_view: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """Records that gave no row in a table, or several.

    Attributes:
        table: the table.
        record: one of them.
        counts: how many.
    """

    table: str
    record: Mapping[str, Any]
    counts: tuple[ValueCount, ...]


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """What came of a stream's records.

    Attributes:
        tried: how many records of each version.
        differences: the columns that differ, by version and table.
        refusals: the records that were refused.
        lost: records that gave no row in a table, or several.
    """

    tried: Mapping[str, int]
    differences: tuple[ValueDifference, ...]
    refusals: tuple[ReadRefusal, ...]
    lost: tuple[Lost, ...]

    @property
    def is_wrong(self) -> bool:
        """Whether anything is not as it must be."""
        return bool(self.differences or self.refusals or self.lost)


@dataclass(frozen=True, slots=True)
class Writing:
    """A version whose records are tried."""

    label: str
    schema: Schema


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """What is tried of a stream.

    Attributes:
        contract: the contract whose tables are used; its versions are the readers.
        writers: the versions whose records are read.
        count: how many random records of each.
        seed: decides them.
    """

    contract: Contract
    writers: tuple[Writing, ...]
    count: int
    seed: int


def planned(contract: Contract) -> Contract:
    """Return a contract as it will be when its working schema is released."""
    newest = contract.values[-1] if contract.values else None
    if newest is not None and newest.schema == contract.value:
        return contract
    number = newest.number + 1 if newest else 1
    working = Version(number, contract.value, contract.folder / "value.avsc")
    return replace(contract, values=(*contract.values, working))


def texts_of(contract: Contract) -> dict[str, Sequence[str]]:
    """Return what the fields hold that take only some texts, by name."""
    found: dict[str, Sequence[str]] = {
        name: edges.TIME_TEXTS
        for name, said in contract.properties.items()
        if said.logicalType == "timestamp"
    }
    if not isinstance(contract.source, PostgresSource):
        return found
    for name, said in contract.properties.items():
        kind = said.physicalType or ""
        if kind == "uuid":
            found[name] = (*edges.UUIDS, *edges.NOT_UUIDS)
        elif digits := digits_of(kind):
            found[name] = edges.numerics(*digits)
    return found | edges.CDC_TEXTS


class Trial:
    """Tries the records of a stream."""

    def __init__(self, plan: TrialPlan, sandbox: Sandbox, ids: Ids) -> None:
        self._plan = plan
        self._sandbox = sandbox
        self._ids = ids
        self._next = 0
        self._readers = [version.schema for version in plan.contract.values]
        self._tried: dict[str, int] = {}
        self._differences: dict[Path, ValueDifference] = {}
        self._refusals: dict[tuple[object, ...], ReadRefusal] = {}
        self._lost: dict[str, Lost] = {}

    def run(self) -> TrialOutcome:
        """Put every version's records through the tables and compare what these hold."""
        for writing in self._plan.writers:
            batch = self._batch(writing)
            self._tried[batch.label] = len(batch.made)
            if not batch.made:
                continue
            try:
                refused = self._sandbox.feed(batch.writer, batch.frames)
            except ViewFailed as failure:
                self._stopped(batch, failure)
                continue
            self._refused(batch, refused)
            kept = batch.without({one.frame.offset for one in refused})
            for table in self._sandbox.tables:
                self._compare(batch, kept, table)
        return TrialOutcome(
            self._tried,
            tuple(self._differences.values()),
            tuple(self._refusals.values()),
            tuple(self._lost.values()),
        )

    def _batch(self, writing: Writing) -> _Batch:
        maker = Maker(Shape.of(writing.schema), texts_of(self._plan.contract), self._plan.seed)
        made = maker.records(self._plan.count)
        writer = SandboxWriter(writing.schema, self._ids.register(writing.schema))
        batch = _Batch(writing, maker, writer, self._next, made)
        self._next += len(made)
        return batch

    # What was refused

    def _refused(self, batch: _Batch, refused: Sequence[SandboxRefused]) -> None:
        """Note one refusal for each field that is to blame."""
        groups: dict[Path, list[SandboxRefused]] = {}
        for one in refused:
            if one.is_of_all and groups:
                next(iter(groups.values())).append(one)
                continue
            field = self._sandbox.blamed(batch.writer, one.frame, list(groups))
            groups.setdefault(field, []).append(one)
        for field, group in groups.items():
            first, counts = group[0], batch.counted(len(group))
            record = batch.made[first.frame.offset - batch.first].record
            if field:
                record = {**batch.ordinary, field[0]: record[field[0]]}
            fields = (field,) if field else ()
            self._refuse(ReadRefusal(first.reason, record, fields, first.is_of_all, counts))

    def _stopped(self, batch: _Batch, failure: ViewFailed) -> None:
        """Note what a view or a table refused: it stops the stream."""
        record, fields = batch.ordinary, tuple[str, ...]()
        refused = narrowed(batch.frames, lambda part: not self._are_taken(batch.writer, part))
        if len(refused) == 1:
            made = batch.made[refused[0].offset - batch.first]
            record, fields = batch.blamed(made.record, self._are_taken)
        counts, paths = batch.counted(len(batch.made)), tuple((name,) for name in fields)
        self._refuse(ReadRefusal(failure.problem, record, paths, False, counts, is_view=True))

    def _are_taken(self, writer: SandboxWriter, frames: Sequence[Frame]) -> bool:
        try:
            self._sandbox.feed(writer, frames)
        except ViewFailed:
            return False
        return True

    def _refuse(self, refusal: ReadRefusal) -> None:
        key = (refusal.fields, refusal.is_of_all, refusal.is_view)
        known = self._refusals.setdefault(key, refusal)
        if known is not refusal:
            self._refusals[key] = replace(known, counts=(*known.counts, *refusal.counts))

    # What was read

    def _compare(self, batch: _Batch, kept: Mapping[int, Made], table: str) -> None:
        answer = self._sandbox.rows(table, batch.first)
        self._count_rows(batch, kept, table, Counter(row[0] for row in answer.rows))
        rows = {row[0]: row[1:] for row in answer.rows}
        oracle = Oracle(self._sandbox.columns, self._readers, batch.writing.schema)
        by_name = {column.name: column for column in self._sandbox.columns}
        columns = [by_name[name] for name in answer.names[1:]]
        found: dict[Path, list[ValueDifference]] = {}
        for offset, made in kept.items():
            expected = oracle.expected(made.datum)
            for column, got in zip(columns, rows.get(offset, ()), strict=False):
                told = expected[column.field]
                if not agrees(column, told, got):
                    said = words(told.value), words(got)
                    one = ValueDifference(column, table, *said, made.record, ())
                    found.setdefault(column.field, []).append(one)
        for field, differences in found.items():
            known = self._differences.setdefault(field, differences[0])
            if known.table == table:
                counts = (*known.counts, *batch.counted(len(differences)))
                self._differences[field] = replace(known, counts=counts)

    def _count_rows(
        self, batch: _Batch, kept: Mapping[int, Made], table: str, rows: Mapping[int, int]
    ) -> None:
        gone = [made for offset, made in kept.items() if rows.get(offset) != 1]
        if gone:
            known = self._lost.setdefault(table, Lost(table, gone[0].record, ()))
            counts = (*known.counts, *batch.counted(len(gone)))
            self._lost[table] = replace(known, counts=counts)


@dataclass(frozen=True)
class _Batch:
    """The records of one version."""

    writing: Writing
    maker: Maker
    writer: SandboxWriter
    first: int
    made: Sequence[Made]

    @property
    def label(self) -> str:
        return self.writing.label

    @property
    def ordinary(self) -> Mapping[str, Any]:
        return self.made[0].record

    @property
    def frames(self) -> list[Frame]:
        """The messages; a record's offset is its number in the whole trial."""
        return [self._frame(one, self.first + at) for at, one in enumerate(self.made)]

    def _frame(self, made: Made, offset: int) -> Frame:
        return Frame(offset, made.datum)

    def without(self, offsets: set[int]) -> dict[int, Made]:
        """Return the records by offset, except some."""
        numbered = enumerate(self.made, self.first)
        return {offset: made for offset, made in numbered if offset not in offsets}

    def counted(self, count: int) -> tuple[ValueCount, ...]:
        """Return a number of its records."""
        return (ValueCount(self.label, count, len(self.made)),)

    def blamed(
        self,
        record: Mapping[str, Any],
        are_taken: Callable[[SandboxWriter, Sequence[Frame]], bool],
    ) -> tuple[Mapping[str, Any], tuple[str, ...]]:
        """Return a record that is refused and as ordinary as can be, and the fields that are not.

        Args:
            record: a record that is refused.
            are_taken: tells whether records are not.
        """

        def mixed(fields: Sequence[str]) -> Mapping[str, Any]:
            return {**self.ordinary, **{name: record[name] for name in fields}}

        def is_refused(fields: Sequence[str]) -> bool:
            frame = self._frame(self.maker.made(mixed(fields)), self.first)
            return not are_taken(self.writer, [frame])

        fields = [] if is_refused([]) else narrowed(list(record), is_refused)
        return mixed(fields), tuple(fields)

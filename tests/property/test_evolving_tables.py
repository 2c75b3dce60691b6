"""For every ALTER TABLE there is a contract without findings, and `contractline evolve` finds it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contractline.avro.schema import Schema
from contractline.cli.evolve import write_evolution
from contractline.contracts.captured import INDEX, Index, capture_sources, schema_file
from contractline.contracts.checksums import digest
from contractline.contracts.load import load_drafts
from contractline.debezium.types import avro_type
from contractline.finding import Severity, errors
from contractline.project import Project
from contractline.scaffold.blueprint import Blueprint
from contractline.scaffold.evolve import KeyChanged, evolution
from contractline.scaffold.from_table import described_columns
from contractline.scaffold.table_sql import LiveColumn, LiveTable

pytestmark = pytest.mark.property

REPOSITORY = Path(__file__).parents[2]
TABLE, TOPIC = "public.things", "postgres.public.things"
METADATA = [
    {"name": "__deleted", "type": ["null", "string"], "default": None},
    {"name": "__op", "type": ["null", "string"], "default": None},
    {"name": "__lsn", "type": ["null", "long"], "default": None},
    {"name": "__source_ts_ms", "type": ["null", "long"], "default": None},
]
DEFAULTS: dict[str, Any] = {
    "smallint": 1,
    "integer": 7,
    "bigint": 9,
    "real": 0.5,
    "double precision": 1.5,
    "text": "x",
    "boolean": True,
    "integer[]": None,
}
WIDENING = {"smallint": "integer", "integer": "bigint", "real": "double precision"}


@dataclass(frozen=True)
class Column:
    """A column, and how Debezium writes it."""

    name: str
    type: str
    nullable: bool
    has_default: bool

    @property
    def field(self) -> dict[str, Any]:
        kind, default = avro_type(self.type), DEFAULTS[self.type]
        has_default = self.has_default and default is not None
        if not self.nullable:
            return {"name": self.name, "type": kind} | ({"default": default} if has_default else {})
        if has_default:
            return {"name": self.name, "type": [kind, "null"], "default": default}
        return {"name": self.name, "type": ["null", kind], "default": None}

    @property
    def live(self) -> LiveColumn:
        default = "1" if self.has_default else ""
        return LiveColumn(
            self.name, self.name, self.type, self.type, 0, self.nullable, default, "", "", ""
        )


Table = tuple[Column, ...]
ID = Column("id", "integer", False, False)
# A column is named after its type: a name that comes back with another type is another type, which
# one topic can't hold.
COLUMNS = st.builds(
    lambda kind, letter, *more: Column(
        f"{kind.split()[0].replace('[]', 's')}_{letter}", kind, *more
    ),
    st.sampled_from(list(DEFAULTS)),
    st.sampled_from("ab"),
    st.booleans(),
    st.booleans(),
)
TABLES = st.lists(COLUMNS, max_size=3, unique_by=lambda column: column.name).map(
    lambda columns: (ID, *columns)
)


@st.composite
def altered(draw: st.DrawFn, table: Table) -> Table:
    """Draw one ALTER TABLE; the key stays."""
    kind = draw(st.sampled_from(["add", "drop", "rename", "widen", "null", "default", "again"]))
    if kind == "add" or len(table) == 1:
        column = draw(COLUMNS.filter(lambda c: c.name not in {one.name for one in table}))
        return (*table, column)
    at = draw(st.integers(1, len(table) - 1))
    column, others = table[at], (*table[:at], *table[at + 1 :])
    if kind == "drop":
        return others
    if kind == "again":
        return (*others, column)
    name = f"{column.name}_new"
    while name in {one.name for one in table}:  # PostgreSQL has no two columns of one name
        name += "_new"
    changes: dict[str, dict[str, Any]] = {
        "rename": {"name": name},
        "widen": {"type": WIDENING.get(column.type, column.type)},
        "null": {"nullable": not column.nullable},
        "default": {"has_default": not column.has_default},
    }
    return (*table[:at], replace(column, **changes[kind]), *table[at + 1 :])


@st.composite
def histories(draw: st.DrawFn) -> list[Table]:
    tables = [draw(TABLES)]
    for _ in range(draw(st.integers(1, 4))):
        table = tables[-1]
        for _ in range(draw(st.integers(1, 2))):
            table = draw(altered(table))
        tables.append(table)
    return tables


def schema(table: Table) -> Schema:
    fields = [*(column.field for column in table), *METADATA]
    return Schema({"type": "record", "name": "Value", "namespace": TOPIC, "fields": fields}, "it")


def key() -> Schema:
    return Schema({"type": "record", "name": "Key", "namespace": TOPIC, "fields": [ID.field]}, "it")


def live(table: Table) -> LiveTable:
    return LiveTable(TABLE, "", tuple(column.live for column in table), ("id",), "", sql(table))


def sql(table: Table) -> str:
    columns = ",\n".join(f"  {column.name} {column.type}" for column in table)
    return f"-- creates: table {TABLE}\nCREATE TABLE {TABLE} (\n{columns}\n);\n"


def capture(project: Project, table: Table) -> None:
    """Write what `contractline generate cdc` writes for a table."""
    (project.postgres_sql / "010_things.sql").write_text(sql(table))
    project.captured.mkdir(exist_ok=True)
    for part, made in (("key", key()), ("value", schema(table))):
        schema_file(project, f"{TOPIC}-{part}").write_text(made.formatted)
    made_from = {
        file.relative_to(project.root).as_posix(): digest(file.read_bytes())
        for file in capture_sources(project)
    }
    (project.captured / INDEX).write_text(Index({}, made_from, {TOPIC: ["id"]}).text)


def released(root: Path, table: Table) -> Project:
    """Make a checkout that holds the first version of a table's contract."""
    project = Project(root)
    for folder in (project.contracts, project.ddl / "streams", project.postgres_sql):
        folder.mkdir(parents=True)
    shutil.copytree(REPOSITORY / "connect" / "connectors", project.connectors)
    described = tuple(described_columns(live(table), schema(table), ["id"]))
    Blueprint(
        name="things",
        owner="somebody",
        purpose="Things.",
        source_words="Things.",
        physical_name=TABLE,
        topic={"name": TOPIC, "partitions": 1, "cleanup": "compact"},
        source={"kind": "postgres", "connector": "postgres", "table": TABLE},
        clickhouse={"current": "shop.things"},
        values=[schema(table)],
        key=key(),
        described=described,
    ).write(project.contracts / "things")
    return project


def evolved(project: Project, table: Table) -> Iterator[str]:
    """Let the contract follow a table; yield what the rules have against it."""
    capture(project, table)
    (draft,) = load_drafts(project)
    found = evolution(draft, live(table), schema(table), author="somebody", today=date(2026, 1, 5))
    if not found.words:
        return
    written, findings = write_evolution(project, draft, found, today=date(2026, 1, 5))
    assert bool(written) != bool(errors(findings))
    yield from (str(finding) for finding in findings if finding.severity is Severity.ERROR)


@settings(max_examples=20, deadline=None)
@given(history=histories())
def test_each_alter_table_has_a_contract_without_findings(history: list[Table]) -> None:
    with TemporaryDirectory() as folder:
        project = released(Path(folder), history[0])
        for table in history[1:]:
            assert list(evolved(project, table)) == []


def columns(names: str) -> Table:
    return (ID, *(Column(name, "text", True, False) for name in names.split()))


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("a b", "a b c", ["added: `c` (text)"]),
        ("a b", "a", ["dropped: `b`"]),
        ("a b", "c b", ["renamed: `a` is `c` now"]),
        ("a b", "a c", ["renamed: `b` is `c` now"]),
        ("a b c", "a c b", ["order: `b` stands behind the others now"]),
        ("a b c", "c d", ["added: `d` (text)", "dropped: `a`", "dropped: `b`"]),
        (
            "a b",
            "c d b",
            [
                *("added: `c` (text)", "added: `d` (text)", "dropped: `a`"),
                "order: `b` stands behind the others now",
            ],
        ),
    ],
)
def test_what_differs_is_said(tmp_path: Path, before: str, after: str, said: list[str]) -> None:
    project, table = released(tmp_path, columns(before)), columns(after)
    (draft,) = load_drafts(project)

    found = evolution(draft, live(table), schema(table), author="somebody", today=date(2026, 1, 5))

    assert list(found.words) == said


def test_a_column_of_the_key_stays(tmp_path: Path) -> None:
    other = Column("a", "text", True, False)
    project = released(tmp_path, (ID, other))
    for changed in (replace(ID, name="number"), replace(ID, type="bigint")):
        with pytest.raises(KeyChanged, match="the key, which never changes"):
            list(evolved(project, (changed, other)))

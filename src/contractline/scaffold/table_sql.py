"""A table of the source database as a file of connect/postgres, making one that is captured alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from contractline.debezium.source import EXACT_TYPE, Database
from contractline.errors import ContractlineError

_HEAD = """\
-- creates: table {table}
--
-- As it was read from the database whose changes are captured. This file runs only where the table
-- does not exist; checks, references to other tables and triggers are left out.
"""


class TableUnknown(ContractlineError):
    """When the source database has no such table."""

    def __init__(self, table: str, where: str, known: Sequence[str]) -> None:
        self.table = table
        super().__init__(
            f"PostgreSQL at {where} has no table {table}",
            hint=f"its tables: {', '.join(known) or 'none that this login may see'}",
        )


@dataclass(frozen=True, slots=True)
class LiveColumn:
    """A column of a table.

    Attributes:
        name: its name.
        quoted: its name as SQL writes it.
        type: its type as SQL writes it.
        exactly: the same, but a domain's is that of its base.
        dimensions: how many lists lie inside one another, as it was declared.
        nullable: whether it takes NULL.
        default: the expression of its default; empty without one.
        identity: ``a`` generated always, ``d`` by default; empty for no identity.
        generated: ``s`` stored, ``v`` virtual; empty for a plain column.
        comment: what the database says of it.
    """

    name: str
    quoted: str
    type: str
    exactly: str
    dimensions: int
    nullable: bool
    default: str
    identity: str
    generated: str
    comment: str


@dataclass(frozen=True, slots=True)
class LiveTable:
    """A table as the database has it.

    Attributes:
        name: ``schema.table``.
        comment: what the database says of it.
        columns: in their order.
        primary_key: its columns.
        unpublished: why its changes are not in the log under its name; empty where they are.
        text: the SQL that creates it.
    """

    name: str
    comment: str
    columns: tuple[LiveColumn, ...]
    primary_key: tuple[str, ...]
    unpublished: str
    text: str


def live_table(database: Database, name: str) -> LiveTable:
    """Return a table of the source database.

    Raises:
        TableUnknown: there is none of that name.
    """
    found = database.tables([name])
    if name not in found:
        known = [row["name"] for row in database.rows(_TABLES)]
        raise TableUnknown(name, database.where, known)
    columns = tuple(LiveColumn(**row) for row in database.rows(_COLUMNS, name))
    comment = database.rows(_COMMENT, name)[0]["comment"]
    statements = [
        *(row["text"] for row in database.rows(_SCHEMAS, name, name)),
        *(row["text"] for row in database.rows(_EXTENSIONS, name)),
        *_types(database, name),
        *(
            f"CREATE SEQUENCE IF NOT EXISTS {row['name']};"
            for row in database.rows(_SEQUENCES, name)
        ),
        _table(database, name, columns),
        *_comments(database, name, comment, columns),
    ]
    text = "\n\n".join((_HEAD.format(table=name) + statements[0], *statements[1:])) + "\n"
    table = found[name]
    return LiveTable(name, comment, columns, table.primary_key, table.unpublished, text)


def is_made_from_table(text: str) -> bool:
    """Tell whether a file of connect/postgres was read from a table, so that nobody wrote it."""
    return text.partition("\n")[2].startswith(_HEAD.partition("\n")[2])


def _types(database: Database, name: str) -> Iterator[str]:
    """Create the types of its columns that are somebody's own, those that others are made of first.

    The file of another table may have made one already.
    """
    for row in database.rows(_TYPES, name):
        parts = f"({', '.join(row['parts'])})"
        match row["kind"]:
            case "e":
                create = f"CREATE TYPE {row['name']} AS ENUM {parts};"
            case "c":
                create = f"CREATE TYPE {row['name']} AS {parts};"
            case _:
                create = f"CREATE DOMAIN {row['name']} AS {row['base']};"
        yield (
            f"DO $create$ BEGIN\n  {create}\n"
            "EXCEPTION WHEN duplicate_object THEN NULL;\nEND $create$;"
        )


def _table(database: Database, name: str, columns: Sequence[LiveColumn]) -> str:
    constraints = [row["text"] for row in database.rows(_CONSTRAINTS, name)]
    body = ",\n".join(f"  {line}" for line in (*map(_column, columns), *constraints))
    return f"CREATE TABLE {_quoted(database, name)} (\n{body}\n);"


def _column(column: LiveColumn) -> str:
    parts = [column.quoted, column.type]
    if column.generated:
        stored = "STORED" if column.generated == "s" else "VIRTUAL"
        return " ".join([*parts, f"GENERATED ALWAYS AS ({column.default}) {stored}"])
    if not column.nullable:
        parts.append("NOT NULL")
    if column.identity:
        when = "ALWAYS" if column.identity == "a" else "BY DEFAULT"
        parts.append(f"GENERATED {when} AS IDENTITY")
    elif column.default:
        parts.append(f"DEFAULT {column.default}")
    return " ".join(parts)


def _comments(
    database: Database, name: str, comment: str, columns: Sequence[LiveColumn]
) -> Iterator[str]:
    table = _quoted(database, name)
    said = [("TABLE", table, comment)]
    said += [("COLUMN", f"{table}.{column.quoted}", column.comment) for column in columns]
    for what, place, words in said:
        if words:
            yield f"COMMENT ON {what} {place} IS {database.rows(_LITERAL, words)[0]['text']};"


def _quoted(database: Database, table: str) -> str:
    return str(database.rows(_NAME, table)[0]["name"])


_TABLES = """
SELECT n.nspname || '.' || c.relname AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_' AND n.nspname != 'information_schema'
ORDER BY name
"""

_COLUMNS = f"""
SELECT a.attname AS name, quote_ident(a.attname) AS quoted, format_type(a.atttypid, a.atttypmod) AS type,
       {EXACT_TYPE} AS exactly,
       a.attndims AS dimensions, NOT a.attnotnull AS nullable,
       coalesce(pg_get_expr(d.adbin, d.adrelid), '') AS default,
       a.attidentity::text AS identity, a.attgenerated::text AS generated,
       coalesce(col_description(a.attrelid, a.attnum), '') AS comment
FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = to_regclass(%s) AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""  # noqa: S608 - own words

_NAME = """
SELECT format('%%I.%%I', n.nspname, c.relname) AS name
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = to_regclass(%s)
"""

_LITERAL = "SELECT quote_literal(%s::text) AS text"

_COMMENT = "SELECT coalesce(obj_description(to_regclass(%s)), '') AS comment"

_USED = """
WITH RECURSIVE used(oid) AS (
  SELECT atttypid FROM pg_attribute
  WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped
  UNION
  SELECT part FROM used JOIN pg_type t ON t.oid = used.oid
  LEFT JOIN pg_attribute a ON a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped
  CROSS JOIN LATERAL (VALUES (t.typelem), (t.typbasetype), (a.atttypid)) AS parts(part)
  WHERE part != 0
)
"""
"""The types of a table's columns, and those that they are made of."""

_OF_EXTENSION = """
pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND d.deptype = 'e'
     AND d.classid = 'pg_type'::regclass
"""

_SCHEMAS = f"""{_USED}
SELECT format('CREATE SCHEMA IF NOT EXISTS %%I;', nspname) AS text FROM pg_namespace
WHERE oid IN (SELECT t.typnamespace FROM used JOIN pg_type t USING (oid)
              UNION SELECT relnamespace FROM pg_class WHERE oid = to_regclass(%s))
      AND nspname NOT IN ('public', 'pg_catalog', 'information_schema')
ORDER BY nspname
"""  # noqa: S608 - own words

_EXTENSIONS = f"""{_USED}
SELECT DISTINCT format('CREATE EXTENSION IF NOT EXISTS %%I SCHEMA %%I;', e.extname, n.nspname) AS text
FROM used JOIN {_OF_EXTENSION} ON d.objid = used.oid
JOIN pg_namespace n ON n.oid = e.extnamespace ORDER BY text
"""  # noqa: S608 - own words

_TYPES = f"""{_USED}
SELECT format('%%I.%%I', n.nspname, t.typname) AS name, t.typtype::text AS kind,
       format_type(nullif(t.typbasetype, 0), t.typtypmod) AS base,
       ARRAY(SELECT quote_literal(e.enumlabel) FROM pg_enum e WHERE e.enumtypid = t.oid
             ORDER BY e.enumsortorder)
       || ARRAY(SELECT format('%%I %%s', a.attname, format_type(a.atttypid, a.atttypmod))
                FROM pg_attribute a WHERE a.attrelid = t.typrelid AND a.attnum > 0
                AND NOT a.attisdropped ORDER BY a.attnum) AS parts
FROM used JOIN pg_type t ON t.oid = used.oid JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype IN ('e', 'd', 'c') AND n.nspname != 'information_schema'
      AND NOT EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind != 'c')
      AND NOT EXISTS (SELECT FROM {_OF_EXTENSION} WHERE d.objid = t.oid)
ORDER BY t.oid
"""  # noqa: S608 - own words

_SEQUENCES = """
SELECT DISTINCT format('%%I.%%I', n.nspname, c.relname) AS name
FROM pg_attrdef d JOIN pg_depend p ON p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid
JOIN pg_class c ON p.refclassid = 'pg_class'::regclass AND c.oid = p.refobjid AND c.relkind = 'S'
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE d.adrelid = to_regclass(%s) ORDER BY name
"""

_CONSTRAINTS = """
SELECT pg_get_constraintdef(oid) AS text FROM pg_constraint
WHERE conrelid = to_regclass(%s) AND contype IN ('p', 'u') ORDER BY contype, conname
"""

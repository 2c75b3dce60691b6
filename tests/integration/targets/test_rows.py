"""The records of a topic end as PostgreSQL says, compared with a plain model of its rows."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pytest

from tests.integration.targets.lab import Lab, Record

PEOPLE: list[Mapping[str, Any]] = [
    {"name": "name", "type": "string"},
    {"name": "team", "type": ["null", "string"], "default": None},
    {"name": "born", "type": ["null", {"type": "int", "logicalType": "date"}], "default": None},
    {"name": "score", "type": "long"},
]
KEY = [{"name": "name", "type": "string"}]
PEOPLE_SQL = "(name text {key}, team text, born date, score bigint NOT NULL)"

Row = dict[str, Any]


@dataclass
class Model:
    """What PostgreSQL holds, and the changes of each key that a reader must see."""

    rows: dict[str, Row] = field(default_factory=dict)
    changes: dict[str, list[tuple[str, Row | None]]] = field(default_factory=dict)

    def insert(self, **row: Any) -> None:
        full = {"team": None, "born": None} | row
        self.rows[row["name"]] = full
        self._note(row["name"], "row", full)

    def update(self, name: str, /, **changes: Any) -> None:
        new = self.rows[name] | changes
        if new["name"] != name:
            self.delete(name)
        self.rows[new["name"]] = new
        self._note(new["name"], "row", new)

    def delete(self, name: str) -> None:
        self._note(name, "deleted", self.rows.pop(name))
        self._note(name, "tombstone", None)

    def truncate(self) -> None:
        for name in list(self.rows):
            self.delete(name)

    def _note(self, name: str, what: str, row: Row | None) -> None:
        self.changes.setdefault(name, []).append((what, dict(row) if row else None))

    @property
    def count(self) -> int:
        return sum(map(len, self.changes.values()))


def seen(records: list[Record]) -> dict[str, list[tuple[str, Row | None]]]:
    """Return the changes of each key, as the model writes them."""
    out: dict[str, list[tuple[str, Row | None]]] = {}
    for record in records:
        assert record.key is not None
        what = "tombstone" if record.value is None else "deleted" if record.is_delete else "row"
        out.setdefault(record.key["name"], []).append((what, record.row))
    return out


def current(records: list[Record]) -> dict[str, Row]:
    """Return the rows that a reader ends with: the newest record of each key counts."""
    rows: dict[str, Row] = {}
    for record in records:
        assert record.key is not None
        if record.row is None or record.is_delete:
            rows.pop(record.key["name"], None)
        else:
            rows[record.key["name"]] = record.row
    return rows


def change_everything(lab: Lab, table: str, model: Model) -> None:
    """Make every kind of change, in PostgreSQL and in the model."""
    born = date(1969, 12, 31)
    lab.sql(f"INSERT INTO {table} VALUES ('Ada', 'A', %s, 1), ('Bob', NULL, NULL, 2)", born)
    model.insert(name="Ada", team="A", born=born, score=1)
    model.insert(name="Bob", score=2)
    lab.sql(f"UPDATE {table} SET team = NULL, born = NULL, score = -1 WHERE name = 'Ada'")
    model.update("Ada", team=None, born=None, score=-1)
    lab.sql(f"DELETE FROM {table} WHERE name = 'Bob'")
    model.delete("Bob")
    lab.sql(f"INSERT INTO {table} VALUES ('Bob', 'again', '2204-02-29', 3)")
    model.insert(name="Bob", team="again", born=date(2204, 2, 29), score=3)
    lab.sql(f"UPDATE {table} SET name = 'Äda', score = 9 WHERE name = 'Ada'")
    model.update("Ada", name="Äda", score=9)
    one_transaction(lab, table, model)
    lab.sql(f"TRUNCATE {table}")
    model.truncate()
    lab.sql(f"INSERT INTO {table} VALUES ('Ada', 'after', NULL, 5), ('Cyd', NULL, NULL, 6)")
    model.insert(name="Ada", team="after", score=5)
    model.insert(name="Cyd", score=6)


def one_transaction(lab: Lab, table: str, model: Model) -> None:
    """Change one row several times in one transaction, and truncate inside another."""
    lab.sql(
        f"""INSERT INTO {table} VALUES ('Dot', 'x', NULL, 0);
            UPDATE {table} SET score = 1 WHERE name = 'Dot';
            UPDATE {table} SET score = 2, team = NULL WHERE name = 'Dot';
            DELETE FROM {table} WHERE name = 'Dot';
            INSERT INTO {table} VALUES ('Dot', 'y', NULL, 3)"""
    )
    model.insert(name="Dot", team="x", score=0)
    model.update("Dot", score=1)
    model.update("Dot", score=2, team=None)
    model.delete("Dot")
    model.insert(name="Dot", team="y", score=3)
    lab.sql(
        f"INSERT INTO {table} VALUES ('Eve', 'z', NULL, 0); TRUNCATE {table};"
        f" INSERT INTO {table} VALUES ('Eve', 'z', NULL, 1)"
    )
    model.insert(name="Eve", team="z", score=0)
    model.truncate()
    model.insert(name="Eve", team="z", score=1)


@pytest.mark.parametrize("key", ["PRIMARY KEY", "NOT NULL"], ids=["primary-key", "no-primary-key"])
def test_every_kind_of_change_arrives_as_postgres_says(lab: Lab, key: str) -> None:
    model = Model()
    lab.sql(f"CREATE TABLE people {PEOPLE_SQL.format(key=key)}")
    lab.sql("INSERT INTO people VALUES ('Old', 'snapshot', '1815-12-10', 0)")
    model.insert(name="Old", team="snapshot", born=date(1815, 12, 10), score=0)
    lab.contract("people", PEOPLE, KEY)
    lab.bring_up()
    lab.wait_for_records("people", 1)

    change_everything(lab, "people", model)

    records = lab.wait_for_records("people", model.count)
    assert seen(records) == model.changes
    assert current(records) == model.rows
    assert current(records) == {r["name"]: r for r in lab.sql("SELECT * FROM people")}
    positions = [r.value["__lsn"] for r in records if r.value and r.value["__op"] != "r"]
    assert positions == sorted(positions)


def test_a_long_random_history_arrives_as_postgres_says(lab: Lab) -> None:
    chance = random.Random(1815)
    model = Model()
    lab.sql(f"CREATE TABLE people {PEOPLE_SQL.format(key='PRIMARY KEY')}")
    lab.contract("people", PEOPLE, KEY)
    lab.bring_up()

    for _ in range(60):
        change_at_random(lab, model, chance)

    records = lab.wait_for_records("people", model.count)
    assert seen(records) == model.changes
    assert current(records) == model.rows
    assert current(records) == {r["name"]: r for r in lab.sql("SELECT * FROM people")}


def change_at_random(lab: Lab, model: Model, chance: random.Random) -> None:
    """Make some changes in one transaction, in PostgreSQL and in the model."""
    statements = []
    for _ in range(chance.randint(1, 8)):
        name, score = f"p{chance.randint(1, 12)}", chance.randint(-(2**40), 2**40)
        if name not in model.rows:
            statements.append(f"INSERT INTO people VALUES ('{name}', NULL, NULL, {score})")
            model.insert(name=name, score=score)
        elif (
            kind := chance.choice(["update", "update", "rename", "delete", "truncate"])
        ) == "update":
            statements.append(f"UPDATE people SET score = {score} WHERE name = '{name}'")
            model.update(name, score=score)
        elif kind == "rename" and (new := f"p{chance.randint(13, 20)}") not in model.rows:
            statements.append(f"UPDATE people SET name = '{new}' WHERE name = '{name}'")
            model.update(name, name=new)
        elif kind == "truncate" and chance.random() < 0.2:
            statements.append("TRUNCATE people")
            model.truncate()
        else:
            statements.append(f"DELETE FROM people WHERE name = '{name}'")
            model.delete(name)
    lab.sql("; ".join(statements))


def test_a_table_without_any_key_arrives_whole(lab: Lab) -> None:
    lab.sql("CREATE TABLE log (line text NOT NULL, level int)")
    fields: list[Mapping[str, Any]] = [
        {"name": "line", "type": "string"},
        {"name": "level", "type": ["null", "int"], "default": None},
    ]
    lab.contract("log", fields)
    lab.bring_up()

    lab.sql("INSERT INTO log VALUES ('a', 1), ('a', 1), ('b', NULL)")
    lab.sql("DELETE FROM log WHERE line = 'b'")

    records = lab.wait_for_records("log", 5)
    assert [(r.key, r.row, r.is_delete) for r in records] == [
        (None, {"line": "a", "level": 1}, False),
        (None, {"line": "a", "level": 1}, False),
        (None, {"line": "b", "level": None}, False),
        (None, {"line": "b", "level": None}, True),
        (None, None, False),  # an empty record, of which ClickHouse makes no row
    ]

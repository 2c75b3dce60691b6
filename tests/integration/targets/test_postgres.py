"""The target postgres on a real server: from nothing, repaired, and with few rights."""

from __future__ import annotations

import csv

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from contractline.contracts.load import load_contracts
from contractline.errors import ServiceUnavailable
from contractline.settings import Endpoints
from contractline.targets import open_target
from tests.fixtures.stack import REPOSITORY, RunningStack
from tests.integration.targets.lab import Lab, messages

FIELDS = [{"name": "name", "type": "string"}, {"name": "team", "type": "string"}]
KEY = [{"name": "name", "type": "string"}]
DATABASE = "contractline_new"


@pytest.fixture
def people(lab: Lab) -> Lab:
    lab.sql("CREATE TABLE people (name text PRIMARY KEY, team text NOT NULL)")
    lab.contract("people", FIELDS, KEY)
    lab.apply("postgres")
    assert lab.plan("postgres").is_clean
    return lab


@pytest.fixture
def new_database(stack: RunningStack):
    """An empty database beside the source, with the repository's own contracts."""
    dsn = stack.endpoints.postgres_dsn
    assert dsn
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {DATABASE}")
    yield stack.endpoints.model_copy(update={"postgres_dsn": make_conninfo(dsn, dbname=DATABASE)})
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {DATABASE} WITH (FORCE)")


def test_the_repository_s_own_tables_from_nothing(
    stack: RunningStack, new_database: Endpoints
) -> None:
    contracts = load_contracts(stack.project)
    target = open_target("postgres", stack.project, contracts, new_database)

    plan = target.plan()
    done = list(target.apply(plan))

    assert done == list(plan.steps)
    assert target.plan().is_clean
    assert target.plan().steps == ()
    with psycopg.connect(new_database.need("postgres_dsn")) as connection:
        users = connection.execute(
            "SELECT user_name, position, team FROM public.github_users"
        ).fetchall()
        seeds = (REPOSITORY / "connect/postgres/seed_users.csv").read_text().splitlines()
        assert sorted(users) == sorted(tuple(row) for row in csv.reader(seeds[1:]))
        identities = connection.execute(
            "SELECT kind, identity FROM public.github_identities WHERE user_name = 'Ivan M'"
        ).fetchall()
        assert sorted(identities) == [
            ("email", "ivan.m@example.com"),
            ("login", "ivan-m"),
            ("name", "ivan m"),
            ("noreply", "ivan-m@users.noreply.github.com"),
        ]
        unknown = connection.execute(
            "SELECT count(*) FILTER (WHERE birth_date IS NULL), count(birth_date)"
            " FROM public.github_users"
        ).fetchone()
        assert unknown == (4, 6)


def test_a_deleted_seed_row_stays_deleted(stack: RunningStack, new_database: Endpoints) -> None:
    contracts = load_contracts(stack.project)
    target = open_target("postgres", stack.project, contracts, new_database)
    list(target.apply(target.plan()))
    with psycopg.connect(new_database.need("postgres_dsn")) as connection:
        connection.execute("DELETE FROM public.github_users")

    list(target.apply(target.plan()))

    with psycopg.connect(new_database.need("postgres_dsn")) as connection:
        assert connection.execute("SELECT count(*) FROM public.github_users").fetchone() == (0,)


def test_the_replication_role_may_do_what_it_needs_and_no_more(people: Lab) -> None:
    people.sql("CREATE TABLE private (secret text)")
    role = make_conninfo(
        people.endpoints.need("postgres_dsn"),
        user=people.endpoints.need("postgres_replication_user"),
        password=people.endpoints.need("postgres_replication_password"),
    )
    schema = people.prefix
    with psycopg.connect(role, autocommit=True) as connection:
        connection.execute(f"SELECT * FROM {schema}.people")
        connection.execute("UPDATE public.debezium_heartbeat SET beat_at = now() WHERE id = 1")
        for forbidden in (
            f"SELECT * FROM {schema}.private",
            f"UPDATE {schema}.people SET team = 'x'",
            f"DELETE FROM {schema}.people",
            "DELETE FROM public.debezium_heartbeat",
            "CREATE TABLE public.own (id int)",
            "CREATE DATABASE own",
            "CREATE ROLE own",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden)


def test_a_password_that_does_not_fit_is_set_again_and_never_shown(people: Lab) -> None:
    user = people.endpoints.need("postgres_replication_user")
    password = people.endpoints.need("postgres_replication_password")
    people.sql(f"ALTER ROLE {user} PASSWORD 'other'")

    plan = people.plan("postgres")
    (step,) = plan.steps
    people.apply("postgres")

    assert "password authentication failed" in step.summary
    assert password not in repr(plan)
    assert "PASSWORD :'password'" in step.detail
    assert people.plan("postgres").is_clean


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ("ALTER TABLE people REPLICA IDENTITY DEFAULT", "replica identity full"),
        ("DROP TRIGGER contractline_publish_truncate ON people", "publish a TRUNCATE as deletes"),
        ("ALTER PUBLICATION {p} DROP TABLE people", "add {p}.people"),
        ("ALTER PUBLICATION {p} DROP TABLE debezium_heartbeat", "add public.debezium_heartbeat"),
        ("ALTER PUBLICATION {p} ADD TABLE other", "drop {p}.other, which no contract holds"),
        ("ALTER PUBLICATION {p} SET TABLE people (name), debezium_heartbeat", "all columns"),
        (
            "ALTER PUBLICATION {p} SET TABLE people WHERE (team <> 'A'), debezium_heartbeat",
            "all columns and rows of {p}.people",
        ),
        ("ALTER PUBLICATION {p} SET (publish = 'insert')", "publish insert, update, delete"),
        ("DROP PUBLICATION {p}", "create publication {p}"),
        ("REVOKE SELECT ON people FROM {role}", "may SELECT on {p}.people"),
        ("REVOKE USAGE ON SCHEMA {p} FROM {role}", "may SELECT on {p}.people"),
        ("REVOKE UPDATE ON debezium_heartbeat FROM {role}", "may UPDATE on"),
    ],
)
def test_what_was_changed_by_hand_is_brought_back(people: Lab, damage: str, words: str) -> None:
    names = {"p": people.prefix, "role": people.endpoints.need("postgres_replication_user")}
    people.sql("CREATE TABLE other (id int PRIMARY KEY)")
    people.sql(damage.format(**names))

    plan = people.plan("postgres")
    (outcome,) = people.apply("postgres")

    assert len(plan.steps) == 1
    assert words.format(**names) in str(plan.steps[0])
    assert outcome.exit_code == 0
    assert people.plan("postgres").is_clean


def test_a_role_with_too_many_rights_is_reported(people: Lab) -> None:
    user = people.endpoints.need("postgres_replication_user")
    people.sql(f"ALTER ROLE {user} CREATEDB")
    try:
        assert "may do more than replication needs: CREATEDB" in messages(people.plan("postgres"))
    finally:
        people.sql(f"ALTER ROLE {user} NOCREATEDB")


def test_a_publication_of_all_tables_is_left_to_its_owner(people: Lab) -> None:
    people.sql(f"DROP PUBLICATION {people.prefix}")
    people.sql(f"CREATE PUBLICATION {people.prefix} FOR ALL TABLES")

    plan = people.plan("postgres")

    assert "POSTGRES_PUBLICATION_LISTS" in messages(plan)
    assert not plan.steps


def test_what_the_credentials_do_not_allow_is_handed_over_as_sql(people: Lab) -> None:
    guest = f"{people.prefix}_guest"
    people.sql(f"CREATE ROLE {guest} LOGIN PASSWORD 'guest'")
    people.sql(f"GRANT USAGE ON SCHEMA {people.prefix} TO {guest}")
    people.sql("ALTER TABLE people REPLICA IDENTITY DEFAULT")
    dsn = make_conninfo(people.endpoints.need("postgres_dsn"), user=guest, password="guest")
    mine = people.endpoints
    people.endpoints = mine.model_copy(update={"postgres_dsn": dsn})
    try:
        (outcome,) = people.apply("postgres")
    finally:
        people.endpoints = mine
        people.sql(f"DROP OWNED BY {guest}; DROP ROLE {guest}")

    assert isinstance(outcome.error, ServiceUnavailable)
    assert "must be owner of table people" in str(outcome.error)
    assert f'ALTER TABLE "{people.prefix}"."people" REPLICA IDENTITY FULL;' in str(outcome.error)
    assert "owner" in outcome.error.hint
    assert outcome.exit_code == 2


def test_a_table_that_nobody_makes_is_named(lab: Lab) -> None:
    lab.contract("people", FIELDS, KEY)

    plan = lab.plan("postgres")

    assert f"{lab.prefix}.people: does not exist, and the contract people reads it" in messages(
        plan
    )
    assert "people" not in " ".join(step.detail for step in plan.steps)


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ("(name text, team text NOT NULL, UNIQUE (name))", "column name of {p}.people takes NULL"),
        ("(name text NOT NULL, team text NOT NULL)", "nothing keeps the key (name)"),
    ],
)
def test_a_key_that_is_none_is_reported(lab: Lab, definition: str, words: str) -> None:
    lab.sql(f"CREATE TABLE people {definition}")
    lab.contract("people", FIELDS, KEY)

    assert words.format(p=lab.prefix) in messages(lab.plan("postgres"))


def test_a_server_that_is_away_says_where_it_was_sought(lab: Lab) -> None:
    lab.contract("people", FIELDS, KEY)
    dsn = "postgresql://postgres:hidden@127.0.0.1:1/db"
    mine = lab.endpoints
    lab.endpoints = mine.model_copy(update={"postgres_dsn": dsn})

    (outcome,) = lab.apply("postgres")
    lab.endpoints = mine

    assert outcome.error is not None
    assert "PostgreSQL at 127.0.0.1:1/db" in str(outcome.error)
    assert "hidden" not in str(outcome.error)


def test_a_table_with_stored_generated_columns_stays_writable(lab: Lab) -> None:
    generated = "twice int GENERATED ALWAYS AS (length(team) * 2) STORED"
    lab.sql(f"CREATE TABLE people (name text PRIMARY KEY, team text NOT NULL, {generated})")
    lab.sql("INSERT INTO people VALUES ('Ivan', 'Python')")
    lab.contract("people", FIELDS, KEY)
    lab.bring_up()

    lab.sql("UPDATE people SET team = 'Java'")

    records = lab.wait_for_records("people", 2)
    assert [record.row for record in records] == [
        {"name": "Ivan", "team": "Python"},
        {"name": "Ivan", "team": "Java"},
    ]


@pytest.mark.parametrize(
    ("made", "name"),
    [
        ("CREATE TYPE size AS ENUM ('s', 'm'); CREATE DOMAIN parcel AS size", "public.parcel"),
        ("CREATE TYPE nothing AS ENUM ()", "public.nothing"),
        ("CREATE TYPE size AS ENUM ('s', 'm'); CREATE DOMAIN short AS text", ""),
    ],
)
def test_types_beside_which_no_connector_starts(
    stack: RunningStack, new_database: Endpoints, made: str, name: str
) -> None:
    with psycopg.connect(new_database.need("postgres_dsn")) as connection:
        connection.execute(made.encode())
    contracts = load_contracts(stack.project)

    plan = open_target("postgres", stack.project, contracts, new_database).plan()

    found = [one.subject for one in plan.findings if one.rule == "POSTGRES_TYPES_READ"]
    assert found == ([f"type {name}"] if name else [])


@pytest.mark.parametrize(
    ("kind", "clause", "why"),
    [("UNLOGGED", "", "is unlogged"), ("", "PARTITION BY LIST (name)", "is partitioned")],
)
def test_a_table_that_is_not_published_is_refused_and_keeps_nothing_else_back(
    lab: Lab, kind: str, clause: str, why: str
) -> None:
    lab.sql(f"CREATE {kind} TABLE people (name text PRIMARY KEY, team text NOT NULL) {clause}")
    lab.sql("CREATE TABLE others (name text PRIMARY KEY, team text NOT NULL)")
    lab.contract("people", FIELDS, KEY)
    lab.contract("others", FIELDS, KEY)

    plan = lab.plan("postgres")
    lab.apply("postgres")

    assert why in messages(plan)
    assert any("publication" in step.subject for step in plan.steps)
    assert not lab.plan("postgres").steps


def test_a_table_with_virtual_generated_columns_is_refused_and_stays_writable(lab: Lab) -> None:
    generated = "twice int GENERATED ALWAYS AS (length(team) * 2) VIRTUAL"
    lab.sql(f"CREATE TABLE people (name text PRIMARY KEY, team text NOT NULL, {generated})")
    lab.sql("INSERT INTO people VALUES ('Ivan', 'Python')")
    lab.contract("people", FIELDS, KEY)

    plan = lab.plan("postgres")
    lab.apply("postgres")

    assert "has virtual generated columns" in messages(plan)
    lab.sql("UPDATE people SET team = 'Java'")

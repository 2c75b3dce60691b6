"""The connector's configuration follows from the contracts."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from contractline.contracts.load import load_contracts
from contractline.contracts.model import Contract
from contractline.debezium import config
from contractline.debezium.config import HEARTBEAT_TABLE, SIGNAL_TABLE, render
from contractline.errors import ContractsInvalid
from contractline.project import Project

PROJECT = Project(Path(__file__).parents[3])
TEMPLATE = json.loads((PROJECT.connectors / "postgres.json").read_text())


@pytest.fixture(scope="module")
def contracts() -> list[Contract]:
    """Those that this repository began with: a stream that is added changes the lists."""
    system = {folder.name for folder in (PROJECT.contracts / "system").iterdir()}
    own = {"commits", "github_users", "github_identities", *system}
    return [one for one in load_contracts(PROJECT) if one.name in own]


def changed(contracts: Sequence[Contract], name: str, **source: Any) -> list[Contract]:
    """Return the contracts with another source of one of them."""
    return [with_source(one, **source) if one.name == name else one for one in contracts]


def with_source(contract: Contract, **source: Any) -> Contract:
    new = contract.source.model_copy(update=source)
    return replace(contract, pipeline=contract.pipeline.model_copy(update={"source": new}))


def column_patterns(config: dict[str, str]) -> list[str]:
    return config["column.include.list"].split(",")


def is_included(config: dict[str, str], column: str) -> bool:
    return any(re.fullmatch(pattern, column) for pattern in column_patterns(config))


def test_the_repository_s_connector(contracts: list[Contract]) -> None:
    config = render("postgres", TEMPLATE, contracts)

    assert config == TEMPLATE | {
        "table.include.list": r"public\.github_identities,public\.github_users",
        "column.include.list": (
            r"public\.github_identities\.(kind|identity|user_name|updated_at|verified),"
            r"public\.github_users\.(user_name|position|team|birth_date|updated_at|valid_from),"
            r"public\.debezium_signal\..*"
        ),
        "message.key.columns": (
            r"public\.github_identities:kind,identity;public\.github_users:user_name"
        ),
        "poll.interval.ms": "50",
        "max.batch.size": "2000",
        "max.queue.size": "8000",
        "topic.heartbeat.prefix": "__debezium-heartbeat",
        "predicates.signal.pattern": r"postgres\.public\.debezium_signal",
        "snapshot.select.statement.overrides": "public.github_users",
        "snapshot.select.statement.overrides.public.github_users": (
            'SELECT "user_name", "position", "team", "birth_date"::text AS "birth_date",'
            ' "updated_at", "valid_from"::text AS "valid_from" FROM "public"."github_users"'
        ),
    }


def test_the_template_is_strict_and_holds_no_secret() -> None:
    for side in ("key", "value"):
        assert TEMPLATE[f"{side}.converter"] == "io.confluent.connect.avro.AvroConverter"
        assert TEMPLATE[f"{side}.converter.auto.register.schemas"] == "false"
        assert TEMPLATE[f"{side}.converter.connect.meta.data"] == "false"
        assert f"{side}.converter.use.latest.version" not in TEMPLATE
    assert TEMPLATE["errors.tolerance"] == "none"
    assert TEMPLATE["publication.autocreate.mode"] == "disabled"
    for key in ("database.hostname", "database.user", "database.password"):
        assert re.fullmatch(r"\$\{env:[A-Z_]+\}", TEMPLATE[key])


def test_the_template_and_the_sql_name_the_same_tables() -> None:
    assert HEARTBEAT_TABLE in TEMPLATE["heartbeat.action.query"]
    assert TEMPLATE["signal.data.collection"] == SIGNAL_TABLE
    created = {path.read_text().partition("\n")[0] for path in PROJECT.postgres_sql.glob("*.sql")}
    for table in (HEARTBEAT_TABLE, SIGNAL_TABLE):
        assert f"-- creates: table {table}" in created


def test_report_lists_the_contracted_columns(contracts: list[Contract]) -> None:
    config = render("postgres", TEMPLATE, contracts)

    assert is_included(config, "public.github_users.team")
    assert not is_included(config, "public.github_users.level")
    assert not is_included(config, "public.github_users.teams")
    assert not is_included(config, "publicxgithub_users.team")


def test_stop_lets_every_column_of_that_table_in(contracts: list[Contract]) -> None:
    stopped = changed(contracts, "github_users", uncontracted_columns="stop")
    config = render("postgres", TEMPLATE, stopped)

    assert is_included(config, "public.github_users.level")
    assert not is_included(config, "public.github_identities.level")


def test_the_working_schema_does_not_count(contracts: list[Contract]) -> None:
    (users,) = (one for one in contracts if one.name == "github_users")
    (commits,) = (one for one in contracts if one.name == "commits")
    ahead = [replace(one, value=commits.value) if one is users else one for one in contracts]

    assert render("postgres", TEMPLATE, ahead) == render("postgres", TEMPLATE, contracts)


@pytest.mark.parametrize(
    ("latency", "poll", "batch", "queue"),
    [(1, "10", "512", "2048"), (300, "50", "2000", "8000"), (600, "100", "4000", "16000"),
     (60_000, "500", "8192", "32768")],
)  # fmt: skip
def test_the_pace_follows_the_promised_latency(
    latency: int, poll: str, batch: str, queue: str
) -> None:
    assert config._pace(timedelta(milliseconds=latency)) == {
        "poll.interval.ms": poll,
        "max.batch.size": batch,
        "max.queue.size": queue,
    }


def test_signs_of_regular_expressions_in_names_mean_themselves(contracts: list[Contract]) -> None:
    odd = changed(contracts, "github_users", table="public.a$b")
    prefixed = [
        replace(
            one,
            pipeline=one.pipeline.model_copy(
                update={"topic": one.topic.model_copy(update={"name": "postgres.public.a$b"})}
            ),
        )
        if one.name == "github_users"
        else one
        for one in odd
    ]

    tables = render("postgres", TEMPLATE, prefixed)["table.include.list"].split(",")

    assert r"public\.a\$b" in tables


def test_a_topic_that_debezium_does_not_write_is_a_mistake(contracts: list[Contract]) -> None:
    moved = changed(contracts, "github_users", table="public.people")

    with pytest.raises(ContractsInvalid, match=r"to the topic postgres\.public\.people"):
        render("postgres", TEMPLATE, moved)


def test_heartbeats_need_a_contract(contracts: list[Contract]) -> None:
    silent = [one for one in contracts if one.name != "heartbeat"]

    with pytest.raises(ContractsInvalid, match="needs a contract for its heartbeats"):
        render("postgres", TEMPLATE, silent)


def test_a_connector_without_contracts_is_a_mistake(contracts: list[Contract]) -> None:
    with pytest.raises(ContractsInvalid, match="no contract names this connector"):
        render("nobody", TEMPLATE, contracts)


def test_the_converter_is_told_which_tables_values_become_null(contracts: list[Contract]) -> None:
    both = changed(contracts, "github_users", unrepresentable_values="nullify")
    assert "exact.nullify" not in render("postgres", TEMPLATE, contracts)
    assert render("postgres", TEMPLATE, both)["exact.nullify"] == r"public\.github_users"

    both = changed(both, "github_identities", unrepresentable_values="nullify")
    told = render("postgres", TEMPLATE, both)["exact.nullify"]
    assert told == r"public\.github_identities|public\.github_users"


def test_values_become_null_only_through_the_converter(contracts: list[Contract]) -> None:
    nullify = changed(contracts, "github_users", unrepresentable_values="nullify")
    without = {name: value for name, value in TEMPLATE.items() if name != "converters"}

    with pytest.raises(ContractsInvalid, match="1 mistake"):
        render("postgres", without, nullify)


def test_a_table_leaves_a_connector_and_the_others_stay_as_they_are() -> None:
    given = TEMPLATE | {
        "table.include.list": r"shop\.orders,shop\.orders_old,shop\.items",
        "column.include.list": r"shop\.orders\.(id|name),shop\.orders_old\.(id),shop\.items\..*",
        "message.key.columns": r"shop\.orders:id,name;shop\.orders_old:id",
        "exact.nullify": r"shop\.orders|shop\.items",
        "exact.labels": r"shop\.orders\.moods|shop\.items\.kinds",
        "snapshot.select.statement.overrides": "shop.orders,shop.orders_old",
        "snapshot.select.statement.overrides.shop.orders": "SELECT 1",
        "snapshot.select.statement.overrides.shop.orders_old": "SELECT 2",
        "max.batch.size": "7",
    }
    left = [c for c in load_contracts(PROJECT) if c.name in {"github_users", "heartbeat"}]

    assert config.is_read(given, "shop.orders")
    assert not config.is_read(given, "shop.order")
    without = config.without_table("postgres", given, "shop.orders", left)

    queries = "snapshot.select.statement.overrides"
    assert given.keys() - without.keys() == {f"{queries}.shop.orders"}
    assert {key for key in without if without[key] != given.get(key)} == {
        *("table.include.list", "column.include.list", "message.key.columns", "exact.nullify"),
        *("exact.labels", queries),
        *("max.batch.size", "max.queue.size", "poll.interval.ms"),
    }
    assert without["table.include.list"] == r"shop\.orders_old,shop\.items"
    assert without["column.include.list"] == r"shop\.orders_old\.(id),shop\.items\..*"
    assert without["message.key.columns"] == r"shop\.orders_old:id"
    assert without["exact.nullify"] == r"shop\.items"
    assert without["exact.labels"] == r"shop\.items\.kinds"
    assert without[queries] == "shop.orders_old"
    pace = render("postgres", TEMPLATE, left)
    assert without["max.batch.size"] == pace["max.batch.size"]
    only = config.without_table("postgres", given, "shop.items", left)
    assert only["message.key.columns"] == given["message.key.columns"]
    assert "shop" not in config.without_table("postgres", without, "shop.orders_old", left).get(
        "message.key.columns", ""
    )


def test_a_first_snapshot_reads_dates_as_text(contracts: list[Contract]) -> None:
    config = render("postgres", TEMPLATE, contracts)
    key = "snapshot.select.statement.overrides"

    assert config[key] == "public.github_users"
    assert '"birth_date"::text AS "birth_date"' in config[f"{key}.public.github_users"]
    assert config[f"{key}.public.github_users"].startswith('SELECT "user_name", ')

    whole = changed(contracts, "github_users", uncontracted_columns="stop")
    assert render("postgres", TEMPLATE, whole)[f"{key}.public.github_users"] == (
        'SELECT *, "birth_date"::text AS "birth_date", "valid_from"::text AS "valid_from"'
        ' FROM "public"."github_users"'
    )
    without = {name: value for name, value in TEMPLATE.items() if name != "converters"}
    assert key not in render("postgres", without, contracts)

"""``contractline retire``: said first, then done; the systems and the checkout agree afterwards."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import httpx
import pytest

from contractline.targets.topics import Cluster
from tests.integration.streams.conftest import Shop
from tests.integration.targets.lab import until

pytestmark = pytest.mark.timeout(600)


def git(shop: Shop, *words: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    subprocess.run(["git", "-C", str(shop.lab.root), *who, *words], check=True)


def new_table(shop: Shop, table: str) -> str:
    shop.lab.sql(f"CREATE TABLE {table} (id int PRIMARY KEY, name text)")
    shop.lab.sql(f"INSERT INTO {table} VALUES (1, 'Ada'), (2, 'Bob')")
    name = f"{shop.lab.prefix}_{table}"
    shop.expect(
        *("new", "stream", name, "--from", f"postgres:{shop.lab.prefix}.{table}"),
        *("--owner", "sales", "--database", f"{shop.database}"),
    )
    return name


def subjects(shop: Shop) -> set[str]:
    listed = httpx.get(f"{shop.lab.endpoints.schema_registry_url}/subjects").json()
    return {name for name in listed if shop.lab.prefix in name}


def topics(shop: Shop) -> set[str]:
    return {name for name in Cluster(shop.lab.endpoints).names() if shop.lab.prefix in name}


def tables(shop: Shop) -> set[object]:
    asked = (
        f"SELECT database || '.' || name FROM system.tables WHERE name LIKE '{shop.lab.prefix}%'"
    )
    return {name for (name,) in shop.rows(asked)}


def test_a_captured_stream(shop: Shop) -> None:
    lab = shop.lab
    gone, stays = new_table(shop, "orders"), new_table(shop, "items")
    shop.expect("apply")
    until(lambda: len(shop.rows(f"SELECT * FROM {shop.database}.{gone} FINAL")) == 2, "rows")
    git(shop, "config", "user.name", "Ada")
    git(shop, "add", "-A")
    git(shop, "commit", "-qm", "Orders and items")
    git(shop, "branch", "-M", "main")
    git(shop, "switch", "-qc", "without-orders")
    before = tables(shop), topics(shop), subjects(shop), lab.connect("GET", "/connectors")
    everything = ("--tables", "drop", "--topic", "delete")

    code, said = shop.contractline("retire", gone, *everything)

    assert code == 1
    for words in (
        f"read {lab.prefix}.orders no more; it restarts",
        f"publication {lab.prefix}: drop {lab.prefix}.orders",
        "TRUNCATE publishes no deletes any more",
        "replica identity default again",
        f"may not read {lab.prefix}.orders any more",
        f"remove ingestion.{gone}_queue: read {lab.topic('orders')} no more",
        f"remove {shop.database}.{gone}: drop it with its 2 rows",
        f"remove {lab.topic('orders')}: delete it with all its messages",
        f"remove {lab.topic('orders')}-value: delete it with its 1 version",
        f"move contracts/{gone} to retired/{gone}",
        f"move clickhouse_ddl/streams/{gone}.sql to retired/{gone}",
        "move connect/postgres/070_orders.sql",
        "write connect/captured/capture.json without it",
        "nothing was changed; `--yes` does it",
    ):
        assert words in said, said
    after = tables(shop), topics(shop), subjects(shop), lab.connect("GET", "/connectors")
    assert after == before
    assert (lab.root / "contracts" / gone).is_dir()

    said = shop.expect("retire", gone, *everything, "--yes")

    assert f"{gone} is retired" in said
    assert tables(shop) == {name for name in before[0] if gone not in str(name)}
    assert topics(shop) == before[1] - {lab.topic("orders")}
    assert subjects(shop) == {s for s in before[2] if not s.startswith(f"{lab.topic('orders')}-")}
    # Other tests' tables and connectors may stand beside it: findings, but none of this stream's.
    for command in ("plan", "apply"):
        targets = json.loads(shop.expect(command, "--json"))["targets"]
        assert [target["steps"] for target in targets] == [[]] * 5
        assert gone not in json.dumps([target["findings"] for target in targets])
    said = shop.expect("check")
    assert "CONTRACT_KEPT" in said
    assert not (lab.root / "contracts" / gone / "contract.odcs.yaml").exists()
    assert (lab.root / "retired" / gone / "contracts" / gone / "value.avsc").is_file()
    # The connector goes on with the others, and the table is its owner's alone.
    lab.sql("INSERT INTO items VALUES (3, 'Cy')")
    lab.sql("INSERT INTO orders VALUES (3, 'Cy'); TRUNCATE orders")
    until(lambda: len(shop.rows(f"SELECT * FROM {shop.database}.{stays} FINAL")) == 3, "items")
    assert lab.task_state() == "RUNNING"
    assert "equal at" in shop.expect("verify", stays)


def test_a_stream_of_a_producer_whose_data_stay(shop: Shop, tmp_path: Path) -> None:
    name = f"{shop.lab.prefix}_clicks"
    shop.lab.contract("people", [{"name": "id", "type": "int"}], [{"name": "id", "type": "int"}])
    shop.lab.sql("CREATE TABLE people (id int PRIMARY KEY)")
    records = tmp_path / "clicks.jsonl"
    records.write_text("".join(f"{json.dumps({'id': n, 'page': 'x'})}\n" for n in range(3)))
    shop.expect(
        *("new", "stream", name, "--from", str(records), "--key", "id"),
        *("--owner", "web", "--database", shop.database),
    )
    shop.expect("apply")
    shop.expect("produce", name, str(records))
    rows = f"SELECT count() FROM {shop.database}.{name} FINAL"
    until(lambda: shop.rows(rows) == [(3,)], "rows")
    git(shop, "config", "user.name", "Ada")
    code, said = shop.contractline("retire", name, "--subjects", "delete", "--yes")
    assert code == 2
    assert "the messages in the topic need them" in said

    said = shop.expect("retire", name, "--yes")

    assert f"RETIRED_KEPT {shop.database}.{name}: stays, with its 3 rows" in said
    assert f"RETIRED_KEPT {name}: stays (3 messages were ever written into it)" in said
    assert shop.rows(rows) == [(3,)]
    assert tables(shop) == {f"{shop.database}.{name}"}
    assert not (shop.lab.root / "contracts" / name).exists()
    said = shop.expect("plan")
    assert f"TOPIC_DECLARED {name}: no contract declares it, and ClickHouse read it" in said
    assert f"SUBJECT_DECLARED {name}-value: no contract declares its topic" in said
    code, said = shop.contractline("retire", name)
    assert code == 2
    assert f"there is no contract `{name}`" in said


def test_a_stream_with_a_connector_of_its_own_comes_and_goes_with_it(shop: Shop) -> None:
    lab, shared = shop.lab, new_table(shop, "items")
    new_table(shop, "orders")
    name = f"{lab.prefix}_own"
    shop.expect(
        *("new", "stream", name, "--from", f"postgres:{lab.prefix}.items", "--own-connector"),
        *("--owner", "sales", "--database", shop.database),
    )
    captured = {file.name for file in (lab.root / "connect" / "captured").glob(f"*{lab.prefix}*")}
    assert f"{name}.{lab.prefix}.items-value.avsc" in captured
    assert f"{name}.{lab.prefix}.orders-value.avsc" not in captured
    shop.expect("check", "contracts")
    shop.expect("apply")
    rows = f"SELECT name FROM {shop.database}.{name} FINAL ORDER BY id"
    until(lambda: shop.rows(rows) == [("Ada",), ("Bob",)], "the rows")
    # What stops the other connector does not stop this one's table.
    lab.sql("ALTER TABLE orders DROP COLUMN name; UPDATE orders SET id = id + 10")
    until(lambda: lab.task_state() == "FAILED", "the shared connector's task fails")
    lab.sql("INSERT INTO items VALUES (3, 'Cy')")
    until(lambda: shop.rows(rows)[2:] == [("Cy",)], "the row that was inserted")
    assert shop.rows(f"SELECT count() FROM {shop.database}.{shared} FINAL") == [(2,)]
    git(shop, "config", "user.name", "Ada")
    everything = ("--tables", "drop", "--topic", "delete")

    code, said = shop.contractline("retire", name, *everything)

    assert code == 1
    for words in (
        f"remove {name}: delete it; it reads no other table",
        f"remove contractline_{name}: drop the replication slot, which keeps",
        f"publication {name}_publication: drop it; no other table is in it",
        f"remove __debezium-heartbeat.{name}: delete it with all its messages",
        f"move connect/connectors/{name}.json",
        f"move contracts/system/heartbeat_{name}",
    ):
        assert words in said, said
    # The other stream of the table needs it as it is.
    for words in ("TRUNCATE publishes", "replica identity default", "may not read"):
        assert words not in said

    shop.expect("retire", name, *everything, "--yes")

    assert name not in lab.connect("GET", "/connectors")
    assert not {one for one in topics(shop) if name in one}
    assert not {one for one in subjects(shop) if name in one}
    slots = lab.sql(f"SELECT 1 FROM pg_replication_slots WHERE slot_name = 'contractline_{name}'")
    assert slots == []
    published = lab.sql(f"SELECT 1 FROM pg_publication WHERE pubname = '{name}_publication'")
    assert published == []
    assert not (lab.root / "connect" / "connectors" / f"{name}.json").exists()
    assert not (lab.root / "contracts" / "system" / f"heartbeat_{name}").exists()
    shop.expect("check", "contracts")


def test_the_last_table_of_the_only_connector_is_refused(shop: Shop) -> None:
    name = new_table(shop, "orders")
    git(shop, "config", "user.name", "Ada")

    code, said = shop.contractline("retire", name)

    assert code == 2
    assert f"{name} is the last table that the connector {shop.lab.prefix} reads" in said

"""Rows that ClickHouse has lost come again by one command, while their table changes."""

from __future__ import annotations

import pytest

from contractline.cli import run
from tests.integration.targets.lab import Lab, until
from tests.integration.targets.test_verify import compared

KEY = [{"name": "id", "type": "int"}]
FIELDS = [*KEY, {"name": "name", "type": "string"}]


@pytest.fixture
def shop(lab: Lab, services: None) -> Lab:
    lab.sql("CREATE TABLE orders (id integer PRIMARY KEY, name text NOT NULL)")
    lab.sql("INSERT INTO orders SELECT n, 'order ' || n FROM generate_series(1, 5000) n")
    lab.contract("orders", FIELDS, KEY, has_sink=True)
    lab.bring_up_with_tables()
    return lab


def asked(shop: Lab, capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    capsys.readouterr()
    code = run(["--project", str(shop.root), "resnapshot", f"{shop.prefix}_orders"])
    captured = capsys.readouterr()
    return code, captured.out + captured.err


def test_lost_rows_come_again(shop: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    shop.run(f"DELETE FROM {shop.prefix}.orders WHERE id % 7 = 0")
    assert compared(shop, "orders").result.missing == 714
    shop.sql("UPDATE orders SET name = 'changed' WHERE id = 14")

    code, said = asked(shop, capsys)

    assert code == 0, said
    assert "being read: part 1 of 1" in said
    assert "compared with ClickHouse at" in said
    assert compared(shop, "orders").result.is_equal
    rows = shop.query(
        f"SELECT name FROM {shop.prefix}.orders FINAL WHERE id IN (7, 14) ORDER BY id"
    )
    assert [name for (name,) in rows] == ["order 7", "changed"]


def test_a_connector_that_does_not_run_is_told_at_once(
    shop: Lab, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.connect("PUT", f"/connectors/{shop.prefix}/stop")
    until(lambda: shop.task_state() == "NONE", "the task to end")
    code, said = asked(shop, capsys)
    assert (code, "the connector does not run" in said) == (2, True), said


def test_a_name_that_is_no_captured_table(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    code = run(["--project", str(lab.root), "resnapshot", "nothing"])
    assert (code, "is called nothing" in capsys.readouterr().err) == (2, True)

"""How long changes of a table took to arrive in ClickHouse."""

from __future__ import annotations

from tests.integration.targets.lab import Lab, until

KEY = [{"name": "id", "type": "int"}]


def test_what_a_snapshot_read_is_not_counted(lab: Lab) -> None:
    lab.sql("CREATE TABLE people (id integer PRIMARY KEY)")
    lab.sql("INSERT INTO people SELECT generate_series(1, 5)")
    lab.contract("people", KEY, KEY, has_sink=True)
    lab.bring_up_with_tables()

    lab.sql("INSERT INTO people VALUES (6), (7)")
    lab.sql("DELETE FROM people WHERE id = 1")

    rows = f"SELECT count() FROM {lab.prefix}.people FINAL"
    until(lambda: lab.query(rows)[0][0] == 6, "the changes to arrive")
    ((messages, promised, slowest),) = lab.query(
        "SELECT sum(messages), max(promised_ms),"
        " quantilesTDigestMerge(0.5, 0.95, 0.99)(delays)[3] / 1000"
        f" FROM ingestion.arrivals WHERE stream = '{lab.prefix}_people'"
    )
    assert (messages, promised) == (3, 300)
    assert 0 < slowest < 60

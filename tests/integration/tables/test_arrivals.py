"""How many records arrived in each minute, and how long they took."""

from __future__ import annotations

import time

from tests.integration.tables.lab import Lab, Row, commit


def arrived(lab: Lab, stream: str) -> Row:
    (row,) = lab.rows(
        "SELECT sum(messages), sum(late), max(promised_ms),"
        " quantilesTDigestMerge(0.5, 0.95, 0.99)(delays)[3] / 1000"
        f" FROM ingestion.arrivals WHERE stream = '{stream}'"
    )
    return row


def test_a_record_is_late_when_it_took_longer_than_promised(lab: Lab) -> None:
    contract = lab.stream("commits")
    lab.apply()
    table, topic = f"{lab.prefix}.commits", contract.topic.name
    assert contract.latency.total_seconds() == 0.6
    # The queue has to be read before a record is in time.
    lab.send("commits", [lab.frame("commits", commit(0))])
    lab.wait_for(f"SELECT count() FROM {table} FINAL", 1)
    first, late, *_ = arrived(lab, contract.name)

    old = round((time.time() - 100) * 1000)
    for number in (1, 2):
        value = lab.frame("commits", commit(number))
        lab.producer.produce(topic, value, b"key", timestamp=old)
    lab.send("commits", [b"no record", lab.frame("commits", commit(3))])
    lab.wait_for(f"SELECT count() FROM {table} FINAL", 4)

    messages, late_now, promised, slowest = arrived(lab, contract.name)
    assert (messages - first, promised) == (3, 600)
    assert late_now - late in (2, 3)  # a busy machine may be late with the last one too
    assert 100 <= slowest < 160

"""Topics that were made anew under rows that rank by their offset: new records stay hidden there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from contractline.clickhouse.ddl import own_column
from contractline.clickhouse.sql import identifier, qualified
from contractline.clients.clickhouse import Warehouse
from contractline.contracts.model import ClickHouseSink, Contract, PostgresSource
from contractline.errors import ServiceUnavailable
from contractline.finding import Finding
from contractline.settings import Endpoints
from contractline.targets.differences import refused
from contractline.targets.topics import Cluster


def renewed_topics(
    contracts: Sequence[Contract],
    endpoints: Endpoints,
    warehouse: Warehouse,
    tables: Collection[str],
) -> Iterator[Finding]:
    """Tell of each such topic that ends before an offset by which a row ranks.

    Kafka that does not answer is the target ``topics``' to tell.

    Args:
        contracts: all contracts.
        endpoints: where the services are.
        warehouse: ClickHouse.
        tables: the tables that exist there, as ``database.name``.

    Raises:
        ServiceUnavailable: ClickHouse did not answer, or refused.
    """
    ranked = [(one, one.sink) for one in contracts if one.sink and _ranks_by_offset(one, one.sink)]
    if not ranked or not endpoints.kafka_bootstrap_servers:
        return
    cluster = Cluster(endpoints)
    try:
        live = cluster.topics([contract.topic.name for contract, _ in ranked])
        ends = {name: cluster.ends(name, topic.partitions) for name, topic in live.items()}
    except ServiceUnavailable:
        return
    for contract, sink in ranked:
        end_of = ends.get(contract.topic.name, {})
        if sink.current in tables and end_of:
            for partition, newest in _newest(warehouse, contract, sink):
                if newest >= (end := end_of.get(partition, 0)):
                    yield _renewed(
                        contract, sink, f"offset {newest:,}", f"{partition} ends at {end:,}"
                    )


def _ranks_by_offset(contract: Contract, sink: ClickHouseSink) -> bool:
    return sink.version is None and not isinstance(contract.source, PostgresSource)


def _newest(
    warehouse: Warehouse, contract: Contract, sink: ClickHouseSink
) -> Iterator[tuple[int, int]]:
    """Yield the highest offset by which a row of each partition ranks; rows of before rank as 0."""
    version = identifier(own_column(contract, "version"))
    partition = identifier(own_column(contract, "_partition"))
    table = qualified(sink.current)
    query = f"SELECT {partition}, max({version}) FROM {table} GROUP BY 1 ORDER BY 1"  # noqa: S608
    for number, newest in warehouse.rows(query):
        if newest:
            yield int(number), int(newest)


def _renewed(contract: Contract, sink: ClickHouseSink, newest: str, end: str) -> Finding:
    return refused(
        "TOPIC_CONTINUES",
        sink.current,
        f"holds a row that ranks by {newest}, but partition {end} in {contract.topic.name}: the"
        " topic was made anew, and new records of rows that are there stay hidden behind the old",
        "let the rows of before count as the oldest and read the topic again: docs/clickhouse.md,"
        ' "Which record wins"',
    )

"""Compares the table of a stream in PostgreSQL with its rows in ClickHouse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from contractline.clickhouse.ddl import consumer_group, own_column, stream_columns
from contractline.clickhouse.sql import identifier as sink_identifier
from contractline.clients.clickhouse import Warehouse
from contractline.clients.connect import Connect
from contractline.contracts.model import ClickHouseSink
from contractline.debezium.config import CapturedStream
from contractline.debezium.source import Database, Table
from contractline.errors import ContractlineError, ServiceUnavailable
from contractline.kafka.lag import group_position
from contractline.settings import Endpoints
from contractline.verify.compare import PATIENCE_SECONDS, Result, compare
from contractline.verify.sides import Columns, HistorySide, Sink, SourceSide
from contractline.verify.texts import TextPair, pair


class NothingToCompare(ContractlineError):
    """When a stream has no table on one of the two sides, or its key can't be compared."""

    def __init__(self, stream: str, problem: str, hint: str = "") -> None:
        self.stream = stream
        super().__init__(f"{stream} can't be compared: {problem}", hint=hint)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a comparison of a stream came to.

    Attributes:
        result: of the columns that were compared.
        left_out: the columns that were not, with their type.
    """

    result: Result
    left_out: tuple[str, ...]


class Comparer:
    """Compares streams, one after another.

    Args:
        endpoints: where the services are.
        database: the source database.
        warehouse: ClickHouse.
        connect: Kafka Connect.
    """

    def __init__(
        self, endpoints: Endpoints, database: Database, warehouse: Warehouse, connect: Connect
    ) -> None:
        self._servers = endpoints.need("kafka_bootstrap_servers")
        self._database = database
        self._warehouse = warehouse
        self._connect = connect

    def compare(
        self, stream: CapturedStream, *, patience_seconds: float = PATIENCE_SECONDS
    ) -> Comparison:
        """Compare a stream.

        Raises:
            NothingToCompare: it has no table on one side, or its key can't be compared.
            ServiceUnavailable: a service did not answer.
        """
        contract, name = stream.contract, stream.source.table
        if contract.sink is None:
            raise NothingToCompare(contract.name, "its contract has no section `clickhouse`")
        table = self._database.tables([name]).get(name)
        if table is None:
            raise NothingToCompare(contract.name, f"PostgreSQL has no table {name}")
        columns, left_out = _columns(self._database, stream, table)
        result = compare(
            SourceSide(self._database.connection, name, columns),
            Sink(self._warehouse, contract.sink.current, columns, _history(stream, contract.sink)),
            _Arrivals(stream, self._servers, self._database, self._connect).lacking,
            patience_seconds=patience_seconds,
        )
        return Comparison(result, left_out)


class _Arrivals:
    """Tells what of a stream has arrived in ClickHouse.

    Once the connector has read up to a position of the log, the topic holds everything up to it; so it
    is enough that ClickHouse reads as far as the topic went then, whatever is written later.
    """

    def __init__(
        self, stream: CapturedStream, servers: str, database: Database, connect: Connect
    ) -> None:
        self._stream = stream
        self._servers = servers
        self._database = database
        self._connect = connect
        self._ends: dict[int, Mapping[int, int]] = {}

    def lacking(self, at: int) -> str:
        """Tell what has not arrived yet of the log up to a position; empty for nothing."""
        if at not in self._ends and (problem := self._unread(at)):
            return problem
        behind = self._behind(at)
        return f"ClickHouse is {behind:,} records of the topic behind" if behind else ""

    def _unread(self, at: int) -> str:
        """Tell why the connector has not read up to a position; empty where it has."""
        source = self._stream.source
        try:
            connector = self._connect.connectors().get(source.connector)
        except ServiceUnavailable as problem:
            return str(problem)
        if connector is None:
            return f"the connector {source.connector} does not exist"
        read = self._database.read_up_to(connector.slot)
        if read is None:
            return f"the replication slot {connector.slot} does not exist"
        if read < at:
            states = ", ".join(sorted({task.state for task in connector.tasks})) or "no task"
            return f"the connector {connector.name} ({states}) is {at - read:,} bytes of log behind"
        return ""

    def _behind(self, at: int) -> int:
        """Return how many records ClickHouse's consumer group has not read of what the topic held."""
        contract = self._stream.contract
        position = group_position(
            self._servers,
            contract.topic.name,
            consumer_group(contract.name),
            range(contract.topic.partitions),
        )
        return position.behind(self._ends.setdefault(at, position.ends))


def _columns(
    database: Database, stream: CapturedStream, table: Table
) -> tuple[Columns, tuple[str, ...]]:
    key = stream.contract.key_fields
    pairs: dict[str, TextPair] = {}
    left_out = []
    of_field = {column.field: column for column in stream_columns(stream.contract)}
    for live in table.columns:
        if live.name not in stream.columns:
            continue
        column = of_field.get((live.name,))
        quoted = sql.Identifier(live.name).as_string(database.connection)
        found = column and pair(column, live, quoted, sink_identifier(column.name))
        if found:
            pairs[live.name] = found
        else:
            left_out.append(f"{live.name} ({live.type})")
    lacking = [name for name in key or stream.columns if name not in pairs]
    if lacking:
        raise NothingToCompare(
            stream.contract.name, f"the texts of {', '.join(lacking)} differ between the two sides"
        )
    names = key or tuple(pairs)
    others = tuple(found for name, found in pairs.items() if name not in names)
    return Columns(tuple(pairs[name] for name in names), others), tuple(left_out)


def _history(stream: CapturedStream, sink: ClickHouseSink) -> HistorySide | None:
    if sink.history is None:
        return None
    names = (own_column(stream.contract, name) for name in ("version", "is_deleted"))
    return HistorySide(sink.history, *names)

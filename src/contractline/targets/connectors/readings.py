"""Brings the rows of a table that its changes alone don't bring, and makes sure that they arrived.

These are the rows that a table held before it joined a running connector, and the values of a column
that came under contract later. Done is a table when PostgreSQL and ClickHouse hold the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from contractline.clients.clickhouse import Warehouse
from contractline.clients.connect import HELD, Connect
from contractline.debezium.asked import asked_snapshots
from contractline.debezium.config import CapturedStream, exact_converter
from contractline.debezium.snapshots import SnapshotPatience, read_again, slices, wait_for_rows
from contractline.debezium.source import BEING_READ, Database, Reading
from contractline.settings import Endpoints
from contractline.targets.connectors.comparing import Comparer, NothingToCompare
from contractline.targets.topics import Cluster

TRIES = 3
"""How often a table is read again while something still differs."""

TRANSACTION_SECONDS = 60.0
"""How long transactions that are older than a reading are waited for."""

_LOOK_SECONDS = 60.0
_PAUSE_SECONDS = 0.5


class RowReader:
    """Brings the rows of streams, one after another.

    Args:
        endpoints: where the services are.
        database: the source database.
        connect: Kafka Connect.
        say: takes a line whenever it has come further.
    """

    def __init__(
        self,
        endpoints: Endpoints,
        database: Database,
        connect: Connect,
        say: Callable[[str], None] = lambda words: None,
    ) -> None:
        self._say = say
        self._endpoints = endpoints
        self._database = database
        self._connect = connect
        self._cluster = Cluster(endpoints)
        self._asked: tuple[str, ...] = ()

    def bring(self, stream: CapturedStream, *, is_there: bool) -> Reading:
        """Bring the rows of a stream; note and return what came of it.

        Args:
            stream: the stream.
            is_there: whether its rows should be there already, so that they are compared first.

        Raises:
            ServiceUnavailable: a service did not answer.
        """
        asked = asked_snapshots(self._database)
        self._asked = tuple(one.id for one in asked if one.names(stream.source.table))
        self._note(stream, Reading(BEING_READ))
        if stream.contract.sink is None:
            return self._bring_uncompared(stream, is_there=is_there)
        warehouse = Warehouse(self._endpoints)
        try:
            comparer = Comparer(self._endpoints, self._database, warehouse, self._connect)
            return self._bring_compared(stream, comparer, is_there=is_there)
        except NothingToCompare as problem:
            return self._note(stream, Reading("read, but not compared", differs=str(problem)))
        finally:
            warehouse.close()

    def _bring_uncompared(self, stream: CapturedStream, *, is_there: bool) -> Reading:
        """Bring the rows of a stream that ends in Kafka: the topic's growth must be that of the rows."""
        rows = sum(part.rows for part in slices(self._database, stream.source.table))
        progress = self._progress(stream)
        arrived = wait_for_rows(progress, 0, rows) if is_there else self._read(stream)
        if arrived < rows:
            lacking = f"{rows - arrived:,} of {rows:,} rows are not in the topic"
            return self._note(stream, Reading("read in part", differs=lacking))
        return self._note(stream, Reading("read", stream.brought))

    def _bring_compared(
        self, stream: CapturedStream, comparer: Comparer, *, is_there: bool
    ) -> Reading:
        differs = ""
        for number in range(TRIES):
            began = 0
            if number or not is_there:
                self._read(stream)
                began = self._database.next_transaction()
            older = self._older(began)
            differs, position = self._differs(stream, comparer)
            if not differs and not older:
                note = Reading(f"compared with ClickHouse at {position}", stream.brought, position)
                return self._note(stream, note)
            differs = differs or f"a transaction older than the reading still runs ({older})"
        return self._note(
            stream, Reading("read, and not equal", position=position, differs=differs)
        )

    def _differs(self, stream: CapturedStream, comparer: Comparer) -> tuple[str, str]:
        """Compare as long as something arrives; return what differs in words, and the position."""
        patience = SnapshotPatience(self._progress(stream))
        fewest = None
        while True:
            compared = comparer.compare(stream, patience_seconds=_LOOK_SECONDS)
            result, position = compared.result, compared.result.snapshot.position
            if result.is_equal:
                return "", position
            # Not how far anything has come: where rows change all the time that never ends.
            fewest = min(result.differing, result.differing if fewest is None else fewest)
            if not result.waits_for or patience.is_over(fewest):
                keys = ", ".join(list(result.keys)[:3])
                waits = f"; {result.waits_for}" if result.waits_for else ""
                return f"{result.words} at {position} (such as {keys}){waits}", position

    def _read(self, stream: CapturedStream) -> int:
        """Read the table part by part; return how many records came."""
        table = self._database.tables([stream.source.table])[stream.source.table]
        parts = slices(self._database, table.name)
        live = self._connect.connectors().get(stream.source.connector)
        read = read_again(
            self._database,
            stream,
            table,
            parts,
            self._progress(stream),
            dates_as_text=bool(live and exact_converter(live.config)),
        )
        came = 0
        for number, count in enumerate(read, start=1):
            came += count
            self._note(stream, Reading(f"{BEING_READ}: part {number} of {len(parts)}"))
        return came

    def _older(self, transaction: int) -> str:
        """Wait for transactions older than one: their changes would rank below what was read."""
        deadline = time.monotonic() + TRANSACTION_SECONDS
        while True:
            oldest, words = self._database.oldest_transaction()
            if oldest >= transaction:
                return ""
            if time.monotonic() > deadline:
                return words
            time.sleep(_PAUSE_SECONDS)

    def _progress(self, stream: CapturedStream) -> _Progress:
        return _Progress(stream, self._cluster, self._database, self._connect)

    def _note(self, stream: CapturedStream, reading: Reading) -> Reading:
        # While it is under way nothing is compared, so that a kill leaves them to the next time.
        is_over = not reading.message.startswith(BEING_READ)
        noted = replace(reading, snapshots=self._asked if is_over else ())
        self._database.note_reading(stream.source.connector, stream.source.table, noted)
        if not is_over:
            self._say(reading.message)
        return noted


class _Progress:
    """How the connector of a stream gets on."""

    def __init__(
        self, stream: CapturedStream, cluster: Cluster, database: Database, connect: Connect
    ) -> None:
        self._stream = stream
        self._cluster = cluster
        self._database = database
        self._connect = connect
        self._slot = ""

    def written(self) -> int:
        topic = self._stream.contract.topic
        return self._cluster.written(topic.name, topic.partitions)

    def read_up_to(self) -> int:
        return self._database.read_up_to(self._slot_name()) or 0

    def reader(self) -> int | None:
        return self._database.reader(self._slot_name())

    def is_in_blocking_snapshot(self) -> bool:
        return self._connect.is_in_blocking_snapshot(self._stream.source.connector)

    def _slot_name(self) -> str:
        if not self._slot:
            live = self._connect.connectors().get(self._stream.source.connector)
            self._slot = live.slot if live else ""
        return self._slot

    def stands(self) -> bool:
        live = self._connect.connectors().get(self._stream.source.connector)
        if live is None or live.state in HELD:
            return True
        return any(task.state == "FAILED" for task in live.tasks)

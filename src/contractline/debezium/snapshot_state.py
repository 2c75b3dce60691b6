"""Tells how far the snapshots of a connector's tables have come.

Changes that arrive do not say that the rows before them did. Debezium's own first snapshot, one that
somebody began by hand among them, is told by the connector's place in the log, which Connect keeps;
the readings of `apply` by their notes in PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from contractline.clients.connect import Connect
from contractline.debezium.config import CapturedStream
from contractline.debezium.source import BEING_READ, Database, Reading

STALE = timedelta(minutes=5)
"""How long a reading notes nothing until it is taken for one that ended in the middle."""

_GOES_ON = "`contractline apply connectors` goes on with it"


@dataclass(frozen=True, slots=True)
class SnapshotState:
    """How far the snapshot of a table has come.

    Attributes:
        name: ``whole``, ``being read``, ``not compared`` or ``incomplete``.
        words: the same, with what is known of it.
        problem: what is wrong with it and what to do; empty where nothing is, or it is under way.
    """

    name: str
    words: str
    problem: str = ""


def snapshot_states(
    database: Database, connect: Connect, connector: str, streams: Sequence[CapturedStream]
) -> dict[str, SnapshotState]:
    """Return the state of each stream's snapshot, by the name of its contract.

    Args:
        database: the source database.
        connect: Kafka Connect.
        connector: the connector, which Connect has.
        streams: its streams.

    Raises:
        ServiceUnavailable: a service did not answer.
    """
    is_first = connect.is_in_snapshot(connector)
    readings = database.readings(connector)
    return {
        stream.contract.name: state_of(stream, readings.get(stream.source.table), is_first=is_first)
        for stream in streams
    }


def state_of(
    stream: CapturedStream, reading: Reading | None, *, is_first: bool, now: datetime | None = None
) -> SnapshotState:
    """Return the state of a table's snapshot.

    Args:
        stream: the stream of the table.
        reading: what was noted of it last.
        is_first: whether Debezium takes its first snapshot of all tables.
        now: the time, where it is not now.
    """
    if is_first:
        return SnapshotState("being read", "the connector's first snapshot is under way")
    if reading is None:
        return SnapshotState(
            "not compared", "not compared", f"its rows were not compared; {_GOES_ON}"
        )
    if reading.differs:
        words = f"{reading.message}: {reading.differs}"
        return SnapshotState(
            "incomplete", words, f"{words}; `contractline plan connectors` says what to do"
        )
    if reading.message.startswith(BEING_READ):
        since = (now or datetime.now(UTC)) - reading.noted if reading.noted else STALE
        words = f"{reading.message}, {int(since.total_seconds())} s ago"
        is_stale = since >= STALE
        problem = f"nothing was noted since: {words}; {_GOES_ON}" if is_stale else ""
        return SnapshotState("being read", words, problem)
    missing = reading.lacks(stream.brought)
    if missing:
        words = f"earlier values of {', '.join(missing)} were not compared"
        return SnapshotState("not compared", words, f"{words}; {_GOES_ON}")
    return SnapshotState("whole", reading.message)

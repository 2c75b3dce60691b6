"""Snapshots that somebody asked a connector for by hand, in the signal table.

Debezium tells only its own log when one fails, so what came of them is compared.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from contractline.debezium.config import CapturedStream
from contractline.debezium.source import Database, Reading


@dataclass(frozen=True, slots=True)
class Asked:
    """A signal that asks for a snapshot.

    Attributes:
        id: the signal's id.
        tables: the tables that it names, as regular expressions; none where it can't be read.
    """

    id: str
    tables: tuple[str, ...]

    def names(self, table: str) -> bool:
        """Tell whether it asks for a table (``schema.table``)."""
        return any(_matches(pattern, table) for pattern in self.tables)


def asked_snapshots(database: Database) -> list[Asked]:
    """Return the signals for snapshots that people left in the signal table."""
    return [Asked(id_, _tables(data)) for id_, data in database.asked_snapshots()]


def uncompared(
    asked: Sequence[Asked], readings: Mapping[str, Reading], table: str
) -> tuple[str, ...]:
    """Return the signals for a table after which its rows were not compared."""
    reading = readings.get(table)
    compared = reading.snapshots if reading else ()
    return tuple(one.id for one in asked if one.names(table) and one.id not in compared)


def problems_by_hand(
    database: Database, connector: str, streams: Sequence[CapturedStream]
) -> dict[str, str]:
    """Say of which streams nothing was compared since signals asked for a snapshot, by their names."""
    readings, asked = database.readings(connector), asked_snapshots(database)
    found = {
        stream.contract.name: uncompared(asked, readings, stream.source.table) for stream in streams
    }
    return {
        name: f"its rows were not compared since a snapshot was asked for by hand"
        f" ({', '.join(signals)}); `contractline apply connectors` does it"
        for name, signals in found.items()
        if signals
    }


def _tables(data: str) -> tuple[str, ...]:
    try:
        return tuple(map(str, json.loads(data)["data-collections"]))
    except (ValueError, KeyError, TypeError):
        return ()


def _matches(pattern: str, table: str) -> bool:
    try:
        return re.fullmatch(pattern, table) is not None
    except re.error:
        return False

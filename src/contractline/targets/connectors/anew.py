"""Gives a connector that has lost its place in PostgreSQL's log a new one, by a new snapshot."""

from __future__ import annotations

from contractline.clients.connect import Connect
from contractline.debezium.source import Database
from contractline.errors import ContractlineError
from contractline.targets.connectors.target import settle


class PlaceNotLost(ContractlineError):
    """When a connector reads on from its place in the log: beginning anew could lose deletes."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"the connector {name} reads on from its place in PostgreSQL's log, so it does not begin"
            " anew",
            hint="`contractline status` says whether it reads; `contractline resnapshot STREAM` reads"
            " the rows of a stream again while it does",
        )


class ConnectorMissing(ContractlineError):
    """When Kafka Connect has no connector of a name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Kafka Connect has no connector {name}", hint="`contractline apply` makes it"
        )


def begin_anew(name: str, slot: str, role: str, connect: Connect, database: Database) -> None:
    """Let a connector forget where it was, and take a snapshot of all its tables into a new slot.

    Args:
        name: the connector.
        slot: its replication slot.
        role: the role by which it reads PostgreSQL.
        connect: Kafka Connect.
        database: the source database.

    Raises:
        ConnectorMissing: there is no such connector.
        PlaceNotLost: its slot is there, and no task of it has failed.
        ServiceUnavailable: a service did not answer, or the connector did not stop or start.
    """
    live = connect.connectors().get(name)
    if live is None:
        raise ConnectorMissing(name)
    found = database.slot(slot)
    is_there = found is not None and found.state != "lost"
    if is_there and not any(task.state == "FAILED" for task in live.tasks):
        raise PlaceNotLost(name)
    connect.stop_and_forget(name)
    database.drop_slot(slot)
    connect.resume(name)
    settle(connect, name, database, role)

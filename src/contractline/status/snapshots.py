"""How far the snapshot of each captured table has come."""

from __future__ import annotations

from contractline.clients.connect import Connect
from contractline.debezium.asked import problems_by_hand
from contractline.debezium.config import streams_of
from contractline.debezium.files import connector_names
from contractline.debezium.snapshot_state import snapshot_states
from contractline.debezium.source import connected
from contractline.status.facts import Fact, Facts, Sources


def rows(sources: Sources) -> Facts:
    """Tell of each captured table whether the rows that it held before its changes have arrived."""
    declared = connector_names(sources.project)
    if not declared:
        return {}
    facts: dict[str, list[Fact]] = {}
    with Connect(sources.endpoints) as connect, connected(sources.endpoints) as database:
        for connector in sorted(set(declared) & connect.connectors().keys()):
            streams = streams_of(sources.contracts, connector)
            for name, state in snapshot_states(database, connect, connector, streams).items():
                facts[name] = [Fact("earlier rows", state.name, problem=state.problem)]
            for name, problem in problems_by_hand(database, connector, streams).items():
                facts[name].append(Fact("snapshot by hand", "not compared", problem=problem))
    return facts

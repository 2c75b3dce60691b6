"""Says which tables' snapshots did not bring all rows, or do not go on."""

from __future__ import annotations

from contractline.clients.connect import Connect
from contractline.contracts.load import load_contracts
from contractline.debezium.asked import problems_by_hand
from contractline.debezium.config import streams_of
from contractline.debezium.files import connector_names
from contractline.debezium.snapshot_state import snapshot_states
from contractline.debezium.source import connected
from contractline.settings import Endpoints
from contractline.watch.part import PeriodicPart


class Snapshots(PeriodicPart):
    """Looks at the snapshots of the checkout's connectors. What is missing, `apply` brings."""

    def look(self, endpoints: Endpoints) -> None:
        """Say what is wrong with snapshots, each once."""
        declared = connector_names(self.project)
        if not declared or not endpoints.connect_url or not self.is_due():
            return
        contracts = load_contracts(self.project)
        problems = []
        with Connect(endpoints) as connect, connected(endpoints) as database:
            for connector in sorted(set(declared) & connect.connectors().keys()):
                streams = streams_of(contracts, connector)
                states = snapshot_states(database, connect, connector, streams)
                problems += [f"{name}: {s.problem}" for name, s in states.items() if s.problem]
                by_hand = problems_by_hand(database, connector, streams)
                problems += [f"{name}: {problem}" for name, problem in by_hand.items()]
        if problems:
            self.say_once("; ".join(problems))
        else:
            self.say_once.forget()

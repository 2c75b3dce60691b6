"""How the connectors are, and which tables one of them that stands still holds."""

from __future__ import annotations

from dataclasses import dataclass

from contractline.clients.connect import HELD, Connect, Connector
from contractline.debezium import failures
from contractline.debezium.config import CapturedStream, streams_of
from contractline.debezium.files import connector_names, connector_template
from contractline.debezium.source import Database, Slot, connected
from contractline.status.facts import Fact, Facts, Sources
from contractline.targets.postgres import checks

_WHAT_TO_DO = "`contractline plan connectors` says what to do"


@dataclass(frozen=True, slots=True)
class _Stop:
    """Why a connector moves nothing.

    Attributes:
        cause: why, in words.
        table: the table that it stumbled over; empty where none is to blame.
    """

    cause: str
    table: str = ""


def tasks(sources: Sources) -> Facts:
    """Tell of each connector its state, those of its tasks, and the log that is kept for it."""
    facts = {}
    live = _live(sources)
    if not live:
        return {}
    with connected(sources.endpoints) as database:
        server = database.server()
        used = f"{server.used_slots} of {server.max_slots}"
        for name, connector in live.items():
            stop = _stop(sources, name, connector, database)
            slot = _slot(sources, name)
            facts[name] = [
                Fact("state", *_state(connector), _problem(sources, name, stop)),
                Fact("tasks", _task_states(connector)),
                Fact("slot", slot),
                _kept(database.slot(slot)),
                Fact("slots used", server.used_slots, used),
            ]
    return facts


def changes(sources: Sources) -> Facts:
    """Tell of each captured table whether its changes are read, and if not, who holds them."""
    live = _live(sources)
    if not live:
        return {}
    facts = {}
    with connected(sources.endpoints) as database:
        for name, connector in live.items():
            stop = _stop(sources, name, connector, database)
            for stream in streams_of(sources.contracts, name):
                facts[stream.contract.name] = [_changes(stream, name, stop)]
    return facts


def _live(sources: Sources) -> dict[str, Connector | None]:
    """Return the connectors that the checkout declares; None for one that Connect lacks."""
    declared = connector_names(sources.project)
    if not declared:
        return {}
    with Connect(sources.endpoints) as connect:
        found = connect.connectors()
    return {name: found.get(name) for name in declared}


def _stop(
    sources: Sources, name: str, connector: Connector | None, database: Database
) -> _Stop | None:
    """Return why a connector moves nothing; None for one that does."""
    if connector is None:
        return _Stop("Kafka Connect does not have it; `contractline apply` makes it")
    if connector.state in HELD:
        return _Stop(f"somebody has {connector.state.lower()} it; {_WHAT_TO_DO}")
    failed = next((task for task in connector.tasks if task.state == "FAILED"), None)
    if failed is not None:
        failure = failures.read(failed.trace)
        return _Stop(f"{failure.cause}; {_WHAT_TO_DO}", _table(sources, name, failure))
    if {task.state for task in connector.tasks} != {"RUNNING"}:
        return _Stop("none of its tasks runs (yet)")
    slot = _slot(sources, name)
    found = database.slot(slot)
    if found is not None and found.state == "lost":
        return _Stop(f"its slot lost its place in the log, changes are missing; {_WHAT_TO_DO}")
    if not database.reads(sources.endpoints.need("postgres_replication_user"), slot):
        return _Stop(f"its task says RUNNING, but nobody reads its slot; {_WHAT_TO_DO}")
    return None


def _slot(sources: Sources, name: str) -> str:
    return connector_template(sources.project, name)["slot.name"]


def _table(sources: Sources, name: str, failure: failures.Failure) -> str:
    """Return the table over which a task stumbled; empty where it was not a table."""
    if failure.column:
        return failure.column.rpartition(".")[0]
    streams = streams_of(sources.contracts, name)
    return next((s.source.table for s in streams if s.contract.topic.name == failure.topic), "")


def _state(connector: Connector | None) -> tuple[str, str]:
    state = "MISSING" if connector is None else connector.state
    return state, state.lower()


def _task_states(connector: Connector | None) -> str:
    states = [task.state.lower() for task in connector.tasks] if connector else []
    return ", ".join(states) or "none"


def _problem(sources: Sources, name: str, stop: _Stop | None) -> str:
    if stop is None:
        return ""
    held = [s.source.table for s in streams_of(sources.contracts, name)]
    others = ", ".join(table for table in held if table != stop.table)
    return f"{stop.cause}; it holds {others}" if stop.table and others else stop.cause


def _kept(slot: Slot | None) -> Fact:
    if slot is None:
        return Fact("WAL kept", None, "no slot")
    return Fact("WAL kept", slot.kept_bytes, checks.size(slot.kept_bytes))


def _changes(stream: CapturedStream, name: str, stop: _Stop | None) -> Fact:
    if stop is None:
        return Fact("changes", "read")
    if not stop.table:
        return Fact("changes", "stopped", problem=f"its connector {name} stands still")
    if stop.table == stream.source.table:
        return Fact("changes", "stopped", problem=f"its change stopped the connector {name}")
    words = f"held by {stop.table}"
    return Fact("changes", "held", words, f"{words}, which stopped the connector {name} of both")

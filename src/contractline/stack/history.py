"""What a history of events means: the state of each service, and when a dead one starts again.

Pure: the supervisor, ``status`` and the tests ask the same functions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum

from contractline import events
from contractline.events import Event, ServiceEvent

# The first pause is none: a killed engine should be back at once.
PAUSES_SECONDS = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
STABLE_SECONDS = 10.0


class ServiceState(StrEnum):
    """How a service is."""

    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    FAILED = "failed"
    STOPPED = "stopped"
    EXTERNAL = "external"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Seen:
    """What the events say about a service."""

    state: ServiceState
    pid: int | None = None
    url: str = ""
    version: str = ""
    since: float = 0.0
    cause: str = ""


def fold(history: Iterable[Event]) -> dict[str, Seen]:
    """Return the services that a history speaks of, as it leaves them."""
    seen: dict[str, Seen] = {}
    for event in history:
        if isinstance(event, ServiceEvent):
            before = seen.get(event.service, Seen(ServiceState.STOPPED))
            seen[event.service] = _after(before, event)
        elif isinstance(event, events.StackStopped | events.StackFailed):
            seen = {name: _ended(service) for name, service in seen.items()}
    return seen


def _ended(service: Seen) -> Seen:
    running = service.state not in (ServiceState.FAILED, ServiceState.EXTERNAL)
    return replace(service, state=ServiceState.STOPPED, pid=None) if running else service


def _after(before: Seen, event: ServiceEvent) -> Seen:
    match event:
        case events.External():
            return Seen(ServiceState.EXTERNAL, url=event.url, since=event.at)
        case events.Starting():
            return replace(
                before, state=ServiceState.STARTING, pid=event.pid, since=event.at, cause=""
            )
        case events.Ready():
            return Seen(ServiceState.RUNNING, event.pid, event.url, event.version, event.at)
        case events.Died() | events.Restarting():
            return replace(before, state=ServiceState.RESTARTING, pid=None, since=event.at)
        case events.ServiceFailed() | events.GaveUp():
            return replace(
                before, state=ServiceState.FAILED, pid=None, since=event.at, cause=event.cause
            )
        case events.ServiceStopped():
            return replace(before, state=ServiceState.STOPPED, pid=None, since=event.at)
    return before


def deaths_in_a_row(history: Iterable[Event]) -> int:
    """Return how often a service has ended without having run for a while in between."""
    deaths = 0
    ready_at: float | None = None
    for event in history:
        match event:
            case events.Ready():
                ready_at = event.at
            case events.ServiceStopped():
                deaths, ready_at = 0, None
            case events.Died() | events.ServiceFailed():
                stable = ready_at is not None and event.at - ready_at >= STABLE_SECONDS
                deaths = 1 if stable else deaths + 1
                ready_at = None
    return deaths


def pause_before_restart(history: Iterable[Event]) -> float | None:
    """Return how long to wait before a service that ended starts again; none to give up."""
    deaths = deaths_in_a_row(history)
    return PAUSES_SECONDS[deaths - 1] if 1 <= deaths <= len(PAUSES_SECONDS) else None

"""Events: all that can be observed of the local stack, as values with a JSON form, one a line.

The supervisor writes them; what ``up`` prints, what ``status`` shows and what the tests check is
read from the same stream. An event as text is a sentence for the reader.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import asdict, dataclass, field, fields
from typing import Any, ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, at a moment (seconds since 1970)."""

    kinds: ClassVar[dict[str, type[Event]]] = {}

    at: float = field(default_factory=time.time)

    def to_json(self) -> str:
        """Return the event as one line of JSON, without the line's end."""
        return json.dumps({"event": _kind(type(self)), **asdict(self)}, ensure_ascii=False)


def from_json(line: str) -> Event:
    """Return the event that a line holds.

    Raises:
        ValueError: the line is not an event.
    """
    values: dict[str, Any] = json.loads(line)
    kind = Event.kinds.get(values.pop("event", ""))
    if kind is None:
        raise ValueError(f"no event: {line[:80]!r}")
    known = {f.name for f in fields(kind)}
    return kind(**{name: _frozen(value) for name, value in values.items() if name in known})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _kind(event: type[Event]) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", event.__name__).lower()


def _register(event: type[Event]) -> type[Event]:
    Event.kinds[_kind(event)] = event
    return event


@_register
@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorStarted(Event):
    """The resident process of the stack began its work."""

    pid: int

    def __str__(self) -> str:
        return f"starting the stack (supervisor {self.pid})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEvent(Event):
    """Something that happened to one service."""

    service: str


@_register
@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceTold(ServiceEvent):
    """A service has something to say to the reader."""

    text: str

    def __str__(self) -> str:
        return f"{self.service}: {self.text}"


@_register
@dataclass(frozen=True, slots=True, kw_only=True)
class OrphanEnded(Event):
    """A process that an earlier stack of this checkout left behind was ended."""

    pid: int
    command: str

    def __str__(self) -> str:
        return f"ended a process that an earlier stack left behind: {self.pid} {self.command}"


@_register
@dataclass(frozen=True, slots=True, kw_only=True)
class PortMoved(ServiceEvent):
    """A port was taken, so that the service uses another one from now on."""

    port: str
    wanted: int
    given: int

    def __str__(self) -> str:
        return f"{self.service}: port {self.wanted} is taken, using {self.given} ({self.port})"


@_register
@dataclass(frozen=True, slots=True, kw_only=True)
class External(ServiceEvent):
    """A service is not started, since a variable names a real installation."""

    variable: str
    url: str
    is_answering: bool = True

    def __str__(self) -> str:
        away = "" if self.is_answering else "; NOTHING ANSWERS THERE"
        return f"{self.service}: not started, {self.variable} is set ({self.url}){away}"


@_register
@dataclass(frozen=True, slots=True, kw_only=True)
class Starting(ServiceEvent):
    """The process of a service was started."""

    pid: int

    def __str__(self) -> str:
        return f"{self.service}: starting"


@_register
@dataclass(frozen=True, slots=True, kw_only=True)
class Ready(ServiceEvent):
    """A service answers."""

    pid: int
    seconds: float
    url: str
    version: str

    def __str__(self) -> str:
        place = f" at {self.url}" if self.url else ""
        return f"{self.service}: ready in {self.seconds:.1f} s{place}"


@_register
@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceFailed(ServiceEvent):
    """A service could not be started."""

    cause: str
    log: str
    tail: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.without_log}\n  (all of it: {self.log})"

    @property
    def without_log(self) -> str:
        """The same where the log is not kept: the cause, and the last lines."""
        lines = (
            "".join(f"\n  | {line}" for line in self.tail) or "\n  (it wrote nothing to its log)"
        )
        return f"{self.service}: could not start: {self.cause}{lines}"


@_register
@dataclass(frozen=True, slots=True, kw_only=True)
class Died(ServiceEvent):
    """The process of a running service ended by itself."""

    status: str

    def __str__(self) -> str:
        return f"{self.service}: ended ({self.status})"


@_register
@dataclass(frozen=True, slots=True, kw_only=True)
class Restarting(ServiceEvent):
    """A service that ended will be started again after a pause."""

    pause: float

    def __str__(self) -> str:
        return f"{self.service}: starting again in {self.pause:g} s"


@_register
@dataclass(frozen=True, slots=True, kw_only=True)
class GaveUp(ServiceEvent):
    """A service ended too often and is left alone."""

    deaths: int
    cause: str

    def __str__(self) -> str:
        return f"{self.service}: ended {self.deaths} times in a row, giving up: {self.cause}"


@_register
@dataclass(frozen=True, slots=True, kw_only=True)
class Stopping(ServiceEvent):
    """A service was asked to stop."""

    def __str__(self) -> str:
        return f"{self.service}: stopping"


@_register
@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceStopped(ServiceEvent):
    """A service was stopped."""

    seconds: float

    def __str__(self) -> str:
        return f"{self.service}: stopped in {self.seconds:.1f} s"


@_register
@dataclass(frozen=True, slots=True, kw_only=True)
class Answered(Event):
    """The supervisor has done, or could not do, what it was asked."""

    request: str
    problem: str = ""

    def __str__(self) -> str:
        return self.problem or "done"


@_register
@dataclass(frozen=True, slots=True, kw_only=True)
class StackReady(Event):
    """All services of the stack answer."""

    seconds: float

    def __str__(self) -> str:
        return f"the stack is ready after {self.seconds:.1f} s"


@_register
@dataclass(frozen=True, slots=True, kw_only=True)
class StackFailed(Event):
    """The stack could not be started; nothing of it is left running."""

    cause: str

    def __str__(self) -> str:
        return f"the stack could not be started: {self.cause}"


@_register
@dataclass(frozen=True, slots=True, kw_only=True)
class StackStopped(Event):
    """All services of the stack were stopped."""

    def __str__(self) -> str:
        return "the stack is stopped"

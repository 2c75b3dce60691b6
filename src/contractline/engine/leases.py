"""Which session of the engine a request gets: a fresh one, or the one that its ``session_id`` names."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from contractline.engine.errors import Code, QueryFailed
from contractline.engine.session import Engine, Session, quote, quote_name

DEFAULT_TIMEOUT_SECONDS = 60
MAX_TIMEOUT_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request wants of its session.

    Attributes:
        settings: settings for this request alone.
        database: the current database for this request alone.
        role: a role to take.
        session_id: the session to go on with; None for a fresh one.
        timeout: seconds after which an unused named session ends.
        must_exist: refuse to start a named session.
        keeps: the statement leaves something in its session: a setting, a temporary table.
    """

    settings: Mapping[str, str] = field(default_factory=dict)
    database: str | None = None
    role: str | None = None
    session_id: str | None = None
    timeout: int = DEFAULT_TIMEOUT_SECONDS
    must_exist: bool = False
    keeps: bool = False


@dataclass(slots=True)
class _Named:
    """A session with a name. It is a fresh one each time until something was left in it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    session: Session | None = None
    ends_at: float = 0.0


class Leases:
    """Hands sessions of the engine out."""

    def __init__(self, engine: Engine, clock: Callable[[], float] = time.monotonic) -> None:
        self._engine = engine
        self._clock = clock
        self._named: dict[str, _Named] = {}
        self._guard = threading.Lock()

    @contextmanager
    def lease(self, wish: Wish) -> Iterator[Session]:
        """Have a session, prepared as wished, for the time of one request.

        Raises:
            QueryFailed: the named session is in use or unknown, or what is wished is of no use.
        """
        self.end_expired()
        if wish.session_id is None:
            with self._fresh(wish) as session:
                yield session
            return
        named = self._take(wish.session_id, must_exist=wish.must_exist)
        try:
            if named.session is None and not wish.keeps:
                with self._fresh(wish) as session:
                    yield session
            else:
                named.session = named.session or self._engine.session()
                with _for_one_request(named.session, wish):
                    yield named.session
        finally:
            named.ends_at = self._clock() + wish.timeout
            named.lock.release()

    def end_expired(self) -> None:
        """End the named sessions whose time is over."""
        with self._guard:
            self._end(lambda named: named.ends_at < self._clock())

    def close(self) -> None:
        """End all named sessions that are not in use."""
        with self._guard:
            self._end(lambda named: True)

    def _end(self, when: Callable[[_Named], bool]) -> None:
        for name, named in tuple(self._named.items()):
            if named.lock.acquire(blocking=False):
                if when(named):
                    if named.session:
                        named.session.close()
                    del self._named[name]
                named.lock.release()

    def _take(self, name: str, *, must_exist: bool) -> _Named:
        with self._guard:
            if must_exist and name not in self._named:
                raise QueryFailed.of(Code.SESSION_NOT_FOUND, f"Session {name} not found")
            named = self._named.setdefault(name, _Named())
            if not named.lock.acquire(blocking=False):
                raise QueryFailed.of(
                    Code.SESSION_IS_LOCKED, f"Session {name} is locked by a concurrent client"
                )
            return named

    @contextmanager
    def _fresh(self, wish: Wish) -> Iterator[Session]:
        with self._engine.session() as session:
            _prepare(session, wish)
            yield session


def _prepare(session: Session, wish: Wish) -> None:
    if wish.role is not None:
        session.query(f"SET ROLE {quote_name(wish.role)}")
    if wish.database is not None:
        session.query(f"USE {quote_name(wish.database)}")
    session.set(wish.settings)


@contextmanager
def _for_one_request(session: Session, wish: Wish) -> Iterator[None]:
    """Prepare a session that goes on afterwards as it was."""
    if "readonly" in wish.settings:
        raise QueryFailed.of(
            Code.NOT_IMPLEMENTED,
            "The setting readonly can't be taken back, so it can't be given for one request "
            "of a session that holds settings or temporary tables",
        )
    names = ", ".join(quote(name) for name in wish.settings) or "''"
    before = "SELECT currentDatabase(), groupArray((name, value, changed)) FROM system.settings"
    found = session.query(f"{before} WHERE name IN ({names})", "JSONCompactEachRow")
    database, settings = json.loads(found.body)
    try:
        _prepare(session, wish)
        yield
    finally:
        changes = ", ".join(
            f"{quote_name(name)} = {quote(value) if changed else 'DEFAULT'}"
            for name, value, changed in settings
        )
        if changes:
            session.query(f"SET {changes}")
        if wish.database is not None and not wish.keeps:
            session.query(f"USE {quote_name(database)}")

"""Real installations in place of the stack's own services: whether anything answers there."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

SECONDS = 3.0
_PORTS = {"http": 80, "https": 443, "postgresql": 5432, "postgres": 5432}
_KAFKA_PORT = 9092


def answers(url: str) -> bool:
    """Tell whether one of the addresses of a service takes a connection.

    Args:
        url: a URL, a list of brokers (``host:port,host:port``), or a DSN of PostgreSQL.
    """
    return any(map(_takes_connection, addresses(url)))


def addresses(url: str) -> Iterator[tuple[str, int]]:
    """Yield the hosts and ports that a service's address names; nothing where it names none."""
    if "://" in url:
        scheme, _, rest = url.partition("://")
        place = rest.partition("/")[0].partition("?")[0].rpartition("@")[2]
        yield from _listed(place, _PORTS.get(scheme.partition("+")[0], 80))
    elif "=" in url:
        from psycopg import ProgrammingError
        from psycopg.conninfo import conninfo_to_dict

        try:
            told = conninfo_to_dict(url)
        except ProgrammingError:
            return
        hosts = str(told.get("host") or "localhost").split(",")
        ports = str(told.get("port") or _PORTS["postgresql"]).split(",")
        for position, host in enumerate(hosts):
            yield host, int(ports[min(position, len(ports) - 1)])
    else:
        yield from _listed(url, _KAFKA_PORT)


def _listed(places: str, port: int) -> Iterator[tuple[str, int]]:
    for place in places.split(","):
        parts = urlsplit(f"//{place.strip()}")
        try:
            if parts.hostname:
                yield parts.hostname, parts.port or port
        except ValueError:
            continue


def _takes_connection(address: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(address, SECONDS):
            return True
    except (OSError, UnicodeError):
        return False

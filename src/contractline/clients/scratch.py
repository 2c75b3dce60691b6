"""Databases of ClickHouse that a command works in for a moment, and that nobody else looks at."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager

from contractline.clickhouse.sql import identifier
from contractline.clients.clickhouse import Warehouse

PREFIX = "contractline"
MAX_AGE_SECONDS = 86_400
"""What is older was left by a command that was killed."""


@contextmanager
def scratch_database(
    warehouse: Warehouse, purpose: str, *, in_memory: bool = False
) -> Iterator[str]:
    """Make a database, give its name, and drop it with all that is in it.

    Those of the same purpose that a killed command left are dropped, too.

    Args:
        warehouse: ClickHouse.
        purpose: stands in the name, ``contractline_<purpose>_…``; the account has rights by it.
        in_memory: forget it even when the server crashes; for definitions without rows.

    Raises:
        ServiceUnavailable: ClickHouse did not answer, or refused.
    """
    now = int(time.time())
    pattern = re.compile(rf"^{PREFIX}_{purpose}_(\d+)_[0-9a-f]+$")
    for (name,) in warehouse.rows("SELECT name FROM system.databases"):
        made = pattern.match(name)
        if made and int(made.group(1)) < now - MAX_AGE_SECONDS:
            warehouse.run(f"DROP DATABASE IF EXISTS {identifier(name)}")
    scratch = f"{PREFIX}_{purpose}_{now}_{secrets.token_hex(4)}"
    warehouse.run(f"CREATE DATABASE {scratch}{' ENGINE = Memory' if in_memory else ''}")
    try:
        yield scratch
    finally:
        warehouse.run(f"DROP DATABASE IF EXISTS {scratch} SYNC")

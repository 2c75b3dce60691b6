"""Whether ClickHouse can do what its refreshable materialized views say."""

from __future__ import annotations

from contextlib import closing

from contractline.clients.clickhouse import Warehouse
from contractline.status.facts import Fact, Facts, Sources

_REFRESHES = """
SELECT
    concat(database, '.', view) AS name,
    status,
    exception,
    dateDiff('second', last_success_time, now()) AS age
FROM system.view_refreshes
ORDER BY name
"""


def refreshes(sources: Sources) -> Facts:
    """Tell of each view when it was refreshed last, and why it is not."""
    with closing(Warehouse(sources.endpoints)) as warehouse:
        found = warehouse.rows(_REFRESHES)
    return {
        name: [
            Fact("state", status, problem=_problem(name, status, exception)),
            Fact("refreshed", age, "never" if age is None else f"{age:,} s ago"),
        ]
        for name, status, exception, age in found
    }


def _problem(name: str, status: str, exception: str) -> str:
    if status == "Disabled":
        return (
            f"it is stopped, and what it keeps gets old; `SYSTEM START VIEW {name}` in ClickHouse"
        )
    if exception:
        return f"its last refresh failed, and what it keeps gets old: {' '.join(exception.split())[:300]}"
    return ""

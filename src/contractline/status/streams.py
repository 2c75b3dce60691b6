"""How the streams are: what comes, what ClickHouse has not read yet, what it could not read."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import closing, suppress

from contractline.clickhouse.ddl import ERRORS, consumer_group
from contractline.clients.clickhouse import Warehouse
from contractline.contracts.model import Contract
from contractline.errors import ServiceUnavailable
from contractline.kafka.lag import Lag, LagReader
from contractline.recovery.replay import OpenErrors, open_errors
from contractline.status.facts import Fact, Facts, Sources
from contractline.targets.tables.consumers import Consumption, consumptions

RATE_SECONDS = 60.0
"""Over how long the rows a second are counted."""

STILL_SECONDS = 3.0
"""How long ClickHouse may read nothing while messages wait before it counts as standing still."""

_FLOWS = 10.0
"""Seconds of lag that are nothing to speak of, however short the promised latency is."""


def lag(sources: Sources) -> Facts:
    """Tell of each stream its rows a second, and how far ClickHouse is behind.

    A stream that ClickHouse catches up with is fine; one whose messages are overdue while nothing
    is read is not.
    """
    groups = {stream.topic.name: consumer_group(stream.name) for stream in sources.streams}
    with closing(LagReader(sources.endpoints.need("kafka_bootstrap_servers"))) as reader:
        arrived = reader.arrived(groups, RATE_SECONDS)
        before = reader.lags(groups)
        now = before
        overdue = {s.topic.name for s in sources.streams if _is_overdue(s, before)}
        if overdue:
            time.sleep(STILL_SECONDS)
            now = reader.lags(groups)
    still = {topic for topic in overdue if now[topic].read == before[topic].read}
    queues = _queues(sources) if still else {}
    return {
        stream.name: _lag(
            stream,
            now.get(stream.topic.name),
            arrived.get(stream.topic.name, 0),
            why=_why(queues.get(stream.name)) if stream.topic.name in still else "",
        )
        for stream in sources.streams
    }


def errors(sources: Sources) -> Facts:
    """Tell of each stream how many messages ClickHouse could not read and nobody dealt with."""
    with closing(Warehouse(sources.endpoints)) as warehouse:
        tables = set(map(tuple, warehouse.rows("SELECT database, name FROM system.tables")))
        found = open_errors(warehouse) if tuple(ERRORS.split(".")) in tables else []
    facts = {}
    for stream in sources.streams:
        of_topic = [one for one in found if one.topic == stream.topic.name]
        facts[stream.name] = [_errors(stream, of_topic)]
        if stream.sink and tuple(stream.sink.current.split(".")) not in tables:
            problem = "it has no table in ClickHouse; `contractline apply` makes it"
            facts[stream.name].append(Fact("table", False, "none", problem))
    return facts


def _is_overdue(stream: Contract, lags: dict[str, Lag]) -> bool:
    found = lags.get(stream.topic.name)
    allowed = max(_FLOWS, stream.latency.total_seconds())
    return found is not None and found.waiting > 0 and (found.behind_seconds or 0) > allowed


def _queues(sources: Sources) -> Mapping[str, Consumption]:
    with suppress(ServiceUnavailable), closing(Warehouse(sources.endpoints)) as warehouse:
        return consumptions(warehouse)
    return {}


def _why(queue: Consumption | None) -> str:
    """Return why a queue stands still, as far as ClickHouse knows, or what to do to find out."""
    if queue is None:
        return "nothing reads its queue; `contractline plan tables`"
    if queue.problem:
        return queue.problem
    if not queue.is_reading:
        return "its queue is not in its consumer group; `contractline logs clickhouse`"
    return "`contractline logs clickhouse`"


def _lag(stream: Contract, found: Lag | None, arrived: int, *, why: str) -> list[Fact]:
    if found is None:
        problem = "its topic does not exist; `contractline apply` makes it"
        return [Fact("lag", None, "no topic", problem)]
    problem = (
        f"{found.waiting:,} messages wait, the oldest for {found.behind_seconds or 0:.0f} s, and"
        f" ClickHouse has read none for {STILL_SECONDS:.0f} s: {why}"
    )
    rate = arrived / RATE_SECONDS
    return [
        Fact("rows/s", round(rate, 2), f"{rate:,.1f}"),
        Fact("lag", found.waiting, f"{found.waiting:,}", problem if why else ""),
        Fact("behind", found.behind_seconds, _age(found.behind_seconds)),
    ]


def _errors(stream: Contract, found: list[OpenErrors]) -> Fact:
    count = sum(one.messages for one in found)
    problem = (
        f"{count:,} message{'' if count == 1 else 's'} could not be read:"
        f" {' '.join(found[0].reason.split())};"
        f" `contractline dlq list` shows them"
        if found
        else ""
    )
    return Fact("open errors", count, problem=problem)


def _age(seconds: float | None) -> str:
    return "unknown" if seconds is None else f"{seconds:.1f} s" if seconds else "0 s"

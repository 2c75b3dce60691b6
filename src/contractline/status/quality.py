"""What came of the quality rules of each stream when they were measured last."""

from __future__ import annotations

from contextlib import closing

from contractline.clients.clickhouse import Warehouse
from contractline.quality.kept import newest
from contractline.quality.measure import State
from contractline.status.facts import Fact, Facts, Sources


def quality(sources: Sources) -> Facts:
    """Tell of each stream how many of its quality rules do not hold.

    That is no problem of the flow: the rows are there, and something is wrong with them.
    """
    with closing(Warehouse(sources.endpoints)) as warehouse:
        results = newest(warehouse)
    facts = {}
    for stream in sources.streams:
        states = [one.state for one in results if one.stream == stream.name]
        if states:
            holds = states.count(State.HOLDS)
            text = f"{holds} of {len(states)} hold"
            facts[stream.name] = [Fact("quality", len(states) - holds, text)]
    return facts

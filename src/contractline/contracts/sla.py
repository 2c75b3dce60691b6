"""What the ODCS file promises to readers: who answers, and how soon a record is visible."""

from __future__ import annotations

import math
from datetime import timedelta

from open_data_contract_standard.model import OpenDataContractStandard, TeamMember

from contractline.avro.paths import Steps
from contractline.errors import ContractlineError

MAX_LATENCY = timedelta(days=1)
"""A stream that may be later than this is not a stream."""

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class LatencyInvalid(ContractlineError):
    """When the SLA ``latency`` of a contract is not a time that a stream can promise.

    Attributes:
        steps: its place in the ODCS file.
        problem: what is wrong.
    """

    def __init__(self, steps: Steps, problem: str) -> None:
        self.steps = steps
        self.problem = problem
        super().__init__(f"latency: {problem}")


def promised_latency(odcs: OpenDataContractStandard) -> timedelta | None:
    """Return the SLA ``latency``; None where the contract makes no such promise.

    Raises:
        LatencyInvalid: the promise can't be read, or makes no sense.
    """
    found: timedelta | None = None
    for position, sla in enumerate(odcs.slaProperties or []):
        if sla.property != "latency":
            continue
        at: Steps = ("slaProperties", position)
        if found is not None:
            raise LatencyInvalid(at, "is promised twice")
        if isinstance(sla.value, bool) or not isinstance(sla.value, int | float):
            raise LatencyInvalid((*at, "value"), f"`{sla.value}` is not a number")
        if not sla.unit:
            raise LatencyInvalid(at, f"has no unit ({', '.join(_SECONDS)})")
        if sla.unit not in _SECONDS:
            units = ", ".join(_SECONDS)
            raise LatencyInvalid((*at, "unit"), f"`{sla.unit}` is none of the units {units}")
        seconds = sla.value * _SECONDS[sla.unit]
        if not math.isfinite(seconds) or not 0 < seconds <= MAX_LATENCY.total_seconds():
            words = f"{sla.value} {sla.unit} is not between 0 and 1 day"
            raise LatencyInvalid((*at, "value"), words)
        found = timedelta(seconds=seconds)
    return found


def owner_of(odcs: OpenDataContractStandard) -> str | None:
    """Return who answers for a stream: the team member with the role ``owner``."""
    for member in _members(odcs):
        if (member.role or "").strip().lower() == "owner":
            return (member.username or member.name or "").strip() or None
    return None


def _members(odcs: OpenDataContractStandard) -> list[TeamMember]:
    if isinstance(odcs.team, list):
        return odcs.team
    return (odcs.team.members or []) if odcs.team else []

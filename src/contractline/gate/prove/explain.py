"""Which rule foresaw what a proof found."""

from __future__ import annotations

from collections.abc import Mapping

from contractline.contracts.change import StreamChange
from contractline.finding import Finding
from contractline.gate.prove.shapes import Path
from contractline.rules.hazards import hazards_at_base, hazards_of
from contractline.rules.sinkverdict import verdict


def foreseen(change: StreamChange) -> Mapping[Path, Finding]:
    """Return what the rules say about the values of fields, by field."""
    said = verdict(change)
    if said is None or change.after is None:
        return {}
    hazards = hazards_at_base(change) if said.is_refused else hazards_of(change.after)
    found: dict[Path, Finding] = {}
    for hazard in hazards:
        for finding in said.findings:
            if finding.message.endswith(hazard.message):
                found.setdefault(hazard.field, finding)
    return found

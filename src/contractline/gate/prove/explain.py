"""Which rule foresaw what a proof found."""

from __future__ import annotations

import re
from collections.abc import Mapping

from contractline.contracts.change import StreamChange
from contractline.finding import Finding
from contractline.rules.check import findings_of, findings_of_change
from contractline.rules.laws import LAWS

FORESEEING = "sinkbreaks"
"""The rules about what ClickHouse makes of records."""

_TOP = re.compile(r"\$\.fields\[\d+\]")


def foreseen(change: StreamChange) -> Mapping[str, Finding]:
    """Return what the rules say about the values of fields, by the place of the field.

    The place is that of the record's own field, such as ``$.fields[3]``: a rule may name a part
    of it.
    """
    known = {law.id for law in LAWS if law.category == FORESEEING}
    drafts = [] if change.after is None else [change.after]
    found: dict[str, Finding] = {}
    for finding in (*findings_of(drafts), *findings_of_change([change])):
        top = _TOP.match(finding.path)
        if finding.rule in known and top:
            found.setdefault(top.group(), finding)
    return found

"""What differs between a stream and its base, and what that means for those who read it."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace

from contractline.clickhouse.ddl import STREAMS, render
from contractline.clickhouse.unmappable import SchemaUnmappable
from contractline.contracts.change import StreamChange
from contractline.contracts.draft import PARTS, Draft, PartUnread
from contractline.gate.diff import between_contracts
from contractline.gate.report import StreamReport, StreamState
from contractline.gate.rollout import rollout
from contractline.gate.verdicts import verdicts
from contractline.project import Project
from contractline.rules.clickhouse_verdict import verdict as sink_verdict

HERE = "the checkout"
"""What the side after the change is called."""


def compared(stream: StreamReport, change: StreamChange, base: str) -> StreamReport:
    """Return a stream's report with what differs from the base, and what that means.

    Args:
        stream: what was found of the stream.
        change: the contract before and after.
        base: what the base is called.
    """
    state = state_of(change)
    if state is StreamState.UNCHANGED:
        return stream
    ddl = _ddl_difference(change)
    said = verdicts(change, sink_verdict(change))
    return replace(
        stream,
        state=state,
        difference=between_contracts(change, base, HERE),
        verdicts=said,
        ddl=ddl,
        rollout=rollout(change, ddl, said),
    )


def state_of(change: StreamChange) -> StreamState:
    """Return what a change does to a stream; words of docs count too."""
    before, after = change.before, change.after
    if before is None:
        return StreamState.NEW
    if after is None:
        return StreamState.REMOVED
    is_same = _texts(before) == _texts(after) and before.released.names == after.released.names
    return StreamState.UNCHANGED if is_same else StreamState.CHANGED


def sql_of(draft: Draft | None) -> str | None:
    """Return the SQL of a stream, empty without tables; None when rules say why there is none."""
    try:
        return render(draft.complete) if draft else ""
    except (PartUnread, SchemaUnmappable):
        return None


def readers_of(project: Project, changes: Sequence[StreamChange]) -> dict[str, tuple[str, ...]]:
    """Return in words who else reads what changed, by stream.

    What could not be read stands at each of them.
    """
    felt = [change for change in changes if _may_be_felt(change)]
    if not felt:
        return {}
    # The parser of SQL takes as long to import as a check takes.
    from contractline.gate.impact import Kind, impact

    readers = [one for one in impact(project, felt) if one.kind is not Kind.GENERATED]
    return {
        change.name: tuple(
            one.words(project.root) for one in readers if one.stream in (change.name, "")
        )
        for change in felt
    }


def _may_be_felt(change: StreamChange) -> bool:
    """Tell whether fields that were there may have changed or gone."""
    before, after = change.before, change.after
    if before is None or after is None:
        return before is not None
    return before.schemas.get("value") != after.schemas.get("value")


def _texts(draft: Draft) -> tuple[object, ...]:
    """Return what tells two states of a contract apart: its texts, and what was released."""
    return (
        draft.document.text if draft.document else None,
        tuple(sorted((part, schema.text) for part, schema in draft.working())),
        [version.schema.text for part in PARTS for version in draft.versions(part)],
    )


def _ddl_difference(change: StreamChange) -> str:
    before, after = sql_of(change.before), sql_of(change.after)
    if before is None or after is None:
        return ""
    name = f"clickhouse_ddl/{STREAMS}/{change.name}.sql"
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="")
    return "\n".join(lines)

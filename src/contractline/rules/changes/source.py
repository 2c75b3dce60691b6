"""Rules about how the source of a released contract may change."""

from __future__ import annotations

from collections.abc import Iterator

from contractline.contracts.model import PostgresSource
from contractline.rules.changes.pair import VersionPair, of_released
from contractline.rules.rule import Violation


@of_released
def source_kept(pair: VersionPair) -> Iterator[Violation]:
    """A stream keeps its source: who writes it, the PostgreSQL table, the connector.

    Why: another table or connector begins with a snapshot of its own, and its log positions do not
    compare with the old ones.

    Bad: ``table: public.people`` where it was ``table: public.github_users``.
    Good: a new contract for the new table.
    """
    before, after = pair.before.pipeline.source, pair.after.pipeline.source
    old, new = (one.model_dump(by_alias=True) for one in (before, after))
    for name in ("kind", "table", "connector"):
        if old.get(name) != new.get(name):
            words = f"the source's {name} changes from {old.get(name)} to {new.get(name)}"
            hint = "take the old one back, or make a new contract"
            yield pair.at(("source", name), words, hint, old.get(name), new.get(name))
            return


@of_released
def epoch_only_grows(pair: VersionPair) -> Iterator[Violation]:
    """The ``epoch`` of a PostgreSQL source never goes back.

    Why: it stands before the log position in every row's version, so rows of a lower epoch lose
    against those that are there.

    Bad: ``epoch: 1`` where it was ``epoch: 2``. Good: ``epoch: 3`` after another restore.
    """
    before, after = pair.before.pipeline.source, pair.after.pipeline.source
    if not (isinstance(before, PostgresSource) and isinstance(after, PostgresSource)):
        return
    if after.epoch < before.epoch:
        words = f"the epoch goes back from {before.epoch} to {after.epoch}"
        hint = f"write `epoch: {before.epoch}`"
        yield pair.at(("source", "epoch"), words, hint, before.epoch, after.epoch)


@of_released
def uncontracted_columns_kept(pair: VersionPair) -> Iterator[Violation]:
    """A stream that stops at a column outside of the contract goes on doing so.

    Why: with ``report`` such a column is left out of the stream and only said. Readers that counted
    on every column miss it.

    Bad: ``uncontractedColumns: report`` where it was ``uncontractedColumns: stop``.
    Good: ``uncontractedColumns: stop``.
    """
    before, after = pair.before.pipeline.source, pair.after.pipeline.source
    if not (isinstance(before, PostgresSource) and isinstance(after, PostgresSource)):
        return
    if before.uncontracted_columns == "stop" != after.uncontracted_columns:
        words = "a column outside of the contract no longer stops the stream"
        hint = "say in the pull request who reads `contractline plan connectors` from now on"
        place = ("source", "uncontractedColumns")
        old, new = before.uncontracted_columns, after.uncontracted_columns
        yield pair.at(place, words, hint, old, new)

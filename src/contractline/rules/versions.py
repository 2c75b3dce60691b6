"""Rules about released versions: what was released never changes, and what is used was released."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path

from contractline.avro.compatibility import Break, Direction, Incompatibility, breaks
from contractline.avro.fields import field_of
from contractline.avro.meaning import reinterpretations
from contractline.avro.node import Node, fields_along
from contractline.avro.schema import Schema
from contractline.contracts.checksums import NAME as SUMS
from contractline.contracts.draft import PARTS, VERSIONS, Draft, version_number
from contractline.contracts.model import Version
from contractline.finding import Finding, Position
from contractline.rules.cdc import is_cdc
from contractline.rules.rule import Violation


def schema_file_named(draft: Draft) -> Iterator[Violation]:
    """Schema files are called value.avsc, key.avsc, versions/value.vN.avsc, versions/key.vN.avsc.

    Besides them versions/ holds SHA256SUMS.

    Why: a file of another name is read by nobody, however much it looks like a schema.

    Bad: versions/value_v2.avsc, versions/value.v02.avsc. Good: versions/value.v2.avsc.
    """
    for name in draft.names:
        if name not in ("value.avsc", "key.avsc"):
            hint = "the working schemas are called value.avsc and key.avsc"
            yield Violation(f"{name} is read by nobody", hint, file=draft.folder / name)
    for name in draft.released.names:
        if not any(version_number(name, part) for part in PARTS):
            hint = "released schemas are called value.v1.avsc, key.v1.avsc and so on"
            file = draft.folder / VERSIONS / name
            yield Violation(f"{name} is not a name of a version", hint, file=file)


def versions_contiguous(draft: Draft) -> Iterator[Violation]:
    """The versions of a schema are numbered 1, 2, 3 without a gap.

    Why: a registry counts so; a gap means that a released file was lost.

    Bad: value.v1.avsc, value.v3.avsc. Good: value.v1.avsc, value.v2.avsc, value.v3.avsc.
    """
    for part in PARTS:
        numbers = draft.numbers(part)
        gaps = (n for n in range(1, draft.newest_number(part)) if n not in numbers)
        missing = list(islice(gaps, 10))
        if missing:
            words = ", ".join(f"{part}.v{number}.avsc" for number in missing)
            hint = "take it back from git; released versions are never removed or renumbered"
            yield Violation(f"missing: {words}", hint, file=draft.folder / VERSIONS)


def versions_distinct(draft: Draft) -> Iterator[Violation]:
    """No two versions of the value mean the same, docs aside.

    Why: a registry takes the second one for the first, so that its numbers and these part ways, and
    producers follow its newest. Debezium looks up the exact schema instead, and a column that was
    added may be dropped again, so that versions of a captured table may come back.

    Bad: value.v3.avsc that brings value.v1.avsc back. Good: a v3 that differs from both.
    """
    if is_cdc(draft):
        return
    hint = "a released version can't come back: add a field that tells them apart"
    seen: dict[Schema, Version] = {}
    versions = draft.versions("value")
    for version in versions:
        first = seen.setdefault(version.schema, version)
        if first is not version:
            words = f"v{version.number} means the same as v{first.number}"
            yield Violation(words, hint, (), version.file)
    if draft.value in seen and draft.value != versions[-1].schema:
        words = f"value.avsc means the same as v{seen[draft.value].number}, an earlier version"
        yield Violation(words, hint, (), draft.file("value"))


def released_version_unchanged(draft: Draft) -> Iterator[Violation | Finding]:
    """A released file holds what it held when it was released, as versions/SHA256SUMS records.

    Why: records written with it lie in the topic; a changed schema reads them wrongly.

    Bad: editing versions/value.v2.avsc. Good: editing value.avsc and
    `contractline release commits`, which writes value.v3.avsc.
    """
    yield from draft.found("RELEASED_VERSION_UNCHANGED")
    sums = draft.released.sums
    if sums is None:
        return
    folder = draft.folder / VERSIONS
    for number in sums.bad_lines:
        hint = "take the file back from git"
        yield Violation(
            "this line is not a record of one file",
            hint,
            file=folder / SUMS,
            position=Position(number),
        )
    for name, recorded in sums.digests.items():
        now = draft.released.digests.get(name)
        if name not in draft.released.names:
            hint = "take it back from git; released versions are never removed"
            words = f"{name} was released and is gone"
            yield Violation(words, hint, file=folder / SUMS, position=Position(sums.lines[name]))
        elif now is not None and now != recorded:
            hint = "take it back from git; make the change in the working schema and release it"
            words = f"{name} changed after its release"
            yield Violation(words, hint, file=folder / name, old=recorded, new=now)


def released_version_recorded(draft: Draft) -> Iterator[Violation]:
    """Each released file is recorded in versions/SHA256SUMS.

    Why: what is not recorded can change unseen. `contractline release` writes both.

    Bad: copying value.avsc to versions/value.v3.avsc. Good: `contractline release commits`.
    """
    recorded = draft.released.sums.digests if draft.released.sums else {}
    for name in draft.released.digests:
        if name not in recorded:
            hint = f"`contractline release {draft.name}` records it"
            words = f"{name} is not recorded in {SUMS}"
            yield Violation(words, hint, file=draft.folder / VERSIONS / name)


def working_schema_released(draft: Draft) -> Iterator[Violation]:
    """The working schema is the newest released version, docs aside.

    Why: the pipeline works by released versions; a change that is not released does nothing.

    Bad: a new field in value.avsc alone. Good: value.avsc, then `contractline release commits`.
    """
    for part, schema in draft.working():
        newest = draft.newest(part)
        if draft.newest_number(part) == 0:
            words = f"{part}.avsc was never released"
        elif part == "value" and newest is not None and newest.schema != schema:
            words = f"value.avsc is not the newest released version, v{newest.number}"
        else:
            continue
        release = f"`contractline release {draft.name}`"
        hint = f"run {release} once the rest is right, or take the change back"
        yield Violation(words, hint, file=draft.file(part))


def key_never_changes(draft: Draft) -> Iterator[Violation]:
    """A released key schema never changes: it has one version, and key.avsc means the same.

    Why: the schema's id is part of the key's bytes. With another one the same key goes to
    another partition, and compaction keeps both.

    Bad: adding a field to key.avsc, removing it, or adding one to a stream that was released
    without. Good: a new stream with its own topic.
    """
    hint = "take the change back; a stream with another key is another stream"
    versions = draft.versions("key")
    for version in versions[1:]:
        yield Violation(f"the key has a second version, v{version.number}", hint, file=version.file)
    if not versions:
        if draft.key is not None and draft.versions("value"):
            words = "the stream was released without a key"
            yield Violation(words, hint, (), draft.file("key"))
    elif draft.key is None:
        words = f"the stream was released with a key (v{versions[0].number}) and key.avsc is gone"
        yield Violation(words, hint, file=draft.file("key"))
    elif draft.key != versions[0].schema:
        words = f"key.avsc is not the released key, v{versions[0].number}"
        yield Violation(words, hint, (), draft.file("key"))


def versions_compatible(draft: Draft) -> Iterator[Violation]:
    """Each version of the value may follow the earlier ones at the compatibility level.

    So may the working schema. Apache Avro's own library decides.

    Why: records of every version lie in the topic, and readers of every version may run.

    Bad: a new field without a default. Good: a new field with a default, old fields kept.
    """
    level = draft.pipeline.compatibility
    for file, schema, earlier in _followers(draft):
        for one in breaks(schema, earlier, level):
            old, new = one.cause.writer_type, one.cause.reader_type
            words, gone = f"{_remedy(one)} ({level})", _missing(one, dict(earlier))
            yield Violation(str(one), words, one.steps, file, old=old, new=new, field=gone)


def _remedy(one: Break) -> str:
    """Return what to do where a version may not follow another."""
    is_backward = one.direction is Direction.BACKWARD
    if not one.cause.writer_type:
        return "give it a default" if is_backward else "keep the field: its readers have no default"
    if one.steps[-1:] == ("symbols",):
        if is_backward:
            return "keep the symbol, or give the enum a default"
        return "say it in another field: only an enum that had a default takes new symbols"
    if not one.steps:
        return "leave the record and its name as they were"
    return "keep the field as it was and add another beside it"


def logical_types_kept(draft: Draft) -> Iterator[Violation]:
    """A field keeps its logical type, and a decimal its precision and scale, in every version.

    Why: Avro resolves by what is on the wire and lets the change through, so that a reader takes
    milliseconds for microseconds, or 12.50 for 1.25, without any error.

    Bad: ``timestamp-millis``, and ``timestamp-micros`` in the next version.
    Good: a new field ``paid_at_micros`` beside ``paid_at``.
    """
    for file, schema, earlier in _followers(draft):
        seen = set()
        for number, before in earlier:
            for one in reinterpretations(schema, before):
                if (one.reason, one.reader_steps) not in seen:
                    seen.add((one.reason, one.reader_steps))
                    old, new = one.writer_type, one.reader_type
                    words = f"v{number}: {one.reason}"
                    hint = _kept_or_agreed(one, schema, number, before)
                    yield Violation(words, hint, one.reader_steps, file, old=old, new=new)


def _kept_or_agreed(change: Incompatibility, schema: Schema, number: int, before: Schema) -> str:
    """Return what to do about another logical type: more where the earlier one stood beside its type."""
    other = "keep the field as it was and add another beside it"
    field = field_of(schema, change.reader_steps)
    along = list(fields_along(Node.root(before), field_of(before, change.writer_steps)))
    logical = along[-1][1].get("logicalType") if along else None
    if logical is None or f"({logical}" not in change.reader_type:
        return other
    return (
        f"{other}; or, where every record of v{number} holds {logical} as its schema says beside"
        f" the type, agree to it in waivers/LOGICAL_TYPES_KEPT.yaml: path `{'.'.join(field)}`,"
        f" migration `records of v{number} are read as {logical}`"
    )


def _missing(one: Break, earlier: Mapping[int, Schema]) -> str:
    """Return the field of an earlier version that new records lack; empty for any other reason."""
    if one.direction is Direction.BACKWARD or one.cause.writer_type:
        return ""
    return ".".join(field_of(earlier[one.version], one.cause.reader_steps))


def _followers(draft: Draft) -> Iterator[tuple[Path, Schema, Sequence[tuple[int, Schema]]]]:
    """Yield each version of the value after the first, and a changed working schema.

    Each comes with its file and the numbered versions before it.
    """
    versions = draft.versions("value")
    numbered = [(version.number, version.schema) for version in versions]
    for position, version in enumerate(versions[1:], 1):
        yield version.file, version.schema, numbered[:position]
    if versions and draft.value != versions[-1].schema:
        yield draft.file("value"), draft.value, numbered

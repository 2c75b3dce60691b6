"""Rules about what a release made last: the contract itself, its versions, its key."""

from __future__ import annotations

from collections.abc import Iterator

from contractline.avro.fields import field_changes, fields
from contractline.contracts.change import StreamChange
from contractline.contracts.checksums import NAME as SUMS
from contractline.contracts.draft import PARTS, VERSIONS
from contractline.rules.changes.pair import VersionPair, of_released
from contractline.rules.rule import Violation


def contract_kept(change: StreamChange) -> Iterator[Violation]:
    """A released contract is not removed, and its folder is not renamed.

    Why: its topic still holds records, and its readers still read. Nothing describes them any
    more, and the next apply leaves their tables without an owner.

    Bad: removing contracts/commits, or renaming it to contracts/git_commits.
    Good: keeping it until its topic is empty, and then `contractline retire commits`, with a waiver
    in contracts/commits/waivers/CONTRACT_KEPT.yaml that says where readers went.
    """
    if change.after is None and change.before and change.before.newest_number("value"):
        hint = "take it back from git; waivers/CONTRACT_KEPT.yaml in its folder agrees to it"
        yield Violation("the contract was released and is gone", hint)


@of_released
def released_version_kept(pair: VersionPair) -> Iterator[Violation]:
    """A released file is still there, and holds what it held at the base.

    Why: records written with it lie in the topic. SHA256SUMS tells when a released file alone
    changes; this tells when its record in SHA256SUMS changes with it.

    Bad: a change of versions/value.v2.avsc together with versions/SHA256SUMS.
    Good: a change of value.avsc, and `contractline release commits`.
    """
    before, after = pair.before.released, pair.after.released
    folder = pair.after.folder / VERSIONS
    meanings = {v.file.name: v.schema for part in PARTS for v in pair.after.versions(part)}
    hint = "take it back from git; released versions never change"
    for version in (v for part in PARTS for v in pair.before.versions(part)):
        name = version.file.name
        old, new = before.digests.get(name), after.digests.get(name)
        if name not in after.names:
            yield Violation(f"{name} was released and is gone", hint, file=folder / SUMS)
        elif name in meanings and meanings[name] != version.schema:
            words = f"{name} means something else than when it was released"
            yield Violation(words, hint, (), folder / name, old=old, new=new)
        elif old is not None and new is not None and old != new:
            words = f"{name} changed after its release"
            yield Violation(words, hint, (), folder / name, old=old, new=new)


@of_released
def default_kept(pair: VersionPair) -> Iterator[Violation]:
    """The default of a field that some version lacks stays as it was.

    Why: records of that version hold nothing of the field, and its default is what they are read
    as. With another one new consumers read other values of them than old consumers do, and than
    the rows that ClickHouse holds already; no registry objects.

    Bad: ``"default": "main"``, and ``"default": "trunk"`` in the next version.
    Good: the old default, and another field beside it.
    """
    names = [field["name"] for field in pair.after.value.fields]
    for one in field_changes(pair.before.value, pair.after.value):
        old, new = one.before, one.after
        if not (old and new and old.default and new.default and old.default != new.default):
            continue
        lacking = [
            f"v{version.number}"
            for version in pair.before.versions("value")
            if old.name not in {field.name for field in fields(version.schema)}
        ]
        if lacking:
            words = (
                f"the default of `{new.path}` changes from {old.default} to {new.default}, which is"
                f" what records of {', '.join(lacking)} are read as"
            )
            hint = (
                "keep the default and add another field; or, after the merge, give the rows that"
                f" are there the new one: `contractline rebuild {pair.after.name}`"
            )
            at = ("fields", names.index(new.name[0]))
            file = pair.after.file("value")
            yield Violation(words, hint, at, file, old=old.default, new=new.default)


@of_released
def key_kept(pair: VersionPair) -> Iterator[Violation]:
    """The key's schema means what it meant when the stream was released.

    Why: the schema's id is part of the key's bytes. With another one the same key goes to another
    partition, and compaction keeps both.

    Bad: a change of key.avsc, versions/key.v1.avsc and SHA256SUMS at once.
    Good: a new stream with its own topic.
    """
    before, after = pair.before.key, pair.after.key
    if before != after and pair.before.versions("key"):
        words = "the key is gone" if after is None else "the key means something else"
        hint = "take the change back; a stream with another key is another stream"
        yield Violation(words, hint, (), pair.after.file("key"))

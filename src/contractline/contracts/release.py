"""Releasing: a changed working schema becomes the next version, which never changes again.

Whether it may is for the rules to say; here is what a release writes. Planning it and writing it
consume the same value. A release that was broken off is finished by the next one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from contractline.avro.compatibility import can_read
from contractline.avro.diff import differences
from contractline.avro.fields import field_changes
from contractline.avro.files import FileUnreadable, decoded, read_bytes
from contractline.avro.meaning import reinterpretations
from contractline.avro.schema import Schema
from contractline.contracts.checksums import NAME as SUMS
from contractline.contracts.checksums import digest, written
from contractline.contracts.draft import VERSIONS, Draft
from contractline.contracts.model import Part
from contractline.errors import ContractlineError

CHANGELOG = "CHANGELOG.md"

SemanticVersion = tuple[int, int]
"""The first two numbers of a contract's version; the third is that of changed words."""

_VERSION = re.compile(r"(\d+)\.(\d+)\.\d+\Z", re.ASCII)
_ENTRY = re.compile(r"^## v(\d+)$", re.MULTILINE | re.ASCII)


class VersionExists(ContractlineError):
    """When the file of the next version is there already, though nothing could be read from it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        super().__init__(
            f"{file} exists already", hint="`contractline check contracts` says what is wrong"
        )


class ReleaseFailed(ContractlineError):
    """When a file of a release can't be read or written; the next release finishes this one."""

    def __init__(self, file: Path, problem: object) -> None:
        self.file = file
        super().__init__(
            f"{file}: {problem}", hint="mend that, then release again: it goes on where it stopped"
        )


@dataclass(frozen=True, slots=True)
class Release:
    """What a release writes.

    Attributes:
        contract: the stream.
        version: the number of the value's new version; None when only records are brought up.
        changes: what changed since the version before, in words.
        files: path and text of each file, in the order in which they are written.
    """

    contract: str
    version: int | None
    changes: tuple[str, ...]
    files: tuple[tuple[Path, str], ...]

    @property
    def is_empty(self) -> bool:
        """Whether nothing is to release."""
        return not self.files


def plan_release(draft: Draft, message: str = "") -> Release:
    """Return what releasing a contract's working schemas writes.

    Args:
        draft: the contract; the rules must have nothing against it that a release does not mend.
        message: why the schema changed, for the contract's changelog.

    Raises:
        PartUnread: a part of the contract could not be read.
        VersionExists: a file is in the way.
        ReleaseFailed: the changelog can't be read.
    """
    schemas = dict(_new_versions(draft))
    values = draft.versions("value")
    newest = draft.newest_number("value")
    version = newest + 1 if "value" in schemas else None
    changes = differences(values[-1].schema, draft.value) if values and version else ()
    texts = {_version_file(draft, part): text for part, text in schemas.items()}
    files = [*_changelog(draft, version, changes, message), *texts.items()]
    files += _sums(draft, {file.name: text for file, text in texts.items()})
    files += _document(draft, schemas.get("value"))
    return Release(draft.name, version, changes, tuple(files))


def write(release: Release) -> None:
    """Write a release, each file whole or not at all.

    Raises:
        ReleaseFailed: a file can't be written.
    """
    for file, text in release.files:
        try:
            file.parent.mkdir(exist_ok=True)
            _replace(file, text)
        except OSError as problem:
            raise ReleaseFailed(file, problem.strerror or problem) from problem


def _new_versions(draft: Draft) -> Iterator[tuple[Part, str]]:
    """Yield the schemas to release; a key only once."""
    if draft.key is not None and not draft.versions("key"):
        yield "key", draft.key.formatted
    values = draft.versions("value")
    if not values or values[-1].schema != draft.value:
        yield "value", draft.value.formatted


def _version_file(draft: Draft, part: Part) -> Path:
    file = draft.folder / VERSIONS / f"{part}.v{draft.newest_number(part) + 1}.avsc"
    if file.exists():
        raise VersionExists(file)
    return file


def _changelog(
    draft: Draft, version: int | None, changes: tuple[str, ...], message: str
) -> Iterator[tuple[Path, str]]:
    if version is None:
        return
    file = draft.folder / CHANGELOG
    lines = ([message.strip(), ""] if message.strip() else []) + [f"- {c}" for c in changes]
    entry = "\n".join([f"## v{version}", "", *(lines or ["First release."])]).rstrip()
    title = f"# Versions of {draft.name}"
    heading, entries = _entries(_text(file) if file.exists() else title)
    entries[version] = entry
    ordered = [entries[number] for number in sorted(entries, reverse=True)]
    yield file, "\n\n".join([heading or title, *ordered]) + "\n"


def _text(file: Path) -> str:
    try:
        return decoded(read_bytes(file))
    except FileUnreadable as problem:
        raise ReleaseFailed(file, problem) from problem


def _entries(text: str) -> tuple[str, dict[int, str]]:
    """Return what stands before the first version of a changelog, and each version's part."""
    found = list(_ENTRY.finditer(text))
    bounds = [match.start() for match in found] + [len(text)]
    entries = {
        int(match.group(1)): text[start:end].strip()
        for match, (start, end) in zip(found, pairwise(bounds), strict=True)
    }
    return text[: bounds[0]].strip(), entries


def _sums(draft: Draft, new: dict[str, str]) -> Iterator[tuple[Path, str]]:
    recorded = dict(draft.released.sums.digests) if draft.released.sums else {}
    digests = dict(draft.released.digests) | recorded
    digests |= {name: digest(text.encode()) for name, text in new.items()}
    if digests != recorded:
        ordered = {name: digests[name] for name in sorted(digests, key=_natural)}
        yield draft.folder / VERSIONS / SUMS, written(ordered)


def _document(draft: Draft, new: str | None) -> Iterator[tuple[Path, str]]:
    """Yield the document with a version that tells what its releases ask of readers."""
    before, after = said_version(draft.odcs.version), _version_after(draft, is_new=new is not None)
    if before != after and draft.document is not None:
        yield draft.odcs_file, draft.document.with_text("version", "{}.{}.0".format(*after))


def _version_after(draft: Draft, *, is_new: bool) -> SemanticVersion:
    said = said_version(draft.odcs.version) or (0, 0)
    schemas = [version.schema for version in draft.versions("value")]
    if is_new and schemas:
        major, minor = said
        said = (major + 1, 0) if must_act(schemas[-1], draft.value) else (major, minor + 1)
    return max(said, least_version([*schemas, draft.value] if is_new else schemas))


def said_version(text: str | None) -> SemanticVersion | None:
    """Return the first two numbers of a document's version; None where it is not three numbers."""
    match = _VERSION.match(text or "")
    return (int(match.group(1)), int(match.group(2))) if match else None


def least_version(schemas: Sequence[Schema]) -> SemanticVersion:
    """Return the first two numbers that released schemas, in order, give a contract at least.

    A version that readers of the one before must act on counts in the first number, every other one
    in the second. People raise either besides when a promise changes.
    """
    major, minor = 1, 0
    for before, after in pairwise(schemas):
        major, minor = (major + 1, 0) if must_act(before, after) else (major, minor + 1)
    return major, minor


def must_act(before: Schema, after: Schema) -> bool:
    """Tell whether readers of a schema must act when the next one comes.

    They need not when they can go on reading with the one before: every field is there still, and
    means the same.
    """
    if before.meaning == after.meaning:
        return False
    if not can_read(before, after) or reinterpretations(after, before):
        return True
    return any(change.kind in {"removed", "renamed"} for change in field_changes(before, after))


def _natural(name: str) -> tuple[str, int]:
    part, _, number = name.removesuffix(".avsc").partition(".v")
    return part, int(number)


def _replace(file: Path, text: str) -> None:
    waiting = file.with_name(f".{file.name}.{os.getpid()}.tmp")
    try:
        with waiting.open("wb") as stream:
            stream.write(text.encode("utf-8"))
            stream.flush()
            os.fsync(stream.fileno())
        waiting.replace(file)
    finally:
        waiting.unlink(missing_ok=True)

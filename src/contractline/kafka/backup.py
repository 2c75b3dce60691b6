"""A registry's backup: a file from which another registry gets the same schemas under the same ids.

The ids are in every message. A registry that was wiped and filled again gives them anew, and old
messages are then read with schemas that are not theirs. Apicurio keeps ids only through its own
export and import; Confluent's registry takes them in the mode IMPORT. So a backup holds both, what
the Confluent API tells and the export of the registry itself, and a restore is checked id by id.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from contractline.clients.registry import Registry, Stored
from contractline.clients.wire import SchemaId
from contractline.contracts.model import Subject
from contractline.errors import ContractlineError

LIST, EXPORT = "registry.json", "apicurio.zip"
_SHOWN = 5


class BackupUnusable(ContractlineError):
    """When a file is not a backup of a registry, or can't be written."""

    def __init__(self, file: Path, problem: str, *, hint: str = "") -> None:
        self.file = file
        super().__init__(f"{file}: {problem}", hint=hint)


class RestoreRefused(ContractlineError):
    """When a registry can't be given the ids of a backup; nothing was written."""

    def __init__(self, url: str, problem: str, *, hint: str) -> None:
        super().__init__(f"Schema Registry at {url}: {problem}", hint=hint)


class IdsMoved(ContractlineError):
    """When a registry holds other ids after a restore than the backup: nothing may use it."""

    def __init__(self, url: str, differences: Sequence[str]) -> None:
        self.differences = tuple(differences)
        more = len(differences) - _SHOWN
        listed = "\n".join(f"  {one}" for one in differences[:_SHOWN])
        super().__init__(
            f"Schema Registry at {url} is not what was backed up:\n{listed}"
            + (f"\n  and {more} more" if more > 0 else ""),
            hint="old messages would be read with wrong schemas: wipe it before anything uses it",
        )


@dataclass(frozen=True, slots=True)
class Backup:
    """What a registry holds.

    Attributes:
        made_at: when it was read.
        stored: every version of every subject.
        levels: the compatibility levels of subjects that have their own.
        common_level: the level of the others.
        export: Apicurio's own export; empty for another registry.
    """

    made_at: str
    stored: tuple[Stored, ...]
    levels: Mapping[str, str]
    common_level: str
    export: bytes

    @classmethod
    def of(cls, registry: Registry) -> Backup:
        """Read a registry.

        Raises:
            RegistryUnavailable: it did not answer, or refused.
        """
        subjects = registry.subjects()
        levels = {subject: registry.level(subject) for subject in subjects}
        return cls(
            datetime.now(UTC).isoformat(timespec="seconds"),
            tuple(one for subject in subjects for one in registry.stored(subject)),
            {subject: level for subject, level in levels.items() if level},
            registry.common_level(),
            registry.export(),
        )

    @classmethod
    def read(cls, file: Path) -> Backup:
        """Read a backup's file.

        Raises:
            BackupUnusable: it is none.
        """
        try:
            with zipfile.ZipFile(file) as archive:
                values = json.loads(archive.read(LIST))
                export = archive.read(EXPORT) if EXPORT in archive.namelist() else b""
            stored = tuple(_stored(one) for one in values["stored"])
            return cls(values["made_at"], stored, values["levels"], values["common_level"], export)
        except OSError as problem:
            raise BackupUnusable(file, problem.strerror or str(problem)) from problem
        except (zipfile.BadZipFile, ValueError, KeyError, TypeError) as problem:
            hint = "`contractline registry backup` writes one"
            raise BackupUnusable(file, "is not a backup of a registry", hint=hint) from problem

    def write(self, file: Path) -> None:
        """Write the backup into a new file.

        Raises:
            BackupUnusable: the file exists, or can't be written.
        """
        values = asdict(self)
        del values["export"]
        content = BytesIO()
        with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(LIST, json.dumps(values, ensure_ascii=False, indent=1))
            if self.export:
                archive.writestr(EXPORT, self.export)
        try:
            with file.open("xb") as out:
                out.write(content.getvalue())
        except FileExistsError as problem:
            hint = "an older backup is never overwritten: name another file"
            raise BackupUnusable(file, "exists already", hint=hint) from problem
        except OSError as problem:
            raise BackupUnusable(file, problem.strerror or str(problem)) from problem

    def differences(self, other: Backup) -> Iterator[str]:
        """Yield in words where another registry differs: versions, ids, schemas, levels."""
        here, there = _by_place(self.stored), _by_place(other.stored)
        for place in here.keys() - there.keys():
            yield f"{place} is missing"
        for place in there.keys() - here.keys():
            yield f"{place} was not in the backup"
        for place in here.keys() & there.keys():
            old, new = here[place], there[place]
            if old.id != new.id:
                yield f"{place} has the id {new.id}, not {old.id}"
            if _meaning(old) != _meaning(new):
                yield f"{place} is another schema"
        for subject in self.levels.keys() | other.levels.keys():
            if self.levels.get(subject) != other.levels.get(subject):
                was, now = self.levels.get(subject, "none"), other.levels.get(subject, "none")
                yield f"{subject} has the compatibility level {now}, not {was}"


def restore(backup: Backup, registry: Registry) -> None:
    """Give an empty registry what a backup holds, and compare it id by id.

    Raises:
        RestoreRefused: the registry is not empty, or can't be given ids.
        IdsMoved: it took the schemas and gave them other ids.
        RegistryUnavailable: it did not answer, or refused.
    """
    if held := registry.subjects():
        raise RestoreRefused(
            registry.url,
            f"holds {len(held)} subjects already, and their ids could be those of the backup",
            hint="restore into an empty registry, before `contractline apply` fills it",
        )
    if registry.is_apicurio:
        if not backup.export:
            raise RestoreRefused(
                registry.url,
                "is Apicurio, which keeps ids only through its own export, and the backup is of"
                " another registry",
                hint="restore into a registry of the kind that was backed up",
            )
        registry.import_export(backup.export)
    else:
        registry.import_versions(_in_order(backup.stored), backup.levels, backup.common_level)
    found = sorted(backup.differences(Backup.of(registry)))
    if found:
        raise IdsMoved(registry.url, found)


def _stored(values: Mapping[str, Any]) -> Stored:
    return Stored(
        Subject(values["subject"]),
        int(values["number"]),
        SchemaId(int(values["id"])),
        values["kind"],
        values["text"],
        tuple(values["references"]),
    )


def _by_place(stored: Sequence[Stored]) -> dict[str, Stored]:
    return {f"{one.subject} version {one.number}": one for one in stored}


def _meaning(one: Stored) -> tuple[Any, ...]:
    try:
        schema = json.loads(one.text)
    except ValueError:
        schema = one.text
    return one.kind, schema, [dict(reference) for reference in one.references]


def _in_order(stored: Sequence[Stored]) -> list[Stored]:
    """Return versions so that what one builds on comes before it: ids rise in that order."""
    return sorted(stored, key=lambda one: (one.id, one.subject, one.number))

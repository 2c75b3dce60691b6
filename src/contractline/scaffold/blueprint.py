"""A contract that is not written yet: what it says, and the text of its document and schemas."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from contractline.avro.schema import Schema
from contractline.contracts.draft import ODCS_FILE, Draft
from contractline.contracts.load import SYSTEM, load_contract
from contractline.contracts.release import ReleaseFailed, plan_release, write
from contractline.errors import ContractlineError
from contractline.project import Project

API_VERSION = "v3.2.0"
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}\Z")
_WIDTH = 100


class NameUnusable(ContractlineError):
    """When a stream can't be called what somebody wants to call it."""

    def __init__(self, name: str, problem: str, *, hint: str = "") -> None:
        self.name = name
        super().__init__(f"a stream can't be called `{name}`: {problem}", hint=hint)


def check_name(project: Project, name: str) -> None:
    """Refuse what can't be the name of a new stream.

    Raises:
        NameUnusable: it is not a name, or there is a contract of that name.
    """
    hint = "begin with a letter; small letters, digits and underscores, at most 63"
    if not _NAME.match(name):
        raise NameUnusable(name, "tables and folders are called after it", hint=hint)
    folders = (project.contracts, project.contracts / SYSTEM)
    if name == SYSTEM or any((folder / name).exists() for folder in folders):
        words = "contracts/ holds a folder of that name already"
        raise NameUnusable(name, words, hint="choose another name")


@dataclass(frozen=True, slots=True)
class Described:
    """What the document says of one field.

    Attributes:
        name: the field.
        description: what it means.
        logical_type: what ODCS calls its type.
        physical_type: what PostgreSQL calls its type.
        required: whether it is never null.
        key_position: its place in the primary key, from 1; 0 outside of it.
    """

    name: str
    description: str
    logical_type: str
    physical_type: str
    required: bool
    key_position: int = 0

    def property(self) -> dict[str, Any]:
        """Return it as ODCS writes it."""
        key = {"primaryKey": True, "primaryKeyPosition": self.key_position}
        return {
            "name": self.name,
            "logicalType": self.logical_type,
            "physicalType": self.physical_type,
            **(key if self.key_position else {}),
            "required": self.required,
            "description": self.description,
        }


@dataclass(frozen=True, slots=True)
class Blueprint:
    """What a new contract says.

    Attributes:
        name: the stream.
        owner: who answers for it; its document lacks one that is empty.
        purpose: what it is for; the same.
        source_words: what the document says of its object.
        physical_name: what the data is called where it comes from.
        topic: the custom property of that name, as are the next three.
        source: who writes it.
        clickhouse: where it lands.
        compatibility: the level; the default when empty.
        values: the schemas of the value to release, oldest first; the last is the working one.
        key: the schema of the key.
        described: what the document says of single fields.
    """

    name: str
    owner: str
    purpose: str
    source_words: str
    physical_name: str
    topic: Mapping[str, Any]
    source: Mapping[str, Any]
    values: Sequence[Schema]
    key: Schema | None = None
    clickhouse: Mapping[str, Any] | None = None
    compatibility: str = "FULL_TRANSITIVE"
    described: Sequence[Described] = ()

    def write(self, folder: Path, message: str = "") -> Draft:
        """Write the contract into a new folder, release its versions, and read it again.

        Args:
            folder: the folder, which does not exist.
            message: what the changelog says of the first version.

        Raises:
            ReleaseFailed: a file can't be written.
        """
        try:
            folder.mkdir(parents=True)
            (folder / ODCS_FILE).write_text(self.document, encoding="utf-8")
            if self.key is not None:
                (folder / "key.avsc").write_text(self.key.formatted, encoding="utf-8")
            for value in self.values:
                (folder / "value.avsc").write_text(value.formatted, encoding="utf-8")
                write(plan_release(load_contract(folder), message))
                message = ""
        except OSError as problem:
            raise ReleaseFailed(folder, problem.strerror or problem) from problem
        return load_contract(folder)

    @property
    def document(self) -> str:
        """The text of the document."""
        table: dict[str, Any] = {
            "name": self.name,
            "physicalName": self.physical_name,
            "logicalType": "object",
            "description": self.source_words,
        }
        if self.described:
            table["properties"] = [one.property() for one in self.described]
        document: dict[str, Any] = {
            "apiVersion": API_VERSION,
            "kind": "DataContract",
            "id": self.name,
            "name": self.name.replace("_", " ").capitalize(),
            "version": "1.0.0",
            "status": "draft",
        }
        if self.purpose:
            document["description"] = {"purpose": self.purpose}
        if self.owner:
            document["team"] = _team(self.owner)
        document["schema"] = [table]
        document["customProperties"] = [
            {"property": name, "value": value} for name, value in self._properties() if value
        ]
        return _yaml(document)

    def _properties(self) -> Iterator[tuple[str, Any]]:
        yield "topic", dict(self.topic)
        yield "compatibility", str(self.compatibility)
        yield "source", dict(self.source)
        yield "clickhouse", dict(self.clickhouse or {})


def _team(owner: str) -> dict[str, Any]:
    words = "Answers for the meaning and the delivery of the stream."
    member = {"username": owner, "role": "owner", "description": words}
    return {"name": owner, "members": [member]}


class _Dumper(yaml.SafeDumper):
    """Writes lists indented below their name, as people do."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _yaml(document: Mapping[str, Any]) -> str:
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=_WIDTH)

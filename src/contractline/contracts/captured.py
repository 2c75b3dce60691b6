"""What Debezium made of the SQL in connect/postgres when it was captured last.

``contractline generate cdc`` runs the real PostgreSQL and Debezium on the SQL and writes the schemas
into connect/captured, so that a check needs neither.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contractline.avro.files import FileUnreadable, decoded, read_bytes
from contractline.avro.schema import Schema, SchemaInvalid
from contractline.contracts.checksums import digest
from contractline.contracts.model import Part
from contractline.errors import ContractlineError
from contractline.finding import TOP, Position
from contractline.project import Project

INDEX = "capture.json"
CREATES = re.compile(r"-- creates: (table|function) (\S.*)\n")
"""The first line of a file of connect/postgres."""
_CREATE = re.compile(r"^\s*(CREATE\s+TABLE)\b", re.IGNORECASE | re.MULTILINE)


@dataclass(frozen=True, slots=True)
class CapturedSource:
    """A file that a capture is made from, as it is now.

    Attributes:
        file: the file.
        name: its path from the checkout's root.
        text: what it holds.
    """

    file: Path
    name: str
    text: str

    @property
    def table(self) -> str:
        """The table that it creates; empty where it creates none."""
        match = CREATES.match(self.text)
        return match.group(2) if match and match.group(1) == "table" else ""

    @property
    def digest(self) -> str:
        """The digest of its text."""
        return digest(self.text.encode())

    def position(self, column: str) -> Position:
        """Return where the file creates a column; the table when there is none."""
        table = _CREATE.search(self.text)
        named = rf'(?m)^\s*("?{re.escape(column)}"?)\s'
        wanted = re.compile(named, re.IGNORECASE) if column and table else None
        found = (wanted.search(self.text, table.end()) if wanted and table else None) or table
        if found is None:
            return TOP
        before = self.text[: found.start(1)]
        line_start = before.rfind("\n") + 1
        start, end = found.span(1)
        return Position(before.count("\n") + 1, start - line_start + 1, end - line_start + 1)


@dataclass(frozen=True, slots=True)
class Index:
    """What connect/captured/capture.json says.

    Attributes:
        made_with: the versions of PostgreSQL, Debezium and the converter.
        made_from: the digest of each file that it was made from.
        keys: the columns of each topic's key.
    """

    made_with: Mapping[str, str] = field(default_factory=dict)
    made_from: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> Index:
        """Return what a file says.

        Raises:
            CaptureUnreadable: it says something else.
        """
        try:
            values = json.loads(text)
            parts = values["made_with"], values["made_from"], values["keys"]
            texts = [*values["made_with"].values(), *values["made_from"].values()]
            for columns in values["keys"].values():
                if not isinstance(columns, list):
                    raise TypeError
                texts += columns
            if not all(isinstance(text, str) for text in texts):
                raise TypeError
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as problem:
            raise CaptureUnreadable("is not what `contractline generate cdc` writes") from problem
        return cls(*parts)

    @property
    def text(self) -> str:
        """The text of the file."""
        values: dict[str, Any] = {
            "made_with": dict(sorted(self.made_with.items())),
            "made_from": dict(sorted(self.made_from.items())),
            "keys": {topic: list(names) for topic, names in sorted(self.keys.items())},
        }
        return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


class CaptureUnreadable(ContractlineError):
    """When a captured file is missing or holds something else; the message says why."""


@dataclass(frozen=True, slots=True)
class Capture:
    """What was captured, and what it was made from as that is now.

    Attributes:
        file: connect/captured/capture.json.
        sources: the SQL and the connector templates.
        index: what was captured; None without a capture.
        schemas: the captured schemas, by subject.
        problem: why the capture can't be used; empty when it can.
    """

    file: Path = Path(INDEX)
    sources: tuple[CapturedSource, ...] = ()
    index: Index | None = None
    schemas: Mapping[str, Schema] = field(default_factory=dict)
    problem: str = ""

    def creator(self, table: str) -> CapturedSource | None:
        """Return the file that creates a table; None when the table is somebody else's."""
        return next((source for source in self.sources if source.table == table), None)

    @property
    def changed(self) -> tuple[CapturedSource, ...]:
        """The files that are others than when they were captured."""
        then = self.index.made_from if self.index else {}
        return tuple(source for source in self.sources if then.get(source.name) != source.digest)

    @property
    def removed(self) -> tuple[str, ...]:
        """The names of files that are gone since."""
        now = {source.name for source in self.sources}
        return tuple(
            name for name in (self.index.made_from if self.index else ()) if name not in now
        )

    @property
    def is_current(self) -> bool:
        """Whether it is of the files as they are now."""
        return bool(self.index and not (self.problem or self.changed or self.removed))

    def schema(self, topic: str, part: Part) -> Schema | None:
        """Return what Debezium wrote into a topic; None where it wrote none."""
        return self.schemas.get(f"{topic}-{part}")

    def columns(self, topic: str) -> Sequence[str] | None:
        """Return the columns of a topic's key; None when the topic was not captured."""
        return self.index.keys.get(topic) if self.index else None


def load_capture(project: Project) -> Capture:
    """Return the capture of a checkout, as far as it can be read."""
    file = project.captured / INDEX
    sources, problems = _sources(project)
    if problems:
        return Capture(file, sources, problem="; ".join(problems))
    if not file.exists():
        return Capture(file, sources)
    try:
        index = Index.parse(_text(file))
        schemas = {name: _schema(project, name) for name in _subjects(index)}
    except CaptureUnreadable as problem:
        return Capture(file, sources, problem=str(problem))
    return Capture(file, sources, index, schemas)


def capture_sources(project: Project) -> list[Path]:
    """Return the files that a capture is made from."""
    return [
        *sorted(project.postgres_sql.glob("*.sql")),
        *sorted(project.connectors.glob("*.json")),
        *sorted(project.connect_plugin.rglob("*.java")),
    ]


def schema_file(project: Project, subject: str) -> Path:
    """Return the file of a captured schema."""
    return project.captured / f"{subject}.avsc"


def _subjects(index: Index) -> list[str]:
    return [
        subject
        for topic, key in index.keys.items()
        for subject in ((f"{topic}-key", f"{topic}-value") if key else (f"{topic}-value",))
    ]


def _sources(project: Project) -> tuple[tuple[CapturedSource, ...], list[str]]:
    """Return the files that can be read, and what is wrong with the others."""
    found, problems = [], []
    for file in capture_sources(project):
        name = file.relative_to(project.root).as_posix()
        try:
            found.append(CapturedSource(file, name, decoded(read_bytes(file))))
        except FileUnreadable as problem:
            problems.append(f"{name} {problem}")
    return tuple(found), problems


def _schema(project: Project, subject: str) -> Schema:
    file = schema_file(project, subject)
    try:
        return Schema.parse(_text(file), str(file))
    except SchemaInvalid as problem:
        raise CaptureUnreadable(f"{file.name} holds no schema: {problem.problem}") from problem


def _text(file: Path) -> str:
    try:
        return decoded(read_bytes(file))
    except FileUnreadable as problem:
        raise CaptureUnreadable(f"{file.name} {problem}") from problem

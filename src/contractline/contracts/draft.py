"""A contract's folder as it was read: every part that could be read, and what is wrong with the rest."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeVar

from open_data_contract_standard.model import OpenDataContractStandard, SchemaProperty

from contractline.avro.files import FileUnreadable, decoded, read_bytes
from contractline.avro.paths import JsonPlaces, Steps
from contractline.avro.schema import Schema
from contractline.contracts.captured import Capture
from contractline.contracts.checksums import Sums
from contractline.contracts.model import Contract, Part, PipelineProperties, Version, properties_of
from contractline.contracts.sla import LatencyInvalid, promised_latency
from contractline.contracts.waivers import Waivers
from contractline.contracts.yamlfile import YamlFile
from contractline.errors import ContractlineError
from contractline.finding import Finding, Position

ODCS_FILE = "contract.odcs.yaml"
VERSIONS = "versions"
PARTS: Final[tuple[Part, ...]] = ("key", "value")

_T = TypeVar("_T")
_VERSION_FILE = re.compile(r"(key|value)\.v([1-9][0-9]{0,8})\.avsc\Z")


def version_number(name: str, part: Part) -> int | None:
    """Return the number of the version that a file name says; None when it is not a version."""
    match = _VERSION_FILE.match(name)
    return int(match.group(2)) if match and match.group(1) == part else None


class PartUnread(ContractlineError):
    """When a part of a contract is asked for that could not be read; a finding says why."""

    def __init__(self, contract: str, part: str) -> None:
        super().__init__(f"{contract}: the {part} could not be read")


@dataclass(frozen=True, slots=True)
class Unread:
    """Stands where a part could not be read."""


UNREAD = Unread()


@dataclass(frozen=True, slots=True)
class Released:
    """The files in ``versions/``.

    Attributes:
        names: every file there, ``SHA256SUMS`` and hidden ones aside.
        versions: those that hold a released schema, by part, in order.
        digests: the SHA-256 of each file that could be read.
        sums: the digests recorded when they were released; None without a ``SHA256SUMS``.
    """

    names: tuple[str, ...]
    versions: Mapping[Part, tuple[Version, ...]]
    digests: Mapping[str, str]
    sums: Sums | None


@dataclass(frozen=True, eq=False)
class Draft:
    """A contract that may hold mistakes.

    The parts raise :class:`PartUnread` when they could not be read: what asks for one of them has
    nothing to say then, since a finding already does.

    Attributes:
        folder: the folder.
        findings: what is wrong with its files.
        released: the files in ``versions/``.
        names: every other schema file in the folder.
        document: the ODCS file; None when it is not YAML.
        waivers: the files in ``waivers/``. Mistakes in them are no findings of the contract:
            what builds on it does not depend on them.
        capture: what Debezium made of the checkout's SQL, for streams that it writes.
    """

    folder: Path
    findings: tuple[Finding, ...]
    released: Released
    names: tuple[str, ...]
    document: YamlFile | None
    odcs_part: OpenDataContractStandard | Unread
    pipeline_part: PipelineProperties | Unread
    schemas: Mapping[Part, Schema | Unread]
    waivers: Waivers = field(default_factory=Waivers)
    capture: Capture = field(default_factory=Capture)
    _places: dict[Path, JsonPlaces] = field(default_factory=dict, repr=False, compare=False)

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def odcs_file(self) -> Path:
        """The contract's document."""
        return self.folder / ODCS_FILE

    @property
    def odcs(self) -> OpenDataContractStandard:
        """The document."""
        return self._read(self.odcs_part, "document")

    @property
    def properties(self) -> dict[str, SchemaProperty]:
        """What the document says of single fields, by field name."""
        return properties_of(self.odcs)

    @property
    def pipeline(self) -> PipelineProperties:
        """The document's part that the pipeline works by."""
        return self._read(self.pipeline_part, "pipeline")

    @property
    def value(self) -> Schema:
        """The working schema of the value."""
        return self._read(self.schemas.get("value", UNREAD), "value's schema")

    @property
    def key(self) -> Schema | None:
        """The working schema of the key; None for a stream without keys."""
        if "key" not in self.schemas:
            return None
        return self._read(self.schemas["key"], "key's schema")

    @property
    def contract(self) -> Contract | None:
        """The contract, when nothing is wrong with its files."""
        return None if self.findings else self.complete

    @property
    def complete(self) -> Contract:
        """The contract, when every part could be read.

        Raises:
            PartUnread: one could not.
        """
        try:
            promised_latency(self.odcs)
        except LatencyInvalid as problem:
            raise PartUnread(self.name, "promised latency") from problem
        return Contract(
            self.name,
            self.folder,
            self.odcs,
            self.pipeline,
            self.value,
            self.key,
            self.versions("value"),
            self.versions("key"),
        )

    def found(self, rule: str) -> Iterator[Finding]:
        """Yield what reading the files found against a rule."""
        return (finding for finding in self.findings if finding.rule == rule)

    def versions(self, part: Part) -> tuple[Version, ...]:
        """Return the released versions of a part that could be read, in order."""
        return self.released.versions.get(part, ())

    def newest(self, part: Part) -> Version | None:
        """Return the newest version of a part; None without one, or when it could not be read."""
        number = self.newest_number(part)
        return next((v for v in self.versions(part) if v.number == number), None)

    def newest_number(self, part: Part) -> int:
        """Return the highest number ever released, by files and records; 0 before the first."""
        recorded = self.released.sums.digests if self.released.sums else {}
        numbers = (version_number(name, part) for name in recorded)
        return max(self.numbers(part) | {number for number in numbers if number}, default=0)

    def numbers(self, part: Part) -> set[int]:
        """Return the numbers of a part's versions by the names of the files."""
        numbers = (version_number(name, part) for name in self.released.names)
        return {number for number in numbers if number}

    def file(self, part: Part) -> Path:
        """Return the file of a working schema."""
        return self.folder / f"{part}.avsc"

    def working(self) -> Iterator[tuple[Part, Schema]]:
        """Yield the working schemas that could be read."""
        for part, schema in self.schemas.items():
            if isinstance(schema, Schema):
                yield part, schema

    def position(self, file: Path, steps: Steps) -> Position | None:
        """Return where in one of the contract's files a place is, where that can be told."""
        if file == self.odcs_file:
            return self.document.position(steps) if self.document else None
        if file.suffix != ".avsc":
            return None
        if file not in self._places:
            try:
                self._places[file] = JsonPlaces(decoded(read_bytes(file)))
            except FileUnreadable:
                return None
        return self._places[file].position(steps)

    def _read(self, part: _T | Unread, name: str) -> _T:
        if isinstance(part, Unread):
            raise PartUnread(self.name, name)
        return part

"""Reading contracts from a checkout.

What is wrong with a file comes back as findings; what is wrong between files is left to the rules.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from open_data_contract_standard.model import OpenDataContractStandard

from contractline.avro.files import FileUnreadable, decoded, read_bytes
from contractline.avro.paths import JsonPlaces, Steps, json_path
from contractline.avro.schema import Schema, SchemaInvalid
from contractline.contracts.captured import load_capture
from contractline.contracts.checksums import NAME as SUMS
from contractline.contracts.checksums import Sums, digest
from contractline.contracts.draft import (
    ODCS_FILE,
    PARTS,
    UNREAD,
    VERSIONS,
    Draft,
    Released,
    Unread,
    version_number,
)
from contractline.contracts.model import Contract, Part, PipelineProperties, Version
from contractline.contracts.odcs import mistakes, pipeline_part, standard_part
from contractline.contracts.sla import LatencyInvalid, promised_latency
from contractline.contracts.waivers import FOLDER as WAIVERS
from contractline.contracts.waivers import load_waivers
from contractline.contracts.yamlfile import YamlFile, YamlInvalid
from contractline.errors import ContractlineError, ContractsInvalid
from contractline.finding import Finding, Position, RuleId, Severity
from contractline.project import Project

SYSTEM = "system"


_CONFLICT = re.compile(r"^<{7} ", re.MULTILINE)
_TAKE_THEIRS = (
    "take versions/ and value.avsc of the branch that is merged, put your own fields into"
    " value.avsc again, and release: docs/guides/evolve-a-schema.md"
)


class ContractUnknown(ContractlineError):
    """When a stream is named that has no contract."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name = name
        super().__init__(
            f"there is no contract `{name}`",
            hint=f"contracts: {', '.join(sorted(known)) or 'none'}",
        )


def load_contracts(project: Project) -> list[Contract]:
    """Return every contract of a checkout, the system's last, each group by name.

    Raises:
        ContractsInvalid: a contract can't be read.
    """
    drafts = load_drafts(project)
    findings = [finding for draft in drafts for finding in draft.findings]
    if findings:
        raise ContractsInvalid(findings)
    return [draft.complete for draft in drafts]


def load_drafts(project: Project, known: Sequence[Draft] = ()) -> list[Draft]:
    """Return every contract of a checkout with its mistakes, in the order of load_contracts.

    Args:
        project: the checkout.
        known: contracts read before: one whose folder this is, by a link, is not read again.
    """
    capture, by_name = load_capture(project), {draft.name: draft for draft in known}
    found = []
    for folder in contract_folders(project):
        draft = by_name.get(folder.name)
        if draft is None or not folder.samefile(draft.folder):
            draft = load_contract(folder)
        found.append(replace(draft, capture=capture))
    return found


def contract_named(contracts: Sequence[Contract], name: str) -> Contract:
    """Return the contract of a stream.

    Raises:
        ContractUnknown: there is none of that name.
    """
    for contract in contracts:
        if contract.name == name:
            return contract
    raise ContractUnknown(name, [contract.name for contract in contracts])


def contract_folders(project: Project) -> list[Path]:
    """Return the folders under contracts/ that hold a contract each.

    One that holds waivers alone is what a removed contract leaves behind.
    """
    system = project.contracts / SYSTEM
    streams = [f for f in _folders(project.contracts) if f.name != SYSTEM]
    folders = [*streams, *_folders(system)]
    return [folder for folder in folders if not _holds_only_waivers(folder)]


def load_contract(folder: Path) -> Draft:
    """Read one contract's folder."""
    reading = _ContractReader(folder)
    document = reading.document()
    odcs = reading.odcs(document)
    return Draft(
        folder,
        released=reading.released(),
        names=tuple(file.name for file in _files(folder) if file.suffix == ".avsc"),
        document=document,
        odcs_part=odcs,
        pipeline_part=reading.pipeline(document, odcs),
        schemas=reading.schemas(),
        waivers=load_waivers(folder),
        findings=tuple(reading.findings),
    )


@dataclass(slots=True)
class _ContractReader:
    """One reading of a folder, and the mistakes met on the way."""

    folder: Path
    findings: list[Finding] = field(default_factory=list)
    _parsed: dict[str, Schema] = field(default_factory=dict)
    """By their texts: a working schema is nearly always its newest version as well."""

    def document(self) -> YamlFile | None:
        file = self.folder / ODCS_FILE
        try:
            document = YamlFile.parse(decoded(read_bytes(file)))
        except FileUnreadable as problem:
            words = f"{ODCS_FILE} {problem}"
            self._add("CONTRACT_READABLE", file, words, position=problem.position)
            return None
        except YamlInvalid as problem:
            words = f"not YAML: {problem.problem}"
            self._add("CONTRACT_READABLE", file, words, position=problem.position)
            return None
        for mistake in mistakes(document.data):
            self._in_document(document, mistake.steps, mistake.text, mistake.hint)
        return document

    def odcs(self, document: YamlFile | None) -> OpenDataContractStandard | Unread:
        if document is None:
            return UNREAD
        odcs = standard_part(document.data)
        if isinstance(odcs, list):
            for mistake in odcs:
                self._in_document(document, mistake.steps, mistake.text, mistake.hint)
            return UNREAD
        try:
            promised_latency(odcs)
        except LatencyInvalid as problem:
            hint = "write a number and a unit: `value: 600` and `unit: ms`"
            words = f"the latency {problem.problem}"
            self._in_document(document, problem.steps, words, hint, "LATENCY_VALID")
        return odcs

    def pipeline(
        self, document: YamlFile | None, odcs: OpenDataContractStandard | Unread
    ) -> PipelineProperties | Unread:
        if document is None or isinstance(odcs, Unread):
            return UNREAD
        pipeline = pipeline_part(odcs)
        if isinstance(pipeline, PipelineProperties):
            return pipeline
        for mistake in pipeline:
            self._in_document(document, mistake.steps, mistake.text, mistake.hint)
        return UNREAD

    def schemas(self) -> dict[Part, Schema | Unread]:
        files = {part: self.folder / f"{part}.avsc" for part in PARTS}
        return {
            part: self._schema(file)
            for part, file in files.items()
            if part == "value" or file.exists() or file.is_symlink()
        }

    def released(self) -> Released:
        digests: dict[str, str] = {}
        versions: dict[Part, list[Version]] = {part: [] for part in PARTS}
        files = [f for f in _files(self.folder / VERSIONS) if f.name != SUMS]
        for file in files:
            for part in PARTS:
                number = version_number(file.name, part)
                schema = UNREAD if number is None else self._schema(file, digests)
                if number is not None and isinstance(schema, Schema):
                    versions[part].append(Version(number, schema, file))
        return Released(
            tuple(file.name for file in files),
            {part: tuple(sorted(found, key=_number)) for part, found in versions.items()},
            digests,
            self._sums(),
        )

    def _schema(self, file: Path, digests: dict[str, str] | None = None) -> Schema | Unread:
        text = ""
        try:
            content = read_bytes(file)
            if digests is not None:
                digests[file.name] = digest(content)
            text = decoded(content)
            if text not in self._parsed:
                self._parsed[text] = Schema.parse(text, str(file))
            return self._parsed[text].at(str(file))
        except FileUnreadable as problem:
            hint = "every stream has a value.avsc, and each schema is a text file of JSON"
            words = f"{file.name} {problem}"
            self._add("SCHEMA_VALID", file, words, position=problem.position, hint=hint)
        except SchemaInvalid as problem:
            places = JsonPlaces(text) if problem.problems else None
            for one in problem.problems:
                at = places.position(one.steps) if places else None
                self._add("SCHEMA_VALID", file, one.text, position=at, steps=one.steps)
            if not problem.problems:
                words, at, hint = problem.problem, problem.position, "mend the JSON"
                if _CONFLICT.search(text):
                    words, hint = "holds a conflict that git left", _TAKE_THEIRS
                self._add("SCHEMA_VALID", file, words, position=at, hint=hint)
        return UNREAD

    def _sums(self) -> Sums | None:
        file = self.folder / VERSIONS / SUMS
        if not file.exists():
            return None
        try:
            return Sums.parse(decoded(read_bytes(file)))
        except FileUnreadable as problem:
            words, at = f"{SUMS} {problem}", problem.position
            self._add("RELEASED_VERSION_UNCHANGED", file, words, position=at)
            return None

    def _in_document(
        self,
        document: YamlFile,
        steps: Steps,
        text: str,
        hint: str,
        rule: str = "CONTRACT_VALID",
    ) -> None:
        at = document.position(steps)
        self._add(rule, self.folder / ODCS_FILE, text, position=at, steps=steps, hint=hint)

    def _add(
        self,
        rule: str,
        file: Path,
        text: str,
        *,
        position: Position | None = None,
        steps: Steps | None = None,
        hint: str = "",
    ) -> None:
        finding = Finding(
            RuleId(rule),
            Severity.ERROR,
            self.folder.name,
            text,
            hint or _HINTS.get(rule, ""),
            file,
            position,
            "" if steps is None else json_path(steps),
        )
        self.findings.append(finding)


_HINTS = {
    "CONTRACT_READABLE": "docs/contracts.md shows the file's parts",
    "SCHEMA_VALID": "write it as the Avro specification says",
    "RELEASED_VERSION_UNCHANGED": "take the file back from git",
}


def _number(version: Version) -> int:
    return version.number


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(f for f in folder.iterdir() if f.is_dir() and not f.name.startswith("."))


def _holds_only_waivers(folder: Path) -> bool:
    return [file.name for file in folder.iterdir()] == [WAIVERS]


def _files(folder: Path) -> Iterator[Path]:
    """Yield what lies in a folder, hidden files aside, by name."""
    if folder.is_dir():
        yield from sorted(f for f in folder.iterdir() if not f.name.startswith("."))

"""Reading contracts from a checkout.

What is wrong with a file comes back as findings; what is wrong between files is left to the rules.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from open_data_contract_standard.model import OpenDataContractStandard
from pydantic import ValidationError

from contractline.avro.schema import Schema, SchemaInvalid
from contractline.contracts.model import Contract, Part, Pipeline, Version
from contractline.errors import ContractsInvalid
from contractline.finding import Finding, RuleId, Severity
from contractline.project import Project

ODCS_FILE = "contract.odcs.yaml"
SYSTEM = "system"
VERSIONS = "versions"

_VERSION_FILE = re.compile(r"^(key|value)\.v([1-9][0-9]*)\.avsc$")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a folder gave: the contract where it could be read, and what is wrong with it."""

    folder: Path
    contract: Contract | None
    findings: tuple[Finding, ...]


def load_contracts(project: Project) -> list[Contract]:
    """Return every contract of a checkout, the system's last, each group by name.

    Raises:
        ContractsInvalid: a contract can't be read.
    """
    loaded = [load_contract(folder) for folder in contract_folders(project)]
    findings = [finding for one in loaded for finding in one.findings]
    if findings:
        raise ContractsInvalid(findings)
    return [one.contract for one in loaded if one.contract]


def contract_named(contracts: Sequence[Contract], name: str) -> Contract:
    """Return the contract of a stream.

    Raises:
        ContractsInvalid: there is none of that name.
    """
    for contract in contracts:
        if contract.name == name:
            return contract
    known = ", ".join(sorted(c.name for c in contracts))
    raise ContractsInvalid([_finding("CONTRACT_EXISTS", name, f"no such contract; known: {known}")])


def contract_folders(project: Project) -> list[Path]:
    """Return the folders under contracts/ that hold a contract each."""
    streams = [f for f in project.contracts.iterdir() if f.is_dir() and f.name != SYSTEM]
    system = project.contracts / SYSTEM
    machinery = [f for f in system.iterdir() if f.is_dir()] if system.is_dir() else []
    return [f for f in (*sorted(streams), *sorted(machinery)) if not f.name.startswith(".")]


def load_contract(folder: Path) -> Loaded:
    """Read one contract's folder."""
    findings: list[Finding] = []
    document = _document(folder, findings)
    value = _schema(folder / "value.avsc", folder.name, findings)
    key_file = folder / "key.avsc"
    key = _schema(key_file, folder.name, findings) if key_file.exists() else None
    values, keys = _versions(folder, "value", findings), _versions(folder, "key", findings)
    if document is None or value is None or findings:
        return Loaded(folder, None, tuple(findings))
    odcs, pipeline = document
    contract = Contract(folder.name, folder, odcs, pipeline, value, key, values, keys)
    return Loaded(folder, contract, ())


def _document(
    folder: Path, findings: list[Finding]
) -> tuple[OpenDataContractStandard, Pipeline] | None:
    file = folder / ODCS_FILE
    try:
        data = yaml.safe_load(file.read_text(encoding="utf-8"))
        odcs = OpenDataContractStandard.model_validate(data)
        sections = {p.property: p.value for p in odcs.customProperties or []}
        return odcs, Pipeline.model_validate(sections)
    except ValidationError as problem:
        for error in problem.errors():
            path = "$." + ".".join(str(part) for part in error["loc"])
            findings.append(_finding("CONTRACT_VALID", folder.name, error["msg"], file, path=path))
    except (OSError, UnicodeDecodeError) as problem:
        findings.append(_finding("CONTRACT_READABLE", folder.name, str(problem), file))
    except yaml.YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        line = mark.line + 1 if mark else None
        text = getattr(problem, "problem", None) or str(problem)
        findings.append(_finding("CONTRACT_READABLE", folder.name, text, file, line=line))
    return None


def _schema(file: Path, contract: str, findings: list[Finding]) -> Schema | None:
    try:
        return Schema.read(file)
    except SchemaInvalid as problem:
        findings.append(_finding("SCHEMA_VALID", contract, problem.problem, file))
        return None


def _versions(folder: Path, part: Part, findings: list[Finding]) -> tuple[Version, ...]:
    found = []
    for file in (folder / VERSIONS).glob(f"{part}.v*.avsc"):
        match = _VERSION_FILE.match(file.name)
        schema = _schema(file, folder.name, findings)
        if match and schema:
            found.append(Version(int(match.group(2)), schema, file))
    return tuple(sorted(found, key=lambda version: version.number))


def _finding(
    rule: str,
    subject: str,
    message: str,
    file: Path | None = None,
    *,
    line: int | None = None,
    path: str = "",
) -> Finding:
    return Finding(RuleId(rule), Severity.ERROR, subject, message, file=file, line=line, path=path)

"""Contracts in a temporary folder: fields in, a change out."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from contractline.contracts.change import StreamChange
from contractline.contracts.draft import Draft
from contractline.contracts.load import load_contract

Fields = Sequence[Mapping[str, Any]]


def field(name: str, kind: Any, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "doc": f"The {name}.", **more}


def stream(folder: Path, *versions: Fields, clickhouse: Mapping[str, Any] | None = None) -> Draft:
    """Write a contract whose versions have an id and these fields; the last one is not released."""
    folder.mkdir(parents=True)
    released = folder / "versions"
    released.mkdir()
    texts = [_schema(fields) for fields in versions]
    sums = []
    for number, text in enumerate(texts[:-1], 1):
        file = released / f"value.v{number}.avsc"
        file.write_text(text, encoding="utf-8")
        sums.append(f"{hashlib.sha256(text.encode()).hexdigest()}  {file.name}\n")
    (released / "SHA256SUMS").write_text("".join(sums))
    (folder / "value.avsc").write_text(texts[-1], encoding="utf-8")
    (folder / "contract.odcs.yaml").write_text(_document(folder.name, clickhouse or {}))
    draft = load_contract(folder)
    assert not draft.findings, draft.findings
    return draft


def change(folder: Path, *versions: Fields, **more: Any) -> StreamChange:
    """Return a new contract as a change, beside no base."""
    return StreamChange(None, stream(folder, *versions, **more))


def _schema(fields: Fields) -> str:
    record = {
        "type": "record",
        "name": "Thing",
        "namespace": "proofs",
        "fields": [field("id", "long"), *fields],
    }
    return json.dumps(record, ensure_ascii=False, indent=2)


def _document(name: str, clickhouse: Mapping[str, Any]) -> str:
    properties = {
        "topic": {"name": f"{name}_topic", "partitions": 1, "cleanup": "delete"},
        "source": {"kind": "producer"},
        "clickhouse": {"current": f"proofs.{name}", "orderBy": ["id"], **clickhouse},
    }
    document = {
        "apiVersion": "v3.2.0",
        "kind": "DataContract",
        "id": name,
        "version": "1.0.0",
        "status": "active",
        "description": {"purpose": "To be proven."},
        "schema": [{"name": name, "physicalName": f"{name}_topic", "logicalType": "object"}],
        "customProperties": [{"property": k, "value": v} for k, v in properties.items()],
    }
    return yaml.safe_dump(document, sort_keys=False)

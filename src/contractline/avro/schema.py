"""One Avro schema: parsed once, compared by meaning, and read in words."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import avro.errors
import avro.schema

from contractline.errors import ContractlineError


class SchemaInvalid(ContractlineError):
    """When a text is no Avro schema."""

    def __init__(self, where: str, problem: str) -> None:
        self.where = where
        self.problem = problem
        super().__init__(f"{where}: not a valid Avro schema: {problem}")


@dataclass(frozen=True)
class Schema:
    """An Avro schema.

    Two schemas are equal when their texts mean the same to a reader and a writer; documentation
    does not count (:attr:`meaning`).

    Attributes:
        definition: the schema as JSON values, as it was written.
        where: the file or subject that it came from, for messages.
    """

    definition: Any
    where: str = "schema"

    @classmethod
    def parse(cls, text: str, where: str = "schema") -> Schema:
        """Return the schema that a JSON text holds.

        Raises:
            SchemaInvalid: the text is no JSON, or no schema by Apache Avro's rules.
        """
        try:
            definition = json.loads(text)
        except (ValueError, RecursionError) as problem:
            raise SchemaInvalid(where, f"not JSON: {problem}") from problem
        try:
            avro.schema.parse(json.dumps(definition))
        except (avro.errors.AvroException, RecursionError, TypeError, ValueError) as problem:
            raise SchemaInvalid(where, str(problem)) from problem
        return cls(definition, where)

    @classmethod
    def read(cls, file: Path) -> Schema:
        """Return the schema that a file holds.

        Raises:
            SchemaInvalid: the file can't be read or holds no schema.
        """
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as problem:
            raise SchemaInvalid(str(file), f"can't be read: {problem}") from problem
        return cls.parse(text, str(file))

    @cached_property
    def text(self) -> str:
        """The schema as one line of JSON, in the order in which it was written."""
        return json.dumps(self.definition, ensure_ascii=False, separators=(",", ":"))

    @cached_property
    def meaning(self) -> str:
        """The schema's text without documentation and with one spelling of everything else.

        Unlike the Parsing Canonical Form of the Avro specification it keeps defaults, aliases,
        logical types and custom properties: all of them change what a reader sees.
        """
        return json.dumps(_normal(self.definition, ""), sort_keys=True, ensure_ascii=False)

    @property
    def fields(self) -> list[dict[str, Any]]:
        """The fields of a record schema; none for any other schema."""
        if isinstance(self.definition, dict) and self.definition.get("type") == "record":
            return cast("list[dict[str, Any]]", self.definition["fields"])
        return []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self.meaning == other.meaning

    def __hash__(self) -> int:
        return hash(self.meaning)


_NAMED = frozenset({"record", "error", "enum", "fixed"})
_PRIMITIVE = frozenset({"null", "boolean", "int", "long", "float", "double", "bytes", "string"})


def _normal(node: Any, namespace: str) -> Any:
    """Full names, no docs, ``{"type": "string"}`` as ``"string"``."""
    if isinstance(node, str):
        return node if node in _PRIMITIVE or "." in node else _full(node, namespace)
    if isinstance(node, list):
        return [_normal(branch, namespace) for branch in node]
    if set(node) == {"type"}:
        return _normal(node["type"], namespace)
    out = {name: value for name, value in node.items() if name not in {"doc", "namespace"}}
    if node["type"] in _NAMED:
        name = _full(node["name"], node.get("namespace", namespace))
        out["name"] = name
        namespace = name.rpartition(".")[0]
        if "fields" in node:
            out["fields"] = [
                {k: v for k, v in f.items() if k != "doc"} | {"type": _normal(f["type"], namespace)}
                for f in node["fields"]
            ]
        return out
    if isinstance(node["type"], (dict, list)):
        out["type"] = _normal(node["type"], namespace)
    for inner in ("items", "values"):
        if inner in node:
            out[inner] = _normal(node[inner], namespace)
    return out


def _full(name: str, namespace: str) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"

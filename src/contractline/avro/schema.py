"""One Avro schema: parsed once, compared by meaning, and read in words."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from platform import python_version
from typing import Any, NoReturn, cast

import avro.schema

from contractline.avro.depth import TOO_DEEP, is_too_deep
from contractline.avro.extent import extent
from contractline.avro.files import FileUnreadable, decoded, read_bytes
from contractline.avro.grammar import MEMBER, NAMED, PRIMITIVE, GrammarProblem, full_name, problems
from contractline.avro.paths import JsonPlaces, Steps, json_path
from contractline.errors import ContractlineError
from contractline.finding import Position, placed


class SchemaInvalid(ContractlineError):
    """When a text is not an Avro schema.

    Attributes:
        where: the file or subject that the text came from.
        problem: what is wrong first.
        problems: all that is wrong, each with its place; none when the text is not JSON.
        position: where reading stopped, when the text is not JSON.
    """

    def __init__(
        self,
        where: str,
        problem: str,
        *,
        problems: Sequence[GrammarProblem] = (),
        position: Position | None = None,
    ) -> None:
        self.where = where
        self.problem = problem
        self.problems = tuple(problems)
        self.position = position
        at = f" at {json_path(self.problems[0].steps)}" if self.problems else ""
        super().__init__(f"{placed(where, position)}: not a valid Avro schema{at}: {problem}")


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
            SchemaInvalid: the text is not JSON, or no schema by Apache Avro's rules.
        """
        schema = cls(_json(text, where), where)
        try:
            found = schema._mistakes()
        except RecursionError as problem:
            raise SchemaInvalid(where, _TOO_DEEP_HERE) from problem
        if found:
            raise SchemaInvalid(where, found[0].text, problems=found)
        # A plain record reaches no further than its text does.
        if not schema.plain_fields and (too_large := extent(schema.definition).problem):
            raise SchemaInvalid(where, too_large)
        return schema

    def _mistakes(self) -> list[GrammarProblem]:
        """Return why it is not a schema."""
        found = [problem for problem in self.problems if not problem.of_default]
        # Apache's takes each plain record without a problem, as a property test holds: it is
        # asked of the others only, for the sake of hundreds of contracts.
        if not found and not self.plain_fields:
            try:
                _ = self.apache
            # Apache's parser lets out whatever its reading stumbles on.
            except Exception as refusal:
                if _is_of_depth(refusal):
                    raise RecursionError from refusal
                found = [GrammarProblem((), (str(refusal) or type(refusal).__name__)[:_SHOWN])]
        return found

    @classmethod
    def read(cls, file: Path) -> Schema:
        """Return the schema that a file holds.

        Raises:
            SchemaInvalid: the file can't be read or holds no schema.
        """
        try:
            text = decoded(read_bytes(file))
        except FileUnreadable as problem:
            raise SchemaInvalid(str(file), str(problem), position=problem.position) from problem
        return cls.parse(text, str(file))

    def at(self, where: str) -> Schema:
        """Return the same schema as it came from another place, with what is known of it."""
        same = Schema(self.definition, where)
        same.__dict__.update(self.__dict__ | {"where": where})
        return same

    @cached_property
    def text(self) -> str:
        """The schema as one line of JSON, in the order in which it was written."""
        return json.dumps(self.definition, ensure_ascii=False, separators=(",", ":"))

    @cached_property
    def formatted(self) -> str:
        """The schema as people read and diff it: indented, in the order in which it was written."""
        return json.dumps(self.definition, ensure_ascii=False, indent=2) + "\n"

    @cached_property
    def meaning(self) -> str:
        """The schema's text without documentation and with one spelling of everything else.

        Unlike the Parsing Canonical Form of the Avro specification it keeps defaults, aliases,
        logical types and custom properties: all of them change what a reader sees.
        """
        return type_meaning(self.definition)

    @cached_property
    def apache(self) -> avro.schema.Schema:
        """The schema as Apache's library holds it, with names resolved.

        Without its logical types: the library's verdicts do not depend on them, and it warns of
        each one that it does not know. With the full names of its types' aliases: the library
        compares those, and leaves out the namespace where a schema does.
        """
        return avro.schema.make_avsc_object(without_logical_types(_normal(self.definition, "")))

    @cached_property
    def problems(self) -> tuple[GrammarProblem, ...]:
        """Where the definition breaks the specification: in a parsed schema only in defaults."""
        return problems(self.definition)

    @property
    def full_name(self) -> str:
        """The name of a named schema with its namespace; empty for any other schema."""
        if isinstance(self.definition, dict) and self.definition["type"] in NAMED:
            return full_name(self.definition["name"], self.definition.get("namespace", ""))
        return ""

    @property
    def fields(self) -> list[dict[str, Any]]:
        """The fields of a record schema; none for any other schema."""
        if isinstance(self.definition, dict) and self.definition.get("type") == "record":
            return cast("list[dict[str, Any]]", self.definition["fields"])
        return []

    @cached_property
    def plain_fields(self) -> dict[str, str]:
        """The fields of a record, with what their types mean, when nothing else matters to a reader.

        Empty when a field has aliases, or a type with a name: what that name stands for may
        differ from schema to schema.
        """
        for steps, node in self.types():
            named = node["type"] in NAMED if isinstance(node, dict) else node not in PRIMITIVE
            if steps and named and not isinstance(node, list):
                return {}
        if any("aliases" in field for field in self.fields):
            return {}
        return {field["name"]: type_meaning(field["type"]) for field in self.fields}

    def types(self) -> Iterator[tuple[Steps, Any]]:
        """Yield every type of the schema with its place, outer ones first."""
        yield from _types(self.definition, ())

    def all_fields(self) -> Iterator[tuple[Steps, dict[str, Any]]]:
        """Yield every field with its place, those of nested records included."""
        for steps, node in self.types():
            if isinstance(node, dict) and node["type"] == "record":
                for position, field in enumerate(node["fields"]):
                    yield (*steps, "fields", position), field

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Schema) and self.meaning == other.meaning

    def __hash__(self) -> int:
        return hash(self.meaning)


_MEANING = json.JSONEncoder(sort_keys=True, ensure_ascii=False)


def type_meaning(node: Any, namespace: str = "") -> str:
    """Return the meaning of one type of a schema, as :attr:`Schema.meaning` of a whole one."""
    # Most types are a name or a union of names, which need no encoder.
    if isinstance(node, str):
        return f'"{_normal(node, namespace)}"'
    if isinstance(node, list):
        return f"[{', '.join(type_meaning(branch, namespace) for branch in node)}]"
    return _MEANING.encode(_normal(node, namespace))


def _json(text: str, where: str) -> Any:
    try:
        definition = json.loads(
            text, object_pairs_hook=_object, parse_constant=_no_constant, parse_float=_finite
        )
        # Half characters, which no other reader would take, stand in the text or are escaped in it.
        text.encode("utf-8")
        if r"\ud" in text or r"\uD" in text:
            json.dumps(definition, ensure_ascii=False).encode("utf-8")
    except json.JSONDecodeError as problem:
        position = Position(problem.lineno, problem.colno)
        raise SchemaInvalid(where, f"not JSON: {problem.msg}", position=position) from problem
    except _NameTwice as problem:
        raise _repeated(text, where) from problem
    except RecursionError as problem:
        raise SchemaInvalid(where, TOO_DEEP) from problem
    except ValueError as problem:
        raise SchemaInvalid(where, f"not JSON: {problem}") from problem
    if is_too_deep(definition, text):
        raise SchemaInvalid(where, TOO_DEEP)
    return definition


def _is_of_depth(problem: BaseException | None) -> bool:
    """Tell whether an error comes from one about depth, which Apache's parser wraps at each level."""
    while problem is not None and not isinstance(problem, RecursionError):
        problem = problem.__cause__ or problem.__context__
    return problem is not None


_SHOWN = 500
_TOO_DEEP_HERE = f"nested deeper than Python {python_version()} follows"


def _repeated(text: str, where: str) -> SchemaInvalid:
    places = JsonPlaces(text)
    steps = places.repeated
    if steps is None:
        return SchemaInvalid(where, "not JSON: a name stands twice in its object")
    words = f"the name `{steps[-1]}` stands twice in {json_path(steps[:-1])}"
    return SchemaInvalid(where, f"not JSON: {words}", position=places.position(steps))


class _NameTwice(Exception):
    """An object holds a name twice: readers silently take one of the two."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NameTwice
    return found


def _finite(number: str) -> float:
    found = float(number)
    if math.isinf(found):
        _no_constant(number)
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number of JSON")


def _types(node: Any, at: Steps) -> Iterator[tuple[Steps, Any]]:
    yield at, node
    if isinstance(node, list):
        for position, branch in enumerate(node):
            yield from _types(branch, (*at, position))
    elif isinstance(node, dict):
        if node["type"] == "record":
            for position, field in enumerate(node["fields"]):
                yield from _types(field["type"], (*at, "fields", position, "type"))
        elif member := MEMBER.get(node["type"]):
            yield from _types(node[member], (*at, member))


def without_logical_types(node: Any) -> Any:
    """Return a definition whose values are what is on the wire: numbers, bytes and text."""
    if isinstance(node, list):
        return [without_logical_types(child) for child in node]
    if isinstance(node, dict):
        return {k: without_logical_types(v) for k, v in node.items() if k != "logicalType"}
    return node


def _normal(node: Any, namespace: str) -> Any:
    """Full names, no docs, ``{"type": "string"}`` as ``"string"``."""
    if isinstance(node, str):
        return node if node in PRIMITIVE else full_name(node, namespace)
    if isinstance(node, list):
        return [_normal(branch, namespace) for branch in node]
    out = {name: value for name, value in node.items() if name not in ("doc", "namespace")}
    if node["type"] in NAMED:
        out["name"] = full_name(node["name"], node.get("namespace", namespace))
        namespace = out["name"].rpartition(".")[0]
        if "aliases" in out:
            out["aliases"] = sorted(full_name(alias, namespace) for alias in out["aliases"])
        if node["type"] == "record":
            out["fields"] = [_normal_field(field, namespace) for field in node["fields"]]
    if member := MEMBER.get(node["type"]):
        out[member] = _normal(node[member], namespace)
    return out["type"] if set(out) == {"type"} else out


def _normal_field(field: dict[str, Any], namespace: str) -> dict[str, Any]:
    out = {name: value for name, value in field.items() if name != "doc"}
    return out | {"type": _normal(field["type"], namespace)}

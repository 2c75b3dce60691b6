"""Where a definition breaks the Avro specification, in words and with the exact place.

Apache's library has the last word on a schema that is not plain (:mod:`contractline.avro.schema`);
it stops at the first mistake and does not say where. It also never looks at defaults.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from contractline.avro.paths import Steps

PRIMITIVE = ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
NAMED = ("record", "enum", "fixed")
MEMBER: Mapping[str, str] = {"array": "items", "map": "values"}
"""Where a type of many values says what they are; the same word in another type means nothing."""

LOGICAL_TYPES: Mapping[str, tuple[str, ...]] = {
    "big-decimal": ("bytes",),
    "date": ("int",),
    "decimal": ("bytes", "fixed"),
    "duration": ("fixed",),
    "local-timestamp-micros": ("long",),
    "local-timestamp-millis": ("long",),
    "local-timestamp-nanos": ("long",),
    "time-micros": ("long",),
    "time-millis": ("int",),
    "timestamp-micros": ("long",),
    "timestamp-millis": ("long",),
    "timestamp-nanos": ("long",),
    "uuid": ("string", "fixed"),
}
"""The logical types of the Avro specification, and the types that may carry them."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_RANGES = {"int": 2**31, "long": 2**63}
_MANY = 20


@dataclass(frozen=True, slots=True)
class GrammarProblem:
    """One mistake in a definition.

    Attributes:
        steps: its place.
        text: what is wrong.
        of_default: it concerns a default only, which Apache's library and many registries
            let through.
    """

    steps: Steps
    text: str
    of_default: bool = False


def problems(definition: Any) -> tuple[GrammarProblem, ...]:
    """Return the mistakes of a definition, at most twenty.

    The definition's nesting must be bounded (:meth:`Schema.parse` sees to it).
    """
    reading = _GrammarCheck()
    found: list[GrammarProblem] = []
    for problem in reading.type(definition, (), ""):
        found.append(problem)
        if len(found) == _MANY:
            break
    return tuple(found)


def full_name(name: str, namespace: str) -> str:
    """Return a name with the namespace that it is used in, unless it has its own."""
    return name if "." in name or not namespace else f"{namespace}.{name}"


@dataclass(slots=True)
class _GrammarCheck:
    """One walk through a definition, and the named types met so far."""

    names: dict[str, dict[str, Any]] = field(default_factory=dict)

    def type(self, node: Any, at: Steps, namespace: str) -> Iterator[GrammarProblem]:
        if isinstance(node, str):
            if node not in PRIMITIVE and full_name(node, namespace) not in self.names:
                yield GrammarProblem(
                    at, f"`{node}` is not an Avro type and no named type defined before it"
                )
        elif isinstance(node, list):
            yield from self._union(node, at, namespace)
        elif isinstance(node, dict):
            yield from self._complex(node, at, namespace)
        else:
            yield GrammarProblem(
                at, f"a type is a name, an object or a list, not {_json_kind(node)}"
            )

    def _complex(self, node: dict[str, Any], at: Steps, namespace: str) -> Iterator[GrammarProblem]:
        kind = node.get("type")
        if kind in NAMED:
            yield from self._named(node, at, namespace)
        elif isinstance(kind, str) and (member := MEMBER.get(kind)):
            if member in node:
                yield from self.type(node[member], (*at, member), namespace)
            else:
                yield GrammarProblem(at, f"the {kind} has no `{member}`")
        elif kind is None:
            yield GrammarProblem(at, "the type has no `type`")
        elif not isinstance(kind, str):
            yield GrammarProblem(
                (*at, "type"), "a type inside a type: write the inner one in its place"
            )
        elif kind not in PRIMITIVE:
            yield GrammarProblem((*at, "type"), f"`{kind}` is not an Avro type")
        yield from _texts(node, at)

    def _union(self, branches: list[Any], at: Steps, namespace: str) -> Iterator[GrammarProblem]:
        seen: set[str] = set()
        for position, branch in enumerate(branches):
            place = (*at, position)
            if isinstance(branch, list):
                yield GrammarProblem(place, "a union directly inside a union")
                continue
            yield from self.type(branch, place, namespace)
            kind = _branch_name(branch, namespace)
            if kind in seen:
                yield GrammarProblem(place, f"the union holds `{kind}` twice")
            seen.add(kind)

    def _named(self, node: dict[str, Any], at: Steps, namespace: str) -> Iterator[GrammarProblem]:
        kind, name, space = node["type"], node.get("name"), node.get("namespace", namespace)
        if not isinstance(name, str):
            yield GrammarProblem(at, f"the {kind} has no `name`")
            return
        if not isinstance(space, str):
            yield GrammarProblem((*at, "namespace"), "a namespace is a text")
            return
        full = full_name(name, space)
        if not all(_NAME.match(part) for part in full.split(".")):
            yield GrammarProblem((*at, "name"), f"`{full}` is not a name: {_NAME_WORDS}")
        elif full in self.names or full in PRIMITIVE:
            yield GrammarProblem(
                (*at, "name"), f"`{full}` is defined twice; refer to it by name instead"
            )
        self.names.setdefault(full, node)
        yield from _aliases(node, at)
        if kind == "record":
            yield from self._fields(node, at, full.rpartition(".")[0])
        elif kind == "enum":
            yield from _symbols(node, at)
        elif not _is_int(size := node.get("size", 0)) or not 1 <= size < _RANGES["int"]:
            yield GrammarProblem(
                at, "the fixed has no `size` of at least 1, and at most 2,147,483,647"
            )

    def _fields(self, node: dict[str, Any], at: Steps, namespace: str) -> Iterator[GrammarProblem]:
        fields = node.get("fields")
        if not isinstance(fields, list):
            yield GrammarProblem(at, "the record has no list of `fields`")
            return
        seen: set[str] = set()
        for position, one in enumerate(fields):
            place: Steps = (*at, "fields", position)
            if not isinstance(one, dict) or not isinstance(one.get("name"), str):
                yield GrammarProblem(place, "the field has no `name`")
                continue
            if not _NAME.match(one["name"]):
                yield GrammarProblem(
                    (*place, "name"), f"`{one['name']}` is not a name: {_NAME_WORDS}"
                )
            if one["name"] in seen:
                yield GrammarProblem(
                    (*place, "name"), f"the record holds the field `{one['name']}` twice"
                )
            seen.add(one["name"])
            yield from self._field(one, place, namespace)

    def _field(self, one: dict[str, Any], at: Steps, namespace: str) -> Iterator[GrammarProblem]:
        if "type" not in one:
            yield GrammarProblem(at, f"the field `{one['name']}` has no `type`")
            return
        inner = list(self.type(one["type"], (*at, "type"), namespace))
        yield from inner
        yield from _aliases(one, at)
        yield from _texts(one, at)
        if one.get("order", "ascending") not in ("ascending", "descending", "ignore"):
            yield GrammarProblem((*at, "order"), "the order is ascending, descending or ignore")
        if "default" in one and not inner:
            yield from self._default(one, at, namespace)

    def _default(self, one: dict[str, Any], at: Steps, namespace: str) -> Iterator[GrammarProblem]:
        if not self._fits(one["type"], one["default"], namespace):
            words = "the default does not fit the type"
            if isinstance(one["type"], list):
                words = "the default does not fit the first branch of the union"
            yield GrammarProblem((*at, "default"), words, of_default=True)

    def _fits(self, node: Any, value: Any, namespace: str) -> bool:
        """Whether a JSON value is a default of a type, as the specification writes defaults."""
        if isinstance(node, list):
            return bool(node) and self._fits(node[0], value, namespace)
        kind = node if isinstance(node, str) else node["type"]
        # A text names a type, and a record may be called `enum`.
        own = PRIMITIVE if isinstance(node, str) else (*PRIMITIVE, *NAMED, "array", "map")
        if kind not in own:
            node = self.names[full_name(kind, namespace)]
            kind = node["type"]
        match kind:
            case "record" | "array" | "map":
                return self._fits_inside(node, kind, value, namespace)
            case "enum":
                return value in node["symbols"]
            case "fixed":
                return _is_bytes(value) and len(value) == node["size"]
        return _fits_primitive(kind, value)

    def _fits_inside(self, node: Any, kind: str, value: Any, namespace: str) -> bool:
        if kind == "array":
            return isinstance(value, list) and all(
                self._fits(node["items"], item, namespace) for item in value
            )
        if not isinstance(value, dict):
            return False
        if kind == "map":
            return all(self._fits(node["values"], item, namespace) for item in value.values())
        space = full_name(node["name"], node.get("namespace", namespace)).rpartition(".")[0]
        return all(
            self._fits(one["type"], value[one["name"]], space)
            if one["name"] in value
            else "default" in one
            for one in node["fields"]
        )


_NAME_WORDS = "letters, digits and underscores, and no digit first"


def _symbols(node: dict[str, Any], at: Steps) -> Iterator[GrammarProblem]:
    symbols = node.get("symbols")
    if not isinstance(symbols, list) or not symbols:
        yield GrammarProblem(at, "the enum has no list of `symbols`")
        return
    seen: set[str] = set()
    for position, symbol in enumerate(symbols):
        place = (*at, "symbols", position)
        if not isinstance(symbol, str) or not _NAME.match(symbol):
            yield GrammarProblem(place, f"`{symbol}` is not a symbol: {_NAME_WORDS}")
        elif symbol in seen:
            yield GrammarProblem(place, f"the enum holds the symbol `{symbol}` twice")
        else:
            seen.add(symbol)
    if "default" in node and node["default"] not in symbols:
        yield GrammarProblem(
            (*at, "default"), f"the default `{node['default']}` is none of the symbols"
        )


def _texts(node: dict[str, Any], at: Steps) -> Iterator[GrammarProblem]:
    for name in ("doc", "logicalType"):
        if not isinstance(node.get(name, ""), str | None):
            yield GrammarProblem((*at, name), f"`{name}` is a text, not {_json_kind(node[name])}")


def _aliases(node: dict[str, Any], at: Steps) -> Iterator[GrammarProblem]:
    aliases = node.get("aliases", [])
    if not isinstance(aliases, list) or not all(
        isinstance(alias, str) and all(_NAME.match(part) for part in alias.split("."))
        for alias in aliases
    ):
        yield GrammarProblem((*at, "aliases"), f"aliases are a list of names: {_NAME_WORDS}")


def _branch_name(branch: Any, namespace: str) -> str:
    """Return what makes a branch of a union another one: its type, or its full name."""
    if isinstance(branch, Mapping):
        kind = branch.get("type")
        if kind in NAMED and isinstance(name := branch.get("name"), str):
            return full_name(name, str(branch.get("namespace", namespace)))
        return str(kind)
    return branch if branch in PRIMITIVE else full_name(str(branch), namespace)


def _fits_primitive(kind: str, value: Any) -> bool:
    match kind:
        case "null":
            return value is None
        case "boolean":
            return isinstance(value, bool)
        case "int" | "long":
            return _is_int(value) and -_RANGES[kind] <= value < _RANGES[kind]
        case "float" | "double":
            return _is_int(value) or isinstance(value, float)
        case "bytes":
            return _is_bytes(value)
    return isinstance(value, str)


def _is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_bytes(value: Any) -> bool:
    """Whether a value is bytes as JSON defaults write them: a character a byte."""
    return isinstance(value, str) and all(ord(character) < 256 for character in value)


def _json_kind(value: Any) -> str:
    return {bool: "a boolean", type(None): "null"}.get(type(value), "a number")

"""The fields of a schema, nested ones included, and how they changed from one schema to another."""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

from contractline.avro.compatibility import Incompatibility
from contractline.avro.grammar import MEMBER
from contractline.avro.paths import Steps
from contractline.avro.schema import Schema
from contractline.avro.text import default_words, full_type_words

Name = tuple[str, ...]
"""The names of a field, outermost first."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a schema.

    Attributes:
        name: its names, outermost first.
        type: its type in words.
        default: its default as the schema writes it; empty where it has none.
        doc: what it means, where the schema says so.
        meaning: its type and default, those of nested fields left out; equal where a reader sees
            no difference.
        aliases: the other names by which a reader finds it.
        rest: what else the schema says of it.
    """

    name: Name
    type: str
    default: str
    doc: str
    meaning: str
    aliases: tuple[str, ...] = ()
    rest: str = ""

    @property
    def path(self) -> str:
        """The names with dots between them."""
        return ".".join(self.name)


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field before and after; at least one of both is there.

    Attributes:
        before: the field as it was; None when it is new.
        after: the field as it is; None when it was removed.
    """

    before: Field | None
    after: Field | None

    @property
    def kind(self) -> str:
        """``added``, ``removed``, ``renamed`` (by an alias) or ``changed``."""
        if self.before is None:
            return "added"
        if self.after is None:
            return "removed"
        return "changed" if self.before.name == self.after.name else "renamed"

    @property
    def names(self) -> tuple[Name, ...]:
        """The names that it has or had."""
        return tuple(dict.fromkeys(f.name for f in (self.before, self.after) if f is not None))

    @property
    def is_felt(self) -> bool:
        """Whether somebody who reads the field as it was sees a difference."""
        if self.before is None:
            return False
        after = self.after
        return after is None or (after.name, after.meaning) != (
            self.before.name,
            self.before.meaning,
        )


def fields(schema: Schema) -> tuple[Field, ...]:
    """Return the fields of a record, each nested one behind the one that holds it."""
    return tuple(_FieldWalk().fields(schema.definition, json.loads(schema.meaning), ()))


def field_changes(old: Schema, new: Schema) -> tuple[FieldChange, ...]:
    """Return the fields that differ: in the new schema's order, then those that were removed.

    A removed field that a new one at the same level names as its alias was renamed. Documentation
    does not count.
    """
    before = {one.name: one for one in fields(old)}
    after = {one.name: one for one in fields(new)}
    renamed = dict(_renamed(before, after))
    found = []
    for name, one in after.items():
        earlier = before.get(renamed.get(name, name))
        if earlier is None or _said(earlier) != _said(one):
            found.append(FieldChange(earlier, one))
    gone = before.keys() - after.keys() - set(renamed.values())
    return (*found, *(FieldChange(before[name], None) for name in before if name in gone))


def field_of(schema: Schema, steps: Steps) -> Name:
    """Return the field that a place in a schema lies in; empty for the record itself."""
    node: Any = schema.apache
    names: list[str] = []
    for step, inner in zip_longest(steps, steps[1:]):
        match step:
            case "fields" if isinstance(inner, int):
                node = node.fields[inner]
                names.append(node.name)
            case "type":
                node = node.type
            case "items" | "values":
                node = getattr(node, step)
            case int() if hasattr(node, "schemas"):
                node = node.schemas[step]
    return tuple(names)


def places(causes: Iterable[Incompatibility], reader: Schema) -> frozenset[Name]:
    """Return the fields of the reader in which it can't read records; empty for the record itself."""
    return frozenset(field_of(reader, cause.reader_steps) for cause in causes)


def lies_in(change: FieldChange, places: Container[Name]) -> bool:
    """Tell whether a field that changed is one of several places, or inside one."""
    return any(name[:length] in places for name in change.names for length in range(len(name) + 1))


@dataclass(frozen=True, slots=True)
class _FieldWalk:
    """A walk through a schema beside its normal form, which has full names and one spelling.

    Attributes:
        named: the types with a name that were met, each as it is written and in its normal form.
    """

    named: dict[str, tuple[Any, Any]] = field(default_factory=dict)

    def fields(self, node: Any, normal: Any, outer: Name, inside: Name = ()) -> Iterator[Field]:
        """Yield the fields of the records in a type; of a record inside itself only once."""
        if isinstance(node, list):
            for branch, normal_branch in zip(node, normal, strict=True):
                yield from self.fields(branch, normal_branch, outer, inside)
            return
        if isinstance(node, str):
            node, normal = self.named.get(normal, (node, normal))
        if isinstance(normal, str):
            return
        if "name" in normal:
            self.named[normal["name"]] = (node, normal)
        if member := MEMBER.get(normal["type"]):
            yield from self.fields(node[member], normal[member], outer, inside)
        if normal["type"] == "record" and normal["name"] not in inside:
            inside = (*inside, normal["name"])
            for one, normal_one in zip(node["fields"], normal["fields"], strict=True):
                yield from self._field(one, normal_one, outer, inside)

    def _field(
        self, node: dict[str, Any], normal: dict[str, Any], outer: Name, inside: Name
    ) -> Iterator[Field]:
        name = (*outer, node["name"])
        nested = list(self.fields(node["type"], normal["type"], name, inside))
        yield Field(
            name,
            full_type_words(node["type"]),
            default_words(node["default"]) if "default" in node else "",
            " ".join(str(node.get("doc") or "").split()),
            _dumped([self._shallow(normal["type"]), normal.get("default"), "default" in normal]),
            tuple(normal.get("aliases", ())),
            _dumped({key: value for key, value in normal.items() if key not in _KNOWN}),
        )
        yield from nested

    def _shallow(self, normal: Any) -> Any:
        """Return a type without the fields of its records."""
        if isinstance(normal, list):
            return [self._shallow(branch) for branch in normal]
        if isinstance(normal, str):
            _, normal = self.named.get(normal, (normal, normal))
        if isinstance(normal, str):
            return normal
        member = MEMBER.get(normal["type"])
        return {
            key: self._shallow(value) if key == member else value
            for key, value in normal.items()
            if key != "fields"
        }


_KNOWN = frozenset({"name", "type", "default", "aliases"})


def _renamed(
    before: Mapping[Name, Field], after: Mapping[Name, Field]
) -> Iterator[tuple[Name, Name]]:
    """Yield the new and the old name of each field that was renamed."""
    taken: set[Name] = set()
    for name, one in after.items():
        if name in before:
            continue
        for alias in one.aliases:
            old = (*name[:-1], alias)
            if old in before and old not in after and old not in taken:
                taken.add(old)
                yield name, old
                break


def _said(one: Field) -> tuple[str, tuple[str, ...], str]:
    return one.meaning, one.aliases, one.rest


def _dumped(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)

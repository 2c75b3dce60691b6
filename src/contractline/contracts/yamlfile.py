"""One YAML file that somebody else wrote: its values, and where each of them stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

import yaml

from contractline.avro.paths import Steps, json_path
from contractline.errors import ContractlineError
from contractline.finding import Position

MAX_DEPTH = 64
"""Levels of nesting."""

SAFE_CHARACTERS = 4_096
"""A level takes a character at least, and the parser itself dies of some ten thousand levels."""

MAX_VALUES = 100_000
"""Values once aliases are written out: a few lines of aliases can stand for billions."""


class YamlInvalid(ContractlineError):
    """When a text is not YAML that can be used.

    Attributes:
        problem: what is wrong.
        position: where it is wrong, where that is known.
    """

    def __init__(self, problem: str, position: Position | None = None) -> None:
        self.problem = problem
        self.position = position
        super().__init__(f"line {position.line}: {problem}" if position else problem)


@dataclass(frozen=True)
class YamlFile:
    """A YAML document.

    Attributes:
        text: the text it was read from.
        data: its values.
        root: its nodes, which know their lines; None for an empty document.
    """

    text: str
    data: Any
    root: yaml.Node | None = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> YamlFile:
        """Return the document that a text holds.

        Raises:
            YamlInvalid: the text is not YAML, or more than a contract ever is.
        """
        try:
            if len(text) > SAFE_CHARACTERS:
                _refuse_deep_text(text)
            loader = yaml.CSafeLoader(text)
            root = loader.get_single_node()
            if root is not None:
                _refuse_deep_and_duplicates(root)
                if "*" in text:
                    _refuse_large(root)
            # Converting a scalar by its tag (`!!int`, a date) lets out any exception.
            return cls(text, loader.construct_document(root) if root else None, root)
        except YamlInvalid:
            raise
        except yaml.MarkedYAMLError as problem:
            mark = problem.problem_mark
            words = problem.problem or str(problem)
            raise YamlInvalid(words, _begin(mark)) from problem
        except Exception as problem:
            raise YamlInvalid(" ".join(str(problem).split())) from problem

    def position(self, steps: Steps) -> Position | None:
        """Return where a place is written; the value above it when it is missing."""
        node = self.node(steps)
        return None if node is None else _position(node)

    def node(self, steps: Steps) -> yaml.Node | None:
        """Return where a place is written: its key in a mapping, its first mark in a list."""
        where = node = self.root
        for step in steps:
            found = _child(node, step)
            if found is None:
                break
            where, node = found
        return where

    def with_text(self, name: str, value: str) -> str:
        """Return the document's text with another value for a name at its top.

        Everything else stays: comments, quotes, line ends.

        Raises:
            YamlInvalid: the value is not written on one line.
        """
        place = _child(self.root, name)
        node = place[1] if place else None
        lines = self.text.split("\n")
        start, end = (node.start_mark, node.end_mark) if node else (None, None)
        if isinstance(node, yaml.ScalarNode) and start and end and start.line == end.line:
            quote = node.style if node.style in ("'", '"') else ""
            line = lines[start.line]
            lines[start.line] = line[: start.column] + quote + value + quote + line[end.column :]
            text = "\n".join(lines)
            if YamlFile.parse(text).data == {**self.data, name: value}:
                return text
        raise YamlInvalid(f"`{name}` is written in a way that can't be edited: set it to {value}")


def _position(node: yaml.Node) -> Position | None:
    begin, end = _begin(node.start_mark), _begin(node.end_mark)
    is_one_line = isinstance(node, yaml.ScalarNode) and begin and end and begin.line == end.line
    return replace(begin, end_column=end.column) if begin and end and is_one_line else begin


class _Mark(Protocol):
    """A place of one of the two parsers, counted from 0."""

    line: int
    column: int


def _begin(mark: _Mark | None) -> Position | None:
    return Position(mark.line + 1, mark.column + 1) if mark else None


def _child(node: yaml.Node | None, step: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(step)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step], node.value[step]
    return None


def _refuse_deep_text(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise YamlInvalid(_TOO_DEEP, _begin(event.start_mark))
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


_TOO_DEEP = f"nested more than {MAX_DEPTH} levels deep"


def _refuse_large(root: yaml.Node) -> None:
    sizes: dict[int, int | None] = {}

    def size(node: yaml.Node) -> int:
        if id(node) in sizes:
            known = sizes[id(node)]
            if known is None:
                raise YamlInvalid("an alias holds itself", _position(node))
            return known
        sizes[id(node)] = None
        total = 1 + sum(size(child) for child in _inner(node))
        if total > MAX_VALUES:
            words = f"more than {MAX_VALUES:,} values, aliases written out"
            raise YamlInvalid(words, _position(node))
        sizes[id(node)] = total
        return total

    size(root)


def _refuse_deep_and_duplicates(root: yaml.Node) -> None:
    seen: set[int] = set()
    waiting: list[tuple[yaml.Node, Steps]] = [(root, ())]
    while waiting:
        node, steps = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if len(steps) >= MAX_DEPTH and isinstance(node, yaml.CollectionNode):
            raise YamlInvalid(_TOO_DEEP, _begin(node.start_mark))
        names: set[str] = set()
        for key, child in _named(node):
            if key.value in names:
                words = f"the name `{key.value}` stands twice in {json_path(steps)}"
                raise YamlInvalid(words, _position(key))
            names.add(key.value)
            waiting.append((child, (*steps, key.value)))
        if isinstance(node, yaml.SequenceNode):
            waiting += [(child, (*steps, place)) for place, child in enumerate(node.value)]


def _named(node: yaml.Node) -> Iterator[tuple[yaml.ScalarNode, yaml.Node]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise YamlInvalid("a name is a text", _position(key))
            if key.tag != "tag:yaml.org,2002:merge":
                yield key, value


def _inner(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.SequenceNode):
        yield from node.value
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value

"""Changing a few values of a contract's document, so that everything else in it stays as it is."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from contractline.contracts.yamlfile import YamlFile, YamlInvalid

_DUMP: Mapping[str, Any] = {"sort_keys": False, "allow_unicode": True, "width": 100}


def with_properties(
    text: str, changed: Mapping[str, Mapping[str, Any]], gone: Sequence[str]
) -> str:
    """Return a document that says other things of some fields.

    Args:
        text: the document.
        changed: what it shall say of a field, by the field's name; a field of which it said nothing
            comes behind the others.
        gone: the fields of which it shall say nothing.

    Raises:
        YamlInvalid: the document is written in a way that can't be edited.
    """
    for name in gone:
        item = _property(text, name)
        if item is not None:
            text = _without_lines(text, _first_line(text, item), _last_line(item))
    for name, values in changed.items():
        item = _property(text, name)
        if item is None:
            text = _appended(text, ("schema", 0, "properties"), {"name": name, **values})
            continue
        for key, value in values.items():
            item = _property(text, name)
            if item is not None:
                text = _with_value(text, item, key, value)
    return text


def with_compatibility(text: str, level: str) -> str:
    """Return a document that promises another compatibility level.

    Raises:
        YamlInvalid: the document is written in a way that can't be edited.
    """
    for item in _items(text, ("customProperties",)):
        if _scalar(item, "property") == "compatibility":
            return _with_value(text, item, "value", level)
    return _appended(text, ("customProperties",), {"property": "compatibility", "value": level})


def _items(text: str, steps: Sequence[str | int]) -> Iterator[yaml.MappingNode]:
    for item in _list(text, steps).value:
        if isinstance(item, yaml.MappingNode):
            yield item


def _list(text: str, steps: Sequence[str | int]) -> yaml.SequenceNode:
    node: Any = YamlFile.parse(text).root
    for step in steps:
        if isinstance(step, int) and isinstance(node, yaml.SequenceNode):
            node = node.value[step] if step < len(node.value) else None
        elif isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == step), None)
    if not isinstance(node, yaml.SequenceNode) or node.flow_style or not node.value:
        raise YamlInvalid(f"`{'.'.join(map(str, steps))}` is not a list of a line each")
    return node


def _property(text: str, name: str) -> yaml.MappingNode | None:
    found = (item for item in _items(text, ("schema", 0, "properties")))
    return next((item for item in found if _scalar(item, "name") == name), None)


def _scalar(item: yaml.MappingNode, name: str) -> str | None:
    node = next((value for key, value in item.value if key.value == name), None)
    return str(node.value) if isinstance(node, yaml.ScalarNode) else None


def _with_value(text: str, item: yaml.MappingNode, name: str, value: object) -> str:
    lines = text.split("\n")
    written = yaml.safe_dump(value, **_DUMP).partition("\n")[0]
    node = next((node for key, node in item.value if key.value == name), None)
    if node is None:
        indent = " " * item.value[0][0].start_mark.column
        lines.insert(_last_line(item) + 1, f"{indent}{name}: {written}")
        return "\n".join(lines)
    start, end = node.start_mark, node.end_mark
    if not isinstance(node, yaml.ScalarNode) or start.line != end.line:
        raise YamlInvalid(f"`{name}` is written over several lines: set it to {written}")
    line = lines[start.line]
    lines[start.line] = line[: start.column] + written + line[end.column :]
    return "\n".join(lines)


def _appended(text: str, steps: Sequence[str | int], values: Mapping[str, Any]) -> str:
    last = _list(text, steps).value[-1]
    lines = text.split("\n")
    dash = lines[_first_line(text, last)].index("-")
    item = yaml.safe_dump([dict(values)], **_DUMP).rstrip("\n")
    lines.insert(_last_line(last) + 1, textwrap.indent(item, " " * dash))
    return "\n".join(lines)


def _without_lines(text: str, first: int, last: int) -> str:
    lines = text.split("\n")
    return "\n".join(lines[:first] + lines[last + 1 :])


def _first_line(text: str, item: yaml.Node) -> int:
    """Return the line of an item's dash."""
    lines = text.split("\n")
    line: int = item.start_mark.line
    while not lines[line].lstrip().startswith("-"):
        line -= 1
    return line


def _last_line(node: yaml.Node) -> int:
    """Return the last line of a node: where its last value ends, comments behind it aside."""
    while isinstance(node, yaml.MappingNode | yaml.SequenceNode) and node.value:
        last = node.value[-1]
        node = last[1] if isinstance(last, tuple) else last
    mark = node.end_mark
    # A block scalar ends where the next thing begins.
    return int(mark.line if mark.column else mark.line - 1)

"""A graph as a picture: SVG for a page, Mermaid for Markdown. The same input gives the same bytes."""

from __future__ import annotations

from dataclasses import dataclass

from contractline.catalog.graph import Graph, GraphNode

_CHARACTER, _PAD = 7.3, 20
_HEIGHT, _GAP_X, _GAP_Y, _MARGIN = 44, 56, 16, 8
_LEAST = 96


@dataclass(frozen=True, slots=True)
class Box:
    """Where a node stands.

    Attributes:
        node: the node.
        x: left edge.
        y: upper edge.
        width: its width.
    """

    node: GraphNode
    x: int
    y: int
    width: int


@dataclass(frozen=True, slots=True)
class Picture:
    """What an SVG shows.

    Attributes:
        width: of the whole.
        height: of the whole.
        boxes: the nodes.
        paths: the edges, each as the data of a path.
    """

    width: int
    height: int
    boxes: tuple[Box, ...]
    paths: tuple[str, ...]


def picture(graph: Graph) -> Picture:
    """Return where everything stands, columns from left to right."""
    tallest = max((len(column) for column in graph.columns), default=0)
    height = 2 * _MARGIN + tallest * _HEIGHT + max(tallest - 1, 0) * _GAP_Y
    boxes: dict[GraphNode, Box] = {}
    x = _MARGIN
    for column in graph.columns:
        width = max(_width(node) for node in column)
        taken = len(column) * _HEIGHT + (len(column) - 1) * _GAP_Y
        y = (height - taken) // 2
        for node in column:
            boxes[node] = Box(node, x, y, width)
            y += _HEIGHT + _GAP_Y
        x += width + _GAP_X
    paths = tuple(_path(boxes[a], boxes[b]) for a, b in graph.edges)
    return Picture(x - _GAP_X + _MARGIN, height, tuple(boxes.values()), paths)


def mermaid(graph: Graph) -> str:
    """Return a graph as a Mermaid diagram."""
    names = {node: f"n{number}" for number, node in enumerate(graph.nodes, 1)}
    lines = ["flowchart LR"]
    lines += (
        f'    {name}["{_label(node.kind)}<br/>{_label(node.name)}"]' for node, name in names.items()
    )
    lines += (f"    {names[a]} --> {names[b]}" for a, b in graph.edges)
    return "\n".join(lines)


def _width(node: GraphNode) -> int:
    return max(_LEAST, round(_CHARACTER * len(node.name)) + _PAD)


def _path(start: Box, end: Box) -> str:
    """Return the curve from the right edge of a box to the left edge of another."""
    x1, y1 = start.x + start.width, start.y + _HEIGHT // 2
    x2, y2 = end.x, end.y + _HEIGHT // 2
    bend = max((x2 - x1) // 2, _GAP_X // 2)
    return f"M{x1} {y1}C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"


def _label(words: str) -> str:
    """Return words for a quoted label, where only letters, digits and a few signs are plain."""
    return "".join(
        sign if sign.isalnum() or sign in " ._-/" else f"#{ord(sign)};" for sign in words
    )

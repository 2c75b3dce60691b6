"""The way of streams from source to reader as a graph, and where its parts stand in a picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import mean

from contractline.clickhouse.ddl import INGESTION, QUEUE_SUFFIX
from contractline.contracts.draft import Draft
from contractline.contracts.model import PostgresSource, ProducerSource
from contractline.lineage.lineage import Lineage
from contractline.lineage.panels import LineagePanel


@dataclass(frozen=True, slots=True, order=True)
class GraphNode:
    """One part of the way.

    Attributes:
        kind: source, topic, queue, stream, table, view, dictionary, question, panel or relation.
        name: what it is called.
    """

    kind: str
    name: str


Edge = tuple[GraphNode, GraphNode]


@dataclass(frozen=True)
class Graph:
    """Nodes, and which of them fills which."""

    nodes: tuple[GraphNode, ...]
    edges: tuple[Edge, ...]

    @classmethod
    def of(cls, edges: Iterable[Edge], more: Iterable[GraphNode] = ()) -> Graph:
        """Return the graph of edges, and of nodes that may have none."""
        ordered = sorted(set(edges))
        return cls(
            tuple(sorted({*more, *(node for edge in ordered for node in edge)})), tuple(ordered)
        )

    def behind(self, start: GraphNode) -> Graph:
        """Return the part that can be reached from a node."""
        found, waiting = {start}, [start]
        while waiting:
            here = waiting.pop()
            new = {after for before, after in self.edges if before == here} - found
            found |= new
            waiting += sorted(new)
        return Graph.of((edge for edge in self.edges if set(edge) <= found), [start])

    def without(self, hidden: Callable[[GraphNode], bool]) -> Graph:
        """Return the graph with some nodes left out, what they join joined directly."""
        edges = set(self.edges)
        for node in filter(hidden, self.nodes):
            before = {a for a, b in edges if b == node}
            after = {b for a, b in edges if a == node}
            edges = {edge for edge in edges if node not in edge}
            edges |= {(a, b) for a in before for b in after if a != b}
        return Graph.of(edges, (node for node in self.nodes if not hidden(node)))

    @cached_property
    def columns(self) -> tuple[tuple[GraphNode, ...], ...]:
        """The nodes in columns: each right of all that fill it, near to what it is joined with."""
        depths = self._depths()
        columns: list[list[GraphNode]] = [[] for _ in range(max(depths.values(), default=-1) + 1)]
        places: dict[GraphNode, float] = {}
        for depth, column in enumerate(columns):
            column += (node for node in self.nodes if depths[node] == depth)
            heights = {node: self._height(node, places) for node in column}
            column.sort(key=lambda node: (heights[node], node))
            places |= {node: place for place, node in enumerate(column)}
        return tuple(tuple(column) for column in columns)

    def _height(self, node: GraphNode, places: Mapping[GraphNode, float]) -> float:
        before = [places[a] for a, b in self.edges if b == node and a in places]
        return mean(before) if before else 0.0

    def _depths(self) -> dict[GraphNode, int]:
        """Return the longest way to each node; one in a circle counts from where it is met."""
        before: dict[GraphNode, list[GraphNode]] = {node: [] for node in self.nodes}
        for a, b in self.edges:
            before[b].append(a)
        depths: dict[GraphNode, int] = {}
        met: set[GraphNode] = set()

        def depth(node: GraphNode) -> int:
            if node not in depths:
                if node in met:
                    return -1
                met.add(node)
                depths[node] = 1 + max((depth(one) for one in before[node]), default=-1)
            return depths[node]

        for node in self.nodes:
            depth(node)
        return depths


def graph_of(drafts: Sequence[Draft], lineage: Lineage, panels: Sequence[LineagePanel]) -> Graph:
    """Return the way of every stream of a checkout."""
    edges: list[Edge] = []
    kinds = {part.name: part.kind for part in lineage.parts if not part.target}
    for draft in drafts:
        kinds[f"{INGESTION}.{draft.name}{QUEUE_SUFFIX}"] = "queue"
        kinds[f"{INGESTION}.{draft.name}"] = "stream"
        topic = topic_of(draft)
        edges.append((source_of(draft), topic))
        if draft.pipeline.clickhouse is not None:
            edges.append((topic, GraphNode("queue", f"{INGESTION}.{draft.name}{QUEUE_SUFFIX}")))
    for part in lineage.parts:
        name = part.target or part.name
        node = GraphNode(kinds.get(name, "relation"), name)
        edges += (
            (GraphNode(kinds.get(one, "relation"), one), node) for one in part.query.relations
        )
        edges += (
            (node, GraphNode("panel", panel.name))
            for panel in panels
            if panel.question == part.file
        )
    return Graph.of(edge for edge in edges if edge[0] != edge[1])


def source_of(draft: Draft) -> GraphNode:
    """Return who writes a stream."""
    match draft.pipeline.source:
        case PostgresSource(table=table):
            return GraphNode("source", f"PostgreSQL {table}")
        case ProducerSource():
            return GraphNode("source", f"producer of {draft.name}")
    return GraphNode("source", "the machinery")


def topic_of(draft: Draft) -> GraphNode:
    """Return the topic of a stream."""
    return GraphNode("topic", draft.pipeline.topic.name)

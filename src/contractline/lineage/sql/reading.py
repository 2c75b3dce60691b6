"""Which columns a ClickHouse query reads, and which of them each column of its answer comes from.

sqlglot gives the tree; names are resolved here by ClickHouse's own rules, which differ from other
dialects': an alias is visible everywhere in its SELECT and comes before a column of its name,
`WITH expression AS name` is an alias too, tables are qualified by their database.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlglot import exp

from contractline.lineage.sql.functions import LOOKUPS, Known, behind_function
from contractline.lineage.sql.scopes import (
    NOTHING,
    Outputs,
    Reference,
    References,
    Scope,
    ScopeSource,
    aliases_of,
    matching,
    member,
)

_PARTS = frozenset({"with_", "from_", "joins", "expressions", "settings", "format"})


@dataclass(slots=True)
class QueryReads:
    """What a query reads.

    Attributes:
        reads: each column that it reads, and the first line where it does.
        relations: each table, view or dictionary that it names.
        outputs: the columns of its answer.
    """

    reads: dict[Reference, int] = field(default_factory=dict)
    relations: set[str] = field(default_factory=set)
    outputs: Outputs = field(default_factory=dict)


def read_query(tree: exp.Expr, known: Known, database: str = "") -> QueryReads:
    """Resolve the columns of a query.

    Args:
        tree: the query.
        known: the columns of every relation.
        database: where a table without a database is looked for first.
    """
    reading = _Resolver(known, database)
    reading.query.outputs = reading.outputs(tree, Scope())
    return reading.query


def read_expressions(
    trees: Iterable[tuple[str, exp.Expr]], relation: str, columns: Iterable[str]
) -> QueryReads:
    """Resolve the columns of expressions over one table, such as its defaults.

    Args:
        trees: the expressions; those of one name come together in one column of the answer.
        relation: the table.
        columns: its columns.
    """
    reading = _Resolver({relation: tuple(columns)}, "")
    scope = Scope()
    scope.sources.append(reading.relation(relation, relation))
    for name, tree in trees:
        found = reading.value(tree, scope)
        reading.query.outputs[name] = reading.query.outputs.get(name, NOTHING) | found
    return reading.query


class _Resolver:
    """One walk through a query."""

    def __init__(self, known: Known, database: str) -> None:
        self.query = QueryReads()
        self._known = known
        self._database = database

    def outputs(self, node: exp.Expr, scope: Scope) -> Outputs:
        """Read a query, and return the columns of its answer."""
        if isinstance(node, exp.Subquery):
            inner = scope.inner()
            self._with(node, inner)
            if isinstance(node.this, exp.Table):
                self._source(node.this, inner)
                return self._star(inner)
            return self.outputs(node.this, inner)
        if isinstance(node, exp.SetOperation):
            inner = scope.inner()
            self._with(node, inner)
            left = self.outputs(node.this, inner)
            right = list(self.outputs(node.expression, inner).values())
            right += [NOTHING] * (len(left) - len(right))
            return {n: refs | more for (n, refs), more in zip(left.items(), right, strict=False)}
        if isinstance(node, exp.Select):
            return self._select(node, scope.inner())
        self.value(node, scope)
        return {}

    def value(self, node: exp.Expr, scope: Scope) -> References:
        """Read an expression, and return what it comes from."""
        match node:
            case exp.Column(this=exp.Star()):
                return self._all(self._starred(node.this, scope, node.table), node.this)
            case exp.Column():
                return self._column(node, scope)
            case exp.Star():
                return self._all(self._starred(node, scope), node)
            case exp.Count(this=exp.Star()):
                return NOTHING
            case exp.Columns():
                return self._all(matching(self._star(scope), node), node)
            case exp.Query():
                return self._nested(node, scope)
        found = self._looked_up(node) if isinstance(node, exp.Anonymous) else NOTHING
        return found.union(*(self.value(child, scope) for child in node.iter_expressions()))

    def relation(self, name: str, *names: str) -> ScopeSource:
        """Return a table, view or dictionary as a source."""
        self.query.relations.add(name)
        if name not in self._known:
            return ScopeSource(names, {}, name)
        return ScopeSource(names, {c: frozenset({(name, c)}) for c in self._known[name]})

    # One SELECT

    def _select(self, node: exp.Select, scope: Scope) -> Outputs:
        self._with(node, scope)
        if node.args.get("from_"):
            self._source(node.args["from_"].this, scope)
        self._joins(node, scope)
        for alias in aliases_of(node):
            scope.aliases.setdefault(alias.alias, alias.this)
        answer: Outputs = {}
        for one in node.expressions:
            answer.update(self._projection(one, scope))
        for part, value in node.args.items():
            if part not in _PARTS:
                for child in value if isinstance(value, list) else [value]:
                    if isinstance(child, exp.Expr):
                        self.value(child, scope)
        return answer

    def _with(self, node: exp.Expr, scope: Scope) -> None:
        clause = node.args.get("with_")
        for cte in clause.expressions if clause else ():
            if cte.args.get("scalar"):
                scope.aliases[cte.alias] = cte.this
                self.value(cte.this, scope)
            else:
                scope.ctes[cte.alias] = {}
                scope.ctes[cte.alias] = self.outputs(cte.this, scope)

    def _source(self, node: exp.Expr, scope: Scope) -> None:
        while isinstance(node, exp.Final):
            node = node.this
        if isinstance(node, exp.Table):
            scope.sources.append(self._table(node, scope))
        else:
            scope.sources.append(ScopeSource((node.alias,), self.outputs(node, scope)))
        self._joins(node, scope)

    def _table(self, node: exp.Table, scope: Scope) -> ScopeSource:
        name = node.name
        if not isinstance(node.this, exp.Identifier):
            return self._function(node, scope)
        if not node.db and name in scope.ctes:
            return ScopeSource((node.alias or name,), scope.ctes[name])
        alias = node.args.get("alias")
        if not node.db and name == "dictionary" and alias and alias.columns:
            return self.relation(alias.columns[0].name, node.alias)
        full = self._full(name, node.db)
        return self.relation(full, *((node.alias,) if node.alias else (name, full)))

    def _function(self, node: exp.Table, scope: Scope) -> ScopeSource:
        """Return a table function as a source: what it reads, where that is in ClickHouse."""
        function = node.this
        if function.name.lower() == "view" and function.expressions:
            return ScopeSource((node.alias,), self.outputs(function.expressions[0], scope))
        columns: Outputs = {}
        relations = list(behind_function(function, self._known))
        for relation in relations:
            for name, refs in self.relation(relation).columns.items():
                columns[name] = columns.get(name, NOTHING) | refs
        return ScopeSource((node.alias,), columns, None if relations else "")

    def _full(self, name: str, database: str) -> str:
        """Return a relation's whole name: in the query's own database, or the only one of its name."""
        if database:
            return f"{database}.{name}"
        own = f"{self._database}.{name}"
        if own in self._known:
            return own
        same = [known for known in self._known if known.partition(".")[2] == name]
        return same[0] if len(same) == 1 else own

    def _joins(self, node: exp.Expr, scope: Scope) -> None:
        for join in node.args.get("joins") or ():
            if join.args.get("kind") == "ARRAY":
                for one in (join.this, *join.expressions):
                    if isinstance(one, exp.Alias):
                        scope.aliases.setdefault(one.alias, one.this)
                    self.value(one, scope)
                continue
            self._source(join.this, scope)
            if join.args.get("on"):
                self.value(join.args["on"], scope)
            for name in join.args.get("using") or ():
                for source in scope.sources:
                    self._seen(source.columns.get(name.name, NOTHING), name)

    def _projection(self, node: exp.Expr, scope: Scope) -> Outputs:
        star = node.this if isinstance(node, exp.Column | exp.Apply) else node
        if isinstance(node, exp.Apply) and isinstance(star, exp.Column):
            node, star = star, star.this
        if isinstance(star, exp.Star):
            found = self._starred(star, scope, node.table if isinstance(node, exp.Column) else "")
            self._all(found, star)
            return found
        if isinstance(star, exp.Columns):
            found = matching(self._star(scope), star)
            self._all(found, star)
            return found
        return {node.alias_or_name or node.sql("clickhouse"): self.value(node, scope)}

    # Columns

    def _column(self, node: exp.Column, scope: Scope) -> References:
        names = [part.name for part in node.parts]
        found = self._resolved(names, scope)
        if found is None and ".".join(names[:2]) in self._known:
            source = self.relation(".".join(names[:2]))
            found = NOTHING.union(*source.columns.values())
        return self._seen(found or NOTHING, node.this)

    def _resolved(self, names: list[str], scope: Scope) -> References | None:
        """Return what a name means; None when nothing has that name."""
        for length in range(len(names) - 1, 0, -1):
            for source in scope.sources:
                if ".".join(names[:length]) in source.names:
                    return member(source, names[length:])
        name = names[0]
        if name in scope.aliases and name not in scope.resolving:
            return self._of_alias(name, scope)
        for source in scope.sources:
            if ".".join(names) in source.columns or name in source.columns:
                return member(source, names)
        for source in scope.sources:
            if source.open is not None:
                return member(source, names)
        return self._resolved(names, scope.outer) if scope.outer else None

    def _of_alias(self, name: str, scope: Scope) -> References:
        """Return what an alias means; inside its own expression its name is a column's."""
        if name in scope.resolved:
            return scope.resolved[name]
        scope.resolving.add(name)
        found = self.value(scope.aliases[name], scope)
        scope.resolving.discard(name)
        if not scope.resolving:
            scope.resolved[name] = found
        return found

    def _nested(self, node: exp.Expr, scope: Scope) -> References:
        """Read a query inside an expression; the value comes from all that it reads."""
        whole, self.query.reads = self.query.reads, {}
        self.outputs(node, scope)
        found = frozenset(self.query.reads)
        self.query.reads = self.query.reads | whole
        return found

    def _looked_up(self, node: exp.Anonymous) -> References:
        """Return what a function that names a dictionary or a table takes from it."""
        if not node.name.lower().startswith(LOOKUPS) or len(node.expressions) < 2:
            return NOTHING
        relation, attributes = node.expressions[:2]
        if not relation.is_string:
            return NOTHING
        database, _, name = relation.name.rpartition(".")
        full = self._full(name, database)
        self.query.relations.add(full)
        named = attributes.expressions if isinstance(attributes, exp.Tuple) else [attributes]
        return self._seen(frozenset((full, one.name) for one in named if one.is_string), relation)

    def _star(self, scope: Scope) -> Outputs:
        found: Outputs = {}
        for source in scope.sources:
            for name, refs in source.columns.items():
                found.setdefault(name, refs)
        return found

    def _starred(self, star: exp.Star, scope: Scope, table: str = "") -> Outputs:
        """Return the columns that a star means, without those after EXCEPT."""
        found = self._star(scope)
        if table:
            found = next((dict(s.columns) for s in scope.sources if table in s.names), {})
        for one in star.args.get("except_") or ():
            found.pop(one.name, None)
        for one in star.args.get("replace") or ():
            found[one.alias] = self.value(one.this, scope)
        return found

    def _all(self, outputs: Outputs, node: exp.Expr) -> References:
        return self._seen(NOTHING.union(*outputs.values()), node)

    def _seen(self, found: References, node: exp.Expr) -> References:
        """Note that columns are read, and where first."""
        line = node.meta.get("line", 0)
        for one in found:
            before = self.query.reads.get(one)
            if before is None or 0 < line < before:
                self.query.reads[one] = line
        return found

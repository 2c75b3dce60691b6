"""Rules about the quality rules of a contract."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from contractline.avro.paths import Steps
from contractline.clickhouse.quality import query_in_place
from contractline.contracts.draft import Draft
from contractline.contracts.quality import quality_mistakes, written_rules
from contractline.rules.rule import Violation

_ANSI = re.compile(r"\x1b\[\d*m")
"""How the parser underlines what it means, for a terminal."""


def quality_rule_measurable(draft: Draft) -> Iterator[Violation]:
    """Each quality rule says what is measured, and what the number must be.

    A rule is a metric of the standard with its arguments, or the type ``sql`` with a query, and one
    operator. Rules of the types ``text`` and ``custom`` are for people and for other tools.

    Why: `contractline quality` runs these; a rule that can't be measured protects nothing.

    Bad::

        quality:
          - metric: rows
            mustBeGreaterThan: 0

    Good::

        quality:
          - metric: rowCount
            mustBeGreaterThan: 0
    """
    for mistake in quality_mistakes(draft.odcs):
        yield Violation(mistake.text, mistake.hint, mistake.steps)


def quality_rule_names_field(draft: Draft) -> Iterator[Violation]:
    """A quality rule over several fields names fields of the stream.

    Why: the query would ask for a column that does not exist.

    Bad::

        quality:
          - metric: duplicateValues
            arguments: {properties: [repo, commit_id]}
            mustBe: 0

    Good::

        quality:
          - metric: duplicateValues
            arguments: {properties: [repository, commit_id]}
            mustBe: 0
    """
    fields = [field["name"] for field in draft.value.fields]
    for steps, _, quality in written_rules(draft.odcs):
        names = (quality.arguments or {}).get("properties")
        for place, name in enumerate(names if isinstance(names, list) else ()):
            if name not in fields:
                near = difflib.get_close_matches(str(name), fields, 1)
                hint = f"did you mean `{near[0]}`?" if near else f"fields: {', '.join(fields)}"
                at: Steps = (*steps, "arguments", "properties", place)
                yield Violation(f"`{name}` is not a field of the value", hint, at)


def quality_query_parses(draft: Draft) -> Iterator[Violation]:
    """The SQL of a quality rule is one SELECT.

    ``{object}`` stands for the stream's table, ``{property}`` for the field that the rule is about.

    Why: an account runs it that may only read, so that anything else is refused, when it is late.

    Bad::

        quality:
          - id: some
            type: sql
            query: SELEC count() FROM {object}
            mustBeGreaterThan: 0

    Good::

        quality:
          - id: some
            type: sql
            query: SELECT count() FROM {object}
            mustBeGreaterThan: 0
    """
    for steps, field, quality in written_rules(draft.odcs):
        if quality.type != "sql" or not quality.query:
            continue
        at: Steps = (*steps, "query")
        query = query_in_place(quality.query, "database.table", field)
        try:
            statements = sqlglot.parse(query, read="clickhouse")
        except SqlglotError as problem:
            words = " ".join(_ANSI.sub("", str(problem)).split())
            yield Violation(f"the query can't be parsed: {words}", "write a SELECT", at)
            continue
        if len(statements) != 1 or not isinstance(statements[0], exp.Query):
            yield Violation("the query is not one SELECT", "write one that gives one number", at)

"""From a number of a report down to the records and messages it is made of, and back.

The question's SQL is marked (:mod:`contractline.reports.tracing`): each row of its answer then says
how many rows it counts and which records the newest of them are. Those are looked up with their
places in Kafka, and with the people whom they are credited to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contractline.clickhouse.sql import identifier, literal
from contractline.clients.clickhouse import Warehouse
from contractline.errors import ContractlineError
from contractline.kafka.place import MessagePlace
from contractline.lineage.sql.parsing import NotRead
from contractline.reports.answer import Cell, QuestionAnswer, ask, asked, cell
from contractline.reports.load import LoadedQuestion
from contractline.reports.model import Filters, Origin
from contractline.reports.render import Query, filters_of, relations_of, render
from contractline.reports.selection import Given, Selection
from contractline.reports.tracing import Mark, keys_of, marked

MOST_RECORDS = 200
"""Records that are looked up; the number of all is known in any case."""

MOST_ROWS = 1_000
"""Rows of an answer that one place of a chart may stand for."""

_FROM, _ROWS, _HIT = "_explained_by", "_explained_rows", "_explained_here"
_PLACE = ("topic", "partition", "offset")


class NotExplained(ContractlineError):
    """When a question's numbers can't be followed to their records."""

    def __init__(self, question: str, problem: str) -> None:
        super().__init__(
            f"{question} can't be explained: {problem}",
            hint="docs/guides/reports.md says what a question needs for it",
        )


class PlaceUnknown(ContractlineError):
    """When an answer has no row at the place that is to be explained, or several."""

    def __init__(self, question: str, problem: str, hint: str) -> None:
        super().__init__(f"{question}: {problem}", hint=hint)


class CommitUnknown(ContractlineError):
    """When no commit, or more than one, has the id that was given."""


@dataclass(frozen=True, slots=True)
class Credit:
    """To whom a record is credited, and why.

    Attributes:
        role: ``author`` or ``co-author``.
        name: as the commit spells it.
        user_name: the person; empty where nobody is known.
        matched_by: how the person was found: ``login``, ``email``, …, ``nobody``.
        certainty: how surely: ``certain``, ``likely``, ``guess``.
        team: at the time of the commit.
        position: at the time of the commit.
        team_today: today; empty for who has left.
        is_assumed: whether the commit lies outside of what is known of the person's teams.
        bot: the rule that takes the name for a machine; empty for people.
        share: the part of the commit, of 1.
    """

    role: str
    name: str
    user_name: str
    matched_by: str
    certainty: str
    team: str
    position: str
    team_today: str
    is_assumed: bool
    bot: str
    share: float


@dataclass(frozen=True, slots=True)
class ExplainedRecord:
    """A record that counts.

    Attributes:
        relation: what the question reads it as, such as ``commits``.
        values: what is told of it, by column.
        place: its message in Kafka.
        credits: to whom it is credited; none where that is no matter.
    """

    relation: str
    values: Mapping[str, Cell]
    place: MessagePlace
    credits: tuple[Credit, ...] = ()


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a number is made of.

    Attributes:
        question: the question.
        measure: the column that is explained; empty for whole rows.
        at: where in the answer: the columns that were named, and their values.
        answer: the rows of the answer there.
        rows: how many rows of what the question reads count.
        records: the newest records among them.
    """

    question: LoadedQuestion
    measure: str
    at: Mapping[str, str]
    answer: QuestionAnswer
    rows: int
    records: tuple[ExplainedRecord, ...]


@dataclass(frozen=True, slots=True)
class Counted:
    """Where a commit is counted.

    Attributes:
        question: the question.
        answer: the rows of its answer that the commit is a part of; not cut.
    """

    question: LoadedQuestion
    answer: QuestionAnswer


def places_of(question: LoadedQuestion, filters: Filters) -> tuple[str, ...] | None:
    """Return the columns that name a place in a question's answer; None where none can be explained.

    They are what its chart is drawn over; in a table all but numbers.
    """
    try:
        names = relations_of(question.sql, frozenset(filters.relations))
        if not any(filters.relations[name].origin for name in names):
            return None
        marked(question.sql, (), frozenset(names))
        spec = question.spec
        drawn = tuple(one.column for one in (spec.x, spec.series) if one is not None)
        counts = {one.column for one in spec.columns if one.unit is not None}
        return drawn or tuple(key for key in keys_of(question.sql) if key not in counts)
    except NotRead:
        return None


def explain(
    warehouse: Warehouse,
    question: LoadedQuestion,
    filters: Filters,
    selection: Selection,
    at: Mapping[str, str],
    *,
    given: Given = Given(),  # noqa: B008 - frozen
    measure: str = "",
    most: int = MOST_RECORDS,
) -> Explanation:
    """Tell what a number is made of.

    Args:
        warehouse: ClickHouse.
        question: the question.
        filters: the filters and relations.
        selection: what the reader set.
        at: the place in its answer: values by column, as an answer has them.
        given: values of the question's own parameters.
        measure: the column with the number; the first measure unless given.
        most: records to look up.

    Raises:
        NotExplained: its SQL can't be followed.
        PlaceUnknown: the answer has no such place, or ``at`` leaves open which.
        ServiceUnavailable: ClickHouse did not answer, or refused.
    """
    places = places_of(question, filters)
    if places is None:
        raise NotExplained(question.name, "it reads nothing whose records are known")
    measure = measure or (question.spec.y[0].column if question.spec.y else "")
    if question.spec.y and measure not in {one.column for one in question.spec.y}:
        names = ", ".join(one.column for one in question.spec.y)
        raise PlaceUnknown(question.name, f"`{measure}` is not a measure", f"measures: {names}")
    query = _marked_query(question, filters, selection, given, measure, most)
    if unknown := sorted(set(at) - {*places, *keys_of(question.sql)}):
        words = f"`{unknown[0]}` names no place in its answer"
        raise PlaceUnknown(question.name, words, f"places: {', '.join(places) or 'none'}")
    answer, rows, origins = _at(warehouse, query, at)
    if not answer.rows or (places and not at and len(answer.rows) > 1):
        raise _which(question, places, at, answer)
    records = _records(warehouse, filters, origins[:most])
    return Explanation(question, measure, at, answer, rows, records)


def counted(
    warehouse: Warehouse,
    questions: Iterable[LoadedQuestion],
    filters: Filters,
    selection: Selection,
    commit: ExplainedRecord,
) -> list[Counted]:
    """Return which numbers a commit is a part of.

    Args:
        warehouse: ClickHouse.
        questions: the questions that may count it.
        filters: the filters and relations.
        selection: what the reader set.
        commit: the commit, as :func:`commit_of` gives it.

    Raises:
        ServiceUnavailable: ClickHouse did not answer, or refused.
    """
    found = []
    for question in questions:
        if (query := _hit_query(question, filters, selection, commit)) is not None:
            answer = ask(warehouse, query)
            if answer.rows:
                found.append(Counted(question, answer))
    return found


def commit_of(
    warehouse: Warehouse, filters: Filters, commit_id: str, *, credits: bool = True
) -> ExplainedRecord:
    """Return a commit by its id or the beginning of it.

    Args:
        warehouse: ClickHouse.
        filters: the filters and relations.
        commit_id: the id.
        credits: look up to whom it is credited, too.

    Raises:
        CommitUnknown: there is none, or more than one.
        ServiceUnavailable: ClickHouse did not answer, or refused.
    """
    origin = filters.relations["commits"].origin if "commits" in filters.relations else None
    if origin is None:
        raise CommitUnknown("reports/filters.yaml names no origin of `commits`")
    listed = ", ".join(f"toString({identifier(one)})" for one in origin.key)
    rows = warehouse.rows(
        f"SELECT {listed} FROM {origin.view}"  # noqa: S608
        " WHERE startsWith(commit_id, {commit:String}) LIMIT 10",
        {"commit": commit_id.lower()},
    )
    if not rows:
        raise CommitUnknown(f"no commit begins with {commit_id}")
    if len(rows) > 1:
        known = ", ".join(sorted(f"{row[2]} in {row[0]}" for row in rows))
        raise CommitUnknown(f"several commits begin with {commit_id}", hint=known)
    key = tuple(map(str, rows[0]))
    (record,) = _records(warehouse, filters, [("commits", key)], credits=credits)
    return record


_Origins = list[tuple[str, tuple[str, ...]]]


def _marked_query(
    question: LoadedQuestion,
    filters: Filters,
    selection: Selection,
    given: Given,
    measure: str,
    most: int,
) -> Query:
    marks = (
        Mark(_FROM, "[]", f"groupArraySortedArray({most})", "arrayConcat"),
        Mark(_ROWS, "toUInt64(0)", "sum", "plus"),
    )
    columns = {}
    for name, relation in filters.relations.items():
        if (origin := relation.origin) is not None:
            key = ", ".join(f"toString({identifier(one)})" for one in origin.key)
            newest = f"-toUnixTimestamp64Micro(toDateTime64({identifier(origin.newest)}, 6, 'UTC'))"
            mark = f"[(ifNull({newest}, 0), {literal(name)}, [{key}])] AS {_FROM}"
            columns[name] = f"{mark}, toUInt64(1) AS {_ROWS}"
    try:
        sql = marked(question.sql, marks, frozenset(columns), measure)
    except NotRead as problem:
        raise NotExplained(question.name, problem.words) from problem
    return render(question, filters, selection, given, sql=sql, more=columns)


def _at(
    warehouse: Warehouse, query: Query, at: Mapping[str, str]
) -> tuple[QuestionAnswer, int, _Origins]:
    """Return the rows of a marked query at a place, how many rows they count, and the newest."""
    names = {f"at_{number}": column for number, column in enumerate(at)}
    held = [
        f"ifNull(toString({identifier(column)}), '') = {{{name}:String}}"
        for name, column in names.items()
    ]
    where = f" WHERE {' AND '.join(held)}" if held else ""
    sql = f"SELECT * FROM (\n{query.sql}\n){where} LIMIT {MOST_ROWS}"  # noqa: S608
    values = {name: _as_clickhouse(at[column]) for name, column in names.items()}
    whole = asked(warehouse, Query(sql, {**query.parameters, **values}))
    columns = [column["name"] for column in whole["meta"]]
    marks = (columns.index(_FROM), columns.index(_ROWS))
    kept = [place for place in range(len(columns)) if place not in marks]
    answer = QuestionAnswer(
        tuple(columns[place] for place in kept),
        tuple(whole["meta"][place]["type"] for place in kept),
        tuple(tuple(cell(row[place]) for place in kept) for row in whole["data"]),
        datetime.now().astimezone(),
        float(whole["statistics"]["elapsed"]),
    )
    newest = sorted(
        {(one[0], one[1], tuple(one[2])) for row in whole["data"] for one in row[marks[0]]}
    )
    rows = sum(int(row[marks[1]]) for row in whole["data"])
    return answer, rows, list(dict.fromkeys((relation, key) for _, relation, key in newest))


def _hit_query(
    question: LoadedQuestion, filters: Filters, selection: Selection, commit: ExplainedRecord
) -> Query | None:
    """Return the query for the rows of an answer that a commit is a part of; None where none can be."""
    wanted = filters.relations[commit.relation].origin
    columns = {}
    for name, relation in filters.relations.items():
        if (origin := relation.origin) is not None:
            values = (
                ", ".join(literal(_as_clickhouse(str(commit.values[k]))) for k in origin.key)
                if origin == wanted
                else ""
            )
            hit = f"({_keys(origin)}) = ({values})" if values else "0"
            columns[name] = f"toUInt8({hit}) AS {_HIT}"
    try:
        names = relations_of(question.sql, frozenset(filters.relations))
        if not any(filters.relations[name].origin == wanted for name in names):
            return None
        sql = marked(question.sql, (Mark(_HIT, "0", "max", "greatest"),), frozenset(columns))
        chosen = selection.only(filters_of(question, filters))
    except NotRead:
        return None
    query = render(question, filters, chosen, sql=sql, more=columns)
    whole = f"SELECT * EXCEPT ({_HIT}) FROM (\n{query.sql}\n) WHERE {_HIT} LIMIT {MOST_ROWS}"  # noqa: S608
    return Query(whole, query.parameters)


def _records(
    warehouse: Warehouse, filters: Filters, origins: _Origins, *, credits: bool = True
) -> tuple[ExplainedRecord, ...]:
    """Look records up, in the given order."""
    found: dict[tuple[str, tuple[str, ...]], list[ExplainedRecord]] = {}
    for name in dict.fromkeys(relation for relation, _ in origins):
        origin = filters.relations[name].origin
        assert origin is not None  # noqa: S101 - only such relations carry the mark
        keys = [key for relation, key in origins if relation == name]
        people = _credits(warehouse, origin, keys) if credits else {}
        for key, values in _looked_up(warehouse, origin, origin.view, keys, "*"):
            place = MessagePlace(
                str(values["topic"]), int(values["partition"]), int(values["offset"])
            )
            told = {column: cell(value) for column, value in values.items() if column not in _PLACE}
            record = ExplainedRecord(name, told, place, people.get(key, ()))
            found.setdefault((name, key), []).append(record)
    return tuple(record for one in origins for record in found.get(one, ()))


def _credits(
    warehouse: Warehouse, origin: Origin, keys: Sequence[tuple[str, ...]]
) -> dict[tuple[str, ...], tuple[Credit, ...]]:
    if origin.credits is None:
        return {}
    columns = (
        f"{_keys(origin)}, role, name, user_name, matched_by, match_certainty AS certainty,"
        " team_at_commit AS team, position_at_commit AS position, team AS team_today, is_assumed,"
        " bot, share"
    )
    found: dict[tuple[str, ...], list[Credit]] = {}
    for key, values in _looked_up(warehouse, origin, origin.credits, keys, columns):
        told = {name: value for name, value in values.items() if name not in origin.key}
        found.setdefault(key, []).append(Credit(**told))
    return {
        key: tuple(sorted(people, key=lambda one: (one.role != "author", one.name)))
        for key, people in found.items()
    }


def _looked_up(
    warehouse: Warehouse,
    origin: Origin,
    view: str,
    keys: Sequence[tuple[str, ...]],
    columns: str,
) -> list[tuple[tuple[str, ...], dict[str, Any]]]:
    """Return the rows of a view with some keys, each with its key."""
    listed = ", ".join(f"({', '.join(map(literal, key))})" for key in keys)
    sql = f"SELECT {columns} FROM {view} WHERE ({_keys(origin)}) IN ({listed})"  # noqa: S608
    whole = asked(warehouse, Query(sql, {}))
    names = [column["name"] for column in whole["meta"]]
    rows = [dict(zip(names, row, strict=True)) for row in whole["data"]]
    return [(tuple(_as_clickhouse(str(row[one])) for one in origin.key), row) for row in rows]


def _keys(origin: Origin) -> str:
    return ", ".join(map(identifier, origin.key))


def _as_clickhouse(text: str) -> str:
    """Return a value of an answer as ClickHouse's toString writes it: times without T and Z."""
    try:
        is_time = len(text) >= 20 and text.endswith("Z") and text[10] == "T"
        return f"{datetime.fromisoformat(text) and text[:10]} {text[11:-1]}" if is_time else text
    except ValueError:
        return text


def _which(
    question: LoadedQuestion, places: Sequence[str], at: Mapping[str, str], answer: QuestionAnswer
) -> PlaceUnknown:
    shown = ", ".join(f"{column}={value}" for column, value in at.items())
    problem = f"no row has {shown}" if at else "it has no rows" if not answer.rows else "which row?"
    if at or not answer.rows:
        return PlaceUnknown(question.name, problem, "`contractline ask` prints the rows there are")
    found = [column for column in places if column in answer.columns]
    values = {
        column: list(dict.fromkeys(str(row[answer.columns.index(column)]) for row in answer.rows))
        for column in found
    }
    hint = "; ".join(
        f"--where {column}={'|'.join(some[:8])}{'|…' if len(some) > 8 else ''}"
        for column, some in values.items()
    )
    return PlaceUnknown(question.name, problem, hint)

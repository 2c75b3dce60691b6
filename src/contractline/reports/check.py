"""``contractline check reports``: every question is tried on the real engine.

Each runs on the tables of the checkout, empty and filled, under no filter and under all of them; a
refusal names the filter. What ClickHouse refuses, and what does not fit the chart, is a finding.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from contractline.avro.paths import Steps, json_path
from contractline.clients.clickhouse import ClickHouseAway, QueryRefused, Warehouse
from contractline.errors import ContractlineError
from contractline.finding import Finding, Position, RuleId, Severity
from contractline.lineage.sql.parsing import NotRead
from contractline.project import Project
from contractline.proof.process import engine_process
from contractline.reports.answer import QuestionAnswer, ask
from contractline.reports.load import FILTERS, LoadedQuestion, Reports, read_reports
from contractline.reports.model import (
    ChoiceFilter,
    Filters,
    PeriodFilter,
    SwitchFilter,
    VariantFilter,
)
from contractline.reports.render import relations_of, render
from contractline.reports.sample import fill, make_tables
from contractline.reports.selection import Selection
from contractline.settings import Endpoints

REPORT_SQL = RuleId("REPORT_SQL")
"""ClickHouse runs every question, under every filter."""

REPORT_COLUMN = RuleId("REPORT_COLUMN")
"""Every column that a question shows is in its answer."""

REPORT_CHART = RuleId("REPORT_CHART")
"""The answer's types and rows fit the chart."""

REPORT_OPTIONS = RuleId("REPORT_OPTIONS")
"""ClickHouse lists the values that a filter offers."""

EVERY_FILTER = " with every filter set"

_NUMERIC = re.compile(r"U?Int\d+|Float\d+|Decimal.*|Bool")
_ORDERED = re.compile(r"U?Int\d+|Float\d+|Date.*")
_TEXT = re.compile(r"String|FixedString.*|Enum.*|UUID|Bool|U?Int\d+|Date.*|IPv.*")
_LINE = re.compile(r"\(line (\d+), col (\d+)\)")


class EngineEnded(ContractlineError):
    """When a question ends the engine itself."""

    def __init__(self, asked: str, failure: ContractlineError) -> None:
        self.asked = asked
        super().__init__(f"{asked}: {failure}", hint=f"`contractline ask {asked} --sql` prints it")


@dataclass(frozen=True, slots=True)
class ReportsCheck:
    """What a check of the reports found.

    Attributes:
        findings: the mistakes.
        questions: how many questions were tried.
        queries: how many queries ClickHouse ran for it.
    """

    findings: tuple[Finding, ...]
    questions: int
    queries: int


def check_reports(project: Project) -> ReportsCheck:
    """Read ``reports/`` and try every question on the packaged engine.

    Raises:
        ContractlineError: it could not be told.
    """
    reports = read_reports(project)
    with engine_process() as engine, closing(_connected(engine.url)) as warehouse:
        trial = _Trial(reports, warehouse)
        try:
            found = _tried(project, trial, warehouse)
        except ClickHouseAway as problem:
            raise EngineEnded(trial.asked, engine.failure()) from problem
    return ReportsCheck((*reports.findings, *found), len(reports.questions), trial.queries)


def _connected(url: str) -> Warehouse:
    return Warehouse(Endpoints(clickhouse_url=url))


def _tried(project: Project, trial: _Trial, warehouse: Warehouse) -> list[Finding]:
    tables = make_tables(project, warehouse)
    found = list(trial.findings("empty tables"))
    fill(project, warehouse, tables)
    told = {(finding.rule, finding.subject) for finding in found}
    more = trial.findings("filled tables")
    return found + [one for one in more if (one.rule, one.subject) not in told]


class _Trial:
    """The questions, asked on one set of tables after the other."""

    def __init__(self, reports: Reports, warehouse: Warehouse) -> None:
        self._reports = reports
        self._warehouse = warehouse
        self.queries = 0
        self.asked = "reports"

    def findings(self, tables: str) -> Iterator[Finding]:
        """Ask everything once, and yield what is wrong; of one question the first refusal."""
        yield from self._options(tables)
        for question in self._reports.questions.values():
            yield from self._question(question, tables)

    def _question(self, question: LoadedQuestion, tables: str) -> Iterator[Finding]:
        filters = self._reports.filters
        try:
            relations_of(question.sql, frozenset(filters.relations))
        except NotRead as problem:
            words = f"the SQL is not understood: {problem.words}"
            yield _in_sql(question, REPORT_SQL, words, Position(problem.line))
            return
        for label, selection in (("", Selection()), (EVERY_FILTER, everything(filters))):
            try:
                answer = self._ask(question, selection)
            except QueryRefused as problem:
                where = tables + (self._guilty(question) if label else "")
                words = f"ClickHouse refuses it on {where}: {_words(problem)}"
                yield _in_sql(question, REPORT_SQL, words)
                return
            if not label:
                yield from misfits(question, answer, tables)

    def _guilty(self, question: LoadedQuestion) -> str:
        """Return which filter alone makes ClickHouse refuse a question that it runs without one."""
        for label, selection in selections(self._reports.filters):
            try:
                self._ask(question, selection)
            except QueryRefused:
                return label
        return EVERY_FILTER

    def _ask(self, question: LoadedQuestion, selection: Selection) -> QuestionAnswer:
        self.queries += 1
        self.asked = question.name
        return ask(self._warehouse, render(question, self._reports.filters, selection))

    def _options(self, tables: str) -> Iterator[Finding]:
        for name, spec in self._reports.filters.filters.items():
            if not isinstance(spec, ChoiceFilter):
                continue
            try:
                self.queries += 1
                self._warehouse.rows(spec.options)
            except QueryRefused as problem:
                words = f"ClickHouse refuses its options on {tables}: {_words(problem)}"
                yield Finding(
                    REPORT_OPTIONS, Severity.ERROR, name, words, file=Path("reports", FILTERS)
                )


def selections(filters: Filters) -> Iterator[tuple[str, Selection]]:
    """Yield a setting of each filter alone, with how it is called."""
    for name, spec in filters.filters.items():
        for value in _settings(spec):
            yield f" with {name} = {value}", Selection(((name, (value,)),))


def everything(filters: Filters) -> Selection:
    """Return a selection in which every filter is set."""
    chosen = {name: tuple(_settings(spec))[-1:] for name, spec in filters.filters.items()}
    return Selection(tuple(sorted((name, values) for name, values in chosen.items() if values)))


def _settings(spec: object) -> Iterator[str]:
    match spec:
        case PeriodFilter():
            yield from ("all", "2026-01-01..2026-01-31")
        case SwitchFilter():
            yield "off" if spec.default else "on"
        case VariantFilter():
            yield from (value for value in spec.values if value != spec.default)
        case _:
            yield "a'b\\"


def misfits(question: LoadedQuestion, answer: QuestionAnswer, tables: str) -> Iterator[Finding]:
    """Yield what of an answer does not fit what the question's YAML says."""
    types = dict(zip(answer.columns, map(_plain, answer.types), strict=True))
    for steps, column in _named(question):
        if column not in types:
            words = f"the answer has no column `{column}`; it has {', '.join(types)}"
            yield _in_yaml(question, REPORT_COLUMN, steps, words)
    spec = question.spec
    for place, measure in enumerate(spec.y):
        type_ = types.get(measure.column)
        if type_ is not None and not _NUMERIC.fullmatch(type_):
            words = f"`{measure.column}` is {type_}: a measure is a number"
            yield _in_yaml(question, REPORT_CHART, ("y", place, "column"), words)
    wanted = _ORDERED if spec.chart in ("line", "area") else _TEXT
    for part, shown, allowed in (("x", spec.x, wanted), ("series", spec.series, _TEXT)):
        type_ = types.get(shown.column) if shown else None
        if type_ is not None and not allowed.fullmatch(type_):
            what = "a time or a number" if allowed is _ORDERED else "a text, a number or a time"
            words = f"{type_} can't be the {part} of a {spec.chart}: it has to be {what}"
            yield _in_yaml(question, REPORT_CHART, (part, "column"), words)
    if spec.chart == "number" and len(answer.rows) != 1:
        words = f"a number has one row; there are {len(answer.rows)} on {tables}"
        yield _in_yaml(question, REPORT_CHART, ("chart",), words)
    if repeated := _repeated(question, answer):
        words = f"two rows have {repeated}, so the chart would show one of them"
        yield _in_yaml(question, REPORT_CHART, ("x",), words)


def _repeated(question: LoadedQuestion, answer: QuestionAnswer) -> str:
    """Return the place in the chart that two rows claim; empty where none is claimed twice."""
    spec = question.spec
    placed = [shown.column for shown in (spec.x, spec.series) if shown is not None]
    if spec.x is None or not set(placed) <= set(answer.columns):
        return ""
    places = [answer.columns.index(column) for column in placed]
    seen = set()
    for row in answer.rows:
        key = tuple(row[place] for place in places)
        if key in seen:
            return ", ".join(f"{c} {v!r}" for c, v in zip(placed, key, strict=True))
        seen.add(key)
    return ""


def _named(question: LoadedQuestion) -> Iterator[tuple[Steps, str]]:
    spec = question.spec
    for part, single in (("x", spec.x), ("series", spec.series)):
        if single is not None:
            yield (part, "column"), single.column
    for part, several in (("y", spec.y), ("columns", spec.columns)):
        for place, shown in enumerate(several):
            yield (part, place, "column"), shown.column


def _plain(type_: str) -> str:
    for wrapper in ("Nullable(", "LowCardinality("):
        if type_.startswith(wrapper):
            return _plain(type_[len(wrapper) : -1])
    return type_


def _words(problem: QueryRefused) -> str:
    return _LINE.sub("", " ".join(problem.words.split()))


def _in_sql(
    question: LoadedQuestion, rule: RuleId, words: str, position: Position | None = None
) -> Finding:
    hint = f"`contractline ask {question.name} --sql` prints the whole query"
    return Finding(
        rule, Severity.ERROR, question.name, words, hint, question.sql_file, position or Position(1)
    )


def _in_yaml(question: LoadedQuestion, rule: RuleId, steps: Steps, words: str) -> Finding:
    return Finding(
        rule,
        Severity.ERROR,
        question.name,
        words,
        file=question.file,
        position=question.position(*steps),
        path=json_path(steps),
    )

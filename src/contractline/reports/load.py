"""Reading ``reports/``: every question, dashboard and filter, and every mistake in their files."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from contractline.avro.files import FileUnreadable, decoded, read_bytes
from contractline.avro.paths import Steps, json_path
from contractline.contracts.yamlfile import YamlFile, YamlInvalid
from contractline.errors import ContractlineError
from contractline.finding import TOP, Finding, Position, RuleId, Severity
from contractline.project import Project
from contractline.reports.model import NAME, Dashboard, Filters, Question

QUESTIONS, DASHBOARDS, FILTERS = "questions", "dashboards", "filters.yaml"

REPORT_FILE = RuleId("REPORT_FILE")
"""A file of ``reports/`` can be read, and says what its schema allows."""

REPORT_PAIR = RuleId("REPORT_PAIR")
"""A question is one .sql and one .yaml of the same name."""

REPORT_REFERENCE = RuleId("REPORT_REFERENCE")
"""What a file of ``reports/`` names exists."""

_Model = TypeVar("_Model", bound=BaseModel)
_NAME = re.compile(NAME)


class ReportsInvalid(ContractlineError):
    """When ``reports/`` holds mistakes, so that nothing can be asked."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self.findings = findings
        lines = "\n".join(str(finding) for finding in findings)
        super().__init__(
            f"reports/ holds {len(findings)} mistake{'' if len(findings) == 1 else 's'}:\n{lines}",
            hint="`contractline check reports` lists them",
        )


class QuestionUnknown(ContractlineError):
    """When a question is asked that is not there."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        self.name = name
        super().__init__(
            f"there is no question `{name}`",
            hint=f"questions: {', '.join(known) or 'none; docs/guides/reports.md says how to add one'}",
        )


@dataclass(frozen=True, slots=True)
class LoadedQuestion:
    """A question with its SQL.

    Attributes:
        name: the name of its files.
        spec: what its YAML says.
        sql: its SQL, without filters.
        file: its YAML file, which positions are about.
        sql_file: its SQL file.
    """

    name: str
    spec: Question
    sql: str
    file: Path
    sql_file: Path
    _yaml: YamlFile = field(repr=False)

    def position(self, *steps: str | int) -> Position:
        """Return where a place of its YAML is written."""
        return self._yaml.position(steps) or TOP


@dataclass(frozen=True, slots=True)
class LoadedDashboard:
    """A dashboard.

    Attributes:
        name: the name of its file.
        spec: what it says.
        file: its file.
    """

    name: str
    spec: Dashboard
    file: Path
    _yaml: YamlFile = field(repr=False)

    def position(self, *steps: str | int) -> Position:
        """Return where a place of its YAML is written."""
        return self._yaml.position(steps) or TOP


@dataclass(frozen=True, slots=True)
class Reports:
    """All that ``reports/`` holds.

    Attributes:
        questions: by name.
        dashboards: by name, in their order.
        filters: the filters and relations.
        findings: the mistakes in the files; what they are in is left out above.
    """

    questions: dict[str, LoadedQuestion]
    dashboards: dict[str, LoadedDashboard]
    filters: Filters
    findings: tuple[Finding, ...]

    def question(self, name: str) -> LoadedQuestion:
        """Return a question.

        Raises:
            QuestionUnknown: there is none of this name.
        """
        try:
            return self.questions[name]
        except KeyError:
            raise QuestionUnknown(name, tuple(self.questions)) from None


def load_reports(project: Project) -> Reports:
    """Return what ``reports/`` holds.

    Raises:
        ReportsInvalid: a file holds a mistake.
    """
    reports = read_reports(project)
    if reports.findings:
        raise ReportsInvalid(reports.findings)
    return reports


def read_reports(project: Project) -> Reports:
    """Return what ``reports/`` holds, mistakes as findings."""
    return _ReportsReader(project).reports()


class _ReportsReader:
    """One reading of the folder."""

    def __init__(self, project: Project) -> None:
        self._folder = project.reports
        self._findings: list[Finding] = []

    def reports(self) -> Reports:
        filters = self._filters()
        questions = dict(self._questions())
        read = sorted(self._dashboards(), key=lambda item: (item[1].spec.order, item[0]))
        dashboards = dict(read)
        for dashboard in dashboards.values():
            self._check_references(dashboard, questions, filters)
        for question in questions.values():
            self._check_filters(question, filters)
        return Reports(questions, dashboards, filters, tuple(self._findings))

    def _filters(self) -> Filters:
        file = self._folder / FILTERS
        if not file.exists():
            return Filters()
        read = self._yaml(file, Filters)
        return read[0] if read else Filters()

    def _questions(self) -> Iterator[tuple[str, LoadedQuestion]]:
        folder = self._folder / QUESTIONS
        described = {file.stem: file for file in sorted(folder.glob("*.yaml"))}
        asked = {file.stem: file for file in sorted(folder.glob("*.sql"))}
        for name in sorted(described.keys() ^ asked.keys()):
            alone = described.get(name) or asked[name]
            other = ".sql" if name in described else ".yaml"
            self._note(REPORT_PAIR, alone, f"has no {name}{other} beside it")
        for name in sorted(described.keys() & asked.keys()):
            if not self._is_named_well(described[name]):
                continue
            sql = self._text(asked[name])
            read = self._yaml(described[name], Question)
            if sql is not None and read is not None:
                query = _without_semicolon(sql)
                yield (
                    name,
                    LoadedQuestion(name, read[0], query, described[name], asked[name], read[1]),
                )

    def _dashboards(self) -> Iterator[tuple[str, LoadedDashboard]]:
        for file in sorted((self._folder / DASHBOARDS).glob("*.yaml")):
            read = self._yaml(file, Dashboard) if self._is_named_well(file) else None
            if read is not None:
                yield file.stem, LoadedDashboard(file.stem, read[0], file, read[1])

    def _is_named_well(self, file: Path) -> bool:
        if _NAME.fullmatch(file.stem):
            return True
        words = "its name has to be of a-z, 0-9 and _, and to begin with a letter"
        self._note(REPORT_FILE, file, words, hint="the name stands in URLs and commands")
        return False

    def _check_references(
        self, dashboard: LoadedDashboard, questions: dict[str, LoadedQuestion], filters: Filters
    ) -> None:
        for t, tab in enumerate(dashboard.spec.tabs):
            for p, panel in enumerate(tab.panels):
                if panel.question not in questions:
                    at: Steps = ("tabs", t, "panels", p, "question")
                    words = f"there is no question `{panel.question}`"
                    self._note_at(REPORT_REFERENCE, dashboard, at, words)
        for f, name in enumerate(dashboard.spec.filters or ()):
            if name not in filters.filters:
                words = f"there is no filter `{name}` in {FILTERS}"
                self._note_at(REPORT_REFERENCE, dashboard, ("filters", f), words)

    def _check_filters(self, question: LoadedQuestion, filters: Filters) -> None:
        for number, name in enumerate(question.spec.without):
            if name not in filters.filters:
                words = f"there is no filter `{name}` in {FILTERS}"
                self._note_at(REPORT_REFERENCE, question, ("without", number), words)
        for number, parameter in enumerate(question.spec.parameters):
            if parameter.name in filters.filters or parameter.name in ("since", "until"):
                words = f"`{parameter.name}` is the name of a filter"
                self._note_at(REPORT_FILE, question, ("parameters", number, "name"), words)

    def _text(self, file: Path) -> str | None:
        try:
            return decoded(read_bytes(file))
        except FileUnreadable as problem:
            self._note(REPORT_FILE, file, str(problem), problem.position)
            return None

    def _yaml(self, file: Path, model: type[_Model]) -> tuple[_Model, YamlFile] | None:
        text = self._text(file)
        if text is None:
            return None
        try:
            document = YamlFile.parse(text)
        except YamlInvalid as problem:
            self._note(REPORT_FILE, file, problem.problem, problem.position)
            return None
        try:
            return model.model_validate(
                document.data if document.data is not None else {}
            ), document
        except ValidationError as problem:
            for error in problem.errors():
                steps = tuple(step for step in error["loc"] if _is_of(step, document.data))
                words = _in_words(dict(error))
                position = document.position(steps)
                self._note(REPORT_FILE, file, words, position, path=json_path(steps))
            return None

    def _note_at(
        self, rule: RuleId, where: LoadedQuestion | LoadedDashboard, at: Steps, words: str
    ) -> None:
        self._note(rule, where.file, words, where.position(*at), path=json_path(at))

    def _note(
        self,
        rule: RuleId,
        file: Path,
        message: str,
        position: Position | None = None,
        *,
        hint: str = "",
        path: str = "",
    ) -> None:
        finding = Finding(
            rule, Severity.ERROR, file.stem, message, hint, file, position or TOP, path
        )
        self._findings.append(finding)


_KINDS = ("period", "choice", "switch", "variant")


def _is_of(step: object, data: Any) -> bool:
    """Leave out what pydantic puts into a place beside the document's own names: the union's tag."""
    return step not in _KINDS or (isinstance(data, dict) and step in data)


def _in_words(error: dict[str, Any]) -> str:
    name = str(error["loc"][-1]) if error["loc"] else ""
    match error["type"]:
        case "extra_forbidden":
            return f"`{name}` is not known here"
        case "missing":
            return f"`{name}` is missing"
        case "value_error":
            return str(error["ctx"]["error"])
        case _:
            message = str(error["msg"])
            return f"`{name}`: {message[:1].lower()}{message[1:]}" if name else message


def _without_semicolon(sql: str) -> str:
    return sql.strip().rstrip(";").rstrip()

"""What the page asks ClickHouse, away from the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from contractline.clients.clickhouse import ClickHouseAway, Warehouse
from contractline.contracts.model import Contract
from contractline.dashboard.hub import Subject
from contractline.project import Project
from contractline.reports.answer import QuestionAnswer, ask
from contractline.reports.explain import commit_of, counted, explain
from contractline.reports.explained import counted_values, explained
from contractline.reports.formats import values
from contractline.reports.load import LoadedQuestion, Reports, read_reports
from contractline.reports.messages import MessageLookup
from contractline.reports.model import ChoiceFilter
from contractline.reports.render import filters_of, render
from contractline.reports.selection import Given, Selection
from contractline.settings import Endpoints

FILES_SECONDS = 1.0
"""How often it looks whether a file of ``reports/`` was changed; only when somebody asks."""

OPTIONS_SECONDS = 30.0
MAX_OPTIONS = 5_000
"""Values of one filter that are offered; the others can still be typed into the URL."""

MOST_EXPLAINED = 50
"""Records of an explanation that the page shows."""

_CHANGES = "SELECT database, table, block, version FROM reporting.changes ORDER BY database, table"

_T = TypeVar("_T")


class DataSource:
    """ClickHouse and the reports of a checkout."""

    def __init__(
        self,
        project: Project,
        endpoints: Callable[[], Endpoints],
        contracts: Sequence[Contract],
    ) -> None:
        self._project = project
        self._messages = MessageLookup(contracts)
        self._endpoints = endpoints
        self._warehouse: Warehouse | None = None
        self._signature = _signature(project)
        self._reports = read_reports(project)
        self._looked_at = time.monotonic()

    @property
    def reports(self) -> Reports:
        """The questions, dashboards and filters as their files are now; mistaken ones left out."""
        now = time.monotonic()
        if now - self._looked_at > FILES_SECONDS:
            self._looked_at = now
            signature = _signature(self._project)
            if signature != self._signature:
                self._signature, self._reports = signature, read_reports(self._project)
        return self._reports

    async def look(self) -> object:
        """Return something that differs when ClickHouse holds something new.

        Raises:
            ServiceUnavailable: ClickHouse did not answer.
        """
        return await self._off_loop(lambda warehouse: _tuples(warehouse.rows(_CHANGES)))

    def question(self, question: LoadedQuestion, selection: Selection, given: Given) -> Subject:
        """Return a question under a selection as something to look at."""
        chosen = selection.only(filters_of(question, self.reports.filters))

        async def run() -> dict[str, Any]:
            return values(question, await self.answer(question, chosen, given))

        return Subject(
            ("question", question.name, question.sql, question.spec, chosen, given),
            "answer",
            run,
            question.spec.refresh_seconds,
            name={"question": question.name},
        )

    def options(self) -> Subject:
        """Return the values that the filters offer as something to look at."""

        async def run() -> dict[str, Any]:
            return {"options": await self._off_loop(self._options)}

        return Subject(("options",), "options", run, OPTIONS_SECONDS, follows_data=False)

    async def answer(
        self, question: LoadedQuestion, selection: Selection, given: Given
    ) -> QuestionAnswer:
        """Ask a question.

        Raises:
            ServiceUnavailable: ClickHouse did not answer, or refused.
        """
        query = render(question, self.reports.filters, selection, given)
        return await self._off_loop(lambda warehouse: ask(warehouse, query))

    async def explanation(
        self, question: LoadedQuestion, selection: Selection, at: Mapping[str, str], measure: str
    ) -> dict[str, Any]:
        """Tell what a number is made of, with its messages as far as Kafka still holds them.

        Raises:
            NotExplained: its SQL can't be followed.
            PlaceUnknown: its answer has no such place.
            ServiceUnavailable: ClickHouse did not answer, or refused.
        """
        filters = self.reports.filters

        def work(warehouse: Warehouse) -> dict[str, Any]:
            found = explain(
                warehouse, question, filters, selection, at, measure=measure, most=MOST_EXPLAINED
            )
            places = [record.place for record in found.records]
            return explained(found, self._messages.known(self._endpoints(), places))

        return await self._off_loop(work)

    async def counted(
        self, commit: str, question: LoadedQuestion, selection: Selection
    ) -> dict[str, Any]:
        """Tell which rows of a question's answer a commit is a part of.

        Raises:
            CommitUnknown: there is no such commit.
            ServiceUnavailable: ClickHouse did not answer, or refused.
        """
        filters = self.reports.filters

        def work(warehouse: Warehouse) -> dict[str, Any]:
            record = commit_of(warehouse, filters, commit, credits=False)
            found = counted(warehouse, [question], filters, selection, record)
            return counted_values(record, found)

        return await self._off_loop(work)

    def close(self) -> None:
        """Let the connection go."""
        if self._warehouse is not None:
            self._warehouse.close()

    async def _off_loop(self, work: Callable[[Warehouse], _T]) -> _T:
        try:
            return await asyncio.to_thread(lambda: work(self._connected()))
        except ClickHouseAway:
            # It may come back elsewhere: a stack that starts again can get another port.
            self._warehouse = None
            raise

    def _connected(self) -> Warehouse:
        """Return the connection; made again until it can be made."""
        if self._warehouse is None:
            self._warehouse = Warehouse(self._endpoints().for_reports())
        return self._warehouse

    def _options(self, warehouse: Warehouse) -> dict[str, list[str]]:
        return {
            name: [str(row[0]) for row in warehouse.rows(spec.options)[:MAX_OPTIONS]]
            for name, spec in self.reports.filters.filters.items()
            if isinstance(spec, ChoiceFilter)
        }


def _signature(project: Project) -> tuple[tuple[str, int, int], ...]:
    """Return what differs when a file below ``reports/`` was changed, made or removed."""
    found = []
    for file in sorted(project.reports.rglob("*")):
        with contextlib.suppress(OSError):
            state = file.stat()
            found.append((str(file), state.st_mtime_ns, state.st_size))
    return tuple(found)


def _tuples(rows: Any) -> tuple[tuple[Any, ...], ...]:
    return tuple(tuple(row) for row in rows)

"""What an assistant may ask: reports with the account for reports, and the contracts of the checkout."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any, TypeVar

from contractline.clients.clickhouse import Warehouse
from contractline.contracts.load import load_contracts
from contractline.contracts.model import Contract
from contractline.project import Project
from contractline.reports.answer import ask
from contractline.reports.explain import explain, places_of
from contractline.reports.explained import explained
from contractline.reports.formats import values
from contractline.reports.load import Reports, load_reports
from contractline.reports.messages import MessageLookup
from contractline.reports.model import SwitchFilter, VariantFilter
from contractline.reports.render import filters_of, render
from contractline.reports.selection import given_of, selection_of
from contractline.settings import Endpoints

MOST_ROWS = 1_000
"""Rows of an answer that are given."""

MOST_RECORDS = 50
"""Records of an explanation that are given."""

MOST_DEAD_LETTERS = 100

_DEAD_LETTERS = """
    SELECT topic, partition, offset, toString(at) AS at, class, substring(reason, 1, 500), bytes
    FROM reporting.open_errors ORDER BY topic, partition, offset LIMIT {most:UInt32}"""
_NEWEST = """
    SELECT 'commits' AS stream, toString(max(produced_at)) FROM reporting.commit_origins
    UNION ALL
    SELECT 'github_users', toString(max(changed_at)) FROM reporting.user_change_origins"""

Filters = dict[str, list[str]]
_T = TypeVar("_T")


class Tools:
    """The tools. Each call reads the files and settings anew, as a command does.

    All of them raise ContractlineError where something can't be told.
    """

    def __init__(self, project: Project) -> None:
        self._project = project

    def list_questions(self) -> dict[str, Any]:
        """List the questions that can be asked, and the filters.

        Each question says what it counts, which filters change its answer, and by which columns a
        place in its answer is named for `explain_number`.
        """
        reports = load_reports(self._project)
        return {
            "questions": [
                {
                    "name": name,
                    "title": question.spec.title,
                    "description": question.spec.description,
                    "filters": sorted(filters_of(question, reports.filters)),
                    "parameters": [one.model_dump() for one in question.spec.parameters],
                    "places": places_of(question, reports.filters),
                }
                for name, question in reports.questions.items()
            ],
            "filters": {name: _filter(reports, name) for name in reports.filters.filters},
        }

    def ask_question(
        self,
        question: str,
        filters: Filters | None = None,
        parameters: dict[str, str] | None = None,
        limit: int = 200,
    ) -> dict[str, Any]:
        """Ask a question of the reports.

        Args:
            question: its name, as `list_questions` gives it.
            filters: values by filter, such as {"period": ["30d"], "team": ["Java-team"]}.
            parameters: values of the question's own parameters.
            limit: at most so many rows, of 1,000.
        """
        reports = load_reports(self._project)
        asked = reports.question(question)
        selection = selection_of(reports.filters, filters or {})
        query = render(asked, reports.filters, selection, given_of(asked.spec, parameters or {}))
        answer = self._reading(lambda warehouse: ask(warehouse, query))
        found = values(asked, answer)
        kept = found["rows"][: max(1, min(limit, MOST_ROWS))]
        is_cut = answer.is_cut or len(kept) < len(answer.rows)
        return {**found, "rows": kept, "is_cut": is_cut}

    def explain_number(
        self,
        question: str,
        where: dict[str, str] | None = None,
        filters: Filters | None = None,
        measure: str = "",
        limit: int = 10,
    ) -> dict[str, Any]:
        """Tell which records and messages a number of a question is made of.

        Args:
            question: the question's name.
            where: the row of the answer, as values by the columns that `list_questions` names.
            filters: values by filter.
            measure: the column with the number; the first one unless given.
            limit: at most so many of the newest records, of 50.
        """
        reports = load_reports(self._project)
        asked = reports.question(question)
        selection = selection_of(reports.filters, filters or {})
        most = max(1, min(limit, MOST_RECORDS))
        found = self._reading(
            lambda warehouse: explain(
                warehouse,
                asked,
                reports.filters,
                selection,
                where or {},
                measure=measure,
                most=most,
            )
        )
        endpoints = Endpoints.load(self._project)
        places = [record.place for record in found.records]
        return explained(
            found, MessageLookup(load_contracts(self._project)).known(endpoints, places)
        )

    def list_contracts(self) -> list[dict[str, Any]]:
        """List the contracts: each stream's meaning, owner, version, topic, tables and fields."""
        return [_contract(one) for one in load_contracts(self._project)]

    def dead_letters(self, limit: int = 20) -> list[dict[str, Any]]:
        """List messages that could not be read and wait for a decision; without their content.

        Args:
            limit: at most so many, of 100.
        """
        most = max(1, min(limit, MOST_DEAD_LETTERS))
        names = ("topic", "partition", "offset", "at", "class", "reason", "bytes")
        rows = self._reading(lambda warehouse: warehouse.rows(_DEAD_LETTERS, {"most": most}))
        return [dict(zip(names, row, strict=True)) for row in rows]

    def freshness(self) -> list[dict[str, Any]]:
        """Tell when each stream last brought something, beside the delay that its contract promises."""
        promised = {one.name: one.latency.total_seconds() for one in load_contracts(self._project)}
        rows = self._reading(lambda warehouse: warehouse.rows(_NEWEST))
        return [
            {
                "stream": stream,
                "newest_record": None if newest.startswith("1970") else f"{newest} UTC",
                "promised_delay_seconds": promised.get(stream),
                "asked_at": datetime.now(UTC).isoformat(timespec="seconds"),
            }
            for stream, newest in rows
        ]

    def _reading(self, work: Callable[[Warehouse], _T]) -> _T:
        endpoints = Endpoints.load(self._project).for_reports()
        with closing(Warehouse(endpoints)) as warehouse:
            return work(warehouse)


def _filter(reports: Reports, name: str) -> dict[str, Any]:
    spec = reports.filters.filters[name]
    told = spec.model_dump(include={"kind", "title", "description", "default", "choices"})
    if isinstance(spec, VariantFilter):
        told["choices"] = list(spec.values)
    if isinstance(spec, SwitchFilter):
        told["choices"] = ["on", "off"]
    return told


def _contract(contract: Contract) -> dict[str, Any]:
    description = contract.odcs.description
    return {
        "name": contract.name,
        "purpose": (description.purpose if description else None) or "",
        "owner": contract.owner,
        "version": contract.values[-1].number if contract.values else None,
        "topic": contract.topic.name,
        "table": contract.sink.current if contract.sink else None,
        "promised_delay_seconds": contract.latency.total_seconds(),
        "fields": [
            {"name": one["name"], "doc": one.get("doc", "")} for one in contract.value.fields
        ],
    }

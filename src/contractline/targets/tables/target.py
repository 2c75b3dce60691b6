"""The target ``tables``: databases, queues, tables and views of ClickHouse.

Declared by clickhouse_ddl (what people write) and by the contracts (what is generated from them).
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from contractline.clickhouse.ddl import flush_interval, stream_files
from contractline.clickhouse.sql import StatementUnknown, filled, statements
from contractline.clients.addresses import addresses
from contractline.clients.clickhouse import Warehouse
from contractline.contracts.model import Contract
from contractline.errors import ContractlineError
from contractline.finding import Finding
from contractline.plan import Plan, Step
from contractline.project import Project
from contractline.settings import Endpoints
from contractline.targets.differences import noticed, plan_of
from contractline.targets.tables.diff import Unit, differences
from contractline.targets.tables.labels import renamed_labels
from contractline.targets.tables.renewed import renewed_topics
from contractline.targets.tables.state import read_state

_FILLING = re.compile(
    r"CREATE MATERIALIZED VIEW IF NOT EXISTS (\S+)\s+REFRESH EVERY .+? APPEND\s", re.DOTALL
)
_STORING_SECONDS = 1.0
"""How long a block takes from its end until it is stored in every table."""


class DdlUnreadable(ContractlineError):
    """When a file of clickhouse_ddl can't be read."""

    def __init__(self, file: Path, problem: str) -> None:
        self.file = file
        self.problem = problem
        super().__init__(f"{file}: {problem}")


class Tables:
    """ClickHouse against clickhouse_ddl and the contracts."""

    name = "tables"

    def __init__(
        self, project: Project, contracts: Sequence[Contract], endpoints: Endpoints
    ) -> None:
        self._project = project
        self._contracts = contracts
        self._endpoints = endpoints

    def plan(self) -> Plan:
        """Compare what is declared with what ClickHouse holds, both in its own normal form."""
        units = self._units()
        warehouse = Warehouse(self._endpoints)
        try:
            declared = [statement for unit in units for statement in unit.statements]
            state = read_state(warehouse, declared, addresses(self._endpoints))
            stored = state.stored
            told = [
                *renewed_topics(self._contracts, self._endpoints, warehouse, stored),
                *renamed_labels(self._contracts, self._endpoints, warehouse, stored),
            ]
        finally:
            warehouse.close()
        found = [*differences(units, state), *told, *self._stale_files()]
        return plan_of(self.name, found)

    def apply(self, plan: Plan) -> Iterator[Step]:
        """Carry the steps out."""
        values = addresses(self._endpoints)
        warehouse = Warehouse(self._endpoints)
        try:
            for step in plan.steps:
                for sql in cast("tuple[str, ...]", step.payload):
                    warehouse.run(filled(sql, values))
                yield step
            self._fill_again(warehouse, plan)
        finally:
            warehouse.close()

    def _fill_again(self, warehouse: Warehouse, plan: Plan) -> None:
        """Let the views that read what was there before them read it once more.

        A block that was on its way when a view was made went past the view that takes what comes, and
        was stored after the other one had read what was there.
        """
        made = [sql for step in plan.steps for sql in cast("tuple[str, ...]", step.payload)]
        filling = [found[1] for sql in made if (found := _FILLING.match(sql))]
        if not filling:
            return
        longest = max((flush_interval(one) for one in self._contracts if one.sink), default=None)
        time.sleep(longest.total_seconds() + _STORING_SECONDS if longest else 0)
        for name in filling:
            warehouse.run(f"SYSTEM WAIT VIEW {name}")
            warehouse.run(f"SYSTEM REFRESH VIEW {name}")

    def _units(self) -> list[Unit]:
        """Return what is declared: what all share, then the streams, then the reports."""
        ddl = self._project.ddl
        written = {file: _text(file) for file in (ddl / "databases.sql",)}
        generated = stream_files(self._project, self._contracts)
        reports = {file: _text(file) for file in sorted((ddl / "reporting").glob("*.sql"))}
        return [_unit(file, text) for file, text in (written | generated | reports).items()]

    def _stale_files(self) -> Iterator[Finding]:
        for file, text in stream_files(self._project, self._contracts).items():
            if not file.exists() or file.read_text(encoding="utf-8") != text:
                yield noticed(
                    "DDL_GENERATED",
                    str(file.relative_to(self._project.root)),
                    "is not what the contract gives",
                    "`contractline generate tables` writes it",
                )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise DdlUnreadable(file, f"can't be read: {problem}") from problem


def _unit(file: Path, text: str) -> Unit:
    try:
        return Unit(file.stem, tuple(statements(text)))
    except StatementUnknown as problem:
        raise DdlUnreadable(file, str(problem)) from problem

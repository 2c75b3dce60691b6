"""The target ``tables``: databases, queues, tables and views of ClickHouse.

Declared by clickhouse_ddl (what people write) and by the contracts (what is generated from them).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

from contractline.contracts.model import Contract
from contractline.errors import ContractlineError
from contractline.finding import Finding
from contractline.mapping.ddl import stream_files
from contractline.mapping.sql import StatementUnknown, filled, statements
from contractline.plan import Plan, Step
from contractline.project import Project
from contractline.settings import Endpoints
from contractline.targets.addresses import addresses
from contractline.targets.differences import noticed, plan_of
from contractline.targets.tables_diff import Unit, differences
from contractline.targets.tables_state import read_state
from contractline.targets.warehouse import Warehouse


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
        finally:
            warehouse.close()
        return plan_of(self.name, [*differences(units, state), *self._stale_files()])

    def apply(self, plan: Plan) -> Iterator[Step]:
        """Carry the steps out."""
        values = addresses(self._endpoints)
        warehouse = Warehouse(self._endpoints)
        try:
            for step in plan.steps:
                for sql in cast("tuple[str, ...]", step.payload):
                    warehouse.run(filled(sql, values))
                yield step
        finally:
            warehouse.close()

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

"""Measures the quality rules of the contracts when their schedules say so, and keeps the results."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

from cronsim import CronSim

from contractline.clickhouse.ddl import QUALITY_RESULTS
from contractline.clients.clickhouse import Warehouse
from contractline.contracts.load import load_contracts
from contractline.contracts.model import Contract
from contractline.contracts.quality import QualityRule
from contractline.quality.kept import NEWEST_RESULTS, keep, newest
from contractline.quality.measure import Result, State, measure, rules_of
from contractline.settings import Endpoints
from contractline.watch.part import PeriodicPart

_TABLES = "SELECT concat(database, '.', name) FROM system.tables"


class Quality(PeriodicPart):
    """Looks for quality rules whose time has come."""

    def look(self, endpoints: Endpoints) -> None:
        """Measure the rules whose time has come; one that was never measured is due at once."""
        if not endpoints.clickhouse_url or not self.is_due():
            return
        contracts = load_contracts(self.project)
        with closing(Warehouse(endpoints)) as warehouse:
            tables = {name for (name,) in warehouse.rows(_TABLES)}
            if not {QUALITY_RESULTS, NEWEST_RESULTS} <= tables:
                return  # `contractline apply` makes it
            last = {(one.stream, one.rule): one.at for one in newest(warehouse)}
            results: list[Result] = []
            with closing(Warehouse(endpoints.for_reading())) as reading:
                for contract in contracts:
                    if contract.sink and contract.sink.current in tables:
                        due = _due_rules(contract, last)
                        results += measure(reading, contract, due)
            keep(warehouse, results)
        if results:
            self._tell(results)

    def _tell(self, results: list[Result]) -> None:
        bad = [
            f"{one.stream}: {one.rule.name} {_in_words(one)}"
            for one in results
            if one.state != State.HOLDS
        ]
        if bad:
            self.say_once(f"quality: {'; '.join(bad)}")
        else:
            self.say_once.forget()


def _due_rules(contract: Contract, last: dict[tuple[str, str], datetime]) -> list[QualityRule]:
    now = datetime.now(UTC)
    due = []
    for rule in rules_of(contract):
        at = last.get((contract.name, rule.name))
        if at is None or next(CronSim(rule.schedule, at)) <= now:
            due.append(rule)
    return due


def _in_words(result: Result) -> str:
    if result.state == State.UNKNOWN:
        return f"could not be measured: {result.problem}"
    return f"is {result.value:g} {result.rule.unit}".rstrip() + f", must be {result.rule.bound}"

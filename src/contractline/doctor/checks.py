"""The checks, one a function."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil

from contractline.cache import cache_folder
from contractline.clients.clickhouse import Warehouse
from contractline.debezium.files import connector_names, connector_template
from contractline.debezium.source import connected
from contractline.doctor.problem import Patient, Problem
from contractline.errors import ContractsInvalid
from contractline.finding import Severity
from contractline.stack.eventlog import EventReader
from contractline.stack.history import ServiceState, fold
from contractline.status import look
from contractline.status.facts import Sources
from contractline.targets import plan_all
from contractline.targets.postgres import checks

FULL_BYTES, SCARCE_BYTES = 1 << 30, 5 << 30
"""Below so much free space something will stop, or should be made room for."""

STACK_BYTES = 3 << 30
"""Memory that the local stack needs."""

KEPT_BYTES = 1 << 30
"""So much kept log says that a slot is not read, or falls behind."""

PROMISED_SHARE = 0.99
"""The contracts' latency is one of the 99th percentile."""

_DELAYS = f"""
SELECT stream, sum(messages) AS messages, sum(late) AS late, max(promised_ms) AS promised,
    quantilesTDigestMerge(0.5, 0.95, 0.99)(delays)[3] AS slowest,
    minIf(minute, late > (1 - {PROMISED_SHARE}) * messages) AS since
FROM
(
    SELECT stream, minute, sum(messages) AS messages, sum(late) AS late, max(promised_ms) AS promised_ms,
        quantilesTDigestMergeState(0.5, 0.95, 0.99)(delays) AS delays
    FROM ingestion.arrivals
    WHERE minute >= now('UTC') - INTERVAL 1 HOUR
    GROUP BY stream, minute
)
GROUP BY stream
HAVING late > (1 - {PROMISED_SHARE}) * messages
ORDER BY stream
"""  # noqa: S608 - numbers of our own


def machine(patient: Patient) -> Iterator[Problem]:
    """The disk has room, and the machine enough memory for the local stack."""
    for folder in dict.fromkeys(_existing(f) for f in _folders(patient)):
        free = shutil.disk_usage(folder).free
        if free < SCARCE_BYTES:
            severity = Severity.ERROR if free < FULL_BYTES else Severity.WARNING
            message = f"{checks.size(free)} are free on the disk of {folder}"
            yield Problem(severity, message, "make room; `contractline reset` removes the data")
    total = psutil.virtual_memory().total
    if total < STACK_BYTES:
        message = f"the machine has {checks.size(total)} of memory"
        remedy = f"the local stack needs {checks.size(STACK_BYTES)}"
        yield Problem(Severity.WARNING, message, remedy)


def services(patient: Patient) -> Iterator[Problem]:
    """Every service runs, or answers where it is another installation's."""
    seen = fold(EventReader(patient.stack.layout.events).read())
    found = patient.stack.status()
    if all(service.state is ServiceState.STOPPED for service in found):
        yield Problem(Severity.ERROR, "the local stack does not run", "`contractline up` starts it")
        return
    for service in found:
        if service.is_up:
            continue
        cause = f": {service.cause}" if service.cause else ""
        known = seen.get(service.name)
        since = datetime.fromtimestamp(known.since, UTC) if known and known.since else None
        remedy = (
            "is its address right, and does it run?"
            if service.is_away
            else f"`contractline logs {service.name}`, then `contractline up`"
        )
        message = f"{service.name} is {service.state}{cause}"
        yield Problem(Severity.ERROR, message, remedy, since)


def contracts(patient: Patient) -> Iterator[Problem]:
    """The contracts can be loaded."""
    try:
        patient.contracts  # noqa: B018 - loads them
    except ContractsInvalid as problem:
        found = problem.findings
        message = f"{len(found)} findings, such as {found[0].subject}: {found[0].message}"
        yield Problem(Severity.ERROR, message, "`contractline check contracts`")


def drift(patient: Patient) -> Iterator[Problem]:
    """Every system is as the contracts declare it."""
    patient.need_services()
    for outcome in plan_all(patient.project, patient.contracts, patient.endpoints):
        ask = f"`contractline plan {outcome.target}`"
        if outcome.error is not None:
            message = f"{outcome.target} could not be told: {outcome.error}"
            yield Problem(Severity.ERROR, message, outcome.error.hint)
        elif outcome.plan is not None and not outcome.plan.is_clean:
            for finding in outcome.plan.findings:
                message = f"{finding.subject}: {finding.message}"
                yield Problem(finding.severity, message, finding.hint)
            if steps := len(outcome.plan.steps):
                message = f"{outcome.target} differ in {steps} places from their declared state"
                yield Problem(Severity.WARNING, message, f"{ask}, then `contractline apply`")


def flow(patient: Patient) -> Iterator[Problem]:
    """Every stream and every connector moves."""
    patient.need_services()
    for section in look(Sources(patient.project, patient.endpoints)):
        for message in section.problems:
            yield Problem(Severity.ERROR, message)


def slots(patient: Patient) -> Iterator[Problem]:
    """PostgreSQL keeps little log for each connector, and has a slot left."""
    patient.need_services("postgres_dsn", "connect_url")
    with connected(patient.endpoints) as database:
        for name in connector_names(patient.project):
            slot = database.slot(connector_template(patient.project, name)["slot.name"])
            if slot is None or slot.kept_bytes < KEPT_BYTES:
                continue
            message = f"PostgreSQL keeps {checks.size(slot.kept_bytes)} of its log for {name}"
            yield Problem(
                Severity.WARNING,
                message,
                "a connector that stands or is behind fills PostgreSQL's disk:"
                " `contractline status`, `contractline logs connect`",
            )
        server = database.server()
        if server.used_slots >= server.max_slots:
            message = f"all {server.max_slots} replication slots of PostgreSQL are used"
            yield Problem(Severity.WARNING, message, "raise max_replication_slots, or drop one")


def delays(patient: Patient) -> Iterator[Problem]:
    """What arrived in the last hour took no longer than the contracts promise."""
    patient.need_services("clickhouse_url")
    with closing(Warehouse(patient.endpoints)) as warehouse:
        for stream, messages, late, promised, slowest, since in warehouse.rows(_DELAYS):
            message = (
                f"{stream}: {late:,} of {messages:,} records of the last hour took longer than"
                f" {timedelta(milliseconds=promised).total_seconds():g} s, 1 of 100 at least"
                f" {slowest / 1000:.1f} s"
            )
            remedy = "was a service away? The question `arrival_delays` shows when"
            yield Problem(Severity.WARNING, message, remedy, since)


def _folders(patient: Patient) -> tuple[Path, Path]:
    return patient.project.state, cache_folder(patient.environment)


def _existing(folder: Path) -> Path:
    return next(f for f in (folder, *folder.parents) if f.exists())

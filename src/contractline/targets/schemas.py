"""The target ``schemas``: every released version of every contract, in the registry, in order.

A contract owns the subjects ``<topic>-key`` and ``<topic>-value`` of its topic and no other.
Schemas are compared by meaning, so a version whose documentation alone differs is no drift.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime

from contractline.avro.compatibility import Break, Compatibility, breaks, strongest_level
from contractline.avro.schema import Schema
from contractline.clickhouse.ddl import INGESTION
from contractline.clients.registry import Registered, Registry
from contractline.contracts.model import Contract, Subject, Version
from contractline.contracts.waivers import agreed_level, load_waivers
from contractline.debezium.files import connector_names, connector_template
from contractline.errors import ContractlineError, ServiceUnavailable
from contractline.finding import Finding
from contractline.plan import Change, Plan, Step
from contractline.project import Project
from contractline.settings import Endpoints
from contractline.targets.differences import noticed, plan_of, refused
from contractline.targets.tables.target import Tables
from contractline.targets.topics import undeclared


@dataclass(frozen=True, slots=True)
class SetLevel:
    """Give a subject the contract's compatibility level."""

    subject: Subject
    level: Compatibility


@dataclass(frozen=True, slots=True)
class Register:
    """Register a released version."""

    subject: Subject
    version: Version


@dataclass(frozen=True, slots=True)
class Remove:
    """Delete a version that no contract holds."""

    subject: Subject
    number: int


class TablesBehind(ContractlineError):
    """When a version is not registered, since ClickHouse would lose what it says anew."""

    def __init__(self, held: Sequence[Step]) -> None:
        self.held = tuple(held)
        super().__init__(
            f"did not {', '.join(step.summary for step in held)}: the tables are not yet those of"
            " the contract, and writers take a new version as soon as it is there",
            hint="`contractline apply tables` first; `contractline plan tables` says what they lack",
        )


class Schemas:
    """The registry against the released versions of the contracts.

    Args:
        prune: delete the versions of contracted subjects that equal no released version.
    """

    name = "schemas"

    def __init__(
        self,
        project: Project,
        contracts: Sequence[Contract],
        endpoints: Endpoints,
        *,
        prune: bool = False,
    ) -> None:
        self._project = project
        self._contracts = contracts
        self._endpoints = endpoints
        self._prune = prune

    def plan(self) -> Plan:
        """Compare every contracted subject with its registry."""
        with Registry.of(self._endpoints) as registry:
            return plan_of(self.name, self._differences(registry))

    def apply(self, plan: Plan) -> Iterator[Step]:
        """Carry the steps out, each read back.

        Raises:
            TablesBehind: versions were left out, since the tables that read them are not ready.
        """
        behind = self._behind(
            {s.payload.subject for s in plan.steps if isinstance(s.payload, Register)}
        )
        held = []
        with Registry.of(self._endpoints) as registry:
            for step in plan.steps:
                match step.payload:
                    case SetLevel(subject, level):
                        registry.set_level(subject, level)
                    case Register(subject, version):
                        if subject in behind:
                            held.append(step)
                            continue
                        registry.register(subject, version.schema)
                    case Remove(subject, number):
                        registry.remove(subject, number)
                yield step
        if held:
            raise TablesBehind(held)

    def _behind(self, subjects: Set[Subject]) -> frozenset[Subject]:
        """Return the subjects whose stream has tables in ClickHouse that are other than declared.

        Tables that are not there yet lose nothing: their queue begins with the first message.
        """
        sinks = {
            Subject(f"{contract.topic.name}-value"): contract
            for contract in self._contracts
            if contract.sink
        }
        if self._endpoints.clickhouse_url is None or not subjects & sinks.keys():
            return frozenset()
        try:
            tables = Tables(self._project, self._contracts, self._endpoints).plan()
        except ServiceUnavailable:
            return frozenset()
        other = {step.subject for step in tables.steps if step.change is not Change.CREATE}
        other |= {finding.subject for finding in tables.refusals}
        return frozenset(
            s for s in subjects & sinks.keys() if other.intersection(_tables(sinks[s]))
        )

    def _differences(self, registry: Registry) -> Iterator[Step | Finding]:
        for contract in self._contracts:
            for subject, released in _subjects(contract).items():
                live = registry.versions(subject)
                if released:
                    yield from _level(contract, subject, registry.level(subject))
                yield from _missing(contract, subject, released, live)
                yield from self._extra(contract, subject, released, live)
        yield from self._undeclared(registry)

    def _undeclared(self, registry: Registry) -> Iterator[Finding]:
        """Tell of the subjects that a contract once owned and none does now."""
        declared = {subject for contract in self._contracts for subject in _subjects(contract)}
        others = [subject for subject in registry.subjects() if subject not in declared]
        if not others:
            return
        try:
            topics = undeclared(self._project, self._contracts, self._endpoints)
        except ContractlineError:
            # Whether Kafka answers is not for this target to say.
            topics = {}
        prefixes = [
            f"{connector_template(self._project, name)['topic.prefix']}."
            for name in connector_names(self._project)
        ]
        for subject in others:
            topic = re.sub(r"-(key|value)$", "", subject)
            if topic != subject and (topic in topics or topic.startswith(tuple(prefixes))):
                yield noticed(
                    "SUBJECT_DECLARED",
                    subject,
                    "no contract declares its topic; messages in it need its versions",
                    f"left alone; to delete it: DELETE /subjects/{subject}",
                )

    def _extra(
        self,
        contract: Contract,
        subject: Subject,
        released: Sequence[Version],
        live: Sequence[Registered],
    ) -> Iterator[Step | Finding]:
        known = {version.schema for version in released}
        for extra in (registered for registered in live if registered.schema not in known):
            yield (
                _removal(subject, extra) if self._prune else _uncontracted(contract, subject, extra)
            )


def _tables(contract: Contract) -> tuple[str, ...]:
    sink = contract.sink
    kept = (sink.current, sink.history or "") if sink else ()
    return (*kept, f"{INGESTION}.{contract.name}_queue")


def _subjects(contract: Contract) -> dict[Subject, tuple[Version, ...]]:
    """The subjects that a contract owns; a key subject without versions must not exist."""
    return {Subject(f"{contract.topic.name}-key"): ()} | contract.subjects


def _level(contract: Contract, subject: Subject, live: str | None) -> Iterator[Step]:
    level = _held_level(contract, subject)
    if live != level:
        agreed = "" if level == contract.pipeline.compatibility else ", as a waiver agrees to"
        summary = f"compatibility {live or 'not set'} -> {level}{agreed}"
        yield Step(Change.ALTER, subject, summary, payload=SetLevel(subject, level))


def _held_level(contract: Contract, subject: Subject) -> Compatibility:
    """Return the level that a subject shall have: the contract's, or that of a waiver of its value."""
    if not subject.endswith("-value"):
        return contract.pipeline.compatibility
    agreed = agreed_level(load_waivers(contract.folder), datetime.now(UTC).date())
    return agreed or contract.pipeline.compatibility


def _missing(
    contract: Contract,
    subject: Subject,
    released: Sequence[Version],
    live: Sequence[Registered],
) -> Iterator[Step | Finding]:
    numbers, holds = _numbers(released, live), _held_level(contract, subject)
    earlier = [(one.number, one.schema) for one in live if one.schema is not None]
    for version in released:
        if numbers[version.number] is not None:
            continue
        if any(n for later, n in numbers.items() if later > version.number):
            yield _overtaken(contract, subject, version)
        elif reasons := breaks(version.schema, earlier, holds):
            yield _incompatible(contract, subject, version, holds, reasons)
        else:
            earlier.append((len(earlier) + 1, version.schema))
            summary = f"register {contract.name} v{version.number}"
            payload = Register(subject, version)
            yield Step(Change.CREATE, subject, summary, version.schema.text, payload)
    order = list(dict.fromkeys(n for n in numbers.values() if n))
    if order != sorted(order):
        yield _disorder(contract, subject, order)


def _numbers(released: Sequence[Version], live: Sequence[Registered]) -> dict[int, int | None]:
    """Map each released version to the registry's number of it; a repeated meaning counts once."""
    registered: dict[Schema, int] = {}
    for version in live:
        if version.schema is not None:
            registered.setdefault(version.schema, version.number)
    return {version.number: registered.get(version.schema) for version in released}


def _overtaken(contract: Contract, subject: Subject, version: Version) -> Finding:
    return noticed(
        "SUBJECT_VERSIONS_COMPLETE",
        subject,
        f"{contract.name} v{version.number} is missing, and a later version is already registered;"
        " registered now, it would become the newest, and producers would go back to it",
        "no message can carry the missing version, so nothing has to be done",
    )


def _incompatible(
    contract: Contract,
    subject: Subject,
    version: Version,
    holds: Compatibility,
    reasons: Sequence[Break],
) -> Finding:
    level = strongest_level([one.schema for one in contract.values])
    return refused(
        "SUBJECT_TAKES_VERSION",
        subject,
        f"{contract.name} v{version.number} does not fit {holds} with what is registered:"
        f" {'; '.join(map(str, reasons))}",
        f"the versions of {contract.name} fit {level}: name it in waivers/VERSIONS_COMPATIBLE.yaml"
        f" (`migration: {{level: {level}}}`), or write `compatibility: {level}` into the contract and"
        " agree to it in waivers/COMPATIBILITY_KEPT.yaml; if the registered one is not of this"
        " contract, `contractline apply schemas --prune` deletes it",
    )


def _disorder(contract: Contract, subject: Subject, order: Sequence[int]) -> Finding:
    return refused(
        "SUBJECT_VERSIONS_IN_ORDER",
        subject,
        f"the versions of {contract.name} are registered as numbers"
        f" {', '.join(map(str, order))}, so the newest there is not the contract's newest",
        "a registry can't reorder versions: release one more version of the contract",
    )


def _uncontracted(contract: Contract, subject: Subject, extra: Registered) -> Finding:
    what = "is not an Avro schema and" if extra.schema is None else "equals no released version, it"
    return refused(
        "SUBJECT_VERSION_CONTRACTED",
        subject,
        f"version {extra.number} (id {extra.id}) {what} was registered outside of {contract.name}",
        "release it as the next version of the contract, or delete it with"
        " `contractline apply schemas --prune`",
    )


def _removal(subject: Subject, extra: Registered) -> Step:
    summary = (
        f"delete version {extra.number}, which no contract holds; a message that carries its id"
        f" {extra.id} can't be read any more"
    )
    detail = extra.schema.text if extra.schema else ""
    return Step(Change.REMOVE, subject, summary, detail, Remove(subject, extra.number))

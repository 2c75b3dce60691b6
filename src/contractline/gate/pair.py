"""Two schemas without a contract: whether one may follow the other, for Avro and for ClickHouse."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from open_data_contract_standard.model import OpenDataContractStandard

from contractline.avro.paths import steps_of
from contractline.avro.schema import Schema
from contractline.contracts.change import StreamChange
from contractline.contracts.draft import Draft, Released
from contractline.contracts.model import (
    ClickHouseSink,
    Compatibility,
    PipelineProperties,
    ProducerSource,
    Topic,
    Version,
)
from contractline.finding import Finding, RuleId, Severity
from contractline.rules.check import held
from contractline.rules.clickhouse_verdict import verdict
from contractline.rules.registry import RULES_OF_CONTRACT

SUBJECT = "pair"
_AVRO = RuleId("VERSIONS_COMPATIBLE")
_MEANING = RuleId("LOGICAL_TYPES_KEPT")


@dataclass(frozen=True, slots=True)
class Judgement:
    """What is said of a pair.

    Attributes:
        findings: why the reader's schema may not follow the writer's.
    """

    findings: tuple[Finding, ...]

    @property
    def is_compatible(self) -> bool:
        """Whether it may follow (warnings aside)."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)


def judge(reader: Schema, writer: Schema, level: Compatibility, *, sink: bool = True) -> Judgement:
    """Return whether a reader's schema may follow a writer's at a level.

    Args:
        reader: the newer schema.
        writer: the earlier one.
        level: BACKWARD wants the reader to read the writer's records, FORWARD the other way.
        sink: whether a value that means something else, and what ClickHouse's generated tables
            would do, count too; without it only Avro's resolution does.
    """
    draft = _draft(reader, writer, level)
    wanted = {_AVRO, _MEANING} if sink else {_AVRO}
    found = [one for rule in RULES_OF_CONTRACT if rule.id in wanted for one in held(rule, draft)]
    if sink and reader.fields and writer.fields:
        said = verdict(StreamChange(_draft(writer, writer, level), draft))
        found += said.findings if said else ()
    return Judgement(tuple(_in_file(one, draft, Path(reader.where)) for one in found))


def _in_file(finding: Finding, draft: Draft, file: Path) -> Finding:
    """Return a finding as one of the reader's file: the pair has no folder with a working schema."""
    if finding.file != draft.file("value"):
        return finding
    return replace(finding, file=file, position=draft.position(file, steps_of(finding.path)))


def _draft(newer: Schema, earlier: Schema, level: Compatibility) -> Draft:
    """Return a contract whose first two versions are the schemas, and that says nothing else."""
    versions = [Version(1, earlier, Path(earlier.where))]
    if newer is not earlier:
        versions.append(Version(2, newer, Path(newer.where)))
    return Draft(
        Path(SUBJECT),
        findings=(),
        released=Released((), {"value": tuple(versions)}, {}, None),
        names=(),
        document=None,
        odcs_part=OpenDataContractStandard(),
        pipeline_part=PipelineProperties(
            topic=Topic(name=SUBJECT, partitions=1, cleanup="delete"),
            compatibility=level,
            source=ProducerSource(kind="producer"),
            clickhouse=ClickHouseSink(current=f"{SUBJECT}.{SUBJECT}"),
        ),
        schemas={"value": newer},
    )

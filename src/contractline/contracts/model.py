"""What a contract says: the pipeline's part of the ODCS file as typed, frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, NewType

from open_data_contract_standard.model import OpenDataContractStandard, SchemaProperty
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.alias_generators import to_camel
from pydantic_core import PydanticCustomError

from contractline.avro.compatibility import Compatibility as Compatibility
from contractline.avro.schema import Schema
from contractline.contracts.sla import owner_of, promised_latency

Subject = NewType("Subject", str)
Part = Literal["key", "value"]

DEFAULT_LATENCY = timedelta(milliseconds=600)
"""Produced to visible, where a contract holds no latency SLA."""

PERSONAL_DATA = "pii"
"""The ODCS ``classification`` of fields that hold personal data."""

_TOPIC = r"^([A-Za-z0-9_-]|[A-Za-z0-9._-]*[A-Za-z0-9_-][A-Za-z0-9._-]*)$"
"""What Kafka takes as a topic's name: never dots alone."""

_COLUMN = r"^[A-Za-z_][A-Za-z0-9_]*$"
_TABLE = r"^[A-Za-z_][A-Za-z0-9_]*\.[A-Za-z_][A-Za-z0-9_]*$"
_FILE_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class _ContractSection(BaseModel):
    """A custom property of the ODCS file: names in camelCase there, unknown ones refused."""

    model_config = ConfigDict(
        alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True
    )


def _iso(value: object) -> object:
    """Refuse what pydantic would also take for a duration: ``7`` as seven seconds."""
    if isinstance(value, timedelta) or (isinstance(value, str) and value.startswith("P")):
        return value
    raise PydanticCustomError("time_delta_parsing", "is not an ISO 8601 duration")


Duration = Annotated[timedelta, BeforeValidator(_iso)]


class Topic(_ContractSection):
    """The Kafka topic of a stream.

    Attributes:
        name: the topic.
        partitions: how many; can only grow.
        replication: copies of each partition; the broker's default when absent.
        cleanup: ``compact`` keeps the newest record of each key, ``delete`` drops by age.
        retention: how long ``delete`` keeps a record; for ever when absent (ISO 8601, ``P7D``).
        min_compaction_lag: how long a record is safe from compaction.
    """

    name: str = Field(pattern=_TOPIC, max_length=249)
    partitions: int = Field(ge=1, strict=True)
    replication: int | None = Field(default=None, ge=1, lt=2**15, strict=True)
    cleanup: Literal["compact", "delete"]
    retention: Duration | None = Field(default=None, gt=timedelta(0))
    min_compaction_lag: Duration = Field(default=timedelta(0), ge=timedelta(0))


class ProducerSource(_ContractSection):
    """The stream is written by a producer application."""

    kind: Literal["producer"]


class SystemSource(_ContractSection):
    """The stream is written by the machinery itself.

    Attributes:
        connector: the connector that writes it, where one does.
    """

    kind: Literal["system"]
    connector: str | None = Field(default=None, pattern=_FILE_NAME)


class PostgresSource(_ContractSection):
    """The stream is a PostgreSQL table, by change data capture.

    Attributes:
        connector: the file in connect/connectors (without ``.json``) that reads the table.
        table: ``schema.table``.
        uncontracted_columns: what a column that the contract does not hold does to the stream:
            ``report`` keeps it out and says so, ``stop`` fails the task until it is contracted.
        unrepresentable_values: what a value does that the topic can't hold, such as an infinite
            date: ``stop`` fails the task before its row is lost, ``nullify`` makes it null where
            the column takes null.
        epoch: raise it by one when the database was restored and its LSN started again.
    """

    kind: Literal["postgres"]
    connector: str = Field(pattern=_FILE_NAME)
    table: str = Field(pattern=r"^[^.]+\.[^.]+$")
    uncontracted_columns: Literal["report", "stop"] = "report"
    unrepresentable_values: Literal["stop", "nullify"] = "stop"
    epoch: int = Field(default=1, ge=1, lt=2**31, strict=True)


Source = Annotated[ProducerSource | SystemSource | PostgresSource, Field(discriminator="kind")]


class RowVersion(_ContractSection):
    """Which of several records of one row wins.

    Attributes:
        rank: nullable fields whose presence makes a record more complete, most important first.
        latest: the timestamp that decides between records of the same rank.
    """

    rank: tuple[str, ...] = Field(default=(), max_length=8)
    latest: str


class DerivedColumn(_ContractSection):
    """A column of the target table that is computed from the record.

    Attributes:
        name: the column.
        type: its ClickHouse type.
        expression: a total ClickHouse expression over the record's columns.
        description: what it means.
    """

    name: str = Field(pattern=_COLUMN)
    type: str = Field(min_length=1)
    expression: str = Field(min_length=1)
    description: str = Field(min_length=1)


class ClickHouseSink(_ContractSection):
    """Where a stream lands in ClickHouse.

    Attributes:
        current: ``database.table`` of the newest record of each key.
        history: ``database.table`` of every change; only for PostgreSQL sources.
        order_by: the sorting key of ``current``; the key's fields when absent.
        version: which record wins; from the log position for PostgreSQL sources.
        types: column types of one's own, by field (``home.city`` inside a record); they stand in
            the queue and in the tables exactly as they are written here.
        derived: computed columns of ``current`` and ``history``.
    """

    current: str = Field(pattern=_TABLE)
    history: str | None = Field(default=None, pattern=_TABLE)
    order_by: tuple[str, ...] = ()
    version: RowVersion | None = None
    types: Mapping[str, str] = Field(default_factory=dict)
    derived: tuple[DerivedColumn, ...] = ()


class PipelineProperties(_ContractSection):
    """The custom properties of an ODCS file that contractline reads."""

    topic: Topic
    compatibility: Compatibility = Compatibility.FULL_TRANSITIVE
    source: Source
    clickhouse: ClickHouseSink | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A released schema: a file that never changes again."""

    number: int
    schema: Schema
    file: Path


@dataclass(frozen=True, slots=True)
class Contract:
    """One stream: its meaning, its owner, its promises, and every released schema.

    Attributes:
        name: the folder's name.
        folder: the folder.
        odcs: the whole ODCS document.
        pipeline: its part that the pipeline works by.
        value: the working schema of the value.
        key: the working schema of the key; None for a stream without keys.
        values: the released versions of the value, in order.
        keys: the released versions of the key, in order.
    """

    name: str
    folder: Path
    odcs: OpenDataContractStandard
    pipeline: PipelineProperties
    value: Schema
    key: Schema | None
    values: tuple[Version, ...]
    keys: tuple[Version, ...]

    @property
    def topic(self) -> Topic:
        """The Kafka topic."""
        return self.pipeline.topic

    @property
    def source(self) -> ProducerSource | SystemSource | PostgresSource:
        """Who writes the stream."""
        return self.pipeline.source

    @property
    def sink(self) -> ClickHouseSink | None:
        """Where it lands in ClickHouse; None for streams of the machinery."""
        return self.pipeline.clickhouse

    def with_tables(self, current: str, history: str | None) -> Contract:
        """Return the contract with other tables in its sink, as ``database.table``.

        Raises:
            ValueError: it has no sink.
        """
        if self.sink is None:
            raise ValueError(f"{self.name} has no sink")
        sink = self.sink.model_copy(update={"current": current, "history": history})
        return replace(self, pipeline=self.pipeline.model_copy(update={"clickhouse": sink}))

    @property
    def subjects(self) -> dict[Subject, tuple[Version, ...]]:
        """The registry subjects (TopicNameStrategy) and their versions; key first."""
        found = {Subject(f"{self.topic.name}-value"): self.values}
        return {Subject(f"{self.topic.name}-key"): self.keys} | found if self.keys else found

    @property
    def key_fields(self) -> tuple[str, ...]:
        """The names of the key's fields, in order; none for a stream without keys."""
        return tuple(f["name"] for f in self.key.fields) if self.key else ()

    @property
    def properties(self) -> dict[str, SchemaProperty]:
        """What the ODCS file says of single fields, by field name."""
        return properties_of(self.odcs)

    @property
    def personal_fields(self) -> frozenset[str]:
        """The names of the fields that hold personal data."""
        return frozenset(n for n, p in self.properties.items() if p.classification == PERSONAL_DATA)

    @property
    def latency(self) -> timedelta:
        """The promised time from produced to visible: the ODCS SLA ``latency``."""
        promise = promised_latency(self.odcs)
        return DEFAULT_LATENCY if promise is None else promise

    @property
    def owner(self) -> str | None:
        """Who answers for the stream: the team member with the role ``owner``."""
        return owner_of(self.odcs)


def properties_of(odcs: OpenDataContractStandard) -> dict[str, SchemaProperty]:
    """Return what an ODCS file says of single fields, by field name."""
    return {p.name: p for o in odcs.schema_ or [] for p in o.properties or [] if p.name}

"""The configuration of a Debezium connector: its template, and what the contracts say. Pure.

A template in connect/connectors holds what is the same whatever the contracts say; everything that
follows from a contract is rendered here and must not stand in the template.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from contractline.clickhouse.ddl import stream_columns
from contractline.contracts.model import Contract, PostgresSource, SystemSource
from contractline.debezium.reading import date_columns, label_lists, snapshot_query
from contractline.errors import ContractsInvalid
from contractline.finding import Finding, RuleId, Severity

METADATA_PREFIX = "__"
"""The fields that the unwrap transform adds; PostgreSQL columns of that name can't be contracted."""

HEARTBEAT_TABLE = "public.debezium_heartbeat"
"""The table that Debezium touches while all others are quiet (connect/postgres)."""

SIGNAL_TABLE = "public.debezium_signal"
"""The table through which a connector is told to read a table anew (connect/postgres)."""

EXACT_VALUES = "contractline.connect.ExactValues"
"""The converter of connect/plugin for types of which Debezium's own changes some values."""

_POLLS_PER_LATENCY = 6
_POLL_MIN_MS, _POLL_MAX_MS = 10, 500
_ROWS_PER_POLL_MS = 40
_BATCH_MIN, _BATCH_MAX = 512, 8192
_QUEUED_BATCHES = 4
_SNAPSHOT_QUERIES = "snapshot.select.statement.overrides"
_ITEMS = re.compile(r"(?<!\\),")
_LISTS = {
    "table.include.list": ",",
    "column.include.list": ",",
    "message.key.columns": ";",
    _SNAPSHOT_QUERIES: ",",
    "nullify": "|",
    "labels": "|",
}
"""The properties that list tables, and what separates them; the last ones are the converter's."""

_REGEX_SIGNS = re.compile(r"([,.\\+*?\[\](){}^$|])")


@dataclass(frozen=True, slots=True)
class CapturedStream:
    """One table of a connector, as its contract sees it."""

    contract: Contract
    source: PostgresSource

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the newest released version holds, in order."""
        fields = (field["name"] for field in self.contract.values[-1].schema.fields)
        return tuple(name for name in fields if not name.startswith(METADATA_PREFIX))

    @property
    def brought(self) -> tuple[str, ...]:
        """What must have arrived of each row: its columns.

        Where ClickHouse makes a uuid or a number of a column's text, with the type: what did not fit
        another type before is to be brought again.
        """
        if self.contract.sink is None:
            return self.columns
        types = {
            column.field[0]: column.type
            for column in stream_columns(self.contract)
            if column.text_of in {"uuid", "numeric"}
        }
        return tuple(f"{name} {types[name]}" if name in types else name for name in self.columns)


def streams_of(
    contracts: Sequence[Contract], connector: str | None = None
) -> tuple[CapturedStream, ...]:
    """Return the tables that a connector reads; those of every connector without a name."""
    return tuple(
        CapturedStream(contract, contract.source)
        for contract in contracts
        if isinstance(contract.source, PostgresSource)
        and connector in {None, contract.source.connector}
    )


def connector_contracts(contracts: Sequence[Contract], connector: str) -> tuple[Contract, ...]:
    """Return every contract whose topic a connector writes: its tables and its heartbeat."""
    return tuple(
        contract
        for contract in contracts
        if isinstance(contract.source, (PostgresSource, SystemSource))
        and contract.source.connector == connector
    )


def heartbeat_of(
    contracts: Sequence[Contract], connector: str, template: Mapping[str, str]
) -> Contract | None:
    """Return the contract of a connector's heartbeats: its topic ends in the topic prefix."""
    suffix = _heartbeat_suffix(template)
    for contract in connector_contracts(contracts, connector):
        if isinstance(contract.source, SystemSource) and contract.topic.name.endswith(suffix):
            return contract
    return None


def render(name: str, template: Mapping[str, str], contracts: Sequence[Contract]) -> dict[str, str]:
    """Return a connector's whole configuration.

    Args:
        name: the connector; the template's file name.
        template: what the contracts don't decide.
        contracts: all contracts; those of other connectors are ignored.

    Raises:
        ContractsInvalid: a contract says what Debezium can't do.
    """
    streams = streams_of(contracts, name)
    findings = _mistakes(name, template, contracts)
    if findings:
        raise ContractsInvalid(findings)
    config = dict(template) | {
        "table.include.list": ",".join(_pattern(s.source.table) for s in streams),
        "column.include.list": ",".join((*map(_columns, streams), _whole(SIGNAL_TABLE))),
        "predicates.signal.pattern": _pattern(f"{template['topic.prefix']}.{SIGNAL_TABLE}"),
        **_pace(min(stream.contract.latency for stream in streams)),
        **_heartbeat(name, template, contracts),
        **_nullified(template, streams),
        **_labels(template, streams),
        **_snapshot_queries(template, streams),
    }
    keys = ";".join(_key(stream) for stream in streams if stream.contract.key_fields)
    return config | {"message.key.columns": keys} if keys else config


def is_read(config: Mapping[str, str], table: str) -> bool:
    """Tell whether a connector's configuration lists a table."""
    return _pattern(table) in _ITEMS.split(config.get("table.include.list", ""))


def without_table(
    name: str, config: Mapping[str, str], table: str, left: Sequence[Contract]
) -> dict[str, str]:
    """Return the configuration of a connector that reads one table less, and all others as before.

    Args:
        name: the connector.
        config: its configuration.
        table: the table.
        left: the contracts that are left, by which it keeps its pace; one is of this connector.
    """
    of_table = re.compile(rf"{re.escape(_pattern(table))}(\\\..*|:.*)?|{re.escape(table)}")
    changed = dict(config)
    changed.pop(f"{_SNAPSHOT_QUERIES}.{table}", None)
    converter = f"{exact_converter(config)}."
    for key, value in config.items():
        separator = _LISTS.get(key.removeprefix(converter))
        if separator is None:
            continue
        items = re.split(rf"(?<!\\){re.escape(separator)}", value)
        changed[key] = separator.join(item for item in items if not of_table.fullmatch(item))
        if not changed[key]:
            del changed[key]
    return changed | _pace(min(stream.contract.latency for stream in streams_of(left, name)))


def render_capture(
    template: Mapping[str, str],
    keys: Mapping[str, Sequence[str]],
    left_out: Sequence[str] = (),
) -> dict[str, str]:
    """Return the configuration that shows what the connector makes of whole tables.

    It is the connector's own, but for two things: it reads every column, contracted or not, and
    the converter may register what it finds, in a registry that nobody else uses.

    Args:
        template: the connector's template.
        keys: the tables, with the columns of the key; none where the primary key is meant.
        left_out: columns (``schema.table.column``) that no contract can hold.
    """
    config = dict(template) | {
        "table.include.list": ",".join(map(_pattern, keys)),
        "predicates.signal.pattern": _pattern(f"{template['topic.prefix']}.{SIGNAL_TABLE}"),
        "key.converter.auto.register.schemas": "true",
        "value.converter.auto.register.schemas": "true",
        "topic.creation.default.partitions": "1",
        "topic.creation.default.replication.factor": "1",
    }
    if left_out:
        config["column.exclude.list"] = ",".join(map(_pattern, left_out))
    columns = ";".join(f"{_pattern(t)}:{','.join(names)}" for t, names in keys.items() if names)
    return config | {"message.key.columns": columns} if columns else config


def exact_converter(config: Mapping[str, str]) -> str:
    """Return the name that a connector gives the converter of exact values; empty without it."""
    names = (name.strip() for name in config.get("converters", "").split(","))
    return next((name for name in names if config.get(f"{name}.type") == EXACT_VALUES), "")


def _mistakes(
    name: str, template: Mapping[str, str], contracts: Sequence[Contract]
) -> list[Finding]:
    streams = streams_of(contracts, name)
    if not streams:
        return [_mistake(name, "no contract names this connector, so there is nothing to read")]
    prefix = template["topic.prefix"]
    found = []
    for stream in streams:
        topic = f"{prefix}.{stream.source.table}"
        if stream.contract.topic.name != topic:
            found.append(
                _mistake(stream.contract.name, f"Debezium writes this table to the topic {topic}")
            )
        if not stream.contract.values:
            found.append(_mistake(stream.contract.name, "no version of the value is released"))
        if _nullifies(stream) and not exact_converter(template):
            words = f"`unrepresentableValues: nullify` needs a converter {EXACT_VALUES}"
            found.append(_mistake(stream.contract.name, f"{words} in the connector's template"))
    return found


def _columns(stream: CapturedStream) -> str:
    if stream.source.uncontracted_columns == "stop":
        return _whole(stream.source.table)
    names = "|".join(_pattern(column) for column in stream.columns)
    return rf"{_pattern(stream.source.table)}\.({names})"


def _whole(table: str) -> str:
    return rf"{_pattern(table)}\..*"


def _key(stream: CapturedStream) -> str:
    return f"{_pattern(stream.source.table)}:{','.join(stream.contract.key_fields)}"


def _pace(latency: timedelta) -> dict[str, str]:
    """How often to look for changes, and how many to take at once, for a promised latency."""
    milliseconds = latency // timedelta(milliseconds=1)
    poll = _within(milliseconds // _POLLS_PER_LATENCY, _POLL_MIN_MS, _POLL_MAX_MS)
    batch = _within(poll * _ROWS_PER_POLL_MS, _BATCH_MIN, _BATCH_MAX)
    return {
        "poll.interval.ms": str(poll),
        "max.batch.size": str(batch),
        "max.queue.size": str(batch * _QUEUED_BATCHES),
    }


def _heartbeat(
    name: str, template: Mapping[str, str], contracts: Sequence[Contract]
) -> dict[str, str]:
    """Heartbeats go where their contract says; without one the strict converter lets none pass."""
    suffix = _heartbeat_suffix(template)
    if beat := heartbeat_of(contracts, name, template):
        return {"topic.heartbeat.prefix": beat.topic.name.removesuffix(suffix)}
    raise ContractsInvalid(
        [_mistake(name, f"needs a contract for its heartbeats, with a topic that ends in {suffix}")]
    )


def _heartbeat_suffix(template: Mapping[str, str]) -> str:
    return f".{template['topic.prefix']}"


def _nullified(template: Mapping[str, str], streams: Sequence[CapturedStream]) -> dict[str, str]:
    """Name the tables whose values that the topic can't hold become null."""
    tables = [_pattern(s.source.table) for s in streams if _nullifies(s)]
    return {f"{exact_converter(template)}.nullify": "|".join(tables)} if tables else {}


def _labels(template: Mapping[str, str], streams: Sequence[CapturedStream]) -> dict[str, str]:
    """Name the lists of enumerations: nothing that Debezium hands its converters tells them."""
    columns = [
        rf"{_pattern(stream.source.table)}\.{_pattern(name)}"
        for stream in streams
        for name in label_lists(stream.contract.values[-1].schema)
    ]
    exact = exact_converter(template)
    return {f"{exact}.labels": "|".join(columns)} if exact and columns else {}


def _snapshot_queries(
    template: Mapping[str, str], streams: Sequence[CapturedStream]
) -> dict[str, str]:
    """Let the first snapshot read dates as text."""
    queries = {}
    for stream in streams if exact_converter(template) else ():
        if dates := date_columns(stream.contract.values[-1].schema):
            is_whole = stream.source.uncontracted_columns == "stop"
            columns = () if is_whole else stream.columns
            queries[stream.source.table] = snapshot_query(stream.source.table, columns, dates)
    if not queries:
        return {}
    texts = {f"{_SNAPSHOT_QUERIES}.{table}": query for table, query in queries.items()}
    return {_SNAPSHOT_QUERIES: ",".join(queries), **texts}


def _nullifies(stream: CapturedStream) -> bool:
    return stream.source.unrepresentable_values == "nullify"


def _within(value: int, low: int, high: int) -> int:
    return max(low, min(high, value))


def _pattern(name: str) -> str:
    r"""A name as a Java regular expression that matches only itself (``a\.b``)."""
    return _REGEX_SIGNS.sub(r"\\\1", name)


def _mistake(subject: str, message: str) -> Finding:
    return Finding(RuleId("CONNECTOR_RENDERS"), Severity.ERROR, subject, message)

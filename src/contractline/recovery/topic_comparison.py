"""Compares what a topic holds with the rows that ClickHouse made of it, while both grow.

The topic is loaded a second time, up to its end of now, into a table of its own by the same views
(:mod:`rebuild`). Once ClickHouse's consumer group has read that far as well, both tables must hold
the same row of each identity. Both are counted and hashed by parts of the identities; only the rows of
parts that differ are compared one by one.

Three kinds of rows can't be held against the topic, and are counted: those that a record after its end
has replaced, those that are older than the topic's beginning, and those whose record Kafka has
compacted away because a later one has the same key, though ClickHouse prefers the earlier, fuller one.
"""

# ruff: noqa: S608 - names are quoted, values are literals

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace

from contractline.clickhouse.ddl import (
    ERRORS,
    LINEAGE,
    consumer_group,
    identity_columns,
    own_column,
    render,
)
from contractline.clickhouse.sql import identifier, literal, qualified, statements
from contractline.clients.clickhouse import Warehouse
from contractline.clients.registry import Registry
from contractline.clients.scratch import scratch_database
from contractline.contracts.model import Contract
from contractline.errors import ContractlineError
from contractline.kafka.lag import group_position
from contractline.kafka.log import Log
from contractline.recovery.frames import FrameDecoder, LoadedStream
from contractline.recovery.loading import Loader
from contractline.recovery.rebuild import BATCH_MESSAGES, RebuildProgress, TopicLoad
from contractline.settings import Endpoints

ROWS_PER_PART = 50_000
MOST_PARTS = 4_096
PARTS_AT_ONCE = 40
SHOWN_KEYS = 20

_PAUSE_SECONDS = 0.25

MISSING, EXTRA, CHANGED = "missing", "extra", "changed"
LATER, OLDER, COMPACTED, DISMISSED = "later", "older", "compacted", "dismissed"

LEFT_ASIDE: Mapping[str, str] = {
    LATER: "replaced meanwhile",
    OLDER: "older than what the topic holds",
    COMPACTED: "from records that Kafka has compacted away",
    DISMISSED: "dismissed dead letters",
}
"""Rows that can't be held against the topic, in words."""


class TablesDiffer(ContractlineError):
    """When the table of a stream is not what its contract says, so that rows can't be compared."""

    def __init__(self, stream: str, problem: str) -> None:
        super().__init__(
            f"{stream} can't be compared: {problem}",
            hint="`contractline plan tables` says what differs, `contractline apply tables` changes it",
        )


@dataclass(frozen=True, slots=True)
class TopicComparison:
    """What the comparison of a topic with its table came to.

    Attributes:
        topic: the topic.
        ends: up to which offset of each partition.
        messages: messages with a value, up to there.
        rows: the rows that they make.
        counts: rows that differ (missing, extra, changed), and those left aside, by kind.
        keys: some of the rows that differ by their identity, and what is wrong with each.
        undecodable: messages that can't be decoded.
        unkept: those of them that are no dead letters, so that they are lost.
        waits_for: what ClickHouse had not read in time; nothing was compared then.
        stopped: whether it was interrupted; nothing was compared then.
    """

    topic: str
    ends: Mapping[int, int]
    messages: int = 0
    rows: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    undecodable: int = 0
    unkept: int = 0
    waits_for: str = ""
    stopped: bool = False

    @property
    def differing(self) -> int:
        """How many rows differ."""
        return sum(self.counts.get(kind, 0) for kind in (MISSING, EXTRA, CHANGED))

    @property
    def is_equal(self) -> bool:
        """Whether both hold the same, and everything else is among the dead letters."""
        return not (self.differing or self.unkept or self.waits_for or self.stopped)

    @property
    def words(self) -> str:
        """What differs, for a sentence."""
        parts = [
            f"{self.counts[kind]:,} {what}" for kind, what in _SUMS.items() if kind in self.counts
        ]
        if self.unkept:
            parts.append(f"{self.unkept:,} messages that can't be decoded and are no dead letters")
        return ", ".join(parts)

    @property
    def position(self) -> str:
        """The ends, for people: ``0:120 1:98``."""
        return " ".join(f"{part}:{end}" for part, end in sorted(self.ends.items()))


def compare_topic(
    endpoints: Endpoints,
    contract: Contract,
    shown: RebuildProgress,
    stop: threading.Event,
    *,
    patience_seconds: float,
) -> TopicComparison:
    """Compare the topic of a stream with the rows that ClickHouse made of it.

    Args:
        endpoints: where the services are.
        contract: the stream's.
        shown: where the progress goes.
        stop: ends it.
        patience_seconds: how long to wait until ClickHouse has read up to the topic's end.

    Raises:
        StreamUnknown: ClickHouse has no such stream.
        TopicMissing: the broker has no such topic.
        TablesDiffer: the table is not as the contract says.
        ServiceUnavailable: a service did not answer, or refused.
    """
    servers = endpoints.need("kafka_bootstrap_servers")
    topic = contract.topic.name
    with closing(Warehouse(endpoints)) as warehouse, Registry.of(endpoints) as registry:
        live = LoadedStream.find(warehouse, contract.name)
        with (
            _Scratch.made(warehouse, contract, live) as scratch,
            Log(servers, topic, shown.say) as log,
        ):
            decoder = FrameDecoder(warehouse, endpoints, scratch.stream)
            loader = Loader(warehouse, registry, decoder, scratch.stream, shown.say, stop)
            load = TopicLoad(loader, shown)
            stopped = load.carry(log, BATCH_MESSAGES, stop)
            result = TopicComparison(
                topic,
                log.ends,
                messages=load.counts["rows"] + load.counts["errors"],
                undecodable=load.counts["errors"],
                stopped=stopped,
            )
            if stopped:
                return result
            group = consumer_group(contract.name)
            behind = _wait(servers, topic, group, log.ends, patience_seconds, stop)
            if behind or stop.is_set():
                records = "record" if behind == 1 else "records"
                words = f"ClickHouse is {behind:,} {records} of the topic behind" if behind else ""
                return replace(result, waits_for=words, stopped=stop.is_set())
            return scratch.compared(result, log.beginnings())


def _wait(
    servers: str,
    topic: str,
    group: str,
    ends: Mapping[int, int],
    seconds: float,
    stop: threading.Event,
) -> int:
    """Wait until a group has read up to the ends; return how many offsets it lacks."""
    deadline = time.monotonic() + seconds
    while True:
        behind = group_position(servers, topic, group, ends).behind(ends)
        if not behind or time.monotonic() > deadline or stop.wait(_PAUSE_SECONDS):
            return behind


class _Scratch:
    """The tables that a topic is loaded into a second time.

    Attributes:
        stream: the stream that fills them.
    """

    def __init__(
        self, warehouse: Warehouse, contract: Contract, live: LoadedStream, database: str
    ) -> None:
        assert contract.sink is not None  # noqa: S101 - ClickHouse has the stream
        self._warehouse = warehouse
        self._contract = contract
        self._live_table = contract.sink.current
        self._table = f"{database}.{contract.name}_loaded"
        self._places = f"{database}.{contract.name}_places"
        self._database = database
        # RowBinary is one to one for every type, nulls included; a hash of the values is not.
        self._key = ", ".join(map(identifier, identity_columns(contract)))
        self._key_hash = f"sipHash64(formatRowNoNewline('RowBinary', {self._key}))"
        self.stream = replace(live, database=database)
        self._make()

    @classmethod
    @contextmanager
    def made(
        cls, warehouse: Warehouse, contract: Contract, live: LoadedStream
    ) -> Iterator[_Scratch]:
        """Make them, and remove them in the end."""
        with scratch_database(warehouse, "verify") as database:
            yield cls(warehouse, contract, live, database)

    def _make(self) -> None:
        name = self._contract.name
        sql = render(self._contract.with_tables(self._table, None), self._database)
        wanted = {self._table, f"{self._database}.{name}", f"{self._database}.{name}_current"}
        for statement in statements(sql):
            if statement.name in wanted:
                self._warehouse.run(statement.sql)
        self._warehouse.run(
            f"CREATE TABLE {self._places} (_partition UInt64, _offset UInt64, is_decoded Bool)"
            " ENGINE = MergeTree ORDER BY (_partition, _offset)"
        )
        self._warehouse.run(
            f"CREATE MATERIALIZED VIEW {self._places}_feed TO {self._places} AS SELECT _partition,"
            f" _offset, _error = '' AS is_decoded FROM {self._database}.{identifier(name)}"
        )

    def compared(self, result: TopicComparison, begins: Mapping[int, int]) -> TopicComparison:
        """Compare what was loaded with the live table."""
        columns = self._columns()
        live, loaded = (self._rows(t, columns) for t in (self._live_table, self._table))
        there, rows = (
            self._count(f"{qualified(table)} FINAL") for table in (self._live_table, self._table)
        )
        parts = min(MOST_PARTS, max(there, rows) // ROWS_PER_PART + 1)
        sums = [self._sums(side, parts) for side in (live, loaded)]
        unlike = sorted(n for n in range(parts) if sums[0].get(n) != sums[1].get(n))
        counts: Counter[str] = Counter()
        keys: dict[str, str] = {}
        for first in range(0, len(unlike), PARTS_AT_ONCE):
            numbers = unlike[first : first + PARTS_AT_ONCE]
            where = f"WHERE k % {parts} IN ({', '.join(map(str, numbers))})"
            query = self._differences(f"{live} {where}", f"{loaded} {where}", result.ends, begins)
            for kind, reason, count, some in self._warehouse.rows(query):
                counts[kind] += int(count)
                if kind not in LEFT_ASIDE:
                    shown = some[: SHOWN_KEYS - len(keys)]
                    unlike_columns = self._unlike(shown, columns) if kind == CHANGED else {}
                    for k, name in shown:
                        more = "; ".join(filter(None, (unlike_columns.get(k), reason)))
                        keys[name] = f"{_WORDS[kind]}: {more}" if more else _WORDS[kind]
        return replace(
            result, rows=rows, counts=dict(counts), keys=keys, unkept=self._unkept(result.topic)
        )

    def _columns(self) -> list[str]:
        """Return the columns whose values are compared.

        Raises:
            TablesDiffer: the two tables have others.
        """
        found: list[dict[str, str]] = []
        for name in (self._live_table, self._table):
            database, _, table = name.partition(".")
            rows = self._warehouse.rows(
                "SELECT name, type FROM system.columns WHERE database = {database:String}"
                " AND table = {table:String}",
                {"database": database, "table": table},
            )
            found.append({str(column): str(type_) for column, type_ in rows})
        live, declared = found
        unlike = sorted(name for name in declared if live.get(name) != declared[name])
        if unlike:
            raise TablesDiffer(
                self._contract.name,
                f"{self._live_table} has not the columns of the contract: {', '.join(unlike)}",
            )
        return [name for name in declared if name not in LINEAGE]

    def _rows(self, table: str, columns: Sequence[str]) -> str:
        """Return the rows of a table: hash of the identity, of the values, and what tells more."""
        values = ", ".join(map(identifier, columns))
        version = identifier(own_column(self._contract, "version"))
        return (
            f"(SELECT {self._key_hash} AS k,"
            f" sipHash64(formatRowNoNewline('RowBinary', {values})) AS h,"
            f" formatRowNoNewline('CSV', {self._key}) AS name, {version} AS v,"
            f" toString(_topic) AS t, _partition AS p, _offset AS o, true AS is_there"
            f" FROM {qualified(table)} FINAL)"
        )

    def _sums(self, rows: str, parts: int) -> dict[int, tuple[int, int]]:
        query = f"SELECT k % {parts}, count(), sum(toUInt128(h)) FROM {rows} GROUP BY 1"
        return {int(n): (int(count), int(h)) for n, count, h in self._warehouse.rows(query)}

    def _differences(
        self, live: str, loaded: str, ends: Mapping[int, int], begins: Mapping[int, int]
    ) -> str:
        """Return the query of what differs, by kind, and where known with the reason."""
        topic = literal(self._contract.topic.name)
        end, begin = _of_partition("live.p", ends), _of_partition("live.p", begins)
        return (
            "WITH multiIf("
            # A row that is behind its record in Kafka is none of those that come from elsewhere.
            "  live.is_there AND (NOT loaded.is_there OR live.v >= loaded.v),"
            "  multiIf("
            # One that somebody wrote by hand may name no topic.
            f"   live.t NOT IN ('', {topic}) OR (live.t = {topic} AND live.o < {begin}), '{OLDER}',"
            f"   live.t = {topic} AND live.o >= {end}, '{LATER}',"
            f"   NOT loaded.is_there, '{EXTRA}',"
            f"   live.t = {topic} AND live.v > loaded.v AND (live.p, live.o) NOT IN"
            f"     (SELECT _partition, _offset FROM {self._places}), '{COMPACTED}',"
            f"   '{CHANGED}'),"
            f"  letter.dismissed_by != '', '{DISMISSED}',"
            f"  live.is_there, '{CHANGED}', '{MISSING}') AS kind,"
            f" if(kind IN ('{MISSING}', '{CHANGED}') AND letter.offset_there,"
            "   'a dead letter', '') AS why"
            f" SELECT kind, why, count(), groupArray({SHOWN_KEYS})("
            "   if(loaded.is_there, (loaded.k, loaded.name), (live.k, live.name)))"
            f" FROM (SELECT * FROM {live}) AS live FULL JOIN (SELECT * FROM {loaded}) AS loaded"
            "   ON live.k = loaded.k"
            "   LEFT ANY JOIN (SELECT partition, offset, dismissed_by, true AS offset_there"
            f"    FROM {ERRORS} FINAL WHERE topic = {topic}"
            "    AND (isNull(resolved_at) OR dismissed_by != '')) AS letter"
            "   ON letter.partition = loaded.p AND letter.offset = loaded.o"
            " WHERE live.is_there != loaded.is_there OR live.h != loaded.h"
            " GROUP BY kind, why SETTINGS join_use_nulls = 0"
        )

    def _unlike(self, rows: Sequence[tuple[int, str]], columns: Sequence[str]) -> dict[int, str]:
        """Return the columns in which rows differ, by the hash of their identity."""
        if not rows:
            return {}
        cells = ", ".join(f"formatRowNoNewline('RowBinary', {identifier(c)})" for c in columns)
        chosen = ", ".join(str(k) for k, _ in rows)
        live, loaded = (
            f"(SELECT {self._key_hash} AS k, [{cells}] AS cells"
            f" FROM {qualified(table)} FINAL WHERE k IN ({chosen}))"
            for table in (self._live_table, self._table)
        )
        found = self._warehouse.rows(
            "SELECT k, arrayStringConcat(arrayFilter((name, a, b) -> a != b,"
            f" [{', '.join(map(literal, columns))}], live.cells, loaded.cells), ', ')"
            f" FROM {live} AS live JOIN {loaded} AS loaded ON live.k = loaded.k"
        )
        return {int(k): str(names) for k, names in found}

    def _unkept(self, topic: str) -> int:
        """Return how many messages that can't be decoded are no dead letters."""
        return self._count(
            f"{self._places} WHERE NOT is_decoded AND (_partition, _offset) NOT IN"
            f" (SELECT partition, offset FROM {ERRORS} WHERE topic = {literal(topic)})"
        )

    def _count(self, rows: str) -> int:
        return int(self._warehouse.rows(f"SELECT count() FROM {rows}")[0][0])


_SUMS: Mapping[str, str] = {
    MISSING: "missing in ClickHouse",
    CHANGED: "with other values there",
    EXTRA: "only in ClickHouse",
}
_WORDS: Mapping[str, str] = {**_SUMS, CHANGED: "has other values in ClickHouse"}


def _of_partition(column: str, offsets: Mapping[int, int]) -> str:
    """Return an offset by partition as SQL; 0 for a partition that the topic does not have."""
    if not offsets:
        return "0"
    parts, values = (", ".join(map(str, some)) for some in (offsets.keys(), offsets.values()))
    return f"transform({column}, [{parts}], [{values}], 0)"

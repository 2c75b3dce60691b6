"""A rebuild makes of a topic what the Kafka engine made of it, column by column."""

from __future__ import annotations

import json
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import httpx
import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from contractline.clients.errors import TopicMissing
from contractline.kafka.log import Log
from contractline.recovery.frames import StreamUnknown
from contractline.recovery.rebuild import Rebuilt, rebuild_stream
from contractline.settings import Endpoints
from tests.fixtures.stack import RunningStack
from tests.integration.tables.lab import Lab, Row, commit, user
from tests.integration.tables.test_errors import KEY, UNKNOWN_ID, register

Tables = dict[str, list[Row]]


class Heard:
    """What a rebuild said and showed."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.shown: list[tuple[int, int]] = []

    def say(self, words: str) -> None:
        self.words.append(words)

    def show(self, done: int, total: int) -> None:
        self.shown.append((done, total))


def test_gaps_tombstones_and_two_versions_as_the_engine_reads_them(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    log = Writing(lab, "commits")
    for turn in range(30):
        with log.transaction(abort=turn % 3 == 2):
            for number in range(turn * 10, turn * 10 + 10):
                version = 1 + number % 2
                extra = {"co_authors": [f"Bob {number} <b@x.org>"]} if version == 2 else {}
                frame = lab.frame("commits", commit(number, **extra), version=version)
                log.send(frame, f"key {number % 50}".encode())
                if number % 5 == 0:
                    log.send(None, b"gone")
                if number % 7 == 0:
                    log.send(b"", b"empty")
    committed = [n for turn in range(30) if turn % 3 != 2 for n in range(turn * 10, turn * 10 + 10)]
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.commits FINAL", len(committed))
    engine = taken(lab, "commits", "commits")

    result = rebuilt(lab, "commits", most=37)

    tombstones = sum((n % 5 == 0) + (n % 7 == 0) for n in committed)
    assert (result.rows, result.tombstones, result.errors) == (len(committed), tombstones, 0)
    assert tables(lab, "commits", "commits") == engine
    offsets = lab.rows(f"SELECT _offset FROM {lab.prefix}.commits FINAL ORDER BY _offset")
    assert [row[0] for row in offsets] == [log.offsets[n] for n in committed]

    again = rebuilt(lab, "commits")
    assert again.read == result.read
    assert tables(lab, "commits", "commits") == engine


def test_a_topic_that_kafka_compacted(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    topic = lab.contract("commits").topic.name
    configure(lab, topic, {"segment.ms": "100", "min.cleanable.dirty.ratio": "0.01"})
    sent = 0
    for turn in range(4):  # a segment's end, so that what lies before can be compacted
        for number in range(200):
            value = commit(number, produced_at=(turn * 200 + number) * 1_000)
            lab.send("commits", [lab.frame("commits", value)], f"{number}".encode())
            sent += 1
        time.sleep(0.15)
    deadline = time.monotonic() + 90
    while (left := len(messages(lab, topic))) == sent:
        assert time.monotonic() < deadline, "Kafka does not compact"
        time.sleep(1)
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.commits FINAL", 200)
    left = len(messages(lab, topic))
    engine = taken(lab, "commits", "commits")
    result = rebuilt(lab, "commits", most=50)
    assert 200 <= result.rows == left < sent
    assert tables(lab, "commits", "commits") == engine


def test_200_000_rows_each_with_its_own_place(lab: Lab) -> None:
    """Every row's value says its offset; aborted and committed transactions make gaps."""
    lab.stream("commits")
    lab.apply()
    log = Writing(lab, "commits")
    sent = 0
    while sent < 200_000:
        with log.transaction(abort=(sent // 1_000) % 5 == 4):
            for _ in range(997):
                at = log.offset
                log.send(lab.frame("commits", commit(at, additions=at)), f"key of {at}".encode())
                sent += 1
                if at % 97 == 0:
                    log.send(None, b"gone")
    topic = lab.contract("commits").topic.name
    committed = len(log.committed)
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.commits FINAL", committed, 120)
    name = lab.contract("commits").name
    lab.warehouse.run(f"TRUNCATE TABLE {lab.prefix}.commits")
    # The keys and times, which only errors have in a table.
    lab.warehouse.run(
        f"CREATE MATERIALIZED VIEW ingestion.{name}_history ENGINE = MergeTree ORDER BY _offset"
        f" AS SELECT additions, _offset, _key, _timestamp_ms FROM ingestion.{name}"
    )
    result = rebuilt(lab, "commits")
    assert result.rows == committed
    wrong = "additions != _offset OR _topic != '{0}' OR _partition != 0"
    assert lab.rows(
        f"SELECT count(), uniqExact(_offset), countIf({wrong.format(topic)})"
        f" FROM {lab.prefix}.commits"
    ) == [(committed, committed, 0)]
    assert lab.rows(
        "SELECT count(), countIf(additions != _offset OR _key != concat('key of ', _offset)"
        f" OR abs(_timestamp_ms - now64()) > 3600) FROM ingestion.{name}_history"
    ) == [(committed, 0)]


def test_poison_of_each_kind_ends_where_the_engine_puts_it(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    good = [lab.frame("commits", commit(n)) for n in range(60)]
    odd = definition_of(lab)
    poison = [
        b"\x07 is not a magic byte",
        b"\x07 is not a magic byte either",
        b"\xff",
        b"\x00",
        b"\x00\x00\x00",
        struct.pack(">bI", 0, UNKNOWN_ID),
        struct.pack(">bI", 0, UNKNOWN_ID) + good[0][5:],
        struct.pack(">bI", 0, UNKNOWN_ID) + b"other",
        good[1][:5],
        good[1][:40],
        good[1][:-1],
        good[1] + b"more",
        good[1] + b"\x00",
        good[1][:5] + b"\xff" * 60,
        good[1][:5] + bytes(range(1, 256)) * 40,
        bytes(range(1, 256)) * 40,
        *(struct.pack(">bI", 0, odd) + good[n][5:] for n in range(20)),
        struct.pack(">bI", 0, odd),
    ]
    two_in_one = good[50] + good[51]
    frames = [good[2]]
    for number, bad in enumerate(poison):
        frames += [bad, good[3 + number]]
    frames += [two_in_one, *good]
    lab.send("commits", frames, KEY)
    lab.wait_for(
        f"SELECT count() FROM {lab.prefix}.commits FINAL WHERE _offset >= {len(poison)}", 60
    )
    engine = taken(lab, "commits", "commits")
    assert len(engine["errors"]) == len(poison)

    result = rebuilt(lab, "commits")

    assert (result.rows, result.errors) == (len(frames) - len(poison), len(poison))
    assert result.reasons
    found = tables(lab, "commits", "commits")
    assert found["errors"] == engine["errors"]
    assert found == engine


def test_many_messages_of_a_schema_that_no_table_can_take(lab: Lab) -> None:
    """One question tells it of all, and the good ones between them are in."""
    lab.stream("commits")
    lab.apply()
    odd = definition_of(lab)
    frame = lab.frame("commits", commit(1))
    bad = struct.pack(">bI", 0, odd) + frame[5:]
    frames = [bad if n % 2 else lab.frame("commits", commit(n)) for n in range(4_000)]
    lab.send("commits", frames, KEY)
    name = lab.contract("commits").topic.name
    lab.wait_for(f"SELECT count() FROM ingestion.errors FINAL WHERE topic = '{name}'", 2_000)
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.commits FINAL", 2_000)
    engine = taken(lab, "commits", "commits")
    result = rebuilt(lab, "commits")
    assert (result.rows, result.errors) == (2_000, 2_000)
    assert tables(lab, "commits", "commits") == engine
    assert result.seconds < 20


def test_changes_of_postgres_and_their_history(lab: Lab) -> None:
    lab.stream("github_users")
    lab.apply()
    frames: list[bytes | None] = []
    for number in range(300):
        name, kind = f"user {number % 17}", "d" if number % 11 == 10 else "u"
        frames.append(lab.frame("github_users", user(name, f"team {number}", number // 3, kind)))
        if kind == "d":
            frames.append(None)
    lab.send("github_users", frames)
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.users_history FINAL", 300)
    # One view fills its table after the other.
    newest = f"SELECT max(_offset) FROM {lab.prefix}.users"
    lab.wait_for(f"SELECT ({newest}) = ({newest}_history)", 1)
    engine = taken(lab, "github_users", "users", "users_history")
    result = rebuilt(lab, "github_users", most=64)
    assert (result.rows, result.tombstones) == (300, len(frames) - 300)
    assert tables(lab, "github_users", "users", "users_history") == engine


def test_beside_the_engine(lab: Lab) -> None:
    """Both read one topic at the same time, which goes on growing."""
    lab.stream("commits")
    lab.apply()
    frames = [lab.frame("commits", commit(n)) for n in range(20_000)]
    lab.send("commits", [*frames, b"junk"], KEY)
    growing = threading.Thread(target=lab.send, args=("commits", frames[:5_000], KEY))
    growing.start()
    result = rebuilt(lab, "commits", most=1_000)
    growing.join()
    assert result.rows >= 20_000
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.commits FINAL", 20_000)
    lab.wait_for(f"SELECT max(_offset) FROM {lab.prefix}.commits", 25_000)
    assert [row[0] for row in lab.errors("commits")] == [20_000]
    both = taken(lab, "commits", "commits")
    assert rebuilt(lab, "commits").rows == 25_000
    assert tables(lab, "commits", "commits") == both


def test_killed_in_the_middle_and_run_again(lab: Lab) -> None:
    engine = twenty_thousand(lab)
    table = f"{lab.prefix}.commits"
    with running(lab, "--batch", "200") as process:
        wait_until(lambda: lab.one(f"SELECT count() FROM {table} FINAL") > 0)
        process.kill()
    in_the_middle = lab.one(f"SELECT count() FROM {table} FINAL")
    assert 0 < in_the_middle < 20_000
    assert rebuilt(lab, "commits").rows == 20_000
    assert tables(lab, "commits", "commits") == engine


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_in_order(lab: Lab, number: signal.Signals) -> None:
    twenty_thousand(lab)
    table = f"{lab.prefix}.commits"
    with running(lab, "--batch", "200", "--json") as process:
        wait_until(lambda: lab.one(f"SELECT count() FROM {table} FINAL") > 0)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    account = json.loads(out)
    assert account["stopped"] is True
    assert account["read"] == account["rows"] == lab.one(f"SELECT count() FROM {table} FINAL")
    assert "stopping" in err
    assert "Traceback" not in err


def test_clickhouse_killed_in_the_middle(lab: Lab, stack: RunningStack) -> None:
    engine = twenty_thousand(lab)
    heard = Heard()
    work = threading.Thread(
        target=rebuilt, args=(lab, "commits"), kwargs={"most": 200, "heard": heard}
    )
    work.start()
    wait_until(lambda: len(heard.shown) > 3)
    killed = stack.kill("clickhouse")
    stack.wait_until_back("clickhouse", killed)
    work.join(60)
    assert not work.is_alive()
    assert any("trying again in" in words for words in heard.words)
    assert tables(lab, "commits", "commits") == engine


def test_registry_away(lab: Lab, stack: RunningStack) -> None:
    lab.stream("commits")
    lab.apply()
    lab.send("commits", [lab.frame("commits", commit(n)) for n in range(100)])
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.commits FINAL", 100)
    engine = taken(lab, "commits", "commits")
    heard = Heard()
    stack.stop("registry")
    try:
        work = threading.Thread(target=rebuilt, args=(lab, "commits"), kwargs={"heard": heard})
        work.start()
        wait_until(lambda: sum("trying again in" in words for words in heard.words) >= 2)
    finally:
        stack.start("registry")
    work.join(60)
    assert not work.is_alive()
    assert any("answered after" in words for words in heard.words)
    assert tables(lab, "commits", "commits") == engine


def test_registry_away_only_for_clickhouse(lab: Lab) -> None:
    """The engine asks by an address of its own, where nobody answers at first."""
    lab.stream("commits")
    lab.apply()
    frames = [lab.frame("commits", commit(n)) for n in range(100)]
    lab.send("commits", [*frames, frames[0][:40]])
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.commits FINAL", 100)
    wait_until(lambda: len(lab.errors("commits")) == 1)
    engine = taken(lab, "commits", "commits")
    heard = Heard()
    url = lab.endpoints.need("schema_registry_url")
    server = ThreadingHTTPServer(("127.0.0.1", 0), passing_on(url), bind_and_activate=False)
    server.server_bind()
    there = f"http://127.0.0.1:{server.server_port}{urlsplit(url).path}"
    ends = lab.endpoints.model_copy(update={"clickhouse_schema_registry_url": there})
    work = threading.Thread(
        target=rebuilt, args=(lab, "commits"), kwargs={"heard": heard, "endpoints": ends}
    )
    work.start()
    wait_until(lambda: sum("trying again in" in words for words in heard.words) >= 2)
    server.server_activate()
    with server:
        threading.Thread(target=server.serve_forever).start()
        work.join(60)
        server.shutdown()
    assert not work.is_alive()
    assert "while fetching schema" in heard.words[0]
    assert tables(lab, "commits", "commits") == engine


def test_what_can_not_be_told(lab: Lab) -> None:
    with pytest.raises(StreamUnknown):
        rebuild_stream(lab.endpoints, "none_such", Heard(), threading.Event())
    lab.stream("commits")
    lab.apply("schemas", "tables")
    with pytest.raises(TopicMissing):
        rebuilt(lab, "commits")


def test_an_empty_topic_and_the_command(lab: Lab) -> None:
    lab.stream("commits")
    lab.apply()
    assert rebuilt(lab, "commits").read == 0
    lab.send("commits", [lab.frame("commits", commit(1)), b"junk"])
    with running(lab) as process:
        out, err = process.communicate(timeout=30)
    assert process.returncode == 1, err
    name = lab.contract("commits").name
    assert f"{name}: 2 read = 1 rows + 0 tombstones + 1 errors, in " in out
    assert "1 times: " in out
    with running(lab, stream="none_such") as process:
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (2, "")
    assert "ClickHouse has no stream none_such" in err


class Writing:
    """Transactions, which leave gaps: each takes an offset at its end, and aborted ones all theirs.

    The topic has one part and nobody else writes, so each offset is known before.
    """

    def __init__(self, lab: Lab, name: str) -> None:
        self._topic = lab.contract(name).topic.name
        self._producer = Producer(
            {
                "bootstrap.servers": lab.endpoints.need("kafka_bootstrap_servers"),
                "transactional.id": self._topic,
                "log_level": 0,
            }
        )
        self._producer.init_transactions(30)
        self.offset = 0
        self.offsets: list[int] = []
        self.committed: list[int] = []

    @contextmanager
    def transaction(self, *, abort: bool) -> Iterator[None]:
        self._producer.begin_transaction()
        first = len(self.offsets)
        yield
        self._producer.flush(30)
        if abort:
            self._producer.abort_transaction(30)
        else:
            self._producer.commit_transaction(30)
            self.committed += self.offsets[first:]
        self.offset += 1

    def send(self, value: bytes | None, key: bytes | None) -> None:
        while True:
            try:
                self._producer.produce(self._topic, value, key)
                break
            except BufferError:
                self._producer.poll(0.1)
        if value:
            self.offsets.append(self.offset)
        self.offset += 1


def rebuilt(
    lab: Lab,
    name: str,
    *,
    most: int = 50_000,
    heard: Heard | None = None,
    endpoints: Endpoints | None = None,
) -> Rebuilt:
    stream = lab.contract(name).name
    ends = endpoints or lab.endpoints
    return rebuild_stream(ends, stream, heard or Heard(), threading.Event(), most=most)


def tables(lab: Lab, name: str, *names: str) -> Tables:
    """Return every column of a stream's tables and of its errors."""
    topic = lab.contract(name).topic.name
    found = {one: lab.rows(f"SELECT * FROM {lab.prefix}.{one} FINAL ORDER BY ALL") for one in names}
    errors = (
        "SELECT partition, offset, at, class, reason, hex(raw), hex(key), resolved_at, revision"
        f" FROM ingestion.errors FINAL WHERE topic = '{topic}' ORDER BY partition, offset"
    )
    return {**found, "errors": lab.rows(errors)}


def taken(lab: Lab, name: str, *names: str) -> Tables:
    """Return what the Kafka engine made of a topic, and empty the tables."""
    found = tables(lab, name, *names)
    for one in names:
        lab.warehouse.run(f"TRUNCATE TABLE {lab.prefix}.{one}")
    topic = lab.contract(name).topic.name
    lab.warehouse.run(f"DELETE FROM ingestion.errors WHERE topic = '{topic}'")
    return found


def twenty_thousand(lab: Lab) -> Tables:
    """Return what the Kafka engine made of 20,000 commits, and empty the table."""
    lab.stream("commits")
    lab.apply()
    lab.send("commits", [lab.frame("commits", commit(n)) for n in range(20_000)], KEY)
    lab.wait_for(f"SELECT count() FROM {lab.prefix}.commits FINAL", 20_000)
    return taken(lab, "commits", "commits")


def definition_of(lab: Lab) -> int:
    """Register a schema of the same fields, one of which no column can take; return its id."""
    definition = json.loads(json.dumps(lab.contract("commits").values[0].schema.definition))
    definition["name"] = f"Odd_{lab.prefix}"
    field = next(f for f in definition["fields"] if f["name"] == "committed_at")
    field["type"] = "string"
    return register(lab, definition)


def messages(lab: Lab, topic: str) -> Sequence[object]:
    servers = lab.endpoints.need("kafka_bootstrap_servers")
    with Log(servers, topic, print) as log:
        return [one for batch in log.batches(1_000, 2**20, threading.Event()) for one in batch]


def configure(lab: Lab, topic: str, values: dict[str, str]) -> None:
    admin = AdminClient({"bootstrap.servers": lab.endpoints.need("kafka_bootstrap_servers")})
    entries = [
        ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
        for name, value in values.items()
    ]
    resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
    for future in admin.incremental_alter_configs([resource]).values():
        future.result()


@contextmanager
def running(
    lab: Lab, *arguments: str, stream: str | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run the command as a process."""
    name = stream or lab.contract("commits").name
    ends = {name.upper(): value for name, value in lab.endpoints.model_dump().items() if value}
    argv = [sys.executable, "-m", "contractline", "--project", str(lab.project.root)]
    with subprocess.Popen(
        [*argv, "rebuild", name, *arguments],
        env=ends,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until(condition: Callable[[], bool], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def passing_on(url: str) -> type[BaseHTTPRequestHandler]:
    """Return a handler that answers what the registry at a URL answers."""
    base = urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer = httpx.get(f"{base.scheme}://{base.netloc}{self.path}")
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def log_message(self, format: str, *args: object) -> None:
            """Nobody reads it."""

    return Handler

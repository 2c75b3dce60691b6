"""One run: from a source to Kafka, nothing lost, everything accounted for.

At any moment the saved cursor covers only what the broker has acknowledged. A run that is killed
therefore sends again what came after its last cursor, and the commit's identity makes that harmless.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import closing, nullcontext
from typing import TypeVar

from contractline.clients.errors import KafkaAway, KafkaUnavailable, RegistryAway
from contractline.clients.registry import Registry
from contractline.clients.retry import persist
from contractline.contracts.load import contract_named, load_contracts
from contractline.contracts.model import Contract
from contractline.errors import ContractlineError, ServiceUnavailable
from contractline.kafka.dead_letters import Letters
from contractline.kafka.encode import Following, StreamEncoder
from contractline.kafka.produce import Channel, Delivery
from producer import cursors, reachability
from producer.cursors import Cursors
from producer.reachability import Marks
from producer.report import Reporter, RunAccount, Saved, StreamCount
from producer.settings import Settings
from producer.sources.base import Listening, RefPlace, Source

STREAM = "commits"
SAVE_EVERY_SECONDS = 5.0

Result = TypeVar("Result")


class _Stopped(Exception):
    """When a signal came before anything could be read."""


class Run:
    """Carries a source's records to Kafka.

    Args:
        settings: where everything is, and what to read.
        reporter: shows how it goes.
        stop: set it to end once what was read is acknowledged.
        abandon: set it to end at once, whatever is not acknowledged.
    """

    def __init__(
        self,
        settings: Settings,
        reporter: Reporter,
        stop: threading.Event,
        abandon: threading.Event,
    ) -> None:
        self._settings = settings
        self._reporter = reporter
        self._stop = stop
        self._abandon = abandon
        self._letters = Letters(settings.dead_letters, STREAM)
        self._channel: Channel | None = None
        self._marks: Marks | None = None
        self._error: ContractlineError | None = None
        self._pending: dict[RefPlace, str] = {}
        self._saved: dict[RefPlace, str] = {}
        self._saved_at = 0.0

    def carry(self) -> RunAccount:
        """Send everything, and return the account; what went wrong is in it."""
        began = time.monotonic()
        try:
            self._connect_and_send()
        except _Stopped:
            pass
        except ContractlineError as problem:
            self._error = self._error or problem
        finally:
            self._letters.close()
        return self._account(time.monotonic() - began)

    def _connect_and_send(self) -> None:
        say = self._reporter.say
        contracts = load_contracts(self._settings.project)
        source = self._settings.make_source(say)
        endpoints = self._settings.endpoints
        registry_url = endpoints.need("schema_registry_url")
        servers = endpoints.need("kafka_bootstrap_servers")
        with (
            source.listening() if isinstance(source, Listening) else nullcontext(),
            Registry(registry_url) as registry,
            Delivery(servers, say, self._abandon) as delivery,
        ):
            self._channel = self._open(contract_named(contracts, STREAM), registry, delivery)
            kept = None
            if source.resumes:
                contract = contract_named(contracts, cursors.CONTRACT)
                channel = self._open(contract, registry, delivery)
                kept = Cursors(contract, registry, delivery, channel)
            self._marks = Marks(
                lambda: self._open(
                    contract_named(contracts, reachability.CONTRACT), registry, delivery
                ),
                say,
            )
            with Following([self._channel.encoder], say):
                self._send(source, kept, delivery, self._channel)

    def _open(self, contract: Contract, registry: Registry, delivery: Delivery) -> Channel:
        encoder = self._insist(lambda: StreamEncoder(contract, registry), RegistryAway)
        return self._insist(lambda: delivery.channel(encoder), KafkaAway)

    def _insist(self, attempt: Callable[[], Result], *away: type[ServiceUnavailable]) -> Result:
        """Try until a service that is away is back."""
        result = persist(attempt, away, self._reporter.say, self._stop)
        if result is None:
            raise _Stopped
        return result

    def _send(
        self, source: Source, kept: Cursors | None, delivery: Delivery, channel: Channel
    ) -> None:
        known = self._insist(kept.load, KafkaAway, RegistryAway) if kept else {}
        self._saved_at = time.monotonic()
        try:
            with closing(source.batches(known, self._stop)) as batches:
                for batch in batches:
                    channel.send_all(batch.records, self._letters.keep)
                    if self._marks and batch.unreachable:
                        self._marks.send(batch.unreachable)
                    self._pending.update(batch.positions)
                    delivery.poll()
                    self._see_failures(delivery, channel)
                    if batch.on_acknowledged:
                        self._flush(delivery, channel)
                        batch.on_acknowledged()
                    self._show(source, delivery, channel)
                    waited = time.monotonic() - self._saved_at
                    if not batch.records or waited > SAVE_EVERY_SECONDS:
                        self._save(kept, delivery, channel)
        except ContractlineError as problem:
            # What was read before is sent and saved all the same.
            self._error = problem
        self._save(kept, delivery, channel)
        self._show(source, delivery, channel)

    def _save(self, kept: Cursors | None, delivery: Delivery, channel: Channel) -> None:
        """Wait for all acknowledgements, then save the positions that they cover."""
        self._flush(delivery, channel)
        if kept and self._pending:
            kept.save(self._pending)
            self._saved |= self._pending
            self._pending.clear()
        self._saved_at = time.monotonic()

    def _flush(self, delivery: Delivery, channel: Channel) -> None:
        delivery.flush()
        self._see_failures(delivery, channel)

    def _see_failures(self, delivery: Delivery, channel: Channel) -> None:
        failed = channel.failed + (self._marks.failed if self._marks else 0)
        if failed:
            reasons = ", ".join(channel.failures)
            problem = f"{failed:,} records were not taken: {reasons}"
            raise KafkaUnavailable(delivery.servers, problem, hint="run again: they are sent again")

    def _show(self, source: Source, delivery: Delivery, channel: Channel) -> None:
        waiting = delivery.waiting
        self._reporter.show(
            StreamCount(
                channel.read,
                max(0, channel.taken - waiting),
                channel.refused,
                waiting,
                source.expected,
            )
        )

    def _account(self, seconds: float) -> RunAccount:
        channel = self._channel
        error = self._error
        return RunAccount(
            source=self._settings.source_name,
            stream=STREAM,
            version=channel.encoder.current.version if channel else None,
            read=channel.read if channel else 0,
            acknowledged=channel.taken if channel else 0,
            failed=channel.failed if channel else 0,
            refused=channel.refused if channel else 0,
            seconds=seconds,
            stopped=self._stop.is_set(),
            interrupted=self._stop.is_set() and not self._settings.is_endless,
            dead_letters=str(self._letters.file) if self._letters.kept else None,
            cursors=[Saved(place, position) for place, position in self._saved.items()],
            error=str(error) if error else None,
            hint=error.hint or None if error else None,
        )

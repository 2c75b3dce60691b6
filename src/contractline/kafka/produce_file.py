"""Carrying a file of JSON records to a stream: each is taken under contract, or kept with the reason."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from contractline.avro.jsonlines import RecordUnreadable, record
from contractline.kafka.dead_letters import Letters
from contractline.kafka.encode import Following, RecordRefused, RecordWriter, StreamEncoder
from contractline.kafka.jsonvalues import Convert, converter
from contractline.kafka.produce import Channel, Delivery, Say
from contractline.kafka.validate import ValueMistake

SHOWN_REFUSALS = 10
"""How many refused records are listed; all of them are in the dead-letter file."""

_POLL_EVERY = 1000


@dataclass(frozen=True, slots=True)
class Carried:
    """What became of every line: read = acknowledged + failed + refused.

    Attributes:
        stream: the contract.
        version: the version of the value that was written last.
        read: lines that were not empty.
        acknowledged: what the broker has for good.
        failed: what it did not take.
        refused: what is not JSON or breaks the contract.
        seconds: how long it took.
    """

    stream: str
    version: int
    read: int
    acknowledged: int
    failed: int
    refused: int
    seconds: float

    @property
    def exit_code(self) -> int:
        """0 when everything was acknowledged, 1 when something was refused, 2 when it failed."""
        return 2 if self.failed else 1 if self.refused else 0

    def __str__(self) -> str:
        return (
            f"{self.stream} v{self.version}: {self.read:,} read = {self.acknowledged:,} acknowledged"
            f" + {self.failed:,} failed + {self.refused:,} refused, in {self.seconds:.1f} s"
        )


def carry(
    lines: Iterable[bytes], encoder: StreamEncoder, servers: str, letters: Letters, say: Say
) -> Carried:
    """Send the records of some lines, each a JSON object, and wait until the broker has them.

    Args:
        lines: text in UTF-8; empty lines are passed over.
        encoder: how the stream's records are written.
        servers: where the broker is.
        letters: keeps what is refused.
        say: gets the first refusals, and words about waiting.

    Raises:
        KafkaUnavailable: the broker refuses for good.
        LettersUnwritable: a refused record can't be kept.
    """
    began = time.monotonic()
    with Delivery(servers, say) as delivery, Following([encoder], say):
        carrying = _Carrying(delivery.channel(encoder), letters, say)
        for number, line in enumerate(lines, 1):
            if line.strip():
                carrying.line(number, line)
            if number % _POLL_EVERY == 0:
                delivery.poll()
        delivery.flush()
    return carrying.account(time.monotonic() - began)


class _Carrying:
    """One run, and what it refused."""

    def __init__(self, channel: Channel, letters: Letters, say: Say) -> None:
        self._channel = channel
        self._letters = letters
        self._say = say
        self._read = 0
        self._made: tuple[RecordWriter, Convert] | None = None

    def line(self, number: int, line: bytes) -> None:
        """Send one line, or keep it."""
        self._read += 1
        try:
            read = record(line, number)
        except RecordUnreadable as problem:
            text = line.decode("utf-8", "backslashreplace").rstrip("\n")
            self._refuse(number, {"line": text}, ValueMistake("$", text, problem.problem))
            return
        try:
            self._channel.send(self._convert(read))
        except RecordRefused as refusal:
            # As it was written: numbers with a fraction are not texts.
            self._refuse(number, json.loads(line), refusal.mistake)

    @property
    def _convert(self) -> Convert:
        """What makes the values of the version that is written now."""
        writer = self._channel.encoder.current.value
        if self._made is None or self._made[0] is not writer:
            self._made = writer, converter(writer.parsed, writer.names)
        return self._made[1]

    def account(self, seconds: float) -> Carried:
        """Return what became of the lines, once the queue is empty."""
        channel = self._channel
        encoder = channel.encoder
        if channel.failures:
            self._say(f"not taken by Kafka: {', '.join(channel.failures)}")
        return Carried(
            encoder.contract.name,
            encoder.current.version,
            self._read,
            channel.taken,
            channel.failed,
            self._letters.kept,
            seconds,
        )

    def _refuse(self, number: int, record: dict[str, Any], mistake: ValueMistake) -> None:
        self._letters.keep(record, mistake, self._channel.encoder.current.version)
        if self._letters.kept <= SHOWN_REFUSALS:
            self._say(f"line {number} refused: {mistake}")
        if self._letters.kept == SHOWN_REFUSALS + 1:
            self._say("… and more")

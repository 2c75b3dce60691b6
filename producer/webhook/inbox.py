"""Between the receiver, which owes an answer to each request, and the run, which sends in batches."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from producer.webhook.push import Push

MOST_BYTES = 64 * 1024 * 1024
"""Bodies of deliveries that may wait in memory; more of them wait on disk alone."""

MOST_IN_A_BATCH = 200

Answer = Callable[[bool], None]
"""Takes whether Kafka has acknowledged a delivery."""


@dataclass(frozen=True, slots=True)
class WebhookDelivery:
    """A push on its way to Kafka.

    Attributes:
        id: GitHub's id of the delivery.
        push: what it says.
        size: bytes of its body.
        answer: called once, from another thread than the receiver's.
    """

    id: str
    push: Push
    size: int
    answer: Answer


class Inbox:
    """Holds the deliveries that no batch has taken yet."""

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[WebhookDelivery] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._bytes = 0
        self._closed = False

    def put(self, delivery: WebhookDelivery) -> bool:
        """Take a delivery; return False when there is no room, or no batch will come any more."""
        with self._lock:
            if self._closed or self._bytes + delivery.size > max(MOST_BYTES, delivery.size):
                return False
            self._bytes += delivery.size
            self._waiting.put(delivery)
        return True

    def take(self, seconds: float) -> list[WebhookDelivery]:
        """Return what waits, after at most some seconds; nothing when nothing came."""
        taken: list[WebhookDelivery] = []
        try:
            taken.append(self._waiting.get(timeout=seconds))
            while len(taken) < MOST_IN_A_BATCH:
                taken.append(self._waiting.get_nowait())
        except queue.Empty:
            pass
        return taken

    def answer(self, taken: Sequence[WebhookDelivery], *, acknowledged: bool) -> None:
        """Answer what :meth:`take` gave."""
        with self._lock:
            self._bytes -= sum(delivery.size for delivery in taken)
        for delivery in taken:
            delivery.answer(acknowledged)

    def close(self) -> None:
        """Take nothing more, and tell those who wait that their deliveries were not sent."""
        with self._lock:
            self._closed = True
        while taken := self.take(0):
            self.answer(taken, acknowledged=False)

"""Commits that GitHub pushes to us: a receiver for its webhook."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from producer.sources.base import TICK_SECONDS, Batch, Batches, Positions, RefPlace, Say
from producer.webhook.doorbell import Doorbell, GitHub
from producer.webhook.inbox import Inbox, WebhookDelivery
from producer.webhook.push import SOURCE, Push
from producer.webhook.receiver import PushRefused, Receiver
from producer.webhook.rules import Rules
from producer.webhook.server import WebhookServer
from producer.webhook.store import Kept, Span, Store, StoreUnusable
from producer.webhook.throttle import Throttle

FROM_DISK = 50
"""Kept deliveries of one batch."""

LOOK_SECONDS = 1.0
"""How often the disk is looked at."""


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """Where to listen, and for what.

    Attributes:
        host: the address.
        port: the port; 0 takes a free one.
        queue: the file of deliveries that Kafka has not acknowledged.
        rules: what is accepted.
        github: whom to ask for fuller records; nobody without a token.
    """

    host: str
    port: int
    queue: Path
    rules: Rules
    github: GitHub | None = None


class WebhookSource:
    """Receives push events and answers them once their commits are acknowledged.

    Attributes:
        name: ``webhook``.
        resumes: its positions say what each ref named last.
        expected: None, since nobody knows what will be pushed.
    """

    name = SOURCE
    resumes = True
    expected: int | None = None

    def __init__(self, settings: WebhookSettings, say: Say) -> None:
        """Open the queue; nothing is received yet.

        Raises:
            StoreUnusable: the queue's file can't be used.
        """
        self._settings = settings
        self._say = say
        self._throttle = Throttle(say)
        self._inbox = Inbox()
        self._store = Store(settings.queue)
        self._receiver = Receiver(settings.rules, self._inbox, self._store, say)
        self._doorbell = Doorbell(settings.github, self._store, say) if settings.github else None
        self._positions: dict[RefPlace, str] = {}

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Receive requests while the context lasts; what is not sent at its end stays on disk."""
        wanted = self._settings
        with (
            closing(self._store),
            WebhookServer(self._receiver, wanted.host, wanted.port, self._say_where),
            closing(self._inbox),
            self._doorbell or nullcontext(),
        ):
            yield

    def batches(self, known: Positions, stop: threading.Event) -> Batches:
        """Give what was pushed, and what waits on disk while nothing else does."""
        self._positions = {p: at for p, at in known.items() if p.source == self.name}
        if waiting := self._store.waiting_count():
            self._say(f"{waiting:,} deliveries wait in {self._settings.queue}: sending them first")
        has_waiting, looked_at = True, 0.0
        while True:
            # In turns with what comes, so that neither has to wait for the other to end.
            if has_waiting or time.monotonic() - looked_at > LOOK_SECONDS:
                looked_at = time.monotonic()
                has_waiting = yield from self._from_disk()
            taken = self._inbox.take(0 if has_waiting else TICK_SECONDS)
            if taken:
                yield self._batch(taken)
            elif stop.is_set():
                return
            elif not has_waiting:
                yield Batch()
            yield from self._fuller()

    def _say_where(self, url: str) -> None:
        self._say(f"listening on {url}")

    def _batch(self, taken: Sequence[WebhookDelivery]) -> Batch:
        pushes = [delivery.push for delivery in taken]
        spans, moved = self._follow(pushes)
        records = [record for push in pushes for record in push.records]
        return Batch(records, moved, on_acknowledged=partial(self._acknowledge, taken, spans))

    def _acknowledge(self, taken: Sequence[WebhookDelivery], spans: Sequence[Span]) -> None:
        try:
            self._store.acknowledge([delivery.id for delivery in taken], spans)
        except StoreUnusable as problem:
            # Kafka has the commits, which is what the answers are about.
            self._say(f"{problem}; a delivery that is repeated is not recognised")
        self._inbox.answer(taken, acknowledged=True)
        self._ring(spans)

    def _from_disk(self) -> Generator[Batch, None, bool]:
        """Give some deliveries that were kept; return whether there may be more."""
        kept = self._store.waiting(FROM_DISK)
        if kept:
            pushes = [push for one in kept if (push := self._read(one))]
            spans, moved = self._follow(pushes)
            yield Batch(
                [record for push in pushes for record in push.records],
                moved,
                on_acknowledged=partial(self._store.acknowledge, [one.id for one in kept], spans),
            )
            self._ring(spans)
        return len(kept) == FROM_DISK

    def _fuller(self) -> Batches:
        """Give what GitHub told of the pushes since."""
        while self._doorbell and (fetched := self._doorbell.take()):
            yield Batch(
                fetched.records,
                unreachable=fetched.unreachable,
                on_acknowledged=partial(self._doorbell.settle, fetched),
            )

    def _ring(self, spans: Sequence[Span]) -> None:
        if self._doorbell and spans:
            self._doorbell.ring()

    def _read(self, kept: Kept) -> Push | None:
        try:
            return self._receiver.read(kept.body)
        except (
            PushRefused
        ) as refusal:  # a newer version may see it otherwise than the one that kept it
            self._say(f"delivery {kept.id}: {refusal.words}")
            return None

    def _follow(self, pushes: Sequence[Push]) -> tuple[list[Span], dict[RefPlace, str]]:
        """Return what to ask GitHub for because of some pushes, and what the refs name after them."""
        spans = []
        moved = {}
        for push in pushes:
            place = RefPlace(self.name, push.repository, push.ref)
            known = self._positions.get(place)
            is_gap = bool(known) and not push.is_new and push.before not in (known, push.after)
            if self._doorbell and (span := _span(push, known if is_gap else None)):
                spans.append(span)
            else:
                self._say_what_may_lack(place, push, known if is_gap else None)
            moved[place] = self._positions[place] = push.after
        return spans, moved

    def _say_what_may_lack(self, place: RefPlace, push: Push, missed_since: str | None) -> None:
        """Say when pushes to a ref were not delivered in between, or a payload may be cut short."""
        where = f"{push.repository} {push.ref}"
        if missed_since:
            self._throttle.say(
                f"gap {place}",
                f"{where}: pushes between {missed_since[:12]} and {push.before[:12]} were not "
                "delivered here; --source git or github brings their commits",
            )
        if push.may_lack:
            self._throttle.say(
                f"cut {place}",
                f"{where}: the push to {push.after[:12]} may hold more commits than the "
                f"{len(push.records):,} delivered; --source git or github brings the rest",
            )


def _span(push: Push, missed_since: str | None) -> Span | None:
    """Return the commits that a push tells of, and those of pushes that were missed before it.

    None for the first push of a default branch, which has nothing to be compared with.
    """
    before = missed_since or push.before
    if push.is_new:
        if push.is_default_branch:
            return None
        before = push.default_branch
    return Span(0, push.repository, push.full_name, push.ref, before, push.after, push.is_forced)

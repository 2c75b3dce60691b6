"""A push as a doorbell: what it told of is asked for at GitHub, with line counts and logins.

What is to be asked for is on disk from the moment that the push is acknowledged until the fuller
records are, so the end of the process at any point leaves no commit without them.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from contractline.errors import ContractlineError
from producer.commit import Record
from producer.github.access import Credential
from producer.github.client import Client, RunStopped, finish
from producer.github.errors import GitHubRefused
from producer.github.ranges import RangeUnknown, fetch_range
from producer.github.target import Repository
from producer.reachability import left_behind
from producer.sources.base import Say
from producer.webhook.push import SOURCE
from producer.webhook.store import Span, Store

_AT_ONCE = 100
_LOOK_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class GitHub:
    """Whom to ask.

    Attributes:
        credentials: the tokens.
        base_url: the API's address.
    """

    credentials: Sequence[Credential]
    base_url: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was asked for, and the records that came.

    Attributes:
        numbers: the spans on disk that it settles.
        records: parents first; none where GitHub could not tell.
        unreachable: marks of commits that a forced push left behind.
    """

    numbers: Sequence[int]
    records: Sequence[Record]
    unreachable: Sequence[Record] = ()


class Doorbell:
    """Asks GitHub, one span after the other, in a thread of its own while the context lasts.

    Args:
        github: whom to ask.
        store: holds what is to be asked for.
        say: shows words to who runs the producer.
    """

    def __init__(self, github: GitHub, store: Store, say: Say) -> None:
        self._github = github
        self._store = store
        self._say = say
        self._stop = threading.Event()
        self._rang = threading.Event()
        self._fetched: queue.SimpleQueue[Fetched] = queue.SimpleQueue()
        self._given: set[int] = set()
        self._thread = threading.Thread(target=self._serve, name="doorbell", daemon=True)

    def __enter__(self) -> Doorbell:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._rang.set()
        self._thread.join()

    def ring(self) -> None:
        """Say that the store holds something new."""
        self._rang.set()

    def take(self) -> Fetched | None:
        """Return something that was fetched; None when nothing more was."""
        try:
            return self._fetched.get_nowait()
        except queue.Empty:
            return None

    def settle(self, fetched: Fetched) -> None:
        """Note that the records are acknowledged."""
        self._store.settle(fetched.numbers)
        self._given.difference_update(fetched.numbers)

    def _serve(self) -> None:
        client = Client(
            self._github.credentials,
            self._github.base_url,
            self._say,
            self._stop,
            is_patient=True,
        )
        try:
            while not self._stop.is_set():
                self._rang.clear()
                for spans in joined(self._new()):
                    self._fetch(client, spans)
                self._rang.wait(_LOOK_SECONDS)
        except RunStopped:
            pass
        except ContractlineError as problem:
            self._say(f"{problem}; pushes are not completed until the next start")
        finally:
            client.close()

    def _new(self) -> list[Span]:
        return [s for s in self._store.spans(_AT_ONCE) if s.number not in self._given]

    def _fetch(self, client: Client, spans: Sequence[Span]) -> None:
        first, last = spans[0], spans[-1]
        repository = Repository(first.repository, last.full_name)
        records: Sequence[Record] = ()
        lost: Sequence[Record] = ()
        try:
            records = self._range(client, repository, first.before, last.after)
            if first.is_forced:
                lost = self._range(client, repository, first.after, first.before)
        except (RangeUnknown, GitHubRefused) as problem:
            self._say(
                f"{first.repository} {first.ref}: {first.before[:12]}..{last.after[:12]} can't be "
                f"completed: {problem}; --source github reads the whole branch"
            )
        numbers = [span.number for span in spans]
        self._given.update(numbers)
        marks = left_behind(
            [record["commit_id"] for record in lost],
            repository=last.repository,
            ref=last.ref,
            before=first.before,
            after=first.after,
            source=SOURCE,
        )
        self._fetched.put(Fetched(numbers, records, marks))

    def _range(
        self, client: Client, repository: Repository, before: str, after: str
    ) -> Sequence[Record]:
        return finish(fetch_range(client, repository, before, after, self._say)).records


def joined(spans: Sequence[Span]) -> list[list[Span]]:
    """Return spans in groups that are one range each: pushes to a ref that follow one another.

    A forced push begins a group, and what it left behind is asked for too.
    """
    groups: list[list[Span]] = []
    open_groups: dict[tuple[str, str], list[Span]] = {}
    for span in spans:
        group = open_groups.get((span.repository, span.ref))
        if group and group[-1].after == span.before and not span.is_forced:
            group.append(span)
        else:
            group = [span]
            groups.append(group)
            open_groups[span.repository, span.ref] = group
    return groups

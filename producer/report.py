"""What the producer shows: a progress bar on a terminal, plain lines elsewhere, and the account."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import IO, Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from producer.sources.base import RefPlace

LINE_EVERY_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class StreamCount:
    """Where a run is.

    Attributes:
        read: records that the source gave.
        acknowledged: of these, what the broker has; not more than it really has.
        refused: of these, what broke the contract.
        waiting: of these, what was sent and is not yet acknowledged: the lag.
        expected: what the whole run will give, where it is known.
    """

    read: int = 0
    acknowledged: int = 0
    refused: int = 0
    waiting: int = 0
    expected: int | None = None


@dataclass(frozen=True, slots=True)
class Saved:
    """A cursor as it stands at the end of a run."""

    place: RefPlace
    position: str


INTERRUPTED = 130
"""The exit code of a run that a signal ended before its end, as shells have it."""


@dataclass(frozen=True, slots=True)
class RunAccount:
    """What became of every record: read = acknowledged + failed + refused.

    Attributes:
        source: what was read.
        stream: the contract.
        version: the schema version written last; None when nothing could be sent.
        read: records that the source gave.
        acknowledged: what the broker has for good.
        failed: what was sent and not acknowledged; sent again by the next run.
        refused: what broke the contract, and is in the dead-letter file.
        seconds: how long it took.
        stopped: whether a signal ended the run.
        interrupted: whether that run would have ended by itself, so that some was not read.
        dead_letters: the file of refused records; None when there were none.
        cursors: the positions that were saved.
        error: why the run could not end as it should; None when it did.
        hint: what to do about it.
    """

    source: str
    stream: str
    version: int | None = None
    read: int = 0
    acknowledged: int = 0
    failed: int = 0
    refused: int = 0
    seconds: float = 0.0
    stopped: bool = False
    interrupted: bool = False
    dead_letters: str | None = None
    cursors: Sequence[Saved] = ()
    error: str | None = None
    hint: str | None = None

    @property
    def exit_code(self) -> int:
        """What became of the run.

        0 when everything was acknowledged, 1 when something was refused, 2 when it could not, 130
        when a signal ended it before its end.
        """
        if self.error is not None or self.failed:
            return 2
        if self.interrupted:
            return INTERRUPTED
        return 1 if self.refused else 0

    def to_json(self) -> str:
        """Return the account as JSON; docs/guides/producer.md describes it."""
        values = asdict(self)
        values["seconds"] = round(self.seconds, 3)
        values["rate"] = round(self.rate, 1)
        values["cursors"] = [asdict(s.place) | {"position": s.position} for s in self.cursors]
        return json.dumps(values, ensure_ascii=False)

    @property
    def rate(self) -> float:
        """Acknowledged records a second."""
        return self.acknowledged / self.seconds if self.seconds else 0.0

    def __str__(self) -> str:
        lines = [
            f"{self.source}: {self.read:,} read = {self.acknowledged:,} acknowledged "
            f"+ {self.failed:,} failed + {self.refused:,} refused, "
            f"in {self.seconds:.1f} s ({self.rate:,.0f}/s)"
        ]
        if self.dead_letters:
            lines.append(f"the refused records and the reasons are in {self.dead_letters}")
        return "\n".join(lines)


class Reporter(Protocol):
    """Shows how a run goes."""

    def __enter__(self) -> Reporter: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def say(self, words: str) -> None:
        """Show a sentence."""
        ...

    def show(self, count: StreamCount) -> None:
        """Show where the run is; called often."""
        ...


def reporter(out: IO[str] | None = None) -> Reporter:
    """Return the reporter that fits: the bar for a terminal, lines for a file or pipe."""
    out = out or sys.stderr
    return Bar(out) if out.isatty() else ReportLines(out)


class _Speed:
    """Acknowledged records a second, over the last few seconds."""

    def __init__(self) -> None:
        self._marks = [(time.monotonic(), 0)]

    def at(self, acknowledged: int) -> float:
        now = time.monotonic()
        if now - self._marks[-1][0] > 0.5:
            self._marks = [*self._marks[-10:], (now, acknowledged)]
        since, before = self._marks[0]
        return max(0, acknowledged - before) / (now - since) if now > since else 0.0


class ReportLines:
    """Plain lines: one now and then while something moves."""

    def __init__(self, out: IO[str]) -> None:
        self._out = out
        self._said = time.monotonic()
        self._last = StreamCount()
        self._speed = _Speed()

    def __enter__(self) -> ReportLines:
        return self

    def __exit__(self, *_: object) -> None:
        self._out.flush()

    def say(self, words: str) -> None:
        """Write a line."""
        self._out.write(f"{words}\n")
        self._out.flush()

    def show(self, count: StreamCount) -> None:
        """Write a line when the last one is some seconds old and something has moved."""
        speed = self._speed.at(count.acknowledged)
        if count == self._last or time.monotonic() - self._said < LINE_EVERY_SECONDS:
            return
        self._said, self._last = time.monotonic(), count
        total = f" of {count.expected:,}" if count.expected else ""
        self.say(
            f"{count.acknowledged:,}{total} acknowledged, {speed:,.0f}/s, lag {count.waiting:,}"
            + (f", {count.refused:,} refused" if count.refused else "")
        )


class Bar:
    """A progress bar with rate and lag."""

    def __init__(self, out: IO[str]) -> None:
        self._speed = _Speed()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[done]}"),
            BarColumn(),
            TextColumn("{task.fields[speed]:,.0f}/s  lag {task.fields[lag]:,}"),
            TimeRemainingColumn(compact=True),
            console=Console(file=out),
            transient=True,
        )
        self._task = self._progress.add_task("", total=None, done="", speed=0.0, lag=0)

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def say(self, words: str) -> None:
        """Print a line above the bar."""
        self._progress.console.print(words, markup=False, highlight=False, soft_wrap=True)

    def show(self, count: StreamCount) -> None:
        """Move the bar."""
        total = f" of {count.expected:,}" if count.expected else ""
        refused = f", {count.refused:,} refused" if count.refused else ""
        self._progress.update(
            self._task,
            completed=count.acknowledged + count.refused,
            total=count.expected,
            done=f"{count.acknowledged:,}{total}{refused}",
            speed=self._speed.at(count.acknowledged),
            lag=count.waiting,
        )

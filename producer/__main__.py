"""The command line: ``python -m producer --source fake|git|github|webhook``."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from types import FrameType
from typing import IO

from contractline.avro.depth import room_for_depth
from contractline.errors import ContractlineError
from producer.report import RunAccount, reporter
from producer.run import Run
from producer.settings import Settings, load_settings
from producer.sources.base import Say


def main() -> int:
    """Run the producer and return the exit code."""
    try:
        settings = load_settings(sys.argv[1:])
    except ContractlineError as problem:
        _complain(str(problem), problem.hint)
        return problem.exit_code
    if settings.plan_only:
        return _plan(settings)
    stop, abandon = threading.Event(), threading.Event()
    with room_for_depth(), reporter() as shown, _signals(stop, abandon, shown.say):
        account = Run(settings, shown, stop, abandon).carry()
    _show(account, as_json=settings.as_json)
    return account.exit_code


def _plan(settings: Settings) -> int:
    """Let the source say what it would do; Kafka is not asked, so what was read is not known."""
    stop = threading.Event()
    try:
        source = settings.make_source(lambda words: _print(sys.stdout, words))
        with _signals(stop, threading.Event(), lambda words: _print(sys.stderr, words)):
            for _ in source.batches({}, stop):
                pass
    except ContractlineError as problem:
        _complain(str(problem), problem.hint)
        return problem.exit_code
    return 0


def _print(out: IO[str], words: str) -> None:
    out.write(f"{words}\n")
    out.flush()


def _show(account: RunAccount, *, as_json: bool) -> None:
    if account.error:
        _complain(account.error, account.hint)
    sys.stdout.write(f"{account.to_json() if as_json else account}\n")


def _complain(problem: str, hint: str | None) -> None:
    sys.stderr.write(f"error: {problem}\n" + (f"  {hint}\n" if hint else ""))


@contextmanager
def _signals(stop: threading.Event, abandon: threading.Event, say: Say) -> Iterator[None]:
    """Let the first signal end the run in order, and a second one at once.

    The handler only puts into a queue, which may be done at any point of the main thread; to set
    an event there could find its lock held by the very code that was interrupted.
    """
    arrived: SimpleQueue[int | None] = SimpleQueue()

    def on_signal(number: int, frame: FrameType | None) -> None:
        arrived.put(number)

    def serve() -> None:
        while arrived.get() is not None:
            if stop.is_set():
                abandon.set()
            else:
                stop.set()
                say("stopping: what was read is acknowledged first; once more ends at once")

    serving = threading.Thread(target=serve, name="signals", daemon=True)
    serving.start()
    before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        arrived.put(None)
        serving.join()


_SIGNALS = (signal.SIGINT, signal.SIGTERM)

if __name__ == "__main__":
    sys.exit(main())

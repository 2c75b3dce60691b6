"""The command line: ``python -m producer --source fake|git``."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from contractline.errors import ContractlineError
from producer.report import Account, reporter
from producer.run import Run
from producer.settings import load_settings


def main() -> int:
    """Run the producer and return the exit code."""
    try:
        settings = load_settings(sys.argv[1:])
    except ContractlineError as problem:
        _complain(str(problem), problem.hint)
        return problem.exit_code
    stop, abandon = threading.Event(), threading.Event()
    with reporter() as shown, _signals(stop, abandon):
        account = Run(settings, shown, stop, abandon).carry()
    _show(account, as_json=settings.as_json)
    return account.exit_code


def _show(account: Account, *, as_json: bool) -> None:
    if account.error:
        _complain(account.error, account.hint)
    sys.stdout.write(f"{account.to_json() if as_json else account}\n")


def _complain(problem: str, hint: str | None) -> None:
    sys.stderr.write(f"error: {problem}\n" + (f"  {hint}\n" if hint else ""))


@contextmanager
def _signals(stop: threading.Event, abandon: threading.Event) -> Iterator[None]:
    """Let the first signal end the run in order, and a second one at once."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            abandon.set()
        stop.set()

    before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)

if __name__ == "__main__":
    sys.exit(main())

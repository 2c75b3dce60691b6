"""Run the benchmarks: ``python -m benchmarks [NAME ...] [OPTION ...]``; all of them without a name.

Options go to each of the named benchmarks; ``python -m benchmarks NAME --help`` lists its own.
"""

from __future__ import annotations

import importlib
import itertools
import pkgutil
import signal
import sys
from types import FrameType

import benchmarks


def main() -> int:
    """Run the named benchmarks, or all, and return the exit code."""
    known = sorted(
        module.name.removeprefix("bench_")
        for module in pkgutil.iter_modules(benchmarks.__path__)
        if module.name.startswith("bench_")
    )
    given = sys.argv[1:]
    names = list(itertools.takewhile(lambda word: not word.startswith("-"), given))
    options = given[len(names) :]
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; known: {', '.join(known)}")
        return 2
    signal.signal(signal.SIGTERM, _end)
    for name in names or known:
        # Each reads its options as if it had been started alone.
        sys.argv = [f"python -m benchmarks {name}", *options]
        importlib.import_module(f"benchmarks.bench_{name}").main()
    return 0


def _end(number: int, frame: FrameType | None) -> None:
    """End by an exception, so that the stack of a benchmark is removed."""
    sys.exit(128 + number)


sys.exit(main())

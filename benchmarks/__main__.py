"""Run the benchmarks: ``python -m benchmarks [NAME ...]``; all of them without a name."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks


def main() -> int:
    """Run the named benchmarks, or all, and return the exit code."""
    known = sorted(
        module.name.removeprefix("bench_")
        for module in pkgutil.iter_modules(benchmarks.__path__)
        if module.name.startswith("bench_")
    )
    names = sys.argv[1:] or known
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no such benchmark: {', '.join(unknown)}; known: {', '.join(known)}")
        return 2
    for name in names:
        importlib.import_module(f"benchmarks.bench_{name}").main()
    return 0


sys.exit(main())

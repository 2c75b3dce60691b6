"""Interleaved rounds and what they say: machines are noisy, so ratios of one round count."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, minimum and maximum of a series."""

    median: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarise a series of at least one value."""
        return cls(statistics.median(values), min(values), max(values))

    def text(self, digits: int = 2) -> str:
        """Format as ``median [min max]``."""
        return f"{self.median:,.{digits}f} [{self.low:,.{digits}f} {self.high:,.{digits}f}]"


def interleave(
    candidates: Mapping[str, Callable[[], float]], rounds: int = ROUNDS
) -> dict[str, list[float]]:
    """Run every candidate once a round, and return each one's figures in the order of rounds.

    Odd rounds run in the opposite order, so that no candidate always profits from its place.
    """
    figures: dict[str, list[float]] = {name: [] for name in candidates}
    for number in range(rounds):
        names = list(candidates)[:: 1 if number % 2 == 0 else -1]
        for name in names:
            figures[name].append(candidates[name]())
            # A long run shows that it goes on, and one that is ended early what it had.
            sys.stderr.write(f"round {number + 1}/{rounds}, {name}: {figures[name][-1]:,.0f}\n")
    return figures


def ratios(figures: Mapping[str, Sequence[float]], name: str, baseline: str) -> Spread:
    """Return how often ``name`` is ``baseline``, round by round."""
    pairs = zip(figures[name], figures[baseline], strict=True)
    return Spread.of([one / other for one, other in pairs])


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that ``share`` (0 to 1) of the series do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def report(title: str, unit: str, figures: Mapping[str, Sequence[float]], baseline: str) -> None:
    """Print one table: each candidate's figures, and its ratio to the baseline."""
    print(f"\n{title} ({unit}; median [min max] of {len(figures[baseline])} rounds)")
    width = max(len(name) for name in figures)
    for name, values in figures.items():
        ratio = ratios(figures, name, baseline).text()
        print(f"  {name:<{width}}  {Spread.of(values).text(0):>34}   x{ratio}")

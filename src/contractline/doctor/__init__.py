"""What is wrong with an installation, how bad it is, since when, and what to do about it.

Each check looks at one thing and yields problems; a check that can't look says so as a problem of its
own. To look at more, add a check to :data:`CHECKS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from contractline.doctor.checks import contracts, delays, drift, flow, machine, services, slots
from contractline.doctor.problem import NotKnown, Patient, Problem
from contractline.errors import ContractlineError
from contractline.finding import Severity

Check = Callable[[Patient], Iterator[Problem]]

CHECKS: Mapping[str, Check] = {
    "machine": machine,
    "services": services,
    "contracts": contracts,
    "drift": drift,
    "flow": flow,
    "slots": slots,
    "delays": delays,
}


@dataclass(frozen=True, slots=True)
class Examined:
    """What one check came to.

    Attributes:
        check: its name.
        problems: what it found.
        skipped: why it did not look; empty where it did.
    """

    check: str
    problems: tuple[Problem, ...] = ()
    skipped: str = ""


def examine(patient: Patient) -> list[Examined]:
    """Run all checks at once."""
    with ThreadPoolExecutor() as asking:
        running = {
            name: asking.submit(_run, name, check, patient) for name, check in CHECKS.items()
        }
    return [one.result() for one in running.values()]


def _run(name: str, check: Check, patient: Patient) -> Examined:
    try:
        return Examined(name, tuple(check(patient)))
    except NotKnown as problem:
        return Examined(name, skipped=str(problem))
    except ContractlineError as problem:
        told = Problem(Severity.ERROR, f"could not be told: {problem}", problem.hint)
        return Examined(name, (told,))

"""Faults and limits by script: what goes wrong, at which request, how often."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Fault:
    """Something that goes wrong.

    Attributes:
        match: a pattern for ``GET /path?query`` or ``POST /graphql``.
        times: at how many requests; -1 is every one.
        skip: how many matching requests go well before.
        status: the answer's status; None leaves the answer and spoils it otherwise.
        headers: more headers; ``{now+60}`` becomes a time.
        body: the answer's body, JSON unless it is text.
        cut: send only the first half of the body, and close.
        seconds: wait before answering.
    """

    match: str
    times: int = 1
    skip: int = 0
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    cut: bool = False
    seconds: float = 0.0

    def applies(self, request: str) -> bool:
        if self.times == 0 or not re.search(self.match, request):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.times -= 1
        return True


_NOW = re.compile(r"\{now([+-]\d+)\}")


def filled(headers: Mapping[str, str]) -> dict[str, str]:
    return {
        name: _NOW.sub(lambda found: str(int(time.time()) + int(found[1])), value)
        for name, value in headers.items()
    }


@dataclass
class Quota:
    """The primary limit of one token: points or calls in a window."""

    limit: int = 5000
    window_seconds: float = 3600.0
    used: int = 0
    reset: float = 0.0

    def refresh(self) -> None:
        if time.time() >= self.reset:
            self.used, self.reset = 0, time.time() + self.window_seconds

    @property
    def remaining(self) -> int:
        return max(0, self.limit - self.used)

    def headers(self, resource: str) -> dict[str, str]:
        return {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(self.remaining),
            "x-ratelimit-used": str(self.used),
            "x-ratelimit-reset": str(int(self.reset) + 1),
            "x-ratelimit-resource": resource,
        }

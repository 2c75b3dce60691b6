"""Where the local stack keeps what: the state folder of a checkout."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contractline.errors import ContractlineError
from contractline.settings import STACK_ENDPOINTS

FULL_BYTES = 64_000


@dataclass(frozen=True, slots=True)
class Layout:
    """The state folder of a checkout: 0700, and every file in it that holds a secret 0600."""

    state: Path

    def create(self) -> None:
        """Make the folders that are missing."""
        for folder in (self.state, self.data, self.logs, self.config, self.run, self.requests):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.state.chmod(0o700)

    @property
    def data(self) -> Path:
        """What the services keep; ``reset`` removes it."""
        return self.state / "data"

    @property
    def logs(self) -> Path:
        """One log a service."""
        return self.state / "logs"

    @property
    def config(self) -> Path:
        """The rendered configuration."""
        return self.state / "config"

    @property
    def run(self) -> Path:
        """What only matters while the stack runs."""
        return self.state / "run"

    @property
    def requests(self) -> Path:
        """What the supervisor is asked to do, one file a request."""
        return self.run / "requests"

    @property
    def events(self) -> Path:
        """The events of the running (or last) stack, one line of JSON each."""
        return self.run / "events.jsonl"

    @property
    def supervisor(self) -> Path:
        """Which process is the supervisor."""
        return self.run / "supervisor.json"

    @property
    def endpoints(self) -> Path:
        """Where the services of the running stack are."""
        return self.state / STACK_ENDPOINTS

    @property
    def ports(self) -> Path:
        """The ports that the stack of this checkout uses."""
        return self.state / "ports.json"

    @property
    def passwords(self) -> Path:
        """The generated passwords."""
        return self.state / "passwords.json"

    def log(self, service: str) -> Path:
        """Return the log of a service."""
        return self.logs / f"{service}.log"


def is_full(folder: Path) -> bool:
    """Tell whether the disk of a folder has no room left, so that no log can say so."""
    return shutil.disk_usage(folder).free < FULL_BYTES


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    new = file.with_name(f".{file.name}.{os.getpid()}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(text)
    new.replace(file)


class StateDamaged(ContractlineError):
    """When a file of the state folder holds what can't be made anew."""

    def __init__(self, file: Path) -> None:
        super().__init__(
            f"{file} is damaged: it is not a JSON object",
            hint="take it back from a copy; `contractline reset` begins anew and drops the data",
        )


def kept_json(file: Path) -> dict[str, Any]:
    """Return the JSON object of a file whose loss would lose more; empty when there is none.

    Raises:
        StateDamaged: the file is there and holds something else.
    """
    values = read_json(file)
    if not values and file.exists():
        raise StateDamaged(file)
    return values


def read_json(file: Path) -> dict[str, Any]:
    """Return the JSON object of a file; empty when there is none or it can't be read."""
    try:
        values = json.loads(file.read_text())
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}

"""The dead-letter file: records that broke the contract, one a line, with the reason."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from contractline.errors import ContractlineError
from contractline.kafka.validate import ValueMistake


class LettersUnwritable(ContractlineError):
    """When a refused record can't be kept, so that going on would lose it."""

    def __init__(self, file: Path, problem: OSError) -> None:
        super().__init__(
            f"{file}: can't keep a refused record: {problem.strerror or problem}",
            hint="make room, or name another file with --dead-letters",
        )


class Letters:
    """Appends to a file that only its owner can read; nothing is made before the first letter.

    Attributes:
        file: where the letters are kept.
        kept: how many were written.
    """

    def __init__(self, file: Path, stream: str) -> None:
        self.file = file
        self.kept = 0
        self._stream = stream
        self._out: IO[str] | None = None

    def keep(self, record: Mapping[str, Any], mistake: ValueMistake, version: int) -> None:
        """Write a record down.

        Raises:
            LettersUnwritable: the file can't be written.
        """
        letter = {
            "at": datetime.now(UTC).isoformat(),
            "stream": self._stream,
            "version": version,
            "path": mistake.path,
            "problem": mistake.problem,
            "value": mistake.value,
            "record": record,
        }
        try:
            out = self._out = self._out or self._open()
            out.write(json.dumps(letter, default=repr) + "\n")
            out.flush()
        except OSError as problem:
            raise LettersUnwritable(self.file, problem) from problem
        self.kept += 1

    def close(self) -> None:
        """Close the file."""
        if self._out:
            self._out.close()

    def _open(self) -> IO[str]:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        private = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        return os.fdopen(os.open(self.file, private, 0o600), "a", encoding="utf-8")

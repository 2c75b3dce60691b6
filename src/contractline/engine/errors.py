"""What the engine and its endpoint refuse.

The tree::

    ContractlineError
    ├── QueryFailed           a statement or a request failed, with ClickHouse's own error code
    └── EngineUnavailable     the data folder, its configuration or the address can't be used
"""

from __future__ import annotations

import re
from enum import IntEnum
from pathlib import Path
from typing import Self

from contractline.errors import ContractlineError


class Code(IntEnum):
    """The ClickHouse error codes that the endpoint itself raises."""

    BAD_ARGUMENTS = 36
    CHECKSUM_DOESNT_MATCH = 40
    NOT_IMPLEMENTED = 48
    SYNTAX_ERROR = 62
    UNKNOWN_FORMAT = 73
    UNKNOWN_COMPRESSION_METHOD = 89
    READONLY = 164
    TOO_MANY_SIMULTANEOUS_QUERIES = 202
    QUERY_WITH_SAME_ID_IS_ALREADY_RUNNING = 216
    NOT_ENOUGH_SPACE = 243
    CANNOT_DECOMPRESS = 271
    INTO_OUTFILE_NOT_ALLOWED = 358
    SESSION_NOT_FOUND = 372
    SESSION_IS_LOCKED = 373
    INVALID_SESSION_TIMEOUT = 374
    QUERY_IS_PROHIBITED = 392
    AUTHENTICATION_FAILED = 516
    UNKNOWN_EXCEPTION = 1002


# The engine repeats its prefix and suffix when an exception passes through several of its layers.
_PREFIX = re.compile(r"\s*Code: (\d+)\. DB::\w*Exception: ")
_SUFFIX = re.compile(
    r"\.?\s*(?:\((?P<name>[A-Z][A-Z0-9_]+)\)|\(version [^()]*(?:\([^()]*\))?\))\.?\s*$"
)


class QueryFailed(ContractlineError):
    """When ClickHouse refuses or fails a statement, or the endpoint a request.

    Attributes:
        code: ClickHouse's error code.
        name: its name, such as ``UNKNOWN_TABLE``.
        reason: the message without code, name and version.
    """

    def __init__(self, code: int, name: str, reason: str) -> None:
        self.code = code
        self.name = name
        self.reason = reason
        super().__init__(f"Code: {code}. DB::Exception: {reason}. ({name})")

    @classmethod
    def of(cls, code: Code, reason: str) -> Self:
        """Return an error of the endpoint's own."""
        return cls(code.value, code.name, reason)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the engine's text of an exception."""
        code, name, reason = Code.UNKNOWN_EXCEPTION.value, "", text.strip()
        while prefix := _PREFIX.match(reason):
            code, reason = int(prefix[1]), reason[prefix.end() :]
        while suffix := _SUFFIX.search(reason):
            name, reason = name or suffix["name"] or "", reason[: suffix.start()]
        return cls(code, name or Code.UNKNOWN_EXCEPTION.name, reason)


class EngineUnavailable(ContractlineError):
    """When the engine can't be started on a data folder, or the endpoint on its address."""

    def __init__(self, where: Path | str, problem: str, *, hint: str = "") -> None:
        self.where = where
        self.problem = problem
        super().__init__(f"{where}: {problem}", hint=hint)

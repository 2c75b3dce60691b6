"""The ClickHouse engine on a data folder: opened once a process, with any number of sessions side by side.

A session has its own settings, current database and temporary tables and runs one statement at a time;
opening one takes 0.2 ms, so a fresh one a request is the cheapest way to let nothing leak.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chdb import _chdb

from contractline.engine.errors import EngineUnavailable, QueryFailed

BLOCK_FORMATS = frozenset({"native", "rowbinary"})
"""Formats, in lower case, that are nothing but their blocks: no header, footer or totals."""

LOCK = "contractline.lock"
"""The file in a data folder that the process holds which has it open."""


def quote(text: str) -> str:
    """Return a SQL string literal."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def quote_name(name: str) -> str:
    """Return a quoted SQL identifier."""
    return "`" + name.replace("\\", "\\\\").replace("`", "\\`") + "`"


@dataclass(frozen=True, slots=True)
class Result:
    """What a statement gave.

    Attributes:
        body: the answer in the asked format.
        rows: rows of the answer; of an INSERT, the rows inserted.
        bytes: the size of those rows in memory.
        seconds: how long it took.
        rows_read: rows read from tables; None where the engine does not say.
        bytes_read: bytes read from tables, likewise.
    """

    body: bytes
    rows: int
    bytes: int
    seconds: float
    rows_read: int | None = None
    bytes_read: int | None = None


@contextmanager
def _failures() -> Iterator[None]:
    """Raise the engine's exceptions as ``QueryFailed``."""
    try:
        yield
    except UnicodeDecodeError as problem:  # a message that quotes binary data
        raise QueryFailed.parse(problem.object.decode(errors="replace")) from problem
    except RuntimeError as problem:
        raise QueryFailed.parse(str(problem)) from problem


class Session:
    """One session of the engine; use it from one thread at a time."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def query(
        self,
        sql: str | bytes,
        output_format: str = "TabSeparated",
        parameters: Mapping[str, str] | None = None,
    ) -> Result:
        """Run a statement and return its whole answer.

        Args:
            sql: the statement; bytes where it need not be valid UTF-8.
            output_format: the format of the answer unless the statement names one.
            parameters: values of ``{name:Type}``, written as in a TabSeparated file.

        Raises:
            QueryFailed: the engine refused it, or it failed.
        """
        with _failures():
            answer = self._connection.query(sql, output_format, params=dict(parameters or {}))
        return Result(
            body=answer.bytes() or b"",
            rows=answer.rows_read(),
            bytes=answer.bytes_read(),
            rows_read=answer.storage_rows_read(),
            bytes_read=answer.storage_bytes_read(),
            seconds=answer.elapsed(),
        )

    def stream(
        self,
        sql: str | bytes,
        output_format: str,
        parameters: Mapping[str, str] | None,
        write: Callable[[bytes], None],
    ) -> Result:
        """Run a SELECT and pass each block of its answer on as soon as it is there.

        Args:
            sql: the statement.
            output_format: one of ``BLOCK_FORMATS``, unless the statement names one.
            parameters: as for ``query``.
            write: takes a block; when it fails, the statement is stopped.

        Raises:
            QueryFailed: the engine refused it, or it failed.
        """
        rows, size, seconds = 0, 0, 0.0
        with _failures():
            answer = self._connection.send_query(sql, output_format, params=dict(parameters or {}))
            while (block := self._connection.streaming_fetch_result(answer)).rows_read():
                rows, size = rows + block.rows_read(), size + block.bytes_read()
                seconds += block.elapsed()
                try:
                    write(block.bytes())
                except OSError:
                    self._connection.streaming_cancel_query(answer)
                    raise
        return Result(b"", rows, size, seconds)

    def set(self, settings: Mapping[str, str]) -> None:
        """Change settings of this session.

        Raises:
            QueryFailed: a setting is unknown, or its value is of no use.
        """
        if settings:
            pairs = ", ".join(f"{quote_name(name)} = {quote(v)}" for name, v in settings.items())
            self.query(f"SET {pairs}")

    def close(self) -> None:
        """End the session; the engine goes on."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Engine:
    """The engine on one data folder. A process can have one at a time, a folder one process."""

    def __init__(self, folder: Path, config: Path | None = None) -> None:
        """Open a data folder, making it if it is not there.

        Args:
            folder: the data folder.
            config: a ClickHouse server configuration in XML.

        Raises:
            EngineUnavailable: another process has the folder open, it can't be written, or the
                configuration is of no use.
        """
        self._address = _address(folder, config)
        self._lock = _lock(folder)
        try:
            self._first = self.session()
            self.version = self._first.query("SELECT version()").body.decode().strip()
            self.timezone = self._first.query("SELECT timezone()").body.decode().strip()
        except (RuntimeError, ValueError, QueryFailed) as problem:
            os.close(self._lock)
            raise _unavailable(folder, config, str(problem)) from problem

    def session(self) -> Session:
        """Open a session."""
        return Session(_chdb.connect(self._address))

    def close(self) -> None:
        """Close the folder. Its Kafka consumers leave their groups; needs all other sessions closed."""
        self._first.close()
        os.close(self._lock)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _lock(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise EngineUnavailable(folder, f"can't be used: {problem.strerror}") from problem
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as problem:
        owner = os.read(descriptor, 32).decode(errors="replace").strip() or "unknown"
        os.close(descriptor)
        raise EngineUnavailable(
            folder, f"is open in another process (pid {owner})", hint="stop that process first"
        ) from problem
    try:
        os.truncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
    except OSError as problem:
        os.close(descriptor)
        raise EngineUnavailable(folder, f"can't be written: {problem.strerror}") from problem
    return descriptor


def _address(folder: Path, config: Path | None) -> str:
    """Return the engine's connection string; it can't hold every path."""
    address = str(folder.absolute())
    if config is not None:
        if not config.is_file():  # the engine would go on without it
            raise EngineUnavailable(config, "there is no such configuration file")
        address += f"?config-file={config.absolute()}"
    for path in filter(None, (folder, config)):
        if set(str(path.absolute())) & set("?&"):
            raise EngineUnavailable(path, "the engine can't use a path with ? or & in it")
    return address


def _unavailable(folder: Path, config: Path | None, text: str) -> EngineUnavailable:
    if config is not None and "SAXParseException" in text:
        return EngineUnavailable(config, "is not a ClickHouse configuration in XML")
    reason = QueryFailed.parse(text.removeprefix("Failed to create connection: ")).reason
    reason = reason.removeprefix("Error initializing EmbeddedServer:").split(", Stack trace")[0]
    return EngineUnavailable(
        folder,
        f"the engine can't open it: {reason.strip(' .') or 'it says why above'}",
        hint="is there room on the disk, and is the folder writable?",
    )

"""The way of an answer from the engine's thread to the event loop.

The engine writes into the pipe as into a file, which streams every format: its own streaming gives blocks
that are each a whole document.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator

PIPE_BYTES = 1 << 20  # the engine writes in pieces of this size


class Pipe:
    """A pipe that the engine writes an answer to.

    Attributes:
        path: the name by which the engine opens its end.
    """

    def __init__(
        self, reader: asyncio.StreamReader, transport: asyncio.ReadTransport, descriptor: int
    ) -> None:
        self._reader = reader
        self._transport = transport
        self._descriptor: int | None = descriptor
        self.path = f"/dev/fd/{descriptor}"

    async def read(self, size: int = PIPE_BYTES) -> bytes:
        """Return the next piece; empty at the end."""
        return await self._reader.read(size)

    async def read_at_least(self, size: int, patience: float | None) -> tuple[bytes, bool]:
        """Read until there are so many bytes, or for so long after the first ones.

        Returns:
            The bytes, and whether that was everything.
        """
        held = bytearray(await self.read())
        if not held:
            return b"", True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                while len(held) < size:
                    piece = await self.read()
                    if not piece:
                        return bytes(held), True
                    held += piece
        return bytes(held), False

    def write(self, data: bytes) -> None:
        """Write to it; waits while it is full. From the engine's thread."""
        rest = memoryview(data)
        while rest and self._descriptor is not None:
            rest = rest[os.write(self._descriptor, rest) :]

    def close(self) -> None:
        """Read no more; the engine's writing fails from now on."""
        self._transport.close()
        self._reader.feed_eof()

    def end(self) -> None:
        """Say that the engine has written everything; from its thread."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


@contextlib.asynccontextmanager
async def open_pipe() -> AsyncIterator[Pipe]:
    """Have a pipe."""
    read_end, write_end = os.pipe()
    with contextlib.suppress(
        OSError, AttributeError
    ):  # not on every system, and a user's share is limited
        fcntl.fcntl(read_end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    reader = asyncio.StreamReader(limit=PIPE_BYTES)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb", buffering=0)
    )
    pipe = Pipe(reader, transport, write_end)
    try:
        yield pipe
    finally:
        pipe.end()
        transport.close()

"""The way of an answer from the engine, which writes to a file, to the event loop, which reads a pipe.

It is the only way that streams every format: the engine's own streaming gives blocks that are each a whole
document.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

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

    async def read_at_least(self, size: int) -> tuple[bytearray, bool]:
        """Read until there are so many bytes; return them, and whether that was everything."""
        held = bytearray()
        while len(held) < size:
            piece = await self.read()
            if not piece:
                return held, True
            held += piece
        return held, False

    def close(self) -> None:
        """Read no more; the engine's writing fails from now on."""
        self._transport.close()
        self._reader.feed_eof()

    def end(self) -> None:
        """Say that the engine has written everything; from its thread."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)


@asynccontextmanager
async def open_pipe() -> AsyncIterator[Pipe]:
    """Have a pipe."""
    read_end, write_end = os.pipe()
    with suppress(OSError, AttributeError):  # not on every system, and a user's share is limited
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

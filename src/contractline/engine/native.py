"""ClickHouse's own compression of a stream: blocks with a checksum, asked for with compress=1 and decompress=1.

The drivers of the JVM use it by default, and with them the tools that are built on JDBC.
"""

from __future__ import annotations

import struct

import lz4.block
import zstandard

from contractline.engine.cityhash import cityhash128
from contractline.engine.errors import Code, QueryFailed

_CHECKSUM_BYTES = 16
_HEADER = struct.Struct("<BII")  # method, size with this header, size of the data
_NONE, _LZ4, _ZSTD = 0x02, 0x82, 0x90

_BLOCK_BYTES = 1 << 20  # ClickHouse's max_compress_block_size
_MAX_BLOCK_BYTES = 1 << 30


class NativeEncoder:
    """Compresses a stream with LZ4."""

    def compress(self, data: bytes) -> bytes:
        """Return more of the stream as blocks."""
        starts = range(0, len(data), _BLOCK_BYTES)
        return b"".join(_block(data[start : start + _BLOCK_BYTES]) for start in starts)

    def flush(self) -> bytes:
        """End the stream, which needs no mark."""
        return b""


class NativeDecoder:
    """Decompresses a stream."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def decompress(self, data: bytes) -> bytes:
        """Take more of the stream; return what its whole blocks hold.

        Raises:
            QueryFailed: a block is damaged, or none.
        """
        self._rest += data
        parts = []
        while block := self._next():
            parts.append(_data(block))
        return b"".join(parts)

    def finish(self) -> None:
        """Say that the stream ends here.

        Raises:
            QueryFailed: it ends in the middle of a block.
        """
        if self._rest:
            raise QueryFailed.of(
                Code.CANNOT_DECOMPRESS,
                "Cannot decompress the body: it ends in the middle of a block",
            )

    def _next(self) -> bytes | None:
        """Take a whole block away, without its checksum."""
        if len(self._rest) < _CHECKSUM_BYTES + _HEADER.size:
            return None
        method, size, whole = _HEADER.unpack_from(self._rest, _CHECKSUM_BYTES)
        if method not in (_NONE, _LZ4, _ZSTD) or not _HEADER.size <= size <= _MAX_BLOCK_BYTES:
            raise QueryFailed.of(
                Code.CANNOT_DECOMPRESS,
                "Cannot decompress the body: it does not consist of ClickHouse's compressed blocks",
            )
        if whole > _MAX_BLOCK_BYTES:
            raise QueryFailed.of(Code.CANNOT_DECOMPRESS, f"A block of {whole} bytes is too large")
        if len(self._rest) < _CHECKSUM_BYTES + size:
            return None
        checksum = bytes(self._rest[:_CHECKSUM_BYTES])
        block = bytes(self._rest[_CHECKSUM_BYTES : _CHECKSUM_BYTES + size])
        del self._rest[: _CHECKSUM_BYTES + size]
        if cityhash128(block) != checksum:
            raise QueryFailed.of(
                Code.CHECKSUM_DOESNT_MATCH, "Checksum doesn't match: corrupted data in the body"
            )
        return block


def _block(data: bytes) -> bytes:
    packed: bytes = lz4.block.compress(data, store_size=False)
    block = _HEADER.pack(_LZ4, _HEADER.size + len(packed), len(data)) + packed
    return cityhash128(block) + block


def _data(block: bytes) -> bytes:
    method, _, size = _HEADER.unpack_from(block)
    packed = block[_HEADER.size :]
    try:
        if method == _LZ4:
            return bytes(lz4.block.decompress(packed, uncompressed_size=size))
        if method == _ZSTD:
            return zstandard.ZstdDecompressor().decompress(packed, max_output_size=size)
    except (lz4.block.LZ4BlockError, zstandard.ZstdError) as problem:
        raise QueryFailed.of(
            Code.CANNOT_DECOMPRESS, f"Cannot decompress a block: {problem}"
        ) from problem
    return packed

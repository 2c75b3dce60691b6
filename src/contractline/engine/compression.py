"""Compressed requests and answers, as streams: Content-Encoding, and ClickHouse's own blocks."""

from __future__ import annotations

import zlib
from typing import Protocol

import lz4.frame
import zstandard

from contractline.engine.errors import Code, QueryFailed
from contractline.engine.native import NativeDecoder, NativeEncoder

NATIVE = "native"
"""The name here of ClickHouse's own compression, which is no Content-Encoding."""

PREFERRED = ("lz4", "zstd", "gzip", "deflate")
"""The encodings, the one that is chosen first where a client takes several coming first."""

_GZIP_WINDOW = 31  # zlib's way to ask for gzip's frame
_ZLIB_LEVEL = 3  # ClickHouse's http_zlib_compression_level
_ZSTD_LEVEL = 1


class Encoder(Protocol):
    """Compresses a stream."""

    def compress(self, data: bytes) -> bytes:
        """Take more of the stream; return it compressed, all of it, so that it can be read at once."""
        ...

    def flush(self) -> bytes:
        """End the stream."""
        ...


class _ZlibEncoder:
    def __init__(self, window: int) -> None:
        self._stream = zlib.compressobj(_ZLIB_LEVEL, zlib.DEFLATED, window)

    def compress(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)

    def flush(self) -> bytes:
        return self._stream.flush()


class _ZstdEncoder:
    def __init__(self) -> None:
        self._stream = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compressobj()

    def compress(self, data: bytes) -> bytes:
        packed = self._stream.compress(data)
        return packed + self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def flush(self) -> bytes:
        return self._stream.flush()


class _Lz4Encoder:
    def __init__(self) -> None:
        self._stream = lz4.frame.LZ4FrameCompressor(auto_flush=True)
        self._head = bytes(self._stream.begin())

    def compress(self, data: bytes) -> bytes:
        head, self._head = self._head, b""
        return bytes(head + self._stream.compress(data))

    def flush(self) -> bytes:
        return bytes(self._head + self._stream.flush())


def choose(accepted: str) -> str | None:
    """Return the encoding for a client by its Accept-Encoding."""
    offers = {}
    for offer in accepted.lower().split(","):
        name, _, weight = offer.strip().partition(";")
        offers[name.strip()] = weight.replace(" ", "") not in ("q=0", "q=0.0")
    return next((name for name in PREFERRED if offers.get(name)), None)


def encoder(encoding: str) -> Encoder:
    """Return a new encoder for ``NATIVE`` or one of the ``PREFERRED`` encodings."""
    if encoding == NATIVE:
        return NativeEncoder()
    if encoding == "lz4":
        return _Lz4Encoder()
    if encoding == "zstd":
        return _ZstdEncoder()
    return _ZlibEncoder(_GZIP_WINDOW if encoding == "gzip" else zlib.MAX_WBITS)


class Decoder(Protocol):
    """Decompresses a stream."""

    def decompress(self, data: bytes) -> bytes:
        """Take more of the stream; return what it holds.

        Raises:
            QueryFailed: it is not in the encoding.
        """
        ...

    def finish(self) -> None:
        """Say that the stream ends here.

        Raises:
            QueryFailed: it ends too early.
        """
        ...


def decoder(encoding: str) -> Decoder:
    """Return a new decoder for ``NATIVE`` or a Content-Encoding.

    Raises:
        QueryFailed: the encoding is not known.
    """
    if encoding == NATIVE:
        return NativeDecoder()
    if encoding in PREFERRED:
        return _FrameDecoder(encoding)
    raise QueryFailed.of(
        Code.UNKNOWN_COMPRESSION_METHOD,
        f"Unknown Content-Encoding '{encoding}', use one of: {', '.join(PREFERRED)}",
    )


class _Frame(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class _FrameDecoder:
    """Decompresses one frame or several."""

    def __init__(self, encoding: str) -> None:
        self._encoding = encoding
        self._frame = self._new_frame()
        self._inside = False

    def _new_frame(self) -> _Frame:
        if self._encoding == "lz4":
            frame: _Frame = lz4.frame.LZ4FrameDecompressor()
            return frame
        if self._encoding == "zstd":
            return zstandard.ZstdDecompressor().decompressobj()
        window = _GZIP_WINDOW if self._encoding == "gzip" else zlib.MAX_WBITS
        return zlib.decompressobj(window)

    def decompress(self, data: bytes) -> bytes:
        parts = []
        while data:
            if self._frame.eof:
                self._frame = self._new_frame()
            try:
                parts.append(self._frame.decompress(data))
            except (zlib.error, zstandard.ZstdError, RuntimeError) as problem:
                raise self._failed(str(problem)) from problem
            self._inside = not self._frame.eof
            data = (self._frame.unused_data or b"") if self._frame.eof else b""
        return b"".join(parts)

    def finish(self) -> None:
        if self._inside:
            raise self._failed("the body ends in the middle of it")

    def _failed(self, why: str) -> QueryFailed:
        return QueryFailed.of(
            Code.CANNOT_DECOMPRESS, f"Cannot decompress the {self._encoding} body: {why}"
        )

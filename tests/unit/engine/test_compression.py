from __future__ import annotations

import gzip
import zlib

import pytest

from contractline.engine.compression import PREFERRED, Decoder, choose, encoder
from contractline.engine.errors import QueryFailed

TEXT = bytes(range(256)) * 4096


@pytest.mark.parametrize("encoding", PREFERRED)
@pytest.mark.parametrize("size", [1, 1000, len(TEXT)])
def test_a_stream_comes_back(encoding, size):
    packer, unpacker = encoder(encoding), Decoder(encoding)
    pieces = [TEXT[at : at + size] for at in range(0, min(len(TEXT), 5 * size), size)]
    packed = b"".join(packer.compress(piece) for piece in pieces) + packer.flush()
    step = max(1, len(packed) // 7)
    unpacked = [unpacker.decompress(packed[at : at + step]) for at in range(0, len(packed), step)]
    unpacker.finish()
    assert b"".join(unpacked) == b"".join(pieces)


@pytest.mark.parametrize("encoding", PREFERRED)
def test_several_frames_are_one_stream(encoding):
    def frame(data: bytes) -> bytes:
        packer = encoder(encoding)
        return packer.compress(data) + packer.flush()

    assert Decoder(encoding).decompress(frame(b"one ") + frame(b"two")) == b"one two"


@pytest.mark.parametrize("encoding", PREFERRED)
def test_a_stream_that_ends_early_is_refused(encoding):
    packer, unpacker = encoder(encoding), Decoder(encoding)
    packed = packer.compress(TEXT) + packer.flush()
    unpacker.decompress(packed[:-5])
    with pytest.raises(QueryFailed, match="ends in the middle"):
        unpacker.finish()


@pytest.mark.parametrize("encoding", PREFERRED)
def test_what_is_not_in_the_encoding_is_refused(encoding):
    with pytest.raises(QueryFailed, match=f"Cannot decompress the {encoding} body"):
        Decoder(encoding).decompress(b"plain text that is no frame of anything")


def test_gzip_and_deflate_are_what_others_read():
    packer = encoder("gzip")
    assert gzip.decompress(packer.compress(TEXT) + packer.flush()) == TEXT
    packer = encoder("deflate")
    assert zlib.decompress(packer.compress(TEXT) + packer.flush()) == TEXT


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate", "gzip"),
        ("lz4,zstd,gzip", "lz4"),
        ("gzip;q=0, deflate", "deflate"),
        ("GZIP ; q=0.5", "gzip"),
        ("br", None),
        ("identity", None),
        ("", None),
    ],
)
def test_choice(accepted, encoding):
    assert choose(accepted) == encoding


def test_an_unknown_encoding_is_refused():
    with pytest.raises(QueryFailed, match="Unknown Content-Encoding 'br'"):
        Decoder("br")


@pytest.mark.parametrize("encoding", PREFERRED)
def test_every_piece_can_be_read_at_once(encoding):
    packer, unpacker = encoder(encoding), Decoder(encoding)
    for piece in (b"one", b"two", TEXT):
        assert unpacker.decompress(packer.compress(piece)) == piece

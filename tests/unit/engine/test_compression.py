from __future__ import annotations

import gzip
import zlib

import pytest

from contractline.engine.compression import NATIVE, PREFERRED, choose, decoder, encoder
from contractline.engine.errors import QueryFailed

ALL = (*PREFERRED, NATIVE)
TEXT = bytes(range(256)) * 4096


@pytest.mark.parametrize("encoding", ALL)
@pytest.mark.parametrize("size", [1, 1000, len(TEXT)])
def test_a_stream_comes_back(encoding, size):
    packer, unpacker = encoder(encoding), decoder(encoding)
    pieces = [TEXT[at : at + size] for at in range(0, min(len(TEXT), 5 * size), size)]
    packed = b"".join(packer.compress(piece) for piece in pieces) + packer.flush()
    step = max(1, len(packed) // 7)
    unpacked = [unpacker.decompress(packed[at : at + step]) for at in range(0, len(packed), step)]
    unpacker.finish()
    assert b"".join(unpacked) == b"".join(pieces)


@pytest.mark.parametrize("encoding", ALL)
def test_several_frames_are_one_stream(encoding):
    def frame(data: bytes) -> bytes:
        packer = encoder(encoding)
        return packer.compress(data) + packer.flush()

    assert decoder(encoding).decompress(frame(b"one ") + frame(b"two")) == b"one two"


@pytest.mark.parametrize("encoding", ALL)
def test_a_stream_that_ends_early_is_refused(encoding):
    packer, unpacker = encoder(encoding), decoder(encoding)
    packed = packer.compress(TEXT) + packer.flush()
    unpacker.decompress(packed[:-5])
    with pytest.raises(QueryFailed, match="ends in the middle"):
        unpacker.finish()


@pytest.mark.parametrize("encoding", ALL)
def test_what_is_not_in_the_encoding_is_refused(encoding):
    with pytest.raises(QueryFailed, match="Cannot decompress the"):
        decoder(encoding).decompress(b"plain text that is no frame of anything")


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
        decoder("br")


@pytest.mark.parametrize("encoding", ALL)
def test_every_piece_can_be_read_at_once(encoding):
    packer, unpacker = encoder(encoding), decoder(encoding)
    for piece in (b"one", b"two", TEXT):
        assert unpacker.decompress(packer.compress(piece)) == piece


# Blocks that the engine itself wrote, in files of its data folder: a String column of one row.
BLOCKS = {
    b"\x01a": "7d242db7e2da378adbfd9947484b9ec1820c00000002000000200161",
    b"\x0ccontractline": (
        "55a1034cc6812dc1e5822f34cefeae5902160000000d0000000c636f6e74726163746c696e65"
    ),
    b"\x6c" + b"contract " * 12: (
        "58014b8918c5e8f3594bd590738962ce90230000006d00000028b52ffd206d8d0000506c636f6e7472616374"
        "20010080694102"
    ),
    b"\xac\x02" + b"line " * 60: (
        "42c9d8a9afd6db74d7b0f3a26da76727821b0000002e0100007fac026c696e65200500ff10506c696e6520"
    ),
    b"\xa1\x02" + b" ".join(b"%d" % n for n in range(100)): (
        "aa741308c7acab4fcd5d61e866979c88022c01000023010000a102"
        + " ".join(map(str, range(100))).encode().hex()
    ),
}


@pytest.mark.parametrize(("data", "block"), BLOCKS.items())
def test_blocks_of_the_engine_are_read(data, block):
    assert decoder(NATIVE).decompress(bytes.fromhex(block)) == data


def test_a_damaged_block_is_refused():
    block = bytearray(encoder(NATIVE).compress(TEXT))
    block[-1] ^= 1
    with pytest.raises(QueryFailed, match="Checksum doesn't match"):
        decoder(NATIVE).decompress(bytes(block))

from __future__ import annotations

import pytest

from contractline.clients.errors import FrameInvalid
from contractline.clients.wire import SchemaId, header, split


def test_a_header_is_a_zero_byte_and_the_id_in_network_order():
    assert header(SchemaId(1)) == b"\x00\x00\x00\x00\x01"
    assert header(SchemaId(0x01020304)) == b"\x00\x01\x02\x03\x04"


def test_a_frame_is_split_where_it_was_joined():
    assert split(header(SchemaId(77)) + b"datum") == (77, b"datum")
    assert split(header(SchemaId(77))) == (77, b"")


@pytest.mark.parametrize("frame", [b"", b"\x00\x00\x00\x01", b"\x01\x00\x00\x00\x01x"])
def test_other_bytes_are_no_frame(frame):
    with pytest.raises(FrameInvalid):
        split(frame)

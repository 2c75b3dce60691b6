"""The Confluent wire format: a zero byte, the schema's id as four bytes (big-endian), Avro binary.

The format is documented under "Wire format" in the Schema Registry's reference
(https://docs.confluent.io/platform/current/schema-registry/fundamentals/serdes-develop/).
"""

from __future__ import annotations

import struct
from typing import NewType

from contractline.clients.errors import FrameInvalid

SchemaId = NewType("SchemaId", int)

MAGIC = 0
HEADER_BYTES = 5

_HEADER = struct.Struct(">BI")


def header(schema_id: SchemaId) -> bytes:
    """Return what stands before every datum that a schema wrote."""
    return _HEADER.pack(MAGIC, schema_id)


def split(frame: bytes) -> tuple[SchemaId, bytes]:
    """Return the id of a frame's schema, and its datum.

    Raises:
        FrameInvalid: the bytes are too short, or begin with another byte.
    """
    if len(frame) < HEADER_BYTES:
        raise FrameInvalid(f"{len(frame)} bytes; the header alone has {HEADER_BYTES}")
    magic, schema_id = _HEADER.unpack_from(frame)
    if magic != MAGIC:
        raise FrameInvalid(f"begins with the byte 0x{magic:02x}, and not with 0x00")
    return SchemaId(schema_id), frame[HEADER_BYTES:]

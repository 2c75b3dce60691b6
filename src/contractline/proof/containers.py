"""Avro's container files: records together with their schema."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import fastavro

from contractline.avro.schema import Schema

_MARK = bytes(range(16))


def container_file(schema: Schema, data: Sequence[bytes]) -> bytes:
    """Return a container file of records that are already encoded."""
    out = BytesIO()
    fastavro.writer(out, schema.definition, [], sync_marker=_MARK)
    block = b"".join(data)
    out.write(b"".join((_long(len(data)), _long(len(block)), block, _MARK)))
    return out.getvalue()


def _long(number: int) -> bytes:
    """Encode a number that is not negative as Avro does."""
    out = BytesIO()
    fastavro.schemaless_writer(out, "long", number)
    return out.getvalue()

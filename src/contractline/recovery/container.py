"""Many messages in one INSERT, each with its own place: an Avro container file around their bytes.

``FORMAT AvroConfluent`` takes frames one after another and has no column for what stands beside
them. So each datum becomes, as it is, one field of a larger record; before it stands the place of
its message, behind it a mark. Nothing is decoded or encoded for that. ClickHouse reads the file by
``FORMAT Avro``, which decodes like ``AvroConfluent``, and finds in each row where it came from,
whatever the order of rows. Where a datum is shorter or longer than its schema says, its mark is not
found where it must be, and ClickHouse refuses the whole.
"""

from __future__ import annotations

import json
import secrets
import struct
from collections.abc import Sequence

from contractline.avro.schema import Schema
from contractline.clickhouse.ddl import DECODING, ENVELOPE
from contractline.clickhouse.sql import identifier, literal
from contractline.clients.wire import HEADER_BYTES
from contractline.kafka.log import Record
from contractline.recovery.frames import LoadedStream

MAX_SHORT_KEY = 1 << 12

_MARK_BYTES = 16
_PLACE = struct.Struct("<IQq")
_NO_TIME = -(2**63)
_MAGIC = b"Obj\x01"


class Container:
    """Makes container files of the messages of one schema.

    Attributes:
        sql: the INSERT that takes them.
    """

    def __init__(self, stream: LoadedStream, schema: Schema) -> None:
        self._mark = secrets.token_bytes(_MARK_BYTES)
        self.sql = _sql(stream, self._mark)
        wrapper = {
            "type": "record",
            "name": "contractline_message",
            "fields": [
                {"name": "place", "type": _fixed("place", _PLACE.size)},
                {"name": "key", "type": "bytes"},
                {"name": "value", "type": schema.definition},
                {"name": "mark", "type": _fixed("mark", _MARK_BYTES)},
            ],
        }
        described = {"avro.schema": json.dumps(wrapper).encode(), "avro.codec": b"null"}
        entries = b"".join(_bytes(name.encode()) + _bytes(v) for name, v in described.items())
        self._head = b"".join((_MAGIC, _long(len(described)), entries, _long(0), self._mark))

    def file(self, records: Sequence[Record]) -> bytes:
        """Return the container file of messages, each of which begins with a frame's header."""
        parts: list[bytes] = []
        pack, mark = _PLACE.pack, self._mark
        for partition, offset, at_ms, key, value in records:
            place = pack(partition, offset, _NO_TIME if at_ms is None else at_ms)
            size = len(key)
            length = _LENGTHS[size] if size < MAX_SHORT_KEY else _long(size)
            parts += (place, length, key, value[HEADER_BYTES:], mark)
        data = b"".join(parts)
        return b"".join((self._head, _long(len(records)), _long(len(data)), data, mark))


def _sql(stream: LoadedStream, mark: bytes) -> str:
    names = [identifier(name) for _, name, _ in stream.columns]
    paths = [identifier(f"value.{path}") for path, _, _ in stream.columns]
    types = [f"{path} {c[2]}" for path, c in zip(paths, stream.columns, strict=True)]
    time = "reinterpretAsInt64(substring(place, 13, 8))"
    envelope = {
        "_topic": literal(stream.topic),
        "_partition": "reinterpretAsUInt32(substring(place, 1, 4))",
        "_offset": "reinterpretAsUInt64(substring(place, 5, 8))",
        "_timestamp_ms": f"fromUnixTimestamp64Milli(nullIf({time}, {_NO_TIME}), 'UTC')",
        "_key": "key",
        "_error": "''",
        "_raw_message": "''",
    }
    own = [f"place FixedString({_PLACE.size})", "key String", f"mark FixedString({len(mark)})"]
    settings = ", ".join(f"{name} = {value}" for name, value in DECODING.items())
    ran_on = "the bytes of a message are not one record of its schema"
    return (
        f"INSERT INTO {stream.table} ({', '.join([*names, *ENVELOPE])})"  # noqa: S608
        f" SELECT {', '.join([*paths, *(envelope[one] for one in ENVELOPE)])}"
        f" FROM input({literal(', '.join([*types, *own]))})"
        f" WHERE NOT throwIf(mark != unhex('{mark.hex()}'), {literal(ran_on)})"
        f" SETTINGS {settings} FORMAT Avro"
    )


def _fixed(name: str, size: int) -> dict[str, object]:
    return {"type": "fixed", "name": f"contractline_{name}", "size": size}


def _bytes(value: bytes) -> bytes:
    return _long(len(value)) + value


def _long(number: int) -> bytes:
    """Encode a number that is not negative as Avro does: doubled."""
    return varint(number << 1)


def varint(number: int) -> bytes:
    """Encode a number as Avro and RowBinary do: seven bits a byte, the lowest first."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


_LENGTHS = tuple(_long(size) for size in range(MAX_SHORT_KEY))

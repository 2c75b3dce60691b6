"""The Content-Type that ClickHouse gives each output format."""

from __future__ import annotations

_UTF8 = "; charset=UTF-8"


def content_type(output_format: str) -> str:
    """Return the Content-Type of an answer in a format."""
    name = output_format.lower()
    if name.startswith(("tabseparated", "tsv")):
        return "text/tab-separated-values" + _UTF8
    if name.startswith("csv"):
        header = "present" if "withnames" in name else "absent"
        return f"text/csv{_UTF8}; header={header}"
    if "json" in name:
        by_line = "eachrow" in name or "lines" in name or "ndjson" in name
        return ("application/x-ndjson" if by_line else "application/json") + _UTF8
    if name == "xml":
        return "application/xml" + _UTF8
    if name in _BINARY or name.startswith("rowbinary"):
        return "application/octet-stream"
    return "text/plain" + _UTF8


_BINARY = frozenset(
    [
        "arrow",
        "arrowstream",
        "avro",
        "bsoneachrow",
        "buffers",
        "capnproto",
        "msgpack",
        "native",
        "npy",
        "orc",
        "parquet",
        "protobuf",
        "protobuflist",
        "protobufsingle",
        "rawblob",
    ]
)

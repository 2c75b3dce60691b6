"""Records that streams must take, in every later version too: tests/cases/streams/<stream>.jsonl.

One JSON object a line, as `contractline produce` reads them; `contractline new stream` keeps the
first records of a sample here.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import fastavro
import pytest

from contractline.avro.jsonlines import records
from contractline.clients.wire import SchemaId
from contractline.contracts.load import contract_named, load_contracts
from contractline.kafka.encode import RecordWriter
from contractline.kafka.jsonvalues import converter
from contractline.project import Project

PROJECT = Project(Path(__file__).parents[2])
CASES = sorted((Path(__file__).parent / "streams").glob("*.jsonl"))


@pytest.mark.parametrize("file", CASES, ids=lambda file: file.stem)
def test_the_newest_version_takes_the_records_and_a_reader_gets_them_back(file):
    contract = contract_named(load_contracts(PROJECT), file.stem)
    writer = RecordWriter.of(contract.values[-1].schema, SchemaId(1))
    with file.open("rb") as stream:
        for number, record in records(stream):
            sent = converter(writer.parsed, writer.names)(record)
            frame = writer(sent)
            got: Any = fastavro.schemaless_reader(BytesIO(frame[5:]), writer.parsed, None)
            assert writer(got) == frame, f"record {number}"
            assert got.keys() >= record.keys()

"""Refusing records: the encoder and fastavro's own validation must say the same of any record."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import pytest
from fastavro import parse_schema, schemaless_reader
from fastavro.validation import validate
from hypothesis import given, settings
from hypothesis import strategies as st

from contractline.clients.wire import HEADER_BYTES, SchemaId
from contractline.contracts.load import load_contract
from contractline.kafka.encode import Encoders, RecordRefused, RecordWriter
from tests.fixtures import snapshot

COMMITS = load_contract(snapshot.COMMITS).contract
assert COMMITS is not None
SCHEMA = parse_schema(COMMITS.value.definition)
ENCODERS = Encoders.of(
    2,
    RecordWriter.of(COMMITS.value, SchemaId(1)),
    RecordWriter.of(COMMITS.keys[0].schema, SchemaId(2), is_key=True),
)

text = st.text(max_size=8)
longs = st.integers(-(2**63), 2**63 - 1)
right = {
    "string": text,
    "long": longs,
    "strings": st.lists(text, max_size=3),
    "long?": st.none() | longs,
    "string?": st.none() | text,
}
KINDS = {
    "repository": "string",
    "commit_id": "string",
    "author": "string",
    "author_email": "string",
    "author_login": "string?",
    "committer": "string",
    "committer_email": "string",
    "committer_login": "string?",
    "commit_message": "string",
    "authored_at": "long?",
    "committed_at": "long",
    "parents": "strings",
    "additions": "long?",
    "deletions": "long?",
    "changed_files": "long?",
    "source": "string",
    "produced_at": "long",
    "co_authors": "strings",
}
records = st.fixed_dictionaries({name: right[kind] for name, kind in KINDS.items()})
junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False),
    text,
    st.binary(max_size=4),
    st.lists(st.none() | text | st.integers(-9, 9), max_size=3),
    st.dictionaries(text, text, max_size=2),
)


@st.composite
def spoiled(draw: st.DrawFn) -> dict[str, Any]:
    """Return a record in which some fields are replaced, missing or added."""
    record: dict[str, Any] = dict(draw(records))
    for name in draw(st.lists(st.sampled_from(sorted(KINDS)), max_size=2)):
        if draw(st.booleans()):
            record[name] = draw(junk)
        else:
            record.pop(name, None)
    if draw(st.integers(0, 9)) == 0:
        record["unknown"] = draw(junk)
    return record


def is_valid(record: dict[str, Any]) -> bool:
    """What fastavro says; it takes unknown fields for valid, and bytes for an array of numbers."""
    if record.keys() - KINDS.keys():
        return False
    if any(isinstance(record.get(name), bytes) for name in ("parents", "co_authors")):
        return False
    return validate(record, SCHEMA, raise_errors=False)


@pytest.mark.property
@settings(max_examples=600, deadline=None)
@given(spoiled())
def test_a_record_is_refused_if_and_only_if_it_is_not_valid(record):
    if is_valid(record):
        ENCODERS.frame(record)
    else:
        with pytest.raises(RecordRefused) as refusal:
            ENCODERS.frame(record)
        assert refusal.value.mistake.path.startswith("$.")


@pytest.mark.property
@settings(max_examples=300, deadline=None)
@given(st.lists(spoiled(), max_size=4))
def test_a_batch_that_fits_is_written_the_quick_way_as_the_careful_way_writes_it(batch):
    if not ENCODERS.fit(batch):
        return
    for record in batch:
        try:
            expected = ENCODERS.frame(record)
        except RecordRefused:
            with pytest.raises(RecordRefused):
                ENCODERS.quick(record)
        else:
            assert ENCODERS.quick(record) == expected


@pytest.mark.property
@settings(max_examples=150, deadline=None)
@given(records)
def test_what_is_written_is_read_back(record):
    _, frame = ENCODERS.frame(record)
    assert COMMITS is not None
    plain = {**COMMITS.value.definition}  # numbers: some are beyond datetime
    plain["fields"] = [{**f, "type": _plain(f["type"])} for f in plain["fields"]]
    assert schemaless_reader(BytesIO(frame[HEADER_BYTES:]), plain, None) == record


def _plain(kind: Any) -> Any:
    if isinstance(kind, list):
        return [_plain(branch) for branch in kind]
    return "long" if isinstance(kind, dict) and "logicalType" in kind else kind

"""The small parts: content types, the configuration, KILL as clients mean it."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from contractline.engine.config import render_config
from contractline.engine.formats import content_type
from contractline.engine.kill import without_waiting


@pytest.mark.parametrize(
    ("output_format", "expected"),
    [
        ("TabSeparated", "text/tab-separated-values; charset=UTF-8"),
        ("CSVWithNames", "text/csv; charset=UTF-8; header=present"),
        ("CSV", "text/csv; charset=UTF-8; header=absent"),
        ("JSON", "application/json; charset=UTF-8"),
        ("JSONCompact", "application/json; charset=UTF-8"),
        ("JSONEachRow", "application/x-ndjson; charset=UTF-8"),
        ("XML", "application/xml; charset=UTF-8"),
        ("Native", "application/octet-stream"),
        ("RowBinaryWithNamesAndTypes", "application/octet-stream"),
        ("Pretty", "text/plain; charset=UTF-8"),
    ],
)
def test_content_type(output_format, expected):
    assert content_type(output_format) == expected


def test_the_configuration_names_the_kafka_member():
    tree = ElementTree.fromstring(render_config(group_instance_id="a&b"))
    assert tree.findtext("kafka/consumer/group_instance_id") == "a&b"


def test_kill_does_not_wait_and_knows_the_clients_ids():
    ids = {"mine": "engine-1"}
    sql = b"KILL QUERY WHERE query_id IN ('mine', 'other') SYNC"
    assert without_waiting(sql, ids.get) == (
        b"KILL QUERY WHERE query_id IN ('engine-1', 'other') ASYNC"
    )

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from io import BytesIO
from typing import Any, cast

import pytest

from contractline.avro.jsonlines import RecordUnreadable, record, records


def test_numbers_keep_their_digits():
    assert record('{"a": 0.10, "b": 1}') == {"a": Decimal("0.10"), "b": 1}


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1}\n\n{"a": 2}\n',
        '[{"a": 1}, {"a": 2}]',
        '[\n {"a": 1},\n {"a": 2}\n]\n',
        '[{"a": 1},\n {"a": 2}]',
    ],
)
def test_a_file_of_lines_and_a_list_hold_the_same_records(text):
    assert [one for _, one in records(BytesIO(text.encode()))] == [{"a": 1}, {"a": 2}]


def test_one_object_over_several_lines_is_one_record():
    assert list(records(BytesIO(b'{\n "a": {\n "b": 1}\n}\n'))) == [(1, {"a": {"b": 1}})]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[1]", "line 1: a record is an object, not a number"),
        ('{"a": 1}\nnope', "line 2: not JSON"),
        ('{"a": 1}\n[]', "line 2: a record is an object, not a list"),
        ('{"a": NaN}', "line 1: not JSON: NaN is not a number"),
        ('{"a": 1, "a": 2}', "line 1: the name `a` stands twice in an object"),
        ('{"a": ' + "[" * 100_000, "line 1: nested more than 1,280 levels deep"),
        (
            '{"a": "\\ud83d\\ude00"}\n{"a": [{"b": "\\ud83d"}]}',
            "line 2: a text holds half of a char",
        ),
        ('{"\\udfff": 1}', "line 1: a text holds half of a character"),
    ],
)
def test_what_holds_no_records_says_why(text, problem):
    with pytest.raises(RecordUnreadable) as caught:
        list(records(BytesIO(text.encode())))
    assert str(caught.value).startswith(problem)


def test_an_empty_file_holds_no_records():
    assert list(records(BytesIO(b"\n \n"))) == []


@pytest.mark.parametrize("text", ['{"a": 1}\n', '[{"a": 1}]', '{\n"a": 1\n}'])
def test_a_mark_of_the_byte_order_is_no_part_of_the_first_record(text):
    assert list(records(BytesIO(text.encode("utf-8-sig")))) == [(1, {"a": 1})]


def test_lines_are_read_one_by_one():
    def forever() -> Iterator[bytes]:
        while True:
            yield b'{"a": 1}\n'

    found = records(cast("Any", forever()))
    assert [next(found)[0] for _ in range(3)] == [1, 2, 3]

from __future__ import annotations

import os

import pytest

from contractline.avro.files import MAX_BYTES, FileUnreadable, decoded, read_bytes
from contractline.avro.schema import Schema, SchemaInvalid
from contractline.finding import Position


@pytest.fixture
def file(tmp_path):
    return tmp_path / "value.avsc"


def test_a_file_is_read(file):
    file.write_bytes(b'"string"')
    assert Schema.read(file).definition == "string"
    assert Schema.read(file).where == str(file)


def test_a_missing_one(file):
    with pytest.raises(FileUnreadable, match="does not exist"):
        read_bytes(file)


def test_a_folder(file):
    file.mkdir()
    with pytest.raises(FileUnreadable, match="is not a regular file"):
        read_bytes(file)


def test_a_pipe_is_not_waited_for(file):
    os.mkfifo(file)
    with pytest.raises(FileUnreadable, match="is not a regular file"):
        read_bytes(file)


def test_a_link_to_itself(file):
    file.symlink_to(file)
    with pytest.raises(FileUnreadable, match=r"does not exist|can't be read"):
        read_bytes(file)


def test_a_dump_of_something_else(file):
    with file.open("wb") as stream:
        stream.truncate(MAX_BYTES + 1)
    with pytest.raises(FileUnreadable, match=r"is 4,194,305 bytes large; at most 4,194,304"):
        read_bytes(file)


def test_bytes_that_are_no_text_have_a_line(file):
    with pytest.raises(FileUnreadable, match="is not UTF-8: byte 0xff") as caught:
        decoded(b'{\n"doc": "\xff"}')
    assert caught.value.position == Position(2)
    file.write_bytes(b"\xff")
    with pytest.raises(SchemaInvalid, match="is not UTF-8") as refused:
        Schema.read(file)
    assert refused.value.position == Position(1)

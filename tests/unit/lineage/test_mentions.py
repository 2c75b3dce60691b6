from __future__ import annotations

import pytest

from contractline.lineage.mentions import Code

FIELDS, REQUIRED = ("shop", "click", "person"), ("shop", "click")

BUILDER = '''\
"""Docstrings mention person."""
Record = dict

def build(shop, click, person=None) -> Record:
    "person"
    return {"shop": shop, "click": click, "person": person}
'''


@pytest.fixture
def code(tmp_path):
    def write(**files: str) -> dict[str, list[tuple[str, tuple[int, ...]]]]:
        for name, text in files.items():
            (tmp_path / f"{name}.py").write_text(text)
        found = Code(tmp_path).mentions(FIELDS, REQUIRED)
        return {
            field: [(m.file.name, m.lines) for m in seen] for field, seen in found.items() if seen
        }

    return write


def test_the_builder_of_the_record(code):
    assert code(builder=BUILDER) == {
        "shop": [("builder.py", (4, 6))],
        "click": [("builder.py", (4, 6))],
        "person": [("builder.py", (4, 6))],
    }


def test_files_that_work_on_it(code):
    found = code(
        builder=BUILDER,
        caller="from builder import build\nbuild(shop='a', click='b')\n",
        user="from builder import Record\ndef f(record: Record):\n    return record['person']\n",
        other="from builder import something\nperson = {'person': 1}\n",
        apart="print('person')\n",
    )
    assert found["person"] == [("builder.py", (4, 6)), ("user.py", (3,))]
    assert found["shop"] == [("builder.py", (4, 6)), ("caller.py", (2,))]


@pytest.mark.parametrize(
    "record",
    ["{'shop': 1}", "{'shop': 1, 'click': 2, 'more': 3}", "{'shop': 1, 'click': 2, **more}", "{}"],
)
def test_another_dictionary_is_no_record(code, record):
    assert code(other=f"more = {{}}\nx = {record}\n") == {}


def test_what_is_no_python_is_said(tmp_path):
    (tmp_path / "a.py").write_text("def f(:\n")
    (tmp_path / "b.py").write_bytes(b"# \xff\n")
    unread = [(file.name, line) for file, line, _ in Code(tmp_path).unread]
    assert unread == [("a.py", 1), ("b.py", 1)]


def test_no_folder_no_code(tmp_path):
    assert Code(tmp_path / "nowhere").mentions(FIELDS, REQUIRED) == {field: [] for field in FIELDS}

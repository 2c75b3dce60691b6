"""Folders of topics that would have one name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import yaml

from contractline.clients.registry import Registry, Stored
from contractline.scaffold.from_registry import Adopted, Skipped, adopt

SCHEMA = json.dumps({"type": "record", "name": "R", "fields": [{"name": "id", "type": "long"}]})


class Holding:
    """What a registry of a few subjects answers, each with one version."""

    def __init__(self, *subjects: str) -> None:
        self._subjects = subjects

    def subjects(self) -> list[str]:
        return sorted(self._subjects)

    def stored(self, subject: str) -> list[Stored]:
        if subject not in self._subjects:
            return []
        made: Any = Stored
        return [made(subject, 1, 1, "AVRO", SCHEMA, ())]

    def level(self, subject: str) -> str:
        return "BACKWARD"

    def common_level(self) -> str:
        return "BACKWARD"


def dumped(output: Path, *topics: str) -> list[Adopted | Skipped]:
    registry = cast("Registry", Holding(*(f"{topic}-value" for topic in topics)))
    return list(adopt(registry, [], output))


def topics(output: Path) -> dict[str, str]:
    found = {}
    for file in output.glob("*/contract.odcs.yaml"):
        properties = yaml.safe_load(file.read_text())["customProperties"]
        (topic,) = (one["value"]["name"] for one in properties if one["property"] == "topic")
        found[file.parent.name] = topic
    return found


def test_topics_of_one_name_are_all_kept(tmp_path):
    dumped(tmp_path, "a.b", "a_b", "A-B", "c")
    assert topics(tmp_path) == {"a_b": "A-B", "a_b_2": "a.b", "a_b_3": "a_b", "c": "c"}


def test_a_second_dump_writes_nothing_again(tmp_path):
    dumped(tmp_path, "a.b", "a_b")
    again = dumped(tmp_path, "a.b", "a_b")
    assert [type(one) for one in again] == [Skipped, Skipped]
    assert len(topics(tmp_path)) == 2


def test_a_long_name_keeps_its_length(tmp_path):
    dumped(tmp_path, "x" * 80, "x" * 81)
    assert sorted(topics(tmp_path)) == ["x" * 61 + "_2", "x" * 63]


def test_a_folder_of_which_nobody_knows_the_topic_is_left_alone(tmp_path):
    (tmp_path / "a_b").mkdir()
    (tmp_path / "a_b" / "notes.txt").write_text("mine")
    (skipped,) = dumped(tmp_path, "a.b")
    assert isinstance(skipped, Skipped)
    assert [file.name for file in (tmp_path / "a_b").iterdir()] == ["notes.txt"]

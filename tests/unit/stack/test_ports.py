"""The choice of ports."""

from __future__ import annotations

import json
from pathlib import Path

from contractline.stack.ports import STEP, TRIES, Move, Ports
from contractline.stack.services import default_ports, table

DEFAULTS = {"kafka": 19092, "kafka-controller": 19093}


def ports(folder: Path, taken: set[int]) -> Ports:
    loaded = Ports.load(folder / "ports.json", DEFAULTS)
    loaded.free = lambda port: port not in taken
    return loaded


def test_free_defaults_are_kept(tmp_path: Path):
    assert ports(tmp_path, set()).claim(DEFAULTS) == []
    assert json.loads((tmp_path / "ports.json").read_text()) == DEFAULTS


def test_a_taken_port_is_replaced_by_the_next_free_one(tmp_path: Path):
    chosen = ports(tmp_path, {19092, 19092 + STEP})

    moves = chosen.claim(DEFAULTS)

    assert moves == [Move("kafka", 19092, 19092 + 2 * STEP)]
    assert chosen["kafka-controller"] == 19093


def test_a_replacement_is_remembered(tmp_path: Path):
    ports(tmp_path, {19092}).claim(DEFAULTS)

    again = ports(tmp_path, set())

    assert again["kafka"] == 19092 + STEP
    assert again.claim(DEFAULTS) == []


def test_a_remembered_port_that_is_taken_moves_again(tmp_path: Path):
    ports(tmp_path, {19092}).claim(DEFAULTS)

    [move] = ports(tmp_path, {19092 + STEP}).claim(DEFAULTS)

    assert move == Move("kafka", 19092 + STEP, 19092 + 2 * STEP)


def test_a_port_of_the_own_stack_is_no_replacement(tmp_path: Path):
    loaded = Ports.load(tmp_path / "ports.json", {"a": 20000, "b": 20000 + STEP})
    loaded.free = lambda port: port != 20000

    assert loaded.claim({"a": 20000}) == [Move("a", 20000, 20000 + 2 * STEP)]


def test_only_the_named_ports_are_looked_at(tmp_path: Path):
    assert ports(tmp_path, {19092}).claim({"kafka-controller": 19093}) == []


def test_the_documented_ports_leave_room_for_replacements():
    numbers = sorted(default_ports(table()).values())

    assert len(set(numbers)) == len(numbers)
    assert max(numbers) + STEP * TRIES < 32768, "the system hands out ports from 32768 on"

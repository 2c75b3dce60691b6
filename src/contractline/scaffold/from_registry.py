"""Contracts from what a running registry holds: all that it knows, and nothing that it does not.

Owner, purpose, docs and the topic's partitions are no registry's business; the rules say of each
written contract what is missing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from contractline.avro.compatibility import Compatibility
from contractline.avro.schema import Schema, SchemaInvalid
from contractline.clients.registry import Registry, Stored
from contractline.contracts.draft import Draft
from contractline.contracts.load import load_contract
from contractline.contracts.model import Subject
from contractline.scaffold.blueprint import Blueprint

_KEY, _VALUE = "-key", "-value"
_LONGEST_NAME = 63
_CDC_FIELDS = ({"__deleted"}, {"before", "after", "op"})


@dataclass(frozen=True, slots=True)
class Adopted:
    """A contract that was written.

    Attributes:
        folder: where.
        topic: its topic.
        versions: how many versions its value has.
        notes: what a person should know of it.
    """

    folder: Path
    topic: str
    versions: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Skipped:
    """What is not written, and why."""

    subject: str
    reason: str


class _Unfit(Exception):
    """Why a subject can't become a contract."""


def adopt(registry: Registry, drafts: Sequence[Draft], output: Path) -> Iterator[Adopted | Skipped]:
    """Write the subjects of a registry as contracts, and say of each what became of it.

    Args:
        registry: the registry.
        drafts: the contracts that are there already.
        output: the folder of the new ones; a folder in it is never written to.

    Raises:
        RegistryUnavailable: the registry did not answer, or refused.
        ReleaseFailed: a file can't be written.
    """
    subjects = registry.subjects()
    known = {c.topic.name: c.name for draft in drafts if (c := draft.contract)}
    for subject in subjects:
        topic = subject.removesuffix(_VALUE)
        if topic == subject:
            if reason := _unowned(subject, subjects):
                yield Skipped(subject, reason)
            continue
        folder = _folder(output, topic)
        if topic in known:
            yield Skipped(subject, f"is under contract already: {known[topic]}")
        elif folder.exists():
            yield Skipped(subject, f"{folder} is there already")
        else:
            try:
                yield _adopted(registry, topic, folder)
            except _Unfit as problem:
                yield Skipped(subject, str(problem))


def stream_name(topic: str) -> str:
    """Return what the stream of a topic is called: ``shop.orders-v1`` as ``shop_orders_v1``."""
    name = re.sub(r"[^a-z0-9]+", "_", topic.lower()).strip("_") or "stream"
    return (name if name[0].isalpha() else f"stream_{name}")[:_LONGEST_NAME]


def _folder(output: Path, topic: str) -> Path:
    """Return the folder of a topic: one with a number where another topic has its name already.

    The one that is there where it can't be told whose it is: it is never written to.
    """
    name = stream_name(topic)
    for number in count(2):
        folder = output / name
        if not folder.exists() or _topic_of(folder) in (topic, ""):
            return folder
        name = f"{stream_name(topic)[: _LONGEST_NAME - len(f'_{number}')]}_{number}"
    raise AssertionError


def _topic_of(folder: Path) -> str:
    """Return the topic that a folder's document names, however incomplete; empty where it names none."""
    document = load_contract(folder).document
    properties = document.data.get("customProperties") if document else None
    for one in properties if isinstance(properties, list) else ():
        if isinstance(one, Mapping) and one.get("property") == "topic":
            value = one.get("value")
            return str(value.get("name", "")) if isinstance(value, Mapping) else ""
    return ""


def _unowned(subject: Subject, subjects: Sequence[Subject]) -> str:
    """Return why a subject that is not a value belongs to no contract; empty where it does."""
    topic = subject.removesuffix(_KEY)
    if topic == subject:
        return "is not called <topic>-value or <topic>-key, so its topic can't be told"
    return "" if f"{topic}{_VALUE}" in subjects else f"is a key, and there is no {topic}{_VALUE}"


def _adopted(registry: Registry, topic: str, folder: Path) -> Adopted:
    value, key = Subject(f"{topic}{_VALUE}"), Subject(f"{topic}{_KEY}")
    values, keys = _schemas(registry.stored(value)), _schemas(registry.stored(key))
    level, notes = _level(registry, value)
    if len(keys) > 1:
        notes += (f"its key has {len(keys)} versions; a contract has one, the newest was taken",)
    names = {field["name"] for field in values[-1].fields}
    if any(fields <= names for fields in _CDC_FIELDS):
        notes += ("its records look like Debezium's: the source of such a stream is a table",)
    plan = Blueprint(
        name=folder.name,
        owner="",
        purpose="",
        source_words="Documented field by field in value.avsc.",
        physical_name=topic,
        topic={"name": topic},
        source={"kind": "producer"},
        values=values,
        key=keys[-1] if keys else None,
        compatibility=level,
    )
    plan.write(folder, f"Taken over from the subject {value}.")
    return Adopted(folder, topic, len(values), notes)


def _schemas(stored: Sequence[Stored]) -> list[Schema]:
    """Return the versions of a subject, each meaning once: docs make no version of a contract."""
    found: dict[Schema, Schema] = {}
    for one in stored:
        where = f"version {one.number} of {one.subject}"
        if one.kind != "AVRO":
            raise _Unfit(f"{where} is {one.kind}, not Avro")
        if one.references:
            listed = ", ".join(f"{r['subject']} v{r['version']}" for r in one.references)
            raise _Unfit(
                f"{where} builds on {listed}; a contract holds whole schemas:"
                " register one that has the types inside"
            )
        try:
            schema = Schema.parse(one.text, where)
        except SchemaInvalid as problem:
            raise _Unfit(str(problem)) from problem
        found.setdefault(schema, schema)
    return list(found.values())


def _level(registry: Registry, subject: Subject) -> tuple[Compatibility, tuple[str, ...]]:
    level = registry.level(subject) or registry.common_level()
    if level in Compatibility.__members__:
        return Compatibility(level), ()
    return Compatibility.FULL_TRANSITIVE, (f"its level {level} is unknown; FULL_TRANSITIVE holds",)

"""A registry is backed up, another one gets the same ids, and old messages are read right."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import fastavro
import pytest

from contractline.avro.schema import Schema
from contractline.clients.registry import Registry
from contractline.clients.wire import SchemaId, header
from contractline.contracts.model import Subject
from contractline.kafka.backup import Backup, IdsMoved, RestoreRefused, restore
from contractline.project import Project
from contractline.stack import site
from contractline.stack.services import table
from contractline.stack.services.registry import REGISTRY
from tests.fixtures.stack import clean_environment, own_ports
from tests.integration.streams.conftest import Shop

START_SECONDS = 60.0


@pytest.fixture
def empty_registry(make_project: Callable[[str], Project]) -> Iterator[str]:
    """An Apicurio of the test's own, with nothing in it."""
    project = make_project("wiped")
    own_ports(project)
    # With a PostgreSQL of somebody else's it keeps its schemas in a file of its own.
    environment = {**clean_environment(), "POSTGRES_DSN": "postgresql://nobody@127.0.0.1:1/none"}
    place = site.build(project, environment, table())
    process = REGISTRY.command(place).start(place.layout.log("registry"))
    try:
        deadline = time.monotonic() + START_SECONDS
        ready = False
        while not ready:
            assert time.monotonic() < deadline, place.layout.log("registry").read_text()
            with suppress(OSError):
                ready = REGISTRY.is_ready(place)
            time.sleep(0.1)
        yield REGISTRY.own_url(place)
    finally:
        process.terminate()
        process.wait()


def schema(*fields: str) -> Schema:
    made = [{"name": name, "type": ["null", "string"], "default": None} for name in fields]
    return Schema({"type": "record", "name": "Order", "fields": made})


def message(schema_id: SchemaId, written: Schema, value: dict[str, str]) -> bytes:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(written.definition), value)
    return header(schema_id) + out.getvalue()


def read(frame: bytes, registry: Registry) -> object:
    found = registry.schema(SchemaId(int.from_bytes(frame[1:5], "big")))
    parsed = fastavro.parse_schema(found.definition)
    return fastavro.schemaless_reader(io.BytesIO(frame[5:]), parsed, None)


def test_a_wiped_registry_gets_its_ids_back(
    shop: Shop, empty_registry: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = Subject(f"{shop.lab.prefix}.orders-value")
    versions = [schema("a"), schema("a", "b"), schema("c", "b")]
    with Registry.of(shop.lab.endpoints) as registry:
        for version in versions:
            registry.register(subject, version)
        registry.set_level(subject, "FULL_TRANSITIVE")
        ids = [one.id for one in registry.versions(subject)]
    old = [
        message(i, v, {"b": "x", "a": "y", "c": "z"}) for i, v in zip(ids, versions, strict=True)
    ]
    file = tmp_path / "registry.zip"

    said = shop.expect("registry", "backup", str(file))
    code, again = shop.contractline("registry", "backup", str(file))
    assert (code, "exists already" in again) == (2, True)

    monkeypatch.setenv("SCHEMA_REGISTRY_URL", empty_registry)
    restored = shop.expect("registry", "restore", str(file))

    assert said.split(": ")[1].strip() in restored
    with Registry(empty_registry) as registry:
        assert [one.id for one in registry.versions(subject)] == ids
        assert registry.level(subject) == "FULL_TRANSITIVE"
        assert [read(frame, registry) for frame in old] == [
            {"a": "y"},
            {"a": "y", "b": "x"},
            {"c": "z", "b": "x"},
        ]
        taken = {one.id for one in Backup.read(file).stored}
        registry.register(Subject("new-value"), schema("new"))
        assert registry.versions(Subject("new-value"))[0].id not in taken

    code, said = shop.contractline("registry", "restore", str(file))
    assert code == 2
    assert "subjects already" in said


def test_other_ids_than_the_backup_s_are_told(
    shop: Shop, empty_registry: str, tmp_path: Path
) -> None:
    with Registry.of(shop.lab.endpoints) as registry:
        registry.register(Subject(f"{shop.lab.prefix}.orders-value"), schema("a"))
        made = Backup.of(registry)
    first, *others = made.stored
    moved = replace(made, stored=(replace(first, id=SchemaId(first.id + 1)), *others))
    with Registry(empty_registry) as registry:
        with pytest.raises(RestoreRefused, match="keeps ids only through its own export"):
            restore(replace(made, export=b""), registry)
        assert registry.subjects() == ()
        with pytest.raises(IdsMoved) as caught:
            restore(moved, registry)
    assert caught.value.differences == (
        f"{first.subject} version {first.number} has the id {first.id}, not {first.id + 1}",
    )


@pytest.mark.parametrize("content", [b"", b"no zip", json.dumps({"stored": []}).encode()])
def test_a_file_that_is_no_backup_is_refused(shop: Shop, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "registry.zip"
    file.write_bytes(content)
    code, said = shop.contractline("registry", "restore", str(file))
    assert code == 2
    assert "is not a backup of a registry" in said

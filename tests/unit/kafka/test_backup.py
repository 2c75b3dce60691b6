"""Confluent's registry takes ids in its mode IMPORT; it runs nowhere here, so its API is spoken to."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx
import pytest

from contractline.clients.errors import RegistryUnavailable
from contractline.clients.registry import Registry, Stored
from contractline.clients.wire import SchemaId
from contractline.contracts.model import Subject
from contractline.kafka.backup import Backup, BackupUnusable, IdsMoved, RestoreRefused, restore


class Confluent:
    """What the documentation of Confluent's registry says of the calls that a restore makes."""

    def __init__(self, *, takes_ids: bool = True, has_import: bool = True) -> None:
        self.mode = "READWRITE"
        self.versions: dict[tuple[str, int], dict[str, Any]] = {}
        self.levels = {"": "BACKWARD"}
        self._takes_ids = takes_ids
        self._has_import = has_import

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else {}
        match request.method, request.url.path.strip("/").split("/"):
            case "GET", ["subjects"]:
                return httpx.Response(200, json=sorted({s for s, _ in self.versions}))
            case "GET", ["subjects", subject, "versions"]:
                return httpx.Response(200, json=[n for s, n in self.versions if s == subject])
            case "GET", ["subjects", subject, "versions", number]:
                return httpx.Response(200, json=self.versions[subject, int(number)])
            case "POST", ["subjects", subject, "versions"]:
                assert self.mode == "IMPORT"
                given = body["id"] if self._takes_ids else len(self.versions) + 1
                self.versions[subject, body["version"]] = body | {"id": given}
                return httpx.Response(200, json={"id": given})
            case "PUT", ["mode"]:
                if not self._has_import:
                    problem = {"error_code": 42205, "message": "not in this registry"}
                    return httpx.Response(422, json=problem)
                self.mode = body["mode"]
                return httpx.Response(200, json=body)
            case method, ["config", *subject]:
                return self._config(method, "".join(subject), body)
        return _NOT_FOUND

    def _config(self, method: str, subject: str, body: dict[str, Any]) -> httpx.Response:
        if method == "PUT":
            self.levels[subject] = body["compatibility"]
            return httpx.Response(200, json=body)
        if subject not in self.levels:
            return _NOT_FOUND
        return httpx.Response(200, json={"compatibilityLevel": self.levels[subject]})


_NOT_FOUND = httpx.Response(404, json={"error_code": 40401, "message": "not found"})


def registry(server: Confluent) -> Registry:
    return Registry("http://registry", transport=httpx.MockTransport(server))


BASE = Stored(Subject("base"), 1, SchemaId(7), "AVRO", '"string"')
ORDERS = Stored(
    *(Subject("orders-value"), 2, SchemaId(9), "AVRO", '{"type": "long"}'),
    ({"name": "x", "subject": "base", "version": 1},),
)
BACKUP = Backup("2026-01-05T10:00:00+00:00", (ORDERS, BASE), {"orders-value": "FULL"}, "NONE", b"")


def test_versions_and_levels_come_back_under_their_ids():
    server = Confluent()
    restore(BACKUP, registry(server))
    assert {place: one["id"] for place, one in server.versions.items()} == {
        ("base", 1): 7,
        ("orders-value", 2): 9,
    }
    assert list(server.versions) == [("base", 1), ("orders-value", 2)]
    assert server.mode == "READWRITE"
    assert server.levels == {"": "NONE", "orders-value": "FULL"}


def test_a_registry_that_gives_its_own_ids_is_told_from_one_that_keeps_them():
    with pytest.raises(IdsMoved) as caught:
        restore(BACKUP, registry(Confluent(takes_ids=False)))
    assert caught.value.differences == (
        "base version 1 has the id 1, not 7",
        "orders-value version 2 has the id 2, not 9",
    )


def test_a_registry_without_the_mode_is_refused_before_anything_is_written():
    server = Confluent(has_import=False)
    with pytest.raises(RegistryUnavailable, match="can't take ids"):
        restore(BACKUP, registry(server))
    assert server.versions == {}


def test_a_registry_that_holds_something_is_left_alone():
    server = Confluent()
    restore(BACKUP, registry(server))
    with pytest.raises(RestoreRefused, match="holds 2 subjects already"):
        restore(BACKUP, registry(server))


def test_a_file_gives_back_what_was_written(tmp_path):
    file = tmp_path / "registry.zip"
    BACKUP.write(file)
    assert Backup.read(file) == BACKUP
    with pytest.raises(BackupUnusable, match="exists already"):
        BACKUP.write(file)
    with pytest.raises(BackupUnusable, match="No such file"):
        Backup.read(tmp_path / "none.zip")
    with pytest.raises(BackupUnusable, match="Is a directory"):
        Backup.read(tmp_path)


def test_every_kind_of_difference_has_its_words():
    other = replace(
        BACKUP,
        stored=(replace(BASE, text='"int"'), replace(ORDERS, number=3)),
        levels={},
    )
    assert sorted(BACKUP.differences(other)) == [
        "base version 1 is another schema",
        "orders-value has the compatibility level none, not FULL",
        "orders-value version 2 is missing",
        "orders-value version 3 was not in the backup",
    ]
